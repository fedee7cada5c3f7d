//! An uploaded template: put together, rendered on trial, and looked at for what it may not do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use captd_policy::{Policy, judge};
use captd_variables::{Declared, declared};

use super::library::{Files, Library, assemble, env_of_capt};
use super::modules::Modules;
use super::{VALUES_FILE, engine, hcl};
use crate::domain::env_names::check_name;
use crate::domain::name::Name;
use crate::domain::problem::{Problems, pointer_to};
use crate::domain::template::Template;

/// Files of one template.
const FILES_MAX: usize = 200;
/// Bytes of all of them together.
const BYTES_MAX: usize = 1024 * 1024;

/// Other files that Terraform, or OpenTofu in its place, takes for configuration: tests, mocks, queries, stacks.
const OTHER_LANGUAGES: [&str; 12] = [
    ".tftest.hcl",
    ".tftest.json",
    ".tfmock.hcl",
    ".tfmock.json",
    ".tfquery.hcl",
    ".tfquery.json",
    ".tfstack.hcl",
    ".tfcomponent.hcl",
    ".tfdeploy.hcl",
    ".tofu",
    ".tofu.json",
    ".tofutest.hcl",
];

/// What a run may not be rendered to, one text each, by the policy on templates. What captd writes itself is not asked.
#[must_use]
pub fn not_allowed(files: &BTreeMap<String, String>, policy: &Policy) -> Vec<String> {
    let of_template = |path: &str| !path.starts_with("captd_") && path != VALUES_FILE;
    let files: Files =
        files.iter().filter(|(path, _)| of_template(path)).map(|(path, text)| (path.clone(), text.clone())).collect();
    let found = judge(policy, &files).into_iter();
    found.map(|(path, found)| format!("{path} line {}: {}", found.line, found.detail)).collect()
}

impl Library {
    /// What of a revision that was taken in before would not be taken in now, one text each.
    #[must_use]
    pub fn not_allowed(&self, template: &Template, policy: &Policy) -> Vec<String> {
        let mut problems = Problems::default();
        check_paths(&template.files, "", &mut problems);
        let mut all: Vec<String> = problems.as_slice().iter().map(|problem| problem.detail.clone()).collect();
        match engine::try_out(template) {
            Ok(tries) => all.extend(tries.iter().flat_map(|files| not_allowed(files, policy))),
            Err(error) => all.push(error.to_string()),
        }
        let mut told = BTreeSet::new();
        all.retain(|text| told.insert(text.clone()));
        all
    }

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
        for why in env_of_capt(files).iter().filter_map(|name| check_name(name).err()) {
            problems.add(at, "not_allowed", format!("`env` of its forProvider: {why}; leave it out"));
        }
        for path in template.modules.keys().filter(|path| files.contains_key(*path)) {
            let detail = format!("`{path}` is a file of a module that `modules` names; leave one of the two out");
            problems.add(pointer_to(at, path), "duplicate", detail);
        }
        let tries = engine::try_out(&template)
            .map_err(|error| one(&pointer_to(at, &error.file), "not_rendered", error.reason))?;
        let mut told = BTreeSet::new();
        for (path, found) in tries.iter().flat_map(|rendered| judge(policy, rendered)) {
            let detail = format!("{path} line {}: {}", found.line, found.detail);
            if told.insert(detail.clone()) {
                problems.add(pointer_of(files, at, &path), found.code, detail);
            }
        }
        let [_, rendered] = tries;
        let mut has_something = false;
        let mut modules = Modules::default();
        let mut declared_in = BTreeMap::new();
        for (path, text) in rendered.iter().filter(|(path, _)| is_hcl(path)) {
            let file_at = pointer_of(files, at, path);
            match hcl::check(text) {
                Ok(body) => {
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
        if path.rsplit('/').next() == Some(".terraform.lock.hcl") {
            let detail = format!(
                "`{path}`: captd locks the providers of each revision itself, at its first init; leave it out, and pin versions in required_providers"
            );
            problems.add(pointer_to(at, path), "reserved", detail);
            continue;
        }
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
        } else if OTHER_LANGUAGES.iter().any(|end| plain.ends_with(end)) {
            let detail = format!(
                "`{path}` is read by `terraform init` or by OpenTofu besides the .tf files, and captd does not look into it; leave it out"
            );
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
