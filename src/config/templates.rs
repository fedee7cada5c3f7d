//! `[templates]`: a folder whose templates and modules go before the built-in ones, and what uploaded
//! templates may do.

use std::path::PathBuf;

use crate::domain::fields::Fields;

/// `[templates]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Templates {
    /// Holds `workspace/<name>/` and `modules/<name>/`; what it lacks comes from the binary.
    pub dir: Option<PathBuf>,
    /// Sources of providers that an uploaded template may use, such as `hashicorp/aws`.
    pub allow_providers: Vec<String>,
    /// Beginnings of sources of modules from elsewhere that it may use.
    pub allow_module_sources: Vec<String>,
    /// Whether it may have provisioners.
    pub allow_provisioners: bool,
    /// Which of the data sources of [`REACHING`] it may have.
    pub allow_data_sources: Vec<String>,
}

/// Data sources that reach out of Terraform.
pub const REACHING: [&str; 3] = ["external", "http", "terraform_remote_state"];

pub(super) fn parse(f: &mut Fields<'_, '_>) -> Option<Templates> {
    let dir = f.text("dir").map(PathBuf::from);
    if dir.as_ref().is_some_and(|path| !path.is_dir()) {
        f.problem("dir", "not_found", "is no folder that exists; it should hold workspace/<name>/template.yaml");
    }
    let allow_providers = f.texts("allow_providers").unwrap_or_else(|| vec!["hashicorp/aws".to_owned()]);
    if let Some(wrong) = allow_providers.iter().find(|source| source.split('/').count() != 2) {
        let detail = format!("`{wrong}` is no source of a provider, such as hashicorp/aws");
        f.problem("allow_providers", "invalid_value", detail);
    }
    let allow_data_sources = f.texts("allow_data_sources").unwrap_or_default();
    if let Some(wrong) = allow_data_sources.iter().find(|kind| !REACHING.contains(&kind.as_str())) {
        let detail = format!("`{wrong}` is none of {}; all others are allowed already", REACHING.join(", "));
        f.problem("allow_data_sources", "invalid_value", detail);
    }
    Some(Templates {
        dir,
        allow_providers,
        allow_module_sources: f.texts("allow_module_sources").unwrap_or_default(),
        allow_provisioners: f.boolean("allow_provisioners").unwrap_or_default(),
        allow_data_sources,
    })
}
