//! Text as a literal of Terraform's language, and a look at what was written.

use std::fmt::Write;

use hcl_edit::structure::Body;

/// Writes `text` as a quoted HCL string that means exactly `text`.
///
/// `${` and `%{` begin a template; doubled they stand for themselves. A lone `$` or `%` must not
/// be doubled. Libraries were tried and found wrong: some write `${x}%${y}` as a live template.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if chars.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            c if c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}') => {
                write!(out, "\\u{:04X}", u32::from(c)).expect("invariant: a string takes any text");
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Parses a file, so that what Terraform could not read is found before it runs.
///
/// # Errors
/// Where and why it is no HCL.
pub(super) fn check(text: &str) -> Result<Body, String> {
    text.parse::<Body>().map_err(|error| error.to_string().trim().to_owned())
}
