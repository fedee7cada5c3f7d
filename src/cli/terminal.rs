//! What others have written, as it may reach a terminal: characters that steer one are made visible.
//!
//! **Invariant:** nothing that a person sees was moved, coloured, hidden or turned around by a text that captd shows.

use std::borrow::Cow;

/// Whether a character steers a terminal, or the direction in which a text is read. A newline and a tab do no harm.
fn steers(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}

/// The text with each such character written out as JSON does it (`\u001b`), so that what is JSON stays the same JSON.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            steering if steers(steering) => shown.push_str(&format!("\\u{:04x}", u32::from(steering))),
            other => shown.push(other),
        }
    }
    Cow::Owned(shown)
}

/// Bytes that come in pieces, for a terminal: a character that is cut in two waits for its second half.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    rest: Vec<u8>,
}

impl Pieces {
    /// What can be shown of all that has come.
    pub(super) fn next(&mut self, piece: &[u8]) -> String {
        self.rest.extend_from_slice(piece);
        let whole = match std::str::from_utf8(&self.rest) {
            // No more than three bytes of a character that may go on; what is wrong within is shown as such.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.rest.len(),
        };
        let rest = self.rest.split_off(whole);
        let text = String::from_utf8_lossy(&std::mem::replace(&mut self.rest, rest)).into_owned();
        visible(&text).into_owned()
    }
}
