//! One trial from its seed to its verdict.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::check::{check_api, check_database, check_processes, open_runs};
use super::clouds::CloudAtWork;
use super::people::{self, Event};
use super::scenario::{Cloud, Declared, Deed, Machine, Scenario, Victim};
use super::strike::strike;
use super::words::Words;
use super::world::{World, now};
use super::{Kind, Trouble};
use crate::support::SmallDisk;

/// Seconds without any change, when nothing is under way and when something is, after which a trial
/// is stuck; and seconds after which it is, whatever changes.
const IDLE_SECONDS: f64 = 90.0;
const STILL_SECONDS: f64 = 240.0;
const ALL_SECONDS: f64 = 900.0;
/// Seconds in which an edit of what is being deleted, and cannot be destroyed, must have been taken.
const EDIT_SECONDS: f64 = 90.0;
const LOOK: Duration = Duration::from_millis(100);
const DISK_MEBIBYTES: u32 = 24;

/// How a trial ended.
pub struct Verdict {
    pub struck: BTreeSet<Victim>,
    /// What people did.
    pub events: BTreeSet<Event>,
    pub troubles: Vec<Trouble>,
    pub seconds: f64,
    /// What is kept of a trial that failed.
    folder: Option<String>,
}

impl Verdict {
    /// Of a trial that itself went wrong, so that the others go on.
    pub fn of_a_panic(panic: &JoinError) -> Self {
        let text = format!("the trial itself broke off: {panic}");
        let troubles = vec![Trouble::new(Kind::Other, text)];
        Self { struck: BTreeSet::new(), events: BTreeSet::new(), troubles, seconds: 0.0, folder: None }
    }

    /// Says why a trial failed, and how it is repeated.
    pub fn tell(&self, seed: u64, cloud: Cloud) {
        if self.troubles.is_empty() {
            return;
        }
        let (cloud, seconds) = (cloud.word(), self.seconds);
        println!("trial {seed} ({cloud}) failed after {seconds:.0} s:\n{}", lines(&self.troubles));
        if let Some(folder) = &self.folder {
            println!("    its folder: {folder}");
        }
        println!("    again: make crash-test TRIALS=1 SEED={seed} CLOUD={cloud}");
    }
}

fn lines(troubles: &[Trouble]) -> String {
    troubles.iter().map(|trouble| format!("    {trouble}")).collect::<Vec<_>>().join("\n")
}

/// Runs a trial. One that fails keeps its folder.
pub async fn run(scenario: Scenario) -> Verdict {
    let began = now();
    let dir = tempfile::Builder::new().prefix("crash-").tempdir().unwrap();
    let cloud = match scenario.cloud {
        Cloud::Local => CloudAtWork::local(dir.path()),
        Cloud::Aws => CloudAtWork::aws(&scenario).await,
    };
    let (cloud, scenario) = (Arc::new(cloud), Arc::new(scenario));
    let disk = scenario.has(Victim::Disk).then(|| SmallDisk::mount(&dir.path().join("data"), DISK_MEBIBYTES)).flatten();
    if scenario.has(Victim::Disk) && disk.is_none() {
        println!("skipped in trial {}: \"{}\", since no disk can be mounted here", scenario.seed, Victim::Disk.words());
    }
    let world = Arc::new(World::new(dir.path().to_owned(), disk, &cloud.config()));
    world.note(&format!("{scenario:#?}"));
    let mut troubles = match go_through(&world, &cloud, &scenario).await {
        Ok(troubles) => troubles,
        Err(trouble) => vec![trouble],
    };
    if troubles.is_empty() {
        troubles = end(&world, &scenario).await;
    }
    let seconds = now() - began;
    // Not in a closure, which would take the folder from below the disk that is mounted in it.
    let mut folder = None;
    if !troubles.is_empty() || std::env::var_os("CAPTD_CRASH_KEEP").is_some() {
        world.note(&format!("the verdict:\n{}", lines(&troubles)));
        folder = Some(keep(&world, dir));
    }
    Verdict { struck: world.victims(), events: world.events(), troubles, seconds, folder }
}

/// Keeps the folder; what lies on a disk that goes with the trial is copied.
fn keep(world: &World, dir: TempDir) -> String {
    let dir = dir.keep();
    if world.disk.try_lock().is_ok_and(|disk| disk.is_some()) {
        std::process::Command::new("cp").arg("-a").arg(&world.data).arg(dir.join("data-kept")).status().ok();
    }
    dir.display().to_string()
}

/// Owners and faults at work side by side, and what is there in the end.
async fn go_through(
    world: &Arc<World>,
    cloud: &Arc<CloudAtWork>,
    scenario: &Arc<Scenario>,
) -> Result<Vec<Trouble>, Trouble> {
    world.start().await?;
    if let Some(words) = &scenario.words {
        words.begin(world).await?;
    }
    let (over, home) = (CancellationToken::new(), CancellationToken::new());
    let mut people = people::go_about(world, scenario, &over, &home);
    let mut faults = JoinSet::new();
    for fault in scenario.faults.clone() {
        let (world, over) = (Arc::clone(world), over.clone());
        faults.spawn(async move { strike(&world, &fault, &over).await });
    }
    let mut owners = JoinSet::new();
    for machine in scenario.machines.clone() {
        let (world, cloud, scenario) = (Arc::clone(world), Arc::clone(cloud), Arc::clone(scenario));
        owners.spawn(async move { own(&world, &cloud, &scenario, &machine).await });
    }
    if let Some(words) = scenario.words.clone() {
        let world = Arc::clone(world);
        owners.spawn(async move { words.go_on(&world).await });
    }
    let mut done = all(&mut owners).await;
    if done.is_ok() {
        done = settle(world, scenario).await;
    }
    world.note("all is as declared, or never will be; faults end");
    cloud.behave(world, scenario).await;
    over.cancel();
    let mended = all(&mut faults).await;
    let settled = if done.is_ok() && mended.is_ok() { settle(world, scenario).await } else { Ok(()) };
    home.cancel();
    let went = all(&mut people).await;
    done.and(mended).and(settled).and(went)?;
    let mut troubles = cloud.check(world, scenario).await;
    troubles.extend(check_api(world, scenario).await?);
    troubles.extend(check_processes(world, true).await);
    Ok(troubles)
}

/// Waits for all of them; the first trouble of any.
async fn all(tasks: &mut JoinSet<Result<(), Trouble>>) -> Result<(), Trouble> {
    let mut result = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.unwrap_or_else(|panic| Err(Trouble::new(Kind::Other, panic.to_string())));
        result = result.and(ended);
    }
    result
}

/// Does what a machine's owner does.
async fn own(world: &World, cloud: &CloudAtWork, scenario: &Scenario, machine: &Machine) -> Result<(), Trouble> {
    let path = format!("/v1/namespaces/default/machines/{}", machine.name);
    let mut before: Option<&Deed> = None;
    for (pause, deed) in &machine.deeds {
        sleep(*pause).await;
        match before {
            // A name can be used again once it is gone.
            Some(Deed::Delete) => settled(world, None, &[(machine.name.clone(), None)]).await?,
            Some(Deed::Declare(declared)) if scenario.is_patient() => {
                settled(world, None, &[(machine.name.clone(), Some(declared))]).await?;
            }
            _ => {}
        }
        let (status, text) = match deed {
            Deed::Declare(declared) => {
                world.insist(Method::PUT, &path, Some(&cloud.body(machine, declared, scenario))).await?
            }
            Deed::Delete => {
                let is_last = machine.deeds.last().is_some_and(|(_, last)| std::ptr::eq(last, deed));
                let refused = machine.refused.filter(|_| is_last);
                refused.inspect(|_| cloud.refuse(machine, true));
                let answer = world.insist(Method::DELETE, &path, None).await?;
                if let Some(time) = refused {
                    let edited = edit_what_is_deleted(world, &path, time).await;
                    cloud.refuse(machine, false);
                    edited?;
                }
                answer
            }
        };
        world.note(&format!("{} {deed:?}: {status}", machine.name));
        // A deletion whose answer was lost may have been carried out.
        if !(status < 300 || (*deed == Deed::Delete && status == 404)) {
            return Err(Trouble::new(Kind::Other, format!("{deed:?} of {} answers {status}: {text}", machine.name)));
        }
        before = Some(deed);
    }
    Ok(())
}

/// Edits it, once its destruction has failed and until it is gone.
async fn edit_what_is_deleted(world: &World, path: &str, time: Duration) -> Result<(), Trouble> {
    let began = now();
    let edit = json!({"metadata": {"labels": {"edited": "yes"}}, "spec": {"nodeGroupConfig": {"labels": {"change": "edited"}}}});
    loop {
        let (status, text) = world.insist(Method::PATCH, path, Some(&edit)).await?;
        match status {
            200 => break,
            // Nothing was there to be destroyed.
            404 => return Ok(()),
            409 | 412 if now() - began < EDIT_SECONDS => sleep(LOOK).await,
            _ => {
                let text =
                    format!("{path} is being deleted, its destruction fails, and its edit answers {status}: {text}");
                return Err(Trouble::new(Kind::Stuck, text));
            }
        }
    }
    world.met(Event::EditOfDeleted);
    world.note(&format!("{path} was edited while it is being deleted"));
    sleep(time).await;
    Ok(())
}

async fn settle(world: &World, scenario: &Scenario) -> Result<(), Trouble> {
    let wanted: Vec<_> = scenario.machines.iter().map(|machine| (machine.name.clone(), machine.last())).collect();
    settled(world, scenario.words.as_ref(), &wanted).await
}

/// Waits until machines are as declared and have the last of the words, with nothing under way.
async fn settled(world: &World, words: Option<&Words>, wanted: &[(String, Option<&Declared>)]) -> Result<(), Trouble> {
    let began = now();
    let (mut changed, mut seen) = (began, String::new());
    loop {
        let mut open = Vec::new();
        let mut sight = String::new();
        let mut all_right = true;
        for (name, declared) in wanted {
            let machine = world.machine(name).await?;
            all_right &= is_as_declared(machine.as_ref(), *declared);
            let Some(machine) = machine else { continue };
            all_right &= words.is_none_or(|words| words.reached(&machine));
            let run = &machine["status"]["latestRun"];
            if !is_over(run) {
                open.push(name);
            }
            writeln!(sight, "{name} {} {} {run}", machine["metadata"]["generation"], machine["status"]["phase"])
                .unwrap();
        }
        if all_right && open.is_empty() {
            return Ok(());
        }
        let time = now();
        if sight != seen {
            (changed, seen) = (time, sight);
        }
        let patience = if open.is_empty() { IDLE_SECONDS } else { STILL_SECONDS };
        if time - changed > patience || time - began > ALL_SECONDS {
            let mut told =
                format!("not as declared after {:.0} s, {:.0} s without a change:", time - began, time - changed);
            for (name, declared) in wanted {
                let machine = world.machine(name).await?;
                write!(told, "\n      {name}, declared {declared:?}: {}", machine.unwrap_or_default()["status"])
                    .unwrap();
            }
            return Err(Trouble::new(Kind::Stuck, told));
        }
        sleep(LOOK).await;
    }
}

fn is_as_declared(machine: Option<&Value>, declared: Option<&Declared>) -> bool {
    match (machine, declared) {
        (None, None) => true,
        (Some(machine), Some(declared)) => {
            let status = &machine["status"];
            status["phase"] == "Ready"
                && status["observedGeneration"] == machine["metadata"]["generation"]
                && status["currentSize"] == declared.desired
                && machine["spec"]["nodeGroupConfig"]["scaling"]["desiredSize"] == declared.desired
        }
        _ => false,
    }
}

fn is_over(run: &Value) -> bool {
    const OVER: [&str; 7] = ["unchanged", "succeeded", "failed", "canceled", "discarded", "superseded", "lost"];
    run["state"].as_str().is_none_or(|state| OVER.contains(&state))
}

/// Ends the daemon, and looks at what it leaves. Whatever ends it, the cloud is looked at from time
/// to time: where that has just begun, it is waited for.
async fn end(world: &World, scenario: &Scenario) -> Vec<Trouble> {
    let ended = async {
        world.end_daemon().await?;
        while open_runs(&world.data).await.is_ok_and(|open| open > 0) {
            world.note("an observation had begun");
            world.start().await?;
            settle(world, scenario).await?;
            world.end_daemon().await?;
        }
        Ok(())
    };
    if let Err(trouble) = ended.await {
        return vec![trouble];
    }
    let mut troubles: Vec<Trouble> = check_processes(world, false).await.into_iter().collect();
    match check_database(&world.data).await {
        Ok(found) => troubles.extend(found),
        Err(error) => troubles.push(Trouble::new(Kind::Other, format!("the database cannot be read: {error}"))),
    }
    troubles
}
