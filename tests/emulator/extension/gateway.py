"""HTTP APIs: CORS given in a template, proxies of a distribution, and answers that an integration overwrites."""
from urllib.parse import urlsplit

import ministack.app as app
import ministack.services.apigateway as apigateway
from ministack.services.cloudformation import provisioners


def install():
    # The service reads camelCase and the template's provider hands over PascalCase, so that every preflight was answered
    # "CORS origin denied".
    provider = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    create, update = provider["create"], provider["update"]
    provider["create"] = lambda logical_id, properties, stack: create(logical_id, _with_cors(properties), stack)
    provider["update"] = lambda physical_id, old, new, stack, *rest, **named: update(
        physical_id, _with_cors(old), _with_cors(new), stack, *rest, **named)
    invoke = apigateway._invoke_http_proxy

    async def invoke_and_overwrite(integration, path, method, headers, body, query):
        answer = await _of_distribution(integration, method)
        return _overwritten(integration, answer or await invoke(integration, path, method, headers, body, query))

    apigateway._invoke_http_proxy = invoke_and_overwrite


def _with_cors(properties):
    cors = properties.get("CorsConfiguration")
    if not isinstance(cors, dict):
        return properties
    return {**properties, "CorsConfiguration": {key[0].lower() + key[1:]: value for key, value in cors.items()}}


async def _of_distribution(integration, method):
    """The answer of one of the emulated distributions, whose names no DNS knows; AWS calls the URI as it stands."""
    uri = urlsplit(integration.get("integrationUri", ""))
    headers = {"host": uri.netloc, "x-forwarded-proto": "https"}
    return await app._handle_cloudfront_dataplane_request(
        uri.netloc, uri.path, uri.path, uri.query, method, headers, b"", {}, "127.0.0.1")


def _overwritten(integration, answer):
    """Status and headers as the integration's response parameters say; the emulator keeps these and never looks."""
    status, headers, body = answer
    chosen = (integration.get("responseParameters") or {}).get(str(status)) or {}
    for parameter in chosen.get("ResponseParameters") or []:
        where, source = parameter["Destination"], parameter["Source"]
        if where == "overwrite:statuscode":
            status = int(source)
        elif where.startswith("overwrite:header."):
            headers = {**headers, where.removeprefix("overwrite:header."): source}
    return status, headers, body
