//! Saved plans in JSON, of the real Terraform on the local template and one made by hand: what would
//! change, and that no secret is in it.

use captd::domain::plan::{Action, AttributeChange, MASK, Plan, Summary};
use captd::terraform::outputs;
use captd::terraform::plan::{Shown, is_applied, parse};
use serde_json::{Value, json};

const CREATE: &str = include_str!("samples/create.json");
const SCALE: &str = include_str!("samples/scale.json");
const REPLACE: &str = include_str!("samples/replace.json");
const TAINTED: &str = include_str!("samples/tainted.json");
const DESTROY: &str = include_str!("samples/destroy.json");
const MOVED: &str = include_str!("samples/moved.json");
const MASKED: &str = include_str!("samples/masked.json");
const UNKNOWN_WHOLE: &str = include_str!("samples/unknown_whole.json");

fn read(text: &str) -> Shown {
    parse(text).unwrap()
}

fn tell_change(change: &AttributeChange) -> String {
    let after = if change.unknown { "not known yet".to_owned() } else { change.after.to_string() };
    let mark = if change.sensitive { " !" } else { "" };
    format!("{}{mark}: {} → {after}", change.path, change.before)
}

/// A plan in lines.
fn tell(plan: &Plan) -> String {
    let mut out = format!("{}\n", plan.summary);
    for resource in &plan.resources {
        out.push_str(&format!("{} {}", resource.action.as_str(), resource.address));
        out.push_str(&resource.previous_address.as_ref().map(|from| format!(" from {from}")).unwrap_or_default());
        out.push_str(&resource.deposed.as_ref().map(|key| format!(" (deposed {key})")).unwrap_or_default());
        if !resource.replace_because.is_empty() {
            out.push_str(&format!(" because of {}", resource.replace_because.join(", ")));
        }
        if resource.tainted {
            out.push_str(" (tainted)");
        }
        out.push('\n');
        for change in &resource.changes {
            out.push_str(&format!("  {}\n", tell_change(change)));
        }
    }
    for change in &plan.outputs {
        out.push_str(&format!("output {}\n", tell_change(change)));
    }
    for resource in &plan.drift {
        let changes: Vec<String> = resource.changes.iter().map(tell_change).collect();
        out.push_str(&format!("found changed {}: {}\n", resource.address, changes.join(", ")));
    }
    plan.failed_checks.iter().for_each(|text| out.push_str(&format!("check {text}\n")));
    plan.deferred.iter().for_each(|text| out.push_str(&format!("deferred {text}\n")));
    out
}

#[test]
fn a_node_group_is_created() {
    let shown = read(CREATE);
    insta::assert_snapshot!(tell(&shown.plan), @r#"
    2 to create, 0 to update, 0 to replace, 0 to delete, 3 outputs to change
    create module.nodegroup.terraform_data.group
      id: null → not known yet
      input.max_size: null → 3
      input.min_size: null → 1
      input.status: null → "ACTIVE"
      input.tags.captd:machine: null → "default/w5"
      output: null → not known yet
      triggers_replace.cluster_name: null → "demo"
      triggers_replace.instance_types[0]: null → "t3.medium"
      triggers_replace.node_group_name: null → "w5"
      triggers_replace.region: null → "eu-central-1"
    create module.nodegroup.terraform_data.node["0"]
      id: null → not known yet
      input.name: null → "w5-0"
      output: null → not known yet
      triggers_replace: null → not known yet
    output current_size: null → not known yet
    output node_group_id: null → "demo:w5"
    output status: null → not known yet
    "#);
    assert!(shown.plan.has_changes());
    assert_eq!(shown.plan.resources[0].resource_type, "terraform_data");
}

#[test]
fn scaling_adds_a_node_and_touches_nothing_else() {
    insta::assert_snapshot!(tell(&read(SCALE).plan), @r#"
    1 to create, 0 to update, 0 to replace, 0 to delete, 1 output to change
    create module.nodegroup.terraform_data.node["1"]
      id: null → not known yet
      input.name: null → "w5-1"
      output: null → not known yet
      triggers_replace: null → "2e2f6632-c36f-7785-41c3-e13c917821bf"
    output current_size: 1 → not known yet
    "#);
}

#[test]
fn another_instance_type_replaces_and_says_why() {
    insta::assert_snapshot!(tell(&read(REPLACE).plan), @r#"
    0 to create, 0 to update, 3 to replace, 0 to delete, 2 outputs to change
    replace module.nodegroup.terraform_data.group because of triggers_replace
      id: "2e2f6632-c36f-7785-41c3-e13c917821bf" → not known yet
      output: {"labels":{},"max_size":3,"min_size":1,"status":"ACTIVE","tags":{"captd:machine":"default/w5"},"taints":[],"update_config":null} → not known yet
      triggers_replace.instance_types[0]: "t3.medium" → "m6i.large"
    replace module.nodegroup.terraform_data.node["0"] because of triggers_replace
      id: "def92cd7-f2a4-eacb-313a-5c122fa3b371" → not known yet
      output: {"name":"w5-0"} → not known yet
      triggers_replace: "2e2f6632-c36f-7785-41c3-e13c917821bf" → not known yet
    replace module.nodegroup.terraform_data.node["1"] because of triggers_replace
      id: "a4942d24-ea5f-8d43-757b-6b635af6546f" → not known yet
      output: {"name":"w5-1"} → not known yet
      triggers_replace: "2e2f6632-c36f-7785-41c3-e13c917821bf" → not known yet
    output current_size: 2 → not known yet
    output status: "ACTIVE" → not known yet
    "#);
}

#[test]
fn what_failed_at_its_creation_is_replaced_as_tainted() {
    insta::assert_snapshot!(tell(&read(TAINTED).plan), @r#"
    0 to create, 0 to update, 1 to replace, 0 to delete, 1 output to change
    replace module.nodegroup.terraform_data.node["0"] because of replace because tainted (tainted)
      id: "7c866186-4ff6-87b7-a336-3c885a2b6bb0" → not known yet
      output: {"name":"w5-0"} → not known yet
    output current_size: null → not known yet
    "#);
}

#[test]
fn a_destruction_deletes_and_lists_no_attributes() {
    let shown = read(DESTROY);
    insta::assert_snapshot!(tell(&shown.plan), @r#"
    0 to create, 0 to update, 0 to replace, 2 to delete, 3 outputs to change
    delete module.nodegroup.terraform_data.group
    delete module.nodegroup.terraform_data.node["0"]
    output current_size: 1 → null
    output node_group_id: "local:w5" → null
    output status: "ACTIVE" → null
    "#);
    assert!(shown.outputs.is_empty());
}

#[test]
fn masks_hold_before_after_in_nested_and_whole_values_and_in_outputs() {
    let shown = read(MASKED);
    insta::assert_snapshot!(tell(&shown.plan), @r#"
    1 to create, 2 to update, 1 to replace, 1 to delete, 3 outputs to change
    update x.nested
      closed !: null → "(sensitive)"
      opened !: "(sensitive)" → "(sensitive)"
      password !: "(sensitive)" → "(sensitive)"
      removed !: "(sensitive)" → null
      replicas[0].token !: "(sensitive)" → "(sensitive)"
      replicas[1].name: "b" → "c"
      user: "app" → "web"
    create x.whole
      id: null → not known yet
      settings !: null → "(sensitive)"
      size: null → 1
    update x.later
      list[1]: null → not known yet
      secret !: "(sensitive)" → not known yet
    read data.x.read
    delete x.gone
    replace x.anew because of disk, scaling[0].min
      disk: 20 → 30
      scaling[0].min: 1 → 2
    output endpoint: null → "https://demo"
    output kubeconfig !: "(sensitive)" → "(sensitive)"
    output later: 1 → not known yet
    found changed module.nodegroup.aws_eks_node_group.this: desired_size: 2 → 3
    "#);
    assert!(!format!("{shown:?}").contains("hunter"), "a secret is in {shown:?}");
    assert!(MASKED.contains("hunter") && MASK == "(sensitive)");
}

/// Terraform marks parts of the old value, and of the new one nothing is known, not even its parts.
#[test]
fn a_secret_inside_a_value_that_becomes_unknown_is_masked() {
    assert!(UNKNOWN_WHOLE.contains("hunter2"));
    let shown = read(UNKNOWN_WHOLE);
    assert!(!format!("{shown:?}").contains("hunter2"), "a secret is in {shown:?}");
    assert!(shown.plan.resources[0].changes.iter().any(|change| change.path.starts_with("input")));
}

#[test]
fn outputs_are_those_that_are_known_and_no_secret() {
    for (text, expected) in [
        (MASKED, json!({"endpoint": "https://demo"})),
        (CREATE, json!({"node_group_id": "demo:w5"})),
        (TAINTED, json!({"node_group_id": "local:w5", "status": "ACTIVE"})),
    ] {
        assert_eq!(Value::Object(read(text).outputs), expected);
    }
}

#[test]
fn output_json_is_read_without_its_secrets() {
    let text = json!({
        "current_size": {"sensitive": false, "type": "number", "value": 1},
        "labels": {"sensitive": false, "type": ["map", "string"], "value": {"a": null}},
        "kubeconfig": {"sensitive": true, "type": "string", "value": "hunter"}
    });
    let expected = json!({"current_size": 1, "labels": {"a": null}});
    assert_eq!(outputs::parse(&text.to_string()).map(Value::Object), Some(expected));
    assert_eq!(outputs::parse("{}").map(Value::Object), Some(json!({})));
    for nonsense in ["", "[]", "no json", "null"] {
        assert_eq!(outputs::parse(nonsense), None, "{nonsense}");
    }
}

#[test]
fn a_plan_without_changes_has_none() {
    let shown =
        read(r#"{"format_version": "1.2", "planned_values": {"outputs": {"a": {"sensitive": false, "value": 1}}}}"#);
    assert_eq!(shown.plan, Plan::default());
    assert_eq!(Value::Object(shown.outputs), json!({"a": 1}));
    let reads = read(
        r#"{"format_version": "1.2", "resource_changes": [{"address": "data.a.b", "type": "a", "change": {"actions": ["read"]}}]}"#,
    );
    assert_eq!((reads.plan.resources[0].action, reads.plan.summary), (Action::Read, Summary::default()));
    assert!(!reads.plan.has_changes());
}

#[test]
fn what_is_no_plan_is_told() {
    for text in ["", "no json", "{}", "[]", "null", "5", "{\"resource_changes\": []}"] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with("`show -json` answered no plan: "), "{text}: {error}");
    }
}

#[test]
fn what_is_moved_let_go_and_given_is_told_and_a_check_that_does_not_hold() {
    let shown = read(MOVED);
    insta::assert_snapshot!(tell(&shown.plan), @r#"
    0 to create, 0 to update, 0 to replace, 0 to delete, 1 to move, 1 to forget, 1 output to change
    move terraform_data.a2 from terraform_data.a
    forget terraform_data.b
    output t: null → not known yet
    check check.c: is not y
    "#);
    assert_eq!(shown.plan.applyable, Some(true));
    assert_eq!(serde_json::to_value(shown.plan.summary).unwrap()["move"], 1, "as it is called on the wire");
}

/// A plan made by hand, of one resource.
fn of_one(resource: &Value) -> Plan {
    let plan = json!({"format_version": "1.2", "resource_changes": [resource]});
    parse(&plan.to_string()).unwrap().plan
}

#[test]
fn every_action_of_a_plan_is_told() {
    let resource = |actions: &[&str], more: Value| {
        let mut resource = json!({"address": "a.b", "type": "a", "mode": "managed", "change": {"actions": actions}});
        resource.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        resource
    };
    let moved = || json!({"previous_address": "a.old"});
    let cases = [
        (resource(&["no-op"], json!({})), ""),
        (resource(&["no-op"], moved()), "move a.b from a.old"),
        (resource(&["update"], moved()), "update a.b from a.old"),
        (resource(&["delete", "create"], moved()), "replace a.b from a.old"),
        (resource(&["forget"], json!({})), "forget a.b"),
        (resource(&["forget"], json!({"deposed": "12"})), "forget a.b (deposed 12)"),
        (resource(&["delete"], json!({"deposed": "12"})), "delete a.b (deposed 12)"),
        (resource(&["create", "forget"], json!({})), "replace a.b"),
        (resource(&["of a later terraform"], json!({})), "replace a.b"),
    ];
    for (resource, expected) in cases {
        let told = tell(&of_one(&resource));
        assert_eq!(told.split_once('\n').unwrap().1.trim(), expected, "{resource}");
    }
    let deposed = of_one(&resource(&["delete"], json!({"deposed": "12"})));
    assert_eq!(deposed.summary, Summary { delete: 1, deposed: 1, ..Summary::default() });
    assert_eq!(deposed.summary.to_string(), "0 to create, 0 to update, 0 to replace, 1 to delete (1 of them deposed)");
}

#[test]
fn an_output_that_changes_without_another_value_is_told() {
    let change = |before: bool, after: bool, value: Value| {
        json!({"actions": ["update"], "before": value, "after": value, "after_unknown": false,
            "before_sensitive": before, "after_sensitive": after})
    };
    let outputs = json!({"hides": change(false, true, json!("x")), "shows": change(true, false, json!("x")),
        "empty": {"actions": ["create"], "before": null, "after": {}, "after_unknown": false}});
    let plan = json!({"format_version": "1.2", "output_changes": outputs}).to_string();
    insta::assert_snapshot!(tell(&read(&plan).plan), @r#"
    0 to create, 0 to update, 0 to replace, 0 to delete, 3 outputs to change
    output empty: null → {}
    output hides !: "(sensitive)" → "(sensitive)"
    output shows !: "(sensitive)" → "(sensitive)"
    "#);
}

#[test]
fn what_cannot_be_planned_yet_is_told() {
    let change = json!({"address": "a.b", "change": {"actions": ["create"]}});
    let plan = json!({"format_version": "1.2", "deferred_changes":
        [{"reason": "resource_config_unknown", "resource_change": change}]});
    assert_eq!(read(&plan.to_string()).plan.deferred, ["create a.b (resource config unknown)"]);
}

/// The exit code, what `show` says, whether the plan lists anything; whether it is applied.
#[test]
fn a_plan_is_applied_when_either_word_of_terraforms_says_so() {
    let listing = |applyable| Plan {
        applyable,
        ..of_one(&json!({"address": "a.b", "type": "a", "change": {"actions": ["create"]}}))
    };
    let empty = |applyable| Plan { applyable, ..Plan::default() };
    for (exit, said, listed, applied) in [
        (Some(true), Some(true), false, true),
        (Some(true), Some(false), false, true),
        (Some(true), None, false, true),
        (Some(false), Some(true), false, true),
        (Some(false), Some(false), true, false),
        (Some(false), None, true, false),
        (None, Some(true), false, true),
        (None, Some(false), true, false),
        (None, None, true, true),
        (None, None, false, false),
    ] {
        let plan = if listed { listing(said) } else { empty(said) };
        assert_eq!(is_applied(exit, &plan), applied, "{exit:?} {said:?} {listed}");
    }
}
