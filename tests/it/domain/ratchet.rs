//! Rules that what is stored may break: refused where they are broken anew, and heard of where they were before.

use std::collections::BTreeMap;

use captd::domain::document::{Document, parse};
use captd::domain::problem::Problems;
use captd::domain::ratchet::{Finding, Texts, find, judge};
use serde_json::{Value, json};

/// What a machine with these breaks.
fn found(metadata: &Value, group: &Value) -> Vec<Finding> {
    let mut config = json!({"name": "w", "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}});
    config.as_object_mut().unwrap().extend(group.as_object().unwrap().clone());
    let mut document = json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": "w"}, "spec": {"nodeGroupConfig": config}});
    document["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    let mut problems = Problems::default();
    let Some(Document::Resource(declared, spec)) = parse(&document, "", &mut problems) else { panic!("{problems}") };
    assert!(problems.is_empty(), "{problems}");
    find(Texts { labels: &declared.labels, annotations: &declared.annotations }, Some(&spec), &[], "")
}

#[test]
fn what_was_so_before_is_heard_of_and_what_is_new_is_refused() {
    let bare = json!({});
    let node = |labels: Value| json!({"labels": labels});
    let taints = |taints: Value| json!({"taints": taints});
    let bad_taint = json!({"key": "a/b/c", "effect": "NO_SCHEDULE"});
    let good_taint = json!({"key": "a", "effect": "NO_SCHEDULE"});
    // Before, now, and where that is wrong: "!" refused, "~" heard of.
    for (before, now, expected) in [
        ((bare.clone(), bare.clone()), (bare.clone(), node(json!({"-a": "b"}))), "!/spec/nodeGroupConfig/labels/-a"),
        (
            (bare.clone(), node(json!({"-a": "b"}))),
            (bare.clone(), node(json!({"-a": "b", "c": "d"}))),
            "~/spec/nodeGroupConfig/labels/-a",
        ),
        (
            (bare.clone(), node(json!({"-a": "b"}))),
            (bare.clone(), node(json!({"-a": "c"}))),
            "!/spec/nodeGroupConfig/labels/-a",
        ),
        ((bare.clone(), node(json!({"-a": "b"}))), (bare.clone(), bare.clone()), ""),
        (
            (bare.clone(), bare.clone()),
            (bare.clone(), node(json!({"a": "team@corp.com"}))),
            "!/spec/nodeGroupConfig/labels/a",
        ),
        (
            (bare.clone(), taints(json!([bad_taint]))),
            (bare.clone(), taints(json!([good_taint, bad_taint]))),
            "~/spec/nodeGroupConfig/taints/1/key",
        ),
        (
            (bare.clone(), taints(json!([good_taint]))),
            (bare.clone(), taints(json!([bad_taint]))),
            "!/spec/nodeGroupConfig/taints/0/key",
        ),
        (
            (json!({"labels": {"a": "b c"}}), bare.clone()),
            (json!({"labels": {"a": "b c"}}), bare.clone()),
            "~/metadata/labels/a",
        ),
        (
            (json!({"labels": {"a": "b"}}), bare.clone()),
            (json!({"labels": {"a": "b c"}}), bare.clone()),
            "!/metadata/labels/a",
        ),
        (
            (json!({"annotations": {"a b": "1"}}), bare.clone()),
            (json!({"annotations": {"a b": "2"}}), bare.clone()),
            "~/metadata/annotations/a b",
        ),
        (
            (bare.clone(), bare.clone()),
            (json!({"annotations": {"a/b/c": "1"}}), bare.clone()),
            "!/metadata/annotations/a~1b~1c",
        ),
        (
            (bare.clone(), json!({"amiType": "AL1"})),
            (bare.clone(), json!({"amiType": "AL1", "labels": {"a": "b"}})),
            "~/spec/nodeGroupConfig/amiType",
        ),
        (
            (bare.clone(), json!({"updateConfig": {"maxUnavailable": 5}})),
            (bare.clone(), json!({"updateConfig": {"maxUnavailable": 5}, "diskSize": 30})),
            "~/spec/nodeGroupConfig/updateConfig/maxUnavailable",
        ),
        (
            (bare.clone(), bare.clone()),
            (bare.clone(), json!({"updateConfig": {"maxUnavailable": 4}})),
            "!/spec/nodeGroupConfig/updateConfig/maxUnavailable",
        ),
        ((bare.clone(), bare.clone()), (bare.clone(), json!({"updateConfig": {"maxUnavailable": 3}})), ""),
    ] {
        let judged = judge(found(&now.0, &now.1), &found(&before.0, &before.1), false);
        let refused = judged.problems.as_slice().iter().map(|it| format!("!{}", it.pointer));
        let told: Vec<String> = refused.chain(judged.warnings.iter().map(|it| format!("~{}", it.pointer))).collect();
        assert_eq!(told.concat(), expected, "{before:?} {now:?}");
    }
}

#[test]
fn of_what_is_taken_over_the_node_group_is_as_it_is_and_the_declaration_is_not() {
    let group =
        json!({"labels": {"kubernetes.io/role": "x"}, "amiType": "AL2030", "updateConfig": {"maxUnavailable": 9}});
    let judged = judge(found(&json!({"labels": {"a b": ""}}), &group), &[], true);
    let refused: Vec<&str> = judged.problems.as_slice().iter().map(|it| it.pointer.as_str()).collect();
    assert_eq!(refused, ["/metadata/labels/a b"]);
    let told: BTreeMap<&str, &str> =
        judged.warnings.iter().map(|it| (it.pointer.as_str(), it.detail.as_str())).collect();
    let places = ["amiType", "labels/kubernetes.io~1role", "updateConfig/maxUnavailable"];
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), places.map(|place| format!("/spec/nodeGroupConfig/{place}")));
    assert!(told.values().all(|detail| detail.contains("taken over as it is")), "{told:?}");
}
