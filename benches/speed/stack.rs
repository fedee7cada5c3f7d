//! Rows about what needs each other: a whole cluster on the local templates, and the decision who may
//! begin.

use captd::domain::name::Name;
use captd::domain::resource::{Key, ResourceKind};
use captd_dependencies::Graph;
use serde_json::{Value, json};

use super::ground::{Ground, at, now};
use super::table::{Goal, Row};

/// Node groups and Fargate profiles of the stack.
const NODE_GROUPS: usize = 20;
const PROFILES: usize = 3;
/// Workspaces of a chain or a fan.
const MANY: u32 = 10_000;

fn from(workspace: &str, output: &str) -> Value {
    json!({"valueFrom": {"workspace": workspace, "output": output}})
}

fn workspace(name: &str, template: &str, variables: &Value) -> Value {
    json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name},
        "spec": {"workspaceTemplateRef": {"name": template}, "variables": variables}})
}

/// One network, one control plane, Fargate profiles and node groups.
fn documents() -> Vec<Value> {
    let subnets = from("network", "private_subnet_ids");
    let mut all = vec![
        workspace("network", "local-vpc-template", &json!({"name": "demo"})),
        workspace("cluster", "local-controlplane-template", &json!({"cluster_name": "demo", "subnet_ids": subnets})),
    ];
    all.extend((0..PROFILES).map(|n| {
        let variables = json!({"profile_name": format!("p{n}"), "selectors": [{"namespace": "x"}],
            "cluster_name": from("cluster", "cluster_name"), "subnet_ids": subnets});
        workspace(&format!("fargate-{n}"), "local-fargate-profile-template", &variables)
    }));
    all.extend((0..NODE_GROUPS).map(|n| {
        json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": format!("stack-{n:02}")}, "spec": {
            "workspaceTemplateRef": {"name": "local-nodegroup-template"}, "clusterName": "demo",
            "waitFor": [{"workspace": "cluster"}], "variables": {"subnet_ids": subnets},
            "nodeGroupConfig": {"name": format!("stack-{n:02}"), "instanceType": "t3.medium",
                "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}}}})
    }));
    all
}

/// From the answer to the apply until all of them are Ready.
pub async fn local(ground: &mut Ground) -> Vec<Row> {
    let mut captd = Vec::new();
    for _ in 0..ground.settings.plain_runs {
        let begun = now();
        ground.declare(&documents()).await;
        let runs = ground.first_runs(2 + PROFILES, NODE_GROUPS).await;
        captd.push(runs.iter().map(|run| at(run, "finishedAt")).fold(begun, f64::max) - begun);
        ground.delete_all_with("network").await;
    }
    let name = format!("9 1 VPC, 1 control plane, {PROFILES} Fargate profiles, {NODE_GROUPS} node groups, local");
    vec![Row::of_captd(&name, "s", captd, vec![Goal::AtMost(10.0)])]
}

/// Who may begin, and whether the newest closes a circle: from the edges as they come from the
/// database.
pub fn decision(ground: &Ground) -> Vec<Row> {
    let key = |n: u32| Key {
        kind: ResourceKind::Workspace,
        namespace: Name::default_namespace(),
        name: Name::parse(&format!("workspace-{n}")).unwrap(),
    };
    let measure = |target: fn(u32) -> u32, may: usize| {
        (0..ground.settings.runs)
            .map(|_| {
                let edges: Vec<(Key, Key)> = (0..MANY).map(|n| (key(n + 1), key(target(n)))).collect();
                let (first, newest) = (key(0), key(MANY));
                let begun = now();
                let graph: Graph<Key> = edges.into_iter().collect();
                let found = graph.may_begin(|need| *need == first).count();
                let circle = graph.circle(&newest);
                let took = now() - begun;
                assert!(found == may && circle.is_none(), "{found} may begin");
                took
            })
            .collect::<Vec<f64>>()
    };
    let row = |name: &str, captd| Row::of_captd(name, "s", captd, vec![Goal::AtMost(0.1)]);
    vec![
        row("10 who may begin, and no circle: 10,000 workspaces in a chain", measure(|n| n, 1)),
        row("10 the same: 10,000 workspaces that need one", measure(|_| 0, MANY as usize)),
    ]
}
