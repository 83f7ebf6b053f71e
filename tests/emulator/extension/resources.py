"""Resource types of our templates that the emulator's CloudFormation does not know.

A provider is what ministack expects in its table: `create(logical_id, properties, stack_name)` answers the physical id
and the attributes, `update(physical_id, old, new, stack_name)` the same, `delete(physical_id, properties)` nothing.
"""
import uuid

import ministack.services.cognito as cognito
import ministack.services.ec2 as ec2
import ministack.services.ecs as ecs
from ministack.services.cloudformation import drift, provisioners

from .checks import refusal

_PIPELINES = {}


def install():
    provisioners._RESOURCE_HANDLERS.update({
        "AWS::Cognito::UserPoolUser": _USER,
        "AWS::Cognito::UserPoolUserToGroupAttachment": _MEMBERSHIP,
        "AWS::EC2::SecurityGroupIngress": _rule("IpPermissions"),
        "AWS::EC2::SecurityGroupEgress": _rule("IpPermissionsEgress"),
        "AWS::CodePipeline::Pipeline": _PIPELINE,
    })
    create = _keeping_the_platform(provisioners._ecs_task_def_create)
    # The provider's update registers a new revision through the module's own name.
    provisioners._ecs_task_def_create = create
    provisioners._RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"]["create"] = create
    drift._DRIFT_READERS["AWS::EC2::SecurityGroup"] = (_read_group, frozenset({"GroupDescription", "VpcId"}))


def _demand(response):
    problem = refusal(response)
    if problem:
        raise ValueError(problem)


# ----------------------------------------------------------------------------------------------------- task definitions


def _keeping_the_platform(original):
    """The emulator forgets for which processor a template's task definition is meant, and keeps the limits and the Linux
    parameters of its containers under names that nobody reads."""

    def create(logical_id, properties, stack):
        arn, attributes = original(logical_id, properties, stack)
        definition = ecs._task_defs[arn.rpartition("/")[2]]
        if "RuntimePlatform" in properties:
            platform = properties["RuntimePlatform"]
            definition["runtimePlatform"] = _in_the_services_words(platform)
        for container in definition.get("containerDefinitions", []):
            for part in ("dependsOn", "environmentFiles", "linuxParameters", "secrets", "ulimits"):
                if part in container:
                    container[part] = _in_the_services_words(container[part])
        return arn, attributes

    return create


def _in_the_services_words(value):
    """`SoftLimit` is `softLimit` to the service, at every depth."""
    if isinstance(value, list):
        return [_in_the_services_words(item) for item in value]
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _in_the_services_words(item) for key, item in value.items()}
    return value


# ------------------------------------------------------------------------------------------------------ Cognito users

_USER_FIELDS = ("UserPoolId", "UserAttributes", "DesiredDeliveryMediums", "MessageAction", "ForceAliasCreation")


def _create_user(_logical_id, properties, _stack):
    name = properties.get("Username") or str(uuid.uuid4())
    request = {field: properties[field] for field in _USER_FIELDS if field in properties}
    _demand_a_free_address(request)
    # This call is the one that sends the invitation.
    _demand(cognito._admin_create_user({**request, "Username": name}))
    return name, {}


def _demand_a_free_address(request):
    """Where an address is an alias, two users share one only for the moment in which the second takes it over."""
    pool = cognito._user_pools.get(request.get("UserPoolId")) or {}
    address = _address(request.get("UserAttributes"))
    taken = any(_address(user.get("Attributes")) == address for user in pool.get("_users", {}).values())
    forced = str(request.get("ForceAliasCreation", "false")).lower() == "true"
    if address and taken and "email" in (pool.get("AliasAttributes") or []) and not forced:
        raise ValueError("An account with the given email already exists. (Service: CognitoIdentityProvider)")


def _address(attributes):
    return next((attribute["Value"] for attribute in attributes or [] if attribute["Name"] == "email"), None)


def _delete_user(name, properties):
    cognito._admin_delete_user({"UserPoolId": properties.get("UserPoolId"), "Username": name})


_USER = {"create": _create_user, "delete": _delete_user}


def _membership(properties):
    return {field: properties[field] for field in ("UserPoolId", "Username", "GroupName")}


def _create_membership(_logical_id, properties, stack):
    _demand(cognito._admin_add_user_to_group(_membership(properties)))
    return f"{stack}-{properties['GroupName']}-{properties['Username']}", {}


def _delete_membership(_physical_id, properties):
    cognito._admin_remove_user_from_group(_membership(properties))


_MEMBERSHIP = {"create": _create_membership, "delete": _delete_membership}

# ------------------------------------------------------------------------------------------------ security group rules


def _rule(direction):
    """A rule of its own (which breaks the circle of two groups that name each other)."""

    def create(_logical_id, properties, _stack):
        group = ec2._security_groups.get(properties["GroupId"])
        if group is None:
            raise ValueError(f"The security group '{properties['GroupId']}' does not exist")
        rule = provisioners._ec2_sg_permissions([properties])[0]
        rule_id = "sgr-" + uuid.uuid4().hex[:17]
        rule["SecurityGroupRuleId"] = rule_id
        group[direction].append(rule)
        return rule_id, {"Id": rule_id}

    def delete(rule_id, properties):
        group = ec2._security_groups.get(properties.get("GroupId"))
        if group:
            group[direction] = [rule for rule in group[direction] if rule.get("SecurityGroupRuleId") != rule_id]

    return {"create": create, "delete": delete}


def _read_group(group_id, _properties):
    group = ec2._security_groups.get(group_id)
    return group and {"GroupDescription": group["Description"], "VpcId": group["VpcId"]}


# --------------------------------------------------------------------------------------------------- pipelines, as data


def _create_pipeline(logical_id, properties, stack):
    name = properties.get("Name") or f"{stack}-{logical_id}-{uuid.uuid4().hex[:12].upper()}"
    _PIPELINES[name] = properties
    return name, {"Version": "1"}


def _delete_pipeline(name, _properties):
    _PIPELINES.pop(name, None)


_PIPELINE = {"create": _create_pipeline, "delete": _delete_pipeline}
