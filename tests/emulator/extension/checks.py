"""Refusals that CloudFormation makes and the emulator does not.

Without them a template or a call that fails on AWS would pass every test.
"""
import json

import ministack.services.cloudwatch_logs as logs
import ministack.services.iam as iam
import ministack.services.s3 as s3
from ministack.services.cloudformation import changesets, handlers, provisioners
from ministack.services.cloudformation.helpers import _error, _p

_PSEUDO = {"AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::StackId",
           "AWS::StackName", "AWS::URLSuffix"}
# States in which AWS takes no update; the next step is a deletion or a rollback.
_NOT_UPDATABLE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"}


def install():
    for module in (changesets, handlers):
        module._resolve_parameters = _refusing_unknown_parameters(module._resolve_parameters)
        module.validate_template_support = _refusing_loose_references(module.validate_template_support)
    bucket = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    bucket["delete"] = _keeping_full_buckets(bucket["delete"])
    for kind, name, there in (("AWS::Logs::LogGroup", "LogGroupName", lambda: logs._log_groups),
                              ("AWS::IAM::Role", "RoleName", lambda: iam._roles)):
        provider = provisioners._RESOURCE_HANDLERS[kind]
        provider["create"] = _refusing_a_second(kind, name, there, provider["create"])
    actions = handlers._ACTION_HANDLERS
    for action in ("CreateChangeSet", "UpdateStack"):
        actions[action] = _refusing_wrong_states(action, actions[action])


def _refusing_a_second(kind, property, there, original):
    # The emulator would take over what somebody else made; AWS fails the resource, and the stack rolls back.
    def create(logical_id, properties, stack):
        name = properties.get(property)
        if name and name in there():
            raise ValueError(f"Resource of type '{kind}' with identifier '{name}' already exists.")
        return original(logical_id, properties, stack)

    return create


def _refusing_unknown_parameters(original):
    def resolve(template, provided, previous=None):
        declared = template.get("Parameters") or {}
        unknown = [entry["Key"] for entry in provided if entry.get("Key") and entry["Key"] not in declared]
        if unknown:
            raise ValueError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
        return original(template, provided, previous)

    return resolve


def _refusing_loose_references(original):
    def validate(template, *args, **kwargs):
        known = set(template.get("Parameters") or {}) | set(template.get("Resources") or {}) | _PSEUDO
        for block in ("Resources", "Outputs"):
            loose = sorted(set(_references(template.get(block) or {})) - known)
            if loose:
                raise ValueError("Template format error: Unresolved resource dependencies "
                                 f"[{', '.join(loose)}] in the {block} block of the template")
        return original(template, *args, **kwargs)

    return validate


def _references(node):
    """The logical names that a part of a template refers to."""
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key == "Ref" and isinstance(value, str):
            yield value
        elif key == "Fn::GetAtt":
            yield value.split(".")[0] if isinstance(value, str) else value[0]
        elif key == "Fn::Sub":
            yield from _substitutions(value)
        elif key == "DependsOn":
            yield from [value] if isinstance(value, str) else value
        else:
            yield from _references(value)


def _substitutions(value):
    text, local = (value, {}) if isinstance(value, str) else (value[0], value[1])
    yield from _references(list(local.values()))
    for part in text.split("${")[1:]:
        name = part.split("}")[0]
        # `${!Literal}` is text, and `${Resource.Attribute}` refers to the resource.
        if not name.startswith("!") and name not in local:
            yield name if name.startswith("AWS::") else name.split(".")[0]


def _refusing_wrong_states(action, original):
    def handle(params):
        stack = handlers._resolve_stack(_p(params, "StackName")) or {}
        status = stack.get("StackStatus", "")
        creates = action == "CreateChangeSet" and _p(params, "ChangeSetType", "UPDATE") == "CREATE"
        if creates and status in _NOT_UPDATABLE:
            return _error("AlreadyExistsException", f"Stack [{stack['StackName']}] already exists and cannot be "
                          "created again with the changeSet")
        if not creates and (status in _NOT_UPDATABLE or status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"):
            return _error("ValidationError", f"Stack:{stack['StackId']} is in {status} state and can not be updated.")
        return original(params)

    return handle


def _keeping_full_buckets(original):
    """The emulator throws away what a bucket holds; AWS leaves the stack DELETE_FAILED."""

    def delete(name, properties):
        bucket = s3._buckets.get(name)
        if bucket and (bucket["objects"] or s3._bucket_has_versions(name)):
            raise ValueError("The bucket you tried to delete is not empty. You must delete all versions in the bucket. "
                             "(Service: S3, Status Code: 409)")
        return original(name, properties)

    return delete


def refusal(response):
    """The message of a ministack service's answer, or None when it succeeded."""
    status, _headers, body = response[:3]
    if status < 400:
        return None
    text = body if isinstance(body, str) else body.decode()
    try:
        answer = json.loads(text)
        return answer.get("message") or answer.get("Message") or text
    except ValueError:
        return text
