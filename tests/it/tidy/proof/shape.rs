//! Charters, lengths, names.

use super::{check, check_whole};

#[test]
fn files_have_charters_and_are_short() {
    check_whole("src/store/mod.rs", "use std::fs;\n", &["1: has no charter"]);
    check_whole("src/store/mod.rs", "\n//! Not on the first line.\n", &["1: has no charter"]);
    check_whole("src/store/mod.rs", "//!\n//! Says nothing first.\n", &["1: has no charter"]);
    check_whole("src/store/mod.rs", "", &["1: has no charter"]);

    let lines = |count: usize| "// …\n".repeat(count);
    check("src/store/mod.rs", &lines(400), &["401: is 401 lines long, more than 400"]);
    check("src/main.rs", &lines(40), &["41: is 41 lines long, more than 40"]);
    check("src/store/mod.rs", &lines(399), &[]);
    check("src/main.rs", &lines(39), &[]);
}

#[test]
fn functions_are_short() {
    let body = |lines: usize| format!("{{\n{}}}", "let _ = 1;\n".repeat(lines - 2));
    let (long, short) = (body(71), body(70));
    let too_long = |line: usize| format!("{line}: fn a is 71 lines long, more than 70");
    check("src/store/mod.rs", &format!("#[test]\n/// Docs.\nfn a() {long}"), &[&too_long(4)]);
    check("src/store/mod.rs", &format!("impl A {{ pub async fn a() {long} }}"), &[&too_long(2)]);
    check("src/store/mod.rs", &format!("trait A {{ fn b();\nfn a() {long} }}"), &[&too_long(3)]);
    let nested = format!("fn b() {{ fn a() {long} }}");
    check("src/store/mod.rs", &nested, &["2: fn b is 71 lines long, more than 70", &too_long(2)]);

    check("src/store/mod.rs", &format!("/// Docs.\n/// More.\nfn a() {short}\nimpl A {{ fn a() {short} }}"), &[]);
}

#[test]
fn modules_have_subjects() {
    for name in ["util", "utils", "common", "helper", "helpers", "manager", "misc"] {
        let what = format!("2: the module name `{name}` says nothing");
        check("src/lib.rs", &format!("mod {name};"), &[&what]);
        check("src/http/mod.rs", &format!("mod {name} {{}}"), &[&what]);
    }
    check("src/http/mod.rs", "mod problem;\nfn helper() {}", &[]);
}
