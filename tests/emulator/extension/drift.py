"""Drift detection for the types of our templates, and change sets that take drift back.

ministack compares fourteen types, most of them in a property or two. The readers here say what a service holds now, in
the shape of a template; only properties that the template sets are compared, as CloudFormation does it. Answers come in
pages of five, so that a client which reads only the first page is found out.

A change set with the deployment mode REVERT_DRIFT starts from what is deployed and not from what was described last.
"""
import json
import re
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

import ministack.services.cloudwatch as cloudwatch
import ministack.services.cognito as cognito
import ministack.services.dynamodb as dynamodb
import ministack.services.ec2 as ec2
import ministack.services.ecr as ecr
import ministack.services.ecs as ecs
import ministack.services.eventbridge as eventbridge
import ministack.services.iam as iam
import ministack.services.s3 as s3
import ministack.services.stepfunctions as stepfunctions
from ministack.core.responses import now_iso
from ministack.services.cloudformation import changesets, drift, handlers, provisioners
from ministack.services.cloudformation.helpers import _error, _p

_A_PAGE = 5
_S3 = "http://s3.amazonaws.com/doc/2006-03-01/"


def install():
    table = provisioners._RESOURCE_HANDLERS
    for kind, apply in (("AWS::S3::Bucket", _encrypt), ("AWS::DynamoDB::Table", _keep_backups)):
        for verb in ("create", "update"):
            table[kind][verb] = _and_then(apply, verb, table[kind][verb])
    for kind, (reader, properties) in _READERS.items():
        _read_more(kind, reader, properties)
    actions = handlers._ACTION_HANDLERS
    actions["DescribeStackResourceDrifts"] = _in_small_pages(actions["DescribeStackResourceDrifts"])
    actions["CreateChangeSet"] = _from_what_is_deployed(actions["CreateChangeSet"])
    actions["ExecuteChangeSet"] = _taking_back(actions["ExecuteChangeSet"])


def _in_small_pages(original):
    def describe(params):
        return original({**params, "MaxResults": [str(_A_PAGE)]})

    return describe


# ------------------------------------------------------------------------------------ what the providers leave undone


def _and_then(apply, verb, original):
    def provide(*arguments, **named):
        answer = original(*arguments, **named)
        properties = arguments[1] if verb == "create" else arguments[2]
        apply(answer[0], properties)
        return answer

    return provide


def _encrypt(bucket, properties):
    rules = (properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration") or []
    if not rules:
        return
    algorithm = escape(rules[0]["ServerSideEncryptionByDefault"]["SSEAlgorithm"])
    body = (f'<ServerSideEncryptionConfiguration xmlns="{_S3}"><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>'
            f"{algorithm}</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>")
    s3._put_bucket_encryption(bucket, body.encode())


def _keep_backups(table, properties):
    wanted = (properties.get("PointInTimeRecoverySpecification") or {}).get("PointInTimeRecoveryEnabled")
    if wanted is not None:
        dynamodb._pitr_settings[table] = str(wanted).lower() == "true"


# ------------------------------------------------------------------------------------------------------------- readers


def _read_more(kind, reader, properties):
    """Adds to ministack's own reader, where it has one."""
    known, covered = drift._DRIFT_READERS.get(kind, (None, frozenset()))

    def read(physical_id, expected):
        more = reader(physical_id, expected)
        if more is None or known is None:
            return more
        found = known(physical_id, expected)
        return None if found is None else {**found, **more}

    drift._DRIFT_READERS[kind] = (read, covered | frozenset(properties))


def _texts(xml, *names):
    found = {}
    for element in ElementTree.fromstring(xml).iter():
        name = element.tag.rsplit("}", 1)[-1]
        if name in names:
            found[name] = element.text
    return found


def _bucket(name, _expected):
    bucket = s3._buckets.get(name)
    if bucket is None:
        return None
    found = {}
    encryption = s3._bucket_encryption.get(name)
    if encryption:
        algorithm = _texts(encryption, "SSEAlgorithm").get("SSEAlgorithm")
        found["BucketEncryption"] = {"ServerSideEncryptionConfiguration": [
            {"ServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}]}
    blocks = bucket.get("_public_access_block")
    if blocks:
        names = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        found["PublicAccessBlockConfiguration"] = _texts(blocks, *names)
    return found


def _bucket_policy(_policy_id, expected):
    document = s3._bucket_policies.get(expected.get("Bucket"))
    return document and {"PolicyDocument": json.loads(document)}


def _backups(name, _expected):
    if name not in dynamodb._tables:
        return None
    enabled = bool(dynamodb._pitr_settings.get(name, False))
    return {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": enabled}}


def _group(group_id, _expected):
    group = ec2._security_groups.get(group_id)
    return group and {"GroupDescription": group["Description"], "VpcId": group["VpcId"],
                      "SecurityGroupEgress": _rules(group["IpPermissionsEgress"])}


def _rules(permissions):
    rules = []
    for permission in permissions:
        for address in permission.get("IpRanges", []):
            ports = {key: permission[key] for key in ("FromPort", "ToPort") if key in permission}
            rules.append({"IpProtocol": permission["IpProtocol"], **address, **ports})
    return rules


def _role(name, expected):
    role = iam._roles.get(name)
    if role is None:
        return None
    order = [policy["PolicyName"] for policy in expected.get("Policies") or []]
    inline = role["InlinePolicies"]
    names = [name for name in order if name in inline] + sorted(set(inline) - set(order))
    return {"Policies": [{"PolicyName": name, "PolicyDocument": json.loads(inline[name])} for name in names]}


def _user_pool(pool_id, _expected):
    pool = cognito._user_pools.get(pool_id)
    return pool and {key: pool[key] for key in ("MfaConfiguration", "Policies", "AdminCreateUserConfig") if key in pool}


def _alarm(name, _expected):
    alarm = cloudwatch._alarms.get(name)
    if alarm is None:
        return None
    threshold = alarm["Threshold"]
    found = {key: alarm[key] for key in ("AlarmActions", "ComparisonOperator", "EvaluationPeriods", "Period", "Statistic",
                                         "TreatMissingData")}
    return {**found, "Threshold": int(threshold) if threshold == int(threshold) else threshold}


def _state_machine(arn, expected):
    machine = stepfunctions._state_machines.get(arn)
    if machine is None:
        return None
    described, definition = provisioners._sfn_definition(expected), machine["definition"]
    # What was substituted cannot be told from what was written, so an unchanged definition is the described one.
    same = json.loads(described) == json.loads(definition)
    return {"DefinitionString": expected.get("DefinitionString") if same else definition, "RoleArn": machine["roleArn"]}


def _task_definition(arn, expected):
    definition = ecs._task_defs.get(arn.rpartition("/")[2])
    if definition is None or definition.get("status") == "INACTIVE":
        return None
    return {"Cpu": definition.get("cpu"), "Memory": definition.get("memory"), "Family": definition.get("family")}


def _cluster(name, _expected):
    cluster = ecs._clusters.get(name.rpartition("/")[2])
    if cluster is None or cluster.get("status") == "INACTIVE":
        return None
    settings = cluster.get("settings") or []
    return {"ClusterSettings": [{"Name": it["name"], "Value": it["value"]} for it in settings]}


def _repository(name, _expected):
    repository = ecr._repositories.get(name)
    return repository and {"ImageTagMutability": repository.get("imageTagMutability"), "RepositoryName": name}


def _rule(name, expected):
    rule = eventbridge._rules.get(eventbridge._rule_key(name, provisioners._eb_rule_bus_name(expected)))
    if rule is None:
        return None
    # A rule has a pattern, or a rate.
    pattern = rule.get("EventPattern") or None
    return {"Description": rule.get("Description"),
            "EventPattern": json.loads(pattern) if isinstance(pattern, str) else pattern,
            "ScheduleExpression": rule.get("ScheduleExpression") or None}


def _dashboard(name, expected):
    dashboard = cloudwatch._dashboards.get(name)
    return dashboard and {"DashboardBody": dashboard["DashboardBody"]}


def _there(store):
    return lambda physical_id, _expected: {} if physical_id in store() else None


_READERS = {
    "AWS::CloudWatch::Alarm": (_alarm, ("AlarmActions", "ComparisonOperator", "EvaluationPeriods", "Period", "Statistic",
                                        "Threshold", "TreatMissingData")),
    "AWS::CloudWatch::Dashboard": (_dashboard, ("DashboardBody",)),
    "AWS::Cognito::UserPool": (_user_pool, ("MfaConfiguration", "Policies")),
    "AWS::DynamoDB::Table": (_backups, ("PointInTimeRecoverySpecification",)),
    "AWS::EC2::SecurityGroup": (_group, ("SecurityGroupEgress",)),
    "AWS::EC2::Subnet": (_there(lambda: ec2._subnets), ()),
    "AWS::EC2::VPC": (_there(lambda: ec2._vpcs), ()),
    "AWS::ECR::Repository": (_repository, ("ImageTagMutability", "RepositoryName")),
    "AWS::ECS::Cluster": (_cluster, ("ClusterSettings",)),
    "AWS::ECS::TaskDefinition": (_task_definition, ("Cpu", "Family", "Memory")),
    "AWS::Events::Rule": (_rule, ("Description", "EventPattern", "ScheduleExpression")),
    "AWS::IAM::Role": (_role, ("Policies",)),
    "AWS::S3::Bucket": (_bucket, ("BucketEncryption", "PublicAccessBlockConfiguration")),
    "AWS::S3::BucketPolicy": (_bucket_policy, ("PolicyDocument",)),
    "AWS::StepFunctions::StateMachine": (_state_machine, ("DefinitionString", "RoleArn")),
}

# ----------------------------------------------------------------------------------------------- taking drift back


def _from_what_is_deployed(original):
    def create(params):
        if _p(params, "DeploymentMode") != "REVERT_DRIFT":
            return original(params)
        if _p(params, "IncludeNestedStacks"):
            return _error("ValidationError", "IncludeNestedStacks cannot be set with DeploymentMode REVERT_DRIFT")
        stack = handlers._resolve_stack(_p(params, "StackName")) or {}
        found = _drifted(stack)
        answer = original(params)
        made = re.search(r"<Id>([^<]+)</Id>", _text(answer))
        if answer[0] == 200 and made and found:
            _, change_set = changesets._find_change_set(made.group(1), "")
            change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="",
                              Changes=[_change(it) for it in found], _revert=found)
        return answer

    return create


def _text(answer):
    return answer[2] if isinstance(answer[2], str) else answer[2].decode()


def _drifted(stack):
    found = []
    for logical_id, record in stack.get("_resources", {}).items():
        if drift.supports_drift(record.get("ResourceType", "")):
            one = drift.detect_resource_drift(stack, logical_id, record, now_iso())
            if one["StackResourceDriftStatus"] in ("MODIFIED", "DELETED"):
                found.append(one)
    return found


def _change(one):
    """A resource that is gone is made anew; any other is changed property by property."""
    gone = one["StackResourceDriftStatus"] == "DELETED"
    names = sorted({it["PropertyPath"].split("/")[1] for it in one.get("PropertyDifferences", [])})
    details = [{"Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": "Never"},
                "Evaluation": "Static", "ChangeSource": "DirectModification"} for name in names]
    change = {"Action": "Add" if gone else "Modify", "LogicalResourceId": one["LogicalResourceId"],
              "ResourceType": one["ResourceType"], "Scope": ["Properties"], "Details": details}
    if not gone:
        change.update(PhysicalResourceId=one["PhysicalResourceId"], Replacement="False")
    return {"Type": "Resource", "ResourceChange": change}


def _taking_back(original):
    def execute(params):
        _, change_set = changesets._find_change_set(_p(params, "ChangeSetName"), _p(params, "StackName"))
        stack = handlers._resolve_stack(change_set["StackName"]) if change_set else None
        for one in (change_set or {}).get("_revert", ()):
            record = stack["_resources"][one["LogicalResourceId"]]
            if one["StackResourceDriftStatus"] == "DELETED":
                del stack["_resources"][one["LogicalResourceId"]]
            else:
                record["Properties"] = _as_deployed(record["Properties"], one)
        return original(params)

    return execute


def _as_deployed(properties, one):
    """The update that follows sees what is there as the state before, and so writes every property that differs."""
    expected, actual = json.loads(one["ExpectedProperties"]), json.loads(one["ActualProperties"])
    return {**{key: value for key, value in properties.items() if key not in expected}, **actual}
