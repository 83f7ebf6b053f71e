"""ECS as IAM sees it: which resource each call is about, the cluster as a condition, and the roles that are passed on. And
change sets, which are their stack's; and the role of ECS, which has a path.

The emulator asks for every call whether the cluster may be touched, so that the policies that AWS wants are denied, and
it never asks whether the caller may hand a role to a task.
"""
import json

import ministack.app as app
import ministack.services.cloudformation as cloudformation
import ministack.services.ecs as ecs
from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region


def install():
    resource_of, context_of, handle = iam_actions.extract_resource_arn, iam_actions.request_tag_context, ecs.handle_request

    def extract_resource_arn(service, method, path, headers, body, query_params, *rest):
        named = None
        if service == "ecs":
            named = _resource(_action(headers), _json(body))
        elif service == "cloudformation":
            named = _stack_of_change_set(query_params)
        elif service == "iam" and query_params.get("RoleName", [""])[0].startswith("AWSServiceRoleForECS"):
            named = f"arn:aws:iam::{get_account_id()}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
        return named or resource_of(service, method, path, headers, body, query_params, *rest)

    def request_context(service, iam_action, body, params):
        context = context_of(service, iam_action, body, params)
        return {**context, **_cluster_context(_json(body))} if service == "ecs" else context

    async def handle_request(method, path, headers, body, query_params):
        if _action(headers) == "RunTask":
            denied = _start_refusal(headers, query_params, _json(body))
            if denied:
                return denied
        return await handle(method, path, headers, body, query_params)

    iam_actions.extract_resource_arn = extract_resource_arn
    iam_actions.request_tag_context = request_context
    ecs.handle_request = handle_request


def _action(headers):
    return headers.get("x-amz-target", "").rpartition(".")[2]


def _json(body):
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _resource(action, request):
    """The resource of the Service Authorization Reference for the calls that our functions make."""
    if action == "ListTasks":
        return "*"
    if action == "RunTask":
        return (_definition(request) or {}).get("taskDefinitionArn")
    if action in ("StopTask", "DescribeTasks"):
        names = request.get("tasks") or [request.get("task", "")]
        cluster = request.get("cluster", "default").rpartition("/")[2]
        full = [name if name.startswith("arn:") else _arn(f"task/{cluster}/{name}") for name in names]
        return full[0]
    return None


def _stack_of_change_set(query_params):
    """A change set that is named by its id alone is still about its stack."""
    change_set = cloudformation._change_sets.get(query_params.get("ChangeSetName", [""])[0])
    return change_set["StackId"] if change_set and "StackName" not in query_params else None


def _arn(resource):
    return f"arn:aws:ecs:{get_region()}:{get_account_id()}:{resource}"


def _definition(request):
    return ecs._task_defs.get(ecs._resolve_td_key(request.get("taskDefinition", "")))


def _cluster_context(request):
    cluster = request.get("cluster")
    if not cluster:
        return {}
    return {"ecs:cluster": cluster if cluster.startswith("arn:") else _arn(f"cluster/{cluster}")}


def _start_refusal(headers, query_params, request):
    """RunTask also passes the task's roles on, and tags what it starts."""
    definition = _definition(request) or {}
    for role in (definition.get("taskRoleArn"), definition.get("executionRoleArn")):
        if role:
            denied = app._enforce_data_plane("ecs", "iam:PassRole", headers, query_params, "", resource_arn=role,
                                             service_context={"iam:PassedToService": "ecs-tasks.amazonaws.com"})
            if denied:
                return denied
    if not request.get("tags"):
        return None
    cluster = request.get("cluster", "default").rpartition("/")[2]
    return app._enforce_data_plane("ecs", "ecs:TagResource", headers, query_params, "",
                                   resource_arn=_arn(f"task/{cluster}/{'0' * 32}"),
                                   service_context={"ecs:CreateAction": "RunTask", **_cluster_context(request)})
