"""Events that AWS's own services send and the emulator's do not: nobody else may send events from `aws.` sources.

    POST /_dlt/event?region=us-east-1&source=aws.codepipeline&kind=…&detail={…}
"""
import json

import ministack.app as app
import ministack.services.eventbridge as eventbridge
from ministack.core.responses import request_scope

_ACCOUNT = "000000000000"


def install():
    app._handle_pre_body_request = _answering_tests(app._handle_pre_body_request)


def _answering_tests(original):
    async def handle(method, path, headers, query_params, request_id):
        if path != "/_dlt/event" or method != "POST":
            return await original(method, path, headers, query_params, request_id)
        said = {name: values[0] for name, values in query_params.items()}
        entry = {"Source": said["source"], "DetailType": said["kind"], "Detail": said["detail"]}
        with request_scope(_ACCOUNT, said["region"]):
            _status, _headers, body = eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
        failed = json.loads(body)["FailedEntryCount"]
        return 400 if failed else 200, {"Content-Type": "application/json"}, body

    return handle
