//! What is in the repository: the top level, the migrations and their comments, no path of anybody's machine.

use std::path::Path;
use std::process::Command;

use super::{Violation, files_below};

/// What may lie at the top, dotfiles aside.
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "Makefile",
    "README.md",
    // Whom captd trusts with what: where people who look for it look first.
    "SECURITY.md",
    "benches",
    "crates",
    "fuzz",
    "migrations",
    "modules",
    "src",
    "templates",
    "tests",
];

/// First words of a table constraint: these lines define no column.
const CONSTRAINTS: &[&str] = &["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];

fn violation(file: &str, line: usize, what: impl Into<String>, remedy: &'static str) -> Violation {
    Violation { file: file.into(), line, what: what.into(), remedy }
}

/// What git tracks or would with `git add .`; without git, every file outside `target/`.
pub(super) fn files(root: &Path) -> Vec<String> {
    let git = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        // Set inside a git hook, where they may speak of another repository.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .output();
    if let Ok(output) = git
        && output.status.success()
        && !output.stdout.is_empty()
    {
        let list = String::from_utf8(output.stdout).expect("file names in UTF-8");
        return list.split_terminator('\0').map(str::to_owned).collect();
    }
    let mut files = Vec::new();
    files_below(root, root, &mut files);
    files
}

pub(super) fn top_level(files: &[String]) -> Vec<Violation> {
    let mut entries: Vec<&str> = files.iter().filter_map(|file| file.split('/').next()).collect();
    entries.dedup();
    let strange = entries.iter().filter(|entry| !entry.starts_with('.') && !TOP_LEVEL.contains(entry));
    strange
        .map(|entry| violation(entry, 1, "has no place at the top level", "move it below src, tests or templates"))
        .collect()
}

/// Migrations are `NNNN_what_it_does.sql`, counted from 0001 without a gap.
pub(super) fn migration_names(files: &[String]) -> Vec<Violation> {
    let mut names: Vec<&str> = files.iter().filter_map(|file| file.strip_prefix("migrations/")).collect();
    names.sort_unstable();
    let mut found = Vec::new();
    for (name, expected) in names.into_iter().zip(1..) {
        let well_named =
            name.strip_suffix(".sql").and_then(|stem| stem.split_once('_')).is_some_and(|(number, what)| {
                let is_lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                number == format!("{expected:04}") && !what.is_empty() && what.chars().all(is_lower)
            });
        if !well_named {
            let what = format!("is not named {expected:04}_what_it_does.sql");
            let remedy = "rename it: four digits, counted without a gap, then lower-case words";
            found.push(violation(&format!("migrations/{name}"), 1, what, remedy));
        }
    }
    found
}

/// Every column that a migration creates says what it holds: `-- …` behind it, or on the line above.
pub(super) fn column_comments(file: &str, sql: &str) -> Vec<Violation> {
    let lines: Vec<&str> = sql.lines().collect();
    let words = words(sql);
    let commented = |line: usize| {
        let above = line.checked_sub(2).and_then(|index| lines.get(index));
        lines[line - 1].contains("--") || above.is_some_and(|above| above.trim_start().starts_with("--"))
    };
    columns(&words)
        .into_iter()
        .filter(|(_, line)| !commented(*line))
        .map(|(column, line)| {
            let what = format!("the column {column} has no comment");
            violation(file, line, what, "say what it holds, in which unit: `-- …` behind it or on the line above")
        })
        .collect()
}

/// (name, line) of every column that a CREATE TABLE or an ALTER TABLE … ADD defines.
fn columns(words: &[(String, usize)]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for statement in words.split(|(word, _)| word == ";") {
        let head: Vec<String> = statement.iter().take(3).map(|(word, _)| word.to_uppercase()).collect();
        let creates = head.first().is_some_and(|word| word == "CREATE") && head.contains(&"TABLE".into());
        let creates = creates && !head.contains(&"VIRTUAL".into());
        let alters = head.first().is_some_and(|word| word == "ALTER");
        let mut depth = 0;
        for (at, (word, line)) in statement.iter().enumerate() {
            let before = at.checked_sub(1).map_or("", |before| statement[before].0.as_str());
            let begins = creates && depth == 1 && matches!(before, "(" | ",")
                || alters && before.eq_ignore_ascii_case("ADD") && !word.eq_ignore_ascii_case("COLUMN")
                || alters && before.eq_ignore_ascii_case("COLUMN") && statement[at - 2].0.eq_ignore_ascii_case("ADD");
            if begins && !CONSTRAINTS.contains(&word.to_uppercase().as_str()) {
                found.push((word.clone(), *line));
            }
            match word.as_str() {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
        }
    }
    found
}

/// The words and signs of some SQL with their lines; comments left out, a quoted text is one word.
fn words(sql: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        let start = line;
        let mut word = String::from(c);
        match c {
            '\n' => line += 1,
            '-' if chars.peek() == Some(&'-') => while chars.next_if(|next| *next != '\n').is_some() {},
            '\'' | '"' => {
                for next in chars.by_ref() {
                    line += usize::from(next == '\n');
                    word.push(next);
                    if next == c {
                        break;
                    }
                }
                found.push((word, start));
            }
            _ if c.is_whitespace() => {}
            _ if c.is_alphanumeric() || c == '_' => {
                while let Some(next) = chars.next_if(|next| next.is_alphanumeric() || *next == '_') {
                    word.push(next);
                }
                found.push((word, start));
            }
            _ => found.push((word, start)),
        }
    }
    found
}

/// No file names an absolute path below somebody's home or workspace.
pub(super) fn machine_paths(file: &str, text: &str) -> Vec<Violation> {
    // Put together here, so that this file passes its own rule.
    let folders = ["work", "home", "root", "Users"].map(|folder| format!("/{folder}/"));
    let names = |line: &str, folder: &str| {
        line.match_indices(folder).any(|(at, _)| {
            // Behind a name it is the middle of some other path, `data/work/x`, or of an address.
            !line[..at].ends_with(|before: char| before.is_alphanumeric() || "_-.$})]>*%".contains(before))
        })
    };
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for folder in folders.iter().filter(|folder| names(line, folder)) {
            let what = format!("names a path of one machine ({folder}…)");
            found.push(violation(
                file,
                index + 1,
                what,
                "use a path from the repository's root, or a temporary folder",
            ));
        }
    }
    found
}
