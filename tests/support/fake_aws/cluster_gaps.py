"""What moto's EKS lacks of clusters, as the AWS provider for Terraform needs it.

- Add-ons: CreateAddon, DescribeAddon, UpdateAddon, DeleteAddon, ListAddons. They are ACTIVE at once.
- Access entries and the policies associated with them.
- A cluster has the access configuration that it was created with, a security group and a VPC of its
  own, and an OIDC issuer of its own: IAM refuses a second provider for the same one.
- A cluster cannot be deleted while it has Fargate profiles or node groups (moto), and takes its
  add-ons and access entries with it.
"""

import hashlib
import json
import re
import uuid
from urllib.parse import unquote

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.eks import urls
from moto.eks.exceptions import ResourceInUseException, ResourceNotFoundException
from moto.eks.models import EKSBackend, eks_backends
from moto.eks.responses import EKSResponse

import eks_gaps

REGION = re.compile(r"Credential=[^/]+/[^/]+/([^/]+)/")
CLUSTER = "{0}/clusters/(?P<name>[^/]+)"


def install():
    """Puts all of it in the place of moto's own, before the first call."""
    for word, work in (("addons", addons), ("access-entries", access_entries)):
        urls.url_paths[f"{CLUSTER}/{word}$"] = handler(work)
        urls.url_paths[f"{CLUSTER}/{word}/(?P<rest>.+)$"] = handler(work)
    EKSResponse.create_cluster = keeping_access(EKSResponse.create_cluster)
    EKSBackend.create_cluster = creating(EKSBackend.create_cluster)
    EKSBackend.delete_cluster = deleting(EKSBackend.delete_cluster)


def handler(work):
    """Finds the cluster, and hands over what follows it in the path."""

    def handle(request, full_url, headers):
        region = REGION.search(request.headers["Authorization"])[1]
        parts = [unquote(part) for part in request.environ["RAW_URI"].split("?")[0].strip("/").split("/")]
        cluster = eks_backends[DEFAULT_ACCOUNT_ID][region].clusters.get(parts[1])
        if cluster is None:
            raise ResourceNotFoundException(clusterName=parts[1], message=f"No cluster found for name: {parts[1]}.")
        body = json.loads(request.get_data() or b"{}")
        answer = work(cluster, request.method, parts[3:], body)
        return 200, {"Content-Type": "application/json"}, json.dumps(answer)

    return handle


def now():
    return utcnow().timestamp()


def known(things, key, what):
    if key not in things:
        raise ResourceNotFoundException(message=f"No {what} found for {key}.")
    return things[key]


def addons(cluster, method, rest, body):
    things = cluster.__dict__.setdefault("addons", {})
    match method, rest:
        case "GET", []:
            return {"addons": sorted(things)}
        case "POST", []:
            name = body["addonName"]
            if name in things:
                raise ResourceInUseException(clusterName=cluster.name, message="Addon already exists.")
            things[name] = {
                "addonName": name,
                "clusterName": cluster.name,
                "status": "ACTIVE",
                "addonVersion": body.get("addonVersion") or "v1.0.0-eksbuild.1",
                "health": {"issues": []},
                "addonArn": f"{cluster.arn.replace(':cluster/', ':addon/')}/{name}/{uuid.uuid4()}",
                "createdAt": now(),
                "modifiedAt": now(),
                "tags": body.get("tags", {}),
                **{key: body[key] for key in ("configurationValues", "serviceAccountRoleArn") if body.get(key)},
            }
            return {"addon": things[name]}
        case "GET", [name]:
            return {"addon": known(things, name, "addon")}
        case "POST", [name, "update"]:
            addon = known(things, name, "addon")
            for key in ("addonVersion", "configurationValues", "serviceAccountRoleArn"):
                if body.get(key):
                    addon[key] = body[key]
            return {"update": eks_gaps.updated("AddonUpdate")}
        case "DELETE", [name]:
            known(things, name, "addon")
            return {"addon": {**things.pop(name), "status": "DELETING"}}
    raise ResourceNotFoundException(message=f"{method} of {rest}")


def access_entries(cluster, method, rest, body):
    things = cluster.__dict__.setdefault("access_entries", {})
    match method, rest:
        case "GET", []:
            return {"accessEntries": sorted(things)}
        case "POST", []:
            arn = body["principalArn"]
            if arn in things:
                raise ResourceInUseException(
                    clusterName=cluster.name, message="The specified access entry resource is already in use."
                )
            entry = {
                "clusterName": cluster.name,
                "principalArn": arn,
                "kubernetesGroups": body.get("kubernetesGroups", []),
                "accessEntryArn": f"{cluster.arn.replace(':cluster/', ':access-entry/')}/{uuid.uuid4()}",
                "createdAt": now(),
                "modifiedAt": now(),
                "tags": body.get("tags", {}),
                "username": body.get("username") or arn,
                "type": body.get("type") or "STANDARD",
            }
            things[arn] = {"entry": entry, "policies": {}}
            return {"accessEntry": entry}
        case "GET", [arn]:
            return {"accessEntry": known(things, arn, "access entry")["entry"]}
        case "POST", [arn]:
            entry = known(things, arn, "access entry")["entry"]
            entry.update({key: body[key] for key in ("kubernetesGroups", "username") if key in body})
            return {"accessEntry": entry}
        case "DELETE", [arn]:
            known(things, arn, "access entry")
            del things[arn]
            return {}
        case "GET", [arn, "access-policies"]:
            policies = known(things, arn, "access entry")["policies"]
            return {"clusterName": cluster.name, "principalArn": arn, "associatedAccessPolicies": list(policies.values())}
        case "POST", [arn, "access-policies"]:
            policy = {
                "policyArn": body["policyArn"],
                "accessScope": body["accessScope"],
                "associatedAt": now(),
                "modifiedAt": now(),
            }
            known(things, arn, "access entry")["policies"][body["policyArn"]] = policy
            return {"clusterName": cluster.name, "principalArn": arn, "associatedAccessPolicy": policy}
        case "DELETE", [arn, "access-policies", policy]:
            known(things, arn, "access entry")["policies"].pop(policy, None)
            return {}
    raise ResourceNotFoundException(message=f"{method} of {rest}")


def keeping_access(original):
    def create_cluster(self):
        eks_gaps.here.access_config = self._get_param("accessConfig")
        return original(self)

    return create_cluster


def creating(original):
    def create_cluster(self, name, resources_vpc_config, **others):
        cluster = original(self, name=name, resources_vpc_config=resources_vpc_config, **others)
        own = hashlib.sha256(f"{self.region_name}/{name}".encode()).hexdigest()
        cluster.identity = {
            "oidc": {"issuer": f"https://oidc.eks.{self.region_name}.amazonaws.com/id/{own[:32].upper()}"}
        }
        given = getattr(eks_gaps.here, "access_config", None) or {}
        cluster.access_config = {"authenticationMode": given.get("authenticationMode", "CONFIG_MAP")}
        ec2 = ec2_backends[self.account_id][self.region_name]
        subnets = ec2.subnets
        vpcs = [subnet.vpc_id for zone in subnets.values() for id, subnet in zone.items() if id in resources_vpc_config["subnetIds"]]
        group = ec2.create_security_group(f"eks-cluster-sg-{name}", "EKS created security group", vpcs[0]) if vpcs else None
        cluster.resources_vpc_config = {
            "endpointPublicAccess": True,
            "endpointPrivateAccess": False,
            "publicAccessCidrs": ["0.0.0.0/0"],
            "securityGroupIds": [],
            **resources_vpc_config,
            "clusterSecurityGroupId": group.id if group else "sg-unknown",
            "vpcId": vpcs[0] if vpcs else "vpc-unknown",
        }
        return cluster

    return create_cluster


def deleting(original):
    def delete_cluster(self, name):
        cluster = original(self, name)
        group = cluster.resources_vpc_config["clusterSecurityGroupId"]
        if group != "sg-unknown":
            ec2_backends[self.account_id][self.region_name].delete_security_group(group_id=group)
        return cluster

    return delete_cluster
