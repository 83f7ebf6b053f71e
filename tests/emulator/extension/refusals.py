"""Updates that fail because a test says so: a stack can be brought into any state that CloudFormation knows.

    POST /_dlt/refuse?kind=AWS::Logs::LogGroup&reason=no&allow=1   from now on updates of such resources fail, but for the first
    POST /_dlt/refuse                                              none does any more

And what AWS lists and the emulator does not: the resources that could not go back are UPDATE_FAILED.
"""
import json

import ministack.app as app
import ministack.services.cloudformation.stacks as stacks
from ministack.services import cloudformation

_refused = {}


def install():
    stacks._update_resource = _refusing(stacks._update_resource)
    stacks._add_event = _marking(stacks._add_event)
    app._handle_pre_body_request = _answering_tests(app._handle_pre_body_request)


def _refusing(original):
    def update(kind, physical_id, old, new, *rest, **named):
        # An update that changes nothing touches nothing, also when it is refused.
        if kind in _refused and old != new:
            if _refused[kind]["allow"] == 0:
                raise ValueError(_refused[kind]["reason"])
            _refused[kind]["allow"] -= 1
        return original(kind, physical_id, old, new, *rest, **named)

    return update


def _marking(original):
    def add(stack_id, stack_name, logical_id, resource_type, status, *rest, **named):
        if resource_type == "AWS::CloudFormation::Stack" and status.startswith("UPDATE_ROLLBACK_"):
            stack = cloudformation._stacks.get(stack_name) or {}
            failed = stack.get("_rollback_failed", {}) if status == "UPDATE_ROLLBACK_FAILED" else {}
            for name, resource in stack.get("_resources", {}).items():
                if name in failed:
                    resource["ResourceStatus"] = "UPDATE_FAILED"
                elif resource.get("ResourceStatus") == "UPDATE_FAILED":
                    resource["ResourceStatus"] = "UPDATE_COMPLETE"
        return original(stack_id, stack_name, logical_id, resource_type, status, *rest, **named)

    return add


def _answering_tests(original):
    async def handle(method, path, headers, query_params, request_id):
        if path == "/_dlt/refuse" and method == "POST":
            _refused.clear()
            for kind in query_params.get("kind", []):
                first = {name: values[0] for name, values in query_params.items()}
                _refused[kind] = {"reason": first.get("reason", "refused by a test"), "allow": int(first.get("allow", 0))}
            return 200, {"Content-Type": "application/json"}, json.dumps(_refused).encode()
        return await original(method, path, headers, query_params, request_id)

    return handle
