//! Runs that end on proof: whatever became of what they were begun with, an apply that was begun is followed to its end.

use std::path::Path;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use crate::aws::seed_yaml;
use crate::cli::{captd, type_in};
use crate::restart::create_slowly;
use crate::support::{Daemon, FakeAws, Setup, requires, until};
use crate::workspaces::{put, setup};

/// Something that takes its time, and may take a secret.
const SLOW: &str = r#"
variable "password" {
  type      = string
  sensitive = true
  default   = "none-of-a-secret"
}
resource "terraform_data" "it" {
  input = sha256(var.password)
  provisioner "local-exec" { command = "sleep 3" }
}
output "made" { value = terraform_data.it.id }
"#;

/// Changes the database of a daemon that is down, as nothing but a mishap would.
async fn execute(dir: &Path, statements: &[String]) {
    let options = SqliteConnectOptions::new().filename(dir.join("data/captd.db")).foreign_keys(false);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    for statement in statements {
        let done = sqlx::query(sqlx::AssertSqlSafe(statement.as_str())).execute(&mut database).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{statement}");
    }
    database.close().await.unwrap();
}

/// Damages each state of a workspace that is kept from now on.
async fn damage_from_now_on(dir: &Path, name: &str) {
    let options = SqliteConnectOptions::new().filename(dir.join("data/captd.db"));
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    let trigger = format!(
        "CREATE TRIGGER damage AFTER INSERT ON states
         WHEN NEW.workspace_uid = (SELECT uid FROM workspaces WHERE name = '{name}')
         BEGIN UPDATE states SET sealed = x'00' WHERE workspace_uid = NEW.workspace_uid AND version = NEW.version; END"
    );
    sqlx::query(sqlx::AssertSqlSafe(trigger.as_str())).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
}

async fn workspace(daemon: &Daemon, name: &str) -> Value {
    daemon.get(&format!("/v1/namespaces/default/workspaces/{name}")).await.json()
}

/// The run of a workspace, once it applies.
async fn applying(daemon: &Daemon, name: &str) -> String {
    until(&format!("{name} is applied"), async || {
        let run = workspace(daemon, name).await["status"]["latestRun"].clone();
        (run["state"] == "applying").then(|| run["id"].as_str().unwrap().to_owned())
    })
    .await
}

#[tokio::test]
async fn an_apply_ends_well_whatever_became_of_what_it_was_begun_with() {
    if !requires("terraform") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let names = ["template", "secret", "spec", "plan", "values"];
    for name in names {
        put(folder.path(), name, SLOW);
    }
    let daemon =
        Daemon::start_with(Setup { config: format!("{}[engine]\nplans_at_once = 8\n", setup(&folder).config) });
    type_in(&daemon, "secret set db password=-", "correct horse battery\n").with_code(0);
    for name in names {
        let variables = match name {
            "secret" => json!({"password": {"valueFrom": {"secret": "db", "key": "password"}}}),
            _ => json!({}),
        };
        let declared = json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name},
            "spec": {"workspaceTemplateRef": {"name": name}, "variables": variables}});
        let applied = daemon.apply(&declared.to_string()).await;
        assert_eq!(applied.status, 200, "{}", applied.text);
    }
    let mut runs = Vec::new();
    for name in names {
        let run = applying(&daemon, name).await;
        let begun = daemon.dir().join("data/runs").join(&run).join("4-apply/command.json");
        until("terraform is begun", async || begun.exists().then_some(())).await;
        runs.push((name, run));
    }
    let dir = daemon.end(Signal::KILL).await;

    std::fs::remove_dir_all(folder.path().join("workspace/template")).unwrap();
    std::fs::write(folder.path().join("workspace/values/main.tf"), "variable \"another\" { type = string }\n").unwrap();
    let of = |name: &str| runs.iter().find(|(of, _)| *of == name).map(|(_, run)| run.as_str()).unwrap();
    execute(
        dir.path(),
        &[
            "DELETE FROM secrets WHERE name = 'db'".to_owned(),
            format!(
                "DELETE FROM generations WHERE workspace_uid = (SELECT workspace_uid FROM runs WHERE id = '{}')",
                of("spec")
            ),
            format!("DELETE FROM plans WHERE run_id = '{}'", of("plan")),
        ],
    )
    .await;

    let daemon = Daemon::start_in(dir);
    for (name, run) in &runs {
        let ended = daemon.wait_for_end(run).await;
        assert_eq!(ended["state"], "succeeded", "{name}: {ended}");
        let log = daemon.get(&format!("/v1/runs/{run}/log")).await.text;
        assert_eq!(log.matches("Creation complete").count(), 1, "{name} was made once: {log}");
        let seen = workspace(&daemon, name).await;
        assert!(seen["status"]["outputs"]["made"].is_string(), "{name}: its state is in: {seen}");
    }
    daemon.end(Signal::TERM).await;
}

/// Waits until it is told to end, and how.
const TOLD: &str = r#"
variable "at" { type = string }
variable "password" {
  type      = string
  sensitive = true
  default   = "none-of-a-secret"
}
variable "round" { default = "first" }
resource "terraform_data" "before" { input = sha256(var.password) }
resource "terraform_data" "it" {
  triggers_replace = [sha256(var.password), var.round]
  depends_on       = [terraform_data.before]
  provisioner "local-exec" { command = "until test -e ${var.at}; do sleep 0.2; done; exit $(cat ${var.at})" }
}
output "made" { value = terraform_data.before.id }
"#;

/// What cannot be opened or read any more is gone on without: it is no reason for an apply to have no end.
#[tokio::test]
async fn an_apply_ends_though_what_captd_keeps_of_it_is_damaged() {
    if !requires("terraform") {
        return;
    }
    let (folder, told) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    put(folder.path(), "told", TOLD);
    let at = told.path().join("code");
    let config = format!(
        "{}[reconcile]\nretry_base_seconds = 600\nretry_cap_seconds = 600\n[engine]\nplans_at_once = 8\napplies_at_once = 8\nconfine_read = [{}]\n",
        setup(&folder).config,
        json!(told.path())
    );
    let daemon = Daemon::start_with(Setup { config });
    type_in(&daemon, "secret set db password=-", "correct horse battery\n").with_code(0);
    let names = ["secret", "state", "written", "log"];
    for name in names {
        let mut spec = json!({"workspaceTemplateRef": {"name": "told"}, "variables": {"at": at}});
        match name {
            "secret" => {
                spec["variables"]["password"] = json!({"valueFrom": {"secret": "db", "key": "password"}});
            }
            "written" => spec["writeConnectionSecretToRef"] = json!({"name": "out"}),
            _ => {}
        }
        let declared = json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name}, "spec": spec});
        let applied = daemon.apply(&declared.to_string()).await;
        assert_eq!(applied.status, 200, "{}", applied.text);
    }
    // First with a good end, then with a bad one: what it was made from may be damaged, and what it has left.
    for (code, ends) in [("0", "succeeded"), ("1", "failed")] {
        let mut runs = Vec::new();
        for name in names {
            let run = applying(&daemon, name).await;
            let log = daemon.dir().join("data/runs").join(&run).join("4-apply/stdout.log");
            let begun =
                async || std::fs::read_to_string(&log).ok().filter(|it| it.contains("Provisioning with")).map(drop);
            until("it waits", begun).await;
            runs.push((name, run, log));
        }
        execute(daemon.dir(), &["UPDATE secrets SET sealed = x'00' WHERE name = 'db'".to_owned()]).await;
        if code == "1" {
            execute(daemon.dir(), &["UPDATE secrets SET sealed = x'00' WHERE name = 'out'".to_owned()]).await;
            damage_from_now_on(daemon.dir(), "state").await;
            let log = &runs.iter().find(|(name, ..)| *name == "log").unwrap().2;
            std::fs::rename(log, log.with_extension("aside")).unwrap();
            std::fs::create_dir(log).unwrap();
        }
        std::fs::write(&at, code).unwrap();
        for (name, run, _) in &runs {
            let ended = daemon.wait_for_end(run).await;
            assert_eq!(ended["state"], ends, "{name}: {ended}");
        }
        if code == "1" {
            break;
        }
        std::fs::remove_file(&at).unwrap();
        type_in(&daemon, "secret set db password=-", "another horse battery\n").with_code(0);
        for name in names.iter().filter(|name| **name != "secret") {
            let path = format!("/v1/namespaces/default/workspaces/{name}");
            let edit = json!({"spec": {"variables": {"at": at, "round": "second"}}});
            let edited = daemon.patch(&path, &edit).await;
            assert_eq!(edited.status, 200, "{}", edited.text);
        }
    }
    // Nothing of it can be looked at or destroyed, and it can be let go of.
    let said = captd(&daemon, "delete workspace/state --abandon --yes").with_code(0);
    assert!(said.out.contains("its state cannot be opened, so what may still exist is not known"), "{said:?}");
    assert_eq!(workspace(&daemon, "state").await["status"], 404);
    daemon.stop().await;
}

#[tokio::test]
async fn an_apply_on_aws_ends_well_though_its_provider_configuration_is_gone() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    aws.rule(&json!({"action": "CreateNodegroup", "creating_seconds": 8})).await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    daemon.apply(&seed_yaml(&subnets)).await;
    let creations = async || aws.actions().await.into_iter().filter(|action| action == "CreateNodegroup").count();
    until("the cloud was asked", async || (creations().await > 0).then_some(())).await;
    let run = daemon.runs("managed-ng-1").await[0]["id"].as_str().unwrap().to_owned();
    let dir = daemon.end(Signal::KILL).await;
    let renamed = aws.config().replace("[providers.aws.default]", "[providers.aws.another]");
    std::fs::write(dir.path().join("captd.toml"), renamed).unwrap();

    let daemon = Daemon::start_in(dir);
    let ended = daemon.wait_for_end(&run).await;
    assert_eq!(ended["state"], "succeeded", "{ended}");
    assert_eq!(daemon.machine("managed-ng-1").await["status"]["currentSize"], 2, "its state is in");
    assert_eq!(creations().await, 1, "it was asked once");

    let dir = daemon.end(Signal::TERM).await;
    std::fs::write(dir.path().join("captd.toml"), aws.config()).unwrap();
    let daemon = Daemon::start_in(dir);
    daemon.wait_until_ready("managed-ng-1").await;
    daemon.delete("/v1/namespaces/default/machines/managed-ng-1").await;
    daemon.wait_until_gone("managed-ng-1").await;
    assert_eq!(creations().await, 1, "and never again");
    daemon.stop().await;
}

async fn put_in_place(daemon: &Daemon, name: &str) {
    let declared = json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name},
        "spec": {"workspaceTemplateRef": {"name": "quick"}}});
    assert_eq!(daemon.apply(&declared.to_string()).await.status, 200);
    daemon.wait_for_workspace(name).await;
}

/// What a power failure leaves of a run that planned: what was synced is whole, and all else is empty.
fn lay_emptied(daemon: &Daemon, run: &str) {
    let data = daemon.dir().join("data");
    let revisions = std::fs::read_dir(data.join("revisions")).unwrap();
    let initialised = revisions.map(|entry| entry.unwrap().path()).next().unwrap();
    let (run_dir, work) = (data.join("runs").join(run), daemon.work_dir(run));
    std::fs::create_dir_all(run_dir.join("2-plan")).unwrap();
    std::fs::create_dir_all(&work).unwrap();
    for entry in std::fs::read_dir(&initialised).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::write(work.join(entry.file_name()), "").unwrap();
        }
    }
    let made = json!({"initialised": initialised, "boot": "00000000-0000-0000-0000-000000000000"});
    std::fs::write(run_dir.join("work.json"), made.to_string()).unwrap();
    std::fs::write(run_dir.join("2.tfplan"), "").unwrap();
    let command = json!({"format": 3, "program": "terraform", "args": ["plan"], "working_dir": work});
    std::fs::write(run_dir.join("2-plan/command.json"), command.to_string()).unwrap();
    let exit = json!({"code": 2, "signal": null, "duration_ms": 1});
    std::fs::write(run_dir.join("2-plan/exit.json"), exit.to_string()).unwrap();
}

/// One path for what was begun now and what was left: a run at work that nobody has is taken up in the next round, and
/// plans nothing of what a power failure has emptied.
#[tokio::test]
async fn a_run_at_work_without_a_worker_gets_one_while_the_daemon_is_up() {
    if !requires("terraform") {
        return;
    }
    let folder = TempDir::new().unwrap();
    put(folder.path(), "quick", "output \"it\" { value = \"is there\" }\nresource \"terraform_data\" \"it\" {}\n");
    let daemon = Daemon::start_with(setup(&folder));
    put_in_place(&daemon, "first").await;
    assert_eq!(daemon.post("/v1/drain", &json!({})).await.status, 200);
    let declared = json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": "left"},
        "spec": {"workspaceTemplateRef": {"name": "quick"}}});
    assert_eq!(daemon.apply(&declared.to_string()).await.status, 200);
    let runs = daemon.get("/v1/runs?workspace=left").await.json();
    let run = runs["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(runs["items"][0]["state"], "queued");
    lay_emptied(&daemon, &run);
    // What a worker leaves behind that has ended without a word.
    execute(daemon.dir(), &[format!("UPDATE runs SET state = 'preparing', begun_at = created_at WHERE id = '{run}'")])
        .await;
    daemon.wait_for_run(&run, "it is planned", |run| run["state"] == "planned").await;
    assert!(daemon.log().contains("run found again"), "{}", daemon.log());
    assert_eq!(daemon.delete("/v1/drain").await.status, 200);
    let ended = daemon.wait_for_end(&run).await;
    assert_eq!((&ended["state"], &ended["summary"]["create"]), (&json!("succeeded"), &json!(1)), "{ended}");
    daemon.wait_for_workspace("left").await;
    daemon.stop().await;
}

/// What cannot be read for now proves nothing: the run goes on, and ends on proof when it can be read again.
#[tokio::test]
async fn an_apply_is_followed_on_when_there_was_no_descriptor_left_to_look_at_it() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let run = create_slowly(&daemon).await;
    let folder = daemon.dir().join("data/runs").join(&run).join("4-apply");
    let noted: Value = serde_json::from_slice(&std::fs::read(folder.join("supervisor.json")).unwrap()).unwrap();
    let supervisor = Pid::from_raw(i32::try_from(noted["pid"].as_i64().unwrap()).unwrap()).unwrap();
    let captd = Pid::from_raw(i32::try_from(daemon.pid()).unwrap());
    // It has the limits of this process.
    let usual = getrlimit(Resource::Nofile);
    prlimit(captd, Resource::Nofile, Rlimit { current: Some(3), ..usual }).unwrap();
    kill_process(supervisor, Signal::KILL).unwrap();
    until("it cannot be looked at", async || {
        daemon.log().contains("terraform cannot be followed at the moment").then_some(())
    })
    .await;
    prlimit(captd, Resource::Nofile, usual).unwrap();

    // Its supervisor is gone, so nobody knows how it ended; that it did is proven.
    assert_eq!(daemon.wait_for_end(&run).await["state"], "lost");
    assert_eq!(daemon.wait_until_ready("workers").await["status"]["currentSize"], 2);
    let applied = daemon.runs("workers").await.into_iter().filter(|run| run["state"] == "succeeded").count();
    assert_eq!(applied, 0, "what it made is in force, and was not applied again");
    daemon.stop().await;
}
