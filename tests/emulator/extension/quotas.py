"""Service Quotas: what an account may have. The emulator has no such service.

The account is one that asked for more Fargate once; everything else has AWS's default.
"""
import json

import ministack.app as app
import ministack.core.iam_actions as iam_actions
import ministack.core.router as router

_TARGET = "ServiceQuotasV20190624"
# Service and code; name and default.
_DEFAULTS = {
    ("apigateway", "L-8A5B8E43"): ("Throttle rate", 10000),
    ("cloudformation", "L-0485CB21"): ("Stack count", 2000),
    ("fargate", "L-3032A538"): ("Fargate On-Demand vCPU resource count", 6),
    ("fargate", "L-36FBB829"): ("Fargate Spot vCPU resource count", 6),
    ("iotcore", "L-11111111"): ("Connect requests per second per account", 500),
    ("iotcore", "L-22222222"): ("Inbound publish requests per second per account", 20000),
    ("lambda", "L-B99A9384"): ("Concurrent executions", 1000),
    ("vpc", "L-DF5E4CA3"): ("Network interfaces per Region", 5000),
    ("vpc", "L-F678F1CE"): ("VPCs per Region", 5),
}
# What was asked for and granted; AWS answers GetServiceQuota only for quotas that it applies to the account.
_APPLIED = {("fargate", "L-3032A538"): 100, ("lambda", "L-B99A9384"): 1000, ("vpc", "L-F678F1CE"): 5}
_PAGE = 1


def install():
    router.SERVICE_PATTERNS["servicequotas"] = {"target_prefixes": [_TARGET]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE["servicequotas"] = "servicequotas"
    app.SERVICE_HANDLERS["servicequotas"] = _handle


async def _handle(method, path, headers, body, query):
    action = headers.get("x-amz-target", "").partition(".")[2]
    request = json.loads(body or b"{}")
    service, code = request.get("ServiceCode"), request.get("QuotaCode")
    if action == "GetServiceQuota" and (service, code) in _APPLIED:
        return _answer(200, {"Quota": _quota(service, code, _APPLIED[service, code])})
    if action == "GetAWSDefaultServiceQuota" and (service, code) in _DEFAULTS:
        return _answer(200, {"Quota": _quota(service, code, _DEFAULTS[service, code][1])})
    if action == "ListAWSDefaultServiceQuotas" and any(known == service for known, _ in _DEFAULTS):
        return _answer(200, _page(service, int(request.get("NextToken") or 0)))
    return _answer(400, {"__type": "NoSuchResourceException", "Message": "The request failed because the specified quota "
                         "doesn't exist."})


def _page(service, start):
    """One quota a page: whoever reads only the first page finds nothing."""
    codes = sorted(code for known, code in _DEFAULTS if known == service)
    quotas = [_quota(service, code, _DEFAULTS[service, code][1]) for code in codes[start:start + _PAGE]]
    more = start + _PAGE < len(codes)
    return {"Quotas": quotas, **({"NextToken": str(start + _PAGE)} if more else {})}


def _quota(service, code, value):
    return {"ServiceCode": service, "QuotaCode": code, "QuotaName": _DEFAULTS[service, code][0], "Value": float(value)}


def _answer(status, value):
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(value).encode()
