//! A person's request that a run stops: once with patience, twice at once, and never more signals than that.

use std::os::unix::fs::PermissionsExt;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::{Daemon, local_machine, on_path, requires, until};

#[tokio::test]
async fn a_forced_stop_ends_at_once_and_says_what_that_costs() {
    if !requires("terraform") {
        return;
    }
    let (daemon, run) = patient_apply().await;
    let signals = signals(&daemon).await;
    let cancel = format!("/v1/runs/{run}/cancel");

    let early = daemon.post(&format!("{cancel}?force=true"), &json!({})).await;
    assert_eq!(early.status, 409, "{}", early.text);
    assert!(early.text.contains("cancel it without force first"), "{}", early.text);

    let asked = daemon.post(&cancel, &json!({})).await.json();
    assert_eq!((&asked["stop"]["by"], &asked["stop"]["force"]), (&json!("admin"), &json!(false)));
    assert!(asked.get("warning").is_none(), "{asked}");
    until("it was asked", async || (signals().len() == 1).then_some(())).await;
    assert_eq!(
        daemon.post(&cancel, &json!({})).await.json()["stop"],
        asked["stop"],
        "asking again is no second request"
    );

    let forced = daemon.post(&format!("{cancel}?force=true"), &json!({})).await.json();
    assert_eq!(forced["stop"]["force"], true);
    assert!(forced["warning"].as_str().unwrap().contains("recorded nowhere"), "{forced}");
    let ended = daemon.wait_for_end(&run).await;
    assert_eq!((&ended["state"], &ended["stop"]["force"]), (&json!("canceled"), &json!(true)));
    assert_eq!(signals(), ["INT", "INT"]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_daemon_that_comes_back_does_not_ask_again() {
    if !requires("terraform") {
        return;
    }
    let (daemon, run) = patient_apply().await;
    let signals = signals(&daemon).await;
    daemon.post(&format!("/v1/runs/{run}/cancel"), &json!({})).await;
    until("it was asked", async || (signals().len() == 1).then_some(())).await;

    // To terraform, the same signal again would be the second: to end at once with nothing recorded.
    let daemon = Daemon::start_in(daemon.end(Signal::KILL).await);
    until("it is found again", async || daemon.log().contains("run found again").then_some(())).await;
    assert_eq!(daemon.run(&run).await["state"], "applying");
    std::fs::write(daemon.dir().join("bin/go"), "").unwrap();
    let ended = daemon.wait_for_end(&run).await;
    assert_eq!(signals(), ["INT"], "{ended}");
    daemon.stop().await;
}

/// The process that a file of the apply's folder names.
fn process(daemon: &Daemon, run: &str, file: &str) -> Pid {
    let path = daemon.dir().join("data/runs").join(run).join("4-apply").join(file);
    let found: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    Pid::from_raw(i32::try_from(found["pid"].as_i64().unwrap()).unwrap()).unwrap()
}

fn stop_process(daemon: &Daemon, run: &str, file: &str) {
    kill_process(process(daemon, run, file), Signal::STOP).unwrap();
}

#[tokio::test]
async fn a_forced_stop_ends_what_is_stopped_or_hears_nothing() {
    if !requires("terraform") {
        return;
    }
    // Which of the two are stopped, whether terraform hears at all, whether they are stopped again afterwards; and
    // how the run ends.
    let (terraform, supervisor) = ("terraform.json", "supervisor.json");
    let cases: [(&[&str], bool, bool, &[&str]); 6] = [
        (&[terraform], true, false, &["canceled"]),
        (&[supervisor], true, false, &["canceled"]),
        (&[terraform, supervisor], true, false, &["canceled"]),
        (&[], false, false, &["canceled"]),
        (&[terraform], false, true, &["canceled"]),
        (&[terraform, supervisor], false, true, &["canceled"]),
    ];
    let (daemon, first) = patient_apply().await;
    std::fs::write(daemon.dir().join("bin/go"), "").unwrap();
    daemon.wait_for_end(&first).await;
    std::fs::remove_file(daemon.dir().join("bin/go")).unwrap();
    let mut moved = 0;
    for (number, (stopped, hears, again, ends)) in cases.into_iter().enumerate() {
        let deaf = daemon.dir().join("bin/deaf");
        if hears {
            std::fs::remove_file(&deaf).ok();
        } else {
            std::fs::write(&deaf, "").unwrap();
        }
        let name = format!("workers-{number}");
        std::fs::remove_file(daemon.dir().join("out/signals")).ok();
        daemon.apply(&local_machine(&name, 1, &json!({})).to_string()).await;
        let run = daemon.machine(&name).await["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
        drop(signals(&daemon).await);
        let cancel = format!("/v1/runs/{run}/cancel");
        let noted = daemon.dir().join("data/runs").join(&run).join("4-apply");
        until("its process is noted", async || noted.join(terraform).exists().then_some(())).await;
        for file in stopped {
            stop_process(&daemon, &run, file);
        }
        assert_eq!(daemon.post(&cancel, &json!({})).await.status, 200);
        until("it was asked", async || noted.join("interrupted").exists().then_some(())).await;
        assert_eq!(daemon.post(&format!("{cancel}?force=true"), &json!({})).await.status, 200);
        if again || !hears {
            until("it was forced", async || noted.join("interrupted-again").exists().then_some(())).await;
            for file in stopped {
                // Stopped between the signal that lets it go on and the one that ends it, as far as that is met.
                kill_process(process(&daemon, &run, file), Signal::STOP).ok();
            }
            let machine = daemon.machine(&name).await;
            if machine["status"]["latestRun"]["state"] == "applying" {
                assert!(machine.to_string().contains("ForcedToEnd"), "{machine}");
            }
            moved += 61;
            std::fs::write(daemon.dir().join("clock"), moved.to_string()).unwrap();
        }
        let ended = daemon.wait_for_end(&run).await;
        assert!(ends.contains(&ended["state"].as_str().unwrap()), "case {number}: {ended}");
        for file in [terraform, supervisor] {
            let gone = || rustix::process::test_kill_process(process(&daemon, &run, file)).is_err();
            until("nothing is left", async || gone().then_some(())).await;
        }
        daemon.post(&format!("/v1/namespaces/default/machines/{name}/pause"), &json!({})).await;
    }
    let open = daemon.get("/v1/runs?state=queued,preparing,planning,planned,applying").await.json();
    std::fs::write(daemon.dir().join("bin/go"), "").unwrap();
    for run in open["items"].as_array().unwrap() {
        daemon.wait_for_end(run["id"].as_str().unwrap()).await;
    }
    daemon.stop().await;
}

/// Terraform, but that an apply notes the signals that it gets, and begins when there is a file `go`, or ends at the
/// second one as terraform would.
fn daemon_with_a_patient_apply() -> Daemon {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("bin");
    let out = dir.path().join("out");
    std::fs::create_dir(&folder).unwrap();
    std::fs::create_dir(&out).unwrap();
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = apply ]; then\n  signals='{}'\n  trap 'echo INT >> \"$signals\"; [ -e \"${{0%/*}}/deaf\" ] || [ \"$(wc -l < \"$signals\")\" -lt 2 ] || exit 1' INT\n  : > \"$signals\"\n  while [ ! -e '{}' ]; do sleep 0.05; done\nfi\nexec '{}' \"$@\"\n",
        out.join("signals").display(),
        folder.join("go").display(),
        on_path("terraform").unwrap().display()
    );
    let program = folder.join("terraform");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!(
        "[engine]\nbinary = {:?}\nconfine_read = [{:?}]\nconfine_write = [{:?}]\n",
        program.display().to_string(),
        folder.display().to_string(),
        out.display().to_string()
    );
    std::fs::write(dir.path().join("captd.toml"), config).unwrap();
    Daemon::start_in(dir)
}

/// A daemon whose apply is patient, and that run.
async fn patient_apply() -> (Daemon, String) {
    let daemon = daemon_with_a_patient_apply();
    daemon.apply(&local_machine("workers", 1, &json!({})).to_string()).await;
    let run = daemon.machine("workers").await["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    (daemon, run)
}

/// The signals that a run's apply has got so far, once it has begun.
async fn signals(daemon: &Daemon) -> impl Fn() -> Vec<String> + use<> {
    let path = daemon.dir().join("out/signals");
    until("it applies", async || path.exists().then_some(())).await;
    move || std::fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect()
}
