//! What only looks alike to captd's parser and to Terraform's.

use crate::Violation;

/// Lines with nothing but a word and a space of another kind. Terraform ends a heredoc at such a line, captd's parser
/// does not: what follows would be text to the one and code to the other.
pub(crate) fn odd_lines(text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (number, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let word = line.trim();
        let is_word = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
        if is_word && line.trim_matches([' ', '\t']) != word {
            let detail =
                "a space of an unusual kind stands beside the only word of this line; write a plain one".to_owned();
            found.push(Violation { line: number + 1, code: "not_hcl", detail });
        }
    }
    found
}
