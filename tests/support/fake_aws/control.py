"""The paths under /_fake/ by which a test speaks to the fake: journal, rules, seed, edit.

    GET    /_fake/journal[?since=N]   the calls from index N on, a list
    DELETE /_fake/journal             forgets them
    GET    /_fake/rules               the rules, with how often each was taken and how often it still may be
    POST   /_fake/rules               sets one more (see rules.py), 201 with its id
    DELETE /_fake/rules[?id=N]        removes all, or one
    POST   /_fake/seed                {"cluster", "region"}: a VPC with two subnets, roles, an ACTIVE cluster;
                                      asked again, the same answer
    POST   /_fake/edit                {"cluster", "nodegroup", "region", …}: changes a node group as somebody
                                      would in the console: "scalingConfig" (given keys), "labels", "taints",
                                      "tags" (whole), "status", "running" (so many of its instances, the others
                                      end), or "delete": true; answers the node group
    GET    /_fake/left?region=R       what somebody has made and is there: of each kind the ids or names
Answers are JSON; what is not understood is a 400 with {"error"}.
"""

import json
import threading
from urllib.parse import parse_qs

from moto.autoscaling.models import autoscaling_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.eks.models import eks_backends
from moto.iam.models import iam_backends

import eks_gaps

LINES = {200: "200 OK", 201: "201 CREATED", 400: "400 BAD REQUEST", 404: "404 NOT FOUND"}
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"%s"},"Action":"sts:AssumeRole"}]}'
EDITABLE = {"scalingConfig", "labels", "taints", "tags", "status", "running", "delete"}


class Control:
    """The WSGI application of the control paths."""

    def __init__(self, journal, rules):
        self.journal = journal
        self.rules = rules
        self.seeds = {}
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        try:
            status, answer = self.answer(environ)
        except KeyError as missing:
            status, answer = 400, {"error": f"missing or unknown: {missing}"}
        except (ValueError, TypeError) as wrong:
            status, answer = 400, {"error": str(wrong)}
        body = json.dumps(answer).encode()
        start_response(LINES[status], [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def answer(self, environ):
        query = {key: values[0] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        wish = json.loads(raw) if raw else {}
        match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
            case "GET", "/_fake/journal":
                return 200, self.journal.since(int(query.get("since", 0)))
            case "DELETE", "/_fake/journal":
                self.journal.clear()
                return 200, {}
            case "GET", "/_fake/rules":
                return 200, self.rules.list()
            case "POST", "/_fake/rules":
                return 201, self.rules.add(wish)
            case "DELETE", "/_fake/rules":
                return 200, {"removed": self.rules.remove(int(query["id"]) if "id" in query else None)}
            case "POST", "/_fake/seed":
                return 200, self.seed(wish["cluster"], wish["region"])
            case "POST", "/_fake/edit":
                return 200, edit(wish)
            case "GET", "/_fake/left":
                return 200, left(query["region"])
        return 404, {"error": "no such path or method under /_fake/"}

    def seed(self, cluster, region):
        with self.lock:
            if (cluster, region) not in self.seeds:
                self.seeds[cluster, region] = seed(cluster, region)
            return self.seeds[cluster, region]


def seed(cluster, region):
    ec2 = ec2_backends[DEFAULT_ACCOUNT_ID][region]
    vpc = ec2.create_vpc("10.0.0.0/16")
    subnets = [ec2.create_subnet(vpc.id, f"10.0.{n}.0/24", availability_zone=f"{region}{'ab'[n]}") for n in (0, 1)]
    subnet_ids = [subnet.id for subnet in subnets]
    cluster_role = create_role(f"{cluster}-{region}-cluster", "eks.amazonaws.com")
    node_role = create_role(f"{cluster}-{region}-node", "ec2.amazonaws.com")
    eks_backends[DEFAULT_ACCOUNT_ID][region].create_cluster(
        name=cluster,
        role_arn=cluster_role,
        resources_vpc_config={"subnetIds": subnet_ids, "vpcId": vpc.id},
        version="1.33",
    )
    return {"subnet_ids": subnet_ids, "cluster_role_arn": cluster_role, "node_role_arn": node_role}


def left(region):
    """What is there that somebody has made: of each kind the ids or names."""
    ec2 = ec2_backends[DEFAULT_ACCOUNT_ID][region]
    iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    own = {vpc.id for vpc in ec2.vpcs.values() if not vpc.is_default}
    scaling = autoscaling_backends[DEFAULT_ACCOUNT_ID][region]
    return {
        "vpcs": sorted(own),
        "subnets": sorted(id for zone in ec2.subnets.values() for id, subnet in zone.items() if subnet.vpc_id in own),
        "internet_gateways": sorted(ec2.internet_gateways),
        "nat_gateways": sorted(id for id, nat in ec2.nat_gateways.items() if nat.state != "deleted"),
        "addresses": sorted(address.allocation_id for address in ec2.addresses),
        "clusters": sorted(eks_backends[DEFAULT_ACCOUNT_ID][region].clusters),
        "roles": sorted(role.name for role in iam.roles.values()),
        "instance_profiles": sorted(iam.instance_profiles),
        "oidc_providers": sorted(iam.open_id_providers),
        "auto_scaling_groups": sorted(scaling.autoscaling_groups),
        "launch_templates": sorted(ec2.launch_templates),
    }


def create_role(name, service):
    role = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].create_role(
        role_name=name,
        assume_role_policy_document=TRUST % service,
        path="/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
    )
    return role.arn


def edit(wish):
    if unknown := set(wish) - EDITABLE - {"cluster", "nodegroup", "region"}:
        raise ValueError(f"unknown keys: {sorted(unknown)}")
    cluster = eks_backends[DEFAULT_ACCOUNT_ID][wish["region"]].clusters[wish["cluster"]]
    group = cluster.nodegroups[wish["nodegroup"]]
    group.scaling_config.update(wish.get("scalingConfig", {}))
    for key in ("labels", "taints", "tags", "status"):
        if key in wish:
            setattr(group, key, wish[key])
    if "scalingConfig" in wish or "running" in wish or wish.get("status") == "ACTIVE":
        eks_gaps.sync_nodes(cluster, group, wish.get("running"))
    if wish.get("delete"):
        eks_gaps.become_gone(cluster, group)
    return {
        "nodegroupName": group.nodegroup_name,
        "status": group.status,
        "scalingConfig": group.scaling_config,
        "labels": group.labels,
        "taints": group.taints,
        "tags": group.tags,
        "deleted": bool(wish.get("delete")),
    }
