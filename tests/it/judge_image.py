"""Judges an OCI image layout by schemas that are not ours: the image specification's own, and CycloneDX's.

    judge_image.py LAYOUT    → prints what was judged, as JSON; ends with 1 and the reasons when something is wrong

The schemas of the image specification are those of Debian's golang-github-opencontainers-image-spec-dev.
"""
import hashlib
import json
import os
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jsonschema import Draft4Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

SCHEMAS = "/usr/share/gocode/src/github.com/opencontainers/image-spec/schema"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
BILL = "application/vnd.cyclonedx+json"
STATEMENT = "application/vnd.in-toto+json"

layout = sys.argv[1]
wrong, judged = [], {}


def schema(name):
    with open(os.path.join(SCHEMAS, name), encoding="utf-8") as file:
        return json.load(file)


# The schemas refer to each other by the names of their files, below ids of several depths.
REGISTRY = Registry(retrieve=lambda uri: DRAFT4.create_resource(schema(uri.rsplit("/", 1)[-1])))


def check(name, value, schema_name):
    judged[schema_name] = judged.get(schema_name, 0) + 1
    for error in Draft4Validator(schema(schema_name), registry=REGISTRY).iter_errors(value):
        wrong.append(f"{name}: {error.json_path}: {error.message}")


def blob(descriptor):
    algorithm, name = descriptor["digest"].split(":")
    with open(os.path.join(layout, "blobs", algorithm, name), "rb") as file:
        content = file.read()
    if hashlib.sha256(content).hexdigest() != name or len(content) != descriptor["size"]:
        wrong.append(f"{descriptor['digest']}: not what its descriptor says")
    return content


def document(descriptor):
    value = json.loads(blob(descriptor))
    if descriptor["mediaType"] == INDEX:
        check(descriptor["digest"], value, "image-index-schema.json")
        for entry in value["manifests"]:
            document(entry)
        return
    check(descriptor["digest"], value, "image-manifest-schema.json")
    config = blob(value["config"])
    if value["config"]["mediaType"] == CONFIG:
        check(value["config"]["digest"], json.loads(config), "config-schema.json")
    for layer in value["layers"]:
        content = blob(layer)
        if layer["mediaType"] == BILL:
            bill(layer["digest"], content.decode())
        elif layer["mediaType"] == STATEMENT:
            statement(layer["digest"], json.loads(content), value["subject"])


def bill(name, text):
    judged["CycloneDX 1.6"] = judged.get("CycloneDX 1.6", 0) + 1
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        wrong.append(f"{name}: {error}")
    judged["packages"] = len(json.loads(text)["components"])


def statement(name, value, subject):
    judged["in-toto statement"] = judged.get("in-toto statement", 0) + 1
    named = [f"{algorithm}:{digest}" for it in value["subject"] for algorithm, digest in it["digest"].items()]
    if value["_type"] != "https://in-toto.io/Statement/v1" or named != [subject["digest"]]:
        wrong.append(f"{name}: it is about {named} and attached to {subject['digest']}")


with open(os.path.join(layout, "oci-layout"), encoding="utf-8") as mark:
    check("oci-layout", json.load(mark), "image-layout-schema.json")
with open(os.path.join(layout, "index.json"), encoding="utf-8") as index:
    entries = json.load(index)
check("index.json", entries, "image-index-schema.json")
for entry in entries["manifests"]:
    document(entry)
if wrong:
    sys.exit("\n".join(wrong))
print(json.dumps(judged))
