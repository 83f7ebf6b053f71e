"""A registry of the tests' own, which fails as it is told. What reaches it is on disk at once, so that one that was killed
knows after its restart how far an upload had come, in the middle of a chunk too: Debian's registry forgets such an upload.

    python shelf.py PORT FOLDER [--stall-at BYTES] [--damage N] [--tokens CHUNKS] [--quota BYTES] [--immutable]

It answers `/v2/` as the distribution specification says, and writes a line for every piece of an upload into `FOLDER/log`:
where in the blob it began, and how much of it was kept.
"""
import argparse
import base64
import hashlib
import json
import os
import re
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

USER = "eva:right"
_READ_BYTES = 64 << 10


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Shelf:
    """The files of a registry, and what goes wrong with it."""

    def __init__(self, folder, faults):
        self.folder, self.faults, self.tokens = folder, faults, {}
        for name in ("uploads", "blobs", "manifests"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)

    def path(self, kind, name):
        return os.path.join(self.folder, kind, name.replace(":", "="))

    def note(self, line):
        with open(os.path.join(self.folder, "log"), "a", encoding="ascii") as log:
            log.write(line + "\n")

    def used(self):
        return sum(os.path.getsize(os.path.join(self.folder, kind, name))
                   for kind in ("blobs", "uploads") for name in os.listdir(os.path.join(self.folder, kind)))

    def once(self, fault):
        """True the first time, over all lives of the registry."""
        mark = os.path.join(self.folder, fault)
        if os.path.exists(mark):
            return False
        open(mark, "w", encoding="ascii").close()
        return True

    def length(self, upload):
        path = self.path("uploads", upload)
        if not os.path.exists(path):
            raise Refused(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return os.path.getsize(path)

    def keep(self, name, stream, length):
        """Appends to an upload as it comes in, and answers how long it is now."""
        path, began = self.path("uploads", name), self.length(name)
        size = began
        with open(path, "ab", buffering=0) as file:
            while length > 0:
                piece = stream.read(min(_READ_BYTES, length))
                if not piece:
                    break
                length -= len(piece)
                stall = self.faults.stall_at
                if stall and size < stall <= size + len(piece):
                    file.write(piece[:stall - size])
                    self.note(f"{name} {began} {stall - began}")
                    if self.once("stalled"):
                        time.sleep(3600)
                file.write(piece)
                size += len(piece)
        self.note(f"{name} {began} {size - began}")
        return size


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    shelf = None

    def answer(self):
        self.left = int(self.headers.get("Content-Length") or 0)
        try:
            self.route(urlsplit(self.path))
        except Refused as refused:
            # What was not read would be taken for the next request.
            while self.left > 0 and (piece := self.rfile.read(min(_READ_BYTES, self.left))):
                self.left -= len(piece)
            body = json.dumps({"errors": [{"code": refused.code, "message": refused.message}]}).encode()
            headers = {"Content-Type": "application/json"}
            if refused.status == 401:
                headers["WWW-Authenticate"] = f'Bearer realm="http://{self.headers["Host"]}/token",service="shelf"'
            self.reply(refused.status, headers, body)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = answer

    def route(self, url):
        if url.path == "/token":
            return self.token()
        self.let_in()
        if url.path == "/v2/":
            return self.reply(200)
        found = re.fullmatch(r"/v2/(.+?)/(blobs/uploads|blobs|manifests)/([^/]*)", url.path)
        if not found:
            raise Refused(404, "UNSUPPORTED", "no such place")
        repository, kind, name = found.groups()
        place = f"/v2/{repository}/blobs/uploads/"
        if kind == "blobs/uploads":
            return self.upload(place, name, parse_qs(url.query))
        if self.command == "PUT":
            return self.manifest(name)
        self.stored(kind, name)

    def token(self):
        scheme, _, encoded = (self.headers.get("Authorization") or "").partition(" ")
        if scheme != "Basic" or base64.b64decode(encoded).decode() != USER:
            raise Refused(401, "UNAUTHORIZED", "wrong user or password")
        token = uuid.uuid4().hex
        self.shelf.tokens[token] = self.shelf.faults.tokens
        self.shelf.note("token")
        self.reply(200, {"Content-Type": "application/json"}, json.dumps({"token": token}).encode())

    def let_in(self):
        if self.shelf.faults.tokens is None:
            return
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in self.shelf.tokens:
            raise Refused(401, "UNAUTHORIZED", "authentication required")
        if self.command == "PATCH":
            self.shelf.tokens[token] -= 1
        if self.shelf.tokens[token] < 0:
            raise Refused(401, "UNAUTHORIZED", "token is expired")

    def upload(self, place, name, query):
        if self.command == "POST":
            name = uuid.uuid4().hex
            open(self.shelf.path("uploads", name), "wb").close()
            return self.reply(202, {"Location": place + name, "Range": "0-0"})
        quota = self.shelf.faults.quota
        if quota is not None and self.shelf.used() + self.left > quota:
            raise Refused(403, "DENIED", f"project quota exceeded: {quota} bytes")
        begins = (self.headers.get("Content-Range") or "").partition("-")[0]
        if begins and int(begins) != self.shelf.length(name):
            raise Refused(416, "RANGE_INVALID", "not where the upload has come to")
        size = self.shelf.keep(name, self.rfile, self.left)
        self.left = 0
        where = {"Location": place + name, "Range": f"0-{max(0, size - 1)}"}
        if self.command == "PUT":
            return self.complete(name, query["digest"][0])
        self.reply(204 if self.command == "GET" else 202, where)

    def complete(self, name, digest):
        path = self.shelf.path("uploads", name)
        with open(path, "rb") as file:
            content = bytearray(file.read())
        if content and self.shelf.faults.damage:
            self.shelf.faults.damage -= 1
            content[len(content) // 2] ^= 1
        if "sha256:" + hashlib.sha256(content).hexdigest() != digest:
            os.remove(path)
            raise Refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        os.rename(path, self.shelf.path("blobs", digest))
        self.reply(201, {"Docker-Content-Digest": digest})

    def manifest(self, name):
        content = self.rfile.read(self.left)
        self.left = 0
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        path = self.shelf.path("manifests", name)
        if self.shelf.faults.immutable and os.path.exists(path):
            with open(path, "rb") as file:
                if file.read() != content:
                    raise Refused(400, "TAG_INVALID", f"The image tag '{name}' already exists and cannot be overwritten")
        for each in {name, digest}:
            with open(self.shelf.path("manifests", each), "wb") as file:
                file.write(content)
        self.reply(201, {"Docker-Content-Digest": digest})

    def stored(self, kind, name):
        path = self.shelf.path(kind, name)
        if not os.path.exists(path):
            code = "BLOB_UNKNOWN" if kind == "blobs" else "MANIFEST_UNKNOWN"
            raise Refused(404, code, "not here")
        with open(path, "rb") as file:
            content = file.read()
        headers = {"Docker-Content-Digest": "sha256:" + hashlib.sha256(content).hexdigest()}
        if kind == "manifests":
            headers["Content-Type"] = json.loads(content).get("mediaType", "application/vnd.oci.image.manifest.v1+json")
        self.reply(200, headers, content)

    def reply(self, status, headers=None, body=b""):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("folder")
    parser.add_argument("--stall-at", type=int, help="stand still, once, when an upload has so many bytes")
    parser.add_argument("--damage", type=int, default=0, help="change a bit of so many blobs")
    parser.add_argument("--tokens", type=int, help="want a token, and let each be good for so many chunks")
    parser.add_argument("--quota", type=int, help="take so many bytes and no more")
    parser.add_argument("--immutable", action="store_true", help="never let a tag name another image")
    faults = parser.parse_args()
    Handler.shelf = Shelf(faults.folder, faults)
    server = ThreadingHTTPServer(("127.0.0.1", faults.port), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
