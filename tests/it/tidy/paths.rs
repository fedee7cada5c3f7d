//! Every path a file names, read from its tokens: imports, expressions, types, and the insides of macros alike.
//!
//! **Invariant:** knows no rule.

use std::fmt::{self, Display};

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// `a::b::c`, with the groups of a `use` tree spread out: `a::{b, c::*}` gives `a::b` and `a::c::*`.
pub(super) struct NamedPath {
    /// The segments. A trailing `*` is a glob, a trailing `as` stands for a renaming.
    pub(super) segments: Vec<String>,
    /// How many inline `mod name { … }` stand around it: what the first `super`s lead out of.
    pub(super) inline_modules: usize,
    pub(super) line: usize,
}

impl NamedPath {
    /// Whether these segments follow each other somewhere in the path.
    pub(super) fn names(&self, sequence: &[&str]) -> bool {
        self.segments.windows(sequence.len()).any(|window| window == sequence)
    }
}

impl Display for NamedPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.segments.join("::");
        match text.strip_suffix("::as") {
            Some(renamed) => write!(out, "{renamed} as …"),
            None => out.write_str(&text),
        }
    }
}

pub(super) fn paths(tokens: &TokenStream) -> Vec<NamedPath> {
    let mut found = Vec::new();
    walk(tokens.clone(), &[], 0, &mut found);
    found
}

/// Reads one level of tokens. `prefix` is what stands before the braces of a `use` group.
fn walk(tokens: TokenStream, prefix: &[String], inline_modules: usize, found: &mut Vec<NamedPath>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        match tree {
            TokenTree::Ident(_) if inline_module(&trees[at..]).is_some() => {
                let body = inline_module(&trees[at..]).map(Group::stream).unwrap_or_default();
                walk(body, &[], inline_modules + 1, found);
                at += 3;
            }
            TokenTree::Ident(_) => at = chain(&trees, at, prefix, inline_modules, found),
            TokenTree::Punct(punct) if punct.as_char() == '*' && !prefix.is_empty() => {
                at = chain(&trees, at, prefix, inline_modules, found);
            }
            TokenTree::Group(group) => {
                walk(group.stream(), &[], inline_modules, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Reads the path that starts at `at`, and returns where it ends.
fn chain(
    trees: &[TokenTree],
    mut at: usize,
    prefix: &[String],
    inline_modules: usize,
    found: &mut Vec<NamedPath>,
) -> usize {
    let line = trees[at].span().start().line;
    let mut segments = prefix.to_vec();
    loop {
        match trees.get(at) {
            // `a::{self, b}`: the first entry is `a`.
            Some(TokenTree::Ident(ident)) if ident == "self" && !segments.is_empty() => {}
            Some(TokenTree::Ident(ident)) => segments.push(ident.to_string()),
            Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => segments.push("*".into()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                walk(group.stream(), &segments, inline_modules, found);
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        if !is_path_separator(&trees[at..]) {
            break;
        }
        at += 2;
    }
    if matches!(trees.get(at), Some(TokenTree::Ident(ident)) if ident == "as") {
        segments.push("as".into());
        // In a `use` group the new name would read as one more import; elsewhere `as` may precede a type's path.
        at += if prefix.is_empty() { 1 } else { 2 };
    }
    found.push(NamedPath { segments, inline_modules, line });
    at
}

/// The body, when these tokens begin with `mod name { … }`.
fn inline_module(trees: &[TokenTree]) -> Option<&Group> {
    match trees {
        [TokenTree::Ident(keyword), TokenTree::Ident(_), TokenTree::Group(body), ..]
            if keyword == "mod" && body.delimiter() == Delimiter::Brace =>
        {
            Some(body)
        }
        _ => None,
    }
}

fn is_path_separator(trees: &[TokenTree]) -> bool {
    match trees {
        [TokenTree::Punct(first), TokenTree::Punct(second), ..] => {
            first.as_char() == ':' && first.spacing() == Spacing::Joint && second.as_char() == ':'
        }
        _ => false,
    }
}
