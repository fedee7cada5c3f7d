//! What must be true after a trial, in captd itself.

use std::path::Path;

use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

use super::people::unapproved;
use super::scenario::{Cloud, Scenario};
use super::world::World;
use super::{Kind, Trouble, processes};

/// How often, and how many times, it is looked whether runs are over: two minutes.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);
const LOOKS_MAX: u32 = 1_200;

/// Through the API, while the daemon lives: what it says of machines, states and runs.
pub async fn check_api(world: &World, scenario: &Scenario) -> Result<Vec<Trouble>, Trouble> {
    let mut troubles = Vec::new();
    let machines = world.get("/v1/machines?limit=500").await?;
    let names = |value: &Value| -> Vec<String> {
        let items = value["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|machine| machine["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let present = || scenario.machines.iter().filter_map(|machine| Some((machine, machine.last()?)));
    let expected: Vec<String> = present().map(|(machine, _)| machine.name.clone()).collect();
    if names(&machines) != expected {
        troubles.push(Trouble::new(Kind::Lost, format!("captd has {:?}, declared are {expected:?}", names(&machines))));
    }
    for (machine, declared) in present() {
        let state = world.get(&format!("/v1/namespaces/default/machines/{}/state", machine.name)).await?;
        let kind = if scenario.cloud == Cloud::Aws { "aws_eks_node_group" } else { "terraform_data" };
        let resources = state["resources"].as_array().cloned().unwrap_or_default();
        let resources = resources.iter().filter(|r| r["mode"] == "managed" && r["type"] == kind);
        let instances: Vec<&Value> = resources.flat_map(|resource| resource["instances"].as_array().unwrap()).collect();
        let wanted = if scenario.cloud == Cloud::Aws { 1 } else { 1 + declared.desired as usize };
        if instances.len() != wanted || instances.iter().any(|instance| instance["status"] == "tainted") {
            let text = format!(
                "the state of {} has {} instances of {wanted}, or a tainted one",
                machine.name,
                instances.len()
            );
            troubles.push(Trouble::new(Kind::Lost, text));
        }
    }
    let runs = runs_at_rest(world).await?;
    if scenario.people.approve_after.is_some() {
        troubles.extend(unapproved(&runs));
    }
    for run in runs {
        let id = run["id"].as_str().unwrap_or_default();
        if run.get("finishedAt").is_none() {
            troubles.push(Trouble::new(Kind::Stuck, format!("run {id} is open: {run}")));
        }
        let (status, text) = world.insist(reqwest::Method::GET, &format!("/v1/runs/{id}/log"), None).await?;
        if status != 200 {
            troubles.push(Trouble::new(Kind::Other, format!("the log of run {id} answers {status}: {text}")));
        }
    }
    Ok(troubles)
}

/// The runs, once none is open. captd looks at a machine by itself when that is due, as after a
/// clock was put back, so that one may have begun since all was settled; one that is stuck stays.
async fn runs_at_rest(world: &World) -> Result<Vec<Value>, Trouble> {
    let mut looks = 0;
    loop {
        let runs = world.get("/v1/runs?limit=500").await?;
        let runs = runs["items"].as_array().cloned().unwrap_or_default();
        looks += 1;
        if looks == LOOKS_MAX || runs.iter().all(|run| run.get("finishedAt").is_some()) {
            return Ok(runs);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// No process that works for a run is left; what still ends has a little time.
pub async fn check_processes(world: &World, with_daemon: bool) -> Option<Trouble> {
    let mut left = Vec::new();
    for _ in 0..200 {
        left = processes::living_in(&world.data);
        left.retain(|(pid, line)| !(with_daemon && processes::stays_with_the_daemon(*pid, line, &world.data)));
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Some(Trouble::new(Kind::Other, format!("processes are left: {left:?}")))
}

/// Runs that the daemon has left open.
pub async fn open_runs(data: &Path) -> Result<i64, sqlx::Error> {
    let mut database = SqliteConnection::connect_with(&of(data)).await?;
    let count = sqlx::query_scalar("SELECT count(*) FROM runs WHERE ended_at IS NULL").fetch_one(&mut database).await?;
    database.close().await?;
    Ok(count)
}

fn of(data: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(data.join("captd.db"))
}

/// The database that the daemon has left.
pub async fn check_database(data: &Path) -> Result<Vec<Trouble>, sqlx::Error> {
    let mut database = SqliteConnection::connect_with(&of(data)).await?;
    let mut troubles = Vec::new();
    let integrity: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut database).await?;
    if integrity != "ok" {
        troubles.push(Trouble::new(Kind::Other, format!("the database is damaged: {integrity}")));
    }
    for (what, kind, question) in [
        ("rows that refer to nothing", Kind::Other, "SELECT * FROM pragma_foreign_key_check"),
        ("locks without a living owner", Kind::Stuck, "SELECT workspace_uid FROM state_locks"),
        ("open runs", Kind::Stuck, "SELECT id FROM runs WHERE ended_at IS NULL"),
        ("plans of runs that are over", Kind::Other, "SELECT run_id FROM plans"),
        ("states in doubt", Kind::Stuck, "SELECT uid FROM workspaces WHERE diverged IS NOT NULL"),
        (
            "workspaces whose state has two histories",
            Kind::Doubled,
            "SELECT workspace_uid FROM states GROUP BY workspace_uid HAVING count(DISTINCT lineage) > 1",
        ),
        (
            "states whose serial does not rise",
            Kind::Doubled,
            "SELECT a.workspace_uid FROM states a JOIN states b ON a.workspace_uid = b.workspace_uid
             AND a.version < b.version AND a.serial >= b.serial",
        ),
    ] {
        let rows = sqlx::query(question).fetch_all(&mut database).await?;
        if let Some(first) = rows.first() {
            let first: String = first.try_get(0)?;
            troubles.push(Trouble::new(kind, format!("{} {what}, the first: {first}", rows.len())));
        }
    }
    database.close().await?;
    Ok(troubles)
}
