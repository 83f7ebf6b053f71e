"""ECS on Fargate without a container engine: a task is a real process, started out of the pushed image's layers.

The emulator itself needs a Docker engine or else leaves every task RUNNING for ever. Here RunTask registers the task as
before; what then happens to it (pulling, running, output to the log group, exit code, stop signals, state-change events)
is done by this module.
"""
import json
import threading

import ministack.services.ec2 as ec2
import ministack.services.ecs as ecs
import ministack.services.eventbridge as eventbridge
from ministack.core.responses import (error_response_json, get_account_id, get_region, json_response, request_scope)

from . import process
from .images import CannotPull, pull

_DEFAULT_STOP_TIMEOUT_SECONDS = 30
_DETAIL_TYPE = "ECS Task State Change"

# What RunTask was asked under a client token, and the tasks that it started then.
_tokens = {}
_tokens_lock = threading.Lock()
# Running containers by task ARN.
_containers = {}


def install():
    # Any engine that is there makes RunTask asynchronous, with the states PROVISIONING to RUNNING.
    ecs._get_docker = lambda: _containers or True
    ecs._run_task_worker = _live
    run, reset = ecs._run_task, ecs.reset
    ecs._run_task = lambda data: _run_task(run, data)
    ecs._stop_task = _stop_task
    ecs._list_tasks = _list_tasks(ecs._list_tasks)
    ecs._ACTION_MAP.update({"RunTask": lambda data: ecs._run_task(data), "StopTask": _stop_task,
                            "ListTasks": lambda data: ecs._list_tasks(data)})

    def reset_everything():
        for container in list(_containers.values()):
            container.kill()
        with _tokens_lock:
            _tokens.clear()
        reset()

    ecs.reset = reset_everything


def _list_tasks(original):
    # Real ECS takes `startedBy` as the only filter; the emulator takes any mixture.
    def listed(data):
        mixed = [name for name in ("family", "serviceName", "desiredStatus", "launchType", "containerInstance") if data.get(name)]
        if data.get("startedBy") and mixed:
            return error_response_json("InvalidParameterException", f"startedBy cannot be combined with {mixed}.", 400)
        return original(data)

    return listed


# -------------------------------------------------------------------------------------------------------------- RunTask


def _run_task(original, data):
    """RunTask with what the emulator does not look at: client tokens, the network, names, sizes, inherited tags."""
    problem = _refusal(data)
    if problem:
        return error_response_json(*problem, 400)
    token = data.get("clientToken")
    if not token:
        return _start(original, data)
    key = (get_account_id(), get_region(), data.get("cluster", "default"), token)
    asked = json.dumps(data, sort_keys=True)
    with _tokens_lock:
        if key not in _tokens:
            answer = _start(original, data)
            if answer[0] < 400:
                _tokens[key] = (asked, [task["taskArn"] for task in json.loads(answer[2])["tasks"]])
            return answer
        before, arns = _tokens[key]
    if before != asked:
        return error_response_json("ConflictException", "The request conflicts with an earlier one that had the same "
                                   "clientToken", 400, {"resourceIds": arns})
    return json_response({"tasks": [ecs._sanitize(ecs._tasks[arn]) for arn in arns if arn in ecs._tasks], "failures": []})


def _refusal(data):
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    if cluster is None or cluster not in ecs._clusters:
        return "ClusterNotFoundException", "Cluster not found."
    definition = ecs._task_defs.get(ecs._resolve_td_key(data.get("taskDefinition", "")))
    if not definition:
        return None
    names = {container["name"] for container in definition["containerDefinitions"]}
    for override in (data.get("overrides") or {}).get("containerOverrides") or []:
        if override.get("name") not in names:
            return "InvalidParameterException", (f"Override for container named {override.get('name')} is not a container "
                                                 "in the TaskDefinition.")
    if definition.get("networkMode") != "awsvpc":
        return None
    vpc = (data.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if not vpc:
        return "InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified."
    for subnet in vpc.get("subnets") or []:
        if subnet not in ec2._subnets:
            return "InvalidParameterException", (f"Error retrieving subnet information for [{subnet}]: The subnet ID "
                                                 f"'{subnet}' does not exist")
    for group in vpc.get("securityGroups") or []:
        if group not in ec2._security_groups:
            return "InvalidParameterException", (f"Error retrieving security group information for [{group}]: The security "
                                                 f"group '{group}' does not exist")
    return None


def _start(original, data):
    definition = ecs._task_defs.get(ecs._resolve_td_key(data.get("taskDefinition", ""))) or {}
    if data.get("propagateTags") == "TASK_DEFINITION":
        inherited = {tag["key"]: tag for tag in ecs._tags.get(definition.get("taskDefinitionArn"), [])}
        inherited.update({tag["key"]: tag for tag in data.get("tags") or []})
        data = {**data, "tags": list(inherited.values())}
    answer = original(data)
    if answer[0] >= 400:
        return answer
    body = json.loads(answer[2])
    for seen in body["tasks"]:
        for size in ("cpu", "memory"):
            chosen = (data.get("overrides") or {}).get(size)
            if chosen:
                seen[size] = ecs._tasks[seen["taskArn"]][size] = chosen
    return json_response(body)


# --------------------------------------------------------------------------------------------------- the life of a task


def _live(task, definition, overrides, _engine, account, region):
    with request_scope(account, region):
        try:
            _announce(task)
            _run(task, definition, overrides)
        except CannotPull as problem:
            _finish(task, str(problem), "TaskFailedToStart")
        except Exception as problem:  # Whatever else goes wrong before the process runs, the task must end.
            _finish(task, f"ResourceInitializationError: {problem}", "TaskFailedToStart")


def _run(task, definition, overrides):
    container_definition = definition["containerDefinitions"][0]
    _move(task, "PENDING")
    architecture = (definition.get("runtimePlatform") or {}).get("cpuArchitecture", "")
    image = pull(container_definition["image"], architecture)
    logs = _log_stream(task, container_definition)
    if task["desiredStatus"] == "STOPPED":
        return _finish(task, task["stoppedReason"], task["stopCode"])
    override = ecs._container_override_for(overrides, container_definition["name"])
    container = process.Container(image, definition, container_definition, override, task)
    arn = task["taskArn"]
    try:
        container.start()
    except OSError as problem:
        return _finish(task, f"CannotStartContainerError: Error response from daemon: failed to create task for container: "
                             f"{problem}", "TaskFailedToStart", 127)
    _containers[arn] = container
    _move(task, "RUNNING", started=True)
    if task["desiredStatus"] == "STOPPED":
        container.stop(_stop_timeout(container_definition))
    for line in container.lines():
        if logs:
            ecs._emit_awslogs_event(logs, line)
    exit_code = container.wait()
    _containers.pop(arn, None)
    if task["desiredStatus"] == "STOPPED":
        _finish(task, task["stoppedReason"], task["stopCode"], exit_code)
    else:
        _finish(task, "Essential container in task exited", "EssentialContainerExited", exit_code)


def _log_stream(task, container_definition):
    """Where the output goes; a log group that does not exist keeps a Fargate task from starting."""
    config = ecs._awslogs_config(container_definition, task["taskArn"].rsplit("/", 1)[-1], task["taskArn"])
    if config is None:
        return None
    if config["region"] and config["region"] != get_region():
        raise RuntimeError(f"the emulated log driver writes to the task's own region, not to {config['region']}")
    if not ecs._ensure_awslogs_stream(config):
        raise RuntimeError("failed to validate logger args: create stream has been retried 1 times: failed to create "
                           f"Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. "
                           f"({config['group']})")
    return config


def _stop_timeout(container_definition):
    return float(container_definition.get("stopTimeout") or _DEFAULT_STOP_TIMEOUT_SECONDS)


def _move(task, status, started=False):
    now = ecs._iso()
    with ecs.resource_lock("ecs-task", task["taskArn"]):
        ecs._bump_task_version(task)
        task["lastStatus"] = status
        for container in task["containers"]:
            container["lastStatus"] = status
        if started:
            task["pullStoppedAt"] = task["startedAt"] = now
        else:
            task["pullStartedAt"] = now
    _announce(task)


def _finish(task, reason, stop_code, exit_code=None):
    now = ecs._iso()
    with ecs.resource_lock("ecs-task", task["taskArn"]):
        ecs._bump_task_version(task)
        task.update({"lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stoppedReason": reason, "stopCode": stop_code,
                     "stoppingAt": task.get("stoppingAt") or now, "executionStoppedAt": now, "stoppedAt": now})
        for container in task["containers"]:
            container["lastStatus"] = "STOPPED"
            if exit_code is not None:
                container["exitCode"] = exit_code
    _announce(task)


def _announce(task):
    """Recounts the cluster and publishes the event that EventBridge rules of real accounts are given."""
    ecs._recount_cluster(ecs._cluster_name_from_arn(task["clusterArn"]))
    with ecs.resource_lock("ecs-task", task["taskArn"]):
        detail = json.dumps(ecs._sanitize(task), default=str)
    eventbridge._put_events({"Entries": [{"Source": "aws.ecs", "DetailType": _DETAIL_TYPE, "Detail": detail,
                                          "Resources": [task["taskArn"]]}]}, allow_aws_source=True)


# ------------------------------------------------------------------------------------------------------------- StopTask


def _stop_task(data):
    """Marks the task and sends SIGTERM at once; the emulator says STOPPED before the process has ended."""
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    task = ecs._resolve_task(data.get("task", ""), cluster) if cluster else None
    if task is None:
        return error_response_json("InvalidParameterException", "The referenced task was not found.", 400)
    with ecs.resource_lock("ecs-task", task["taskArn"]):
        stops = task["desiredStatus"] != "STOPPED"
        if stops:
            ecs._bump_task_version(task)
            task.update({"desiredStatus": "STOPPED", "stopCode": "UserInitiated", "stoppingAt": ecs._iso(),
                         "stoppedReason": data.get("reason") or "Task stopped by user"})
    if stops:
        _announce(task)
        container = _containers.get(task["taskArn"])
        if container:
            definition = ecs._task_defs.get(ecs._resolve_td_key(task["taskDefinitionArn"])) or {}
            container.stop(_stop_timeout((definition.get("containerDefinitions") or [{}])[0]))
    return json_response({"task": ecs._sanitize(task)})
