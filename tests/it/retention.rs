//! How much of the past is kept.

use serde_json::{Value, json};

use crate::local::seed_yaml;
use crate::support::{Daemon, Setup, requires, until};

#[tokio::test]
async fn old_runs_go_with_their_logs_and_the_newest_stay() {
    if !requires("terraform") {
        return;
    }
    let config = "[retention]\nruns_per_workspace = 2\ngenerations_per_machine = 1\ndeleted_days = 0\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    daemon.apply(&(seed_yaml("workers", 1) + &seed_yaml("gone", 1))).await;
    daemon.wait_until_ready("workers").await;
    daemon.wait_until_ready("gone").await;
    for size in [2, 3, 4] {
        daemon.scale("workers", size).await;
    }
    let plan = daemon.ask("workers", "plan", &json!({})).await;
    daemon.wait_for_end(&plan).await;
    daemon.delete("/v1/namespaces/default/machines/gone").await;
    daemon.wait_until_gone("gone").await;
    assert_eq!(daemon.runs("workers").await.len(), 5);

    // Sweeping is among the first things that a daemon does.
    let daemon = Daemon::start_in(daemon.stop().await);
    until("the old runs are gone", async || (daemon.runs("workers").await.len() == 2).then_some(())).await;
    let kept: Vec<Value> = daemon.runs("workers").await.iter().map(|run| run["kind"].clone()).collect();
    assert_eq!(kept, [json!("plan"), json!("apply")]);
    assert_eq!(daemon.runs("gone").await, Vec::<Value>::new());
    let folders = || std::fs::read_dir(daemon.dir().join("data/runs")).unwrap().count();
    until("their folders are gone", async || (folders() == 2).then_some(())).await;
    assert_eq!(daemon.scale("workers", 2).await["state"], "succeeded", "nothing that is needed was removed");
    daemon.stop().await;
}
