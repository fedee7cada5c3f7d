//! The house rules, held by reading the source: who may import whom, and where SQL, processes and clocks live.
//!
//! **Invariant:** every rule is a pure function of (path, text), so `proof` can show each of them failing.
//! **Invariant:** all violations are listed at once, each with its remedy.

mod floors;
mod paths;
mod proof;
mod repository;
mod security;
mod shape;
mod tokens;

use std::fmt::{self, Display};
use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;

/// One place that breaks a rule. Printed as `file:line: what — remedy`.
struct Violation {
    file: String,
    line: usize,
    what: String,
    remedy: &'static str,
}

impl Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {} — {}", self.file, self.line, self.what, self.remedy)
    }
}

/// A Rust file as the rules see it: its path from the repository's root, its text, tokens and items.
struct Source {
    file: String,
    text: String,
    tokens: TokenStream,
    items: syn::File,
}

impl Source {
    fn parse(file: &str, text: &str) -> Result<Self, Violation> {
        let tokens = text.parse::<TokenStream>().map_err(|error| (error.span(), error.to_string()));
        let parsed = tokens.and_then(|tokens| {
            let items = syn::parse2(tokens.clone()).map_err(|error| (error.span(), error.to_string()))?;
            Ok((tokens, items))
        });
        match parsed {
            Ok((tokens, items)) => Ok(Self { file: file.into(), text: text.into(), tokens, items }),
            Err((span, error)) => Err(Violation {
                file: file.into(),
                line: span.start().line,
                what: format!("is no Rust: {error}"),
                remedy: "make it compile first",
            }),
        }
    }

    /// The path below `src/` (`http/runs.rs`); nothing for a file that lies elsewhere.
    fn below_src(&self) -> Option<&str> {
        self.file.strip_prefix("src/")
    }

    /// The crate below `crates/` that the file is part of.
    fn in_crate(&self) -> Option<&str> {
        self.file.strip_prefix("crates/")?.split_once("/src/").map(|(name, _)| name)
    }

    fn violation(&self, line: usize, what: impl Into<String>, remedy: &'static str) -> Violation {
        Violation { file: self.file.clone(), line, what: what.into(), remedy }
    }
}

/// Every rule for a file of `src/` and of a crate; the shape of a benchmark's; of the tests only that nothing in them
/// is ignored or unfinished.
fn check(source: &Source) -> Vec<Violation> {
    let mut found = tokens::unfinished(source);
    found.extend(floors::floors(source));
    found.extend(floors::ground(source));
    let is_program = source.below_src().is_some() || source.in_crate().is_some();
    if is_program || source.file.starts_with("benches/") {
        found.extend(shape::charter(source));
        found.extend(shape::file_length(source));
        found.extend(shape::function_lengths(source));
        found.extend(shape::module_names(source));
    }
    if is_program {
        found.extend(tokens::sql(source));
        found.extend(tokens::processes(source));
        found.extend(tokens::clocks(source));
        found.extend(tokens::allows(source));
        found.extend(tokens::unwraps(source));
    }
    found
}

fn check_text(file: &str, text: &str) -> Vec<Violation> {
    match Source::parse(file, text) {
        Ok(source) => check(&source),
        Err(violation) => vec![violation],
    }
}

/// The files below `dir`, named from `root`, in a stable order; without git's folder and cargo's.
fn files_below(root: &Path, dir: &Path, into: &mut Vec<String>) {
    let mut entries: Vec<_> = fs::read_dir(dir)
        .unwrap_or_else(|error| panic!("list {}: {error}", dir.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        let below = path.strip_prefix(root).unwrap();
        if path.is_dir() && !path.is_symlink() {
            if below != Path::new("target") && below != Path::new(".git") {
                files_below(root, &path, into);
            }
        } else {
            into.push(below.to_str().expect("a file name in UTF-8").to_owned());
        }
    }
}

fn assert_none(violations: &[Violation]) {
    let list: Vec<String> = violations.iter().map(Violation::to_string).collect();
    assert!(list.is_empty(), "{} violation(s) of the house rules:\n{}", list.len(), list.join("\n"));
}

#[test]
fn the_source_keeps_the_house_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    files_below(root, &root.join("src"), &mut files);
    files_below(root, &root.join("crates"), &mut files);
    files_below(root, &root.join("tests"), &mut files);
    files_below(root, &root.join("benches"), &mut files);
    files.retain(|file| Path::new(file).extension().is_some_and(|extension| extension == "rs"));
    assert!(files.iter().any(|file| file == "src/main.rs"), "src/main.rs is not among {files:?}");

    let read = |file: &String| fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let violations: Vec<_> = files.iter().flat_map(|file| check_text(file, &read(file))).collect();
    assert_none(&violations);
}

#[test]
fn the_repository_keeps_the_house_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = repository::files(root);
    assert!(files.iter().any(|file| file == "Cargo.toml"), "Cargo.toml is not among {files:?}");

    let mut violations = repository::top_level(&files);
    violations.extend(repository::migration_names(&files));
    for file in &files {
        // A file that is no text, or that is deleted but not yet so in the index, has nothing to say here.
        let Ok(text) = fs::read_to_string(root.join(file)) else {
            continue;
        };
        violations.extend(repository::machine_paths(file, &text));
        if file.starts_with("migrations/") {
            violations.extend(repository::column_comments(file, &text));
        }
    }
    assert_none(&violations);
}
