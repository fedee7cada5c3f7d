//! Which modules of a template call which: Terraform itself follows them without end, and copies
//! what is called twice as often as it is.

use std::collections::BTreeMap;

use hcl_edit::Span;
use hcl_edit::structure::Body;

use crate::domain::problem::Problems;

/// Modules of one template, each counted as often as it is called, and what it calls with it.
const MODULES_MAX: u64 = 200;

/// A call of a module in the template's own folder.
struct Call {
    /// The folder that is called.
    target: String,
    /// As it is written.
    source: String,
    /// `main.tf line 3`.
    place: String,
    /// Pointer of the file.
    at: String,
}

/// Calls by the folder in which they stand; the root's is empty.
#[derive(Default)]
pub(super) struct Modules {
    calls: BTreeMap<String, Vec<Call>>,
}

impl Modules {
    /// Takes in one file; `at` is its pointer.
    pub(super) fn add(&mut self, path: &str, text: &str, body: &Body, at: &str) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let calls = self.calls.entry(folder.to_owned()).or_default();
        for block in body.blocks().filter(|block| block.ident.as_str() == "module") {
            let source = block.body.get_attribute("source").and_then(|attribute| attribute.value.as_str());
            let Some(source) = source.filter(|source| source.starts_with("./") || source.starts_with("../")) else {
                continue;
            };
            let Some(target) = join(folder, source) else { continue };
            let start = block.span().map_or(0, |span| span.start.min(text.len()));
            let line = text[..start].matches('\n').count() + 1;
            let place = format!("{path} line {line}");
            calls.push(Call { target, source: source.to_owned(), place, at: at.to_owned() });
        }
    }

    /// Looks for modules that are not there, that go round in a circle, or that are too many.
    /// `at` is the pointer of the files.
    pub(super) fn check(&self, at: &str, problems: &mut Problems) {
        let before = problems.count();
        for call in self.calls.values().flatten().filter(|call| !self.calls.contains_key(&call.target)) {
            let Call { source, place, .. } = call;
            let detail =
                format!("{place}: the module source `{source}` is no folder of the template with .tf files in it");
            problems.add(&call.at, "module_source", detail);
        }
        let mut counted = BTreeMap::new();
        let count = self.count("", &mut Vec::new(), &mut counted, problems);
        if count > MODULES_MAX && problems.count() == before {
            let detail = format!(
                "the modules of the template call others so often that they are more than {MODULES_MAX}; call them less often, or make fewer of them"
            );
            problems.add(at, "too_large", detail);
        }
    }

    /// The folder and all that it calls. `way` leads to it.
    fn count<'a>(
        &'a self,
        folder: &'a str,
        way: &mut Vec<&'a str>,
        counted: &mut BTreeMap<&'a str, u64>,
        problems: &mut Problems,
    ) -> u64 {
        if let Some(count) = counted.get(folder) {
            return *count;
        }
        way.push(folder);
        let mut count: u64 = 1;
        for call in self.calls.get(folder).into_iter().flatten() {
            if let Some(from) = way.iter().position(|above| *above == call.target) {
                let named =
                    |folder: &&str| if folder.is_empty() { "the root".to_owned() } else { format!("`{folder}`") };
                let circle: Vec<String> = way[from..].iter().chain([&call.target.as_str()]).map(named).collect();
                let detail = format!("{}: modules call each other in a circle: {}", call.place, circle.join(" → "));
                problems.add(&call.at, "loop", detail);
            } else {
                count = count.saturating_add(self.count(&call.target, way, counted, problems));
            }
        }
        way.pop();
        counted.insert(folder, count);
        count
    }
}

/// The folder that `source` names in `folder`; `None` when it leads out of the template.
fn join(folder: &str, source: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in source.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}
