//! What one resource says of another and cannot be: a circle, a target or an output that is not there.

use serde_json::{Value, json};

use super::{apply, cluster, from, made, network, nodes, templates, workspace};
use crate::support::{Daemon, requires};
use crate::workspaces::setup;

#[tokio::test]
async fn a_circle_is_refused_and_drawn() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    made(&daemon, &[network("10.0.0.0/16"), cluster("cluster"), nodes()]).await;
    let mut closing = network("10.0.0.0/16");
    closing["spec"]["waitFor"] = json!([{"machine": "workers"}]);
    let refused = apply(&daemon, &[closing]).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    let error = &refused.json()["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/0/spec/waitFor/0"), &json!("circle")));
    let drawn = "this closes a circle, in which each waits for the next: \
        workspace default/network → machine default/workers → workspace default/network";
    assert_eq!(error["detail"], drawn);
    let itself = workspace("alone", "cluster", &json!({"variables": {"cidr": from("alone", "endpoint")}}));
    let refused = apply(&daemon, &[itself]).await;
    assert!(refused.text.contains("workspace default/alone → workspace default/alone"), "{}", refused.text);
    assert_eq!(daemon.get("/v1/namespaces/default/workspaces/alone").await.status, 404, "nothing of it is kept");
    daemon.wait_until_ready("workers").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_reference_that_cannot_be_is_told_with_its_place() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    made(&daemon, &[network("10.0.0.0/16")]).await;
    daemon.wait_for_workspace("network").await;
    let variables = |variables: Value| workspace("cluster", "cluster", &json!({"variables": variables}));
    for (document, pointer, code, words) in [
        (
            variables(json!({"cidr": from("netwerk", "cidr")})),
            "/0/spec/variables/cidr",
            "not_found",
            "there is no workspace default/netwerk",
        ),
        (
            variables(json!({"cidr": from("network", "cdir")})),
            "/0/spec/variables/cidr/valueFrom/output",
            "not_found",
            "it has cidr, password, subnet_ids",
        ),
        (
            variables(json!({"cidr": from("network", "password")})),
            "/0/spec/variables/cidr/valueFrom/output",
            "sensitive",
            "is sensitive",
        ),
        (
            variables(json!({"cidr": from("network", "subnet_ids")})),
            "/0/spec/variables/cidr",
            "wrong_type",
            "`cidr` of template `cluster` is string",
        ),
        (
            variables(json!({"cidr": {"valueFrom": {"output": "cidr"}}})),
            "/0/spec/variables/cidr/valueFrom/workspace",
            "exactly_one_of",
            "exactly one of",
        ),
        (
            variables(json!({"cidr": {"valueFrom": {"workspace": "network"}}})),
            "/0/spec/variables/cidr/valueFrom/output",
            "required",
            "`output` is required",
        ),
        (
            variables(json!({"cidr": {"valueFrom": {"workspace": "network", "output": "cidr"}, "or": 1}})),
            "/0/spec/variables/cidr/or",
            "unknown_field",
            "unknown field",
        ),
        (
            workspace("cluster", "cluster", &json!({"variables": {"cidr": "x"}, "waitFor": [{"machine": "none"}]})),
            "/0/spec/waitFor/0",
            "not_found",
            "there is no machine default/none",
        ),
        (
            workspace("cluster", "cluster", &json!({"variables": {"cidr": "x"}, "waitFor": [{}]})),
            "/0/spec/waitFor/0/workspace",
            "exactly_one_of",
            "exactly one of",
        ),
    ] {
        let refused = apply(&daemon, std::slice::from_ref(&document)).await;
        assert_eq!(refused.status, 422, "{document}: {}", refused.text);
        let error = refused.json()["errors"][0].clone();
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{}", refused.text);
        assert!(error["detail"].as_str().unwrap().contains(words), "{words}: {error}");
    }
    let mut twice = nodes();
    twice["spec"]["waitFor"] = json!([]);
    twice["spec"]["nodeGroupConfig"]["subnetIds"] = json!(["subnet-1"]);
    let refused = apply(&daemon, &[twice]).await;
    assert!(
        refused.text.contains("`subnet_ids` is given twice: here, and by /spec/nodeGroupConfig/subnetIds"),
        "{}",
        refused.text
    );
    let mut identity = nodes();
    identity["spec"]["variables"] = json!({"cluster_name": from("network", "cidr")});
    let refused = apply(&daemon, &[identity]).await;
    assert!(refused.text.contains("`cluster_name` comes from /spec/clusterName; set it there"), "{}", refused.text);
    daemon.stop().await;
}
