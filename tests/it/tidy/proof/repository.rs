//! The top level, migrations, paths.

use super::super::repository;
use super::assert_found;

#[test]
fn the_repository_is_tidy() {
    let files = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let top = repository::top_level(&files(&["docs/a.md", "docs/b.md", "notes.txt", "src/a.rs", ".ci/run", "LICENSE"]));
    assert_found(&top, &["1: has no place at the top level", "1: has no place at the top level"]);
    assert_eq!(top[0].file, "docs");

    let misnamed = ["migrations/0001_first.sql", "migrations/0003_gap.sql", "migrations/4_Short.sql"];
    let expected = ["1: is not named 0002_what_it_does.sql", "1: is not named 0003_what_it_does.sql"];
    assert_found(&repository::migration_names(&files(&misnamed)), &expected);
    assert_found(&repository::migration_names(&files(&["migrations/0001_runs.sql", "migrations/0002_a_b.sql"])), &[]);

    let path = |folder: &str| format!("see \"/{folder}/me/x\"\n");
    let found = repository::machine_paths("README.md", &["home", "root", "work", "Users"].map(path).concat());
    assert_eq!(found.iter().map(|found| found.line).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let good = ["https://example.com", "~/x", "$DIR", "templates"].map(|start| format!("{start}{}/", path("work")));
    let good = good.concat().replace("see \"", "");
    assert_found(&repository::machine_paths("README.md", &good), &[]);
}

#[test]
fn columns_are_commented() {
    let bad = "-- Runs.\nCREATE TABLE runs (\n  id TEXT PRIMARY KEY, -- it's a UUID; version 7\n\n  state TEXT NOT NULL\n    \
               CHECK (state IN ('a', '--b')),\n  -- Seconds.\n  age INTEGER,\n  bare TEXT,\n  UNIQUE (id, state)\n) STRICT;\n\
               CREATE INDEX a ON runs (state, age);\nALTER TABLE runs ADD COLUMN late TEXT;\nALTER TABLE runs ADD late2 TEXT;\n";
    let expected = [
        "5: the column state has no comment",
        "9: the column bare has no comment",
        "13: the column late has no comment",
        "14: the column late2 has no comment",
    ];
    assert_found(&repository::column_comments("migrations/0001_runs.sql", bad), &expected);

    let good = "CREATE TABLE IF NOT EXISTS \"a\" (\n  id TEXT, -- Which.\n  CHECK (id <> '')\n);\n\
                -- When.\nALTER TABLE a RENAME COLUMN id TO name;\nALTER TABLE a ADD COLUMN at TEXT; -- When.\n";
    assert_found(&repository::column_comments("migrations/0001_a.sql", good), &[]);
}
