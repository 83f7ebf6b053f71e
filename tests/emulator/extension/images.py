"""Worker images: out of the emulator's own registry, layer by layer, into a folder from which they can be started."""
import hashlib
import json
import os
import re
import shutil
import tarfile
import tempfile
import threading
from dataclasses import dataclass, field
from io import BytesIO

import ministack.services.ecr as ecr
from ministack.core.responses import request_scope

_REFERENCE = re.compile(r"^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)(?::([^@]+))?(?:@(.+))?$")
_INDEXES = {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
_ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64", "": "amd64"}

_folder = tempfile.mkdtemp(prefix="dlt-emulated-images-")
_lock = threading.Lock()


class CannotPull(Exception):
    """Becomes the task's stopped reason, in Fargate's words."""


@dataclass
class Image:
    """An unpacked image and what its configuration says."""
    root: str
    entrypoint: list = field(default_factory=list)
    command: list = field(default_factory=list)
    environment: dict = field(default_factory=dict)
    directory: str = "/"

    def executable(self, argv):
        """Where the program that `argv` names lies in the unpacked image."""
        program = argv[0]
        if "/" in program:
            candidates = [os.path.join(self.directory, program)]
        else:
            path = self.environment.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            candidates = [os.path.join(entry, program) for entry in path.split(":")]
        for candidate in candidates:
            host_path = os.path.join(self.root, candidate.lstrip("/"))
            if os.path.isfile(host_path) and os.access(host_path, os.X_OK):
                return host_path
        raise FileNotFoundError(f'exec: "{program}": no such file or directory, or it is not executable')


def pull(reference, architecture=""):
    """Unpacks an image once per digest. `architecture` is the task definition's `cpuArchitecture`."""
    match = _REFERENCE.match(reference)
    if not match:
        raise CannotPull(f"CannotPullContainerError: {reference} is in no registry that can be reached")
    account, region, repository, tag, digest = match.groups()
    with request_scope(account, region):
        manifest_digest, manifest = _manifest(reference, repository, digest or tag or "latest")
        if manifest.get("mediaType") in _INDEXES or "manifests" in manifest:
            wanted = _ARCHITECTURES.get(architecture, architecture.lower())
            entry = next((entry for entry in manifest["manifests"]
                          if entry.get("platform", {}).get("architecture") == wanted), None)
            if entry is None:
                raise _wrong_platform(wanted)
            manifest_digest, manifest = _manifest(reference, repository, entry["digest"])
        config = json.loads(_blob(repository, manifest["config"]["digest"]))
        wanted = _ARCHITECTURES.get(architecture, architecture.lower())
        if config.get("architecture", wanted) != wanted:
            raise _wrong_platform(wanted)
        root = _unpacked(repository, manifest_digest, manifest["layers"])
    settings = config.get("config") or {}
    environment = dict(entry.split("=", 1) for entry in settings.get("Env") or [])
    return Image(root, settings.get("Entrypoint") or [], settings.get("Cmd") or [], environment,
                 settings.get("WorkingDir") or "/")


def _wrong_platform(architecture):
    return CannotPull("CannotPullContainerError: image Manifest does not contain descriptor matching platform "
                      f"'linux/{architecture}'")


def _manifest(reference, repository, name):
    digest, manifest, _media_type = ecr._resolve_manifest(repository, name)
    if digest is None:
        raise CannotPull(f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve "
                         f"ref {reference}: {reference}: not found")
    return digest, json.loads(manifest)


def _blob(repository, digest):
    blob = ecr._layer_blobs.get(repository, {}).get(digest)
    if blob is None or "sha256:" + hashlib.sha256(blob).hexdigest() != digest:
        raise CannotPull(f"CannotPullContainerError: layer {digest} is missing from the registry or damaged")
    return blob


def _unpacked(repository, digest, layers):
    root = os.path.join(_folder, digest.replace(":", "-"))
    with _lock:
        if not os.path.isdir(root):
            building = tempfile.mkdtemp(dir=_folder)
            for layer in layers:
                _apply(_blob(repository, layer["digest"]), building)
            os.rename(building, root)
    return root


def _apply(blob, root):
    """Puts one layer over what is there; `.wh.` entries remove what lower layers put there."""
    with tarfile.open(fileobj=BytesIO(blob), mode="r:*") as archive:
        for member in archive:
            folder, name = os.path.split(member.name)
            if name == ".wh..wh..opq":
                shutil.rmtree(os.path.join(root, folder), ignore_errors=True)
            elif name.startswith(".wh."):
                _remove(os.path.join(root, folder, name[len(".wh."):]))
            elif member.isdev() or member.isfifo():
                continue
            else:
                archive.extract(member, root, filter="tar")


def _remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)


def forget():
    """Removes everything that was unpacked."""
    shutil.rmtree(_folder, ignore_errors=True)
