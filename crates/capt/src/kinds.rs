//! What kind a document is, and what is to be written in the place of kinds that captd has not.

use serde_json::Value;

use crate::text_at;

/// A kind, as captd sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// captd's own form, or something that its own reading judges.
    Own,
    /// A node group.
    CaptMachine,
    /// A Terraform module.
    WorkspaceTemplate,
    /// A template bound to variables.
    WorkspaceTemplateApply,
    /// A network.
    CaptCluster,
    /// A control plane.
    CaptControlPlane,
    /// What groups them.
    Cluster,
    /// Texts to keep secret.
    Secret,
    /// Texts.
    ConfigMap,
    /// CAPT's, and to be written in another way: which.
    Refused(&'static str),
    /// Another's: its kind and its group.
    Unknown(String),
}

const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io/";
const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io/";
const CLUSTER: &str = "cluster.x-k8s.io/";

/// What kind a document is.
#[must_use]
pub fn kind_of(document: &Value) -> Kind {
    let (Some(api), Some(kind)) = (text_at(document, "/apiVersion"), text_at(document, "/kind")) else {
        return Kind::Own;
    };
    match (group(api), kind) {
        ("captd/", _) | ("v1", "Namespace") => Kind::Own,
        (INFRASTRUCTURE, "CaptMachine") if document.pointer("/spec/nodeGroupRef").is_some() => Kind::Refused(
            "this CaptMachine is one EC2 instance, and captd's machine is a node group: declare a CaptMachine with `nodeGroupConfig`, whose `scaling` says how many instances there are",
        ),
        (INFRASTRUCTURE, "CaptMachine") => Kind::CaptMachine,
        (INFRASTRUCTURE, "WorkspaceTemplate") => Kind::WorkspaceTemplate,
        (INFRASTRUCTURE, "WorkspaceTemplateApply") => Kind::WorkspaceTemplateApply,
        (INFRASTRUCTURE, "CAPTCluster") => Kind::CaptCluster,
        (CONTROL_PLANE, "CAPTControlPlane") => Kind::CaptControlPlane,
        (CLUSTER, "Cluster") if document.pointer("/spec/topology").is_some() => Kind::Refused(
            "captd has no ClusterClass: declare the CAPTCluster, the CAPTControlPlane and the machines that the topology would make",
        ),
        (CLUSTER, "Cluster") => Kind::Cluster,
        ("v1", "Secret") => Kind::Secret,
        ("v1", "ConfigMap") => Kind::ConfigMap,
        (INFRASTRUCTURE, "CaptMachineSet" | "CaptMachineDeployment") => Kind::Refused(
            "captd has no sets of single instances: declare one Machine, a node group, whose `scaling` holds the replicas",
        ),
        (INFRASTRUCTURE, "CaptMachineTemplate") => Kind::Refused(
            "captd has no templates of machines: declare each Machine with its instance type, scaling, labels and taints",
        ),
        (CONTROL_PLANE, "CaptControlPlaneTemplate") => Kind::Refused(
            "captd has no ClusterClass: declare the CAPTControlPlane itself, or a Workspace of its template",
        ),
        ("tf.upbound.io/", "ProviderConfig") => Kind::Refused(
            "how captd signs in to AWS stands in its configuration: write [providers.aws.<name>] with region and profile (or access_key and secret_key, assume_role_arn, ambient = true) in captd.toml, under the name that providerConfigRef says",
        ),
        _ => Kind::Unknown(format!("the kind {kind} of {api}")),
    }
}

/// The group of an `apiVersion`, whatever its version.
fn group(api: &str) -> &str {
    match api {
        "captd/v1" => "captd/",
        _ => api.rfind('/').map_or(api, |at| &api[..=at]),
    }
}
