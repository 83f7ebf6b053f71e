"""How long stack operations take, and who asked for what: two things that a test must be able to set and to see.

    POST /_dlt/pace?seconds=5   from now on every stack operation takes at least so long; what is going on hears it too
    GET  /_dlt/requests         every signed request so far: key, region, service, host, operation

The emulator does a stack in a second, so a test could never be sure to be in the middle of it.
"""
import asyncio
import contextvars
import json
import re
import time
from collections import deque

import ministack.app as app
import ministack.services.cloudformation.changesets as changesets
import ministack.services.cloudformation.handlers as handlers
import ministack.services.cloudformation.stacks as stacks
from ministack.services import cloudformation

# Older requests are forgotten; a test looks at far fewer.
_MOST_REQUESTS = 10_000
_LOOK_EVERY_SECONDS = 0.05

_pace = {"seconds": 0.0}
# The stack whose update was cancelled before the emulator began with it.
_cancelled = contextvars.ContextVar("cancelled", default=None)
_requests = deque(maxlen=_MOST_REQUESTS)
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")


def install():
    # Changes are slow to begin: the stack moves and none of its resources does. Deletions alike.
    changesets._deploy_stack_async = _taking_its_time(changesets._deploy_stack_async)
    handlers._deploy_stack_async = _taking_its_time(handlers._deploy_stack_async)
    handlers._delete_stack_async = _taking_its_time(handlers._delete_stack_async)
    stacks._topological_sort = _hearing_of_cancellation(stacks._topological_sort)
    app._handle_pre_body_request = _answering_tests(app._handle_pre_body_request)


def _taking_its_time(original):
    async def operate(*arguments, **named):
        began = time.monotonic()
        while time.monotonic() - began < _pace["seconds"]:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
        stack = cloudformation._stacks.get(arguments[0]) or {}
        _cancelled.set(stack if stack.get("_cancel_requested") else None)
        return await original(*arguments, **named)

    return operate


def _hearing_of_cancellation(original):
    """The emulator forgets a cancellation that comes before the first resource, and looks for one before each."""

    class Ordered(list):
        def __iter__(self):
            stack = _cancelled.get()
            if stack is not None:
                stack["_cancel_requested"] = True
            return super().__iter__()

    def sort(*arguments, **named):
        return Ordered(original(*arguments, **named))

    return sort


def _answering_tests(original):
    async def handle(method, path, headers, query_params, request_id):
        if path == "/_dlt/pace" and method == "POST":
            _pace["seconds"] = float(query_params["seconds"][0])
            return 200, {"Content-Type": "application/json"}, json.dumps(_pace).encode()
        if path == "/_dlt/requests" and method == "GET":
            return 200, {"Content-Type": "application/json"}, json.dumps(list(_requests)).encode()
        _remember(path, headers)
        return await original(method, path, headers, query_params, request_id)

    return handle


def _remember(path, headers):
    scope = _SCOPE.search(headers.get("authorization", ""))
    if scope:
        key, region, service = scope.groups()
        _requests.append({"key": key, "region": region, "service": service, "host": headers.get("host", ""),
                          "operation": headers.get("x-amz-target", "").rpartition(".")[2] or path})
