//! What a template may do, looked at in its parsed files before anything runs: providers, module
//! sources, provisioners, data sources, files that its expressions read.
//!
//! **Invariant:** what cannot be understood is refused: a source or a path that is no plain text may
//! be anything.

use std::collections::BTreeSet;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, FuncCall, ObjectKey};
use hcl_edit::structure::{Block, Body};
use hcl_edit::visit::{Visit, visit_block, visit_func_call};

/// What is allowed beyond what every template may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Sources of providers, such as `hashicorp/aws`.
    pub providers: BTreeSet<String>,
    /// Beginnings of sources of modules from elsewhere.
    pub module_sources: Vec<String>,
    /// Whether `provisioner` blocks are allowed.
    pub provisioners: bool,
    /// Data sources that reach out of Terraform: `external`, `http`.
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

/// Data sources that run programs or fetch from anywhere.
const REACHING: [&str; 2] = ["external", "http"];
/// Functions that read a file whose path is their first argument.
const READING: [&str; 12] = [
    "file",
    "filebase64",
    "filebase64sha256",
    "filebase64sha512",
    "fileexists",
    "filemd5",
    "fileset",
    "filesha1",
    "filesha256",
    "filesha512",
    "templatefile",
    "abspath",
];

/// Looks at one file. `folder` is where it lies in the template, empty for its root.
#[must_use]
pub fn violations(policy: &Policy, text: &str, body: &Body, folder: &str) -> Vec<Violation> {
    let mut looker = Looker { policy, text, folder, found: Vec::new() };
    looker.visit_body(body);
    looker.found
}

struct Looker<'a> {
    policy: &'a Policy,
    text: &'a str,
    folder: &'a str,
    found: Vec<Violation>,
}

impl Looker<'_> {
    fn add(&mut self, at: Option<usize>, code: &'static str, detail: String) {
        let line = at.map_or(1, |at| self.text[..at.min(self.text.len())].matches('\n').count() + 1);
        self.found.push(Violation { line, code, detail });
    }

    fn block(&mut self, block: &Block) {
        let at = block.span().map(|span| span.start);
        let label = |place: usize| block.labels.get(place).map_or("", |label| label.as_str());
        match block.ident.as_str() {
            "module" => self.module(block, at),
            "required_providers" => self.required_providers(block),
            "provisioner" if !self.policy.provisioners => {
                let detail = format!(
                    "provisioners are not allowed, and this is one (`{}`); leave it out, or set templates.allow_provisioners",
                    label(0)
                );
                self.add(at, "provisioner", detail);
            }
            "data" if REACHING.contains(&label(0)) && !self.policy.data_sources.contains(label(0)) => {
                let kind = label(0);
                let detail = format!(
                    "the data source `{kind}` reaches out of Terraform, which is not allowed; leave it out, or name it in templates.allow_data_sources"
                );
                self.add(at, "data_source", detail);
            }
            "backend" | "cloud" => {
                let detail = "captd keeps the state: leave the backend out".to_owned();
                self.add(at, "backend", detail);
            }
            "provider" => self.provider(label(0), at),
            "resource" | "data" => {
                let of = label(0).split('_').next().unwrap_or_default().to_owned();
                self.provider(&of, at);
            }
            _ => {}
        }
    }

    /// A provider by its local name; what `required_providers` maps it to is looked at there.
    fn provider(&mut self, local: &str, at: Option<usize>) {
        let known = local == "terraform" || local.is_empty() || self.names(local);
        if !known {
            let detail = format!("the provider `{local}` is not allowed; {}", self.allowed());
            self.add(at, "provider", detail);
        }
    }

    /// Whether an allowed source, or a declaration of the template's own, has this local name.
    fn names(&self, local: &str) -> bool {
        self.policy.providers.iter().any(|source| source.rsplit('/').next() == Some(local))
    }

    fn allowed(&self) -> String {
        let known: Vec<&str> = self.policy.providers.iter().map(String::as_str).collect();
        format!("templates.allow_providers has {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })
    }

    fn required_providers(&mut self, block: &Block) {
        for attribute in block.body.attributes() {
            let at = attribute.span().map(|span| span.start);
            let local = attribute.key.as_str();
            let source = match &attribute.value {
                Expression::Object(object) => object.iter().find_map(|(key, value)| {
                    let is_source = matches!(key, ObjectKey::Ident(ident) if ident.as_str() == "source");
                    is_source.then(|| value.expr().as_str().map(str::to_owned).unwrap_or_default())
                }),
                _ => None,
            };
            let source = source.unwrap_or_else(|| format!("hashicorp/{local}"));
            let short = source.strip_prefix("registry.terraform.io/").unwrap_or(&source);
            let same_name = short.rsplit('/').next() == Some(local);
            if !self.policy.providers.contains(short) {
                let detail = format!("the provider `{source}` is not allowed; {}", self.allowed());
                self.add(at, "provider", detail);
            } else if !same_name {
                let detail = format!("the provider `{source}` is called `{local}` here; call it by its own name");
                self.add(at, "provider", detail);
            }
        }
    }

    fn module(&mut self, block: &Block, at: Option<usize>) {
        let source = block.body.get_attribute("source").map(|attribute| attribute.value.as_str().map(str::to_owned));
        match source {
            Some(Some(source)) if source.starts_with("./") || source.starts_with("../") => {
                if leaves(self.folder, &source) {
                    let detail = format!(
                        "the module source `{source}` leads out of the template's folder; put the module into it"
                    );
                    self.add(at, "module_source", detail);
                }
            }
            Some(Some(source)) if self.policy.module_sources.iter().any(|allowed| source.starts_with(allowed)) => {}
            Some(Some(source)) => {
                let detail = format!(
                    "the module source `{source}` is not allowed; put the module into the template's folder (`./modules/…`), or name the beginning of its source in templates.allow_module_sources"
                );
                self.add(at, "module_source", detail);
            }
            _ => self.add(at, "module_source", "a module's source must be a plain text".to_owned()),
        }
    }
}

impl Visit for Looker<'_> {
    fn visit_block(&mut self, node: &Block) {
        self.block(node);
        visit_block(self, node);
    }

    fn visit_func_call(&mut self, node: &FuncCall) {
        let name = node.name.name.as_str();
        if READING.contains(&name) && node.name.namespace.is_empty() {
            let path = node.args.iter().next();
            let plain = path.and_then(plain_path);
            let stays = plain
                .as_ref()
                .is_some_and(|(from_module, path)| !leaves(if *from_module { self.folder } else { "" }, path));
            if !stays {
                let at = node.span().map(|span| span.start);
                let plain = plain.map(|(_, path)| path);
                let shown = plain.map_or_else(|| "a path that is no plain text".to_owned(), |path| format!("`{path}`"));
                let detail = format!(
                    "{name}() reads {shown}; a template reads files of its own folder only, by a plain text such as \"${{path.module}}/user-data.sh\""
                );
                self.add(at, "file", detail);
            }
        }
        visit_func_call(self, node);
    }
}

/// The path, and whether it begins at the module's folder (or at the root), if that can be told.
fn plain_path(argument: &Expression) -> Option<(bool, String)> {
    match argument {
        Expression::String(text) => Some((false, text.as_str().to_owned())),
        Expression::StringTemplate(template) => {
            let text = template.to_string();
            let text = text.trim().trim_matches('"');
            let beginnings = [("${path.module}/", true), ("${path.root}/", false)];
            let (rest, from_module) =
                beginnings.iter().find_map(|(own, from_module)| Some((text.strip_prefix(own)?, *from_module)))?;
            (!rest.contains("${") && !rest.contains("%{")).then(|| (from_module, rest.to_owned()))
        }
        _ => None,
    }
}

/// Whether `path`, seen from `folder`, leads out of the template.
fn leaves(folder: &str, path: &str) -> bool {
    let mut depth: usize = folder.split('/').filter(|part| !part.is_empty()).count();
    if path.starts_with('/') || path.starts_with('~') || path.contains('\\') {
        return true;
    }
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part != ".." {
            depth += 1;
        } else if depth == 0 {
            return true;
        } else {
            depth -= 1;
        }
    }
    false
}
