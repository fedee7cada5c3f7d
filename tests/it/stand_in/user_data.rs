//! What the nodes are told at their start, of each kind of image.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Site, resource};
use crate::support::requires;

/// The user data of a call that is planned; empty where there is none.
fn told(planned: &Value, label: &str) -> String {
    let text = resource(planned, label, "aws_launch_template")["user_data"].as_str().unwrap_or_default();
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

#[tokio::test]
async fn nodes_are_told_how_to_join_where_the_image_is_ones_own() {
    if !requires("aws") {
        return;
    }
    let mut site = Site::open().await;
    let own = |ami_type: &str, more: Value| {
        let mut all = json!({"ami_id": "ami-0a", "ami_type": ami_type, "enable_bootstrap_user_data": true,
            "cluster_endpoint": "https://api.example", "cluster_auth_base64": "Y2E=",
            "cluster_service_cidr": "172.20.0.0/16"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let script = json!({"content": "#!/bin/sh\necho früh\n", "content_type": "text/x-shellscript", "filename": "a.sh"});
    let config = json!({"content": "late", "merge_type": "list(append)"});
    let al2023 =
        own("AL2023_ARM_64_STANDARD", json!({"cloudinit_pre_nodeadm": [script], "cloudinit_post_nodeadm": [config]}));
    let linux = json!({"pre_bootstrap_user_data": "echo early", "post_bootstrap_user_data": "echo late",
        "bootstrap_extra_args": "--kubelet-extra-args '--max-pods=20'", "cluster_ip_family": "ipv4"});
    let later = own("AL2_x86_64", json!({"cluster_endpoint": "${terraform_data.later.output.endpoint}"}));
    site.call(&[
        ("al2023", al2023),
        ("linux", own("AL2_x86_64", linux)),
        ("bottlerocket", own("BOTTLEROCKET_x86_64", json!({"bootstrap_extra_args": "[settings.ntp]"}))),
        ("later", later),
        ("before_eks", json!({"pre_bootstrap_user_data": "#!/bin/sh\necho früh\n"})),
        ("settings", json!({"ami_type": "BOTTLEROCKET_x86_64", "bootstrap_extra_args": "[settings.ntp]"})),
        ("nothing", json!({"ami_type": "WINDOWS_CORE_2022_x86_64"})),
    ])
    .await;
    let done = site.plan().await;
    assert_eq!(done.code, 2, "{}{}", done.stdout, done.stderr);
    let planned: Value = site.json(&["show", "-json", "-no-color", "tfplan"]).await;
    let planned = &planned["planned_values"];

    insta::assert_snapshot!(told(planned, "al2023"), @r#"
    MIME-Version: 1.0
    Content-Type: multipart/mixed; boundary="part-be769b42c892062922539ef8f64a2ea6"

    --part-be769b42c892062922539ef8f64a2ea6
    Content-Type: text/x-shellscript
    Content-Disposition: attachment; filename="a.sh"

    #!/bin/sh
    echo früh

    --part-be769b42c892062922539ef8f64a2ea6
    Content-Type: application/node.eks.aws

    "apiVersion": "node.eks.aws/v1alpha1"
    "kind": "NodeConfig"
    "spec":
      "cluster":
        "apiServerEndpoint": "https://api.example"
        "certificateAuthority": "Y2E="
        "cidr": "172.20.0.0/16"
        "name": "demo"

    --part-be769b42c892062922539ef8f64a2ea6
    Content-Type: text/plain
    X-Merge-Type: list(append)

    late
    --part-be769b42c892062922539ef8f64a2ea6--
    "#);
    insta::assert_snapshot!(told(planned, "linux"), @r#"
    #!/bin/bash
    set -e
    echo early
    /etc/eks/bootstrap.sh 'demo' --apiserver-endpoint 'https://api.example' --b64-cluster-ca 'Y2E=' --ip-family ipv4 --service-ipv4-cidr '172.20.0.0/16' --kubelet-extra-args '--max-pods=20'
    echo late
    "#);
    insta::assert_snapshot!(told(planned, "bottlerocket"), @r#"
    [settings.kubernetes]
    "cluster-name" = "demo"
    "api-server" = "https://api.example"
    "cluster-certificate" = "Y2E="
    "cluster-dns-ip" = "172.20.0.10"
    [settings.ntp]
    "#);
    insta::assert_snapshot!(told(planned, "before_eks"), @r#"
    MIME-Version: 1.0
    Content-Type: multipart/mixed; boundary="part-db31207f5d896501ab1660dc9c442e3d"

    --part-db31207f5d896501ab1660dc9c442e3d
    Content-Type: text/x-shellscript

    #!/bin/sh
    echo früh

    --part-db31207f5d896501ab1660dc9c442e3d--
    "#);
    assert_eq!(told(planned, "settings"), "[settings.ntp]");
    assert_eq!(told(planned, "nothing"), "");
    let group = resource(planned, "al2023", "aws_eks_node_group");
    assert_eq!(group["ami_type"], Value::Null, "an image of one's own says what it is");
    let later = resource(planned, "later", "aws_launch_template");
    assert_eq!(later.get("user_data"), None, "it is known when the endpoint is");
    site.close().await;
}
