"""One container as a child process."""
import ctypes
import hashlib
import os
import signal
import subprocess
import threading

import ministack.services.sts as sts
from ministack.core.responses import get_account_id, get_region

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_the_emulator():
    # An emulator that is killed leaves no load generators behind.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Container:
    """The first container of a task; our tasks have no other."""

    def __init__(self, image, definition, container_definition, override, task):
        entrypoint = container_definition.get("entryPoint") or image.entrypoint
        command = override.get("command") or container_definition.get("command") or image.command
        self._argv = [*entrypoint, *command]
        self._image = image
        self._environment = {
            **image.environment,
            **_variables(container_definition),
            **_platform(definition, task),
            **_variables(override),
        }
        self._process = None
        self._killer = None

    def start(self):
        if not self._argv:
            raise FileNotFoundError("no command specified")
        self._process = subprocess.Popen(
            self._argv, executable=self._image.executable(self._argv), env=self._environment,
            cwd=os.path.join(self._image.root, self._image.directory.lstrip("/")), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=_die_with_the_emulator)

    def lines(self):
        """The output as it comes, standard output and standard error together as the log driver sees them."""
        for line in self._process.stdout:
            text = line.decode("utf-8", errors="replace").rstrip("\r\n")
            if text:
                yield text

    def wait(self):
        """The exit code as a container engine counts it: 128 and the signal for a process that was killed."""
        code = self._process.wait()
        if self._killer:
            self._killer.cancel()
        return code if code >= 0 else 128 - code

    def stop(self, timeout):
        """SIGTERM now, SIGKILL after the stop timeout."""
        self._process.send_signal(signal.SIGTERM)
        self._killer = threading.Timer(timeout, self.kill)
        self._killer.daemon = True
        self._killer.start()

    def kill(self):
        if self._process and self._process.poll() is None:
            self._process.kill()


def _variables(definition):
    return {pair["name"]: pair["value"] for pair in definition.get("environment") or []}


def _platform(definition, task):
    """What Fargate adds to a container's environment, and the endpoint that stands for AWS here."""
    region = get_region()
    return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"], **_credentials(definition.get("taskRoleArn"), task)}


def _credentials(role, task):
    """A session of the task's role. Fargate gives them by a local address instead, which cannot be bound here."""
    if not role:
        return {}
    account, session = get_account_id(), task["taskArn"].rsplit("/", 1)[-1]
    digest = hashlib.sha256(task["taskArn"].encode()).hexdigest()
    keys = {"AWS_ACCESS_KEY_ID": "ASIA" + digest[:16].upper(), "AWS_SECRET_ACCESS_KEY": digest[16:56],
            "AWS_SESSION_TOKEN": digest}
    name = role.rpartition("/")[2]
    sts.register_session(keys["AWS_ACCESS_KEY_ID"], {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
        "UserId": f"{name}:{session}",
        "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": keys["AWS_SESSION_TOKEN"],
        "AccountId": account,
        "PrincipalType": "AssumedRole",
    })
    return keys
