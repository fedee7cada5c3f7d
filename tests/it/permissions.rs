//! Clients with tokens of their own: what each may do, and where.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::queries::routes;
use crate::support::{Daemon, Setup, client, local_machine, requires};

const MACHINES: &str = "/v1/namespaces/default/machines";

/// What a client is answered.
async fn ask(daemon: &Daemon, who: &str, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
    let answer = daemon.ask_as(who, method, path, body).await;
    (answer.status, serde_json::from_str(&answer.text).unwrap_or_default())
}

#[tokio::test]
async fn each_client_may_what_it_was_given_and_no_more() {
    if !requires("terraform") {
        return;
    }
    let clients = [
        client("nobody", &[], &["*"]),
        client("reader", &["read"], &["*"]),
        client("platform", &["read", "write"], &["*"]),
        client("approver", &["read", "approve"], &["*"]),
        client("vault", &["read", "reveal"], &["*"]),
    ];
    let daemon = Daemon::start_with(Setup { config: clients.concat() });
    let machine = local_machine("workers", 1, &json!({}));
    let one = format!("{MACHINES}/workers");
    let forbidden = [
        ("nobody", Method::GET, MACHINES, None),
        ("reader", Method::POST, MACHINES, Some(&machine)),
        ("reader", Method::POST, "/v1/apply", Some(&machine)),
        ("reader", Method::PUT, "/v1/namespaces/default/secrets/a", Some(&machine)),
        ("approver", Method::DELETE, one.as_str(), None),
        ("platform", Method::PUT, "/v1/namespaces/default/templates/a", Some(&machine)),
        ("platform", Method::PUT, "/v1/namespaces/other", Some(&machine)),
        ("platform", Method::PUT, "/v1/hold", None),
        ("platform", Method::POST, "/v1/drain", None),
        ("platform", Method::POST, "/v1/keys/rotate", None),
        ("vault", Method::POST, "/v1/retry", None),
    ];
    for (who, method, path, body) in forbidden {
        let (status, problem) = ask(&daemon, who, method.clone(), path, body).await;
        assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("forbidden")), "{who} {method} {path}: {problem}");
    }
    let (status, made) = ask(&daemon, "platform", Method::POST, MACHINES, Some(&machine)).await;
    assert_eq!(status, 201, "{made}");
    daemon.wait_until_ready("workers").await;
    let declared = daemon.get("/v1/events?machine=workers").await.json()["items"][0].clone();
    assert_eq!((&declared["reason"], &declared["actor"]), (&json!("Declared"), &json!("platform")));

    // What may be seen and what may not.
    for (who, path, status) in [
        ("reader", one.clone(), 200),
        ("reader", format!("{one}/outputs/current_size"), 200),
        ("reader", format!("{one}/outputs/current_size?reveal=true"), 403),
        ("vault", format!("{one}/outputs/current_size?reveal=true"), 200),
        ("platform", format!("{one}/state"), 403),
        ("vault", format!("{one}/state"), 200),
        ("reader", "/v1/whoami".to_owned(), 200),
    ] {
        let (got, answer) = ask(&daemon, who, Method::GET, &path, None).await;
        assert_eq!(got, status, "{who} {path}: {answer}");
    }
    let template = json!({"apiVersion": "captd/v1", "kind": "WorkspaceTemplate", "metadata": {"name": "a"},
        "spec": {"files": {"main.tf": ""}}});
    let (status, problem) = ask(&daemon, "platform", Method::POST, "/v1/apply", Some(&template)).await;
    assert_eq!(status, 403, "{problem}");
    assert_eq!(problem["detail"], "this needs the permission `admin`, and `platform` has read, write");

    // A plan waits for somebody who may approve it.
    let mut careful = local_machine("workers", 2, &json!({}));
    careful["spec"]["runPolicy"] = json!({"approval": "manual"});
    ask(&daemon, "platform", Method::PUT, &one, Some(&careful)).await;
    let waiting = daemon.wait_for_phase("workers", "AwaitingApproval").await;
    let run = format!("/v1/runs/{}", waiting["status"]["latestRun"]["id"].as_str().unwrap());
    assert_eq!(ask(&daemon, "platform", Method::POST, &format!("{run}/approve"), None).await.0, 403);
    assert_eq!(ask(&daemon, "approver", Method::POST, &format!("{run}/cancel"), None).await.0, 403);
    assert_eq!(ask(&daemon, "approver", Method::POST, &format!("{run}/approve"), None).await.0, 200);
    daemon.wait_until_ready("workers").await;
    let told = daemon.get("/v1/events?machine=workers&limit=500").await.json();
    let approved = told["items"].as_array().unwrap().iter().find(|event| event["reason"] == "RunApproved").unwrap();
    assert_eq!(approved["actor"], "approver");
    daemon.stop().await;
}

#[tokio::test]
async fn a_client_of_one_namespace_does_nothing_and_sees_nothing_elsewhere() {
    if !requires("terraform") {
        return;
    }
    let config = client("shop", &["read", "write", "approve", "reveal"], &["shop"]);
    let daemon = Daemon::start_with(Setup { config });
    daemon.put("/v1/namespaces/shop", &json!({})).await;
    daemon.apply(&local_machine("workers", 1, &json!({})).to_string()).await;
    daemon.wait_until_ready("workers").await;
    let run = daemon.runs("workers").await[0]["id"].as_str().unwrap().to_owned();
    for path in [
        "/v1/machines",
        "/v1/events",
        "/v1/events?namespace=default",
        "/v1/runs",
        "/v1/runs?namespace=default",
        "/v1/namespaces/default/machines",
        "/v1/gateway",
        &format!("/v1/runs/{run}"),
        &format!("/v1/runs/{run}/log"),
    ] {
        let (status, problem) = ask(&daemon, "shop", Method::GET, path, None).await;
        assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("forbidden")), "{path}: {problem}");
    }
    let elsewhere = local_machine("mine", 1, &json!({}));
    assert_eq!(ask(&daemon, "shop", Method::POST, "/v1/apply", Some(&elsewhere)).await.0, 403);
    for path in ["/v1/namespaces/shop/machines", "/v1/runs?namespace=shop", "/v1/events?namespace=shop", "/v1/whoami"] {
        let (status, answer) = ask(&daemon, "shop", Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
    let (status, answer) =
        ask(&daemon, "shop", Method::POST, "/v1/apply?namespace=shop&dryRun=true", Some(&elsewhere)).await;
    assert_eq!(status, 200, "{answer}");
    daemon.stop().await;
}

/// Every route: whoever may nothing is told so, before anything is looked at.
#[tokio::test]
async fn no_route_lets_in_whoever_may_nothing() {
    if !requires("terraform") {
        return;
    }
    let config = [client("nobody", &[], &["*"]), client("reader", &["read"], &["*"])].concat();
    let daemon = Daemon::start_with(Setup { config });
    for (method, path) in routes() {
        let (status, _) = ask(&daemon, "nobody", method.clone(), &path, None).await;
        assert_eq!(status, 403, "{method} {path}");
        if method != Method::GET && path != "/v1/convert" {
            let (status, _) = ask(&daemon, "reader", method.clone(), &path, None).await;
            assert_eq!(status, 403, "{method} {path}: a reader changes nothing");
        }
    }
    daemon.stop().await;
}
