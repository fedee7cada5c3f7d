"""What was called: names each AWS call by service and action, and remembers it in order."""

import io
import json
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import parse_qs, unquote

from moto.eks.responses import EKSResponse

CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
NODE_GROUP = re.compile(r"/(?:node-groups|nodegroup/[^/]+)/([^/?]+)")
# Fields of a form that name what a call is about; of an ARN, its end does.
NAMES = ("RoleName", "TopicArn", "Name")
# Calls that make something, and the field that names it.
MAKING = {"CreateRole": "RoleName", "CreateTopic": "Name"}


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
    # The node group, role or topic that it names.
    about: str | None
    # What a call that makes one of these is to make, and the token by which repetitions are known.
    makes: str | None
    token: str | None
    time: float = field(default_factory=time.time)

    @property
    def is_query(self):
        """Query protocol (IAM, STS, EC2, Auto Scaling answer in XML) rather than REST with JSON (EKS)."""
        return self.service != "eks"


def identify(environ):
    """Reads who calls what; the body is put back for moto to read again."""
    access_key = region = service = action = about = makes = token = None
    if found := CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "")):
        access_key, region, service = found.groups()
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    if service == "eks":
        about = (NODE_GROUP.search(unquote(path)) or [None, None])[1]
        action = eks_action(method, environ["RAW_URI"].split("?")[0], region)
        if action == "CreateNodegroup":
            wish = json.loads(body)
            about = makes = wish.get("nodegroupName")
            token = wish.get("clientRequestToken")
    elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        fields = parse_qs(body.decode("utf-8", "replace"))
        action = fields.get("Action", [None])[0]
        about = next((fields[name][0].rsplit(":", 1)[-1] for name in NAMES if name in fields), None)
        makes = fields.get(MAKING.get(action), [None])[0]
    query = environ.get("QUERY_STRING", "")
    return Call(method, path, query, service, region, action, access_key, about, makes, token)


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
                "about": call.about,
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
