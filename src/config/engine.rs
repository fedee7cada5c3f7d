//! `[engine]`: which Terraform runs, how many at once, for how long.

use std::path::{Path, PathBuf};

use super::memory;
use crate::domain::fields::Fields;

/// Whether terraform and all that it starts are confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confine {
    /// Without it the daemon does not start.
    Required,
    /// Where the kernel can do it.
    Preferred,
    /// Never.
    Off,
}

/// `[engine]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Name on the PATH, or a path.
    pub binary: String,
    /// A folder of providers, laid out as Terraform's filesystem mirror.
    pub provider_mirror: Option<PathBuf>,
    /// Runs that plan at the same time; planning costs CPU and memory here.
    pub plans_at_once: u32,
    /// The same while providers are warm.
    pub warm_plans_at_once: u32,
    /// Runs that apply at the same time; an apply mostly waits for the cloud, and needs memory.
    pub applies_at_once: u32,
    /// The same while providers are warm.
    pub warm_applies_at_once: u32,
    /// Runs that work on one cluster at the same time; EKS throttles by cluster.
    pub runs_per_cluster_at_once: u32,
    /// Open runs; beyond it, writes that need a run are answered 429.
    pub queue_length_max: u32,
    /// Seconds for preparing and planning together; then the run fails with class timeout.
    pub plan_seconds_max: u32,
    /// Bytes of one run's log that are shown.
    pub log_bytes_max: u32,
    /// Names of the daemon's environment variables that terraform inherits, besides the few that
    /// it needs everywhere.
    pub pass_environment: Vec<String>,
    /// Whether provider processes are kept warm and shared between runs.
    pub gateway: bool,
    /// Whether terraform is confined.
    pub confine: Confine,
    /// What a confined terraform may read and execute besides what it needs everywhere.
    pub confine_read: Vec<PathBuf>,
    /// What a confined terraform may write besides its own folders.
    pub confine_write: Vec<PathBuf>,
}

pub(super) fn parse(f: &mut Fields<'_, '_>, data_dir: &Path) -> Option<Engine> {
    let cores = std::thread::available_parallelism().map_or(2, |n| u32::try_from(n.get()).unwrap_or(2));
    let binary = f.text("binary").unwrap_or_else(|| "terraform".to_owned());
    if binary.trim().is_empty() {
        f.problem("binary", "invalid_value", "names no program; leave it out for `terraform` on the PATH");
    }
    let provider_mirror = f.text("provider_mirror").map(PathBuf::from);
    if provider_mirror.as_ref().is_some_and(|path| !path.is_dir()) {
        f.problem(
            "provider_mirror",
            "not_found",
            "is no folder that exists; it should hold registry.terraform.io/hashicorp/aws/…",
        );
    }
    let confine = confine(f);
    let confine_read = open_paths(f, "confine_read", data_dir);
    let confine_write = open_paths(f, "confine_write", data_dir);
    if confine != Confine::Off && provider_mirror.as_ref().is_some_and(|path| holds(path, data_dir)) {
        f.problem("provider_mirror", "invalid_value", format!("{HOLDS_DATA}; move one of the two"));
    }
    let gateway = gateway(f);
    let plans_given = f.value("plans_at_once").is_some();
    let plans_at_once = super::number(f, "plans_at_once", cores.min(1_024), 1, 1_024);
    let (applies, warm_applies) = memory::applies(memory::bytes());
    let applies_given = f.value("applies_at_once").is_some();
    let applies_at_once = super::number(f, "applies_at_once", applies, 1, 4_096);
    Some(Engine {
        binary,
        provider_mirror,
        plans_at_once,
        // A plan whose providers are warm mostly waits.
        warm_plans_at_once: if plans_given { plans_at_once } else { (4 * cores).min(1_024) },
        applies_at_once,
        warm_applies_at_once: if applies_given { applies_at_once } else { warm_applies },
        runs_per_cluster_at_once: super::number(f, "runs_per_cluster_at_once", 16, 1, 4_096),
        queue_length_max: super::number(f, "queue_length_max", 10_000, 1, 1_000_000),
        plan_seconds_max: super::number(f, "plan_seconds_max", 1_800, 1, 86_400),
        log_bytes_max: super::number(f, "log_bytes_max", 16 << 20, 1 << 10, 1 << 30),
        pass_environment: f.texts("pass_environment").unwrap_or_default(),
        gateway,
        confine,
        confine_read,
        confine_write,
    })
}

const HOLDS_DATA: &str = "holds the data folder, which a confined terraform may not read";

fn gateway(f: &mut Fields<'_, '_>) -> bool {
    match f.text("gateway").as_deref() {
        None | Some("on") => true,
        Some("off") => false,
        Some(other) => {
            f.problem("gateway", "invalid_value", format!("`{other}` is none of: on, off"));
            true
        }
    }
}

fn confine(f: &mut Fields<'_, '_>) -> Confine {
    match f.text("confine").as_deref() {
        None | Some("preferred") => Confine::Preferred,
        Some("required") => Confine::Required,
        Some("off") => Confine::Off,
        Some(other) => {
            f.problem("confine", "invalid_value", format!("`{other}` is none of: required, preferred, off"));
            Confine::Required
        }
    }
}

/// Paths that are opened to a confined terraform.
fn open_paths(f: &mut Fields<'_, '_>, name: &'static str, data_dir: &Path) -> Vec<PathBuf> {
    let paths: Vec<PathBuf> = f.texts(name).unwrap_or_default().into_iter().map(PathBuf::from).collect();
    for path in &paths {
        if !path.is_absolute() {
            f.problem(name, "invalid_value", format!("`{}` is no absolute path", path.display()));
        } else if holds(path, data_dir) {
            f.problem(name, "invalid_value", format!("`{}` {HOLDS_DATA}; name what lies deeper", path.display()));
        } else if holds(data_dir, path) {
            let detail =
                format!("`{}` lies in the data folder, which a confined terraform may not read", path.display());
            f.problem(name, "invalid_value", detail);
        }
    }
    paths
}

/// Whether `inner` is `path` or lies in it, links followed.
pub(super) fn holds(path: &Path, inner: &Path) -> bool {
    let inner = std::path::absolute(inner).unwrap_or_else(|_| inner.to_owned());
    // It may not be there yet.
    let there = inner.ancestors().find_map(|ancestor| {
        let below = inner.strip_prefix(ancestor).ok()?;
        Some(std::fs::canonicalize(ancestor).ok()?.join(below))
    });
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    inner.starts_with(&path) || there.is_some_and(|there| there.starts_with(&path))
}
