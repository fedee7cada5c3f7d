//! What goes through the gateway comes to the same as what does not: one story, told twice, on two
//! fake AWSs. Needs Terraform 1.8, which has the providers' functions.

use serde_json::{Value, json};

use super::bench::{AWS, Bench, Done, OwnGateway};
use super::compare::{diagnostics, differences, events, settled};
use crate::support::{FakeAws, requires};

const MAIN: &str = include_str!("../../support/equality/main.tf");
const BEFORE: &str = include_str!("../../support/equality/before.tf");
const AFTER: &str = include_str!("../../support/equality/after.tf");

/// One of the two who tell the story, and what they were told by terraform.
struct Teller {
    aws: FakeAws,
    bench: Bench,
    seeded: Value,
    told: Vec<(String, Value)>,
}

impl Teller {
    async fn new(gateway: Option<&OwnGateway>) -> Self {
        let aws = FakeAws::start();
        let seeded = aws.seeded("demo").await;
        aws.make_topic("known").await;
        let bench = Bench::new(gateway);
        bench.write("main.tf", &MAIN.replace("ENDPOINT", aws.url()));
        Self { aws, bench, seeded, told: Vec::new() }
    }

    /// Declares something else.
    fn declare(&self, text: &str, change: &Value) {
        let mut values = json!({
            "known_topic": "known", "password": "correct horse", "size": 2, "edition": 1,
            "subnet_ids": self.seeded["subnet_ids"], "node_role_arn": self.seeded["node_role_arn"],
        });
        values.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.bench.write("rest.tf", text);
        self.bench.write("terraform.tfvars.json", &values.to_string());
    }

    /// Runs a command and remembers what it said and what it left.
    async fn tell(&mut self, stage: &str, args: &[&str]) {
        let done = self.bench.terraform(args).await;
        if let Some(said) = &done.said {
            assert_eq!((&said.warm, &said.plain), (&vec![AWS.to_owned()], &Vec::new()), "{stage}: {}", done.stderr);
        }
        let aside = [(self.aws.url(), "ENDPOINT")];
        let kept = settled(&self.bench.state(), &aside);
        let said = said(&done, args, &aside);
        let told = json!({"code": done.code, "stderr": done.stderr, "said": said, "state": kept});
        self.told.push((format!("{stage}: {}", args[0]), told));
    }

    async fn plan(&mut self, stage: &str, arg: &str) {
        self.tell(stage, &["plan", "-input=false", "-json", arg, "-out=tfplan"]).await;
        self.tell(stage, &["show", "-json", "-no-color", "tfplan"]).await;
    }

    async fn apply(&mut self, stage: &str) {
        self.tell(stage, &["apply", "-input=false", "-json", "tfplan"]).await;
    }

    /// The whole story.
    async fn story(mut self) -> Self {
        self.bench.init().await;
        self.declare(BEFORE, &json!({"known_topic": "unknown"}));
        self.tell("lookup that fails", &["plan", "-input=false", "-json", "-out=tfplan"]).await;

        self.declare(BEFORE, &json!({}));
        self.plan("create", "-refresh=true").await;
        self.apply("create").await;
        self.tell("create, shown", &["show", "-json", "-no-color"]).await;
        self.tell("create", &["output", "-json", "-no-color"]).await;

        self.tell("no change", &["plan", "-input=false", "-json", "-detailed-exitcode", "-out=tfplan"]).await;

        let edit = json!({"scalingConfig": {"desiredSize": 3}, "labels": {"team": "somebody"}});
        self.aws.edit("demo", "workers", edit).await;
        self.plan("drift", "-refresh-only").await;

        let refusal = json!({"status": 403, "code": "AccessDenied", "message": "no role for you"});
        self.aws.rule(&json!({"action": "CreateRole", "fail": refusal})).await;
        self.declare(AFTER, &json!({"size": 1, "edition": 2}));
        self.plan("change", "-refresh=true").await;
        self.apply("change, one refused").await;

        self.plan("destroy", "-destroy").await;
        self.apply("destroy").await;
        self
    }

    fn of(&self, command: &str) -> &Value {
        &self.told.iter().find(|(name, _)| name == command).unwrap_or_else(|| panic!("no {command}")).1
    }

    /// Service, action, region, key and name of each call, each once: how often a state is asked
    /// for depends on the time that passes.
    async fn calls(&self) -> Vec<Value> {
        let calls = self.aws.journal().await.into_iter();
        let mut calls: Vec<Value> = calls
            .map(|call| json!(["service", "action", "region", "access_key", "about"].map(|field| call[field].clone())))
            .collect();
        calls.sort_by_key(Value::to_string);
        calls.dedup();
        calls
    }
}

/// What a command said, as far as it must be the same.
fn said(done: &Done, args: &[&str], aside: &[(&str, &str)]) -> Value {
    if matches!(args[0], "plan" | "apply") {
        return events(&done.stdout, aside);
    }
    serde_json::from_str(&done.stdout).map_or_else(|_| json!(done.stdout), |shown| settled(&shown, aside))
}

#[tokio::test]
async fn a_story_told_through_the_gateway_is_the_same_story() {
    if !requires("aws") {
        return;
    }
    let gateway = OwnGateway::start().await;
    let (plain, warm) = tokio::join!(async { Teller::new(None).await.story().await }, async {
        Teller::new(Some(&gateway)).await.story().await
    });
    let pairs = plain.told.iter().zip(&warm.told);
    let mut differing: Vec<String> =
        pairs.flat_map(|((name, one), (_, other))| differences(name, one, other)).collect();
    differing.extend(differences("calls", &json!(plain.calls().await), &json!(warm.calls().await)));
    assert_eq!(differing, Vec::<String>::new(), "plain | warm");
    check_story(&warm);
    check_places(&warm).await;
    gateway.stop().await;
}

/// Exit codes of the story's commands.
const CODES: &[&str] = &[
    "lookup that fails: plan 1",
    "create: plan 0",
    "create: show 0",
    "create: apply 0",
    "create, shown: show 0",
    "create: output 0",
    "no change: plan 0",
    "drift: plan 0",
    "drift: show 0",
    "change: plan 0",
    "change: show 0",
    "change, one refused: apply 1",
    "destroy: plan 0",
    "destroy: show 0",
    "destroy: apply 0",
];

/// What a shown plan does, address by address.
fn actions(shown: &Value) -> Vec<String> {
    let changes = shown["said"]["resource_changes"].as_array().unwrap().iter();
    let text = |change: &Value| {
        let moved = change["previous_address"].as_str().map(|from| format!(", was {from}")).unwrap_or_default();
        let imported = if change["change"]["importing"].is_object() { ", imported" } else { "" };
        format!("{} {}{moved}{imported}", change["address"].as_str().unwrap(), change["change"]["actions"])
    };
    changes.map(text).collect()
}

/// That the story has in it what it is to have: what two tellers leave out is equal, too.
fn check_story(teller: &Teller) {
    let codes: Vec<String> = teller.told.iter().map(|(name, told)| format!("{name} {}", told["code"])).collect();
    assert_eq!(codes, CODES);
    let errors = |command: &str| diagnostics(&teller.of(command)["said"]);
    assert_eq!(errors("lookup that fails: plan"), ["Error: reading SNS Topic (unknown): empty result"]);
    let refused = errors("change, one refused: apply");
    assert!(refused.len() == 1 && refused[0].contains("AccessDenied: no role for you"), "{refused:?}");
    assert_eq!(
        actions(teller.of("change: show")),
        [
            "aws_eks_node_group.workers [\"update\"]",
            "aws_iam_role.refused [\"create\"]",
            "aws_sns_topic.east [\"no-op\"]",
            "aws_sns_topic.edition [\"create\",\"delete\"]",
            "aws_sns_topic.imported [\"update\"], imported",
            "aws_sns_topic.new_name [\"no-op\"], was aws_sns_topic.old_name",
            "aws_sns_topic.west [\"no-op\"]",
            "aws_ssm_parameter.password [\"update\"]",
        ]
    );
    let drift = teller.of("drift: show")["said"]["resource_drift"].as_array().unwrap();
    let drifted = drift.iter().find(|change| change["address"] == "aws_eks_node_group.workers").unwrap();
    assert_eq!(drifted["change"]["after"]["labels"], json!({"team": "somebody"}));
    let outputs = &teller.of("create: output")["said"];
    assert_eq!((&outputs["size"]["value"], &outputs["region_of_the_west"]["value"]), (&json!(2), &json!("us-west-2")));
    assert_eq!(outputs["password"]["sensitive"], json!(true));
    let masked = &teller.of("create, shown: show")["said"]["values"]["root_module"]["resources"];
    let password = masked.as_array().unwrap().iter().find(|resource| resource["type"] == "aws_ssm_parameter").unwrap();
    assert_eq!(password["sensitive_values"]["value"], json!(true));
    let planned = &teller.of("create: plan")["said"];
    assert!(!planned.to_string().contains("correct horse"), "{planned}");
    assert_eq!(teller.of("destroy: apply")["state"]["resources"], json!([]));
}

/// That each resource was made in its own region by its own key.
async fn check_places(teller: &Teller) {
    let calls = teller.calls().await;
    let made = calls.iter().filter(|call| call[1].as_str().is_some_and(|action| action.starts_with("Create")));
    let made: Vec<String> =
        made.map(|call| [2, 3, 4].map(|field: usize| call[field].as_str().unwrap_or_default()).join(" ")).collect();
    assert_eq!(
        made,
        [
            "eu-central-1 AKIAOFTHEEAST workers",
            "eu-central-1 AKIAOFTHEEAST refused",
            "eu-central-1 AKIAOFTHEEAST edition-1",
            "eu-central-1 AKIAOFTHEEAST edition-2",
            "eu-central-1 AKIAOFTHEEAST made-in-the-east",
            "eu-central-1 AKIAOFTHEEAST moves",
            "us-west-2 AKIAOFTHEWEST made-in-the-west",
        ]
    );
    let keys = calls.iter().filter(|call| (call[2] == "us-west-2") != (call[3] == "AKIAOFTHEWEST"));
    assert_eq!(keys.collect::<Vec<_>>(), Vec::<&Value>::new(), "a key in another's region");
}
