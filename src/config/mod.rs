//! Configuration: file, environment and flags in layers, one file per section, every problem
//! listed at once.
//!
//! **Invariant:** nothing is started before all of it was read and checked.

pub mod clients;
pub mod engine;
pub mod gateway;
pub mod limits;
pub mod memory;
pub mod modules;
pub mod node_groups;
pub mod providers;
mod readable;
pub mod reconcile;
pub mod retention;
pub mod server;
pub mod state;
pub mod templates;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::domain::fields::Fields;
use crate::domain::problem::{Problem, Problems};

pub use clients::Client;
pub use engine::{Confine, Engine};
pub use gateway::Gateway;
pub use limits::Limits;
pub use modules::Modules;
pub use node_groups::NodeGroups;
pub use providers::{AwsProvider, IgnoreTags, Providers};
pub use readable::SYSTEM;
pub use reconcile::Reconcile;
pub use retention::Retention;
pub use server::Server;
pub use state::State;
pub use templates::Templates;

const SECTIONS: [&str; 11] = [
    "server",
    "engine",
    "gateway",
    "limits",
    "state",
    "reconcile",
    "retention",
    "templates",
    "node_groups",
    "modules",
    "providers",
];

/// All settings, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// `[server]`
    pub server: Server,
    /// `[engine]`
    pub engine: Engine,
    /// `[gateway]`
    pub gateway: Gateway,
    /// `[limits]`
    pub limits: Limits,
    /// `[state]`
    pub state: State,
    /// `[reconcile]`
    pub reconcile: Reconcile,
    /// `[retention]`
    pub retention: Retention,
    /// `[templates]`
    pub templates: Templates,
    /// `[node_groups]`
    pub node_groups: NodeGroups,
    /// `[modules]`
    pub modules: Modules,
    /// `[providers.aws.<name>]`
    pub providers: Providers,
}

/// Where settings come from; later ones win.
#[derive(Clone, Default)]
pub struct Sources {
    /// A TOML file; named explicitly, it must exist.
    pub file: Option<PathBuf>,
    /// `CAPTD_SECTION__KEY` variables of the environment.
    pub environment: BTreeMap<String, String>,
    /// Flags by dotted key.
    pub flags: Vec<(String, String)>,
}

impl std::fmt::Debug for Sources {
    /// Names of variables, never what they hold.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("environment", &self.environment.keys())
            .field("flags", &self.flags)
            .finish()
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or is no TOML.
    #[error("cannot read the configuration: {0}")]
    Read(String),
    /// Settings are wrong.
    #[error("{}", list(.0))]
    Invalid(Problems),
}

fn list(problems: &Problems) -> String {
    let lines = problems.as_slice().iter().map(|p| format!("\n  {}: {}", dotted(p), p.detail));
    format!("the configuration has {} problem(s):{}", problems.count(), lines.collect::<String>())
}

/// `/engine/plans_at_once` → `engine.plans_at_once`, the spelling of the file.
fn dotted(problem: &Problem) -> String {
    problem.pointer.trim_start_matches('/').replace('/', ".")
}

impl Config {
    /// Reads and checks all settings.
    ///
    /// # Errors
    /// [`Error`], with every problem.
    pub fn load(data_dir: &Path, sources: &Sources) -> Result<Self, Error> {
        let mut value = layered(sources).map_err(|error| Error::Read(error.to_string()))?;
        let mut problems = Problems::default();
        parse(data_dir, &value, &mut problems);
        // A variable is text; where a number, a word or a list is wanted, it stands for that.
        for problem in problems.as_slice().iter().filter(|problem| problem.code == "wrong_type") {
            if sources.environment.keys().any(|name| pointer_of(name) == problem.pointer) {
                retype(&mut value, problem);
            }
        }
        let mut problems = Problems::default();
        let config = parse(data_dir, &value, &mut problems);
        check_spelling(&sources.environment, &mut problems);
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(Error::Invalid(problems)),
        }
    }
}

/// Finds variables that are meant as settings, and are none: `CAPTD_ENGINE_BINARY`.
fn check_spelling(environment: &BTreeMap<String, String>, problems: &mut Problems) {
    for name in environment.keys().filter(|name| !name.contains("__")) {
        let meant = SECTIONS.iter().find_map(|section| {
            let key = name.strip_prefix("CAPTD_")?.strip_prefix(&section.to_ascii_uppercase())?.strip_prefix('_')?;
            Some(format!("CAPTD_{}__{key}", section.to_ascii_uppercase()))
        });
        if let Some(meant) = meant {
            problems.add(format!("/{name}"), "unknown_field", format!("is no setting; did you mean `{meant}`?"));
        }
    }
}

/// `CAPTD_ENGINE__PLANS_AT_ONCE` → `/engine/plans_at_once`.
fn pointer_of(variable: &str) -> String {
    variable
        .strip_prefix("CAPTD_")
        .unwrap_or_default()
        .split("__")
        .fold(String::new(), |pointer, part| format!("{pointer}/{}", part.to_ascii_lowercase()))
}

/// Reads the text at the problem's place as what the problem says is wanted there.
fn retype(value: &mut Value, problem: &Problem) {
    let Some(place) = value.pointer_mut(&problem.pointer) else { return };
    let Some(text) = place.as_str() else { return };
    let wanted = |what: &str| problem.detail.starts_with(&format!("must be {what}"));
    let read = if wanted("a whole number") {
        text.trim().parse::<i64>().ok().map(Value::from)
    } else if wanted("true or false") {
        text.trim().parse::<bool>().ok().map(Value::from)
    } else if wanted("a list") {
        Some(text.split(',').map(|item| Value::from(item.trim())).collect())
    } else {
        None
    };
    *place = read.unwrap_or_else(|| place.take());
}

fn layered(sources: &Sources) -> Result<Value, config::ConfigError> {
    let mut builder = config::Config::builder();
    if let Some(file) = &sources.file {
        builder = builder.add_source(config::File::from(file.as_path()).format(config::FileFormat::Toml));
    }
    // Variables without a section, such as CAPTD_TOKEN, are the command line's and no settings.
    let sections = sources.environment.iter().filter(|(name, _)| name.starts_with("CAPTD_") && name.contains("__"));
    let environment = config::Environment::with_prefix("CAPTD")
        .prefix_separator("_")
        .separator("__")
        .source(Some(sections.map(|(k, v)| (k.clone(), v.clone())).collect()));
    builder = builder.add_source(environment);
    for (key, value) in &sources.flags {
        builder = builder.set_override(key, value.as_str())?;
    }
    builder.build()?.try_deserialize()
}

fn parse(data_dir: &Path, value: &Value, problems: &mut Problems) -> Option<Config> {
    let empty = Value::Object(serde_json::Map::new());
    let value = if value.is_null() { &empty } else { value };
    let mut f = Fields::open(value, "", problems)?;
    let server = section(&mut f, "server", server::parse);
    let engine = section(&mut f, "engine", |f| engine::parse(f, data_dir));
    let gateway = section(&mut f, "gateway", gateway::parse);
    let limits = section(&mut f, "limits", limits::parse);
    let state = section(&mut f, "state", |f| state::parse(f, data_dir));
    let reconcile = section(&mut f, "reconcile", reconcile::parse);
    let retention = section(&mut f, "retention", retention::parse);
    let templates = section(&mut f, "templates", templates::parse);
    let node_groups = section(&mut f, "node_groups", node_groups::parse);
    let modules = section(&mut f, "modules", modules::parse);
    let providers = section(&mut f, "providers", |f| providers::parse(f, data_dir));
    f.finish();
    if let (Some(state), Some(engine)) = (&state, &engine) {
        state::check(state, engine, data_dir, problems);
    }
    Some(Config {
        data_dir: data_dir.to_owned(),
        server: server?,
        engine: engine?,
        gateway: gateway?,
        limits: limits?,
        state: state?,
        reconcile: reconcile?,
        retention: retention?,
        templates: templates?,
        node_groups: node_groups?,
        modules: modules?,
        providers: providers?,
    })
}

/// A section that may be missing: then all of it has its default.
fn section<T>(
    f: &mut Fields<'_, '_>,
    name: &'static str,
    read: impl FnOnce(&mut Fields<'_, '_>) -> Option<T>,
) -> Option<T> {
    if f.value(name).is_some() {
        return f.object(name, read);
    }
    let empty = Value::Object(serde_json::Map::new());
    let mut nothing_wrong = Problems::default();
    let mut empty = Fields::open(&empty, "", &mut nothing_wrong)?;
    read(&mut empty)
}

/// A whole number in a range, with a default.
fn number(f: &mut Fields<'_, '_>, name: &'static str, default: u32, low: u32, high: u32) -> u32 {
    let given = f.integer_in(name, i64::from(low), i64::from(high));
    given.map_or(default, |n| u32::try_from(n).expect("invariant: the range was checked"))
}
