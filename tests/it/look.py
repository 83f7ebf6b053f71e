"""Looks into an AWS account with botocore, for the tests: what is there, and what a bucket holds.

    look.py account   REGION…              → every resource that an environment could have left, as JSON
    look.py stacks    REGION…              → the status of every stack, as JSON
    look.py span      REGION STACK         → the first and the last instant of a stack's events, in seconds since 1970
    look.py changes   REGION STACK         → how many change sets a stack has ever had that are still known
    look.py object    REGION BUCKET KEY    → an object's content
    look.py put       REGION BUCKET KEY V  → stores an object
    look.py item      REGION TABLE V       → stores an item with this key; `items` counts what a table holds
    look.py bucket    REGION NAME MANNER   → makes a bucket that keeps no versions and tells no events (silent), or changes that (talking)
    look.py secret    REGION NAME VALUE    → stores a SecureString
    look.py metrics   REGION NAMESPACE     → the names of a namespace's metrics and what they are told apart by
    look.py targets   REGION POLICY        → who an IoT policy is attached to, as JSON
    look.py mails     REGION               → to whom the account has sent e-mail, as JSON
    look.py deny      REGION ROLE ACTION   → keeps a role from an action
    look.py line      REGION GROUP TEXT    → writes a line into a log group
    look.py subscribe REGION TOPIC         → makes a queue that gets what the topic announces
    look.py announced REGION TOPIC         → takes what has come into that queue, as JSON
    look.py alarm     REGION NAME          → an alarm's threshold and what its own metric sums up to, as JSON
    look.py group     REGION NAME [gone]   → makes a log group that is somebody else's, or removes it
    look.py role      REGION NAME [gone]   → the same with a role
    look.py pool      REGION NAME          → makes a user pool that is somebody else's
    look.py user      REGION POOL NAME     → a user's address, status and groups, as JSON
    look.py users     REGION POOL          → the names of all users of a pool, as JSON
    look.py keys      REGION USER [POLICY] → makes a user who may do everything or what a policy says; prints the two keys
    look.py project   REGION NAME          → a build project's image, buildspec and variables, as JSON
    look.py pace      SECONDS              → how long every stack operation takes at least, from now on
    look.py rewrite   REGION STACK OLD NEW → deploys a stack's own template by hand, with one text in place of another
    look.py refuse    [KIND REASON ALLOW]  → from now on updates of such resources fail but for the first; without, none does
    look.py delete-stack REGION STACK      → asks for a stack's deletion, and does not wait
    look.py review    REGION STACK         → makes a stack of a change set that nobody executes
    look.py parameter REGION NAME [VALUE]  → stores a parameter, if there is a value; prints the parameter's values, as JSON
    look.py let-listen REGION POLICY WHO   → attaches an IoT policy to an identity
    look.py repository REGION NAME         → makes a repository for images
    look.py factor    REGION POOL USER [none] → wants a second factor of a user, or none any more
    look.py event     REGION SOURCE TYPE D → tells EventBridge of something, in the name of a service
    look.py minute    REGION RULE          → calls what a rule with a rate calls, as it does; prints the rate
    look.py revive    REGION KEY           → takes back the deletion of a key
    look.py requests                       → every signed request so far, as JSON
"""
import datetime
import json
import os
import sys
import time
import urllib.parse
import urllib.request

import botocore.session
import jmespath
from botocore.config import Config

# Service, operation, where the names are. What AWS itself puts into a new account is there before and after.
LISTS = [
    ("apigatewayv2", "get_apis", "Items[].Name"),
    ("cloudformation", "describe_stacks", "Stacks[].StackName"),
    ("cloudfront", "list_distributions", "DistributionList.Items[].Id"),
    ("cloudfront", "list_functions", "FunctionList.Items[].Name"),
    ("cloudfront", "list_origin_access_controls", "OriginAccessControlList.Items[].Name"),
    ("cloudfront", "list_response_headers_policies", "ResponseHeadersPolicyList.Items[].ResponseHeadersPolicy.Id"),
    ("cloudwatch", "describe_alarms", "MetricAlarms[].AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries[].DashboardName"),
    ("cognito-identity", "list_identity_pools", "IdentityPools[].IdentityPoolName"),
    ("cognito-idp", "list_user_pools", "UserPools[].Name"),
    ("dynamodb", "list_tables", "TableNames"),
    ("ec2", "describe_internet_gateways", "InternetGateways[].InternetGatewayId"),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces[].NetworkInterfaceId"),
    ("ec2", "describe_route_tables", "RouteTables[].RouteTableId"),
    ("ec2", "describe_security_groups", "SecurityGroups[].GroupId"),
    ("ec2", "describe_subnets", "Subnets[].SubnetId"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints[].VpcEndpointId"),
    ("ec2", "describe_vpcs", "Vpcs[].VpcId"),
    ("ecr", "describe_repositories", "repositories[].repositoryName"),
    ("ecs", "list_clusters", "clusterArns"),
    ("ecs", "list_task_definitions", "taskDefinitionArns"),
    ("events", "list_rules", "Rules[].Name"),
    ("iam", "list_policies", "Policies[?!starts_with(Arn, 'arn:aws:iam::aws:')].PolicyName"),
    # Roles of services belong to the account and not to whoever made AWS make them.
    ("iam", "list_roles", "Roles[?!starts_with(Path, '/aws-service-role/')].RoleName"),
    ("iot", "list_policies", "policies[].policyName"),
    ("iot", "list_topic_rules", "rules[].ruleName"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings[].UUID"),
    ("lambda", "list_functions", "Functions[].FunctionName"),
    ("logs", "describe_log_groups", "logGroups[].logGroupName"),
    ("s3", "list_buckets", "Buckets[].Name"),
    ("scheduler", "list_schedule_groups", "ScheduleGroups[].Name"),
    ("scheduler", "list_schedules", "Schedules[].Name"),
    ("sns", "list_subscriptions", "Subscriptions[].Endpoint"),
    ("sns", "list_topics", "Topics[].TopicArn"),
    ("ssm", "describe_parameters", "Parameters[].Name"),
    ("stepfunctions", "list_state_machines", "stateMachines[].name"),
]
# Lists that want to be told how long a page may be.
PAGES = {"list_identity_pools": {"MaxResults": 60}, "list_user_pools": {"MaxResults": 60}}
KINDS_OF = {service for service, _operation, _path in LISTS if [row[0] for row in LISTS].count(service) > 1}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
NOBODY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}

SESSION = botocore.session.get_session()


def client(service, region):
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3})
    return SESSION.create_client(service, region_name=region, endpoint_url=os.environ["AWS_ENDPOINT_URL"], config=config)


def account(regions):
    found = {}
    for region in regions:
        clients = {service: client(service, region) for service in {row[0] for row in LISTS}}
        for service, operation, path in LISTS:
            where = f"{region} {service}"
            if service in KINDS_OF:
                where += f" {operation.partition('_')[2]}"
            names = listed(clients[service], operation, path)
            if names:
                found[where] = sorted(names)
    return found


def listed(service, operation, path):
    """Every page of a list."""
    if service.can_paginate(operation):
        pages = service.get_paginator(operation).paginate(**PAGES.get(operation, {}))
    else:
        pages = [getattr(service, operation)(**PAGES.get(operation, {}))]
    return [name for page in pages for name in jmespath.search(path, page) or []]


def stacks(regions):
    found = {}
    for region in regions:
        for page in client("cloudformation", region).get_paginator("describe_stacks").paginate():
            found.update({f"{region} {stack['StackName']}": stack["StackStatus"] for stack in page["Stacks"]})
    return found


def span(region, stack):
    pages = client("cloudformation", region).get_paginator("describe_stack_events").paginate(StackName=stack)
    instants = [event["Timestamp"].timestamp() for page in pages for event in page["StackEvents"]
                if event["ResourceStatus"] != "REVIEW_IN_PROGRESS"]
    return min(instants), max(instants)


def make_bucket(region, name, manner):
    """A bucket, as somebody's pipeline might have it: one that keeps versions and tells EventBridge of uploads, or neither."""
    api = client("s3", region)
    if manner == "silent":
        return api.create_bucket(Bucket=name)
    api.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    api.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})


def project(region, name):
    found = client("codebuild", region).batch_get_projects(names=[name])["projects"][0]
    environment = found["environment"]
    variables = {it["name"]: it["value"] for it in environment["environmentVariables"]}
    return {"image": environment["image"], "buildspec": found["source"]["buildspec"], "variables": variables}


def keys(region, user, policy=None):
    iam = client("iam", region)
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="allowed", PolicyDocument=policy or json.dumps(EVERYTHING))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def of_the_emulator(path, method="GET"):
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + path, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def main(verb, *arguments):
    if verb == "account":
        print(json.dumps(account(arguments)))
    elif verb == "stacks":
        print(json.dumps(stacks(arguments)))
    elif verb == "span":
        print(json.dumps(span(*arguments)))
    elif verb == "changes":
        region, stack = arguments
        print(len(client("cloudformation", region).list_change_sets(StackName=stack)["Summaries"]))
    elif verb == "object":
        region, bucket, key = arguments
        print(client("s3", region).get_object(Bucket=bucket, Key=key)["Body"].read().decode())
    elif verb == "put":
        region, bucket, key, value = arguments
        client("s3", region).put_object(Bucket=bucket, Key=key, Body=value.encode())
    elif verb == "item":
        region, table, value = arguments
        client("dynamodb", region).put_item(TableName=table, Item={"pk": {"S": value}, "sk": {"S": value}})
    elif verb == "items":
        region, table = arguments
        print(client("dynamodb", region).scan(TableName=table)["Count"])
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
        email = next(it["Value"] for it in user["UserAttributes"] if it["Name"] == "email")
        groups = cognito.admin_list_groups_for_user(UserPoolId=pool, Username=name)["Groups"]
        names = [group["GroupName"] for group in groups]
        print(json.dumps({"email": email, "status": user["UserStatus"], "groups": names}))
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
    elif verb == "role":
        region, name, *gone = arguments
        iam = client("iam", region)
        if gone:
            iam.delete_role(RoleName=name)
        else:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(NOBODY))
    elif verb == "pool":
        region, name = arguments
        print(client("cognito-idp", region).create_user_pool(PoolName=name)["UserPool"]["Id"])
    elif verb == "users":
        region, pool = arguments
        users = client("cognito-idp", region).get_paginator("list_users").paginate(UserPoolId=pool)
        print(json.dumps(sorted(user["Username"] for page in users for user in page["Users"])))
    elif verb == "project":
        print(json.dumps(project(*arguments)))
    elif verb == "bucket":
        make_bucket(*arguments)
    elif verb == "keys":
        print(json.dumps(keys(*arguments)))
    elif verb == "pace":
        of_the_emulator(f"/_dlt/pace?seconds={float(*arguments)}", "POST")
    elif verb == "rewrite":
        region, stack, old, new = arguments
        api = client("cloudformation", region)
        text = api.get_template(StackName=stack)["TemplateBody"]
        text = text if isinstance(text, str) else json.dumps(text)
        assert old in text, f"{old} is not in the template of {stack}"
        known = api.describe_stacks(StackName=stack)["Stacks"][0].get("Parameters", [])
        kept = [{"ParameterKey": it["ParameterKey"], "UsePreviousValue": True} for it in known]
        bucket = next(it["ParameterValue"] for it in known if it["ParameterKey"] == "ArtifactBucket")
        client("s3", region).put_object(Bucket=bucket, Key="by-hand.yaml", Body=text.replace(old, new).encode())
        api.update_stack(StackName=stack, TemplateURL=f"{os.environ['AWS_ENDPOINT_URL']}/{bucket}/by-hand.yaml",
                         Parameters=kept, Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"])
        api.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    elif verb == "refuse":
        of_the_emulator("/_dlt/refuse?" + urllib.parse.urlencode(dict(zip(("kind", "reason", "allow"), arguments))), "POST")
    elif verb == "delete-stack":
        region, stack = arguments
        client("cloudformation", region).delete_stack(StackName=stack)
    elif verb == "review":
        region, stack = arguments
        template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
        client("cloudformation", region).create_change_set(
            StackName=stack, ChangeSetName="forgotten", ChangeSetType="CREATE", TemplateBody=template)
    elif verb == "parameter":
        region, name, *value = arguments
        ssm = client("ssm", region)
        if value:
            ssm.put_parameter(Name=name, Value=value[0], Type="String", Overwrite=True)
        print(json.dumps([it["Value"] for it in ssm.get_parameters(Names=[name])["Parameters"]]))
    elif verb == "let-listen":
        region, policy, target = arguments
        client("iot", region).attach_policy(policyName=policy, target=target)
    elif verb == "repository":
        region, name = arguments
        client("ecr", region).create_repository(repositoryName=name)
    elif verb == "factor":
        region, pool, user, *none = arguments
        cognito, wanted = client("cognito-idp", region), not none
        cognito.set_user_pool_mfa_config(
            UserPoolId=pool, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True})
        cognito.admin_set_user_mfa_preference(
            UserPoolId=pool, Username=user, SoftwareTokenMfaSettings={"Enabled": wanted, "PreferredMfa": wanted})
    elif verb == "event":
        region, source, kind, detail = arguments
        query = {"region": region, "source": source, "kind": kind, "detail": detail}
        of_the_emulator("/_dlt/event?" + urllib.parse.urlencode(query), "POST")
    elif verb == "minute":
        region, rule = arguments
        events = client("events", region)
        [target] = events.list_targets_by_rule(Rule=rule)["Targets"]
        found = events.describe_rule(Name=rule)
        told = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "resources": [found["Arn"]], "detail": {}}
        answer = client("lambda", region).invoke(FunctionName=target["Arn"], Payload=json.dumps(told).encode())
        if "FunctionError" in answer:
            sys.exit(answer["Payload"].read().decode())
        print(found["ScheduleExpression"])
    elif verb == "revive":
        region, key = arguments
        client("kms", region).cancel_key_deletion(KeyId=key)
    elif verb == "requests":
        print(of_the_emulator("/_dlt/requests"))
    else:
        sys.exit(f"unknown verb {verb}")


if __name__ == "__main__":
    main(*sys.argv[1:])
