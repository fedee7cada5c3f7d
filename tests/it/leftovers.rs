//! What a run leaves in the folders that it may write, whatever it is: the daemon stays at hand, nothing else is touched,
//! and the next run goes as if nothing had been.

mod beneath;
mod limits;
pub mod plant;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::confine::{machine, setup, template};
use crate::local::seed_yaml;
use crate::support::{Daemon, Setup, local_machine, requires, until};
use plant::{Victims, deep, plant, replace};

const WORKERS: &str = "/v1/namespaces/default/machines/workers";

/// The folders that a run may write.
fn writable(daemon: &Daemon, run: &str) -> [PathBuf; 2] {
    let work = daemon.work_dir(run);
    [work.with_extension("tmp"), work]
}

/// Asks whether it is alive until `is_over` says so, and wants a good answer each time.
async fn alive_until(daemon: &Daemon, what: &str, is_over: impl AsyncFn() -> bool) {
    until(what, async || {
        assert_eq!(daemon.get("/healthz").await.status, 200, "it answers all the time");
        is_over().await.then_some(())
    })
    .await;
}

async fn is_over(daemon: &Daemon, run: &str) -> bool {
    daemon.run(run).await.get("finishedAt").is_some()
}

fn nothing_left(data: &Path) -> bool {
    let entries = std::fs::read_dir(data.join("runs")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some()).count() == 0
}

/// What lies where persons look for states, by the beginning of its name.
fn set_aside(data: &Path, name: &str) -> Vec<String> {
    let found = std::fs::read_dir(data.join("diverged")).into_iter().flatten().map(|entry| entry.unwrap());
    let named = found.filter(|entry| entry.file_name().to_str().unwrap().starts_with(name));
    named.map(|entry| std::fs::read_to_string(entry.path()).unwrap()).collect()
}

/// Lays what an upload and programs on trial may have left there: it looks like captd's own, and names the process that
/// comes back, one that never ends, and a pipe.
fn on_trial(trials: &Path) -> Child {
    let named = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
    let trial = "01a222fc-cb67-72dd-ac57-ccfccc367812";
    for (folder, pid) in [(format!("{trial}.files"), 1), ("ccfccc367812.w".to_owned(), named.id())] {
        let step = trials.join(folder).join("a");
        std::fs::create_dir_all(&step).unwrap();
        let process = captd_process::Process::with_pid(pid).unwrap();
        std::fs::write(step.join("supervisor.json"), serde_json::to_vec(&process).unwrap()).unwrap();
        let command = json!({"format": 3, "program": "sh", "args": [], "working_dir": "/"});
        std::fs::write(step.join("command.json"), command.to_string()).unwrap();
        let other = step.with_file_name("b");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("command.json"), command.to_string()).unwrap();
        plant::pipe(&other.join("supervisor.json"));
    }
    named
}

#[tokio::test]
async fn whatever_a_run_leaves_goes_with_it_and_touches_nothing_else() {
    if !requires("terraform") {
        return;
    }
    // The outputs are asked for in a folder where a pipe stands in the place of the configuration.
    let config = "[engine]\nplan_seconds_max = 10\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    let data = daemon.dir().join("data");
    let victims = Victims::lay(&data);

    // While it applies.
    let body = local_machine("workers", 2, &json!({"create_seconds": 15}));
    daemon.post("/v1/namespaces/default/machines", &body).await;
    let run = daemon.runs("workers").await[0]["id"].as_str().unwrap().to_owned();
    daemon.wait_for_run(&run, "it applies", |run| run["state"] == "applying").await;
    until("its apply has begun", async || writable(&daemon, &run)[0].exists().then_some(())).await;
    let [tmp, work] = writable(&daemon, &run);
    plant(&tmp, &victims);
    deep(&tmp);
    plant(&work, &victims);
    replace(&work, &victims);
    alive_until(&daemon, "the run is over", async || is_over(&daemon, &run).await).await;
    assert_eq!(daemon.run(&run).await["state"], "succeeded", "what it left is not captd's business");
    alive_until(&daemon, "all of it is gone", async || nothing_left(&data)).await;
    assert_eq!(daemon.wait_until_ready("workers").await["status"]["currentSize"], 2, "outputs are those of the state");
    victims.are_untouched();

    // While a plan waits, which a newer one takes the place of, and across a kill of the daemon.
    let mut run = String::new();
    for kind in ["m5.2xlarge", "m5.large"] {
        let edit = json!({"spec": {"nodeGroupConfig": {"instanceType": kind}, "variables": {"create_seconds": 0}}});
        assert_eq!(daemon.patch(WORKERS, &edit).await.status, 200);
        let is_new = |machine: &Value| {
            let latest = &machine["status"]["latestRun"];
            latest["state"] == "awaiting_approval" && latest["id"] != run.as_str()
        };
        let waiting = daemon.wait_for_machine("workers", "its plan waits", is_new).await;
        if !run.is_empty() {
            let given_way = daemon.work_dir(&run);
            until("what gave way leaves nothing", async || (!given_way.exists()).then_some(())).await;
        }
        run = waiting["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
        assert!(daemon.work_dir(&run).exists(), "what waits keeps its folder");
    }
    let [tmp, work] = writable(&daemon, &run);
    std::fs::create_dir_all(&tmp).unwrap();
    plant(&tmp, &victims);
    plant(&work, &victims);
    // And what is left of no run that captd knows.
    let orphan = data.join("runs/0123456789ab.w");
    plant(&orphan, &victims);
    deep(&orphan);
    std::fs::write(orphan.join("errored.tfstate"), "the only record").unwrap();
    let mut named = on_trial(&data.join("try"));
    let daemon = Daemon::start_in(daemon.end(Signal::KILL).await);
    let data = daemon.dir().join("data");
    alive_until(&daemon, "the orphan is gone", async || !orphan.exists()).await;
    assert_eq!(set_aside(&data, "0123456789ab"), ["the only record"], "but no state");
    assert_eq!(named.try_wait().unwrap(), None, "what an upload names is not ended");
    named.kill().unwrap();
    named.wait().unwrap();
    assert!(work.exists(), "what waits keeps its folder");
    assert_eq!(daemon.post(&format!("/v1/runs/{run}/approve"), &json!({})).await.status, 200);
    alive_until(&daemon, "the run is over", async || is_over(&daemon, &run).await).await;
    assert_eq!(daemon.run(&run).await["state"], "succeeded", "{}", daemon.run(&run).await);
    alive_until(&daemon, "all of it is gone", async || nothing_left(&data)).await;

    // In mid-apply, across a kill.
    let edit = json!({"spec": {"runPolicy": {"approval": "auto"}, "nodeGroupConfig": {"instanceType": "m5.xlarge"},
        "variables": {"create_seconds": 15}}});
    assert_eq!(daemon.patch(WORKERS, &edit).await.status, 200);
    let applying = |m: &Value| m["status"]["latestRun"]["state"] == "applying";
    let machine = daemon.wait_for_machine("workers", "it applies", applying).await;
    let run = machine["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    let [_, work] = writable(&daemon, &run);
    plant(&work, &victims);
    replace(&work, &victims);
    let daemon = Daemon::start_in(daemon.end(Signal::KILL).await);
    alive_until(&daemon, "the run is over", async || is_over(&daemon, &run).await).await;
    alive_until(&daemon, "all of it is gone", async || nothing_left(&data)).await;
    assert_eq!(daemon.scale("workers", 3).await["state"], "succeeded", "and the next run is as any other");
    victims.are_untouched();
    daemon.stop().await;
}

#[tokio::test]
async fn an_errored_state_that_is_no_file_of_terraforms_stops_nothing() {
    if !requires("terraform") {
        return;
    }
    let config = "[reconcile]\nretry_base_seconds = 1\nretry_cap_seconds = 1\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    let victims = Victims::lay(&daemon.dir().join("data"));
    daemon.post("/v1/namespaces/default/machines", &local_machine("workers", 1, &json!({"create_seconds": 2}))).await;
    daemon.wait_until_ready("workers").await;
    // Each makes one more, which takes its time.
    for (size, (form, lay)) in (2..=5).zip(plant::forms("errored.tfstate")) {
        let run = daemon.ask("workers", "scale", &json!({"desiredSize": size})).await;
        daemon.wait_for_run(&run, "it applies", |run| run["state"] == "applying").await;
        lay(&daemon.work_dir(&run), &victims);
        alive_until(&daemon, form, async || is_over(&daemon, &run).await).await;
        let ended = daemon.run(&run).await;
        let said = ended["failure"]["message"].as_str().unwrap_or_default();
        assert!(said.contains("errored.tfstate"), "{form}: it is named: {ended}");
        daemon.wait_until_ready("workers").await;
        victims.are_untouched();
    }
    daemon.stop().await;
}

/// The file that a frozen workspace names.
async fn diverged(daemon: &Daemon, run: &str) -> PathBuf {
    let is_frozen = |machine: &Value| machine["status"]["conditions"].to_string().contains("StateDiverged");
    let machine = daemon.wait_for_machine("workers", "it is frozen", is_frozen).await;
    let conditions = machine["status"]["conditions"].as_array().unwrap();
    let message = conditions.iter().find(|it| it["type"] == "StateDiverged").unwrap()["message"].as_str().unwrap();
    assert!(message.contains(run), "{message}");
    let file = message.split("it lies in ").nth(1).unwrap().split(". No run").next().unwrap();
    PathBuf::from(file)
}

#[tokio::test]
async fn the_only_record_of_what_an_apply_has_made_is_never_removed() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let data = daemon.dir().join("data");
    let trust = async |daemon: &Daemon| {
        assert_eq!(daemon.post(&format!("{WORKERS}/state/trust"), &json!({})).await.status, 204);
        daemon.wait_until_ready("workers").await;
    };
    daemon.post("/v1/namespaces/default/machines", &local_machine("workers", 1, &json!({"create_seconds": 3}))).await;
    daemon.wait_until_ready("workers").await;

    // More than is taken in.
    let run = daemon.ask("workers", "scale", &json!({"desiredSize": 2})).await;
    daemon.wait_for_run(&run, "it applies", |run| run["state"] == "applying").await;
    plant::sparse(&daemon.work_dir(&run).join("errored.tfstate"));
    let ended = daemon.wait_for_end(&run).await;
    assert_eq!(ended["state"], "succeeded", "{ended}");
    let file = diverged(&daemon, &run).await;
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 1 << 34, "it is kept as it is");
    std::fs::remove_file(file).unwrap();
    trust(&daemon).await;

    // What cannot be kept for now, here since a file is in the way.
    let run = daemon.ask("workers", "scale", &json!({"desiredSize": 3})).await;
    daemon.wait_for_run(&run, "it applies", |run| run["state"] == "applying").await;
    let left = daemon.work_dir(&run).join("errored.tfstate");
    std::fs::write(&left, "nobody can read this").unwrap();
    std::fs::remove_dir_all(data.join("diverged")).unwrap();
    std::fs::write(data.join("diverged"), "").unwrap();
    until("it is tried again", async || (daemon.log().matches("a worker cannot go on").count() > 1).then_some(()))
        .await;
    assert_eq!((&daemon.run(&run).await["state"], left.exists()), (&json!("applying"), true), "the run is not over");
    std::fs::remove_file(data.join("diverged")).unwrap();
    assert_eq!(daemon.wait_for_end(&run).await["state"], "succeeded");
    let file = diverged(&daemon, &run).await;
    assert_eq!(std::fs::read_to_string(file).unwrap(), "nobody can read this");
    trust(&daemon).await;

    // What nobody has looked at before the run's end was kept.
    let dir = daemon.stop().await;
    std::fs::remove_file(data.join("runs").join(&run).join("errored-taken-in")).unwrap();
    std::fs::create_dir(left.parent().unwrap()).unwrap();
    std::fs::write(&left, "nor this").unwrap();
    let daemon = Daemon::start_in(dir);
    let file = diverged(&daemon, &run).await;
    assert_eq!(std::fs::read_to_string(file).unwrap(), "nor this");
    until("the rest of it goes", async || nothing_left(&data).then_some(())).await;
    trust(&daemon).await;
    daemon.stop().await;
}

/// Swaps a folder of its own for a link into the data folder and back, for as long as it is not ended.
const SWAPS: &str = "\
mkdir -p a/.terraform b
ln -s \"$DATA\" c
(
  while [ -e \"$STAY\" ]; do
    mv .terraform t; ln -s \"$DATA\" .terraform; mv main.tf m; ln -s \"$DATA/victim\" main.tf
    rm -f .terraform main.tf; mv t .terraform; mv m main.tf
    mkdir -p again/and/again; : >again/and/file
  done
) >/dev/null 2>&1 </dev/null &
echo \"it stays: $!\"
";

#[tokio::test]
async fn a_process_that_is_left_behind_gets_nothing_out_of_later_runs() {
    if !requires("terraform") || captd::supervisor::landlock().is_err() {
        return;
    }
    let folder = template(SWAPS);
    let stay = TempDir::new().unwrap();
    let mark = stay.path().join("stay");
    std::fs::write(&mark, "").unwrap();
    let daemon = Daemon::start_with(setup(folder.path(), &format!("confine_read = [{:?}]", stay.path())));
    let data = daemon.dir().join("data");
    let victims = Victims::lay(&data);
    let before = plant::names_in(&data);
    let mut own = machine(&json!({"DATA": data, "STAY": mark}));
    assert_eq!(daemon.post("/v1/namespaces/default/machines", &own).await.status, 201);
    daemon.wait_until_ready("workers").await;
    // Plans and applies beside it, of its own workspace and of another.
    daemon.apply(&seed_yaml("other", 1)).await;
    daemon.wait_until_ready("other").await;
    for size in [1, 3, 2] {
        own["spec"]["nodeGroupConfig"]["scaling"]["desiredSize"] = json!(size);
        assert_eq!(daemon.put(WORKERS, &own).await.status, 200);
        daemon.wait_until_ready("workers").await;
        assert_eq!(daemon.get("/healthz").await.status, 200);
    }
    victims.are_untouched();
    let mut after = plant::names_in(&data);
    // What a folder that is never empty comes to, and what captd itself makes meanwhile.
    after.retain(|name| !["left", "revisions", "runs"].contains(&name.as_str()));
    let known: Vec<&String> = before.iter().filter(|name| !["revisions", "runs"].contains(&name.as_str())).collect();
    assert_eq!(after.iter().collect::<Vec<_>>(), known, "nothing was laid into the data folder");
    std::fs::remove_file(&mark).unwrap();
    let daemon = Daemon::start_in(daemon.stop().await);
    until("the next start removes what was set aside", async || {
        let left = std::fs::read_dir(data.join("left")).map_or(0, Iterator::count);
        (left == 0 && nothing_left(&data)).then_some(())
    })
    .await;
    daemon.stop().await;
}
