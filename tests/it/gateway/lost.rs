//! A provider's end in the middle of its work costs the runs that it served, and nothing that they
//! have begun.

use serde_json::{Value, json};

use crate::support::{Daemon, FakeAws, Setup, local_machine, requires, until};

fn machine(name: &str, configuration: &str, subnets: &[String]) -> Value {
    let mut machine = local_machine(name, 2, &json!({}));
    machine["spec"]["workspaceTemplateRef"]["name"] = json!("eks-nodegroup-template");
    machine["spec"]["clusterName"] = json!("demo");
    machine["spec"]["providerConfigRef"] = json!({"name": configuration});
    machine["spec"]["nodeGroupConfig"]["subnetIds"] = json!(subnets);
    machine
}

pub async fn create(daemon: &Daemon, name: &str, configuration: &str, subnets: &[String]) -> String {
    let created = daemon.post("/v1/namespaces/default/machines", &machine(name, configuration, subnets)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let run = until("its first run", async || daemon.runs(name).await.pop()).await;
    run["id"].as_str().unwrap().to_owned()
}

/// The provider processes that serve a configuration.
pub async fn pids_of(daemon: &Daemon, configuration: &str) -> Vec<rustix::process::Pid> {
    let processes = daemon.get("/v1/gateway").await.json()["status"]["processes"].clone();
    let of_it = |process: &&Value| process["configurations"] == json!([configuration]);
    let found = processes.as_array().unwrap().iter().filter(of_it);
    found
        .map(|process| rustix::process::Pid::from_raw(process["pid"].as_i64().unwrap().try_into().unwrap()).unwrap())
        .collect()
}

#[tokio::test]
async fn a_provider_killed_in_the_middle_of_an_apply_costs_that_run_and_no_other() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    aws.rule(&json!({"action": "CreateNodegroup", "creating_seconds": 3_600, "times": 2})).await;
    let other = aws.config().replace("aws.default", "aws.other").replace("AKIACAPTDTEST", "AKIAOFANOTHER");
    let daemon = Daemon::start_with(Setup { config: format!("{}{other}", aws.config()) });
    let lost = create(&daemon, "ruby", "default", &subnets).await;
    let kept = create(&daemon, "opal", "other", &subnets).await;
    until("both are being made", async || (aws.node_groups("demo").await.len() == 2).then_some(())).await;

    // The one that planned, and the one that applies.
    let of_ruby = pids_of(&daemon, "default").await;
    assert!(!of_ruby.is_empty());
    for pid in of_ruby {
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }

    let run = daemon.wait_for_end(&lost).await;
    assert_eq!((&run["state"], &run["failure"]["class"]), (&json!("failed"), &json!("provider_lost")), "{run}");
    for name in ["ruby", "opal"] {
        aws.edit("demo", name, json!({"status": "ACTIVE"})).await;
    }
    for name in ["ruby", "opal"] {
        daemon.wait_until_ready(name).await;
    }
    assert_eq!(daemon.wait_for_end(&kept).await["state"], "succeeded", "another's provider is another");
    let made = aws.journal().await.into_iter().filter(|call| call["action"] == "CreateNodegroup").count();
    assert_eq!(made, 2, "what it had begun was taken in");
    let retirements = daemon.get("/v1/gateway").await.json()["status"]["retirements"].to_string();
    assert!(retirements.contains("it ended by itself"), "{retirements}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_data_folder_with_too_long_a_path_has_no_gateway_and_works() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let dir = tempfile::Builder::new().prefix(&"far-away-".repeat(12)).tempdir().unwrap();
    std::fs::write(dir.path().join("captd.toml"), aws.config()).unwrap();
    let daemon = Daemon::start_in(dir);
    let gateway = daemon.get("/v1/gateway").await.json();
    assert_eq!(gateway["state"], "away");
    let why = gateway["why"].as_str().unwrap();
    assert!(why.contains("107 are possible") && why.contains("take a data folder with a shorter path"), "{why}");
    create(&daemon, "ruby", "default", &subnets).await;
    daemon.wait_until_ready("ruby").await;
    let run = daemon.runs("ruby").await.pop().unwrap();
    let plan = run["steps"].as_array().unwrap().iter().find(|step| step["name"] == "plan").unwrap();
    assert_eq!(plan["warm"], Value::Null);
    assert!(plan["plainBecause"].to_string().contains("107 are possible"), "{plan}");
    daemon.stop().await;
}
