"""S3 as strict as AWS's, and as lenient where only the missing TLS of a loopback connection is in the way."""
from urllib.parse import unquote

import ministack.app as app
import ministack.services.s3 as s3
from ministack.core.iam_evaluator import pin_request_origin


def install():
    # Our buckets deny requests without TLS, as they should. On loopback there is no TLS, so every request counts as
    # having it; that the statement is in the templates is for the templates' own tests.
    app.pin_request_origin = lambda source, _secure: pin_request_origin(source, True)
    handle = s3.handle_request

    async def handle_request(method, path, headers, body, query_params, **rest):
        answer = await handle(method, path, headers, body, query_params, **rest)
        if answer[0] == 404 and method in ("GET", "HEAD") and not rest.get("internal"):
            return _hidden(path, headers, query_params) or answer
        return answer

    s3.handle_request = handle_request


def _hidden(path, headers, query_params):
    """AWS does not tell who may not list a bucket whether a key is there: 403 instead of 404."""
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if not key:
        return None
    return app._enforce_data_plane("s3", "s3:ListBucket", headers, query_params, "", resource_arn=f"arn:aws:s3:::{bucket}")
