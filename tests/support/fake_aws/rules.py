"""What tests ask for: a rule chooses calls and gives each one effect.

A rule is JSON: which calls (`action` such as "CreateNodegroup", `method`, `path` as a regex searched in
the path; what is absent matches all), how often (`times`, absent: always), and exactly one effect:

    {"fail": {"status": 400, "code": "…", "message": "…"}}   answers this error, does nothing
    {"throttle": true}                                        answers that there were too many calls
    {"hang_seconds": N}                                       waits, or until the rule is removed; then works
    {"fail_after": {"status": 400, "code": "…", "message": "…"}}   works, then answers this error
    {"drop_answer": true}                                     works, then hangs up with no answer
    {"creating_seconds": N}                                   a new node group is CREATING for so long
    {"create_failed": {"code": "…", "message": "…"}}          a new node group is CREATE_FAILED, with this
                                                              health issue; "after_seconds" may delay that
    {"deleting_seconds": N}                                   a deleted node group is DELETING for so long

The last three concern CreateNodegroup and DeleteNodegroup and need no `action`. The first rule that
matches and is not used up is taken, one a call.
"""

import json
import re
import threading
import uuid
from xml.sax.saxutils import escape

# Effect → the action it is about, when it is about one only.
EFFECTS = {
    "fail": None,
    "throttle": None,
    "hang_seconds": None,
    "fail_after": None,
    "drop_answer": None,
    "creating_seconds": "CreateNodegroup",
    "create_failed": "CreateNodegroup",
    "deleting_seconds": "DeleteNodegroup",
}
REASONS = {400: "BAD REQUEST", 403: "FORBIDDEN", 404: "NOT FOUND", 409: "CONFLICT", 429: "TOO MANY REQUESTS"}


class BadRule(ValueError):
    """The rule is not understood; the text says what is wrong with it."""


class Rule:
    def __init__(self, wish, id):
        if not isinstance(wish, dict):
            raise BadRule("a rule is a JSON object")
        if unknown := set(wish) - set(EFFECTS) - {"action", "method", "path", "times"}:
            raise BadRule(f"unknown keys: {sorted(unknown)}")
        effects = [name for name in EFFECTS if name in wish]
        if len(effects) != 1:
            raise BadRule(f"exactly one of {list(EFFECTS)} is needed, got {effects}")
        self.id = id
        self.effect = effects[0]
        self.value = parse_value(self.effect, wish[self.effect])
        self.action = wish.get("action", EFFECTS[self.effect])
        self.method = wish.get("method")
        try:
            self.path = re.compile(wish["path"]) if "path" in wish else None
        except re.error as wrong:
            raise BadRule(f"path is no regex: {wrong}") from wrong
        self.left = wish.get("times")
        if self.left is not None and (not isinstance(self.left, int) or self.left < 1):
            raise BadRule("times is a number from 1")
        self.hits = 0
        self.removed = threading.Event()

    def matches(self, call):
        return (
            self.left != 0
            and self.action in (None, call.action)
            and self.method in (None, call.method)
            and (self.path is None or self.path.search(call.path) is not None)
        )

    def before(self, call):
        """What happens before the work: an answer that takes its place, or None."""
        if self.effect == "fail":
            return error(call, self.value["status"], self.value["code"], self.value["message"])
        if self.effect == "throttle" and call.is_query:
            return error(call, 400, "Throttling", "Rate exceeded")
        if self.effect == "throttle":
            return error(call, 429, "TooManyRequestsException", "Too Many Requests")
        if self.effect == "hang_seconds":
            self.removed.wait(self.value)
        return None

    def after(self, call):
        """What is answered when the work is done: an answer that takes the place of its own, or None."""
        if self.effect != "fail_after":
            return None
        return error(call, self.value["status"], self.value["code"], self.value["message"])

    def to_json(self):
        path = self.path.pattern if self.path else None
        which = {"action": self.action, "method": self.method, "path": path}
        return {"id": self.id, **which, "left": self.left, "hits": self.hits, self.effect: self.value}


def parse_value(effect, value):
    if effect.endswith("_seconds"):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise BadRule(f"{effect} is a number of seconds")
        return value
    if effect in ("throttle", "drop_answer"):
        if value is not True:
            raise BadRule(f"{effect} is true or absent")
        return value
    if not isinstance(value, dict) or not isinstance(value.get("code"), str):
        raise BadRule(f"{effect} is an object with a code")
    statuses = {"status": 400}
    optional = {"fail": statuses, "fail_after": statuses, "create_failed": {"after_seconds": 0}}[effect]
    if unknown := set(value) - {"code", "message"} - set(optional):
        raise BadRule(f"unknown keys of {effect}: {sorted(unknown)}")
    return {"message": value["code"], **optional, **value}


def error(call, status, code, message):
    """The error as the called service words it."""
    request_id = str(uuid.uuid4())
    line = f"{status} {REASONS.get(status, 'ERROR')}"
    if not call.is_query:
        headers = [("Content-Type", "application/json"), ("x-amzn-errortype", code), ("x-amzn-requestid", request_id)]
        return line, with_length(headers, body := json.dumps({"message": message}).encode()), body
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if call.service == "ec2":
        text = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    else:
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return line, with_length([("Content-Type", "text/xml")], body), body


def with_length(headers, body):
    return [*headers, ("Content-Length", str(len(body)))]


class Rules:
    """All rules, in the order in which they were set."""

    def __init__(self):
        self.lock = threading.Lock()
        self.rules = []
        self.next_id = 1

    def add(self, wish):
        with self.lock:
            rule = Rule(wish, self.next_id)
            self.next_id += 1
            self.rules.append(rule)
            return rule.to_json()

    def take(self, call):
        with self.lock:
            for rule in self.rules:
                if rule.matches(call):
                    rule.hits += 1
                    if rule.left is not None:
                        rule.left -= 1
                    return rule
        return None

    def list(self):
        with self.lock:
            return [rule.to_json() for rule in self.rules]

    def remove(self, id=None):
        """Removes one rule, or all; calls that hang by them go on."""
        with self.lock:
            gone = [rule for rule in self.rules if id in (None, rule.id)]
            self.rules = [rule for rule in self.rules if rule not in gone]
        for rule in gone:
            rule.removed.set()
        return len(gone)
