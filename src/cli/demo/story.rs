//! The story of the demo: a machine is declared, made, and scaled. Each line says when, where on
//! the way, and what:
//!
//! request → spec → rendered workspace → run → terraform → observation → status
//!
//! **Invariant:** shows what the daemon answers; of its data folder only the rendered files.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::client::Stream;
use super::super::output::{json as pretty, note, one_line, say};
use super::super::plan_text::sign;
use super::super::session::Session;
use super::super::wire::{Resource, Run, Started};
use super::super::{Exit, times};
use crate::domain::name::Name;
use crate::domain::plan::Plan;
use crate::domain::resource::{Key, ResourceKind};
use crate::runner::WORK_MADE;
use crate::supervisor::confine::work_dir;

const MACHINE: &str = "demo-workers";

/// What is declared.
const DECLARATION: &str = "\
apiVersion: captd/v1
kind: Machine
metadata:
  name: demo-workers
spec:
  workspaceTemplateRef: {name: local-nodegroup-template}
  nodeGroupConfig:
    name: demo-workers
    instanceType: t3.medium
    scaling: {minSize: 1, maxSize: 5, desiredSize: 2}
  variables: {create_seconds: 1}
";

/// How often is looked.
const LOOK: Duration = Duration::from_millis(40);

/// How long the status may take to follow its run.
const STATUS_SECONDS_MAX: u64 = 60;

/// Tells it.
pub(super) async fn tell(session: &Session, data_dir: &Path) -> Result<Exit> {
    let story = Story { session, data_dir, begun: session.now(), name: Name::parse(MACHINE)? };
    story.declare().await?;
    if story.follow().await? != Exit::Done {
        return Ok(Exit::Failed);
    }
    say("")?;
    story.scale(3).await?;
    if story.follow().await? != Exit::Done {
        return Ok(Exit::Failed);
    }
    let path = ["v1", "namespaces", "default", "machines", MACHINE];
    let machine: Value = session.client.get(&path, &[]).await?;
    say(format_args!("\nGET /{} → status:\n{}", path.join("/"), pretty(&machine["status"])))?;
    Ok(Exit::Done)
}

struct Story<'a> {
    session: &'a Session,
    data_dir: &'a Path,
    begun: Timestamp,
    name: Name,
}

/// What was told of a run already.
#[derive(Default)]
struct Told {
    state: String,
    workspace: bool,
    plan: bool,
    /// The end of a log that is no whole line yet.
    rest: Vec<u8>,
}

impl Story<'_> {
    /// One line: when, where on the way, what.
    fn line(&self, place: &str, text: impl std::fmt::Display) -> Result<()> {
        say(format_args!("{}  {place:<11}  {text}", times::elapsed(self.begun, self.session.now())))
    }

    async fn declare(&self) -> Result<()> {
        self.line("request", "POST /v1/apply, a node group of 2 nodes:")?;
        for line in DECLARATION.lines() {
            say(format_args!("{:19}  │ {line}", ""))?;
        }
        let answer: Value =
            self.session.client.declare(&[], "application/yaml", DECLARATION.as_bytes().to_vec()).await?;
        let result = answer["items"][0]["result"].as_str().unwrap_or("taken").to_owned();
        self.spec(&result).await
    }

    async fn scale(&self, desired: u32) -> Result<()> {
        let path = ["v1", "namespaces", "default", "machines", MACHINE, "scale"];
        let body = json!({"desiredSize": desired});
        self.line("request", format_args!("POST /{} {body}", path.join("/")))?;
        let started: Started = self.session.client.post(&path, Some(&body)).await?;
        self.spec(if started.run.is_some() { "changed" } else { "unchanged" }).await
    }

    async fn spec(&self, result: &str) -> Result<()> {
        let machine = self.machine().await?;
        let queued = if result == "unchanged" { "" } else { "; stored together with the run that it needs" };
        self.line(
            "spec",
            format_args!("machine {MACHINE} {result}, generation {}{queued}", machine.metadata.generation),
        )
    }

    fn key(&self) -> Key {
        Key { kind: ResourceKind::Machine, namespace: self.session.namespace.clone(), name: self.name.clone() }
    }

    async fn machine(&self) -> Result<Resource> {
        Ok(self.session.resource(&self.key()).await?)
    }

    /// Tells of the newest run until it is over and the status says so.
    async fn follow(&self) -> Result<Exit> {
        let latest = self.machine().await?.status.latest_run;
        let Some(latest) = latest else { return self.status().await };
        let query = [("follow", "true".to_owned())];
        let mut log = self.session.client.stream(&["v1", "runs", &latest.id.to_string(), "log"], &query).await?;
        let mut told = Told::default();
        let mut log_goes_on = true;
        loop {
            let run = self.session.run(latest.id).await?;
            self.tell_run(&run, &mut told).await?;
            if run.is_over() {
                self.rest_of_log(&mut log, &mut told).await?;
                self.outcome(&run)?;
                return if matches!(run.state.as_str(), "succeeded" | "unchanged") {
                    self.status().await
                } else {
                    Ok(Exit::Failed)
                };
            }
            tokio::select! {
                piece = log.next(), if log_goes_on => match piece? {
                    Some(bytes) => self.tell_log(&bytes, &mut told)?,
                    None => log_goes_on = false,
                },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn tell_run(&self, run: &Run, told: &mut Told) -> Result<()> {
        if !told.workspace && run.state != "queued" {
            told.workspace = self.tell_workspace(run.id)?;
        }
        if !told.plan && run.summary.is_some() {
            told.plan = true;
            self.tell_plan(run.id).await?;
        }
        if run.state != told.state && !run.is_over() {
            told.state.clone_from(&run.state);
            self.line("run", format_args!("{} run {}: {}", run.kind.as_str(), run.id, run.state))?;
        }
        Ok(())
    }

    /// The files that were rendered, once they are there.
    fn tell_workspace(&self, run: Uuid) -> Result<bool> {
        let run_dir = self.data_dir.join("runs").join(run.to_string());
        let is_whole = run_dir.join(WORK_MADE).exists();
        let entries = std::fs::read_dir(work_dir(&run_dir)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.') && !name.contains("tfstate"))
            .collect();
        names.sort();
        if !is_whole || names.is_empty() {
            return Ok(false);
        }
        self.line("workspace", format_args!("rendered from the template: {}", names.join(", ")))?;
        Ok(true)
    }

    async fn tell_plan(&self, run: Uuid) -> Result<()> {
        let plan: Plan = self.session.client.get(&["v1", "runs", &run.to_string(), "plan"], &[]).await?;
        self.line("plan", plan.summary)?;
        for resource in &plan.resources {
            say(format_args!("{:19}  {:>3} {}", "", sign(resource.action), resource.address))?;
        }
        for output in &plan.outputs {
            say(format_args!("{:19}      output {}", "", output.path))?;
        }
        Ok(())
    }

    fn tell_log(&self, bytes: &[u8], told: &mut Told) -> Result<()> {
        told.rest.extend_from_slice(bytes);
        while let Some(end) = told.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = told.rest.drain(..=end).collect();
            let line = one_line(&String::from_utf8_lossy(&line));
            if !line.is_empty() && !is_small_print(&line) {
                self.line("terraform", line)?;
            }
        }
        Ok(())
    }

    async fn rest_of_log(&self, log: &mut Stream, told: &mut Told) -> Result<()> {
        while let Some(bytes) = log.next().await? {
            self.tell_log(&bytes, told)?;
        }
        Ok(())
    }

    fn outcome(&self, run: &Run) -> Result<()> {
        match &run.failure {
            Some(failure) => {
                note(format_args!(
                    "error: the run failed ({}): {}\n  {}",
                    failure.class, failure.message, failure.remedy
                ));
                Ok(())
            }
            None => self.line("run", format_args!("{} run {}: {}", run.kind.as_str(), run.id, run.state)),
        }
    }

    /// What was observed and what the status makes of it, as soon as it is ready.
    async fn status(&self) -> Result<Exit> {
        let deadline = self.session.deadline(Duration::from_secs(STATUS_SECONDS_MAX));
        loop {
            let machine = self.machine().await?;
            let status = &machine.status;
            if status.ready && status.observed_generation == machine.metadata.generation {
                let id = status.outputs.get("node_group_id").and_then(Value::as_str).unwrap_or(MACHINE);
                let word = status.outputs.get("status").and_then(Value::as_str).unwrap_or("there");
                self.line("observation", format_args!("node group {id} is {word}, with {}", status.nodes()))?;
                let wanted = &machine.spec["nodeGroupConfig"]["scaling"]["desiredSize"];
                let (phase, generation) = (status.phase.as_str(), status.observed_generation);
                self.line(
                    "status",
                    format_args!("{phase}, {} of {wanted} wanted, generation {generation} in force", status.nodes()),
                )?;
                return Ok(Exit::Done);
            }
            if self.session.now() >= deadline {
                let why = status.failure_message.clone().or_else(|| Some(status.condition("Ready")?.message.clone()));
                anyhow::bail!("{MACHINE} did not become ready: {}", why.context("it says not why")?);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Lines of Terraform that a newcomer does not need: what the plan says already, and how this
/// template passes the time.
fn is_small_print(line: &str) -> bool {
    ["local-exec", ": Plan to ", ": Refresh complete"].iter().any(|text| line.contains(text))
}
