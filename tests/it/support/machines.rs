//! Verbs on machines and runs.

use serde_json::{Value, json};

use super::{Daemon, until};

/// What a run's plan counts of resources: the four counts that are always there.
pub fn resources_of(run: &Value) -> Value {
    let summary = &run["summary"];
    json!({"create": summary["create"], "update": summary["update"], "replace": summary["replace"],
        "delete": summary["delete"]})
}

impl Daemon {
    /// The machine; it must exist.
    pub async fn machine(&self, name: &str) -> Value {
        let answer = self.get(&format!("/v1/namespaces/default/machines/{name}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// Waits until the spec that is declared now is in force and the node group serves.
    pub async fn wait_until_ready(&self, name: &str) -> Value {
        self.wait_for_machine(name, "it is ready", |machine| {
            let status = &machine["status"];
            status["ready"] == true && status["observedGeneration"] == machine["metadata"]["generation"]
        })
        .await
    }

    /// Waits until a workspace is as it is declared now.
    pub async fn wait_for_workspace(&self, name: &str) -> Value {
        let path = format!("/v1/namespaces/default/workspaces/{name}");
        until(&format!("workspace {name} is ready"), async || {
            let workspace = self.get(&path).await.json();
            let status = &workspace["status"];
            let ready = status["ready"] == true && status["observedGeneration"] == workspace["metadata"]["generation"];
            ready.then_some(workspace)
        })
        .await
    }

    pub async fn wait_for_phase(&self, name: &str, phase: &str) -> Value {
        self.wait_for_machine(name, phase, |machine| machine["status"]["phase"] == phase).await
    }

    pub async fn wait_for_machine(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        until(&format!("{name}: {what}"), async || Some(self.machine(name).await).filter(|machine| is(machine))).await
    }

    /// Waits until its run has failed for good; what it says.
    pub async fn wait_for_failure(&self, name: &str) -> String {
        let failed = self.wait_for_phase(name, "Failed").await;
        failed["status"]["failureMessage"].as_str().unwrap_or_default().to_owned()
    }

    pub async fn wait_until_gone(&self, name: &str) {
        let path = format!("/v1/namespaces/default/machines/{name}");
        until(&format!("{name} is gone"), async || (self.get(&path).await.status == 404).then_some(())).await;
    }

    pub async fn run(&self, id: &str) -> Value {
        self.get(&format!("/v1/runs/{id}")).await.json()
    }

    pub async fn wait_for_run(&self, id: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        until(&format!("run {id}: {what}"), async || Some(self.run(id).await).filter(|run| is(run))).await
    }

    /// Waits until a run is over.
    pub async fn wait_for_end(&self, id: &str) -> Value {
        self.wait_for_run(id, "it is over", |run| run.get("finishedAt").is_some()).await
    }

    pub async fn plan(&self, run: &str) -> Value {
        self.get(&format!("/v1/runs/{run}/plan")).await.json()
    }

    /// Posts a verb and gives back the id of the run that it started.
    pub async fn ask(&self, name: &str, verb: &str, body: &Value) -> String {
        let answer = self.post(&format!("/v1/namespaces/default/machines/{name}/{verb}"), body).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.json()["run"]["id"].as_str().unwrap().to_owned()
    }

    /// Scales, and waits until it is done.
    pub async fn scale(&self, name: &str, desired: u32) -> Value {
        let run = self.ask(name, "scale", &json!({"desiredSize": desired})).await;
        self.wait_for_end(&run).await
    }

    /// Changes a machine by a merge patch, and waits for the end of the run that it brings.
    pub async fn edit(&self, name: &str, patch: &Value) -> Value {
        let known = self.runs(name).await.len();
        let answer = self.patch(&format!("/v1/namespaces/default/machines/{name}"), patch).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let run = until("the run of the change", async || {
            let runs = self.runs(name).await;
            (runs.len() > known).then(|| runs[0]["id"].as_str().unwrap().to_owned())
        })
        .await;
        self.wait_for_end(&run).await
    }

    /// Runs of a machine, newest first.
    pub async fn runs(&self, name: &str) -> Vec<Value> {
        let answer = self.get(&format!("/v1/runs?namespace=default&machine={name}&limit=500")).await;
        answer.json()["items"].as_array().unwrap().clone()
    }
}
