//! Rows about one run at a time: nothing to do, scale by one, CPU time, the first after a cold start.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::ground::{Ground, at, took};
use super::plain::Plain;
use super::processes::{cpu_seconds, cpu_seconds_of_children};
use super::table::{Goal, Row, spread};

/// A no-op run with refresh, all steps. With one resource, and with five, the node role's among them.
pub async fn no_op(ground: &mut Ground, resources: u8) -> Vec<Row> {
    let machine = ground.machine(&format!("quiet-{resources}"), resources == 1).await;
    let plain = Plain::copy_of(ground, &machine).await;
    let (mut by_plain, mut runs) = (Vec::new(), Vec::new());
    for turn in 0..ground.settings.runs.max(ground.settings.plain_runs) {
        if turn < ground.settings.plain_runs {
            by_plain.push(plain.no_op());
        }
        if turn < ground.settings.runs {
            runs.push(ground.no_op(&machine).await);
        }
    }
    say_steps(&runs);
    let (what, goals) = match resources {
        1 => ("1 no-op run, one resource", vec![Goal::Ratio(40.0), Goal::AtMost(0.4)]),
        _ => ("2 no-op run, five resources", vec![Goal::Ratio(25.0)]),
    };
    let name = |of: &str| format!("{what}{of}");
    let captd = runs.iter().map(took).collect();
    let steps = runs.iter().map(in_steps).collect();
    vec![
        Row { name: name(""), unit: "s", plain: by_plain.clone(), captd, goals },
        Row { name: name(", Terraform's steps alone"), unit: "s", plain: by_plain, captd: steps, goals: vec![] },
    ]
}

/// Scale by one, from the wish to the end of the apply. Each side has a machine of its own.
pub async fn scale(ground: &mut Ground) -> Vec<Row> {
    let machine = ground.machine("scaled", true).await;
    let other = ground.machine("scaled-plainly", true).await;
    let plain = Plain::copy_of(ground, &other).await;
    let (mut by_plain, mut runs) = (Vec::new(), Vec::new());
    for turn in 0..ground.settings.runs.max(ground.settings.plain_runs) {
        // From 2, where it begins, to 3 and back.
        let desired = if turn % 2 == 0 { 3 } else { 2 };
        if turn < ground.settings.plain_runs {
            by_plain.push(plain.scale(desired));
        }
        if turn < ground.settings.runs {
            let run = ground.ask(&machine, "scale", &json!({"desiredSize": desired})).await;
            runs.push(ground.ended(&run, "succeeded").await);
        }
    }
    say_steps(&runs);
    let captd = runs.iter().map(took).collect();
    let name = "3 scale by one, one resource".to_owned();
    vec![Row { name, unit: "s", plain: by_plain, captd, goals: vec![Goal::Ratio(20.0)] }]
}

/// CPU time of a no-op run, of all processes together.
pub async fn cpu(ground: &mut Ground) -> Vec<Row> {
    let machine = ground.machine("quiet-1", true).await;
    let plain = Plain::copy_of(ground, &machine).await;
    let mut by_plain = Vec::new();
    for _ in 0..ground.settings.plain_runs {
        let before = cpu_seconds_of_children();
        plain.no_op();
        by_plain.push(cpu_seconds_of_children() - before);
    }
    let mut captd = Vec::new();
    for _ in 0..ground.settings.plain_runs {
        let before = ground.settled_cpu_seconds().await;
        for _ in 0..ground.settings.cpu_runs {
            ground.no_op(&machine).await;
        }
        captd.push((ground.settled_cpu_seconds().await - before) / f64::from(ground.settings.cpu_runs));
    }
    let name = format!("5 CPU time of a no-op run ({} together)", ground.settings.cpu_runs);
    vec![Row { name, unit: "s", plain: by_plain, captd, goals: vec![Goal::AtMost(0.25)] }]
}

/// The first run after a start of everything, from the start of the daemon; schemas lie on the disk.
pub async fn cold_start(ground: &mut Ground) -> Vec<Row> {
    let machine = ground.machine("quiet-1", true).await;
    let mut captd = Vec::new();
    let mut runs = Vec::new();
    for _ in 0..ground.settings.plain_runs {
        let begun = ground.restart().await;
        let run = ground.no_op(&machine).await;
        captd.push(at(&run, "finishedAt") - begun);
        runs.push(run);
    }
    say_steps(&runs);
    vec![Row::of_captd("6 start of all, until the end of a no-op run", "s", captd, vec![Goal::AtMost(2.0)])]
}

impl Ground {
    /// CPU seconds so far, when only the daemon, the gateway and idle providers are left: what has
    /// ended is then counted with the daemon, its parent.
    async fn settled_cpu_seconds(&self) -> f64 {
        let folder = self.dir();
        crate::support::until("no supervisor is left", async || {
            let is_supervisor = |pid: &u32| {
                std::fs::read(format!("/proc/{pid}/cmdline"))
                    .is_ok_and(|line| line.split(|byte| *byte == 0).nth(1) == Some(b"supervise"))
            };
            (!super::processes::of(folder).iter().any(is_supervisor)).then_some(())
        })
        .await;
        cpu_seconds(folder)
    }
}

/// Seconds that a run spends in Terraform's commands.
fn in_steps(run: &Value) -> f64 {
    steps(run).map(|(_, seconds)| seconds).sum()
}

fn steps(run: &Value) -> impl Iterator<Item = (&str, f64)> {
    let steps = run["steps"].as_array().unwrap().iter();
    steps.map(|step| (step["name"].as_str().unwrap(), step["durationMs"].as_f64().unwrap() / 1e3))
}

/// Says where the time of runs goes, step by step.
pub fn say_steps(runs: &[Value]) {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in runs.iter().flat_map(steps) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in names {
        let times: Vec<f64> = runs.iter().flat_map(steps).filter(|(step, _)| *step == name).map(|(_, s)| s).collect();
        eprintln!("  {name}: {}", spread(&times, "s"));
    }
    let steps = runs.iter().flat_map(|run| run["steps"].as_array().unwrap());
    let cold: BTreeSet<String> = steps.filter_map(|step| Some(step.get("plainBecause")?.to_string())).collect();
    for why in cold {
        eprintln!("  a step was not warm: {why}");
    }
    let queued: Vec<f64> = runs.iter().map(|run| at(run, "startedAt") - at(run, "createdAt")).collect();
    let own: Vec<f64> = runs.iter().zip(&queued).map(|(run, queued)| took(run) - in_steps(run) - queued).collect();
    eprintln!("  until begun: {}\n  captd's own: {}", spread(&queued, "s"), spread(&own, "s"));
}
