//! Every route × each permission × own namespace, another and all × the spellings of each part of its path.

use reqwest::Method;
use serde_json::{Value, json};

use super::table::{EXPECTED, Where};
use crate::support::{Daemon, Setup, client, local_machine, requires};

const PERMISSIONS: [&str; 6] = ["none", "read", "write", "approve", "reveal", "admin"];
/// Of the clients; what is asked for lies in `a`.
const PLACES: [&str; 3] = ["a", "b", "*"];
/// No address knows it: whoever is let in is told so, and nothing is done.
const NONSENSE: &str = "nonsense=1";

/// What was made of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    Refused,
    LetIn,
    NoSuchPath,
}

fn clients() -> Setup {
    let mut config = String::new();
    for permission in PERMISSIONS {
        for (number, place) in PLACES.iter().enumerate() {
            let may: Vec<&str> = [permission].into_iter().filter(|it| *it != "none").collect();
            config.push_str(&client(&format!("{permission}-{number}"), &may, &[place]));
        }
    }
    Setup { config }
}

/// The client with this permission alone, in this place.
fn who(permission: &str, place: &str) -> String {
    let number = PLACES.iter().position(|it| *it == place).unwrap();
    format!("{permission}-{number}")
}

/// What the table says of a client.
fn expected(permission: &str, place: &str, needs: &str, at: Where) -> Judged {
    let permitted = permission == needs || permission == "admin";
    let inside = match at {
        Where::All => place == "*",
        Where::Nowhere => true,
        Where::Path | Where::Run | Where::Query | Where::Documents => place != "b",
    };
    if permitted && inside { Judged::LetIn } else { Judged::Refused }
}

/// The same in a path of `a`.
fn filled(path: &str, run: &str) -> String {
    let parts = [
        ("KIND", "machines"),
        ("{namespace}", "a"),
        ("{id}", run),
        ("{name}", "nn"),
        ("{output}", "oo"),
        ("{revision}", "rr"),
    ];
    parts.iter().fold(path.to_owned(), |path, (part, value)| path.replace(part, value))
}

fn query(at: Where) -> String {
    match at {
        Where::Query | Where::Documents => format!("namespace=a&{NONSENSE}"),
        _ => NONSENSE.to_owned(),
    }
}

async fn ask(daemon: &Daemon, who: &str, method: &str, path: &str, query: &str) -> Judged {
    let method: Method = method.parse().unwrap();
    let body = json!({});
    let body = (method != Method::GET && method != Method::HEAD).then_some(&body);
    let answer = daemon.ask_as(who, method.clone(), &format!("{path}?{query}"), body).await;
    let problem: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    match answer.status.as_u16() {
        403 => Judged::Refused,
        400 if method == Method::HEAD || problem["detail"] == "unknown parameter `nonsense`" => Judged::LetIn,
        404 if problem["code"] == "unknown_path" => Judged::NoSuchPath,
        other => panic!("{who} {method} {path}?{query} is answered {other}: {problem}"),
    }
}

/// One that stays as it is: nothing gets a slot meanwhile.
async fn queued_run(daemon: &Daemon) -> String {
    for namespace in ["a", "b"] {
        daemon.put(&format!("/v1/namespaces/{namespace}"), &json!({})).await;
    }
    daemon.post("/v1/drain", &json!({})).await;
    daemon.post("/v1/namespaces/a/machines", &local_machine("workers", 1, &json!({}))).await;
    daemon.get("/v1/runs?namespace=a").await.json()["items"][0]["id"].as_str().unwrap().to_owned()
}

async fn end(daemon: Daemon) {
    assert_eq!(daemon.get("/v1/drain").await.json()["draining"], true, "nobody was let in to end it");
    assert_eq!(daemon.delete("/v1/namespaces/a/machines/workers").await.status, 202);
    daemon.stop().await;
}

#[tokio::test]
async fn each_route_lets_in_who_may_and_nobody_else() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start_with(clients());
    let run = queued_run(&daemon).await;
    for (method, path, needs, at) in EXPECTED {
        let kinds: &[&str] = if path.contains("KIND") { &["machines", "workspaces"] } else { &[""] };
        for kind in kinds {
            let path = filled(&path.replace("KIND", kind), &run);
            for permission in PERMISSIONS {
                for place in PLACES {
                    let who = who(permission, place);
                    let wanted = expected(permission, place, needs, *at);
                    let query = query(*at);
                    assert_eq!(ask(&daemon, &who, method, &path, &query).await, wanted, "{who} {method} {path}");
                    if *method == "GET" {
                        assert_eq!(ask(&daemon, &who, "HEAD", &path, &query).await, wanted, "{who} HEAD {path}");
                    }
                }
            }
        }
    }
    end(daemon).await;
}

fn encoded(text: &str, lower: bool) -> String {
    text.bytes().map(|byte| if lower { format!("%{byte:02x}") } else { format!("%{byte:02X}") }).collect()
}

/// One path, with one of its parts spelled in another way; and what is then expected where plainly it is `plain`.
fn spellings(path: &str, run: &str, plain: Judged) -> Vec<(String, Judged)> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let mut found = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let with = |spelled: &str| {
            let mut parts = parts.clone();
            parts[at] = spelled;
            format!("/{}", parts.join("/"))
        };
        let (first, rest) = part.split_at(1);
        let last = &part[part.len() - 1..];
        for lower in [true, false] {
            found.push((with(&encoded(part, lower)), plain));
            found.push((with(&format!("{}{rest}", encoded(first, lower))), plain));
            found.push((with(&format!("{}{}", &part[..part.len() - 1], encoded(last, lower))), plain));
        }
        if *part == run {
            let simple = run.replace('-', "");
            for other in [
                simple.clone(),
                run.to_uppercase(),
                format!("%7B{run}%7d"),
                format!("urn:uuid:{run}"),
                encoded(&simple, true),
            ] {
                found.push((with(&other), plain));
            }
        }
        found.push((with(&format!("/{part}")), Judged::NoSuchPath));
    }
    found.push((format!("{path}/"), Judged::NoSuchPath));
    found.push((format!("{path}//"), Judged::NoSuchPath));
    found
}

/// However a path is written, it is judged as it is written plainly, or there is nothing there.
#[tokio::test]
async fn no_spelling_of_a_path_lets_in_who_may_not() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start_with(clients());
    let run = queued_run(&daemon).await;
    for (method, path, needs, at) in EXPECTED {
        let path = filled(path, &run);
        let query = query(*at);
        let other = if *needs == "read" { "reveal" } else { "read" };
        let everywhere = if *at == Where::All { "*" } else { "a" };
        for (permission, place) in [(*needs, everywhere), (other, everywhere), (*needs, "b")] {
            let who = who(permission, place);
            let plain = expected(permission, place, needs, *at);
            for (spelled, wanted) in spellings(&path, &run, plain) {
                assert_eq!(ask(&daemon, &who, method, &spelled, &query).await, wanted, "{who} {method} {spelled}");
            }
        }
    }
    end(daemon).await;
}
