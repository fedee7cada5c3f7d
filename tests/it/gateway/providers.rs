//! Providers of all kinds: several in one template, one that cannot be warm, none; and those that
//! are none.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::bench::AWS;
use super::shop::{BLOCK, Shop, create, first_run, needs, ways};
use crate::support::{FakeAws, python, requires, until};

/// A template with one resource of the AWS provider.
fn topic() -> String {
    let resource = "resource \"aws_sns_topic\" \"one\" {\n  name = var.node_group_name\n}\n";
    format!("{}provider \"aws\" {BLOCK}{resource}", needs(&[("aws", "hashicorp/aws")]))
}

/// A template with one resource of a provider that is a script.
fn thing(name: &str) -> String {
    needs(&[(name, &format!("captd/{name}"))]) + &format!("resource \"{name}_thing\" \"one\" {{}}\n")
}

#[tokio::test]
async fn a_template_may_have_several_providers_or_none_and_be_warm_as_far_as_it_goes() {
    if !requires("aws") {
        return;
    }
    let Some(shop) = Shop::open() else { return println!("skipped: a mirror with the AWS provider not found") };
    shop.sell_aws_as("captd/awsb");
    fs::write(shop.sell_aws_as("captd/awsc").join("terraform-provider-awsc_zzz"), "no program").unwrap();
    let topics = |other: &str| {
        format!(
            "{}provider \"aws\" {BLOCK}provider \"{other}\" {BLOCK}\
             resource \"aws_sns_topic\" \"one\" {{\n  name = \"one-${{var.node_group_name}}\"\n}}\n\
             resource \"aws_sns_topic\" \"two\" {{\n  provider = {other}\n  name = \"two-${{var.node_group_name}}\"\n}}\n",
            needs(&[("aws", "hashicorp/aws"), (other, &format!("captd/{other}"))])
        )
    };
    shop.template("two", "provider: aws\n", &topics("awsb"));
    shop.template("half", "provider: aws\n", &topics("awsc"));
    shop.template("off", "provider: aws\ngateway: \"off\"\n", &topics("awsb"));
    shop.template("none", "provider: none\n", "resource \"terraform_data\" \"one\" {}\n");
    let aws = FakeAws::start();
    let daemon = shop.daemon(&aws);
    for template in ["two", "half", "off", "none"] {
        create(&daemon, &format!("of-{template}"), template).await;
    }
    for template in ["two", "half", "off", "none"] {
        daemon.wait_until_ready(&format!("of-{template}")).await;
    }
    let awsb = "registry.terraform.io/captd/awsb";
    assert_eq!(ways(&daemon, "of-two").await, [(json!([awsb, AWS]), Value::Null)]);
    let half = ways(&daemon, "of-half").await;
    assert_eq!((half.len(), &half[0].0), (1, &json!([AWS])), "{half:?}");
    let why = half[0].1[0].as_str().unwrap();
    assert!(why.contains("registry.terraform.io/captd/awsc") && why.contains("2 programs"), "{why}");
    assert_eq!(ways(&daemon, "of-off").await, [(Value::Null, Value::Null)]);
    assert_eq!(ways(&daemon, "of-none").await, [(Value::Null, Value::Null)]);
    let made = aws.calls().await.into_iter().filter(|call| call["action"] == "CreateTopic");
    let mut made: Vec<String> = made.map(|call| call["makes"].as_str().unwrap().to_owned()).collect();
    made.sort();
    assert_eq!(made, ["one-of-half", "one-of-off", "one-of-two", "two-of-half", "two-of-off", "two-of-two"]);
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_no_provider_fails_its_own_run_and_no_other() {
    if !requires("aws") {
        return;
    }
    let Some(shop) = Shop::open() else { return println!("skipped: a mirror with the AWS provider not found") };
    let bad = [
        ("exits", "echo 'it is not well' >&2; exit 3", "ended before it said where it listens: it is not well"),
        ("garbage", "echo 'hello, world'; exec sleep 60", "the provider's handshake is none: `hello, world`"),
        ("old", "echo '1|4|unix|/nowhere|grpc|'; exec sleep 60", "the provider speaks protocol 4"),
        (
            "floods",
            "head -c 3000000 /dev/zero | tr '\\0' 'x' >&2; exit 4",
            "ended before it said where it listens: xxx",
        ),
    ];
    for (name, script, _) in bad {
        shop.sell_script(name, script);
        shop.template(name, "provider: none\n", &thing(name));
    }
    shop.template("good", "provider: aws\n", &topic());
    let aws = FakeAws::start();
    let daemon = shop.daemon(&aws);
    for (name, ..) in bad {
        create(&daemon, name, name).await;
    }
    create(&daemon, "good", "good").await;
    for (name, _, told) in bad {
        let failed = daemon.wait_for_phase(name, "Failed").await;
        let class = if name == "old" { "configuration" } else { "provider_lost" };
        assert_eq!(failed["status"]["failureReason"], class, "{failed}");
        let run = first_run(&daemon, name).await;
        assert!(run["steps"].to_string().contains(told), "{name}: {}", run["steps"]);
    }
    daemon.wait_until_ready("good").await;
    assert_eq!(ways(&daemon, "good").await, [(json!([AWS]), Value::Null)]);

    // Another program than the one that was locked is not started, plainly neither.
    let started = shop.marks().join("started");
    let was = first_run(&daemon, "exits").await["id"].clone();
    shop.sell_script("exits", &format!("touch {}; exit 3", started.display()));
    let tried = daemon.post("/v1/namespaces/default/machines/exits/retry", &json!({})).await;
    assert!(tried.status.is_success(), "{}", tried.text);
    let run = until("it fails for another reason", async || {
        let runs = daemon.runs("exits").await;
        runs.into_iter().find(|run| run["id"] != was && run["failure"]["class"] == "configuration")
    })
    .await;
    let message = run["failure"]["message"].as_str().unwrap();
    assert_eq!(message.matches("h1:").count(), 2, "both hashes: {message}");
    assert!(!started.exists(), "it was not started");
    daemon.stop().await;
}

#[tokio::test]
async fn one_that_says_nothing_holds_up_nobody_else() {
    if !requires("aws") {
        return;
    }
    let Some(shop) = Shop::open() else { return println!("skipped: a mirror with the AWS provider not found") };
    let mark = |name: &str| shop.marks().join(name);
    let (asked, enough) = (mark("asked"), mark("enough"));
    let waits = format!("touch {}; until [ -e {} ]; do sleep 0.1; done; exit 3", asked.display(), enough.display());
    shop.sell_script("silent", &waits);
    shop.template("silent", "provider: none\n", &thing("silent"));
    shop.template("good", "provider: aws\n", &topic());
    let aws = FakeAws::start();
    let daemon = shop.daemon_with(&aws, &[("CAPTD_GATEWAY__HANDSHAKE_SECONDS_MAX", "3600")]);
    create(&daemon, "silent", "silent").await;
    until("it is started", async || asked.exists().then_some(())).await;
    create(&daemon, "good", "good").await;
    daemon.wait_until_ready("good").await;
    assert_eq!(ways(&daemon, "good").await, [(json!([AWS]), Value::Null)]);
    let run = first_run(&daemon, "silent").await;
    assert_eq!(run["state"], "planning", "it is waited for meanwhile: {run}");
    fs::write(&enough, "").unwrap();
    daemon.wait_for_phase("silent", "Failed").await;
    daemon.stop().await;
}

#[tokio::test]
async fn one_that_says_nothing_is_given_up_and_so_is_one_that_says_too_much() {
    let (true, Some(python)) = (requires("aws"), python()) else { return };
    let Some(shop) = Shop::open() else { return println!("skipped: a mirror with the AWS provider not found") };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/providers/too_large.py");
    shop.sell_script("large", &format!("exec {} {}", python.display(), script.display()));
    // The plain way has no limit that could be set: so the second time, it says what it is.
    let second = shop.marks().join("second");
    let silent = format!("if [ -e {0} ]; then echo none; else touch {0}; exec sleep 3600; fi", second.display());
    shop.sell_script("silent", &silent);
    for name in ["large", "silent"] {
        shop.template(name, "provider: none\n", &thing(name));
    }
    let aws = FakeAws::start();
    // Python's own files lie anywhere.
    let variables = [("CAPTD_GATEWAY__HANDSHAKE_SECONDS_MAX", "10"), ("CAPTD_ENGINE__CONFINE", "off")];
    let daemon = shop.daemon_with(&aws, &variables);
    for (name, told) in [
        ("large", "a message of 2147483647 bytes, and 67108864 are allowed"),
        ("silent", "the provider did not say where it listens within 10 s"),
    ] {
        create(&daemon, name, name).await;
        daemon.wait_for_phase(name, "Failed").await;
        let run = first_run(&daemon, name).await;
        assert!(run["steps"].to_string().contains(told), "{name}: {}", run["steps"]);
    }
    let status = &daemon.get("/v1/gateway").await.json()["status"];
    assert_eq!(status["processes"], json!([]), "none of them is left");
    let left = fs::read_dir(daemon.dir().join("data/gateway/p")).unwrap().count();
    assert_eq!(left, 0, "nor a folder");
    daemon.stop().await;
}

#[tokio::test]
async fn a_type_that_was_cut_by_mistake_is_had_by_planning_once_more() {
    if !requires("aws") {
        return;
    }
    let Some(shop) = Shop::open() else { return println!("skipped: a mirror with the AWS provider not found") };
    // Terraform reads the escape; who looks for words does not.
    shop.template("hidden", "provider: aws\n", &topic().replace("aws_sns_topic", "aws_sns_\\u0074opic"));
    let aws = FakeAws::start();
    let daemon = shop.daemon(&aws);
    create(&daemon, "hidden", "hidden").await;
    daemon.wait_until_ready("hidden").await;
    let run = first_run(&daemon, "hidden").await;
    assert_eq!((&run["state"], &run["failure"]), (&json!("succeeded"), &Value::Null), "{run}");
    assert_eq!(ways(&daemon, "hidden").await, [(json!([AWS]), Value::Null)]);
    let counts = &daemon.get("/v1/gateway").await.json()["status"]["counts"];
    assert!(counts["wholeSchemas"].as_u64().unwrap() > 0, "it is counted: {counts}");
    assert_eq!(aws.actions().await.iter().filter(|action| *action == "CreateTopic").count(), 1);
    daemon.stop().await;
}
