//! Many declarations at once: all or nothing, each after what it needs.

use std::collections::{BTreeMap, BTreeSet};

use captd_dependencies::Graph;
use serde_json::Value;

use super::write::{Condition, Terms, Written};
use super::{Actor, Error, Result, Service};
use crate::domain::document::{self, Document};
use crate::domain::name::Name;
use crate::domain::needs::needs;
use crate::domain::problem::Problems;
use crate::domain::resource::{Key, ResourceKind};
use crate::domain::warning::Warning;
use crate::store::Change;

/// One document of an apply and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The `kind` of its declaration.
    pub kind: &'static str,
    /// Its namespace; a namespace has none.
    pub namespace: Option<Name>,
    /// Its name.
    pub name: Name,
    /// What became of it.
    pub written: Written,
    /// What its author should hear.
    pub warnings: Vec<Warning>,
}

impl Applied {
    /// The machine or workspace that it is, if it is one.
    pub(super) fn key(&self) -> Option<Key> {
        let kind = ResourceKind::ALL.into_iter().find(|kind| kind.title() == self.kind)?;
        Some(Key { kind, namespace: self.namespace.clone()?, name: self.name.clone() })
    }
}

/// What became of an apply.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What was written, in the order of the documents.
    pub applied: Vec<Applied>,
    /// Documents that were passed over: number, and kind.
    pub skipped: Vec<(usize, String)>,
    /// What was done with fields that have no place in captd: pointer and sentence.
    pub notes: Vec<(String, String)>,
}

/// How documents are applied.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Everything is checked, and nothing kept.
    pub dry_run: bool,
    /// Kinds that captd does not know are passed over.
    pub skip_unknown: bool,
    /// What is created begins no run by itself.
    pub paused: bool,
    /// What must be true of each machine, workspace and namespace.
    pub condition: Condition,
}

impl Service {
    /// Applies many documents: all or nothing, each after what it needs. `default_namespace` is that of
    /// those that name none. Those of CAPT are turned into captd's own form first. `judge` says of each that could be
    /// read whether `actor` may write it, before anything is looked up for it.
    ///
    /// # Errors
    /// What `judge` says, or every problem of every document, pointers beginning with the document's number.
    pub async fn apply(
        &self,
        documents: &[Value],
        default_namespace: &Name,
        how: How,
        actor: &Actor,
        judge: impl Fn(&Document, &Name) -> Result<()> + Send,
    ) -> Result<Outcome> {
        let conversion = self.convert(documents, default_namespace, how.skip_unknown).await?;
        if !conversion.problems.is_empty() {
            return Err(Error::Invalid(conversion.problems));
        }
        let (mut problems, mut notes, mut unread) = (Problems::default(), conversion.notes, Unread::default());
        let mut parsed: Vec<(usize, Option<Document>)> = conversion
            .documents
            .iter()
            .map(|converted| {
                let (index, mut found) = (converted.source, Problems::default());
                let document = document::parse(&converted.value, &format!("/{index}"), &mut found);
                let document = document.filter(|_| found.is_empty());
                match &document {
                    Some(document) => notes.extend(document.declared().note(&format!("/{index}"))),
                    None => unread.add(&converted.value, default_namespace),
                }
                problems.extend_under("", found);
                (index, document)
            })
            .collect();
        parsed.iter().filter_map(|(_, document)| document.as_ref()).try_for_each(|it| judge(it, default_namespace))?;
        find_twins(&mut parsed, default_namespace, &mut problems);
        let parsed = in_order(parsed, default_namespace);
        let given = parsed.iter().filter_map(|(index, document)| Some((format!("/{index}"), document.as_ref()?)));
        let uploads = self.look_at_uploads(given, default_namespace).await?;
        let terms = Terms { default_namespace, condition: how.condition, paused: how.paused, actor, uploads: &uploads };
        let mut change = self.write(&actor.0).await?;
        let mut applied = Vec::new();
        for (index, document) in parsed {
            let Some(document) = document.filter(|document| !unread.is_needed_by(document, default_namespace)) else {
                continue;
            };
            let at = format!("/{index}");
            let named = place_of(&document, default_namespace);
            match self.put(&mut change, document, &at, terms).await {
                Ok(done) => applied.push((index, done)),
                Err(Error::Invalid(more)) => {
                    unread.0.extend(named);
                    problems.extend_under("", more);
                }
                Err(other) => return Err(other),
            }
        }
        // What was refused may be what is referred to: that is told first.
        if problems.is_empty() {
            problems = self.wrong_references(&mut change, &applied, actor).await?;
        }
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        if !how.dry_run {
            change.commit().await?;
            self.wakes.all();
        }
        applied.sort_by_key(|(index, _)| *index);
        let applied = applied.into_iter().map(|(_, done)| done).collect();
        Ok(Outcome { applied, skipped: conversion.skipped, notes })
    }

    /// What is wrong with what the written ones refer to.
    async fn wrong_references(
        &self,
        change: &mut Change,
        applied: &[(usize, Applied)],
        actor: &Actor,
    ) -> Result<Problems> {
        let mut problems = Problems::default();
        for (index, one) in applied.iter().filter(|(_, one)| one.written != Written::Unchanged) {
            let Some(key) = one.key() else { continue };
            match self.check_references(change, &key, &format!("/{index}"), actor).await {
                Ok(()) => {}
                Err(Error::Invalid(more)) => problems.extend_under("", more),
                Err(other) => return Err(other),
            }
        }
        Ok(problems)
    }
}

/// Namespaces and templates of a request that are refused: what needs them is not told that they do not exist.
#[derive(Debug, Default)]
struct Unread(BTreeSet<(&'static str, String, String)>);

impl Unread {
    /// One that could not be read, as far as it says what it is.
    fn add(&mut self, document: &Value, default_namespace: &Name) {
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let Some(name) = text("/metadata/name") else { return };
        let namespace = text("/metadata/namespace").unwrap_or_else(|| default_namespace.to_string());
        match document["kind"].as_str() {
            Some("Namespace") => self.0.insert(("namespace", String::new(), name)),
            Some("WorkspaceTemplate") => self.0.insert(("template", namespace, name)),
            _ => false,
        };
    }

    fn is_needed_by(&self, document: &Document, default_namespace: &Name) -> bool {
        let home = document.declared().namespace.as_ref().unwrap_or(default_namespace);
        let template = match document {
            Document::Namespace(..) => return false,
            Document::Resource(_, spec) => Some(spec.template()),
            Document::Template(..) | Document::Secret(..) => None,
        };
        self.0.contains(&("namespace", String::new(), home.to_string()))
            || template.is_some_and(|template| {
                let namespace = template.namespace.as_ref().unwrap_or(home);
                self.0.contains(&("template", namespace.to_string(), template.name.to_string()))
            })
    }
}

/// By what others of the request may need it.
fn place_of(document: &Document, default_namespace: &Name) -> Option<(&'static str, String, String)> {
    let declared = document.declared();
    let (name, home) = (declared.name.as_ref()?.to_string(), declared.namespace.as_ref().unwrap_or(default_namespace));
    match document {
        Document::Namespace(..) => Some(("namespace", String::new(), name)),
        Document::Template(..) => Some(("template", home.to_string(), name)),
        Document::Resource(..) | Document::Secret(..) => None,
    }
}

/// Namespaces first, then templates and secrets, then each after what it needs: whoever begins, begins
/// with what comes with it.
fn in_order(parsed: Vec<(usize, Option<Document>)>, default_namespace: &Name) -> Vec<(usize, Option<Document>)> {
    let mut graph = Graph::default();
    let mut keys = BTreeMap::new();
    for (index, document) in &parsed {
        let Some(Document::Resource(declared, spec)) = document else { continue };
        let namespace = declared.namespace.as_ref().unwrap_or(default_namespace);
        let Some(name) = declared.name.clone() else { continue };
        let key = Key { kind: spec.kind(), namespace: namespace.clone(), name };
        for need in needs(spec, namespace) {
            graph.add(key.clone(), need.target);
        }
        keys.insert(*index, key);
    }
    let order = graph.order(&keys.values().cloned().collect::<Vec<_>>());
    let place: BTreeMap<&Key, usize> = order.iter().enumerate().map(|(place, key)| (key, place)).collect();
    let rank = |document: &Option<Document>, index: &usize| match document {
        Some(Document::Namespace(..)) | None => 0,
        Some(Document::Template(..) | Document::Secret(..)) => 1,
        Some(Document::Resource(..)) => keys.get(index).and_then(|key| place.get(key)).map_or(2, |place| place + 2),
    };
    let mut parsed = parsed;
    parsed.sort_by_key(|(index, document)| (rank(document, index), *index));
    parsed
}

/// Two documents of one request that declare the same thing: neither is taken for the true one, and what is wrong with it
/// is told of the first.
fn find_twins(parsed: &mut [(usize, Option<Document>)], default_namespace: &Name, problems: &mut Problems) {
    let (mut seen, mut twins) = (BTreeMap::new(), Vec::new());
    for (place, (index, document)) in parsed.iter().enumerate() {
        let (kind, declared) = match document {
            Some(Document::Resource(declared, spec)) => (spec.kind().noun(), declared),
            Some(Document::Namespace(declared, _)) => ("namespace", declared),
            Some(Document::Template(declared, _)) => ("template", declared),
            Some(Document::Secret(declared, _)) => ("secret", declared),
            None => continue,
        };
        let namespace = declared.namespace.as_ref().unwrap_or(default_namespace);
        if let Some(first) = seen.insert((kind, namespace, &declared.name), index) {
            let detail = format!("document {first} declares the same {kind}; keep one of the two");
            problems.add(format!("/{index}/metadata/name"), "duplicate", detail);
            twins.push(place);
        }
    }
    for place in twins {
        parsed[place].1 = None;
    }
}
