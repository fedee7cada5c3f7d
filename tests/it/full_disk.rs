//! A data folder whose disk runs full, and has room again.

use reqwest::Method;
use tempfile::TempDir;

use crate::cli::captd;
use crate::local::seed_yaml;
use crate::support::{Daemon, SmallDisk, requires, until};

#[tokio::test]
async fn it_says_that_the_disk_is_full_and_goes_on_when_there_is_room() {
    if !requires("terraform") {
        return;
    }
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("captd.toml"), "").unwrap();
    let Some(disk) = SmallDisk::mount(&dir.path().join("data"), 3) else {
        println!("skipped: a disk that the test may mount not found");
        return;
    };
    let daemon = Daemon::start_in(dir);
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    // What a run has left goes after its end, and would make room.
    let runs = daemon.dir().join("data/runs");
    until("the folders of its run are gone", async || {
        let mut names = std::fs::read_dir(&runs).unwrap().map(|entry| entry.unwrap().path());
        names.all(|path| path.extension().is_none()).then_some(())
    })
    .await;
    disk.fill();
    let scale = async || {
        let path = "/v1/namespaces/default/machines/workers/scale";
        daemon
            .request(Method::POST, path, &[("content-type", "application/json")], b"{\"desiredSize\": 2}".to_vec())
            .await
    };
    let refused = scale().await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (507, &"disk_full".into()), "{}", refused.text);
    assert_eq!(daemon.machine("workers").await["metadata"]["generation"], 1, "nothing was stored");
    assert_eq!(scale().await.status, 507, "and it says so each time");
    let ready = daemon.get("/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["code"]), (503, &"disk_low".into()), "{}", ready.text);
    let machine = daemon.machine("workers").await;
    let low = |machine: &serde_json::Value| {
        let conditions = machine["status"]["conditions"].as_array().unwrap().clone();
        conditions.into_iter().find(|it| it["type"] == "DiskLow").unwrap_or_else(|| panic!("{machine}"))
    };
    let since = low(&machine)["lastTransitionTime"].clone();
    assert_eq!(low(&daemon.machine("workers").await)["lastTransitionTime"], since, "to read it changes nothing");
    let said = captd(&daemon, &format!("doctor --data-dir {}", daemon.dir().join("data").display())).with_code(1);
    assert!(said.out.contains("fail  disk: "), "{said:?}");

    disk.make_room();
    until("it is ready again", async || (daemon.get("/readyz").await.status == 200).then_some(())).await;
    until("it goes on", async || scale().await.status.is_success().then_some(())).await;
    assert_eq!(daemon.wait_until_ready("workers").await["status"]["currentSize"], 2);
    daemon.stop().await;
}
