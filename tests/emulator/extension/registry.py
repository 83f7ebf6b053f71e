"""ECR: a registry per region, as on AWS.

On AWS the host name says the region. Here all regions share one address, so the region travels in the token that
GetAuthorizationToken gives, and a request without a token is refused as ECR refuses it. A tag that is deleted takes its
image along only when it was the last one, and an image is as large as its layers. Tests can make it refuse:

    POST /_dlt/registry?chunks=1   the tokens that are out are good for so many more chunks of uploads
    POST /_dlt/registry?limit=1    a limit of the account is reached: no upload begins any more
    POST /_dlt/registry            no more trouble; answers how many tokens were given out
"""
import base64
import json
import time

import ministack.app as app
import ministack.services.ecr as ecr
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, set_request_account_id, set_request_region

_TOKEN_LIFETIME_SECONDS = 12 * 3600

# How many tokens there have been, those that are about to expire, how many chunks they are good for, and whether a limit is reached.
_trouble = {"tokens": 0, "expiring": 0, "chunks": None, "limit": False}


def install():
    ecr._get_authorization_token = _authorization_token
    ecr._batch_delete_image = _batch_delete_image(ecr._batch_delete_image)
    ecr._describe_images = _describe_images(ecr._describe_images)
    select = ecr._select_registry_request_scope
    handle = ecr.handle_registry_request

    def select_scope(name, headers, query):
        region = _region_of(headers)
        if region is None:
            return select(name, headers, query)
        account, region = region
        set_request_account_id(account)
        set_request_region(region)

    async def handle_registry_request(method, path, headers, body, query):
        lower = {key.lower(): value for key, value in (headers or {}).items()}
        if "authorization" not in lower:
            challenge = {"WWW-Authenticate": 'Basic realm="https://ecr.localhost/",service="ecr.amazonaws.com"',
                         "Content-Type": "application/json"}
            return 401, challenge, json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "Not Authorized"}]}).encode()
        refused = _refused(method, path, _token_of(headers))
        return refused or await handle(method, path, headers, body, query)

    ecr._select_registry_request_scope = select_scope
    ecr.handle_registry_request = handle_registry_request
    app._handle_pre_body_request = _answering_tests(app._handle_pre_body_request)


def _refused(method, path, token):
    """The words of ECR for a token that was good once, and for one image or layer too many."""
    if _trouble["limit"] and method == "POST" and "/blobs/uploads/" in path:
        return _refusal("LimitExceededException: The operation did not succeed because it would have exceeded a service "
                        "limit for your account.")
    if _trouble["chunks"] is None or token is None or int(token[2]) > _trouble["expiring"]:
        return None
    if method == "PATCH":
        _trouble["chunks"] -= 1
    if _trouble["chunks"] >= 0:
        return None
    return _refusal("Your authorization token has expired. Reauthenticate and try again.")


def _refusal(message):
    body = json.dumps({"errors": [{"code": "DENIED", "message": message}]}).encode()
    return 403, {"Content-Type": "application/json"}, body


def _answering_tests(original):
    async def handle(method, path, headers, query_params, request_id):
        if path != "/_dlt/registry" or method != "POST":
            return await original(method, path, headers, query_params, request_id)
        chunks = query_params.get("chunks", [None])[0]
        _trouble.update(chunks=chunks and int(chunks), limit="limit" in query_params)
        # Whoever signs in after the first of them has expired gets one that is good.
        _trouble["expiring"] = _trouble["tokens"] + 1
        return 200, {"Content-Type": "application/json"}, json.dumps({"tokens": _trouble["tokens"]}).encode()

    return handle


def _authorization_token(_data):
    account, region = get_account_id(), get_region()
    _trouble["tokens"] += 1
    token = base64.b64encode(f"AWS:emulated/{account}/{region}/{_trouble['tokens']}".encode()).decode()
    return json_response({"authorizationData": [{
        "authorizationToken": token,
        "expiresAt": int(time.time()) + _TOKEN_LIFETIME_SECONDS,
        "proxyEndpoint": f"https://{account}.dkr.ecr.{region}.amazonaws.com",
    }]})


def _batch_delete_image(whole):
    def delete(data):
        untagged, others = [], []
        for wanted in data.get("imageIds", []):
            image = ecr._find_image(data.get("repositoryName", ""), wanted)
            tag = wanted.get("imageTag")
            if image and tag and "imageDigest" not in wanted and len(image.get("imageTags", [])) > 1:
                image["imageTags"].remove(tag)
                image["imageId"]["imageTag"] = image["imageTags"][0]
                untagged.append({"imageDigest": image["imageDigest"], "imageTag": tag})
            else:
                others.append(wanted)
        if not untagged:
            return whole(data)
        if not others:
            return json_response({"imageIds": untagged, "failures": []})
        status, headers, body = whole({**data, "imageIds": others})
        answer = json.loads(body)
        answer["imageIds"] = untagged + answer.get("imageIds", [])
        return status, headers, json.dumps(answer).encode()

    return delete


def _describe_images(whole):
    def describe(data):
        wanted = data.get("imageIds") or []
        if wanted and not any(ecr._find_image(data.get("repositoryName", ""), it) for it in wanted):
            # An error on AWS, whatever else was asked for.
            return error_response_json("ImageNotFoundException", "The image requested does not exist", 400)
        status, headers, body = whole(data)
        answer = json.loads(body)
        for detail in answer.get("imageDetails", []):
            manifest = json.loads(ecr._manifest_blobs.get(data["repositoryName"], {}).get(detail["imageDigest"], b"{}"))
            parts = [manifest["config"], *manifest["layers"]] if "layers" in manifest else []
            if parts:
                detail["imageSizeInBytes"] = sum(part["size"] for part in parts)
                detail["artifactMediaType"] = manifest.get("artifactType", manifest["config"]["mediaType"])
        return status, headers, json.dumps(answer).encode()

    return describe


def _region_of(headers):
    """The account and region in a registry request's token, if it carries one of ours."""
    token = _token_of(headers)
    return token and token[:2]


def _token_of(headers):
    """Account, region and number of a registry request's token, if it carries one of ours."""
    lower = {key.lower(): value for key, value in (headers or {}).items()}
    scheme, _, encoded = lower.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        password = base64.b64decode(encoded).decode().partition(":")[2]
    except ValueError:
        return None
    kind, *parts = password.split("/")
    return tuple(parts) if kind == "emulated" and len(parts) == 3 else None
