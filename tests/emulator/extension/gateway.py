"""HTTP APIs: CORS given in a template."""
from ministack.services.cloudformation import provisioners


def install():
    # The service reads camelCase and the template's provider hands over PascalCase, so that every preflight was answered
    # "CORS origin denied".
    provider = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    create, update = provider["create"], provider["update"]
    provider["create"] = lambda logical_id, properties, stack: create(logical_id, _with_cors(properties), stack)
    provider["update"] = lambda physical_id, old, new, stack, *rest, **named: update(
        physical_id, _with_cors(old), _with_cors(new), stack, *rest, **named)


def _with_cors(properties):
    cors = properties.get("CorsConfiguration")
    if not isinstance(cors, dict):
        return properties
    return {**properties, "CorsConfiguration": {key[0].lower() + key[1:]: value for key, value in cors.items()}}
