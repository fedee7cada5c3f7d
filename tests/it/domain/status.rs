//! What is true of a machine, as its owner would be told it.

use captd::domain::run::{Kind, Outcome, Run, State};
use captd::domain::status::{Phase, Status, View, derive};
use captd::domain::workspace::Workspace;

use super::world::{ALONE, at, begun, ended, failed, outputs, planned, run, seen, unseen};

/// Declared at 09:00 and looked at every ten minutes.
fn view<'a>(workspace: &'a Workspace, open: Option<&'a Run>, last: Option<&'a Run>, now: &str) -> View<'a> {
    View {
        workspace,
        created_at: at("09:00"),
        open,
        last,
        standing: &ALONE,
        trouble: None,
        held_back: None,
        silent: None,
        without_effect: &[],
        lock: None,
        observe_interval_seconds: 600,
        now: at(now),
    }
}

/// The status in lines, times as hours and minutes.
fn tell(status: &Status) -> String {
    let hours = |time: jiff::Timestamp| time.strftime("%H:%M").to_string();
    let ready = if status.ready { "ready" } else { "not ready" };
    let size = status.current_size.map_or_else(|| "an unknown number of".to_owned(), |size| size.to_string());
    let mut out = format!(
        "{}, {ready}, {size} nodes, generation {} in force\n",
        status.phase.as_str(),
        status.observed_generation
    );
    for c in &status.conditions {
        let since = hours(c.last_transition_time);
        out.push_str(&format!("{} {} since {since}, {}: {}\n", c.condition_type, c.status, c.reason, c.message));
    }
    if let (Some(reason), Some(message)) = (&status.failure_reason, &status.failure_message) {
        let next = status.next_retry_at.map_or_else(|| "waits for a change".to_owned(), hours);
        out.push_str(&format!("failure {reason}: {message} Next try: {next}\n"));
    }
    let latest = status.latest_run.as_ref();
    let run = latest.map_or_else(|| "none".to_owned(), |run| format!("{} {}", run.kind.as_str(), run.state));
    out.push_str(&format!("latest run: {run}\n"));
    out.replace("00000000-0000-0000-0000-000000000001", "#1")
}

fn told(workspace: &Workspace, open: Option<&Run>, last: Option<&Run>, now: &str) -> String {
    tell(&derive(view(workspace, open, last, now)))
}

fn applied(generation: u64, outcome: Outcome) -> Run {
    ended(Kind::Apply, generation, outcome)
}

#[test]
fn never_run() {
    insta::assert_snapshot!(told(&unseen(1), None, None, "09:00"), @"
    Pending, not ready, an unknown number of nodes, generation 0 in force
    Ready False since 09:00, NotYetMade: the node group was not seen in service yet
    Synced False since 09:00, Pending: its run is due
    latest run: none
    ");
}

#[test]
fn queued() {
    let open = run(Kind::Apply, 1, State::Queued);
    insta::assert_snapshot!(told(&unseen(1), Some(&open), None, "09:00"), @"
    Pending, not ready, an unknown number of nodes, generation 0 in force
    Ready False since 09:00, NotYetMade: the node group was not seen in service yet
    Synced False since 09:00, Running: run #1 is queued
    latest run: apply queued
    ");
}

#[test]
fn made_for_the_first_time() {
    let open = run(Kind::Apply, 1, State::Planning(begun()));
    insta::assert_snapshot!(told(&unseen(1), Some(&open), None, "09:02"), @"
    Provisioning, not ready, an unknown number of nodes, generation 0 in force
    Ready False since 09:00, NotYetMade: the node group was not seen in service yet
    Synced False since 09:00, Running: run #1 is planning
    latest run: apply planning
    ");
}

#[test]
fn in_force() {
    insta::assert_snapshot!(told(&seen(1), None, Some(&applied(1, Outcome::Succeeded)), "12:01"), @"
    Ready, ready, 2 nodes, generation 1 in force
    Ready True since 10:00, NodeGroupActive: the node group is ACTIVE
    Synced True since 10:00, SpecInForce: the spec is in force
    latest run: apply succeeded
    ");
}

#[test]
fn looked_at() {
    let open = run(Kind::Refresh, 1, State::Planning(begun()));
    insta::assert_snapshot!(told(&seen(1), Some(&open), Some(&applied(1, Outcome::Succeeded)), "12:11"), @"
    Ready, ready, 2 nodes, generation 1 in force
    Ready True since 10:00, NodeGroupActive: the node group is ACTIVE
    Synced True since 10:00, SpecInForce: the spec is in force
    latest run: refresh planning
    ");
}

#[test]
fn changed_while_it_serves() {
    let mut workspace = seen(1);
    workspace.generation = 2;
    let open = run(Kind::Apply, 2, State::Applying(planned()));
    insta::assert_snapshot!(told(&workspace, Some(&open), Some(&applied(1, Outcome::Succeeded)), "12:01"), @"
    Updating, ready, 2 nodes, generation 1 in force
    Ready True since 10:00, NodeGroupActive: the node group is ACTIVE
    Synced False since 09:00, Running: run #1 is applying
    latest run: apply applying
    ");
}

#[test]
fn awaiting_approval_says_why() {
    let mut workspace = seen(1);
    workspace.generation = 2;
    let because = ["the plan would replace a because of instance_types", "the plan would delete b"];
    let open = run(Kind::Apply, 2, State::AwaitingApproval(planned(), because.map(str::to_owned).to_vec()));
    insta::assert_snapshot!(told(&workspace, Some(&open), Some(&applied(1, Outcome::Succeeded)), "12:01"), @"
    AwaitingApproval, ready, 2 nodes, generation 1 in force
    Ready True since 10:00, NodeGroupActive: the node group is ACTIVE
    Synced False since 09:00, AwaitingApproval: the plan would replace a because of instance_types; the plan would delete b; approve or discard run #1
    latest run: apply awaiting_approval
    ");
}

#[test]
fn failed_before_it_ever_served() {
    insta::assert_snapshot!(told(&unseen(1), None, Some(&applied(1, failed(Some("10:15")))), "10:05"), @"
    Failed, not ready, an unknown number of nodes, generation 0 in force
    Ready False since 09:00, ProvisioningFailed: the node group was not seen in service yet
    Synced False since 09:00, RunFailed: Rate exceeded — Wait.
    failure throttling: Rate exceeded — Wait. Next try: 10:15
    latest run: apply failed
    ");
}

#[test]
fn failed_and_still_serving() {
    let mut workspace = seen(1);
    workspace.generation = 2;
    insta::assert_snapshot!(told(&workspace, None, Some(&applied(2, failed(None))), "12:05"), @"
    Failed, ready, 2 nodes, generation 1 in force
    Ready True since 10:00, NodeGroupActive: the node group is ACTIVE
    Synced False since 09:00, RunFailed: Rate exceeded — Wait.
    failure throttling: Rate exceeded — Wait. Next try: waits for a change
    latest run: apply failed
    ");
}

#[test]
fn a_failure_of_an_older_spec_is_not_the_machines_any_more() {
    let mut workspace = seen(1);
    workspace.generation = 3;
    let status = derive(view(&workspace, None, Some(&applied(2, failed(Some("12:30")))), "12:05"));
    assert_eq!((status.phase, status.ready), (Phase::Ready, true));
    assert_eq!((status.failure_reason, status.failure_message, status.next_retry_at), (None, None, None));
    assert_eq!((status.conditions[1].status, status.conditions[1].reason.as_str()), ("False", "Pending"));
}

#[test]
fn degraded() {
    let mut workspace = seen(1);
    let observation = workspace.observation.as_mut().unwrap();
    observation.outputs = outputs("DEGRADED", 2);
    observation.serves_since = at("11:30");
    insta::assert_snapshot!(told(&workspace, None, Some(&applied(1, Outcome::Succeeded)), "12:01"), @"
    Failed, not ready, 2 nodes, generation 1 in force
    Ready False since 11:30, NodeGroupDegraded: the cloud says that the node group is DEGRADED
    Synced True since 10:00, SpecInForce: the spec is in force
    latest run: apply succeeded
    ");
}

#[test]
fn drifted() {
    let mut workspace = seen(1);
    let drift = ["module.nodegroup.aws_eks_node_group.this", "module.nodegroup.aws_iam_role.node[0]"];
    let observation = workspace.observation.as_mut().unwrap();
    observation.drift = drift.map(str::to_owned).to_vec();
    observation.drift_since = Some(at("11:40"));
    insta::assert_snapshot!(told(&workspace, None, Some(&applied(1, Outcome::Succeeded)), "12:01"), @"
    Ready, ready, 2 nodes, generation 1 in force
    Ready True since 10:00, NodeGroupActive: the node group is ACTIVE
    Synced True since 10:00, SpecInForce: the spec is in force
    Drifted True since 11:40, ChangedOutside: changed outside captd: module.nodegroup.aws_eks_node_group.this, module.nodegroup.aws_iam_role.node[0]; `captd retry` brings the spec back into force
    latest run: apply succeeded
    ");
}

#[test]
fn discarded_and_canceled() {
    let mut workspace = seen(1);
    workspace.generation = 2;
    insta::assert_snapshot!(told(&workspace, None, Some(&applied(2, Outcome::Discarded)), "12:01"), @"
    Ready, ready, 2 nodes, generation 1 in force
    Ready True since 10:00, NodeGroupActive: the node group is ACTIVE
    Synced False since 09:00, Discarded: its plan was discarded; change the spec or retry
    latest run: apply discarded
    ");
    insta::assert_snapshot!(told(&unseen(1), None, Some(&applied(1, Outcome::Canceled)), "12:01"), @"
    Pending, not ready, an unknown number of nodes, generation 0 in force
    Ready False since 09:00, NotYetMade: the node group was not seen in service yet
    Synced False since 09:00, Canceled: its run was canceled; change the spec or retry
    latest run: apply canceled
    ");
}

#[test]
fn deleting() {
    let workspace = Workspace { deleting_since: Some(at("12:01")), ..seen(1) };
    let open = run(Kind::Destroy, 1, State::Applying(planned()));
    insta::assert_snapshot!(told(&workspace, Some(&open), Some(&applied(1, Outcome::Succeeded)), "12:02"), @"
    Deleting, ready, 2 nodes, generation 1 in force
    Ready True since 10:00, NodeGroupActive: the node group is ACTIVE
    Synced False since 09:00, Running: run #1 is applying
    latest run: destroy applying
    ");
    let last = ended(Kind::Destroy, 1, failed(Some("12:30")));
    insta::assert_snapshot!(told(&workspace, None, Some(&last), "12:03"), @"
    Deleting, ready, 2 nodes, generation 1 in force
    Ready True since 10:00, NodeGroupActive: the node group is ACTIVE
    Synced False since 09:00, RunFailed: Rate exceeded — Wait.
    failure throttling: Rate exceeded — Wait. Next try: 12:30
    latest run: destroy failed
    ");
}

#[test]
fn what_the_cloud_says_decides_phase_and_ready() {
    for (status, phase, ready, reason) in [
        ("ACTIVE", "Ready", true, "NodeGroupActive"),
        ("UPDATING", "Updating", true, "NodeGroupUpdating"),
        ("CREATING", "Provisioning", false, "NodeGroupCreating"),
        ("CREATE_FAILED", "Failed", false, "NodeGroupCreateFailed"),
        ("DELETE_FAILED", "Failed", false, "NodeGroupDeleteFailed"),
        ("DEGRADED", "Failed", false, "NodeGroupDegraded"),
    ] {
        let mut workspace = seen(1);
        workspace.observation.as_mut().unwrap().outputs = outputs(status, 2);
        let derived = derive(view(&workspace, None, Some(&applied(1, Outcome::Succeeded)), "12:01"));
        assert_eq!(
            (derived.phase.as_str(), derived.ready, derived.conditions[0].reason.as_str()),
            (phase, ready, reason),
            "{status}"
        );
    }
}

#[test]
fn times_and_outputs_come_from_the_observation() {
    let mut workspace = seen(1);
    workspace.observation.as_mut().unwrap().scaled_at = Some(at("11:00"));
    let status = derive(view(&workspace, None, None, "12:01"));
    assert_eq!(status.observed_at, Some(at("12:00")));
    assert_eq!(status.last_scaling_time, Some(at("11:00")));
    assert_eq!(status.last_update_time, Some(at("10:00")));
    assert_eq!(status.outputs, outputs("ACTIVE", 2));
    assert!(status.conditions.iter().all(|condition| condition.observed_generation == 1));
}
