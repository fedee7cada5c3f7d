//! What a body may cost: how many documents, how long an answer, how great a number; and a database that another
//! process holds.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::support::{Answer, Daemon, Setup, client, local_machine, requires};

const JSON: (&str, &str) = ("content-type", "application/json");
const YAML: (&str, &str) = ("content-type", "application/yaml");
/// Far less than the bodies that are sent, and far more than a hundred problems need.
const ANSWER_BYTES_MAX: usize = 500_000;
const BODY_BYTES: usize = 1_000_000;

/// A piece so often that it fills a body.
fn filled(piece: &str) -> String {
    vec![piece; BODY_BYTES / (piece.len() + 1)].join(",")
}

/// An object with so many fields as fill a body.
fn many_fields() -> String {
    let fields: Vec<String> = (0..BODY_BYTES / 15).map(|n| format!("\"f{n:07}\":1")).collect();
    fields.join(",")
}

fn check(what: &str, answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status.as_u16(), status, "{what}: {}", &answer.text[..answer.text.len().min(500)]);
    assert_eq!(answer.json()["code"], code, "{what}");
    assert!(answer.text.len() < ANSWER_BYTES_MAX, "{what}: {} bytes", answer.text.len());
}

#[tokio::test]
async fn a_body_has_a_thousand_documents_and_an_answer_a_hundred_problems() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start_with(Setup { config: client("reader", &["read"], &["*"]) });
    let reader = "token-of-reader";
    let empty = filled("{}");
    let list = |items: &str| format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{items}]}}");
    let too_many = [
        ("a list", JSON, format!("[{empty}]")),
        ("a list of nulls", JSON, format!("[{}]", filled("null"))),
        ("a List of Kubernetes", JSON, list(&empty)),
        ("one more than there may be", JSON, format!("[{}]", vec!["{}"; 1_001].join(","))),
        ("two Lists in YAML", YAML, format!("{0}\n---\n{0}\n", list(&vec!["{}"; 501].join(",")))),
    ];
    for (what, media_type, body) in too_many {
        let applied = daemon.request(Method::POST, "/v1/apply", &[media_type], body.clone().into()).await;
        check(what, &applied, 400, "too_many_documents");
        let converted = daemon.request_with(reader, Method::POST, "/v1/convert", &[media_type], body.into()).await;
        check(what, &converted, 400, "too_many_documents");
    }

    let long = "x".repeat(BODY_BYTES / 2);
    let twins = vec![local_machine("same", 1, &json!({})).to_string(); 1_000].join(",");
    let wrong_machine = |field: &str, value: &str| {
        let mut machine = local_machine("m", 1, &json!({}));
        machine["spec"][field] = json!("HERE");
        machine.to_string().replace("\"HERE\"", value)
    };
    let many = [
        ("a thousand empty ones", format!("[{}]", vec!["{}"; 1_000].join(","))),
        ("a thousand that are none", format!("[{}]", vec!["1"; 1_000].join(","))),
        (
            "a thousand of no known kind",
            format!("[{}]", vec!["{\"apiVersion\":\"x/v1\",\"kind\":\"X\"}"; 1_000].join(",")),
        ),
        ("the same a thousand times", format!("[{twins}]")),
        ("a machine with many fields", wrong_machine("nodeGroupConfig", &format!("{{{}}}", many_fields()))),
        (
            "many labels that are none",
            wrong_machine("nodeGroupConfig", &format!("{{\"labels\":{{{}}}}}", many_fields())),
        ),
        (
            "many subnets that are none",
            wrong_machine("nodeGroupConfig", &format!("{{\"subnetIds\":[{}]}}", filled("1"))),
        ),
        ("many variables that nobody takes", wrong_machine("variables", &format!("{{{}}}", many_fields()))),
        ("a field with a long name", wrong_machine("nodeGroupConfig", &format!("{{\"{long}\":1}}"))),
        (
            "a long name",
            format!("{{\"apiVersion\":\"captd/v1\",\"kind\":\"Namespace\",\"metadata\":{{\"name\":\"{long}\"}}}}"),
        ),
    ];
    for (what, body) in many {
        let answer = daemon.request(Method::POST, "/v1/apply", &[JSON], body.clone().into()).await;
        check(what, &answer, 422, "invalid");
        let problem = answer.json();
        let (kept, more) = (problem["errors"].as_array().unwrap().len(), problem["more"].as_u64().unwrap_or_default());
        assert!(kept <= 100 && (kept == 100 || more == 0), "{what}: {kept} and {more}");
        if what.contains("thousand") || what.contains("many") {
            assert!(more >= 800, "{what}: {kept} and {more}");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.starts_with(&format!("{} things are wrong", 100 + more)), "{what}: {detail}");
        }
        let answer = daemon.request_with(reader, Method::POST, "/v1/convert", &[JSON], body.into()).await;
        assert!(matches!(answer.status.as_u16(), 200 | 422), "{what}: {}", answer.status);
    }

    // Namespaces are looked through that exist, and not all that a body can name.
    let named: Vec<String> = (0..40_000).map(|n| format!("{{\"namespace\":\"n{n}\"}}")).collect();
    let capt = format!(
        "{{\"apiVersion\":\"infrastructure.cluster.x-k8s.io/v1beta1\",\"kind\":\"CAPTCluster\",\"metadata\":{{\"name\":\"c\"}},\"spec\":{{\"x\":[{}]}}}}",
        named.join(",")
    );
    let answer = daemon.request_with(reader, Method::POST, "/v1/convert", &[JSON], capt.into()).await;
    check("forty thousand namespaces", &answer, 422, "invalid");
    assert_eq!(daemon.get("/v1/machines").await.json()["items"], json!([]));
    daemon.stop().await;
}

/// A number that has to be written out somewhere is refused before it is.
#[tokio::test]
async fn a_number_is_as_great_as_somebody_can_mean() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let one = "/v1/namespaces/default/machines/m";
    let numbers = [
        "1e1000000000".to_owned(),
        "-1E+1000000000".to_owned(),
        "1e-1000000000".to_owned(),
        "1e1001".to_owned(),
        "1e99999999999999999999".to_owned(),
        format!("1{}", "0".repeat(2_000)),
        format!("0.{}1", "0".repeat(2_000)),
    ];
    for number in &numbers {
        let shown = &number[..number.len().min(20)];
        let machine = local_machine("m", 1, &json!({"create_seconds": "HERE"})).to_string().replace("\"HERE\"", number);
        let nested =
            local_machine("m", 1, &json!({"rules": [{"port": "HERE"}]})).to_string().replace("\"HERE\"", number);
        let requests = [
            (Method::POST, "/v1/apply", machine.clone()),
            (Method::POST, "/v1/convert", nested.clone()),
            (Method::PUT, one, machine),
            (Method::PUT, one, nested),
            (Method::PATCH, one, format!("{{\"spec\":{{\"variables\":{{\"x\":{number}}}}}}}")),
            (Method::POST, "/v1/namespaces/default/machines/m/scale", format!("{{\"desiredSize\":{number}}}")),
        ];
        for (method, path, body) in requests {
            let answer = daemon.request(method.clone(), path, &[JSON], body.into()).await;
            check(&format!("{shown} to {method} {path}"), &answer, 400, "malformed");
        }
    }
    // What somebody can mean is judged by its type.
    let machine = local_machine("m", 1, &json!({"create_seconds": "HERE"})).to_string();
    for number in ["1e3", "1.5E+2", "0.25e1"] {
        let body = machine.replace("\"HERE\"", number);
        let answer = daemon.request(Method::POST, "/v1/apply?dryRun=true", &[JSON], body.into()).await;
        assert_eq!(answer.status, 200, "{number}: {}", answer.text);
    }
    daemon.stop().await;
}

#[tokio::test]
async fn while_another_process_holds_the_database_one_is_told_to_come_again() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let options = SqliteConnectOptions::new().filename(daemon.dir().join("data/captd.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let namespace: Value = json!({});
    let refused = daemon.put("/v1/namespaces/shop", &namespace).await;
    check("a write", &refused, 503, "database_busy");
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u32>().is_ok_and(|seconds| seconds > 0));
    assert_eq!(daemon.get("/v1/namespaces/default").await.status, 200, "who reads goes on");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(daemon.put("/v1/namespaces/shop", &namespace).await.status, 201);
    daemon.stop().await;
}
