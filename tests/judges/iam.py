"""Takes every IAM policy out of templates and lets two linters judge it: parliament and cloudsplaining.

    iam.py TEMPLATE…      → a line for each finding; nothing when there is none
"""
import json
import re
import sys

import cfnlint.decode.cfn_yaml
import parliament
from cloudsplaining.scan.policy_document import PolicyDocument

ACCOUNT, REGION = "123456789012", "eu-west-1"
PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::URLSuffix": "amazonaws.com",
          "AWS::StackName": "dlt"}
# What a reference to a resource becomes: (Ref, attribute Arn).
ARNS = {
    "AWS::CodeBuild::Project": ("name", f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/name"),
    "AWS::CodePipeline::Pipeline": ("name", None),
    "AWS::Cognito::IdentityPool": (f"{REGION}:00000000-0000-0000-0000-000000000000", None),
    "AWS::Cognito::UserPool": (f"{REGION}_name", f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{REGION}_name"),
    "AWS::CloudFront::Distribution": ("E123", None),
    "AWS::DynamoDB::Table": ("name", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/name"),
    "AWS::ECR::Repository": ("name", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/name"),
    "AWS::ECS::Cluster": ("name", f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/name"),
    "AWS::ECS::TaskDefinition": (f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/name:1", None),
    "AWS::IAM::Role": ("name", f"arn:aws:iam::{ACCOUNT}:role/name"),
    "AWS::KMS::Key": ("00000000-0000-0000-0000-000000000000", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"),
    "AWS::Lambda::Function": ("name", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:name"),
    "AWS::Logs::LogGroup": ("name", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:name:*"),
    "AWS::S3::Bucket": ("name", "arn:aws:s3:::name"),
    "AWS::SNS::Topic": (f"arn:aws:sns:{REGION}:{ACCOUNT}:name", None),
    "AWS::Scheduler::ScheduleGroup": ("name", f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/name"),
    "AWS::StepFunctions::StateMachine": (f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:name", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:name"),
    "AWS::ApiGatewayV2::Api": ("api", None),
}
PARAMETERS = {
    "ConnectionArn": f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/00000000-0000-0000-0000-000000000000",
    "HubRegion": REGION,
}
# What is right as it is, and why. A line that no longer matches anything is a finding too.
ACCEPTED = {
    "cloudsplaining credentials_exposure [\"ecr:GetAuthorizationToken\"]":
        "the call that every pull begins with; it knows no resource, and what may be pulled is named beside it",
    "parliament RESOURCE_STAR ['ecs:ListTasks']": "narrowed by the condition on the cluster, which the linter does not read",
    "cloudsplaining permissions_management_without_constraints [\"iot:DetachPolicy\"]":
        "the target is a Cognito identity, which no ARN names: who deploys takes the right to listen from viewers before its policy goes",
    "parliament UNKNOWN_ACTION Unknown action cloudformation:DescribeEvents": "newer than the linter's list",
    "cloudsplaining permissions_management_without_constraints [\"iot:AttachPolicy\"]":
        "the target is a Cognito identity, which no ARN names; everything that an ARN names is denied beside it",
}


def value_of(template, name, attribute=None):
    if name in PSEUDO:
        return PSEUDO[name]
    if name in template.get("Parameters", {}):
        return PARAMETERS.get(name) or template["Parameters"][name].get("Default") or "name"
    kind = template["Resources"][name]["Type"]
    ref, arn = ARNS[kind]
    found = arn if attribute else ref
    if found is None or attribute not in (None, "Arn"):
        sys.exit(f"{name}.{attribute} of {kind}: say in iam.py what it becomes")
    return found


def resolved(template, node):
    """A node without functions."""
    if isinstance(node, list):
        return [it for it in (resolved(template, it) for it in node) if it is not None]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        (key, value), = node.items()
        if key == "Ref":
            return None if value == "AWS::NoValue" else value_of(template, value)
        if key == "Fn::GetAtt":
            name, attribute = value if isinstance(value, list) else value.split(".", 1)
            return value_of(template, name, attribute)
        if key == "Fn::Sub":
            text, more = (value[0], resolved(template, value[1])) if isinstance(value, list) else (value, {})
            return re.sub(r"\$\{([^!}]+)\}", lambda it: more.get(it[1]) or value_of(template, *it[1].split(".", 1)), text)
        if key == "Fn::If":
            # Both sides count: what is allowed under any condition is allowed.
            sides = [resolved(template, it) for it in value[1:]]
            sides = [it for it in sides if it is not None]
            return sides[0] if sides else None
        if key == "Fn::Select":
            return resolved(template, value[1])[int(value[0])]
        if key == "Fn::Split":
            return resolved(template, value[1]).split(value[0])
        if key == "Fn::Join":
            return value[0].join(resolved(template, value[1]))
    return {key: resolved(template, value) for key, value in node.items()}


def policies(template):
    """Every policy of an identity, with where it stands."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resolved(template, properties.get("Policies", [])):
                yield f"{name}/{policy['PolicyName']}", policy["PolicyDocument"]
        elif resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            yield name, resolved(template, properties["PolicyDocument"])


def findings(document):
    text = json.dumps(document)
    for finding in parliament.analyze_policy_string(text).findings:
        yield f"parliament {finding.issue} {finding.detail}"
    judged = PolicyDocument(document)
    for kind in ("allows_privilege_escalation", "allows_data_exfiltration_actions", "permissions_management_without_constraints",
                 "write_actions_without_constraints", "credentials_exposure", "service_wildcard"):
        found = getattr(judged, kind, None)
        found = found() if callable(found) else found
        if found:
            yield f"cloudsplaining {kind} {json.dumps(found, default=str)}"


def main(files):
    count, seen = 0, set()
    for file in files:
        template = cfnlint.decode.cfn_yaml.load(file)
        for place, document in policies(template):
            count += 1
            for finding in findings(json.loads(json.dumps(document))):
                seen.add(finding)
                if finding not in ACCEPTED:
                    print(f"{file}: {place}: {finding}")
    for finding in ACCEPTED.keys() - seen:
        print(f"iam.py accepts what is no longer there: {finding}")
    print(f"{count} policies", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
