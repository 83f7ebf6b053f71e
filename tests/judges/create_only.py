"""Prints which properties make a resource anew, from the public CloudFormation resource schemas that cfn-lint ships.

One line a type: `AWS::S3::Bucket BucketName ?Other Nested/Property`; `?` marks what replaces under conditions only.
Types are the lines' own first words: standard input is the present file, so a type is added by naming it.
"""

import json
import pathlib
import sys

import cfnlint

DATA = pathlib.Path(cfnlint.__file__).parent / "data/schemas"
# The schemas of these leave it open; what CloudFormation's user guide says of them ("Update requires") is kept here.
GUIDE = {
    "AWS::Cognito::UserPool": ["AliasAttributes", "UsernameAttributes", "UsernameConfiguration"],
    "AWS::DynamoDB::Table": ["KeySchema", "?AttributeDefinitions/AttributeType", "?LocalSecondaryIndexes"],
    "AWS::ECS::Service": ["LaunchType"],
    "AWS::RDS::DBInstance": ["?Engine", "?SnapshotIdentifier"],
}


def properties(schema, key, mark=""):
    for path in schema.get(key, []):
        steps = path.removeprefix("/properties/").replace("/properties/", "/").split("/")
        yield mark + "/".join(step for step in steps if step != "*")


def main():
    index = json.loads((DATA / "providers/us-east-1.json").read_text())
    for line in sys.stdin:
        if line.startswith("#") or not line.strip():
            print(line.rstrip())
            continue
        kind = line.split()[0]
        schema = json.loads((DATA / f"resources/{index[kind]}.json").read_text())
        found = {*properties(schema, "createOnlyProperties"), *GUIDE.get(kind, [])}
        found |= set(properties(schema, "conditionalCreateOnlyProperties", "?"))
        # A property that is a condition of itself and create-only is create-only.
        found = {it for it in found if not (it.startswith("?") and it[1:] in found)}
        # What AWS alone decides is no property that a template could change.
        found -= set(properties(schema, "readOnlyProperties"))
        print(" ".join([kind, *sorted(found, key=lambda it: it.lstrip("?"))]))


main()
