//! The templates that captd has: those in the binary, and those of the configured folder, which
//! go before.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use captd_capt::{FACTS_FILE, Facts};
use captd_variables::{Declared, declared};
use rust_embed::RustEmbed;

use super::{engine, hcl};
use crate::domain::env_names::{check_name, check_pattern};
use crate::domain::name::Name;
use crate::domain::template::{Manifest, Template};
use crate::domain::template_fields::MANIFEST;

#[derive(RustEmbed)]
#[folder = "templates/workspace"]
struct BuiltInTemplates;

/// What captd asks the cloud for its own sake; no declaration can name it.
#[derive(RustEmbed)]
#[folder = "templates/discovery"]
struct DiscoveryTemplates;

#[derive(RustEmbed)]
#[folder = "modules"]
struct BuiltInModules;

/// Folders inside one another, below a template.
const DEPTH_MAX: usize = 16;

/// The template that looks at the node groups of a cluster.
const NODE_GROUPS: &str = "eks-node-groups";

/// The templates by name.
#[derive(Debug, Clone, Default)]
pub struct Library {
    templates: BTreeMap<Name, Arc<Template>>,
    node_groups: Option<Arc<Template>>,
    modules: BTreeMap<String, Files>,
}

/// A template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template `{template}`: {reason}")]
pub struct LibraryError {
    template: String,
    reason: String,
}

impl LibraryError {
    pub(super) fn of(template: &str, reason: &str) -> Self {
        Self { template: template.to_owned(), reason: reason.to_owned() }
    }
}

/// Text by path below a folder.
pub(super) type Files = BTreeMap<String, String>;

impl Library {
    /// Loads the built-in templates and those of `folder`.
    ///
    /// # Errors
    /// The first template that cannot be used, and why.
    pub fn load(folder: Option<&Path>) -> Result<Self, LibraryError> {
        let mut templates = by_first_folder(embedded::<BuiltInTemplates>());
        let mut modules = by_first_folder(embedded::<BuiltInModules>());
        if let Some(folder) = folder {
            templates.extend(by_first_folder(on_disk(&folder.join("workspace"))?));
            modules.extend(by_first_folder(on_disk(&folder.join("modules"))?));
        }
        let templates = templates
            .into_iter()
            .map(|(name, files)| {
                let template = assemble(&name, files, &modules)
                    .map_err(|reason| LibraryError { template: name.clone(), reason })?;
                Ok((template.name.clone(), Arc::new(template)))
            })
            .collect::<Result<_, _>>()?;
        let discovery = by_first_folder(embedded::<DiscoveryTemplates>()).remove(NODE_GROUPS).unwrap_or_default();
        let node_groups =
            assemble(NODE_GROUPS, discovery, &modules).map_err(|reason| LibraryError::of(NODE_GROUPS, &reason))?;
        Ok(Self { templates, node_groups: Some(Arc::new(node_groups)), modules })
    }

    /// One template.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&Arc<Template>> {
        self.templates.get(name)
    }

    /// What looks at the node groups of a cluster; none in a library that was not loaded.
    #[must_use]
    pub fn node_groups(&self) -> Option<&Arc<Template>> {
        self.node_groups.as_ref()
    }

    /// All templates, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Template>> {
        self.templates.values()
    }

    /// Modules that a template may name.
    pub(super) fn modules(&self) -> &BTreeMap<String, Files> {
        &self.modules
    }
}

pub(super) fn assemble(name: &str, mut files: Files, modules: &BTreeMap<String, Files>) -> Result<Template, String> {
    let name = Name::parse(name).map_err(|error| error.to_string())?;
    let text = files.get(MANIFEST).ok_or_else(|| format!("it has no {MANIFEST}"))?;
    let mut manifest: Manifest =
        serde_saphyr::from_str(text).map_err(|error| format!("{MANIFEST}: {}", crate::domain::yaml::why(&error)))?;
    for pattern in &manifest.env {
        check_pattern(pattern).map_err(|why| format!("{MANIFEST}: env: {why}"))?;
    }
    manifest.env.extend(env_of_capt(&files).into_iter().filter(|name| check_name(name).is_ok()));
    let mut module_files = Files::new();
    for module in &manifest.modules {
        let found = modules.get(module).ok_or_else(|| format!("{MANIFEST}: there is no module `{module}`"))?;
        module_files.extend(found.iter().map(|(path, text)| (format!("modules/{module}/{path}"), text.clone())));
    }
    let mut all = files.clone();
    all.extend(module_files.clone());
    let revision = engine::digest(&all).chars().take(16).collect();
    files.remove(MANIFEST);
    let Declared { variables, outputs, .. } = declarations(&files)?;
    Ok(Template { name, revision, manifest, files, modules: module_files, variables, outputs })
}

/// The names of the environment that a template of CAPT's sets for those who use it.
pub(super) fn env_of_capt(files: &Files) -> Vec<String> {
    let facts = files.get(FACTS_FILE).and_then(|text| serde_json::from_str::<Facts>(text).ok());
    let names = facts.unwrap_or_default().env.into_iter().filter_map(|it| it["name"].as_str().map(str::to_owned));
    names.collect()
}

/// What the files of a root module declare that they take and give.
fn declarations(files: &Files) -> Result<Declared, String> {
    let mut all = Declared::default();
    let is_plain = |path: &str| Path::new(path).extension().is_some_and(|end| end == "tf");
    for (path, text) in files.iter().filter(|(path, _)| is_plain(path)) {
        let body = hcl::check(text).map_err(|reason| format!("{path}: {reason}"))?;
        let found = declared(text, &body);
        if let Some(problem) = found.problems.first() {
            return Err(format!("{path} line {}: {}", problem.line, problem.detail));
        }
        all.variables.extend(found.variables);
        all.outputs.extend(found.outputs);
    }
    Ok(all)
}

fn embedded<E: RustEmbed>() -> Files {
    E::iter()
        .filter_map(|path| {
            let text = String::from_utf8(E::get(&path)?.data.into_owned()).ok()?;
            Some((path.into_owned(), text))
        })
        .collect()
}

/// `a/b/c` becomes `b/c` of `a`.
fn by_first_folder(files: Files) -> BTreeMap<String, Files> {
    let mut out: BTreeMap<String, Files> = BTreeMap::new();
    for (path, text) in files {
        if let Some((first, rest)) = path.split_once('/') {
            out.entry(first.to_owned()).or_default().insert(rest.to_owned(), text);
        }
    }
    out
}

/// Hidden files, states and saved plans are no part of a template.
fn is_left_by_terraform(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let endings = [".tfstate", ".tfstate.backup", ".tfplan", ".log"];
    name.starts_with('.') || endings.iter().any(|ending| name.ends_with(ending))
}

/// Text files below `root`; what Terraform leaves behind (`.terraform`, state) is passed over.
pub(super) fn on_disk(root: &Path) -> Result<Files, LibraryError> {
    let failed = |path: &Path, error: std::io::Error| LibraryError {
        template: path.display().to_string(),
        reason: format!("cannot be read: {error}"),
    };
    let mut files = Files::new();
    let mut folders: Vec<PathBuf> = if root.is_dir() { vec![root.to_owned()] } else { Vec::new() };
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| failed(&folder, error))? {
            let path = entry.map_err(|error| failed(&folder, error))?.path();
            if is_left_by_terraform(&path) {
                continue;
            }
            if path.is_dir() {
                let depth = path.strip_prefix(root).map_or(0, |below| below.components().count());
                if depth > DEPTH_MAX {
                    return Err(failed(&path, std::io::Error::other("folders lie too deep; is it a link to itself?")));
                }
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
            let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
            let below = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            files.insert(below, text);
        }
    }
    Ok(files)
}
