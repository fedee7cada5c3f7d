//! What a template may do, looked at in its parsed files before anything runs: providers, module
//! sources, provisioners, data sources, files that its expressions read.
//!
//! **Invariant:** what cannot be understood is refused: a source or a path that is no plain text may
//! be anything.

mod blocks;
mod calls;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hcl_edit::Span;
use hcl_edit::structure::{Block, Body};
use hcl_edit::template::{ForDirective, Template};
use hcl_edit::visit::{Visit, visit_block, visit_for_directive, visit_func_call};

/// What is allowed beyond what every template may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Sources of providers, such as `hashicorp/aws`.
    pub providers: BTreeSet<String>,
    /// Beginnings of sources of modules from elsewhere.
    pub module_sources: Vec<String>,
    /// Whether `provisioner` blocks are allowed.
    pub provisioners: bool,
    /// Data sources that reach out of Terraform: `external`, `http`, `terraform_remote_state`.
    pub data_sources: BTreeSet<String>,
}

/// What a template may not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Line in the file.
    pub line: usize,
    /// Stable word.
    pub code: &'static str,
    /// What is not allowed, and what to do.
    pub detail: String,
}

/// Looks at all files of a template, as they lie in its folder when Terraform reads them: what is configuration, and
/// what `templatefile` evaluates. What is wrong comes with the path of its file.
#[must_use]
pub fn judge(policy: &Policy, files: &BTreeMap<String, String>) -> Vec<(String, Violation)> {
    let mut found = Vec::new();
    let mut evaluated = BTreeSet::new();
    for (path, text) in files.iter().filter(|(path, _)| is_configuration(path)) {
        let mut add = |violation: Violation| found.push((path.clone(), violation));
        let body = match text.parse::<Body>() {
            Ok(body) => body,
            Err(error) => {
                let detail = format!("it is no HCL that captd understands: {}", error.message());
                add(Violation { line: error.location().line(), code: "not_hcl", detail });
                continue;
            }
        };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut looker = Looker::new(policy, text, folder);
        looker.visit_body(&body);
        looker.found.into_iter().for_each(&mut add);
        for (line, template) in looker.evaluates {
            if files.contains_key(&template) {
                evaluated.insert(template);
            } else {
                let detail = format!(
                    "templatefile() evaluates `{template}`, which is no file of the template: captd cannot tell what it does; put it into the template's folder"
                );
                add(Violation { line, code: "file", detail });
            }
        }
    }
    for path in evaluated {
        let text = &files[&path];
        match text.parse::<Template>() {
            Ok(template) => {
                let mut looker = Looker::new(policy, text, "");
                looker.visit_template(&template);
                found.extend(looker.found.into_iter().map(|violation| (path.clone(), violation)));
            }
            Err(error) => {
                let detail =
                    format!("templatefile() evaluates it, and captd does not understand it: {}", error.message());
                found.push((path, Violation { line: error.location().line(), code: "file", detail }));
            }
        }
    }
    found
}

/// Terraform is exact about the case of letters.
fn is_configuration(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "tf")
}

/// Looks at one file. `folder` is where it lies in the template, empty for its root.
#[must_use]
pub fn violations(policy: &Policy, text: &str, body: &Body, folder: &str) -> Vec<Violation> {
    let mut looker = Looker::new(policy, text, folder);
    looker.visit_body(body);
    looker.found
}

struct Looker<'a> {
    policy: &'a Policy,
    text: &'a str,
    folder: &'a str,
    found: Vec<Violation>,
    /// Files that are evaluated as templates: the line that says so, and the path below the template's folder.
    evaluates: Vec<(usize, String)>,
}

impl<'a> Looker<'a> {
    fn new(policy: &'a Policy, text: &'a str, folder: &'a str) -> Self {
        Self { policy, text, folder, found: text::odd_lines(text), evaluates: Vec::new() }
    }
}

impl Looker<'_> {
    fn line(&self, at: Option<usize>) -> usize {
        at.map_or(1, |at| self.text.get(..at).unwrap_or(self.text).matches('\n').count() + 1)
    }

    fn add(&mut self, at: Option<usize>, code: &'static str, detail: String) {
        self.found.push(Violation { line: self.line(at), code, detail });
    }
}

impl Visit for Looker<'_> {
    fn visit_block(&mut self, node: &Block) {
        self.block(node);
        visit_block(self, node);
    }

    fn visit_func_call(&mut self, node: &hcl_edit::expr::FuncCall) {
        self.call(node, node.span().map(|span| span.start));
        visit_func_call(self, node);
    }

    fn visit_for_directive(&mut self, node: &ForDirective) {
        // The library's own walk leaves it out.
        self.visit_expr(&node.for_expr.collection_expr);
        visit_for_directive(self, node);
    }
}
