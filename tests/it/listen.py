"""Listens to live data as a browser does: MQTT over a WebSocket whose URL is signed.

    listen.py REGION TOPIC-FILTER ENOUGH SECONDS

prints `listening` once subscribed, or `refused` when the broker will have none of it, then each message as `TOPIC PAYLOAD`,
and ends after SECONDS or when that is ENOUGH: so many messages, or one with each of these fields (`eu-west-1,us-east-1`). With CREDENTIALS (the JSON that `client.py login` printed) it is who signed in,
and LIVE_ENDPOINT is the host that the API named; without them it is the account's root, and asks IoT for the host.
"""
import json
import os
import socket
import sys
import time
from urllib.parse import quote

import botocore.session
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Message, RejectConnection, Request


def signed_path(region, host):
    """The path and query of the broker's URL, signed as IoT Core asks."""
    person = json.loads(os.environ.get("CREDENTIALS", "{}"))
    request = AWSRequest("GET", f"wss://{host}/mqtt")
    keys = Credentials(person.get("AccessKeyId") or os.environ["AWS_ACCESS_KEY_ID"],
                       person.get("SecretKey") or os.environ["AWS_SECRET_ACCESS_KEY"])
    SigV4QueryAuth(keys, "iotdevicegateway", region, expires=60).add_auth(request)
    # IoT Core alone wants the session's token beside what is signed, not in it.
    token = person.get("SessionToken")
    return "/" + request.url.split("/", 3)[3] + (f"&X-Amz-Security-Token={quote(token, safe='')}" if token else "")


def text(value):
    return len(value).to_bytes(2, "big") + value.encode()


def packet(kind, body):
    length, size = len(body), b""
    while True:
        length, digit = divmod(length, 128)
        size += bytes([digit | (0x80 if length else 0)])
        if not length:
            return bytes([kind]) + size + body


def packets(buffer):
    """Takes whole MQTT packets off the front of a buffer."""
    while len(buffer) >= 2:
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(buffer):
                return
            digit = buffer[at]
            length |= (digit & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not digit & 0x80:
                break
        if len(buffer) < at + length:
            return
        yield buffer[0], bytes(buffer[at : at + length])
        del buffer[: at + length]


def broker(region, endpoint):
    session = botocore.session.get_session()
    iot = session.create_client("iot", region_name=region, endpoint_url=endpoint, config=Config())
    return iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]


class Enough:
    """So many messages, or one with each of some fields."""

    def __init__(self, words):
        self._left = int(words) if words.isdigit() else None
        self._missing = set() if words.isdigit() else set(words.split(","))

    def reached(self):
        return not self._missing and not self._left

    def count(self, payload):
        if self._left:
            self._left -= 1
        if self._missing:
            self._missing -= json.loads(payload).keys()


def main(region, topic, enough, seconds):
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    host = os.environ.get("LIVE_ENDPOINT") or broker(region, endpoint)
    port = int(endpoint.rsplit(":", 1)[1])
    channel = socket.create_connection(("127.0.0.1", port), timeout=float(seconds))
    connection = WSConnection(ConnectionType.CLIENT)
    channel.sendall(connection.send(Request(host=host, target=signed_path(region, host), subprotocols=["mqtt"])))
    deadline, enough, buffer = time.monotonic() + float(seconds), Enough(enough), bytearray()
    while not enough.reached() and time.monotonic() < deadline:
        connection.receive_data(channel.recv(65536) or None)
        for event in connection.events():
            if isinstance(event, AcceptConnection):
                hello = packet(0x10, text("MQTT") + bytes([4, 2]) + (600).to_bytes(2, "big") + text("dlt-test"))
                channel.sendall(connection.send(Message(data=hello)))
            elif isinstance(event, BytesMessage):
                buffer += event.data
            elif isinstance(event, (CloseConnection, RejectConnection)):
                return print("refused", flush=True)
        for kind, body in packets(buffer):
            if kind == 0x90 and body[2] == 0x80 or kind == 0x20 and body[1] != 0:
                return print("refused", flush=True)
            if kind == 0x20:
                wish = packet(0x82, (1).to_bytes(2, "big") + text(topic) + bytes([0]))
                channel.sendall(connection.send(Message(data=wish)))
            elif kind == 0x90:
                print("listening", flush=True)
            elif kind & 0xF0 == 0x30 and not enough.reached():
                size = int.from_bytes(body[:2], "big")
                topic_of, payload = body[2 : 2 + size].decode(), body[2 + size :].decode()
                print(topic_of, payload, flush=True)
                enough.count(payload)


if __name__ == "__main__":
    main(*sys.argv[1:])
