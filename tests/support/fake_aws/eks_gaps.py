"""What moto's EKS lacks or answers differently from AWS, as the AWS provider for Terraform needs it.

- Updates can be asked for: `GET /clusters/{name}/updates/{id}` (AWS's own path; the node group is in the
  query) and, for tests, `GET /clusters/{name}/node-groups/{group}/updates/{id}`.
- A node group has the remote access, update and repair configuration and version that it was created
  with, not invented ones: an invented `remoteAccess` would force a replacement in every plan.
- The version of a node group can be updated, and that of its launch template.
- CreateNodegroup is idempotent by its `clientRequestToken`, as a retry after a lost answer relies on.
- Node groups carry tags; moto tags clusters only.
- The node groups of a cluster that does not exist are a `ResourceNotFoundException`; moto has an error of its own.
- A node group has as many running instances as it is to have, with the tags that EKS gives them.
- Node groups can take time to be created and deleted, or fail (see rules.py), and refuse an update
  meanwhile with `ResourceInUseException`.
"""

import json
import threading
import time
import uuid
from contextlib import contextmanager

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.eks import urls
from moto.eks.exceptions import InvalidParameterException, ResourceInUseException, ResourceNotFoundException
from moto.eks.models import EKSBackend, eks_backends
from moto.eks.responses import EKSResponse

UPDATE_PATHS = [
    "{0}/clusters/(?P<name>[^/]+)/updates/(?P<updateId>[^/]+)$",
    "{0}/clusters/(?P<name>[^/]+)/node-groups/(?P<nodegroupName>[^/]+)/updates/(?P<updateId>[^/]+)$",
]

UPDATE_VERSION_PATH = "{0}/clusters/(?P<name>[^/]+)/node-groups/(?P<nodegroupName>[^/]+)/update-version$"

# The rule that the call of this thread was taken by, and the parameters moto does not pass on.
here = threading.local()
# An image that moto knows.
IMAGE = "ami-12c6146b"
# Update id → the update as AWS shows it.
updates = {}
# Guards CreateNodegroup, which moto checks and does in two steps, and settle().
lock = threading.RLock()


def install():
    """Puts all of it in the place of moto's own, before the first call."""
    for path in UPDATE_PATHS:
        urls.url_paths[path] = describe_update
    urls.url_paths[UPDATE_VERSION_PATH] = EKSResponse.dispatch
    EKSResponse.update_nodegroup_version = update_nodegroup_version
    EKSResponse.create_nodegroup = keeping_parameters(EKSResponse.create_nodegroup)
    EKSBackend.create_nodegroup = creating(EKSBackend.create_nodegroup)
    EKSBackend.delete_nodegroup = deleting(EKSBackend.delete_nodegroup)
    EKSBackend.update_nodegroup_config = updating(EKSBackend.update_nodegroup_config)
    EKSBackend.list_nodegroups = listing(EKSBackend.list_nodegroups)
    EKSBackend.tag_resource = lambda self, arn, tags: tags_of(self, arn).update(tags)
    EKSBackend.untag_resource = untag_resource
    EKSBackend.list_tags_for_resource = tags_of


@contextmanager
def wished(rule):
    """Within: what the rule wishes for node groups that are created or deleted."""
    here.wish = {rule.effect: rule.value} if rule else {}
    try:
        yield
    finally:
        here.wish = {}


def settle():
    """Lets every node group become what it has become by now."""
    now = time.monotonic()
    with lock:
        for backend in list(eks_backends[DEFAULT_ACCOUNT_ID].values()):
            for cluster in list(backend.clusters.values()):
                for group in list(cluster.nodegroups.values()):
                    due, become = getattr(group, "fate", (None, None))
                    if due is not None and due <= now:
                        group.fate = (None, None)
                        become(cluster, group)


def sync_nodes(cluster, group, wanted=None):
    """Starts or ends instances until there are as many as the group is to have, or `wanted`."""
    ec2 = ec2_backends[DEFAULT_ACCOUNT_ID][cluster.arn.split(":")[3]]
    nodes = getattr(group, "nodes", [])
    if wanted is None:
        wanted = group.scaling_config["desiredSize"]
    if len(nodes) < wanted:
        tags = {"eks:cluster-name": cluster.name, "eks:nodegroup-name": group.nodegroup_name}
        reservation = ec2.run_instances(
            IMAGE,
            wanted - len(nodes),
            "",
            [],
            instance_type="t3.medium",
            is_instance_type_default=False,
            tags={"instance": tags},
        )
        nodes = nodes + [instance.id for instance in reservation.instances]
    elif len(nodes) > wanted:
        ec2.terminate_instances(nodes[wanted:])
        nodes = nodes[:wanted]
    group.nodes = nodes


def keeping_parameters(original):
    def create_nodegroup(self):
        here.update_config = self._get_param("updateConfig")
        here.node_repair_config = self._get_param("nodeRepairConfig")
        return original(self)

    return create_nodegroup


def creating(original):
    def create_nodegroup(self, cluster_name, nodegroup_name, client_request_token=None, **others):
        with lock:
            cluster = self.clusters.get(cluster_name)
            known = cluster and cluster.nodegroups.get(nodegroup_name)
            if known and client_request_token and known.client_request_token == client_request_token:
                return known
            group = original(
                self,
                cluster_name=cluster_name,
                nodegroup_name=nodegroup_name,
                client_request_token=client_request_token,
                **others,
            )
            correct(group, cluster, others)
            begin(group)
            if group.status == "ACTIVE":
                sync_nodes(cluster, group)
            return group

    return create_nodegroup


def correct(group, cluster, parameters):
    """Takes back what moto invented or shares between node groups."""
    group.health = {"issues": []}
    group.scaling_config = dict(group.scaling_config)
    group.update_config = here.update_config or {"maxUnavailable": 1}
    group.node_repair_config = here.node_repair_config
    if not parameters.get("version"):
        group.version = cluster.version
    if not parameters.get("remote_access"):
        group.remote_access = None
        group.resources.pop("remoteAccessSecurityGroup", None)


def begin(group):
    """A node group is ACTIVE at once, unless the rule of this call wishes otherwise."""
    now = time.monotonic()
    if seconds := here.wish.get("creating_seconds"):
        group.status, group.fate = "CREATING", (now + seconds, become_active)
    if issue := here.wish.get("create_failed"):
        group.status, group.fate = "CREATING", (now + issue["after_seconds"], become_failed(issue))
        settle()


def become_active(cluster, group):
    group.status = "ACTIVE"
    sync_nodes(cluster, group)


def become_failed(issue):
    def become(_cluster, group):
        group.status = "CREATE_FAILED"
        group.health = {
            "issues": [{"code": issue["code"], "message": issue["message"], "resourceIds": [group.nodegroup_name]}]
        }

    return become


def become_gone(cluster, group):
    if cluster.nodegroups.pop(group.nodegroup_name, None):
        cluster.nodegroup_count -= 1
    sync_nodes(cluster, group, 0)


def deleting(original):
    def delete_nodegroup(self, cluster_name, nodegroup_name):
        seconds = here.wish.get("deleting_seconds")
        with lock:
            group = self.describe_nodegroup(cluster_name, nodegroup_name)
            if group.status == "DELETING":
                return group
            if not seconds:
                sync_nodes(self.clusters[cluster_name], group, 0)
                return original(self, cluster_name, nodegroup_name)
            group.status, group.fate = "DELETING", (time.monotonic() + seconds, become_gone)
            return group

    return delete_nodegroup


def updating(original):
    def update_nodegroup_config(self, cluster_name, nodegroup_name, **changes):
        group = updatable(self, cluster_name, nodegroup_name)
        bounds_hold({**group.scaling_config, **(changes.get("scaling_config") or {})})
        update = original(self, cluster_name=cluster_name, nodegroup_name=nodegroup_name, **changes)
        sync_nodes(self.clusters[cluster_name], group)
        updates[update["id"]] = {**update, "createdAt": utcnow().timestamp()}
        return update

    return update_nodegroup_config


def bounds_hold(scaling):
    """EKS refuses a size that does not lie within its bounds; moto takes any."""
    least, size, most = (scaling[key] for key in ("minSize", "desiredSize", "maxSize"))
    if least > size:
        raise InvalidParameterException(message=f"Minimum capacity {least} can't be greater than desired size {size}")
    if size > most:
        raise InvalidParameterException(message=f"desired capacity {size} can't be greater than max size {most}")


def update_nodegroup_version(response):
    """Its work is done at once, as that of a configuration."""
    group = updatable(response.eks_backend, response._get_param("name"), response._get_param("nodegroupName"))
    for attribute, parameter in (("version", "version"), ("release_version", "releaseVersion")):
        if value := response._get_param(parameter):
            setattr(group, attribute, value)
    if template := response._get_param("launchTemplate"):
        group.launch_template = {**(group.launch_template or {}), **template}
    return ActionResult({"update": updated("VersionUpdate")})


def updated(kind):
    """An update that is over, as it can be asked for."""
    update = {"id": str(uuid.uuid4()), "status": "Successful", "type": kind, "params": [], "errors": []}
    updates[update["id"]] = {**update, "createdAt": utcnow().timestamp()}
    return updates[update["id"]]


def updatable(backend, cluster_name, nodegroup_name):
    """The node group, unless it is busy."""
    group = backend.describe_nodegroup(cluster_name, nodegroup_name)
    if group.status not in ("ACTIVE", "DEGRADED"):
        raise ResourceInUseException(
            clusterName=cluster_name,
            nodegroupName=nodegroup_name,
            message="Nodegroup cannot be updated as it is currently not in Active State",
        )
    return group


def listing(original):
    def list_nodegroups(self, cluster_name, *others, **named):
        self.describe_cluster(cluster_name)
        return original(self, cluster_name, *others, **named)

    return list_nodegroups


def describe_update(request, full_url, headers):
    """Every update is successful: its work was done when it was accepted."""
    id = request.path.rsplit("/", 1)[1]
    if id not in updates:
        raise ResourceNotFoundException(message=f"No update found for ID: {id}")
    return 200, {"Content-Type": "application/json"}, json.dumps({"update": updates[id]})


def tags_of(backend, arn):
    for cluster in backend.clusters.values():
        for owner in (cluster, *cluster.nodegroups.values(), *cluster.fargate_profiles.values()):
            if arn in (getattr(owner, "arn", None), getattr(owner, "fargate_profile_arn", None)):
                return owner.tags
    raise ResourceNotFoundException(message=f"Resource was not found: {arn}")


def untag_resource(backend, arn, tag_keys):
    tags = tags_of(backend, arn)
    for key in [tag_keys] if isinstance(tag_keys, str) else tag_keys:
        tags.pop(key, None)
