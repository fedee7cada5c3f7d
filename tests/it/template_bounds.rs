//! Templates that never end: modules in a circle or without number, text that loops or doubles
//! itself. Each is told with its place, and the daemon and the last good revision go on.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::support::{Daemon, requires};

const PATH: &str = "/v1/namespaces/default/templates/net";
const GOOD: &str = "output \"it\" { value = 1 }\n";

fn call(name: &str, source: &str) -> String {
    format!("module \"{name}\" {{\n  source = \"{source}\"\n}}\n")
}

/// A template whose modules each call the next one twice: it doubles `depth` times.
fn doubling(depth: usize) -> Value {
    let mut files = Map::new();
    files.insert("main.tf".to_owned(), json!(call("a", "./m0")));
    for n in 0..depth {
        let next = format!("../m{}", n + 1);
        files.insert(format!("m{n}/main.tf"), json!(call("a", &next) + &call("b", &next)));
    }
    files.insert(format!("m{depth}/main.tf"), json!(GOOD));
    Value::Object(files)
}

/// Sets a text and doubles it.
fn doubled(times: usize) -> String {
    let mut text = "{% set s = \"x\" %}".to_owned();
    for _ in 0..times {
        write!(text, "{{% set s = s ~ s %}}").unwrap();
    }
    text + GOOD
}

async fn check(daemon: &Daemon, files: &Value, pointer: &str, code: &str, words: &str) {
    let answer = daemon.put(PATH, &json!({"spec": {"files": files}})).await;
    assert_eq!(answer.status, 422, "{words}: {}", answer.text);
    let error = &answer.json()["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{}", answer.text);
    assert!(error["detail"].as_str().unwrap().contains(words), "{words}: {}", answer.text);
}

#[tokio::test]
async fn modules_that_go_round_or_are_without_number_are_refused() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let round = json!({"main.tf": call("a", "./modules/a"), "modules/a/main.tf": call("b", "../b"),
        "modules/b/main.tf": format!("\n{}", call("a", "../a"))});
    let words =
        "modules/b/main.tf line 2: modules call each other in a circle: `modules/a` → `modules/b` → `modules/a`";
    check(&daemon, &round, "/spec/files/modules~1b~1main.tf", "loop", words).await;
    let itself = json!({"main.tf": call("me", "./.")});
    check(&daemon, &itself, "/spec/files/main.tf", "loop", "in a circle: the root → the root").await;
    let nowhere = json!({"main.tf": format!("\n{}", call("m", "./m")), "m/readme.md": "nothing"});
    let words = "main.tf line 2: the module source `./m` is no folder of the template with .tf files";
    check(&daemon, &nowhere, "/spec/files/main.tf", "module_source", words).await;
    check(&daemon, &doubling(40), "/spec/files", "too_large", "more than 200").await;
    let answer = daemon.put(PATH, &json!({"spec": {"files": doubling(4)}})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    daemon.stop().await;
}

#[tokio::test]
async fn text_that_loops_or_doubles_itself_does_not_take_the_daemon_along() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let good = json!({"main.tf.tera": format!("{{% for n in range(end=3) %}}# {{{{ n }}}}\n{{% endfor %}}{GOOD}")});
    let kept = daemon.put(PATH, &json!({"spec": {"files": good}})).await;
    assert_eq!(kept.status, 201, "{}", kept.text);
    let twice = |inside: &str| {
        format!(
            "{{% for a in range(end=100000) %}}{{% for b in range(end=100000) %}}{inside}{{% endfor %}}{{% endfor %}}"
        )
    };
    for (text, words) in [
        (twice("") + GOOD, "more.tf.tera: to render it takes more than 2 s or 1024 MiB"),
        (twice("#") + GOOD, "renders to more than 1048576 bytes"),
        (doubled(60), "more.tf.tera: to render it takes more than 2 s or 1024 MiB"),
        ("{% include \"more.tf.tera\" %}".to_owned(), "Circular include"),
        ("{% component f() %}{{ <f /> }}{% endcomponent f %}{{ <f /> }}".to_owned(), "recursion depth"),
        ("{% include \"../../etc/passwd\" %}".to_owned(), "../../etc/passwd"),
    ] {
        let files = json!({"main.tf": GOOD, "more.tf.tera": text});
        check(&daemon, &files, "/spec/files/more.tf.tera", "not_rendered", words).await;
    }
    let nothing = json!({"main.tf.tera": format!("{{% if provider.region == \"nowhere\" %}}{GOOD}{{% endif %}}")});
    check(&daemon, &nothing, "/spec/files", "empty", "once it is rendered").await;
    let now = daemon.get(PATH).await.json();
    assert_eq!(now["current"], kept.json()["revision"], "the last good one goes on");
    daemon.stop().await;
}
