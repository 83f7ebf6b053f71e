"""A fresh account: ECS has no role in it yet, and CloudFormation's first cluster fails for lack of it."""
import ministack.services.iam as iam
from ministack.services.cloudformation import provisioners

_ECS = "ecs.amazonaws.com"
_ECS_ROLE = "AWSServiceRoleForECS"


def install():
    create = iam._IAM_HANDLERS["CreateServiceLinkedRole"]
    iam._IAM_HANDLERS["CreateServiceLinkedRole"] = _named_as_on_aws(create)
    cluster = provisioners._RESOURCE_HANDLERS["AWS::ECS::Cluster"]
    cluster["create"] = _wanting_the_role(cluster["create"])


def _named_as_on_aws(original):
    # The emulator writes the service's name as one word with a capital.
    def create(params):
        if iam._p(params, "AWSServiceName") != _ECS:
            return original(params)
        if _ECS_ROLE in iam._roles:
            return iam._error(400, "InvalidInput", f"Service role name {_ECS_ROLE} has been taken in this account, "
                              "please try a different suffix.", ns="iam")
        original(params)
        role = iam._roles.pop("AWSServiceRoleForEcs")
        role.update(RoleName=_ECS_ROLE, Arn=role["Arn"].replace("AWSServiceRoleForEcs", _ECS_ROLE))
        iam._roles[_ECS_ROLE] = role
        body = f"<CreateServiceLinkedRoleResult><Role>{iam._role_xml(_ECS_ROLE)}</Role></CreateServiceLinkedRoleResult>"
        return iam._xml(200, "CreateServiceLinkedRoleResponse", body, ns="iam")

    return create


def _wanting_the_role(original):
    def create(logical_id, properties, stack):
        if properties.get("CapacityProviders") and _ECS_ROLE not in iam._roles:
            raise ValueError("Unable to assume the service linked role. Please verify that the ECS service linked role exists.")
        return original(logical_id, properties, stack)

    return create
