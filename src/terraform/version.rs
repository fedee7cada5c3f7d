//! Which Terraform it is, and whether captd can drive it.

use serde_json::Value;

/// The oldest Terraform that captd drives.
pub const OLDEST: (u32, u32) = (1, 6);

/// Reads the answer of `terraform version -json`.
///
/// # Errors
/// A sentence, when it is no such answer or the version is too old.
pub fn check(answer: &str) -> Result<String, String> {
    let value: Value = serde_json::from_str(answer)
        .map_err(|_| format!("`version -json` answered no JSON: {}", answer.chars().take(200).collect::<String>()))?;
    let version = value["terraform_version"].as_str().ok_or("`version -json` names no terraform_version")?;
    let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u32>().ok());
    let found = numbers.next().flatten().zip(numbers.next().flatten());
    match found {
        Some(found) if found >= OLDEST => Ok(version.to_owned()),
        Some(_) => Err(format!("it is version {version}, and captd needs {}.{} or newer", OLDEST.0, OLDEST.1)),
        None => Err(format!("`{version}` is no version")),
    }
}
