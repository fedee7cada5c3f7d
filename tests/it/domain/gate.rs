//! What waits for a person: every kind of run, every approval, every kind of plan.

use captd::domain::gate::{Gate, gate, hold_unfound};
use captd::domain::machine::Approval;
use captd::domain::namespace::Policy;
use captd::domain::plan::{Action, Plan, ResourceChange, Summary};
use captd::domain::run::Kind;
use captd::domain::template::{Manifest, Provider};

const GROUP: &str = "module.x.aws_eks_node_group.this";

/// Protects the node group of `module.x`.
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

fn change(action: Action, address: &str) -> ResourceChange {
    ResourceChange {
        previous_address: None,
        deposed: None,
        import_id: None,
        address: address.to_owned(),
        resource_type: "aws_eks_node_group".to_owned(),
        action,
        replace_because: Vec::new(),
        tainted: false,
        changes: Vec::new(),
    }
}

fn plan(resources: Vec<ResourceChange>) -> Plan {
    let count = |action| u32::try_from(resources.iter().filter(|r| r.action == action).count()).unwrap();
    let summary = Summary {
        create: count(Action::Create),
        update: count(Action::Update),
        replace: count(Action::Replace),
        delete: count(Action::Delete),
        forget: count(Action::Forget),
        ..Summary::default()
    };
    Plan { summary, resources, ..Plan::default() }
}

fn because(reasons: &[&str], resource: ResourceChange) -> ResourceChange {
    ResourceChange { replace_because: reasons.iter().map(|r| (*r).to_owned()).collect(), ..resource }
}

fn tell(gate: &Gate) -> String {
    match gate {
        Gate::Nothing => "nothing to apply".to_owned(),
        Gate::Shown => "shown".to_owned(),
        Gate::Open => "open".to_owned(),
        Gate::Closed(reasons) => format!("closed: {}", reasons.join("; ")),
    }
}

const APPROVALS: [(&str, Approval); 3] =
    [("auto", Approval::Auto), ("onDestroy", Approval::OnDestroy), ("manual", Approval::Manual)];

#[test]
fn an_apply_run_by_approval_and_plan() {
    let plans = [
        ("no change", plan(vec![])),
        ("reads only", plan(vec![change(Action::Read, "data.a.b")])),
        ("creates", plan(vec![change(Action::Create, GROUP)])),
        ("updates", plan(vec![change(Action::Update, GROUP)])),
        ("replaces", plan(vec![because(&["instance_types", "disk_size"], change(Action::Replace, GROUP))])),
        ("deletes", plan(vec![change(Action::Delete, GROUP)])),
        ("replaces what nobody protects", plan(vec![change(Action::Replace, "module.x.aws_iam_role.node[0]")])),
        ("deletes two", plan(vec![change(Action::Delete, GROUP), change(Action::Delete, &format!("{GROUP}[0]"))])),
    ];
    let mut table = String::new();
    for (words, plan) in plans {
        for (approval, value) in APPROVALS {
            let gate = gate(Kind::Apply, &plan, (value, Policy::default()), &manifest(), None);
            table.push_str(&format!("{words}, {approval} → {}\n", tell(&gate)));
        }
    }
    insta::assert_snapshot!(table, @"
    no change, auto → nothing to apply
    no change, onDestroy → nothing to apply
    no change, manual → nothing to apply
    reads only, auto → nothing to apply
    reads only, onDestroy → nothing to apply
    reads only, manual → nothing to apply
    creates, auto → open
    creates, onDestroy → open
    creates, manual → closed: runPolicy.approval is manual; the plan has 1 to create, 0 to update, 0 to replace, 0 to delete
    updates, auto → open
    updates, onDestroy → open
    updates, manual → closed: runPolicy.approval is manual; the plan has 0 to create, 1 to update, 0 to replace, 0 to delete
    replaces, auto → open
    replaces, onDestroy → closed: the plan would replace module.x.aws_eks_node_group.this because of instance_types, disk_size
    replaces, manual → closed: runPolicy.approval is manual; the plan has 0 to create, 0 to update, 1 to replace, 0 to delete
    deletes, auto → open
    deletes, onDestroy → closed: the plan would delete module.x.aws_eks_node_group.this
    deletes, manual → closed: runPolicy.approval is manual; the plan has 0 to create, 0 to update, 0 to replace, 1 to delete
    replaces what nobody protects, auto → open
    replaces what nobody protects, onDestroy → open
    replaces what nobody protects, manual → closed: runPolicy.approval is manual; the plan has 0 to create, 0 to update, 1 to replace, 0 to delete
    deletes two, auto → open
    deletes two, onDestroy → closed: the plan would delete module.x.aws_eks_node_group.this; the plan would delete module.x.aws_eks_node_group.this[0]
    deletes two, manual → closed: runPolicy.approval is manual; the plan has 0 to create, 0 to update, 0 to replace, 2 to delete
    ");
}

#[test]
fn a_deletion_is_consent_and_a_look_applies_nothing() {
    for (approval, value) in APPROVALS {
        for (kind, with_changes) in [(Kind::Destroy, "open"), (Kind::Plan, "shown"), (Kind::Refresh, "shown")] {
            let deletes = plan(vec![change(Action::Delete, GROUP)]);
            let words = format!("{} {approval}", kind.as_str());
            assert_eq!(
                tell(&gate(kind, &deletes, (value, Policy::default()), &manifest(), None)),
                with_changes,
                "{words}"
            );
            assert_eq!(
                gate(kind, &plan(vec![]), (value, Policy::default()), &manifest(), None),
                Gate::Nothing,
                "{words}"
            );
        }
    }
}

#[test]
fn what_failed_at_its_creation_was_never_in_service() {
    let tainted = ResourceChange { tainted: true, ..change(Action::Replace, GROUP) };
    assert_eq!(
        gate(Kind::Apply, &plan(vec![tainted.clone()]), (Approval::OnDestroy, Policy::default()), &manifest(), None),
        Gate::Open
    );

    let mixed = plan(vec![tainted.clone(), change(Action::Replace, &format!("{GROUP}[1]"))]);
    assert_eq!(
        tell(&gate(Kind::Apply, &mixed, (Approval::OnDestroy, Policy::default()), &manifest(), None)),
        "closed: the plan would replace module.x.aws_eks_node_group.this[1]"
    );
    assert!(matches!(
        gate(Kind::Apply, &plan(vec![tainted]), (Approval::Manual, Policy::default()), &manifest(), None),
        Gate::Closed(_)
    ));
}

#[test]
fn an_address_is_protected_with_its_indexes_and_no_other() {
    for (address, protected) in [
        ("module.x.aws_eks_node_group.this", true),
        ("module.x.aws_eks_node_group.this[0]", true),
        ("module.x.aws_eks_node_group.this[\"a\"]", true),
        ("module.x.aws_eks_node_group.this_other", false),
        ("module.x.aws_eks_node_group.thi", false),
        ("module.y.aws_eks_node_group.this", false),
        ("module.a.module.x.aws_eks_node_group.this", false),
        ("aws_eks_node_group.this", false),
    ] {
        let gate = gate(
            Kind::Apply,
            &plan(vec![change(Action::Delete, address)]),
            (Approval::OnDestroy, Policy::default()),
            &manifest(),
            None,
        );
        assert_eq!(gate != Gate::Open, protected, "{address}");
    }
}

/// What the namespace asks for holds over what a declaration says, and never loosens it.
#[test]
fn the_policy_of_a_namespace_makes_the_gate_stricter_and_never_looser() {
    let least = |least_approval| Policy { least_approval, ..Policy::default() };
    let deletions = Policy { deletion_needs_approval: true, ..Policy::default() };
    let policies = [
        ("least auto", least(Approval::Auto)),
        ("least onDestroy", least(Approval::OnDestroy)),
        ("least manual", least(Approval::Manual)),
        ("deletions wait", deletions),
    ];
    let mut table = String::new();
    for (words, policy) in policies {
        for (approval, value) in APPROVALS {
            let opens = |kind, action| {
                let gate = gate(kind, &plan(vec![change(action, GROUP)]), (value, policy), &manifest(), None);
                if gate == Gate::Open { "open" } else { "closed" }
            };
            table.push_str(&format!(
                "{words}, {approval}: update {}, delete {}, destroy run {}\n",
                opens(Kind::Apply, Action::Update),
                opens(Kind::Apply, Action::Delete),
                opens(Kind::Destroy, Action::Delete),
            ));
        }
    }
    insta::assert_snapshot!(table, @"
    least auto, auto: update open, delete open, destroy run open
    least auto, onDestroy: update open, delete closed, destroy run open
    least auto, manual: update closed, delete closed, destroy run open
    least onDestroy, auto: update open, delete closed, destroy run open
    least onDestroy, onDestroy: update open, delete closed, destroy run open
    least onDestroy, manual: update closed, delete closed, destroy run open
    least manual, auto: update closed, delete closed, destroy run open
    least manual, onDestroy: update closed, delete closed, destroy run open
    least manual, manual: update closed, delete closed, destroy run open
    deletions wait, auto: update open, delete closed, destroy run closed
    deletions wait, onDestroy: update open, delete closed, destroy run closed
    deletions wait, manual: update closed, delete closed, destroy run closed
    ");
    let deletes = plan(vec![change(Action::Delete, GROUP)]);
    let waits = gate(Kind::Destroy, &deletes, (Approval::Auto, deletions), &manifest(), None);
    assert_eq!(
        tell(&waits),
        "closed: a deletion in this namespace waits for approval; the plan has 0 to create, 0 to update, 0 to replace, 1 to delete"
    );
    assert_eq!(gate(Kind::Destroy, &plan(vec![]), (Approval::Auto, deletions), &manifest(), None), Gate::Nothing);
}

/// What the resource is, and what it waits for under `onDestroy`; empty where it goes on.
#[test]
fn what_is_let_go_or_moved_waits_when_it_is_protected() {
    let other = "aws_iam_role.node";
    let moved =
        |action, from: &str, to: &str| ResourceChange { previous_address: Some(from.to_owned()), ..change(action, to) };
    let deposed = ResourceChange { deposed: Some("0a1b2c3d".to_owned()), ..change(Action::Delete, GROUP) };
    let forgotten = format!("the plan would forget {GROUP}: it stays in the cloud, and nothing manages it any more");
    let tainted = ResourceChange { tainted: true, ..moved(Action::Replace, GROUP, other) };
    let cases = [
        (change(Action::Forget, GROUP), forgotten),
        (change(Action::Forget, other), String::new()),
        (moved(Action::Move, GROUP, other), format!("the plan would move {GROUP} to {other}")),
        (moved(Action::Move, other, GROUP), format!("the plan would move {other} to {GROUP}")),
        (moved(Action::Move, other, "aws_iam_role.other"), String::new()),
        (moved(Action::Update, GROUP, other), format!("the plan would move {GROUP} to {other} and update it")),
        (moved(Action::Replace, GROUP, other), format!("the plan would move {GROUP} to {other} and replace it")),
        (tainted, format!("the plan would move {GROUP} to {other} and replace it")),
        (deposed, format!("the plan would delete what an earlier replacement of {GROUP} has left")),
        (change(Action::Import, GROUP), String::new()),
    ];
    for (resource, expected) in cases {
        let (action, address) = (resource.action, resource.address.clone());
        // One that nobody protects goes along, and changes nothing of it.
        let plan = Plan { applyable: Some(true), ..plan(vec![resource, change(Action::Update, "aws_iam_role.x")]) };
        let at_the_gate = |approval| gate(Kind::Apply, &plan, (approval, Policy::default()), &manifest(), None);
        let expected = if expected.is_empty() { Gate::Open } else { Gate::Closed(vec![expected]) };
        assert_eq!(at_the_gate(Approval::OnDestroy), expected, "{action:?} {address}");
        assert_eq!(at_the_gate(Approval::Auto), Gate::Open, "{action:?} {address}");
        assert!(matches!(at_the_gate(Approval::Manual), Gate::Closed(_)), "{action:?} {address}");
    }
}

#[test]
fn terraforms_own_word_decides_whether_there_is_something_to_apply() {
    let nothing_listed = Plan { applyable: Some(true), ..Plan::default() };
    let listed = Plan { applyable: Some(false), ..plan(vec![change(Action::Update, GROUP)]) };
    for (kind, open) in [(Kind::Apply, Gate::Open), (Kind::Destroy, Gate::Open), (Kind::Plan, Gate::Shown)] {
        assert_eq!(
            gate(kind, &nothing_listed, (Approval::OnDestroy, Policy::default()), &manifest(), None),
            open,
            "{kind:?}"
        );
        assert_eq!(
            gate(kind, &listed, (Approval::OnDestroy, Policy::default()), &manifest(), None),
            Gate::Nothing,
            "{kind:?}"
        );
    }
}

#[test]
fn a_destroy_that_finds_nothing_waits_where_deletions_wait() {
    let policy = |waits| Policy { deletion_needs_approval: waits, ..Policy::default() };
    let cases = [
        (Kind::Destroy, true, true, true),
        (Kind::Destroy, true, false, false),
        (Kind::Destroy, false, true, false),
        (Kind::Apply, true, true, false),
        (Kind::Plan, true, true, false),
    ];
    for (kind, waits, has_resources, is_held) in cases {
        let held = hold_unfound(Gate::Nothing, kind, policy(waits), has_resources);
        assert_eq!(matches!(held, Gate::Closed(_)), is_held, "{kind:?} {waits} {has_resources}");
        assert_eq!(hold_unfound(Gate::Open, kind, policy(waits), has_resources), Gate::Open);
    }
}
