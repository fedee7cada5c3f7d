//! CAPT's manifests in captd's own form, for what is there already.

use std::collections::BTreeSet;

use captd_capt::{Conversion, FACTS_FILE, Facts, Kind, Known, Surroundings, Writer, convert, kind_of};
use serde_json::Value;

use super::{Result, Service};
use crate::domain::name::Name;
use crate::domain::template::Template;

impl Service {
    /// Documents in captd's own form. `namespace` is that of those that name none.
    ///
    /// # Errors
    /// When the database cannot be read; what is wrong with the documents stands in the conversion.
    pub async fn convert(&self, documents: &[Value], namespace: &Name, skip_unknown: bool) -> Result<Conversion> {
        let mut surroundings = Surroundings {
            namespace: namespace.to_string(),
            mirror: self.mirror.clone(),
            skip_unknown,
            ..Surroundings::default()
        };
        if documents.iter().any(|document| kind_of(document) != Kind::Own) {
            let mut snapshot = self.store.read().await?;
            let homes = homes(documents, namespace);
            // What is another's is known as far as it is exported to one of them.
            let is_open = |namespace: &Name, export_to: &[Name]| {
                homes.contains(namespace) || export_to.iter().any(|name| homes.contains(name))
            };
            // Those that exist: a body can name more of them than anybody could look through.
            let all = snapshot.namespaces().await?;
            let named = namespaces(documents, namespace);
            let existing = all.into_iter().map(|it| it.metadata.name).filter(|name| named.contains(name));
            for namespace in existing {
                let known = |template: &Template| {
                    let facts: Option<Facts> =
                        template.files.get(FACTS_FILE).and_then(|text| serde_json::from_str(text).ok());
                    Known { variables: template.variables.clone(), facts: facts.unwrap_or_default() }
                };
                let mut add = |name: &Name, template: &Template| {
                    surroundings.templates.insert((namespace.to_string(), name.to_string()), known(template));
                };
                self.library.iter().for_each(|template| add(&template.name, template));
                for uploaded in snapshot.all_uploaded(Some(&namespace)).await? {
                    let current =
                        self.readable_revision(&mut snapshot, &namespace, &uploaded.name, &uploaded.current).await?;
                    if let Some(template) = current.filter(|it| is_open(&namespace, &it.manifest.export_to)) {
                        add(&uploaded.name, &template);
                    }
                }
                for secret in snapshot.secrets(Some(&namespace)).await? {
                    if is_open(&namespace, &secret.export_to) {
                        surroundings.secrets.insert((namespace.to_string(), secret.name.to_string()), None);
                    }
                }
                // Written already or not yet: whoever needs it waits for its writer.
                for (name, writer) in snapshot.secret_writers(&namespace).await? {
                    let exported =
                        snapshot.resource(&writer).await?.is_some_and(|it| is_open(&namespace, it.spec.export_to()));
                    if exported {
                        let writer = Writer { kind: writer.kind.noun(), name: writer.name.to_string() };
                        surroundings.secrets.insert((namespace.to_string(), name.to_string()), Some(writer));
                    }
                }
            }
        }
        Ok(convert(documents, &surroundings))
    }
}

/// The namespaces that documents stand in.
fn homes(documents: &[Value], home: &Name) -> BTreeSet<Name> {
    let said = |document: &Value| document.pointer("/metadata/namespace").and_then(Value::as_str).map(Name::parse);
    documents.iter().filter_map(|document| said(document).unwrap_or_else(|| Ok(home.clone())).ok()).collect()
}

/// Every namespace that documents name, of themselves and of others.
fn namespaces(documents: &[Value], home: &Name) -> BTreeSet<Name> {
    let mut found = BTreeSet::from([home.clone()]);
    let mut open: Vec<&Value> = documents.iter().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                let name = fields.get("namespace").and_then(Value::as_str).and_then(|text| Name::parse(text).ok());
                found.extend(name);
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}
