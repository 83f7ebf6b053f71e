"""A client of the API as CI jobs write it today: Cognito login, identity-pool credentials, requests signed by botocore.

It shares no code with dlt, so what it gets to work works for everybody's scripts.

    client.py login    USER PASSWORD [--new-password NEW]     → prints temporary credentials as JSON
    client.py request  METHOD PATH [BODY-FILE]                → prints {"status": …, "body": …}
    client.py requests FILE                                   → the same as a list, for a JSON list of [method, path, body]

Settings come from the environment: API (ending in /prod), HOST_HEADER, REGION, POOL, CLIENT, IDENTITY_POOL, ENDPOINT, and for
`request` CREDENTIALS (the JSON that `login` printed).
"""
import json
import os
import sys
import urllib.error
import urllib.request

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore import UNSIGNED


def service(name):
    session = botocore.session.get_session()
    config = Config(signature_version=UNSIGNED, retries={"max_attempts": 3})
    return session.create_client(
        name, region_name=os.environ["REGION"], endpoint_url=os.environ["ENDPOINT"], config=config
    )


def id_token(user, password, new_password):
    cognito = service("cognito-idp")
    answer = cognito.initiate_auth(
        ClientId=os.environ["CLIENT"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": user, "PASSWORD": password},
    )
    if answer.get("ChallengeName") == "NEW_PASSWORD_REQUIRED":
        answer = cognito.respond_to_auth_challenge(
            ClientId=os.environ["CLIENT"],
            ChallengeName="NEW_PASSWORD_REQUIRED",
            Session=answer["Session"],
            ChallengeResponses={"USERNAME": user, "NEW_PASSWORD": new_password},
        )
    return answer["AuthenticationResult"]["IdToken"]


def login(user, password, new_password=None):
    token = id_token(user, password, new_password)
    provider = f"cognito-idp.{os.environ['REGION']}.amazonaws.com/{os.environ['POOL']}"
    identities = service("cognito-identity")
    identity = identities.get_id(IdentityPoolId=os.environ["IDENTITY_POOL"], Logins={provider: token})["IdentityId"]
    keys = identities.get_credentials_for_identity(IdentityId=identity, Logins={provider: token})["Credentials"]
    return {name: keys[name] for name in ("AccessKeyId", "SecretKey", "SessionToken")}


def request(method, path, body=None):
    keys = json.loads(os.environ["CREDENTIALS"])
    headers = {"content-type": "application/json"}
    if os.environ.get("HOST_HEADER"):
        headers["host"] = os.environ["HOST_HEADER"]
    signed = AWSRequest(method=method, url=os.environ["API"] + path, data=body, headers=headers)
    credentials = Credentials(keys["AccessKeyId"], keys["SecretKey"], keys.get("SessionToken"))
    SigV4Auth(credentials, "execute-api", os.environ["REGION"]).add_auth(signed)
    prepared = signed.prepare()
    call = urllib.request.Request(prepared.url, data=prepared.body, headers=dict(prepared.headers), method=method)
    try:
        with urllib.request.urlopen(call, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def main(arguments):
    if arguments[0] == "login":
        new_password = arguments[4] if len(arguments) > 4 else None
        print(json.dumps(login(arguments[1], arguments[2], new_password)))
    elif arguments[0] == "requests":
        calls = json.load(open(arguments[1]))
        answers = (request(method, path, body.encode()) for method, path, body in calls)
        print(json.dumps([{"status": status, "body": text} for status, text in answers]))
    else:
        body = open(arguments[3], "rb").read() if len(arguments) > 3 else None
        status, text = request(arguments[1], arguments[2], body)
        print(json.dumps({"status": status, "body": text}))


if __name__ == "__main__":
    main(sys.argv[1:])
