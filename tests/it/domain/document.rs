//! Declarations as they arrive: the seed's form and captd's own, and all that can be wrong with the
//! envelope.

use captd::domain::document::{Document, parse, parse_namespace_body, parse_resource_body, unpacked};
use captd::domain::machine::{Approval, MachineSpec, Scaling};
use captd::domain::metadata::Declared;
use captd::domain::namespace::{Defaults, Limits, NamespaceSpec, Policy};
use captd::domain::problem::Problems;
use captd::domain::resource::{ResourceKind, Spec};
use serde_json::{Value, json};

use super::world::{name, problems_of};

/// The declaration that this project began with.
fn seed() -> Value {
    json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
        "kind": "CaptMachine",
        "spec": {
            "workspaceTemplateRef": {"name": "eks-nodegroup-template"},
            "nodeGroupConfig": {
                "name": "managed-ng-1",
                "instanceType": "t3.medium",
                "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}
            }
        }
    })
}

/// `base`, with `patch` laid over it; null takes away.
fn with(mut base: Value, patch: &Value) -> Value {
    fn lay(base: &mut Value, patch: &Value) {
        let Value::Object(fields) = patch else {
            *base = patch.clone();
            return;
        };
        if !base.is_object() {
            *base = json!({});
        }
        for (key, value) in fields {
            if value.is_null() {
                base.as_object_mut().unwrap().remove(key);
            } else {
                lay(&mut base[key], value);
            }
        }
    }
    lay(&mut base, patch);
    base
}

fn machine(value: &Value) -> (Declared, MachineSpec) {
    let mut problems = Problems::default();
    let document = parse(value, "", &mut problems);
    assert!(problems.is_empty(), "{problems}");
    match document {
        Some(Document::Resource(declared, Spec::Machine(spec))) => (declared, *spec),
        other => panic!("{other:?}"),
    }
}

/// What is wrong, as `pointer code`.
fn wrong(value: &Value) -> Vec<String> {
    let problems = problems_of(value);
    problems.as_slice().iter().map(|problem| format!("{} {}", problem.pointer, problem.code)).collect()
}

fn check(patch: &Value, expected: &[&str]) {
    assert_eq!(wrong(&with(seed(), patch)), expected, "{patch}");
}

fn detail(value: &Value) -> String {
    let mut problems = Problems::default();
    parse(value, "", &mut problems);
    problems.to_string()
}

#[test]
fn the_seed_is_a_machine_named_after_its_node_group() {
    let (declared, spec) = machine(&seed());
    assert_eq!(declared, Declared { name: Some(name("managed-ng-1")), ..Declared::default() });
    assert_eq!(spec.workspace_template_ref.name, name("eks-nodegroup-template"));
    assert_eq!(spec.provider_config_ref.name, "default");
    assert_eq!((spec.region.as_deref(), spec.cluster_name.as_deref()), (None, None));
    let group = &spec.node_group_config;
    assert_eq!(group.name, "managed-ng-1");
    assert_eq!(group.instance_type.as_deref(), Some("t3.medium"));
    assert_eq!(group.scaling, Scaling { min_size: 1, max_size: 3, desired_size: 2 });
    assert_eq!(spec.run_policy.approval, Approval::OnDestroy);
    assert!(!spec.deletion_protection);
}

#[test]
fn captds_own_form_says_the_same() {
    let own = with(
        seed(),
        &json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {
            "name": "workers", "namespace": "tenant", "labels": {"team": "data"}, "annotations": {"note": "ours"},
            "resourceVersion": "7", "uid": "x", "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": null
        }}),
    );
    let (declared, spec) = machine(&own);
    let expected = Declared {
        name: Some(name("workers")),
        namespace: Some(name("tenant")),
        labels: [("team".to_owned(), "data".to_owned())].into(),
        annotations: [("note".to_owned(), "ours".to_owned())].into(),
        resource_version: Some(7),
        left_out: ["uid", "generation", "creationTimestamp"].map(|field| format!("metadata.{field}")).into(),
        ..Declared::default()
    };
    assert_eq!(declared, expected);
    assert_eq!(spec, machine(&seed()).1);
}

#[test]
fn a_node_group_whose_name_is_no_dns_label_needs_a_name_beside_it() {
    let patch = json!({"spec": {"nodeGroupConfig": {"name": "Workers_1"}}});
    check(&patch, &["/metadata required"]);
    assert!(detail(&with(seed(), &patch)).contains("`Workers_1`"));
    check(&with(patch, &json!({"metadata": {"name": "workers"}})), &[]);
}

#[test]
fn a_name_that_is_wrong_is_not_replaced_by_another() {
    for bad in ["../../etc", "Workers", "-a", "a-", "", "a.b", &"a".repeat(64)] {
        check(&json!({"metadata": {"name": bad}}), &["/metadata/name invalid_name"]);
    }
    check(&json!({"metadata": {"name": "a".repeat(63)}}), &[]);
    check(&json!({"metadata": {"name": 5}}), &["/metadata/name wrong_type"]);
    check(&json!({"metadata": {"namespace": "../x"}}), &["/metadata/namespace invalid_name"]);
}

#[test]
fn a_scaling_that_breaks_two_rules_and_a_bad_taint_effect_give_three_errors() {
    check(
        &json!({"spec": {"nodeGroupConfig": {
            "scaling": {"minSize": 5, "maxSize": 3, "desiredSize": 9},
            "taints": [{"key": "gpu", "effect": "NEVER"}]
        }}}),
        &[
            "/spec/nodeGroupConfig/scaling/minSize out_of_range",
            "/spec/nodeGroupConfig/scaling/desiredSize out_of_range",
            "/spec/nodeGroupConfig/taints/0/effect unknown_value",
        ],
    );
}

#[test]
fn what_a_server_sets_is_left_out_and_that_is_told() {
    let given = json!({"status": {"phase": "Ready"}, "metadata": {
        "uid": "x", "generation": 3, "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": null,
        "deletionGracePeriodSeconds": 0, "finalizers": ["a/b"], "managedFields": [{}], "ownerReferences": [{}],
        "selfLink": "/x", "resourceVersion": "7",
    }});
    let fields = "metadata.uid, metadata.generation, metadata.creationTimestamp, metadata.deletionGracePeriodSeconds, metadata.finalizers, metadata.managedFields, metadata.ownerReferences, metadata.selfLink, status";
    for kind in [json!({}), json!({"apiVersion": "captd/v1", "kind": "Machine"})] {
        let (declared, _) = machine(&with(with(seed(), &kind), &given));
        let (pointer, note) = declared.note("/3").unwrap();
        assert_eq!((pointer.as_str(), note.ends_with(&format!(": {fields}"))), ("/3/status", true), "{note}");
        assert_eq!(declared.resource_version, Some(7), "that is a precondition");
    }
    let (declared, _) = machine(&with(seed(), &json!({"status": "Ready"})));
    assert_eq!(declared.left_out, ["status"]);
    assert_eq!(machine(&seed()).0.note(""), None);
    check(&json!({"metadata": {"manageFields": []}}), &["/metadata/manageFields unknown_field"]);
}

#[test]
fn a_version_that_was_read_from_another_server_is_no_precondition() {
    let (here, there) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let of = |uid: Value| json!({"metadata": {"resourceVersion": "184467", "uid": uid}});
    let own = json!({"apiVersion": "captd/v1", "kind": "Machine"});
    for (document, expected) in [
        (with(seed(), &of(json!(there))), None),
        (with(seed(), &of(json!(here))), Some(184_467)),
        (with(seed(), &of(Value::Null)), Some(184_467)),
        (with(with(seed(), &own), &of(json!(there))), Some(184_467)),
    ] {
        assert_eq!(machine(&document).0.precondition(here), expected, "{document}");
    }
}

#[test]
fn lists_stand_for_what_is_in_them() {
    let one = json!({"kind": "Machine", "spec": {"items": [1]}});
    let many = [one.clone(), one.clone()];
    for list in [
        json!(many),
        json!({"apiVersion": "v1", "kind": "List", "items": many, "metadata": {"resourceVersion": ""}}),
        json!({"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "CaptMachineList", "items": many}),
        json!({"items": many, "position": 7}),
    ] {
        assert_eq!(unpacked(list.clone()), many, "{list}");
    }
    for single in
        [one.clone(), json!({"kind": "Machine", "items": [1]}), json!({"kind": "List"}), json!({"items": 5}), json!(5)]
    {
        assert_eq!(unpacked(single.clone()), [single], "it is what it is");
    }
    assert_eq!(unpacked(json!({"kind": "List", "items": []})), [Value::Null; 0]);
}

#[test]
fn kind_and_version_belong_together() {
    for (api_version, kind) in [
        ("captd/v1", "CaptMachine"),
        ("infrastructure.cluster.x-k8s.io/v1beta1", "Machine"),
        ("captd/v2", "Machine"),
        ("captd/v1", "machine"),
        ("v1", "Pod"),
        ("", ""),
    ] {
        check(&json!({"apiVersion": api_version, "kind": kind}), &["/kind unknown_kind"]);
    }
    check(&json!({"apiVersion": null}), &["/apiVersion required"]);
    check(&json!({"apiVersion": null, "kind": null}), &["/apiVersion required", "/kind required"]);
    check(&json!({"apiVersion": 1, "kind": ["Machine"]}), &["/apiVersion wrong_type", "/kind wrong_type"]);
}

#[test]
fn what_is_no_object_is_no_document() {
    for value in [json!(null), json!([]), json!("text"), json!(5), json!(true)] {
        assert_eq!(wrong(&value), [" wrong_type"], "{value}");
    }
    check(&json!({"spec": null}), &["/spec required"]);
    check(&json!({"spec": []}), &["/spec wrong_type"]);
    check(&json!({"metadata": "workers"}), &["/metadata wrong_type"]);
}

#[test]
fn a_label_that_is_none_is_pointed_at() {
    check(&json!({"metadata": {"labels": {"Bad Key": "x"}}}), &["/metadata/labels/Bad Key invalid_label"]);
    check(&json!({"metadata": {"labels": {"a.b/-c": "x"}}}), &["/metadata/labels/a.b~1-c invalid_label"]);
    check(&json!({"metadata": {"labels": {"team": "da ta"}}}), &["/metadata/labels/team invalid_label"]);
    check(&json!({"metadata": {"labels": {"team": 5}}}), &["/metadata/labels/team wrong_type"]);
    check(&json!({"metadata": {"labels": {"a.b/c": "x", "team": "", "t": "a_b.c-d"}}}), &[]);
    let (fits, long) = ("x".repeat(63), "x".repeat(64));
    check(&json!({"metadata": {"labels": {fits.as_str(): fits}}}), &[]);
    check(&json!({"metadata": {"labels": {"team": long}}}), &["/metadata/labels/team invalid_label"]);
    check(&json!({"metadata": {"labels": {long.as_str(): "x"}}}), &[&format!("/metadata/labels/{long} invalid_label")]);
    check(&json!({"metadata": {"labels": {"a/b/c": "x"}}}), &["/metadata/labels/a~1b~1c invalid_label"]);
    check(&json!({"metadata": {"annotations": {"a/b/c": "x"}}}), &["/metadata/annotations/a~1b~1c invalid_annotation"]);
    check(&json!({"metadata": {"annotations": {"A.b/c": "any text: at all"}}}), &[]);
}

#[test]
fn unknown_fields_are_refused_everywhere() {
    check(
        &json!({"extra": 1, "metadata": {"nane": "x"}, "spec": {"foo": 1, "nodeGroupConfig": {"bar": 1}}}),
        &[
            "/metadata/nane unknown_field",
            "/spec/nodeGroupConfig/bar unknown_field",
            "/spec/foo unknown_field",
            "/extra unknown_field",
        ],
    );
}

#[test]
fn annotations_have_a_limit() {
    let of = |bytes: usize| json!({"metadata": {"annotations": {"a": "x".repeat(bytes - 1)}}});
    check(&of(256 * 1024), &[]);
    check(&of(256 * 1024 + 1), &["/metadata/annotations too_large"]);
}

#[test]
fn a_body_may_leave_kind_and_version_out_and_may_not_be_another_kind() {
    let body = with(seed(), &json!({"apiVersion": null, "kind": null}));
    let mut problems = Problems::default();
    let read = parse_resource_body(ResourceKind::Machine, &body, &mut problems);
    let (declared, spec) = read.unwrap();
    let read = Some(Document::Resource(declared, spec));
    assert_eq!(read, parse(&seed(), "", &mut Problems::default()));
    assert!(problems.is_empty(), "{problems}");

    let namespace = json!({"apiVersion": "captd/v1", "kind": "Namespace", "metadata": {"name": "tenant"}});
    assert_eq!(parse_resource_body(ResourceKind::Machine, &namespace, &mut problems), None);
    assert_eq!(parse_namespace_body(&seed(), &mut problems), None);
    let found: Vec<&str> = problems.as_slice().iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(found, ["/kind", "/kind"]);
}

#[test]
fn a_workspace_is_a_template_with_variables() {
    let workspace = json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": "network"},
        "spec": {"workspaceTemplateRef": {"name": "vpc-template"}, "providerConfigRef": {"name": "prod"},
            "region": "eu-central-1", "variables": {"cidr": "10.0.0.0/16"}, "runPolicy": {"approval": "auto"},
            "deletionProtection": true}});
    let mut problems = Problems::default();
    let Some(Document::Resource(declared, Spec::Workspace(spec))) = parse(&workspace, "", &mut problems) else {
        panic!("{problems}")
    };
    assert!(problems.is_empty(), "{problems}");
    assert_eq!(declared.name, Some(name("network")));
    assert_eq!(spec.workspace_template_ref.name, name("vpc-template"));
    assert_eq!((spec.provider_config_ref.name.as_str(), spec.region.as_deref()), ("prod", Some("eu-central-1")));
    assert_eq!(spec.variables["cidr"], "10.0.0.0/16");
    assert_eq!((spec.run_policy.approval, spec.deletion_protection), (Approval::Auto, true));
    assert_eq!(
        wrong(&with(workspace.clone(), &json!({"spec": {"region": "Frankfurt"}}))),
        ["/spec/region invalid_value"]
    );
    let no_template = with(workspace.clone(), &json!({"spec": {"workspaceTemplateRef": null}}));
    assert_eq!(wrong(&no_template), ["/spec/workspaceTemplateRef required"]);
    let of_a_machine = with(workspace, &json!({"spec": {"nodeGroupConfig": {"name": "w"}}}));
    assert_eq!(wrong(&of_a_machine), ["/spec/nodeGroupConfig unknown_field"]);
}

#[test]
fn a_namespace_with_all_its_fields() {
    let value = json!({
        "apiVersion": "captd/v1", "kind": "Namespace", "metadata": {"name": "tenant"},
        "spec": {
            "providerConfigs": ["prod"],
            "defaults": {"region": "eu-central-1", "clusterName": "demo", "subnetIds": ["subnet-1"], "nodeRoleArn": "arn:aws:iam::123456789012:role/nodes"},
            "limits": {"machines": 1, "nodes": 1_000_000, "runsAtOnce": 2},
            "policy": {"leastApproval": "manual", "deletionNeedsApproval": true, "deletionProtectionNeedsApproval": true}
        }
    });
    let spec = NamespaceSpec {
        provider_configs: vec!["prod".to_owned()],
        defaults: Defaults {
            region: Some("eu-central-1".to_owned()),
            cluster_name: Some("demo".to_owned()),
            subnet_ids: vec!["subnet-1".to_owned()],
            node_role_arn: Some("arn:aws:iam::123456789012:role/nodes".to_owned()),
        },
        limits: Limits { machines: Some(1), nodes: Some(1_000_000), runs_at_once: Some(2) },
        policy: Policy {
            least_approval: Approval::Manual,
            deletion_needs_approval: true,
            deletion_protection_needs_approval: true,
        },
    };
    let expected = Document::Namespace(Declared { name: Some(name("tenant")), ..Declared::default() }, spec);
    let mut problems = Problems::default();
    assert_eq!(parse(&value, "", &mut problems), Some(expected));
    assert!(problems.is_empty(), "{problems}");
    let bad = json!({"spec": {
        "limits": {"machines": 0, "nodes": 1_000_001, "runs": 1}, "policy": {"leastApproval": "never"}, "default": {},
    }});
    assert_eq!(
        wrong(&with(value, &bad)),
        [
            "/spec/limits/machines out_of_range",
            "/spec/limits/nodes out_of_range",
            "/spec/limits/runs unknown_field",
            "/spec/policy/leastApproval unknown_value",
            "/spec/default unknown_field",
        ]
    );
}

#[test]
fn documents_among_others_are_pointed_at_by_their_place() {
    let mut problems = Problems::default();
    parse(&with(seed(), &json!({"spec": {"nodeGroupConfig": {"name": null}}, "x": 1})), "/7", &mut problems);
    let found: Vec<&str> = problems.as_slice().iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(found, ["/7/spec/nodeGroupConfig/name", "/7/x"]);
}
