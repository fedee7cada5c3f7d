//! What somebody changed outside captd: of all that Terraform found changed, what is spoken of.

use captd::domain::plan::{Action, AttributeChange, Plan, ResourceChange};
use captd::domain::template::{Manifest, Provider};
use serde_json::json;

const GROUP: &str = "module.nodegroup.aws_eks_node_group.this";

fn manifest() -> Manifest {
    Manifest {
        env: Vec::new(),
        description: String::new(),
        permissions: Vec::new(),
        autoscaled: std::collections::BTreeMap::new(),
        update_policy: captd::domain::template::UpdatePolicy::default(),
        export_to: Vec::new(),
        gateway: captd::domain::template::Gateway::On,
        provider: Provider::Aws,
        modules: Vec::new(),
        protects: vec![GROUP.to_owned()],
        import_ids: std::collections::BTreeMap::new(),
        in_service: std::collections::BTreeMap::new(),
    }
}

fn found(action: Action, address: &str, paths: &[&str]) -> ResourceChange {
    let change = |path: &&str| AttributeChange {
        path: (*path).to_owned(),
        before: json!(1),
        after: json!(2),
        sensitive: false,
        unknown: false,
    };
    ResourceChange {
        previous_address: None,
        deposed: None,
        import_id: None,
        address: address.to_owned(),
        resource_type: "x".to_owned(),
        action,
        replace_because: Vec::new(),
        tainted: false,
        changes: paths.iter().map(change).collect(),
    }
}

fn check(drift: Vec<ResourceChange>, expected: &[&str]) {
    let plan = Plan { drift, ..Plan::default() };
    assert_eq!(plan.foreign_changes(&manifest()), expected);
    assert!(!plan.has_changes(), "what was found is nothing to apply");
}

#[test]
fn changes_of_what_is_protected_are_told_with_their_attributes() {
    let scaled = found(Action::Update, GROUP, &["scaling_config[0].desired_size", "labels.team"]);
    check(vec![scaled], &["module.nodegroup.aws_eks_node_group.this (scaling_config[0].desired_size, labels.team)"]);
}

#[test]
fn what_the_cloud_fills_in_by_itself_is_not_told() {
    check(vec![found(Action::Update, "module.nodegroup.aws_iam_role.node[0]", &["managed_policy_arns[0]"])], &[]);
    check(vec![found(Action::Update, GROUP, &[])], &[]);
    check(vec![], &[]);
}

#[test]
fn whatever_is_gone_is_told() {
    check(
        vec![found(Action::Delete, GROUP, &[]), found(Action::Delete, "module.nodegroup.aws_iam_role.node[0]", &[])],
        &["module.nodegroup.aws_eks_node_group.this is gone", "module.nodegroup.aws_iam_role.node[0] is gone"],
    );
}

#[test]
fn what_an_autoscaler_may_change_is_not_told() {
    let paths = vec!["scaling_config[0].desired_size".to_owned()];
    let manifest = Manifest { autoscaled: [(GROUP.to_owned(), paths)].into(), ..manifest() };
    let told = |paths: &[&str]| {
        let drift = vec![found(Action::Update, GROUP, paths)];
        Plan { drift, ..Plan::default() }.foreign_changes(&manifest)
    };
    assert_eq!(told(&["scaling_config[0].desired_size"]), [""; 0]);
    let both = told(&["scaling_config[0].desired_size", "labels.team"]);
    assert_eq!(both, ["module.nodegroup.aws_eks_node_group.this (labels.team)"]);
}
