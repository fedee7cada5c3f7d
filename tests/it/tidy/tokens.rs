//! What may appear only in its one place, or nowhere: SQL, processes, clocks, silenced lints, unfinished work.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::paths::{NamedPath, paths};
use super::{Source, Violation};

/// The file that reads the clock, and hands it in everywhere else.
const CLOCK: &str = "src/domain/time.rs";

const CLOCK_READINGS: &[&[&str]] = &[
    &["SystemTime", "now"],
    &["Instant", "now"],
    &["Timestamp", "now"],
    &["ZonedDateTime", "now"],
    &["Uuid", "now_v7"],
];

pub(super) fn sql(source: &Source) -> Vec<Violation> {
    if is_in(source, "store") {
        return Vec::new();
    }
    at_each(source, |trees| match trees {
        [TokenTree::Ident(ident), ..] if ident == "sqlx" => {
            Some(("names sqlx outside store/".into(), "give store/ a function that says what is wanted, and call that"))
        }
        _ => None,
    })
}

pub(super) fn processes(source: &Source) -> Vec<Violation> {
    if is_in(source, "supervisor") || source.in_crate().is_some_and(|name| ["process", "gateway"].contains(&name)) {
        return Vec::new();
    }
    let starts = |path: &NamedPath| {
        path.names(&["process", "Command"])
            || path.names(&["process", "*"])
            || path.names(&["tokio", "process"])
            || path.names(&["Command", "new"]) && !path.names(&["clap", "Command"])
    };
    let remedy =
        "let supervisor/ start it, so that it can be found again; a `Command` that is no process is `clap::Command`";
    paths(&source.tokens)
        .iter()
        .filter(|path| starts(path))
        .map(|path| {
            let what = format!("starts a process (`{path}`) outside supervisor/, crates/process and crates/gateway");
            source.violation(path.line, what, remedy)
        })
        .collect()
}

pub(super) fn clocks(source: &Source) -> Vec<Violation> {
    if source.file == CLOCK {
        return Vec::new();
    }
    let reads = |path: &NamedPath| CLOCK_READINGS.iter().any(|reading| path.names(reading));
    paths(&source.tokens)
        .iter()
        .filter(|path| reads(path))
        .map(|path| {
            let what = format!("reads the clock (`{path}`) outside domain/time.rs");
            source.violation(path.line, what, "take a domain::time::Clock as an argument")
        })
        .collect()
}

pub(super) fn unwraps(source: &Source) -> Vec<Violation> {
    at_each(source, |trees| match trees {
        [TokenTree::Punct(dot), TokenTree::Ident(name), TokenTree::Group(call), ..]
            if dot.as_char() == '.' && name == "unwrap" && call.stream().is_empty() =>
        {
            Some((
                "`.unwrap()` outside the tests".into(),
                "return the error, or say why it cannot be: expect(\"invariant: …\")",
            ))
        }
        _ => None,
    })
}

/// `#[allow(…)]` and `#[expect(…)]` say why, also inside `cfg_attr`.
pub(super) fn allows(source: &Source) -> Vec<Violation> {
    at_each(source, |trees| {
        let silences = |at: &[TokenTree]| match at {
            [TokenTree::Ident(name), TokenTree::Group(lints), ..] if name == "allow" || name == "expect" => {
                let reasoned = lints.stream().into_iter().any(|tree| is_word(&tree, "reason"));
                (!reasoned).then(|| format!("#[{name}(…)] without a reason"))
            }
            _ => None,
        };
        let mut found = Vec::new();
        visit(attribute(trees)?.stream(), &mut |at| {
            found.extend(silences(at));
        });
        Some((found.into_iter().next()?, "mend what the lint found, or add `reason = \"…\"`"))
    })
}

/// Ignored tests, and macros that stand for work not done. Holds for `src/` and `tests/` alike.
pub(super) fn unfinished(source: &Source) -> Vec<Violation> {
    at_each(source, |trees| {
        if let Some(attribute) = attribute(trees) {
            let ignores = attribute.stream().into_iter().next().is_some_and(|tree| is_word(&tree, "ignore"));
            return ignores.then(|| ("#[ignore]".into(), "make the test pass, or delete it"));
        }
        match trees {
            [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(_), ..]
                if bang.as_char() == '!' && ["todo", "unimplemented", "dbg"].contains(&name.to_string().as_str()) =>
            {
                Some((format!("{name}!"), "finish it, or return an error that says what is missing"))
            }
            _ => None,
        }
    })
}

fn is_in(source: &Source, room: &str) -> bool {
    source.below_src().is_some_and(|file| file.split(['/', '.']).next() == Some(room))
}

fn is_word(tree: &TokenTree, word: &str) -> bool {
    matches!(tree, TokenTree::Ident(ident) if ident == word)
}

/// The brackets, when these tokens begin with `#[…]` or `#![…]`.
fn attribute(trees: &[TokenTree]) -> Option<&Group> {
    let is = |tree: &TokenTree, sign| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == sign);
    let (hash, rest) = trees.split_first()?;
    let rest = if is(rest.first()?, '!') { &rest[1..] } else { rest };
    match rest.first()? {
        TokenTree::Group(group) if is(hash, '#') && group.delimiter() == Delimiter::Bracket => Some(group),
        _ => None,
    }
}

/// Shows a rule the tokens from each position on, at every depth, and collects what it finds there.
fn at_each(source: &Source, rule: impl Fn(&[TokenTree]) -> Option<(String, &'static str)>) -> Vec<Violation> {
    let mut found = Vec::new();
    visit(source.tokens.clone(), &mut |trees| {
        if let Some((what, remedy)) = rule(trees) {
            found.push(source.violation(trees[0].span().start().line, what, remedy));
        }
    });
    found
}

fn visit(tokens: TokenStream, show: &mut impl FnMut(&[TokenTree])) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, tree) in trees.iter().enumerate() {
        show(&trees[at..]);
        if let TokenTree::Group(group) = tree {
            visit(group.stream(), show);
        }
    }
}
