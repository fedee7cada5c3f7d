//! The shape of a file: its charter, its length, the length of its functions, the names of its modules.

use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, ItemMod, Signature, TraitItemFn};

use super::{Source, Violation};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const MAIN_LINES_MAX: usize = 40;

const VAGUE_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "misc"];

/// Every file says first what it is for. The library's charter may be the README.
pub(super) fn charter(source: &Source) -> Option<Violation> {
    let first = source.text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//!").is_some_and(|charter| !charter.trim().is_empty());
    let is_readme = source.file == "src/lib.rs" && first.starts_with("#![doc = include_str!(");
    (!says && !is_readme).then(|| {
        let remedy = "open it with `//! ` and one sentence on what it is for, then its **Invariant:** lines";
        source.violation(1, "has no charter", remedy)
    })
}

pub(super) fn file_length(source: &Source) -> Option<Violation> {
    let lines_max = if source.file == "src/main.rs" { MAIN_LINES_MAX } else { FILE_LINES_MAX };
    let lines = source.text.lines().count();
    (lines > lines_max).then(|| {
        let what = format!("is {lines} lines long, more than {lines_max}");
        source.violation(lines, what, "split it by subject; a file does one thing")
    })
}

pub(super) fn function_lengths(source: &Source) -> Vec<Violation> {
    let mut functions = Functions { source, found: Vec::new() };
    functions.visit_file(&source.items);
    functions.found
}

struct Functions<'source> {
    source: &'source Source,
    found: Vec<Violation>,
}

impl Functions<'_> {
    /// Counts from the line of `fn` to that of the closing brace; attributes and docs stand before.
    fn measure(&mut self, signature: &Signature, body: &Block) {
        let first = signature.fn_token.span.start().line;
        let last = body.brace_token.span.close().end().line;
        let lines = last + 1 - first;
        if lines > FUNCTION_LINES_MAX {
            let what = format!("fn {} is {lines} lines long, more than {FUNCTION_LINES_MAX}", signature.ident);
            self.found.push(self.source.violation(first, what, "give its steps names of their own"));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.measure(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

/// Looks at `mod` items: a file that none of them names is not part of the program.
pub(super) fn module_names(source: &Source) -> Vec<Violation> {
    let mut modules = Modules { source, found: Vec::new() };
    modules.visit_file(&source.items);
    modules.found
}

struct Modules<'source> {
    source: &'source Source,
    found: Vec<Violation>,
}

impl<'ast> Visit<'ast> for Modules<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let name = module.ident.to_string();
        if VAGUE_NAMES.contains(&name.as_str()) {
            let line = module.ident.span().start().line;
            let what = format!("the module name `{name}` says nothing");
            self.found.push(self.source.violation(line, what, "name it for its one subject"));
        }
        visit::visit_item_mod(self, module);
    }
}
