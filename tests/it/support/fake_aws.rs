//! The fake AWS: moto's server in a process of its own, ended with the test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::python;

pub struct FakeAws {
    // Its standard input is a pipe: it ends when the pipe does.
    child: Child,
    url: String,
    client: Client,
}

impl FakeAws {
    pub fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/fake_aws/fake_aws.py");
        let mut child = Command::new(python().expect("the fake AWS was looked for"))
            .arg(script)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening ").expect("the fake AWS says where it listens").to_owned();
        Self { child, url, client: Client::new() }
    }

    /// The provider configuration with which captd uses it.
    pub fn config(&self) -> String {
        format!(
            "[providers.aws.default]\nregion = \"eu-central-1\"\naccess_key = \"AKIACAPTDTEST\"\nsecret_key = \"not-a-secret\"\nendpoint_url = \"{}\"\n",
            self.url
        )
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes a cluster, and gives back the ids of its subnets.
    pub async fn seed(&self, cluster: &str) -> Vec<String> {
        serde_json::from_value(self.seeded(cluster).await["subnet_ids"].clone()).unwrap()
    }

    /// Makes a cluster, and gives back all that was made with it.
    pub async fn seeded(&self, cluster: &str) -> Value {
        self.control("seed", &json!({"cluster": cluster, "region": "eu-central-1"})).await
    }

    /// Changes a node group as if in the console.
    pub async fn edit(&self, cluster: &str, node_group: &str, change: Value) {
        let mut edit = json!({"cluster": cluster, "nodegroup": node_group, "region": "eu-central-1"});
        edit.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.control("edit", &edit).await;
    }

    /// Makes it misbehave.
    pub async fn rule(&self, rule: &Value) {
        self.control("rules", rule).await;
    }

    /// What it was told, with how often each rule was taken.
    pub async fn rules(&self) -> Vec<Value> {
        self.client.get(format!("{}/_fake/rules", self.url)).send().await.unwrap().json().await.unwrap()
    }

    /// Lets it behave again; calls that hang go on.
    pub async fn behave(&self) {
        let response = self.client.delete(format!("{}/_fake/rules", self.url)).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
    }

    /// EC2 `CreateLaunchTemplate`, as the same; its id.
    pub async fn create_launch_template(&self, name: &str) -> String {
        let form = format!(
            "Action=CreateLaunchTemplate&Version=2016-11-15&LaunchTemplateName={name}&LaunchTemplateData.InstanceType=t3.large"
        );
        let request = self.client.post(&self.url).header("authorization", observer("ec2"));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let text = request.send().await.unwrap().text().await.unwrap();
        let id = text.split_once("<launchTemplateId>").and_then(|(_, rest)| rest.split_once('<'));
        id.unwrap_or_else(|| panic!("no launch template: {text}")).0.to_owned()
    }

    /// EKS `CreateNodegroup`, as somebody who has never heard of captd; back when it is ACTIVE.
    pub async fn create_node_group(&self, cluster: &str, body: &Value) {
        let url = format!("{}/clusters/{cluster}/node-groups", self.url);
        let request = self.client.post(url).header("authorization", observer("eks"));
        let response = request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
        let name = body["nodegroupName"].as_str().unwrap();
        super::until("it is made", async || {
            self.describe(cluster, name).await.filter(|group| group["status"] == "ACTIVE").map(drop)
        })
        .await;
    }

    /// EKS `DescribeNodegroup`, as an observer of its own; `None` when it does not exist.
    pub async fn describe(&self, cluster: &str, node_group: &str) -> Option<Value> {
        let url = format!("{}/clusters/{cluster}/node-groups/{node_group}", self.url);
        let response = self.client.get(url).header("authorization", observer("eks")).send().await.unwrap();
        match response.status().as_u16() {
            200 => Some(response.json::<Value>().await.unwrap()["nodegroup"].clone()),
            404 => None,
            other => panic!("DescribeNodegroup answered {other}: {}", response.text().await.unwrap()),
        }
    }

    /// Deletes a cluster with its node groups, as if in the console.
    pub async fn delete_cluster(&self, cluster: &str) {
        let delete = async |path: String| {
            let request = self.client.delete(format!("{}/clusters/{path}", self.url));
            let response = request.header("authorization", observer("eks")).send().await.unwrap();
            assert!(response.status().is_success(), "{}", response.text().await.unwrap());
        };
        for group in self.node_groups(cluster).await {
            delete(format!("{cluster}/node-groups/{group}")).await;
        }
        delete(cluster.to_owned()).await;
    }

    /// EKS `ListNodegroups`, as an observer of its own.
    pub async fn node_groups(&self, cluster: &str) -> Vec<String> {
        let url = format!("{}/clusters/{cluster}/node-groups", self.url);
        let response = self.client.get(url).header("authorization", observer("eks")).send().await.unwrap();
        serde_json::from_value(response.json::<Value>().await.unwrap()["nodegroups"].clone()).unwrap()
    }

    /// Names of IAM's roles, as an observer of its own.
    pub async fn roles(&self) -> Vec<String> {
        let request = self.client.post(&self.url).header("authorization", observer("iam"));
        let form = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body("Action=ListRoles&Version=2010-05-08&MaxItems=1000");
        let text = form.send().await.unwrap().text().await.unwrap();
        let names = text.split("<RoleName>").skip(1).filter_map(|rest| rest.split_once("</RoleName>"));
        names.map(|(name, _)| name.to_owned()).collect()
    }

    /// What somebody has made and is there: of each kind the ids or names, without the kinds of which
    /// nothing is there.
    pub async fn left(&self) -> Value {
        let url = format!("{}/_fake/left?region=eu-central-1", self.url);
        let mut left: Value = self.client.get(url).send().await.unwrap().json().await.unwrap();
        left.as_object_mut().unwrap().retain(|_, there| !there.as_array().unwrap().is_empty());
        left
    }

    /// Makes an SNS topic, as an observer of its own.
    pub async fn make_topic(&self, name: &str) {
        let request = self.client.post(&self.url).header("authorization", observer("sns"));
        let form = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("Action=CreateTopic&Version=2010-03-31&Name={name}"));
        let answer = form.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// All calls but the observer's, in their order, as the journal has them.
    pub async fn journal(&self) -> Vec<Value> {
        let journal: Value =
            self.client.get(format!("{}/_fake/journal", self.url)).send().await.unwrap().json().await.unwrap();
        let calls = journal.as_array().unwrap().iter().filter(|call| call["access_key"] != OBSERVER);
        calls.cloned().collect()
    }

    /// Calls of captd's terraforms, in their order, as the journal has them.
    pub async fn calls(&self) -> Vec<Value> {
        let journal = self.journal().await;
        journal.into_iter().filter(|call| call["access_key"] == "AKIACAPTDTEST").collect()
    }

    /// Actions that captd's terraforms called, in their order.
    pub async fn actions(&self) -> Vec<String> {
        self.calls().await.iter().filter_map(|call| call["action"].as_str().map(str::to_owned)).collect()
    }

    async fn control(&self, what: &str, body: &Value) -> Value {
        let request = self.client.request(Method::POST, format!("{}/_fake/{what}", self.url));
        let response = request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap();
        assert!(response.status().is_success(), "{what}: {}", response.text().await.unwrap());
        serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default()
    }
}

/// Access key of the one who looks, and is not captd.
const OBSERVER: &str = "observer";

fn observer(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={OBSERVER}/20260101/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=x"
    )
}

impl Drop for FakeAws {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
