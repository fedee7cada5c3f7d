//! Any text as a literal of Terraform's language, read back by the real Terraform.

use captd::render::quote;

use super::{apply, nfc};

/// What could end a string, begin a template or a comment, be normalised, or be lost on the way.
const PIECES: [&str; 36] = [
    "${", "%{", "$${", "%%{", "$", "%", "{", "}", "~", "\"", "'", "`", "\\", "\n", "\r", "\t", "\0", "\u{1}", "\u{1b}",
    "\u{7f}", "\u{85}", "\u{feff}", "\u{2028}", "\u{ffff}", "e\u{301}", "é", "\u{301}", "\u{200d}", "\u{202e}", "😀",
    "#", "/*", "<<EOT", "u0041", " ", "x",
];

/// Texts that mean something if they are not escaped.
const WHOLE: [&str; 8] = [
    "",
    "${file(\"/etc/passwd\")}",
    "%{ if true }yes%{ endif }",
    "${x}%${var.y}",
    "$${literal} %%{literal}",
    "${~ \"trimmed\" ~}",
    "\" }\nlocals { evil = 1 }\nx = \"",
    "\\u0041\\${x}",
];

/// Every piece, every pair of them, and five hundred longer texts that are always the same.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = WHOLE.iter().chain(&PIECES).map(|text| (*text).to_owned()).collect();
    texts.extend(PIECES.iter().flat_map(|a| PIECES.iter().map(move |b| format!("{a}{b}"))));
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below).unwrap()
    };
    for _ in 0..500 {
        let length = 3 + next(8);
        texts.push((0..length).map(|_| PIECES[next(PIECES.len() as u64)]).collect());
    }
    texts
}

#[test]
fn literals_are_written_as_terraform_wants_them() {
    for (text, literal) in [
        ("", r#""""#),
        ("plain é 😀", r#""plain é 😀""#),
        ("say \"hi\"", r#""say \"hi\"""#),
        ("back\\slash", r#""back\\slash""#),
        ("a\nb\tc\rd", r#""a\nb\tc\rd""#),
        ("${x}", r#""$${x}""#),
        ("%{x}", r#""%%{x}""#),
        ("$ % $x %x {} $$ %%", r#""$ % $x %x {} $$ %%""#),
        ("\u{1}\u{7f}\u{85}\u{feff}\u{2028}", r#""\u0001\u007F\u0085\uFEFF\u2028""#),
    ] {
        assert_eq!(quote(text), literal);
    }
}

#[test]
fn the_real_terraform_reads_every_literal_as_the_text_that_it_was() {
    if !crate::support::requires("terraform") {
        return;
    }
    let texts = texts();
    assert!(texts.len() > 1_500);
    let literals: Vec<String> = texts.iter().map(|text| format!("    {},\n", quote(text))).collect();
    let folder = tempfile::tempdir().unwrap();
    let main = format!(
        "locals {{\n  texts = [\n{}  ]\n}}\noutput \"texts\" {{\n  value = local.texts\n}}\n",
        literals.concat()
    );
    std::fs::write(folder.path().join("main.tf"), main).unwrap();

    let read = apply(folder.path())["texts"].as_array().unwrap().clone();
    assert_eq!(read.len(), texts.len());
    for (text, read) in texts.iter().zip(&read) {
        assert_eq!(read.as_str(), Some(nfc(text).as_str()), "written as {}", quote(text));
    }
}
