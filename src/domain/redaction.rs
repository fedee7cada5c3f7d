//! Values that must never be shown, and texts without them.
//!
//! **Invariant:** a set of values is searched for by one automaton, which is built once for the set and not for each text.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// What stands in a text in place of a secret.
pub const SHOWN: &str = "(secret)";

/// Characters of the shortest value that is taken for a secret: a shorter one would also be found
/// where it means nothing, as `test` would.
pub const CHARS_MIN: usize = 8;

/// Values that are known to be secret. To clone them costs nothing.
#[derive(Clone, Default)]
pub struct Secrets(Vec<Arc<Set>>);

/// Values that are searched for together.
#[derive(Default)]
struct Set {
    /// Each in all the forms in which it may be printed.
    texts: BTreeSet<String>,
    automaton: OnceLock<AhoCorasick>,
}

impl std::fmt::Debug for Secrets {
    /// How many there are, never one of them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.iter().map(|set| set.texts.len()).sum::<usize>())
    }
}

impl Secrets {
    /// Adds a value. Of one with several lines each line is a secret: a log is read line by line.
    pub fn add(&mut self, value: &str) {
        let mut new = BTreeSet::new();
        let whole = value.trim();
        for text in whole.lines().map(str::trim).chain([whole]) {
            if text.chars().count() >= CHARS_MIN {
                add_forms(&mut new, text);
            }
        }
        new.retain(|text| !self.0.iter().any(|set| set.texts.contains(text)));
        if new.is_empty() {
            return;
        }
        let mut texts = self.0.pop().map_or_else(BTreeSet::new, |last| match Arc::try_unwrap(last) {
            Ok(last) => last.texts,
            // Whoever has a clone keeps what was known when it was made.
            Err(shared) => shared.texts.clone(),
        });
        texts.append(&mut new);
        self.0.push(Arc::new(Set { texts, automaton: OnceLock::new() }));
    }

    /// The same, and `values` besides, which are searched for on their own: what many share is not built again for them.
    #[must_use]
    pub fn and<'v>(&self, values: impl IntoIterator<Item = &'v str>) -> Self {
        let mut own = Self::default();
        values.into_iter().for_each(|value| own.add(value));
        Self(self.0.iter().cloned().chain(own.0).collect())
    }

    /// Adds what a variable of the environment holds, as far as that is secret.
    pub fn add_variable(&mut self, name: &str, value: &str) {
        secrets_in_variable(name, value).for_each(|secret| self.add(secret));
    }

    /// The text with [`SHOWN`] in place of each secret.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        // What is a run's own comes last, and first here: it may stand within what is known of all.
        self.0.iter().rev().fold(text.to_owned(), |text, set| set.redact(text))
    }
}

impl Set {
    fn redact(&self, text: String) -> String {
        let automaton = self.automaton.get_or_init(|| {
            // Of one that holds another the longer is found, so that nothing of it is left.
            let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&self.texts);
            built.expect("invariant: what fits into memory has fewer than 2^31 characters")
        });
        if !automaton.is_match(&text) {
            return text;
        }
        let mut redacted = String::with_capacity(text.len());
        automaton.replace_all_with(&text, &mut redacted, |_, _, to| {
            to.push_str(SHOWN);
            true
        });
        redacted
    }
}

/// What a variable holds if by its name that is a secret, and the password in an address
/// (`http://user:password@proxy`).
pub fn secrets_in_variable<'v>(name: &str, value: &'v str) -> impl Iterator<Item = &'v str> {
    let whole = names_a_secret(name).then_some(value);
    let authority = value.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    let user_info = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user_info, _)| user_info);
    let password = user_info.and_then(|user_info| user_info.split_once(':')).map(|(_, password)| password);
    whole.into_iter().chain(password)
}

/// A text as it is, and as Terraform, its functions and those that it calls print it.
fn add_forms(forms: &mut BTreeSet<String>, text: &str) {
    let quoted = hcl(text);
    // In an output, in what `jsonencode` made of it, in a plan; each of them within Terraform's own log.
    for form in [json(text), json_of_a_web_page(text), quoted.clone()] {
        forms.extend([json_of_a_web_page(&form), json(&form)]);
        forms.insert(form);
    }
    forms.extend([percent(text, b"-_.~", "%20"), percent(text, b"-_.~", "+"), percent(text, b"-_.~!'()*", "%20")]);
    forms.insert(percent(text, b"-_.~$&+=:@", "%20"));
    forms.extend([STANDARD.encode(text), STANDARD_NO_PAD.encode(text), URL_SAFE.encode(text)]);
    forms.insert(URL_SAFE_NO_PAD.encode(text));
    forms.extend((0..3).flat_map(|before| within_base64(text, before)));
    forms.retain(|form| form.chars().count() >= CHARS_MIN);
    forms.insert(text.to_owned());
}

/// As JSON has it.
fn json(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json[1..json.len() - 1].to_owned()
}

/// As Go writes JSON, and Terraform with it.
fn json_of_a_web_page(text: &str) -> String {
    let escapes =
        [('&', "\\u0026"), ('<', "\\u003c"), ('>', "\\u003e"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];
    escapes.iter().fold(json(text), |text, (character, escape)| text.replace(*character, escape))
}

/// As Terraform shows a text in a plan.
fn hcl(text: &str) -> String {
    json(text).replace("${", "$${").replace("%{", "%%{")
}

/// In an address: what is neither letter, digit nor among `kept` as `%XX`.
fn percent(text: &str, kept: &[u8], space: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => space.to_owned(),
        byte if byte.is_ascii_alphanumeric() || kept.contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// What base64 makes of a text for certain where others stand around it, `before` bytes of which share its first group of
/// three: as in a header `Authorization: Basic`, or in a kubeconfig that was encoded as a whole.
fn within_base64(text: &str, before: usize) -> [String; 2] {
    let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(text.bytes()).collect();
    let certain = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
    [STANDARD_NO_PAD.encode(&bytes)[certain.clone()].to_owned(), URL_SAFE_NO_PAD.encode(&bytes)[certain].to_owned()]
}

/// Whether a variable of this name holds a secret. One that ends in `_FILE` says where one lies.
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let tells =
        ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "ACCESS_KEY", "PRIVATE_KEY", "API_KEY"];
    !name.ends_with("_FILE") && (name.ends_with("_KEY") || tells.iter().any(|word| name.contains(word)))
}
