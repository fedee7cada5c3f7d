//! What a template writes below its own folder: it is gone when the run is over, and whoever wrote the template should
//! hear of it.

use std::collections::BTreeMap;

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Body, Structure};

use super::engine::is_hcl;

/// Resources that are a file, and the argument that says where.
const FILES: [(&str, &str); 2] = [("local_file", "filename"), ("local_sensitive_file", "filename")];

/// The file of a template, and what its author should hear.
#[must_use]
pub fn lost_files(files: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let bodies = files.iter().filter_map(|(path, text)| Some((path, text.parse::<Body>().ok()?)));
    let found = bodies.filter(|(path, _)| is_hcl(path)).flat_map(|(path, body)| {
        let lost: Vec<String> = body.iter().filter_map(lost).collect();
        lost.into_iter().map(move |address| (path.clone(), said(&address)))
    });
    found.collect()
}

/// The address of a resource that is a file below the folder of its template.
fn lost(structure: &Structure) -> Option<String> {
    let block = structure.as_block().filter(|block| block.ident.as_str() == "resource")?;
    let [kind, name] = block.labels.as_slice() else { return None };
    let (_, argument) = FILES.iter().find(|(known, _)| *known == kind.as_str())?;
    let place = &block.body.get_attribute(argument)?.value;
    let is_below = match place {
        Expression::String(text) => !text.as_str().starts_with('/'),
        other => ["path.module", "path.root", "path.cwd"].iter().any(|own| other.to_string().contains(own)),
    };
    is_below.then(|| format!("{}.{}", kind.as_str(), name.as_str()))
}

fn said(address: &str) -> String {
    format!(
        "{address} writes below the template's own folder, which is removed when a run is over: the file is gone then, and each run makes it anew; keep the content in an output or a bucket, or write to a folder that engine.confine_write opens"
    )
}
