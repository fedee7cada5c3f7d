//! Kubernetes' rules for what is written on its objects: keys and values of labels and taints, keys of annotations
//! (`IsQualifiedName`, `IsValidLabelValue` and `IsDNS1123Subdomain` of apimachinery), whole.

/// Characters of a name and of a value.
const NAME_MAX: usize = 63;
/// Characters of the domain before a key's `/`.
const DOMAIN_MAX: usize = 253;
/// Characters of a text that an error message shows.
const SHOWN_MAX: usize = 80;

/// Checks a label.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_label(key: &str, value: &str) -> Result<(), String> {
    check_key(key)?;
    check_value(value)
}

/// Checks the key of a label or of a taint: `NAME` or `DOMAIN/NAME`.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_key(key: &str) -> Result<(), String> {
    let what = format!("the key `{}`", shown(key));
    if key.is_empty() {
        return Err("a key cannot be empty; write a name, such as team or example.com/team".to_owned());
    }
    let mut parts = key.split('/');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    if parts.next().is_some() {
        return Err(format!("{what} has more than one `/`; write a name, or a domain, one `/` and a name"));
    }
    let Some(name) = second else { return check_word(first, &what) };
    if first.is_empty() {
        return Err(format!("{what} has no domain before its `/`; write example.com/NAME, or the name alone"));
    }
    if !is_subdomain(first) {
        return Err(format!(
            "{what} has `{}` before its `/`, which is not a DNS domain: lower-case letters, digits and `-` in parts that are separated by `.`, each with a letter or digit at both ends, {DOMAIN_MAX} characters at most",
            shown(first)
        ));
    }
    if name.is_empty() {
        return Err(format!("{what} has no name behind its `/`; write {first}/NAME"));
    }
    check_word(name, &what)
}

/// Checks the key of an annotation: as that of a label, and its domain may have capitals.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_annotation(key: &str) -> Result<(), String> {
    check_key(&key.to_lowercase())
}

/// Checks the value of a label or of a taint, which may be empty.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() { Ok(()) } else { check_word(value, &format!("the value `{}`", shown(value))) }
}

/// 1 to 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends.
fn check_word(word: &str, what: &str) -> Result<(), String> {
    let takes = "it takes letters, digits, `-`, `_` and `.`";
    if let Some(odd) = word.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(*c))) {
        return Err(format!("{what} has {}; {takes}", named(odd)));
    }
    let ends =
        word.chars().next().map(|c| ("begins", c)).into_iter().chain(word.chars().next_back().map(|c| ("ends", c)));
    if let Some((verb, odd)) = ends.into_iter().find(|(_, c)| !c.is_ascii_alphanumeric()) {
        return Err(format!("{what} {verb} with {}; it begins and ends with a letter or digit", named(odd)));
    }
    if word.len() > NAME_MAX {
        return Err(format!("{what} has {} characters where {NAME_MAX} are the most", word.len()));
    }
    Ok(())
}

/// Whether a text is a DNS subdomain (RFC 1123).
fn is_subdomain(text: &str) -> bool {
    let fits = |part: &str| {
        part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !(part.is_empty() || part.starts_with('-') || part.ends_with('-'))
    };
    text.len() <= DOMAIN_MAX && text.split('.').all(fits)
}

fn named(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        c if c.is_ascii_graphic() => format!("`{c}`"),
        c => format!("the character U+{:04X}", u32::from(c)),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}
