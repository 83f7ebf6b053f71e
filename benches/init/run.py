"""How long functions take to be ready and to answer, under one Runtime API emulator: ours next to the least in Node.

    python3 benches/init/run.py target/x86_64-unknown-linux-gnu/release/bootstrap [ROUNDS]

Each round starts both afresh, one after the other. *Init* is from the start of the process to its first request for an
event, *first* from there to its first answer, *warm* the median of later answers. AWS's own sandbox is not in it.
"""
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WARM = 50
EVENT = json.dumps({
    "version": "2.0", "routeKey": "ANY /{proxy+}", "rawPath": "/prod/nothing", "rawQueryString": "", "headers": {"host": "x"},
    "requestContext": {
        "accountId": "123456789012", "apiId": "a", "domainName": "x", "domainPrefix": "x", "requestId": "1", "stage": "prod",
        "routeKey": "ANY /{proxy+}", "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1767225600000,
        "http": {"method": "GET", "path": "/prod/nothing", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "x"},
    },
    "isBase64Encoded": False,
}).encode()


class Runtime(BaseHTTPRequestHandler):
    """Gives out the same event for ever and notes when it is asked and answered."""
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self):
        self.server.asked.append(time.perf_counter())
        if len(self.server.answered) > WARM:
            self.server.enough.set()
            time.sleep(5)
        deadline = str(int(time.time() * 1000) + 60_000)
        self.reply(200, EVENT, {
            "Lambda-Runtime-Aws-Request-Id": str(len(self.server.asked)), "Lambda-Runtime-Deadline-Ms": deadline,
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:bench",
        })

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0)) if "Content-Length" in self.headers else self.chunks()
        if "error" in self.path:
            self.server.failed = True
        self.server.answered.append(time.perf_counter())
        self.reply(202, b"{}", {})

    def chunks(self):
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + 2)
        self.rfile.readline()

    def reply(self, status, body, headers):
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def log_message(self, *_arguments):
        pass


def measure(command, variables):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Runtime)
    server.daemon_threads = True
    server.asked, server.answered, server.failed, server.enough = [], [], False, threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}", **variables}
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    done = server.enough.wait(30)
    memory = peak_mb(process.pid)
    process.kill()
    said = process.communicate()[1].decode()
    server.shutdown()
    if not done or server.failed:
        sys.exit(f"{command[0]} did not answer: {said}")
    asked, answered = server.asked, server.answered
    warm = [end - start for start, end in zip(asked[1:], answered[1:])]
    return (asked[0] - began) * 1e3, (answered[0] - asked[0]) * 1e3, statistics.median(warm) * 1e3, memory


def peak_mb(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        return float("nan")


def main():
    bootstrap, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20
    here = os.path.dirname(os.path.abspath(__file__))
    common = {
        "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_LAMBDA_FUNCTION_NAME": "bench", "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    }
    ours = {**common, "DLT_ROLE": "api", "DLT_STACK": "bench", "DLT_TABLE": "bench", "DLT_BUCKET": "bench",
            "DLT_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:bench",
            "DLT_REGIONS": "us-east-1", "DLT_HUB_REGION": "us-east-1", **json.loads(os.environ.get("BENCH_VARIABLES", "{}"))}
    peers = {
        "dlt bootstrap, role api": ([bootstrap], ours),
        "Node hello-world": ([shutil.which("node") or sys.exit("node is not installed"), os.path.join(here, "hello.mjs")], common),
    }
    results = {name: [] for name in peers}
    for _ in range(rounds):
        for name, (command, variables) in peers.items():
            results[name].append(measure(command, variables))
    print("| function | init ms | first ms | warm ms | peak MB |\n|---|---:|---:|---:|---:|")
    for name, rows in results.items():
        columns = [f"{statistics.median(it):.1f} ({min(it):.1f}–{max(it):.1f})" for it in list(zip(*rows))[:3]]
        print(f"| {name} | {' | '.join(columns)} | {statistics.median([row[3] for row in rows]):.0f} |")


if __name__ == "__main__":
    main()
