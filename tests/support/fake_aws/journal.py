"""What was called: names each AWS call by service and action, and remembers it in order."""

import io
import json
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import parse_qs

from moto.eks.responses import EKSResponse

CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")


@dataclass
class Call:
    """One AWS call as it came in."""

    method: str
    path: str
    query: str
    service: str | None
    region: str | None
    action: str | None
    access_key: str | None
    # What a call that makes a node group or a role is to make, and the token by which repetitions are known.
    makes: str | None
    token: str | None
    time: float = field(default_factory=time.time)

    @property
    def is_query(self):
        """Query protocol (IAM, STS, EC2, Auto Scaling answer in XML) rather than REST with JSON (EKS)."""
        return self.service != "eks"


def identify(environ):
    """Reads who calls what; the body is put back for moto to read again."""
    access_key = region = service = action = makes = token = None
    if found := CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "")):
        access_key, region, service = found.groups()
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    if service == "eks":
        action = eks_action(method, environ["RAW_URI"].split("?")[0], region)
        if action == "CreateNodegroup":
            wish = json.loads(body)
            makes, token = wish.get("nodegroupName"), wish.get("clientRequestToken")
    elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        fields = parse_qs(body.decode("utf-8", "replace"))
        action = fields.get("Action", [None])[0]
        if action == "CreateRole":
            makes = fields.get("RoleName", [None])[0]
    return Call(method, path, environ.get("QUERY_STRING", ""), service, region, action, access_key, makes, token)


def eks_action(method, raw_path, region):
    # The tests' own path of the same call (see eks_gaps.UPDATE_PATHS).
    if method == "GET" and re.fullmatch(r"/clusters/[^/]+/node-groups/[^/]+/updates/[^/]+", raw_path):
        return "DescribeUpdate"
    names = EKSResponse()
    names.region = region
    return names._get_action_from_method_and_request_uri(method, raw_path)


class Journal:
    """Every AWS call in the order of arrival; an entry has no status until it was answered."""

    def __init__(self):
        self.lock = threading.Lock()
        self.entries = []
        self.next_index = 0

    def add(self, call):
        with self.lock:
            entry = {
                "index": self.next_index,
                "time": datetime.fromtimestamp(call.time, timezone.utc).isoformat(timespec="microseconds"),
                "method": call.method,
                "path": call.path,
                "query": call.query,
                "service": call.service,
                "action": call.action,
                "region": call.region,
                "access_key": call.access_key,
                "makes": call.makes,
                "token": call.token,
                "status": None,
                "dropped": False,
            }
            self.next_index += 1
            self.entries.append(entry)
            return entry

    def since(self, index):
        with self.lock:
            return [dict(entry) for entry in self.entries if entry["index"] >= index]

    def clear(self):
        """Forgets the entries; their numbering goes on."""
        with self.lock:
            self.entries.clear()
