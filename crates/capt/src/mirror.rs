//! Modules that stand in for those that cannot be reached: which of them serves a `source` and a `version`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Stand-ins by the source that they stand in for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirror(pub BTreeMap<String, Mirrored>);

/// One stand-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// The version whose inputs and outputs it has.
    pub version: Version,
    /// Its files by path.
    pub files: BTreeMap<String, String>,
}

/// A version: `20.37.2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(Vec<u64>);

impl Version {
    /// Reads one.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.trim().split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>();
        let parts = parts.filter(|parts| (1..=3).contains(&parts.len()));
        parts.map(Self).ok_or_else(|| format!("`{text}` is no version such as 20.37.2"))
    }

    fn part(&self, place: usize) -> u64 {
        self.0.get(place).copied().unwrap_or_default()
    }

    fn compare(&self, other: &Self) -> Ordering {
        (0..3).map(|place| self.part(place).cmp(&other.part(place))).find(|it| it.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// Whether it is one that Terraform's constraint allows: `~> 20.0, != 20.3.0`.
    ///
    /// # Errors
    /// A sentence that says what of the constraint is none.
    pub fn is_allowed_by(&self, constraint: &str) -> Result<bool, String> {
        let mut allowed = true;
        for part in constraint.split(',').map(str::trim) {
            let at = part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
            let (operator, version) = part.split_at(at);
            let version = Self::parse(version).map_err(|error| format!("`{part}`: {error}"))?;
            let order = self.compare(&version);
            allowed &= match operator.trim() {
                "" | "=" => order.is_eq(),
                "!=" => order.is_ne(),
                ">" => order.is_gt(),
                ">=" => order.is_ge(),
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                "~>" => order.is_ge() && (0..version.0.len() - 1).all(|place| self.part(place) == version.part(place)),
                other => return Err(format!("`{part}`: `{other}` compares nothing")),
            };
        }
        Ok(allowed)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

impl Mirror {
    /// The stand-in for a module; none when the source is not mirrored.
    ///
    /// # Errors
    /// A sentence that says why the stand-in does not serve.
    pub fn find(&self, source: &str, constraint: Option<&str>) -> Result<Option<&Mirrored>, String> {
        let Some(found) = self.0.get(source.trim_start_matches("registry.terraform.io/")) else { return Ok(None) };
        let Some(constraint) = constraint else { return Ok(Some(found)) };
        if found.version.is_allowed_by(constraint)? {
            return Ok(Some(found));
        }
        Err(format!(
            "version `{constraint}` is wanted of `{source}`, and [modules.mirror] has {}; allow that one, or mirror another",
            found.version
        ))
    }
}
