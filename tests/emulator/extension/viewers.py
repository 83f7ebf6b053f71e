"""IoT as IAM and the broker see it: what attaching a policy is about, and what an identity of a pool needs to listen.

The emulator says for every call that attaches a policy that it is about `*`; AWS names the target. And its broker asks
only the role of whoever signed a WebSocket; of an identity of a pool AWS asks the policies attached to it as well.
"""
import json

import ministack.services.iot as iot
import ministack.services.sts as sts
from ministack.core import iam_actions
from ministack.core.responses import request_scope


def install():
    resource_of, role_allows = iam_actions.extract_resource_arn, iot._mqtt_iam_allows

    def extract_resource_arn(service, method, path, headers, body, *rest):
        named = _resource(path, body) if service == "iot" else None
        return named or resource_of(service, method, path, headers, body, *rest)

    def allows(account_id, region, credential, action, resource):
        return role_allows(account_id, region, credential, action, resource) and _policies_allow(
            account_id, region, credential[0], action, resource)

    iam_actions.extract_resource_arn = extract_resource_arn
    iot._mqtt_iam_allows = allows


def _resource(path, body):
    """An attached or detached policy is about its target: the ARN of a certificate or group, or an identity's bare id."""
    kind, _, name = path.strip("/").partition("/")
    if kind == "target-policies":
        return json.loads(body or b"{}").get("target")
    if kind == "policy-targets":
        return iot._policy_arn(name)
    return None


def _policies_allow(account_id, region, access_key, action, resource):
    with request_scope(account_id, region):
        identity = (sts._sessions.get(access_key) or {}).get("_identity_id")
        if identity is None:
            return True
        policies = [policy for policy in iot._policies.values() if identity in policy.get("targets", [])]
    documents = [policy["versions"][policy["defaultVersionId"]]["document"] for policy in policies]
    context = iot.EvalContext(
        principal_arn=identity, principal_type="CognitoIdentity", principal_account=account_id, action=action,
        resource_arn=f"arn:aws:iot:{region}:{account_id}:{resource}", region=region)
    parsed = [iot.parse_policy_document(document) for document in documents]
    return iot.evaluate(context, parsed).decision == "Allow"
