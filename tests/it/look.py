"""Looks into an AWS account with botocore, for the tests: what is there, and what a bucket holds.

    look.py account   REGION…              → every resource that an environment could have left, as JSON
    look.py changes   REGION STACK         → how many change sets a stack has ever had that are still known
    look.py object    REGION BUCKET KEY    → an object's content
    look.py secret    REGION NAME VALUE    → stores a SecureString
    look.py metrics   REGION NAMESPACE     → the names of a namespace's metrics and what they are told apart by
    look.py targets   REGION POLICY        → who an IoT policy is attached to, as JSON
    look.py group     REGION NAME [gone]   → makes a log group that is somebody else's, or removes it
"""
import json
import os
import sys

import botocore.session
from botocore.config import Config

# Service, operation, the key of the list, the key of the name. What AWS itself puts into a new account is left out.
LISTS = [
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("dynamodb", "list_tables", "TableNames", None),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("ecr", "describe_repositories", "repositories", "repositoryName"),
    ("ecs", "list_clusters", "clusterArns", None),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
    ("apigatewayv2", "get_apis", "Items", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("events", "list_rules", "Rules", "Name"),
    ("ssm", "describe_parameters", "Parameters", "Name"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
]


def client(service, region):
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3})
    session = botocore.session.get_session()
    return session.create_client(service, region_name=region, endpoint_url=os.environ["AWS_ENDPOINT_URL"], config=config)


def account(regions):
    found = {}
    for region in regions:
        for service, operation, key, name in LISTS:
            for item in getattr(client(service, region), operation)()[key]:
                found.setdefault(f"{region} {service}", []).append(item[name] if name else item)
        pools = client("cognito-idp", region).list_user_pools(MaxResults=60)["UserPools"]
        identities = client("cognito-identity", region).list_identity_pools(MaxResults=60)["IdentityPools"]
        for pool in pools:
            found.setdefault(f"{region} cognito-idp", []).append(pool["Name"])
        for pool in identities:
            found.setdefault(f"{region} cognito-identity", []).append(pool["IdentityPoolName"])
    return {where: sorted(names) for where, names in found.items()}


def main(verb, *arguments):
    if verb == "account":
        print(json.dumps(account(arguments)))
    elif verb == "changes":
        region, stack = arguments
        print(len(client("cloudformation", region).list_change_sets(StackName=stack)["Summaries"]))
    elif verb == "object":
        region, bucket, key = arguments
        print(client("s3", region).get_object(Bucket=bucket, Key=key)["Body"].read().decode())
    elif verb == "secret":
        region, name, value = arguments
        client("ssm", region).put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
    elif verb == "metrics":
        region, namespace = arguments
        found = client("cloudwatch", region).list_metrics(Namespace=namespace)["Metrics"]
        print(json.dumps([[metric["MetricName"], {d["Name"]: d["Value"] for d in metric["Dimensions"]}] for metric in found]))
    elif verb == "targets":
        region, policy = arguments
        print(json.dumps(client("iot", region).list_targets_for_policy(policyName=policy)["targets"]))
    elif verb == "group":
        region, name, *gone = arguments
        logs = client("logs", region)
        (logs.delete_log_group if gone else logs.create_log_group)(logGroupName=name)
    else:
        sys.exit(f"unknown verb {verb}")


if __name__ == "__main__":
    main(*sys.argv[1:])
