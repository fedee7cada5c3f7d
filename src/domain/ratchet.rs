//! Rules that what is stored or exists already may break: what Kubernetes and EKS take as labels, annotations, taints,
//! AMI types and nodes that an update takes away. A write may not break them anew; what broke them before and is as it
//! was is a warning, so that nobody is locked out of what he has (Kubernetes calls it ratcheting validation).
//!
//! **Invariant:** what breaks a rule is either a problem or a warning, never silent.

use std::collections::BTreeMap;

use super::label::{check_annotation, check_key, check_label, check_value};
use super::machine::NodeGroupConfig;
use super::machine_rules::check_ami_type;
use super::problem::{Problem, Problems, pointer_to};
use super::resource::Spec;
use super::warning::Warning;

/// Characters of a key and of a value (EKS `labelKey`, `labelValue`, `taintKey`, `taintValue`).
const LENGTH_MAX: usize = 63;
/// Domains whose labels the kubelet refuses, with all below them.
const CLOSED: [&str; 2] = ["kubernetes.io", "k8s.io"];
/// Those among them that it takes.
const OPEN: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];
/// The domain of the labels that EKS sets itself and takes from nobody.
const OF_EKS: &str = "eks.amazonaws.com";

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where and why.
    pub problem: Problem,
    /// What breaks it, wherever it stands.
    what: String,
    /// Whether it is about the node group, which may exist as it is.
    is_of_nodes: bool,
}

/// What of it is an error, and what is only to be heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// What is broken anew.
    pub problems: Problems,
    /// What was broken before.
    pub warnings: Vec<Warning>,
}

/// What in metadata is written by Kubernetes' rules.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    /// For selecting.
    pub labels: &'a BTreeMap<String, String>,
    /// For people and tools.
    pub annotations: &'a BTreeMap<String, String>,
}

/// All rules that metadata and a spec break, pointers below `at`; `ami_types` are those that the configuration adds.
#[must_use]
pub fn find(texts: Texts<'_>, spec: Option<&Spec>, ami_types: &[String], at: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |place: &str, key: &str, what: String, broken: Result<(), String>| {
        if let Err(detail) = broken {
            let code = if place == "labels" { "invalid_label" } else { "invalid_annotation" };
            let pointer = pointer_to(&format!("{at}/metadata/{place}"), key);
            found.push(Finding { problem: Problem { pointer, code, detail }, what, is_of_nodes: false });
        }
    };
    for (key, value) in texts.labels {
        add("labels", key, format!("label {key}={value}"), check_label(key, value));
    }
    for key in texts.annotations.keys() {
        add("annotations", key, format!("annotation {key}"), check_annotation(key));
    }
    if let Some(machine) = spec.and_then(Spec::machine) {
        found.extend(of_nodes(&machine.node_group_config, ami_types, &format!("{at}/spec")));
    }
    found
}

/// Tells what is new of what was so before; what is `taken_over` exists as it is.
#[must_use]
pub fn judge(now: Vec<Finding>, before: &[Finding], taken_over: bool) -> Judged {
    let mut judged = Judged::default();
    for Finding { problem, what, is_of_nodes } in now {
        let Problem { pointer, code, detail } = problem;
        let was_there = before.iter().any(|it| it.what == what && it.problem.code == code);
        if taken_over && is_of_nodes {
            let detail = format!("{detail}. It is taken over as it is, since it exists; captd would not make it");
            judged.warnings.push(Warning::new(pointer, detail));
        } else if was_there {
            let detail = format!("{detail}. It was so before and stays; another one like it would be refused");
            judged.warnings.push(Warning::new(pointer, detail));
        } else {
            judged.problems.add(pointer, code, detail);
        }
    }
    judged
}

fn of_nodes(group: &NodeGroupConfig, ami_types: &[String], at: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |what: String, problems: Problems| {
        let findings = problems.as_slice().iter().cloned();
        found.extend(findings.map(|problem| Finding { problem, what: what.clone(), is_of_nodes: true }));
    };
    let below = format!("{at}/nodeGroupConfig");
    for (key, value) in &group.labels {
        add(format!("node label {key}={value}"), node_label(key, value, &pointer_to(&format!("{below}/labels"), key)));
    }
    for (index, taint) in group.taints.iter().enumerate() {
        let value = taint.value.as_deref();
        let what = format!("taint {}={}", taint.key, value.unwrap_or_default());
        add(what, node_taint(&taint.key, value, &format!("{below}/taints/{index}")));
    }
    let mut problems = Problems::default();
    check_ami_type(group, ami_types, at, &mut problems);
    add(format!("AMI type {}", group.ami_type.as_deref().unwrap_or_default()), problems);
    let unavailable = group.update_config.and_then(|update| update.max_unavailable);
    if let Some(unavailable) = unavailable {
        add(format!("maxUnavailable {unavailable}"), update_config(unavailable, group.scaling.max_size, &below));
    }
    found
}

/// EKS: key and value 1 to 63 characters. The kubelet refuses labels of Kubernetes' own domains but for a few, and such
/// a node never joins.
fn node_label(key: &str, value: &str, at: &str) -> Problems {
    let mut problems = Problems::default();
    let domain = key.split_once('/').map(|(domain, _)| domain).unwrap_or_default();
    let is_below = |domains: &[&str]| domains.iter().any(|it| domain == *it || domain.ends_with(&format!(".{it}")));
    if !check_length(key, 1, "a label's key, its domain with it,", at, &mut problems) {
    } else if let Err(detail) = check_key(key) {
        problems.add(at, "invalid_label", detail);
    } else if domain == OF_EKS {
        problems.add(
            at,
            "reserved_label",
            format!("EKS sets the labels of `{domain}` itself; use a domain of your own"),
        );
    } else if is_below(&CLOSED) && !is_below(&OPEN) {
        let detail = format!(
            "EKS and the kubelet refuse labels of `{domain}`, and the node would never join; use a domain of your own"
        );
        problems.add(at, "reserved_label", detail);
    }
    if check_length(value, 1, "a label's value (EKS takes no empty one)", at, &mut problems)
        && let Err(detail) = check_value(value)
    {
        problems.add(at, "invalid_label", detail);
    }
    problems
}

/// EKS: key 1 to 63 characters, value at most 63.
fn node_taint(key: &str, value: Option<&str>, at: &str) -> Problems {
    let mut problems = Problems::default();
    let place = format!("{at}/key");
    if check_length(key, 1, "a taint's key, its domain with it,", &place, &mut problems)
        && let Err(detail) = check_key(key)
    {
        problems.add(place, "invalid_value", detail);
    }
    let (value, place) = (value.unwrap_or_default(), format!("{at}/value"));
    if check_length(value, 0, "a taint's value", &place, &mut problems)
        && let Err(detail) = check_value(value)
    {
        problems.add(place, "invalid_value", detail);
    }
    problems
}

/// EKS: "max-unavailable must be within the range 1 and max size of the node group".
fn update_config(unavailable: u32, max_size: u32, at: &str) -> Problems {
    let mut problems = Problems::default();
    if unavailable > max_size {
        let detail =
            format!("maxUnavailable {unavailable} is greater than maxSize {max_size}; lower it or raise maxSize");
        problems.add(format!("{at}/updateConfig/maxUnavailable"), "out_of_range", detail);
    }
    problems
}

fn check_length(text: &str, low: usize, what: &str, at: &str, problems: &mut Problems) -> bool {
    let length = text.chars().count();
    let fits = (low..=LENGTH_MAX).contains(&length);
    if !fits {
        problems.add(at, "out_of_range", format!("{what} has {low} to {LENGTH_MAX} characters, not {length}"));
    }
    fits
}
