//! What Terraform finds wrong, in JSON: the one object of `validate -json`, with a place and a piece of text for each
//! finding, and the diagnostics among the events of `plan -json` and `apply -json`.

use serde_json::Value;

use crate::domain::failure::Origin;

/// Characters of one finding's text; a template sees all of its own file anyway.
const TEXT_CHARS_MAX: usize = 1_000;

/// One thing that is wrong, in Terraform's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file below the root module; absent where Terraform names none.
    pub file: Option<String>,
    /// `main.tf line 3: Summary: detail (`the text itself`)`.
    pub text: String,
}

/// The errors of an answer, in the order in which Terraform gives them; warnings are left out.
/// `None` when it is no such answer, or says that all is well.
#[must_use]
pub fn errors(stdout: &str) -> Option<Vec<Diagnostic>> {
    let answer: Value = serde_json::from_str(stdout).ok()?;
    let all = answer["diagnostics"].as_array()?.iter();
    let errors: Vec<Diagnostic> = all.filter(|it| it["severity"] == "error").map(diagnostic).collect();
    (!errors.is_empty()).then_some(errors)
}

fn diagnostic(it: &Value) -> Diagnostic {
    let text = |name: &str| it[name].as_str().map(one_line).filter(|text| !text.is_empty());
    let file = it["range"]["filename"].as_str().map(str::to_owned);
    let line = it["range"]["start"]["line"].as_u64();
    let place = file.as_ref().map(|file| line.map_or_else(|| file.clone(), |line| format!("{file} line {line}")));
    let parts: Vec<String> = [place, text("summary"), text("detail")].into_iter().flatten().collect();
    let mut text = parts.join(": ");
    if let Some(code) = it["snippet"]["code"].as_str().map(one_line).filter(|code| !code.is_empty()) {
        text.push_str(&format!(" (`{code}`)"));
    }
    Diagnostic { file, text: text.chars().take(TEXT_CHARS_MAX).collect() }
}

/// Where the errors in a log of `plan -json` or `apply -json` point; none for a log of another kind.
#[must_use]
pub fn origins(stdout: &str) -> Vec<Origin> {
    let events = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let errors = events.filter(|it| it["type"] == "diagnostic" && it["diagnostic"]["severity"] == "error");
    errors.map(|it| origin(&it["diagnostic"])).collect()
}

/// What names a resource comes from its provider, and is about a setting where it does not point at the resource's
/// block as a whole. What Terraform itself finds in a template names no resource.
fn origin(diagnostic: &Value) -> Origin {
    if diagnostic["range"]["filename"].as_str().is_none() {
        return Origin::Elsewhere;
    }
    let Some(address) = diagnostic["address"].as_str().filter(|address| !address.is_empty()) else {
        return Origin::Template;
    };
    let code = diagnostic["snippet"]["code"].as_str().map(str::trim_start);
    let is_block = code.is_none_or(|code| {
        let word = code.split(|c: char| !c.is_ascii_alphanumeric()).next();
        matches!(word, Some("resource" | "data" | "ephemeral" | "module" | "provisioner" | "connection" | "import"))
    });
    if is_block && !address.starts_with("provider[") { Origin::Elsewhere } else { Origin::Setting }
}

/// The words of a text that Terraform breaks into lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same of the text that other commands write: `… on main.tf line 3: …`, `… at main.tf:3.`
#[must_use]
pub fn of_text(text: &str) -> Diagnostic {
    let text = one_line(text);
    let words: Vec<&str> = text.split(' ').collect();
    let file = words.iter().zip(words.iter().skip(1).chain([&""])).find_map(|(word, next)| {
        let (before, after) = word.split_once(".tf")?;
        let is_place = after.starts_with(':') || (after.is_empty() && *next == "line");
        is_place.then(|| format!("{before}.tf"))
    });
    Diagnostic { file, text: text.chars().take(TEXT_CHARS_MAX).collect() }
}
