//! CAPT's manifests in captd's own form, for what is there already.

use std::collections::BTreeSet;

use captd_capt::{Conversion, FACTS_FILE, Facts, Kind, Known, Surroundings, convert, kind_of};
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
            for namespace in namespaces(documents, namespace) {
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
                    let current = self.revision(&mut snapshot, &namespace, &uploaded.name, &uploaded.current).await?;
                    if let Some(template) = current {
                        add(&uploaded.name, &template);
                    }
                }
                for secret in snapshot.secrets(Some(&namespace)).await? {
                    surroundings.secrets.insert((namespace.to_string(), secret.name.to_string()), None);
                }
            }
        }
        Ok(convert(documents, &surroundings))
    }
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
