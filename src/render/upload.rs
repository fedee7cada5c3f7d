//! An uploaded template: put together, rendered on trial, and looked at for what it may not do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use captd_policy::{Policy, violations};
use captd_variables::{Declared, declared};
use hcl_edit::structure::Body;

use super::library::{Files, Library, assemble};
use super::modules::Modules;
use super::{engine, hcl};
use crate::domain::name::Name;
use crate::domain::problem::{Problems, pointer_to};
use crate::domain::template::Template;

/// Files of one template.
const FILES_MAX: usize = 200;
/// Bytes of all of them together.
const BYTES_MAX: usize = 1024 * 1024;

impl Library {
    /// Puts an uploaded template together that was looked at before.
    ///
    /// # Errors
    /// Why it is none.
    pub fn put_together(&self, name: &Name, files: Files) -> Result<Template, String> {
        assemble(name.as_str(), files, self.modules())
    }

    /// Puts an uploaded template together; `at` is the pointer of its files.
    ///
    /// # Errors
    /// All that is wrong with it, each with file and line.
    pub fn take_in(&self, name: &Name, files: &Files, policy: &Policy, at: &str) -> Result<Template, Problems> {
        let mut problems = Problems::default();
        check_paths(files, at, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let template = self.put_together(name, files.clone()).map_err(|reason| one(at, "not_a_template", reason))?;
        for path in template.modules.keys().filter(|path| files.contains_key(*path)) {
            let detail = format!("`{path}` is a file of a module that `modules` names; leave one of the two out");
            problems.add(pointer_to(at, path), "duplicate", detail);
        }
        let rendered = engine::try_out(&template)
            .map_err(|error| one(&pointer_to(at, &error.file), "not_rendered", error.reason))?;
        let mut has_something = false;
        let mut modules = Modules::default();
        let mut declared_in = BTreeMap::new();
        for (path, text) in rendered.iter().filter(|(path, _)| is_hcl(path)) {
            let file_at = pointer_of(files, at, path);
            match hcl::check(text) {
                Ok(body) => {
                    check_policy(path, text, &body, policy, &file_at, &mut problems);
                    modules.add(path, text, &body, &file_at);
                    if !path.contains('/') {
                        has_something |= !body.is_empty();
                        check_twice(path, &declared(text, &body), &mut declared_in, at, &mut problems);
                    }
                }
                Err(reason) => problems.add(file_at, "not_hcl", format!("{path}: {reason}")),
            }
        }
        modules.check(at, &mut problems);
        if !has_something && problems.is_empty() {
            let detail = "no .tf file of its root holds anything once it is rendered: there is nothing to make";
            problems.add(at, "empty", detail);
        }
        problems.into_result(template)
    }
}

/// The pointer of the uploaded file from which the rendered file `path` comes; that of all files,
/// `at`, where it comes from none.
#[must_use]
pub fn pointer_of(files: &BTreeMap<String, String>, at: &str, path: &str) -> String {
    let source = [path.to_owned(), format!("{path}.tera")].into_iter().find(|path| files.contains_key(path));
    source.map_or_else(|| at.to_owned(), |path| pointer_to(at, &path))
}

fn one(at: &str, code: &'static str, detail: impl Into<String>) -> Problems {
    let mut problems = Problems::default();
    problems.add(at, code, detail);
    problems
}

fn is_hcl(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "tf")
}

/// Paths stay in the folder, and there are not too many of them.
fn check_paths(files: &Files, at: &str, problems: &mut Problems) {
    let bytes: usize = files.values().map(String::len).sum();
    if files.len() > FILES_MAX || bytes > BYTES_MAX {
        let detail = format!(
            "a template has at most {FILES_MAX} files and {BYTES_MAX} bytes; this one has {} and {bytes}",
            files.len()
        );
        problems.add(at, "too_large", detail);
    }
    check_places(files, at, problems);
    for path in files.keys() {
        let is_part = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.len() <= 100
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        if path.split('/').count() > 8 || !path.split('/').all(is_part) {
            let detail = format!(
                "`{path}` is no path of a template's file: at most 8 parts of letters, digits, `.`, `_`, `-`, none of which begins with a dot"
            );
            problems.add(pointer_to(at, path), "invalid_path", detail);
            continue;
        }
        let plain = path.strip_suffix(".tera").unwrap_or(path);
        if plain.ends_with(".tfvars.json") || plain.ends_with(".tfvars") || plain.starts_with("captd_") {
            problems.add(pointer_to(at, path), "reserved", format!("captd writes `{path}` itself; leave it out"));
        } else if plain.ends_with(".tf.json") {
            let detail = format!("`{path}`: what a template may do is looked at in .tf files; write it as one");
            problems.add(pointer_to(at, path), "not_hcl", detail);
        }
    }
}

/// No two files have one place once they are rendered, and none lies in another.
fn check_places(files: &Files, at: &str, problems: &mut Problems) {
    let plain = |path: &str| path.strip_suffix(".tera").unwrap_or(path).to_owned();
    let places: BTreeSet<String> = files.keys().map(|path| plain(path)).collect();
    for path in files.keys() {
        if path.strip_suffix(".tera").is_some_and(|plain| files.contains_key(plain)) {
            let detail = format!("`{path}` is rendered to `{}`, which is there too; keep one of the two", plain(path));
            problems.add(pointer_to(at, path), "duplicate", detail);
        }
        let mut above = path.match_indices('/').map(|(end, _)| &path[..end]);
        if let Some(file) = above.find(|folder| places.contains(*folder)) {
            let detail = format!("`{path}` would lie in `{file}`, which is a file; rename one of the two");
            problems.add(pointer_to(at, path), "duplicate", detail);
        }
    }
}

fn check_policy(path: &str, text: &str, body: &Body, policy: &Policy, at: &str, problems: &mut Problems) {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    for found in violations(policy, text, body, folder) {
        problems.add(at, found.code, format!("{path} line {}: {}", found.line, found.detail));
    }
}

/// Terraform refuses a variable or an output that two files of the root declare; `seen` says where
/// each was declared before.
fn check_twice(path: &str, found: &Declared, seen: &mut BTreeMap<String, String>, at: &str, problems: &mut Problems) {
    let variables = found.variables.iter().map(|(name, it)| (format!("variable `{name}`"), it.line));
    let outputs = found.outputs.iter().map(|(name, it)| (format!("output `{name}`"), it.line));
    for (what, line) in variables.chain(outputs) {
        let place = format!("{path} line {line}");
        if let Some(before) = seen.insert(what.clone(), place.clone()) {
            problems.add(at, "declared_twice", format!("{place}: {what} is declared in {before} already"));
        }
    }
}
