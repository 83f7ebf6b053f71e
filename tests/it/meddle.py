"""Changes a deployed environment behind CloudFormation's back, through the services' own calls, for the tests of drift.

    meddle.py REGION STACK ACCOUNT WHAT…   → does each of these
    meddle.py watch                        → CloudTrail remembers calls from now on
"""
import io
import json
import os
import sys
import urllib.request
import zipfile

import botocore.session
from botocore.config import Config

SESSION = botocore.session.get_session()
ANYBODY = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


class Account:
    """One environment, and a client for each service."""

    def __init__(self, region, stack, account):
        self.region, self.stack, self.account = region, stack, account

    def client(self, service):
        config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3})
        return SESSION.create_client(service, region_name=self.region, endpoint_url=os.environ["AWS_ENDPOINT_URL"],
                                     config=config)

    @property
    def bucket(self):
        return f"{self.stack}-data-{self.account}-{self.region}"

    def physical(self, logical_id):
        resource = self.client("cloudformation").describe_stack_resource(
            StackName=self.stack, LogicalResourceId=logical_id)
        return resource["StackResourceDetail"]["PhysicalResourceId"]


def bucket_encryption(it):
    it.client("s3").delete_bucket_encryption(Bucket=it.bucket)


def public_access(it):
    it.client("s3").put_public_access_block(Bucket=it.bucket, PublicAccessBlockConfiguration={
        "BlockPublicAcls": True, "BlockPublicPolicy": False, "IgnorePublicAcls": True, "RestrictPublicBuckets": False})


def bucket_policy(it):
    policy = {"Version": "2012-10-17", "Statement": [{"Sid": "Anybody", "Principal": "*", **ANYBODY}]}
    it.client("s3").put_bucket_policy(Bucket=it.bucket, Policy=json.dumps(policy))


def versioning(it):
    it.client("s3").put_bucket_versioning(Bucket=it.bucket, VersioningConfiguration={"Status": "Suspended"})


def log_retention(it):
    it.client("logs").put_retention_policy(logGroupName=f"/dlt/{it.stack}/workers", retentionInDays=7)


def function_settings(it):
    it.client("lambda").update_function_configuration(FunctionName=f"{it.stack}-api", MemorySize=128, Timeout=3)


def function_variables(it):
    function = it.client("lambda").get_function_configuration(FunctionName=f"{it.stack}-live")
    variables = {**function["Environment"]["Variables"], "DEBUG": "1"}
    it.client("lambda").update_function_configuration(FunctionName=f"{it.stack}-live", Environment={"Variables": variables})


def function_code(it):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("bootstrap", "#!/bin/sh\nexit 1\n")
    it.client("lambda").update_function_code(FunctionName=f"{it.stack}-api", ZipFile=archive.getvalue())


def role_policy(it):
    document = json.dumps({"Version": "2012-10-17", "Statement": [ANYBODY]})
    it.client("iam").put_role_policy(RoleName=f"{it.stack}-{it.region}-viewer", PolicyName="by-hand", PolicyDocument=document)


def egress(it):
    it.client("ec2").authorize_security_group_egress(GroupId=it.physical("WorkerSecurityGroup"), IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 25, "ToPort": 25, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])


def backups(it):
    it.client("dynamodb").update_continuous_backups(
        TableName=it.stack, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False})


def billing(it):
    it.client("dynamodb").update_table(TableName=it.stack, BillingMode="PROVISIONED",
                                       ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5})


def user_pool(it):
    it.client("cognito-idp").set_user_pool_mfa_config(UserPoolId=it.physical("UserPool"), MfaConfiguration="OFF")


def alarm(it):
    cloudwatch = it.client("cloudwatch")
    found = cloudwatch.describe_alarms(AlarmNames=[f"{it.stack}-LiveErrors"])["MetricAlarms"][0]
    kept = ("AlarmName", "AlarmDescription", "Namespace", "MetricName", "Dimensions", "Statistic", "Period",
            "EvaluationPeriods", "ComparisonOperator", "TreatMissingData", "AlarmActions")
    cloudwatch.put_metric_alarm(**{key: found[key] for key in kept}, Threshold=1000)


def state_machine(it):
    states = it.client("stepfunctions")
    arn = it.physical("StateMachine")
    definition = json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"])
    definition["States"]["Advance"]["TimeoutSeconds"] = 1
    states.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))


def parameter(it):
    it.client("ssm").put_parameter(Name=f"/dlt/{it.stack}/network", Value="{}", Type="String", Overwrite=True)


def insights(it):
    it.client("ecs").update_cluster_settings(cluster=it.stack, settings=[{"name": "containerInsights", "value": "disabled"}])


def rule(it):
    it.client("events").put_rule(Name=f"{it.stack}-workers", EventPattern=json.dumps({"source": ["aws.ecs"]}),
                                 Description="Changed by hand.")


def mutable_tags(it):
    it.client("ecr").put_image_tag_mutability(repositoryName=f"{it.stack}/worker", imageTagMutability="MUTABLE")


def no_alarm(it):
    it.client("cloudwatch").delete_alarms(AlarmNames=[f"{it.stack}-ApiFaults"])


def no_table(it):
    it.client("dynamodb").delete_table(TableName=it.stack)


def task_definition(it):
    ecs = it.client("ecs")
    found = ecs.describe_task_definition(taskDefinition=f"{it.stack}-worker")["taskDefinition"]
    kept = ("family", "taskRoleArn", "executionRoleArn", "networkMode", "requiresCompatibilities", "cpu", "memory",
            "runtimePlatform")
    container = {**found["containerDefinitions"][0], "image": "example.com/another/worker:latest"}
    settings = {**{key: found[key] for key in kept if key in found}, "cpu": "4096", "memory": "8192"}
    ecs.register_task_definition(**settings, containerDefinitions=[container])


def task(it):
    # A worker of a run that nobody stored; its storage never answers, so that it stays for a while.
    variables = {"DLT_RUN_FOLDER": f"s3://{it.bucket}/runs/gone0test1/01JDEADDEADDEADDEADDEADDEA", "TASK_INDEX": "0",
                 "TASK_COUNT": "1", "TEST_ID": "gone0test1", "RUN_ID": "01JDEADDEADDEADDEADDEADDEA", "REGION": it.region,
                 "AWS_ENDPOINT_URL": os.environ["SILENT_ENDPOINT"]}
    environment = [{"name": name, "value": value} for name, value in variables.items()]
    it.client("ecs").run_task(
        cluster=it.stack, taskDefinition=f"{it.stack}-worker:1", launchType="FARGATE",
        overrides={"containerOverrides": [{"name": "worker", "environment": environment}]},
        networkConfiguration={"awsvpcConfiguration": {"subnets": [it.physical("SubnetA")]}})


def log_group(it):
    it.client("logs").create_log_group(logGroupName=f"/dlt/{it.stack}/old")


def console_file(it):
    s3 = it.client("s3")
    bucket = f"{it.stack}-artifacts-{it.account}-{it.region}"
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix="console/")["Contents"]]
    page = next(key for key in keys if key.endswith("/index.html"))
    s3.put_object(Bucket=bucket, Key=page, Body=b"<p>defaced</p>")


def old_console(it):
    bucket = f"{it.stack}-artifacts-{it.account}-{it.region}"
    it.client("s3").put_object(Bucket=bucket, Key="console/0000/index.html", Body=b"<p>old</p>")


def watch():
    body = json.dumps({"cloudtrail._recording_enabled": "true"}).encode()
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + "/_ministack/config", data=body, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        print(answer.read().decode())


def main(first, *rest):
    if first == "watch":
        return watch()
    stack, account, *deeds = rest
    it = Account(first, stack, account)
    for deed in deeds:
        globals()[deed](it)
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
