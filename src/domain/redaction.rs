//! Values that must never be shown, and texts without them.

/// What stands in a text in place of a secret.
pub const SHOWN: &str = "(secret)";

/// Characters of the shortest value that is taken for a secret: a shorter one would also be found
/// where it means nothing, as `test` would.
pub const CHARS_MIN: usize = 8;

/// Values that are known to be secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<String>);

impl std::fmt::Debug for Secrets {
    /// How many there are, never one of them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

impl Secrets {
    /// Adds a value. Of one with several lines each line is a secret: a log is read line by line.
    pub fn add(&mut self, value: &str) {
        let lines = value.lines().map(str::trim);
        for line in lines.filter(|line| line.chars().count() >= CHARS_MIN) {
            self.add_text(line.to_owned());
            self.add_text(escaped(line));
        }
    }

    fn add_text(&mut self, text: String) {
        if !self.0.contains(&text) {
            self.0.push(text);
            // One that holds another goes first, so that nothing of it is left.
            self.0.sort_by_key(|text| std::cmp::Reverse(text.len()));
        }
    }

    /// Adds what a variable of the environment holds, if by its name that is a secret, and the
    /// password in an address (`http://user:password@proxy`).
    pub fn add_variable(&mut self, name: &str, value: &str) {
        if names_a_secret(name) {
            self.add(value);
        }
        let authority = value.split_once("://").and_then(|(_, rest)| rest.split('/').next());
        let user_info = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user_info, _)| user_info);
        if let Some((_, password)) = user_info.and_then(|user_info| user_info.split_once(':')) {
            self.add(password);
        }
    }

    /// The text with [`SHOWN`] in place of each secret.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), SHOWN) } else { text }
        })
    }
}

/// As Terraform writes a text into its JSON log.
fn escaped(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json[1..json.len() - 1].replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

/// Whether a variable of this name holds a secret. One that ends in `_FILE` says where one lies.
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let tells =
        ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "ACCESS_KEY", "PRIVATE_KEY", "API_KEY"];
    !name.ends_with("_FILE") && (name.ends_with("_KEY") || tells.iter().any(|word| name.contains(word)))
}
