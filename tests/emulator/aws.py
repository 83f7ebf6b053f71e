"""Starts the emulated AWS of the tests: ministack in a process of its own, with our extension.

    python tests/emulator/aws.py --port 4566

prints `ready http://127.0.0.1:4566` when it answers, and ends on SIGTERM or SIGINT with everything it started: the
Lambda functions' and the tasks' processes. Several run at once on different ports; each forgets everything at its end.
"""
import argparse
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

_START_TIMEOUT_SECONDS = 60
_STOP_TIMEOUT_SECONDS = 3
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None, use_errno=True)


def main():
    arguments = _arguments()
    if arguments.serve:
        return _serve()
    return _supervise(arguments)


def _arguments():
    parser = argparse.ArgumentParser(description="the emulated AWS of the tests")
    parser.add_argument("--port", type=int, required=True, help="the loopback port to listen on")
    parser.add_argument("--region", default="us-east-1", help="the region of requests that name none")
    parser.add_argument("--log", help="a file for the emulator's log; it is thrown away otherwise")
    parser.add_argument("--no-iam", action="store_true", help="let every request through, whatever its policies say")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _serve():
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import extension

    extension.install()
    sys.argv = sys.argv[:1]
    from ministack.app import main as serve

    serve()


def _supervise(arguments):
    # Processes whose parent dies become children of this one, so that none is forgotten at the end.
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: sys.exit(0))
    endpoint = f"http://127.0.0.1:{arguments.port}"
    folder = tempfile.mkdtemp(prefix="dlt-emulated-aws-")
    log = open(arguments.log or os.devnull, "ab")
    server = subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), "--serve", "--port", str(arguments.port)],
        env=_environment(arguments, endpoint, folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
    try:
        _await_health(endpoint, server)
        print(f"ready {endpoint}", flush=True)
        return server.wait()
    finally:
        _end(server)
        shutil.rmtree(folder, ignore_errors=True)


def _environment(arguments, endpoint, folder):
    """Everything that the emulator is told; nothing of the caller's AWS settings reaches it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DLT_", "MINISTACK_"))}
    return {
        **inherited,
        "GATEWAY_PORT": str(arguments.port),
        "BIND_HOST": "127.0.0.1",
        # Lambda functions are told this endpoint only if the emulator itself has it.
        "AWS_ENDPOINT_URL": endpoint,
        "MINISTACK_REGION": arguments.region,
        # Policies are evaluated for every call; the key `test` is the account's root.
        "AUTH": "false" if arguments.no_iam else "true",
        # Waiting states take a tenth of their time.
        "SFN_WAIT_SCALE": os.environ.get("SFN_WAIT_SCALE", "0.1"),
        # Servers that nothing of ours uses would collide when several emulators run at once.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": folder,
    }


def _await_health(endpoint, server):
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"the emulated AWS ended with {server.returncode} before it was ready; --log FILE keeps its words")
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"the emulated AWS did not answer within {_START_TIMEOUT_SECONDS} s")


def _end(server):
    """Ends the server, then whatever it left behind, which has become ours."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(_STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    while orphans := _children():
        for orphan in orphans:
            os.kill(orphan, signal.SIGKILL)
        for orphan in orphans:
            try:
                os.waitpid(orphan, 0)
            except ChildProcessError:
                pass


def _children():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
        return [int(child) for child in children.read().split()]


if __name__ == "__main__":
    sys.exit(main())
