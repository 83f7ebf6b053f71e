"""Reads CloudFormation templates as cfn-lint does, which is not how we do: YAML files in, one JSON object by file out."""

import json
import sys

from cfnlint.decode import cfn_yaml

print(json.dumps({path: cfn_yaml.load(path) for path in sys.argv[1:]}))
