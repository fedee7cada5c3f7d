//! Rows about many machines at the same time: handed in at once, after a restart, created at once.

use serde_json::{Value, json};

use super::ground::{Ground, at, now};
use super::one::say_steps;
use super::plain::{self, Plain, cores};
use super::processes::Peak;
use super::table::{Goal, Row};

/// No-op runs that are handed in at once; the plain side does fewer, as many at a time as there are
/// cores. Seconds are those of all divided by their number.
pub async fn at_once(ground: &mut Ground) -> Vec<Row> {
    let count = ground.settings.at_once;
    let machines = ground.machines("many", count).await;
    ground.wait_until_ready(&machines).await;
    let mut folders = Vec::new();
    for machine in machines.iter().take(ground.settings.plain_at_once) {
        folders.push(Plain::copy_of(ground, machine).await);
    }
    let (mut by_plain, mut captd) = (Vec::new(), Vec::new());
    let (mut plain_mib, mut captd_mib) = (Vec::new(), Vec::new());
    for turn in 0..ground.settings.runs.max(ground.settings.plain_runs) {
        if turn < ground.settings.plain_runs {
            let peak = Peak::watch(ground.plain_dir());
            by_plain.push(plain::all(&folders) / number(folders.len()));
            plain_mib.push(peak.mib());
        }
        if turn < ground.settings.runs {
            let peak = Peak::watch(ground.dir());
            let runs = ground.no_ops(&machines).await;
            captd_mib.push(peak.mib());
            captd.push(all_took(&runs) / number(count));
            say_steps(&runs);
        }
    }
    let name = format!("4 {count} no-op runs at once, each (plain: {} with -P{})", folders.len(), cores());
    let memory = format!("4 memory meanwhile, at most (plain: {} at a time)", cores());
    vec![
        Row { name, unit: "s", plain: by_plain, captd, goals: vec![Goal::Ratio(50.0)] },
        Row { name: memory, unit: "MiB", plain: plain_mib, captd: captd_mib, goals: vec![Goal::AlwaysBelow(1024.0)] },
    ]
}

/// A no-op run of every workspace after a restart, from the start of the daemon.
pub async fn sweep(ground: &mut Ground) -> Vec<Row> {
    let count = ground.settings.sweep;
    let machines = ground.machines("many", count).await;
    ground.wait_until_ready(&machines).await;
    let begun = ground.restart().await;
    let peak = Peak::watch(ground.dir());
    let runs = ground.no_ops(&machines).await;
    let mib = peak.mib();
    say_steps(&runs);
    let captd = vec![last(&runs, "finishedAt") - begun];
    let name = format!("7 restart, then a no-op run of each of {count} workspaces");
    vec![
        Row::of_captd(&name, "s", captd, vec![Goal::AtMost(40.0)]),
        Row::of_captd("7 memory meanwhile, at most", "MiB", vec![mib], vec![]),
    ]
}

/// Machines that are created at once, each of which takes EKS a while: all are ready after little
/// more than one creation, and the time that their plans take.
pub async fn creations(ground: &mut Ground) -> Vec<Row> {
    let (count, slow) = (ground.settings.creations, ground.settings.creation_seconds);
    ground.aws.rule(&json!({"creating_seconds": slow})).await;
    let begun = now();
    ground.machine("alone", true).await;
    let alone = now() - begun;

    let begun = now();
    let peak = Peak::watch(ground.dir());
    let machines = ground.machines("crowd", count).await;
    ground.wait_until_ready(&machines).await;
    let ready = now() - begun;
    let mib = peak.mib();
    ground.aws.behave().await;
    let mut runs = Vec::new();
    for machine in &machines {
        runs.extend(ground.runs(machine).await);
    }
    say_steps(&runs);
    // As many plans at a time as captd makes while providers are warm.
    let plans = runs.iter().map(planning).sum::<f64>() / number(4 * cores());
    let name =
        format!("8 {count} machines of {slow} s each, until all are ready (one: {alone:.1} s, plans: {plans:.1} s)");
    let bound = 1.2 * alone + plans;
    vec![
        Row::of_captd(&name, "s", vec![ready], vec![Goal::AtMost(bound)]),
        Row::of_captd("8 memory meanwhile, at most", "MiB", vec![mib], vec![]),
    ]
}

/// Seconds of a run's steps before its apply.
fn planning(run: &Value) -> f64 {
    let steps = run["steps"].as_array().unwrap().iter();
    let before = steps.take_while(|step| step["name"] != "apply");
    before.map(|step| step["durationMs"].as_f64().unwrap() / 1e3).sum()
}

/// From the first commit to the last end.
fn all_took(runs: &[Value]) -> f64 {
    let first = runs.iter().map(|run| at(run, "createdAt")).fold(f64::INFINITY, f64::min);
    last(runs, "finishedAt") - first
}

fn last(runs: &[Value], field: &str) -> f64 {
    runs.iter().map(|run| at(run, field)).fold(0.0, f64::max)
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn number(count: usize) -> f64 {
    count as f64
}
