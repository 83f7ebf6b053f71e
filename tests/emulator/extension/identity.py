"""Identity pools that give each user the role of the user's group.

AWS puts `cognito:roles` and `cognito:preferred_role` into the id token and, where a pool maps roles by token, assumes
that role. The emulator gives everybody the pool's authenticated role, so a viewer could do what an admin can.
"""
import base64
import json

import ministack.services.cognito as cognito
import ministack.services.sts as sts


def install():
    original = cognito._get_credentials_for_identity

    def credentials(data):
        answer = original(data)
        status, _headers, body = answer[:3]
        role = _mapped_role(data) if status < 400 else None
        if role is None:
            return answer
        if role == "":
            return cognito.error_response_json("NotAuthorizedException", "Token is not from a supported role.", 400)
        key = json.loads(body)["Credentials"]["AccessKeyId"]
        session = sts._sessions[key]
        session["Arn"] = f"{session['Arn'].rsplit(':', 1)[0]}:assumed-role/{role.rpartition('/')[2]}/CognitoIdentityCredentials"
        return answer

    cognito._get_credentials_for_identity = credentials
    cognito._admin_create_user = _refusing_addresses(cognito._admin_create_user)


def _refusing_addresses(original):
    # A pool in which people may sign in by their e-mail address takes no user name that is one.
    def create(data):
        pool = cognito._user_pools.get(data.get("UserPoolId")) or {}
        if "email" in (pool.get("AliasAttributes") or []) and "@" in data.get("Username", ""):
            return cognito.error_response_json(
                "InvalidParameterException",
                "Username cannot be of email format, since user pool is configured for email alias.", 400)
        return original(data)

    return create


def _mapped_role(data):
    """The role that the pool's mapping gives; None when it maps nothing, empty when it denies."""
    pool = next((pool for _id, pool in cognito._identity_pools.items()
                 if data.get("IdentityId") in pool.get("_identities", {})), None)
    for provider, token in (data.get("Logins") or {}).items():
        mapping = _mapping(pool or {}, provider)
        if mapping and mapping.get("Type") == "Token":
            return _role_of_token(token) or _ambiguous(pool, mapping)
    return None


def _mapping(pool, provider):
    """A mapping is keyed by `<provider>:<client id>`, or by any name when it says `IdentityProvider` itself."""
    for key, mapping in (pool.get("_role_mappings") or {}).items():
        named = mapping.get("IdentityProvider") or key
        if named == provider or named.startswith(provider + ":"):
            return mapping
    return None


def _ambiguous(pool, mapping):
    if mapping.get("AmbiguousRoleResolution") == "AuthenticatedRole":
        return (pool.get("_roles") or {}).get("authenticated", "")
    return ""


def _role_of_token(token):
    """The role of the user's group with the lowest precedence, as Cognito would have put it into the token."""
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    pool_id = claims.get("iss", "").rpartition("/")[2]
    pool = cognito._user_pools.get(pool_id) or {}
    groups = [pool.get("_groups", {}).get(name, {}) for name in claims.get("cognito:groups", [])]
    groups = [group for group in groups if group.get("RoleArn")]
    groups.sort(key=lambda group: group.get("Precedence") if group.get("Precedence") is not None else 1 << 31)
    return groups[0]["RoleArn"] if groups else None
