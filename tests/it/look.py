"""Looks into an AWS account with botocore, for the tests: what is there, and what a bucket holds.

    look.py account   REGION…              → every resource that an environment could have left, as JSON
    look.py changes   REGION STACK         → how many change sets a stack has ever had that are still known
    look.py object    REGION BUCKET KEY    → an object's content
    look.py secret    REGION NAME VALUE    → stores a SecureString
    look.py metrics   REGION NAMESPACE     → the names of a namespace's metrics and what they are told apart by
    look.py targets   REGION POLICY        → who an IoT policy is attached to, as JSON
    look.py user      REGION POOL NAME     → a user's status and groups, as JSON
    look.py mails     REGION               → to whom the account has sent e-mail, as JSON
    look.py deny      REGION ROLE ACTION   → keeps a role from an action
    look.py line      REGION GROUP TEXT    → writes a line into a log group
    look.py subscribe REGION TOPIC         → makes a queue that gets what the topic announces
    look.py announced REGION TOPIC         → takes what has come into that queue, as JSON
    look.py alarm     REGION NAME          → an alarm's threshold and what its own metric sums up to, as JSON
    look.py group     REGION NAME [gone]   → makes a log group that is somebody else's, or removes it
"""
import datetime
import json
import os
import sys
import time
import urllib.request

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
    elif verb == "user":
        region, pool, name = arguments
        cognito = client("cognito-idp", region)
        user = cognito.admin_get_user(UserPoolId=pool, Username=name)
        groups = cognito.admin_list_groups_for_user(UserPoolId=pool, Username=name)["Groups"]
        print(json.dumps({"status": user["UserStatus"], "groups": [group["GroupName"] for group in groups]}))
    elif verb == "mails":
        with urllib.request.urlopen(f"{os.environ['AWS_ENDPOINT_URL']}/_ministack/ses/messages", timeout=10) as answer:
            print(answer.read().decode())
    elif verb == "deny":
        region, role, action = arguments
        statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        client("iam", region).put_role_policy(RoleName=role, PolicyName="denied-by-a-test", PolicyDocument=document)
    elif verb == "line":
        region, group, text = arguments
        logs = client("logs", region)
        logs.create_log_stream(logGroupName=group, logStreamName="of-a-test")
        event = {"timestamp": int(time.time() * 1000), "message": text}
        logs.put_log_events(logGroupName=group, logStreamName="of-a-test", logEvents=[event])
    elif verb == "subscribe":
        region, topic = arguments
        sqs, sns = client("sqs", region), client("sns", region)
        queue = sqs.create_queue(QueueName=topic)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=arn.replace(":sqs:", ":sns:"), Protocol="sqs", Endpoint=arn)
    elif verb == "announced":
        region, topic = arguments
        sqs = client("sqs", region)
        queue = sqs.get_queue_url(QueueName=topic)["QueueUrl"]
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        print(json.dumps([json.loads(message["Body"])["Message"] for message in found]))
    elif verb == "alarm":
        region, name = arguments
        cloudwatch = client("cloudwatch", region)
        alarm = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        now = datetime.datetime.now(datetime.timezone.utc)
        points = cloudwatch.get_metric_statistics(
            Namespace=alarm["Namespace"], MetricName=alarm["MetricName"], Dimensions=alarm["Dimensions"],
            StartTime=now - datetime.timedelta(minutes=10), EndTime=now + datetime.timedelta(minutes=1), Period=60,
            Statistics=[alarm["Statistic"]])["Datapoints"]
        highest = max((point[alarm["Statistic"]] for point in points), default=None)
        print(json.dumps({"threshold": alarm["Threshold"], "highest": highest, "actions": alarm["AlarmActions"]}))
    elif verb == "group":
        region, name, *gone = arguments
        logs = client("logs", region)
        (logs.delete_log_group if gone else logs.create_log_group)(logGroupName=name)
    else:
        sys.exit(f"unknown verb {verb}")


if __name__ == "__main__":
    main(*sys.argv[1:])
