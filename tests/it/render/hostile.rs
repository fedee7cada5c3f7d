//! What a user may type as a name, a label, a tag or a variable, through the values file and the real
//! Terraform: it is read back as it was typed.

use std::collections::BTreeMap;

use captd::domain::adoption::Owner;
use captd::domain::machine::{Taint, TaintEffect};
use captd::domain::machine_fields::parse_spec;
use captd::domain::name::Name;
use captd::domain::problem::Problems;
use captd::domain::resource::{ResourceKind, Spec};
use captd::domain::template::{Manifest, Provider, Template};
use captd::render::{Library, materialise, render, values};
use serde_json::{Map, Value, json};

use super::{apply, nfc, run};

const HOSTILE: [&str; 12] = [
    "${file(\"/etc/passwd\")}",
    "\"",
    "first\nsecond",
    "%{ if true }",
    "${x}%${var.y}",
    "$${x} %%{x}",
    "back\\slash \\\" \\n",
    "e\u{301}",
    "\u{feff}\u{2028}\t\u{1}",
    "{{ provider.region }}{% raw %}",
    "'; touch pwned; $(touch pwned) `touch pwned`",
    "~/.aws/credentials",
];

/// `{"k0 <text>": "<text>"}`: each text in a key and as a value.
fn map() -> Map<String, Value> {
    HOSTILE.iter().enumerate().map(|(n, text)| (format!("k{n} {text}"), json!(text))).collect()
}

/// The same value with every string as Terraform keeps it.
fn normalised(value: &Value) -> Value {
    match value {
        Value::String(text) => nfc(text).into(),
        Value::Array(items) => items.iter().map(normalised).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (nfc(key), normalised(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// A machine with hostile text wherever the types allow it, whatever its rules would say.
fn machine(name: &str, variables: &Value) -> Spec {
    let least = json!({"nodeGroupConfig": {
        "name": "w", "instanceType": "t3.medium", "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 1}
    }});
    let mut spec = parse_spec(&least, "", &mut Problems::default()).unwrap();
    let texts: BTreeMap<String, String> =
        map().into_iter().map(|(key, value)| (key, value.as_str().unwrap().to_owned())).collect();
    let taint = |text: &&str| {
        let text = (*text).to_owned();
        Taint { key: text.clone(), value: Some(text), effect: TaintEffect::NoSchedule }
    };
    let group = &mut spec.node_group_config;
    name.clone_into(&mut group.name);
    group.labels.clone_from(&texts);
    group.tags = texts;
    group.taints = HOSTILE.iter().map(taint).collect();
    spec.variables.clone_from(variables.as_object().unwrap());
    Spec::Machine(Box::new(spec))
}

fn owner() -> Owner {
    Owner { installation: HOSTILE[0].to_owned(), kind: ResourceKind::Machine, name: HOSTILE[4].to_owned() }
}

/// A template that gives back what it is given.
fn echo() -> Template {
    let variables = [
        ("node_group_name", "string"),
        ("labels", "map(string)"),
        ("tags", "map(string)"),
        ("owner_tags", "map(string)"),
        ("taints", "list(object({ key = string, value = string, effect = string }))"),
        ("extra", "any"),
    ];
    let block = |(name, kind): &(&str, &str)| {
        format!("variable \"{name}\" {{\n  type = {kind}\n}}\noutput \"{name}\" {{\n  value = var.{name}\n}}\n")
    };
    let text: String = variables.iter().map(block).collect();
    let found = captd_variables::declared(&text, &text.parse().unwrap());
    Template {
        name: Name::parse("echo").unwrap(),
        revision: "1".to_owned(),
        manifest: Manifest {
            description: String::new(),
            permissions: Vec::new(),
            autoscaled: BTreeMap::new(),
            update_policy: captd::domain::template::UpdatePolicy::default(),
            export_to: Vec::new(),
            gateway: captd::domain::template::Gateway::On,
            provider: Provider::None,
            modules: Vec::new(),
            protects: Vec::new(),
            env: Vec::new(),
            import_ids: BTreeMap::new(),
            in_service: BTreeMap::new(),
        },
        files: [("main.tf".to_owned(), text)].into(),
        modules: BTreeMap::new(),
        variables: found.variables,
        outputs: found.outputs,
    }
}

#[test]
fn names_labels_tags_taints_and_variables_come_back_as_they_were_typed() {
    if !crate::support::requires("terraform") {
        return;
    }
    let extra = json!({"texts": HOSTILE, "deep": {"${a}": [{"\"": "%{b}"}]}, "numbers": [0, -1, 1.5, true, null]});
    let name = HOSTILE.concat();
    let spec = machine(&name, &json!({"extra": extra}));
    let folder = tempfile::tempdir().unwrap();
    let values = values(&spec, &owner(), &Map::new());
    materialise(folder.path(), &render(&echo(), &values, None, None).unwrap()).unwrap();

    let read = apply(folder.path());
    assert_eq!(read["node_group_name"], nfc(&name).as_str());
    assert_eq!(read["labels"], normalised(&map().into()));
    assert_eq!(read["tags"], normalised(&map().into()));
    assert_eq!(read["owner_tags"], json!({"captd:installation": HOSTILE[0], "captd:machine": HOSTILE[4]}));
    assert_eq!(read["extra"], normalised(&extra));
    let keys: Vec<Value> = read["taints"].as_array().unwrap().iter().map(|taint| taint["key"].clone()).collect();
    assert_eq!(Value::from(keys), normalised(&json!(HOSTILE)));
}

#[test]
fn the_local_template_makes_nodes_of_hostile_labels_and_tags() {
    if !crate::support::requires("terraform") {
        return;
    }
    let library = Library::load(None).unwrap();
    let template = library.get(&Name::parse("local-nodegroup-template").unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let values = values(&machine("w1", &json!({})), &owner(), &Map::new());
    materialise(folder.path(), &render(template, &values, None, None).unwrap()).unwrap();

    let outputs = apply(folder.path());
    assert_eq!((&outputs["node_group_id"], &outputs["current_size"]), (&json!("local:w1"), &json!(1)));
    let state: Value = serde_json::from_str(&run(folder.path(), &["show", "-json"])).unwrap();
    let resources = state["values"]["root_module"]["child_modules"][0]["resources"].as_array().unwrap();
    let group = resources.iter().find(|r| r["address"] == "module.nodegroup.terraform_data.group").unwrap();
    assert_eq!(group["values"]["input"]["labels"], normalised(&map().into()));
    let mut tags = map();
    tags.insert("captd:installation".to_owned(), json!(HOSTILE[0]));
    tags.insert("captd:machine".to_owned(), json!(HOSTILE[4]));
    assert_eq!(group["values"]["input"]["tags"], normalised(&tags.into()));
    assert!(!folder.path().join("pwned").exists());
}
