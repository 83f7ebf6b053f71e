"""The whole system once, by hand, on the emulated AWS: deploy, sign in, run a load test, look at what became of it.

    python tests/emulator/aws.py --port 4566 &
    python tests/emulator/tour.py --endpoint http://127.0.0.1:4566 --templates FOLDER --bootstrap BINARY --worker BINARY \
        --scenario dlt_test.json --target http://127.0.0.1:8080/

FOLDER holds the rendered `foundation.yaml`, `main.yaml` and, for a second region, `regional.yaml`. The tests proper are
in tests/it; this is for looking around, and says how long each step took.
"""
import argparse
import base64
import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

PASSWORD = "Long-enough-0-password"
HUB = "us-east-1"


def main():
    arguments = _arguments()
    system = System(arguments.endpoint, arguments.stack)
    started = time.monotonic()

    def say(text):
        print(f"{time.monotonic() - started:7.2f} s  {text}", flush=True)

    regions = [HUB, *arguments.region]
    # As `dlt up` does in a fresh account: without this role no cluster can be made.
    system.client("iam").create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    for region in regions:
        system.deploy(region, "foundation", f"{arguments.templates}/foundation.yaml")
    say(f"foundation stacks in {', '.join(regions)}")
    code = {region: system.upload_code(region, arguments.bootstrap) for region in regions}
    images = {region: system.push_image(region, arguments.worker) for region in regions}
    say(f"uploaded {code[HUB]}, pushed {images[HUB]}")
    shared = {"ArtifactBucket": None, "CodeKey": None, "WorkerImage": None}
    for region in regions:
        own = {**shared, "ArtifactBucket": system.artifacts(region), "CodeKey": code[region], "WorkerImage": images[region]}
        if region == HUB:
            own.update({"AdminName": "admin", "AdminEmail": "admin@example.com", "ConsolePrefix": "console/none"})
            system.deploy(region, "main", f"{arguments.templates}/main.yaml", own)
        else:
            own.update({"HubRegion": HUB, "DataBucket": system.data_bucket()})
            system.deploy(region, "regional", f"{arguments.templates}/regional.yaml", own)
    say("main and regional stacks")
    for key, value in system.outputs().items():
        print(f"            {key} = {value}")

    say(f"the invitation: {system.invitation()}")
    admin = system.sign_in_admin()
    viewer = system.sign_in_user("viewer", "dlt-viewer")
    say(f"signed in as {admin.access_key} and {viewer.access_key}")

    body = json.loads(open(arguments.scenario, encoding="utf-8").read().replace("TARGET", arguments.target))
    status, answer = system.call(viewer, "POST", "/scenarios", body)
    say(f"a viewer's POST: {status} {answer}")
    status, answer = system.call(viewer, "GET", "/scenarios")
    say(f"a viewer's GET: {status} {str(answer)[:200]}")
    status, answer = system.call(None, "GET", "/scenarios")
    say(f"an unsigned GET: {status} {answer}")
    status, scenario = system.call(admin, "POST", "/scenarios", body)
    say(f"the admin's POST: {status} {str(scenario)[:300]}")
    if status != 200:
        return 1
    state = None
    deadline = time.monotonic() + arguments.patience
    while time.monotonic() < deadline:
        status, seen = system.call(admin, "GET", f"/scenarios/{scenario['testId']}")
        if seen.get("status") != state:
            state = seen.get("status")
            say(f"{scenario['testId']} is {state}")
        if state in ("complete", "failed", "cancelled"):
            print(json.dumps(seen, indent=1)[:3000])
            return 0
        time.sleep(0.3)
    say("it did not end in time")
    return 1


def _arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--stack", default="dlt")
    parser.add_argument("--templates", required=True)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--region", action="append", default=[], help="a further region for workers")
    parser.add_argument("--patience", type=float, default=120, help="seconds until the run must have ended")
    return parser.parse_args()


class System:
    """One environment on the emulated AWS."""

    def __init__(self, endpoint, stack):
        self.endpoint, self.stack = endpoint.rstrip("/"), stack
        self.session = botocore.session.get_session()

    def client(self, service, region=HUB, credentials=Credentials("test", "test")):
        return self.session.create_client(
            service, region_name=region, endpoint_url=self.endpoint, aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key, aws_session_token=credentials.token,
            config=Config(s3={"addressing_style": "path"}, inject_host_prefix=False, retries={"max_attempts": 1}))

    # ------------------------------------------------------------------------------------------------------ deploying

    def account(self):
        return self.client("sts").get_caller_identity()["Account"]

    def artifacts(self, region):
        return f"{self.stack}-artifacts-{self.account()}-{region}"

    def data_bucket(self):
        return f"{self.stack}-data-{self.account()}-{HUB}"

    def name(self, part):
        return self.stack if part == "main" else f"{self.stack}-{part}"

    def deploy(self, region, part, path, parameters=None):
        """Creates a stack by change set, as `dlt up` does, and waits for its end."""
        cloudformation = self.client("cloudformation", region)
        name, text = self.name(part), open(path, encoding="utf-8").read()
        summary = cloudformation.get_template_summary(**self.template(region, part, text))
        declared = {parameter["ParameterKey"] for parameter in summary["Parameters"]}
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items() if key in declared]
        cloudformation.create_change_set(StackName=name, ChangeSetName="tour", ChangeSetType="CREATE", Parameters=given,
                                         Capabilities=["CAPABILITY_NAMED_IAM"], **self.template(region, part, text))
        cloudformation.execute_change_set(StackName=name, ChangeSetName="tour")
        while True:
            stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                break
            time.sleep(0.1)
        if stack["StackStatus"] != "CREATE_COMPLETE":
            events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
            for event in reversed(events):
                if event["ResourceStatus"].endswith("FAILED"):
                    print(f"  {event['LogicalResourceId']} {event['ResourceStatus']}: {event.get('ResourceStatusReason')}")
            sys.exit(f"{name} in {region} is {stack['StackStatus']}")

    def template(self, region, part, text):
        """Inline where it fits, else by S3."""
        if len(text) < 51_200:
            return {"TemplateBody": text}
        bucket, key = self.artifacts(region), f"templates/{part}.yaml"
        self.client("s3", region).put_object(Bucket=bucket, Key=key, Body=text.encode())
        return {"TemplateURL": f"{self.endpoint}/{bucket}/{key}"}

    def outputs(self):
        stack = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def upload_code(self, region, binary):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, open(binary, "rb").read())
        key = f"lambda/{hashlib.sha256(content.getvalue()).hexdigest()}.zip"
        self.client("s3", region).put_object(Bucket=self.artifacts(region), Key=key, Body=content.getvalue())
        return key

    def push_image(self, region, binary):
        """A one-layer image, pushed by the registry's own protocol."""
        token = self.client("ecr", region).get_authorization_token()["authorizationData"][0]["authorizationToken"]
        repository = f"{self.stack}/worker"
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as archive:
            entry = tarfile.TarInfo("dlt-worker")
            content = open(binary, "rb").read()
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
        packed = gzip.compress(layer.getvalue(), 1, mtime=0)
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/dlt-worker"]}, "rootfs": {
            "type": "layers", "diff_ids": [_digest(layer.getvalue())]}}).encode()
        blobs = [("application/vnd.oci.image.config.v1+json", config),
                 ("application/vnd.oci.image.layer.v1.tar+gzip", packed)]
        described = []
        for media_type, blob in blobs:
            where = self._registry(token, "POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
            path = re.sub(r"^https?://[^/]+", "", where)
            separator = "&" if "?" in path else "?"
            self._registry(token, "PUT", f"{path}{separator}digest={_digest(blob)}", blob)
            described.append({"mediaType": media_type, "digest": _digest(blob), "size": len(blob)})
        manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                               "config": described[0], "layers": described[1:]}).encode()
        self._registry(token, "PUT", f"/v2/{repository}/manifests/{_digest(manifest)[7:19]}", manifest,
                       {"Content-Type": "application/vnd.oci.image.manifest.v1+json"})
        return f"{self.account()}.dkr.ecr.{region}.amazonaws.com/{repository}@{_digest(manifest)}"

    def _registry(self, token, method, path, body=b"", headers=None):
        request = urllib.request.Request(self.endpoint + path, data=body, method=method,
                                         headers={"Authorization": f"Basic {token}", **(headers or {})})
        return urllib.request.urlopen(request, timeout=60)

    # ------------------------------------------------------------------------------------------------------ signing in

    def invitation(self):
        """What Cognito sent to the admin."""
        with urllib.request.urlopen(f"{self.endpoint}/_ministack/ses/messages", timeout=10) as answer:
            return json.loads(answer.read())

    def sign_in_admin(self):
        found = re.search(r"temporary password <b>([^<]+)</b>|temporary password is <b>([^<]+)</b>", json.dumps(self.invitation()))
        temporary = (found.group(1) or found.group(2)).encode().decode("unicode_escape")
        return self._credentials("admin", temporary)

    def sign_in_user(self, name, group):
        pool = self.outputs()["UserPoolId"]
        cognito = self.client("cognito-idp")
        cognito.admin_create_user(UserPoolId=pool, Username=name, TemporaryPassword="Temporary-0-password",
                                  UserAttributes=[{"Name": "email", "Value": f"{name}@example.com"}],
                                  MessageAction="SUPPRESS")
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=group)
        return self._credentials(name, "Temporary-0-password")

    def _credentials(self, name, temporary):
        outputs = self.outputs()
        cognito, identity = self.client("cognito-idp"), self.client("cognito-identity")
        challenge = cognito.initiate_auth(ClientId=outputs["UserPoolClientId"], AuthFlow="USER_PASSWORD_AUTH",
                                          AuthParameters={"USERNAME": name, "PASSWORD": temporary})
        answer = cognito.respond_to_auth_challenge(
            ClientId=outputs["UserPoolClientId"], ChallengeName=challenge["ChallengeName"], Session=challenge["Session"],
            ChallengeResponses={"USERNAME": name, "NEW_PASSWORD": PASSWORD})
        logins = {f"cognito-idp.{HUB}.amazonaws.com/{outputs['UserPoolId']}": answer["AuthenticationResult"]["IdToken"]}
        identity_id = identity.get_id(IdentityPoolId=outputs["IdentityPoolId"], Logins=logins)["IdentityId"]
        given = identity.get_credentials_for_identity(IdentityId=identity_id, Logins=logins)["Credentials"]
        return Credentials(given["AccessKeyId"], given["SecretKey"], given["SessionToken"])

    # --------------------------------------------------------------------------------------------------------- calling

    def call(self, credentials, method, path, body=None):
        """A request to the API, signed for execute-api."""
        api = re.match(r"https://([a-z0-9]+)\.", self.outputs()["ApiEndpoint"]).group(1)
        port = self.endpoint.rsplit(":", 1)[1]
        data = json.dumps(body).encode() if body is not None else b""
        headers = {"Host": f"{api}.execute-api.localhost:{port}", "Content-Type": "application/json"}
        request = AWSRequest(method, f"http://{headers['Host']}/prod{path}", headers, data)
        if credentials:
            SigV4Auth(credentials, "execute-api", HUB).add_auth(request)
        sent = urllib.request.Request(f"{self.endpoint}/prod{path}", data=data or None, method=method,
                                      headers=dict(request.headers))
        try:
            with urllib.request.urlopen(sent, timeout=40) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def _digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
