//! What people do while a trial goes on: they approve plans, cancel runs and force them, hold locks, and try again what
//! waits for them. All of it is made from the seed before the trial begins.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::processes::{self, Command};
use super::scenario::{Cloud, Moment, Scenario, moment_of_work, seconds};
use super::strike::wait_for;
use super::world::{By, Held, World, now};
use super::{Kind, Trouble};

const LOOK: Duration = Duration::from_millis(200);
/// Seconds in which a person's word must have been taken.
const PATIENCE_SECONDS: f64 = 120.0;
/// Seconds after which a failure that brings no try by itself waits for a person.
const WAITS_SECONDS: f64 = 3.0;

/// What happens to a trial without being a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    Approval,
    Cancel,
    ForcedCancel,
    HeldLock,
    StateOnlyPlan,
    EditOfDeleted,
}

impl Event {
    pub const ALL: [Self; 6] =
        [Self::Approval, Self::Cancel, Self::ForcedCancel, Self::HeldLock, Self::StateOnlyPlan, Self::EditOfDeleted];

    pub fn words(self) -> &'static str {
        match self {
            Self::Approval => "every plan of a machine waits for approval",
            Self::Cancel => "a run is canceled, and tried again",
            Self::ForcedCancel => "a run is canceled by force, and tried again",
            Self::StateOnlyPlan => "a revision of a template changes outputs alone",
            Self::EditOfDeleted => "what is being deleted is edited, while its destruction fails",
            Self::HeldLock => "a person holds the lock of a state",
        }
    }
}

/// Something that a person does.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    pub event: Event,
    pub moment: Moment,
    /// How long a lock is held, or how long a cancel is waited for before it is forced.
    time: Duration,
    /// Which of the machines a lock is of.
    machine: usize,
}

/// The people of a trial.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct People {
    /// How long somebody looks at a plan before he approves it, where all plans wait.
    pub approve_after: Option<Duration>,
    pub acts: Vec<Act>,
}

impl People {
    pub fn from_rng(rng: &mut Rng, cloud: Cloud, deeds: usize) -> Self {
        let approve_after = (rng.u32(0..4) == 0).then(|| seconds(rng, 0.0, 2.0));
        let acts = (0..rng.usize(0..=2)).map(|_| act(rng, cloud, deeds)).collect();
        Self { approve_after, acts }
    }

    pub fn have(&self, event: Event) -> bool {
        self.acts.iter().any(|act| act.event == event)
    }
}

fn act(rng: &mut Rng, cloud: Cloud, deeds: usize) -> Act {
    let event = rng.choice([Event::Cancel, Event::ForcedCancel, Event::HeldLock]).expect("there are events");
    let slow = if cloud == Cloud::Aws { 4.0 } else { 1.0 };
    let (moment, time) = match event {
        Event::HeldLock => (Moment::After(seconds(rng, 0.0, 8.0 * slow)), seconds(rng, 0.5, 10.0)),
        _ => (moment_of_work(rng, cloud, deeds), seconds(rng, 0.0, 3.0)),
    };
    Act { event, moment, time, machine: rng.usize(0..4) }
}

/// Lets people do what they do until they are sent `home`; what has not begun when all is `over` is not begun.
pub fn go_about(
    world: &Arc<World>,
    scenario: &Arc<Scenario>,
    over: &CancellationToken,
    home: &CancellationToken,
) -> JoinSet<Result<(), Trouble>> {
    let mut tasks = JoinSet::new();
    for act in scenario.people.acts.clone() {
        let (world, scenario, over) = (Arc::clone(world), Arc::clone(scenario), over.clone());
        tasks.spawn(async move { act.be_done(&world, &scenario, &over).await });
    }
    if let Some(pause) = scenario.people.approve_after {
        let (world, home) = (Arc::clone(world), home.clone());
        tasks.spawn(async move { approve(&world, pause, &home).await });
    }
    if scenario.leaves_doubt() {
        let (world, home) = (Arc::clone(world), home.clone());
        tasks.spawn(async move { try_again_what_waits(&world, &home).await });
    }
    tasks
}

impl Act {
    async fn be_done(&self, world: &World, scenario: &Scenario, over: &CancellationToken) -> Result<(), Trouble> {
        tokio::select! {
            () = wait_for(world, &self.moment) => {}
            () = over.cancelled() => return Ok(()),
        }
        match self.event {
            Event::HeldLock => {
                let machine = &scenario.machines[self.machine % scenario.machines.len()].name;
                hold_lock(world, machine, self.time, over).await
            }
            _ => self.cancel(world, over).await,
        }
    }

    async fn cancel(&self, world: &World, over: &CancellationToken) -> Result<(), Trouble> {
        let Some((command, terraform)) = at_work(world, &self.moment, over).await else { return Ok(()) };
        let run = command.folder.parent().and_then(|run| run.file_name()).and_then(|name| name.to_str());
        let path = format!("/v1/runs/{}", run.unwrap_or_default());
        // Kept before, so that nobody sees its end without knowing the cause.
        world.interrupted_terraform(terraform, self.event == Event::ForcedCancel);
        let (status, text) = world.insist(Method::POST, &format!("{path}/cancel"), Some(&json!({}))).await?;
        world.note(&format!("cancel of {path}: {status} {text}"));
        if status >= 300 {
            return Ok(());
        }
        let mut happened = Event::Cancel;
        if self.event == Event::ForcedCancel {
            sleep(self.time).await;
            let force = format!("{path}/cancel?force=true");
            let (status, text) = world.insist(Method::POST, &force, Some(&json!({}))).await?;
            world.note(&format!("the same by force: {status} {text}"));
            // It may have ended before.
            happened = if status < 300 { Event::ForcedCancel } else { Event::Cancel };
        }
        world.met(happened);
        let mut run = world.get(&path).await?;
        while run.get("finishedAt").is_none() {
            sleep(LOOK).await;
            run = world.get(&path).await?;
        }
        let kind = if run["owner"]["kind"] == "Machine" { "machines" } else { "workspaces" };
        try_again(world, kind, run["owner"]["name"].as_str().unwrap_or_default()).await
    }
}

/// A command that is at work, best of the name that is asked for, and its terraform.
async fn at_work(world: &World, moment: &Moment, over: &CancellationToken) -> Option<(Command, u32)> {
    let preferred = match moment {
        Moment::Into { command, .. } => command,
        Moment::After(_) => "apply",
    };
    while !over.is_cancelled() {
        for name in [preferred, "apply", "plan"] {
            let mut found = processes::commands(&world.data, name).into_iter();
            if let Some(found) = found.find_map(|command| Some((command.clone(), command.terraform?))) {
                return Some(found);
            }
        }
        sleep(LOOK).await;
    }
    None
}

/// Asks for another try until there is one: what was canceled may be a revision or an input that is not in force, and
/// not a declaration alone.
async fn try_again(world: &World, kind: &str, name: &str) -> Result<(), Trouble> {
    let path = format!("/v1/namespaces/default/{kind}/{name}");
    let began = now();
    while now() - began < PATIENCE_SECONDS {
        let (status, text) = world.insist(Method::POST, &format!("{path}/retry"), Some(&json!({}))).await?;
        // Gone means that there is nothing to try.
        if status < 300 || status == 404 {
            world.note(&format!("another try of {kind}/{name}: {status} {text}"));
            return Ok(());
        }
        sleep(LOOK).await;
    }
    // What comes of that shows when all is to be settled.
    world.note(&format!("no other try of {kind}/{name} could be had"));
    Ok(())
}

/// Whether a failure brings no try by itself.
fn waits_for_a_person(found: &Value) -> bool {
    let status = &found["status"];
    let run = &status["latestRun"];
    let is_over = ["failed", "canceled", "discarded", "lost"].iter().any(|state| run["state"] == *state);
    is_over && status.get("nextRetryAt").is_none_or(Value::is_null) && status["phase"] != "Ready"
}

/// What a killed terraform may have made and nobody can look up is tried again by a person alone.
async fn try_again_what_waits(world: &World, home: &CancellationToken) -> Result<(), Trouble> {
    let mut since: std::collections::BTreeMap<String, f64> = std::collections::BTreeMap::new();
    while !home.is_cancelled() {
        for kind in ["machines", "workspaces"] {
            let all = world.get(&format!("/v1/{kind}?limit=500")).await?;
            for found in all["items"].as_array().into_iter().flatten() {
                let name = found["metadata"]["name"].as_str().unwrap_or_default();
                let key = format!("{kind}/{name}");
                if !waits_for_a_person(found) {
                    since.remove(&key);
                } else if now() - *since.entry(key.clone()).or_insert_with(now) > WAITS_SECONDS {
                    since.remove(&key);
                    let path = format!("/v1/namespaces/default/{key}/retry");
                    let (status, text) = world.insist(Method::POST, &path, Some(&json!({}))).await?;
                    world.note(&format!("{key} waited for a person, and is tried again: {status} {text}"));
                }
            }
        }
        sleep(LOOK).await;
    }
    Ok(())
}

async fn approve(world: &World, pause: Duration, home: &CancellationToken) -> Result<(), Trouble> {
    while !home.is_cancelled() {
        let waiting = world.get("/v1/runs?state=awaiting_approval&limit=50").await?;
        for run in waiting["items"].as_array().into_iter().flatten() {
            sleep(pause).await;
            let path = format!("/v1/runs/{}/approve", run["id"].as_str().unwrap_or_default());
            let (status, text) = world.insist(Method::POST, &path, Some(&json!({}))).await?;
            world.note(&format!("{path}: {status}"));
            // It may wait no more: superseded, canceled, or approved by an answer that was lost.
            if status >= 300 && status != 409 {
                return Err(Trouble::new(Kind::Other, format!("{path} answers {status}: {text}")));
            }
            world.met(Event::Approval);
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// Locks a machine's state as a person's terraform would, and lets go of it again.
async fn hold_lock(world: &World, machine: &str, time: Duration, over: &CancellationToken) -> Result<(), Trouble> {
    let id = format!("held-{machine}-{}", time.as_micros());
    let info = json!({"ID": id, "Operation": "OperationTypeApply", "Info": "", "Who": "somebody@elsewhere",
        "Version": "1.11.4", "Created": "2026-01-01T00:00:00Z", "Path": ""});
    let (lock, unlock) = (Method::from_bytes(b"LOCK").unwrap(), Method::from_bytes(b"UNLOCK").unwrap());
    let path = loop {
        if over.is_cancelled() {
            return Ok(());
        }
        let runs = world.get(&format!("/v1/runs?machine={machine}&limit=1")).await?;
        if let Some(workspace) = runs["items"][0]["workspace"].as_str() {
            break format!("/state/v1/workspaces/{workspace}");
        }
        sleep(LOOK).await;
    };
    loop {
        let (status, text) = world.insist_as(By::Terraform, lock.clone(), &path, Some(&info)).await?;
        // Where the answer was lost, the second one says that it is held.
        let is_own = || {
            serde_json::from_str::<Value>(&text).is_ok_and(|it| it["ID"].as_str().is_some_and(|it| it.starts_with(&id)))
        };
        match status {
            200 => break,
            423 if is_own() => break,
            423 if !over.is_cancelled() => sleep(LOOK / 4).await,
            // The machine is gone, or all is over.
            _ => return Ok(()),
        }
    }
    let from = now();
    world.met(Event::HeldLock);
    world.note(&format!("somebody holds the lock of {machine} for {time:?}"));
    sleep(time).await;
    world.held(Held { machine: machine.to_owned(), from, to: now() });
    let (status, text) = world.insist_as(By::Terraform, unlock, &path, Some(&info)).await?;
    world.note(&format!("and lets go of it: {status}"));
    match status {
        200 | 404 | 410 => Ok(()),
        _ => {
            Err(Trouble::new(Kind::Other, format!("the lock of {machine} was taken from who held it: {status} {text}")))
        }
    }
}

/// Runs that were applied without anybody's word, where every plan was to wait for it.
pub fn unapproved(runs: &[Value]) -> Vec<Trouble> {
    let applied = |run: &&Value| {
        let steps = run["steps"].as_array();
        steps.is_some_and(|steps| steps.iter().any(|step| step["name"] == "apply")) && run["kind"] == "apply"
    };
    let of_machines = runs.iter().filter(|run| run["owner"]["kind"] == "Machine").filter(applied);
    let unapproved = of_machines.filter(|run| run.get("approvedBy").is_none_or(Value::is_null));
    unapproved
        .map(|run| Trouble::new(Kind::Other, format!("run {} was applied without anybody's word", run["id"])))
        .collect()
}
