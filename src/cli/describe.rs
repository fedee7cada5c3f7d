//! `captd describe`: one machine, workspace or run in detail, and what to do next.

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::columns::{self, Extent};
use super::judge::approval_lines;
use super::output::{Columns, plain, say};
use super::session::Session;
use super::target::{Kind, RunOrOwner};
use super::wire::{Resource, Run};
use super::{Exit, events, times};
use crate::domain::machine::{MachineSpec, RunPolicy, TemplateRef};
use crate::domain::workspace::WorkspaceSpec;

/// Runs that are shown of one.
const RUNS_SHOWN: &str = "5";

/// `captd describe`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of a machine, workspace/NAME, or id of a run
    #[arg(required = true, value_name = "NAME|RUN")]
    words: Vec<String>,
}

/// Describes.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let text = match RunOrOwner::parse(&args.words, &session.namespace)? {
        RunOrOwner::Run(id) => run_text(session, &session.run(id).await?).join("\n"),
        RunOrOwner::Owner(key) => {
            let resource: Resource = session.resource(&key).await?;
            let query = [
                ("namespace", key.namespace.to_string()),
                (key.kind.noun(), key.name.to_string()),
                ("limit", RUNS_SHOWN.to_owned()),
            ];
            let runs: Value = session.client.get(&["v1", "runs"], &query).await?;
            let runs = runs["items"].as_array().context("the daemon's list of runs has no items")?;
            let mut lines = metadata_text(session, &resource);
            lines.extend(spec_text(&resource)?);
            lines.extend(status_text(session, &resource));
            lines.extend(runs_text(session, runs));
            lines.extend(next_text(&resource, runs)?);
            lines.extend(events::last_of(session, &key).await?);
            lines.join("\n")
        }
    };
    say(plain(&text))?;
    Ok(Exit::Done)
}

fn line(label: &str, value: impl std::fmt::Display) -> String {
    format!("{:<22}{value}", format!("{label}:"))
}

fn pairs(map: &Map<String, Value>) -> String {
    let pair = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{key}={text}"),
        other => format!("{key}={other}"),
    };
    if map.is_empty() { "none".to_owned() } else { map.iter().map(pair).collect::<Vec<_>>().join(", ") }
}

fn or_none(text: Option<&str>) -> &str {
    text.unwrap_or("none")
}

fn metadata_text(session: &Session, resource: &Resource) -> Vec<String> {
    let metadata = &resource.metadata;
    let created = metadata.creation_timestamp;
    let mut lines = vec![
        line("Name", &metadata.name),
        line("Namespace", &metadata.namespace),
        line("Labels", pairs(&metadata.labels)),
        line("Annotations", pairs(&metadata.annotations)),
        line("UID", metadata.uid),
        line("Generation", metadata.generation),
        line("Created", format_args!("{created} ({} ago)", times::age(created, session.now()))),
    ];
    lines.extend(metadata.deletion_timestamp.map(|at| line("Deletion asked for", at)));
    lines
}

fn spec_text(resource: &Resource) -> Result<Vec<String>> {
    if resource.is_machine() {
        return Ok(machine_text(&serde_json::from_value(resource.spec.clone())?));
    }
    let spec: WorkspaceSpec = serde_json::from_value(resource.spec.clone())?;
    let mut lines = vec![template_line(&spec.workspace_template_ref), line("Provider", &spec.provider_config_ref.name)];
    lines.push(line("Region", or_none(spec.region.as_deref())));
    lines.extend(policy_lines(spec.run_policy, spec.deletion_protection, &spec.variables));
    lines.push(line("On deletion", if spec.retain_on_delete { "its resources stay" } else { "its resources go" }));
    Ok(lines)
}

fn template_line(template: &TemplateRef) -> String {
    let revision = template.revision.as_ref().map(|revision| format!(", revision {revision}")).unwrap_or_default();
    line("Template", format_args!("{}{revision}", template.name))
}

fn policy_lines(policy: RunPolicy, deletion_protection: bool, variables: &Map<String, Value>) -> Vec<String> {
    let approval = serde_json::to_value(policy.approval).unwrap_or_default();
    let mut lines = vec![
        line("Approval", approval.as_str().unwrap_or("-")),
        line("Deletion protection", if deletion_protection { "on" } else { "off" }),
    ];
    if !variables.is_empty() {
        lines.push(line("Variables", pairs(variables)));
    }
    lines
}

fn machine_text(spec: &MachineSpec) -> Vec<String> {
    let group = &spec.node_group_config;
    let types = group.all_instance_types();
    let mut lines = vec![
        template_line(&spec.workspace_template_ref),
        line("Provider", &spec.provider_config_ref.name),
        line("Region", or_none(spec.region.as_deref())),
        line("Cluster", or_none(spec.cluster_name.as_deref())),
        line("Node group", &group.name),
        line("Instance types", if types.is_empty() { "EKS's default".to_owned() } else { types.join(", ") }),
        line(
            "Scaling",
            format_args!(
                "{} nodes wanted, from {} to {}",
                group.scaling.desired_size, group.scaling.min_size, group.scaling.max_size
            ),
        ),
    ];
    lines.extend(policy_lines(spec.run_policy, spec.deletion_protection, &spec.variables));
    lines
}

fn status_text(session: &Session, resource: &Resource) -> Vec<String> {
    let status = &resource.status;
    let now = session.now();
    let mut lines = vec![line("Phase", status.phase.as_str()), line("Ready", status.ready)];
    if resource.is_machine() {
        let size = status.current_size.map_or_else(|| "not known".to_owned(), |size| size.to_string());
        lines.push(line("Current size", size));
    }
    let generation = resource.metadata.generation;
    lines.push(line("Generation in force", format_args!("{} of {generation}", status.observed_generation)));
    lines.extend(
        status.observed_at.map(|at| line("Last looked at", format_args!("{at} ({} ago)", times::age(at, now)))),
    );
    lines.extend(status.failure_reason.as_ref().map(|reason| line("Failure", reason)));
    lines.extend(status.failure_message.as_ref().map(|text| line("Failure message", text.replace('\n', "\n    "))));
    lines.extend(status.health_issues.iter().map(|issue| {
        line("EKS says", format_args!("{} ({}): {}", issue.code, issue.resource_ids.join(", "), issue.message))
    }));
    lines.extend(status.next_retry_at.map(|at| line("Next try", times::ahead(at, now))));
    lines.push("Conditions:".to_owned());
    let rows: Vec<Vec<String>> = status
        .conditions
        .iter()
        .map(|one| {
            let since = times::age(one.last_transition_time, now);
            vec![one.kind.clone(), one.status.clone(), one.reason.clone(), since, one.message.clone()]
        })
        .collect();
    lines.push(indented(&Columns::new(vec!["TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"]).with_header(&rows)));
    lines.push("Outputs:".to_owned());
    if status.outputs.is_empty() {
        lines.push("  none".to_owned());
    }
    lines.extend(status.outputs.iter().map(|(name, value)| format!("  {name} = {value}")));
    lines
}

fn runs_text(session: &Session, runs: &[Value]) -> Vec<String> {
    let extent = Extent { wide: false, namespace: false };
    let rows: Vec<Vec<String>> = runs.iter().map(|run| columns::row(Kind::Runs, extent, run, session.now())).collect();
    let table = Columns::new(columns::header(Kind::Runs, extent)).with_header(&rows);
    vec!["Newest runs:".to_owned(), if rows.is_empty() { "  none".to_owned() } else { indented(&table) }]
}

/// What a person must do for it to go on, if anything.
fn next_text(resource: &Resource, runs: &[Value]) -> Result<Vec<String>> {
    let waiting = runs.iter().find(|run| run["state"] == "awaiting_approval");
    if let Some(run) = waiting {
        let run: Run = serde_json::from_value(run.clone())?;
        return Ok(["What to do next:".to_owned()]
            .into_iter()
            .chain(approval_lines(&run).into_iter().map(|line| format!("  {line}")))
            .collect());
    }
    let status = &resource.status;
    let failed = status.failure_message.is_some() && status.next_retry_at.is_none();
    let name = resource.handle();
    if !failed {
        return Ok(Vec::new());
    }
    let log = status.latest_run.as_ref().map(|run| format!("  see what happened: captd logs {}", run.id));
    let retry = format!("  when its cause is mended: captd retry {name}");
    Ok(["What to do next:".to_owned()].into_iter().chain(log).chain([retry]).collect())
}

fn run_text(session: &Session, run: &Run) -> Vec<String> {
    let now = session.now();
    let mut lines = vec![
        line("ID", run.id),
        line("Kind", run.kind.as_str()),
        line(&run.owner.kind, format_args!("{}/{}", run.namespace, run.owner.name)),
        line("Generation", run.generation),
        line("State", &run.state),
        line("Trigger", format_args!("{}, attempt {}", run.trigger, run.attempt)),
        line("Author", &run.author),
        line("Created", format_args!("{} ({} ago)", run.created_at, times::age(run.created_at, now))),
    ];
    lines.extend(run.started_at.map(|at| line("Started", at)));
    lines.extend(run.finished_at.map(|at| line("Finished", at)));
    lines.push(line("Plan", run.changes()));
    lines.extend(run.approved_by.as_ref().map(|who| line("Approved by", who)));
    lines.extend(run.stop.as_ref().map(|stop| {
        let how = if stop.force { ", at once" } else { "" };
        line("Stop asked", format_args!("by {} at {}{how}", stop.by, stop.at))
    }));
    if let Some(failure) = &run.failure {
        lines.push(line("Failure", &failure.class));
        lines.push(format!("  {}", failure.message.replace('\n', "\n  ")));
        lines.push(format!("  {}", failure.remedy));
    }
    lines.extend(run.next_retry_at.map(|at| line("Next try", times::ahead(at, now))));
    let rows: Vec<Vec<String>> = run
        .steps
        .iter()
        .map(|step| {
            let took = step.duration_ms.map_or_else(|| "-".to_owned(), |millis| times::took(i128::from(millis)));
            let code = step.exit_code.map_or_else(|| "-".to_owned(), |code| code.to_string());
            let providers = if step.plain_because.is_empty() { "" } else { "started for it" };
            let providers = if step.warm.is_empty() { providers } else { "warm" };
            vec![step.name.clone(), took, code, providers.to_owned()]
        })
        .collect();
    lines.push("Steps:".to_owned());
    lines.push(if rows.is_empty() {
        "  none".to_owned()
    } else {
        indented(&Columns::new(vec!["STEP", "TOOK", "EXIT", "PROVIDERS"]).with_header(&rows))
    });
    let because: std::collections::BTreeSet<&String> = run.steps.iter().flat_map(|step| &step.plain_because).collect();
    lines.extend(because.into_iter().map(|why| line("Not warm", why)));
    if run.state == "awaiting_approval" {
        lines.push("What to do next:".to_owned());
        lines.extend(approval_lines(run).into_iter().map(|line| format!("  {line}")));
    }
    lines
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
