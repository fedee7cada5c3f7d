//! Renders a template: `*.tera` through Tera, all else as it stands, values as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tera::{Context, Tera};

use super::tags::{TAGS_FILE, TagsOverride};
use super::{Error, VALUES_FILE, as_declared, hcl};
use crate::config::AwsProvider;
use crate::domain::template::Template;

/// Terraform keeps its state in captd; where and how stands in its environment.
const BACKEND: &str = "terraform {\n  backend \"http\" {}\n}\n";
const BACKEND_FILE: &str = "captd_backend.tf";

/// Holds `import` blocks, while a run looks for what exists and stands in no state.
pub const IMPORTS_FILE: &str = "captd_imports.tf";

/// Bytes of one rendered file: as many as all files of an upload may have.
const RENDERED_BYTES_MAX: usize = 1 << 20;

/// With which endpoints a template is tried: none, as for an account, and one, as for a private AWS.
const SAMPLE_ENDPOINTS: [Option<&str>; 2] = [None, Some("http://127.0.0.1:1")];

/// The files of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Text by path below the workspace.
    pub files: BTreeMap<String, String>,
    /// Hex digest of all files but the values: an unchanged one needs no `terraform init`.
    pub structure: String,
    /// What makes its AWS providers ignore tags.
    pub tags: TagsOverride,
}

impl Rendered {
    /// The same with Terraform's state in its own folder.
    #[must_use]
    pub fn with_local_state(mut self) -> Self {
        self.files.remove(BACKEND_FILE);
        self
    }
}

/// What a template knows of the provider configuration. No secret is in it.
#[derive(Serialize)]
struct ProviderContext<'a> {
    region: Option<&'a str>,
    account_id: Option<&'a str>,
    assume_role_arn: Option<&'a str>,
    endpoint_url: Option<&'a str>,
    /// Whether the checks that only the real AWS can answer are skipped.
    skip: bool,
}

/// Renders `template` with `values`, of which the template takes those that it declares.
///
/// # Errors
/// When a file of the template cannot be rendered, or is no HCL afterwards.
pub fn render(
    template: &Template,
    values: &Map<String, Value>,
    region: Option<&str>,
    provider: Option<&AwsProvider>,
) -> Result<Rendered, Error> {
    let failed =
        |file: &str, reason: String| Error { template: template.name.to_string(), file: file.to_owned(), reason };
    let context = context(region, provider).map_err(|error| failed("provider", error.to_string()))?;
    let mut files = rendered_files(template, &context)?;
    files.extend(template.modules.clone());
    let tags = TagsOverride::of(&files, &provider.map(|provider| provider.ignore_tags.clone()).unwrap_or_default());
    files.extend(tags.with(&BTreeSet::new()).map(|text| (TAGS_FILE.to_owned(), text)));
    files.insert(BACKEND_FILE.to_owned(), BACKEND.to_owned());
    let structure = digest(&files);
    let declared: Map<String, Value> = values
        .iter()
        .filter(|(_, value)| !value.is_null())
        .filter_map(|(name, value)| Some((name, value, template.variables.get(name)?)))
        .map(|(name, value, variable)| (name.clone(), as_declared(name, value.clone(), &variable.of)))
        .collect();
    let json = serde_json::to_string_pretty(&declared).map_err(|error| failed(VALUES_FILE, error.to_string()))?;
    files.insert(VALUES_FILE.to_owned(), json);
    Ok(Rendered { files, structure, tags })
}

/// Renders a template on trial, for an account of AWS, with no values and no backend.
///
/// # Errors
/// When a file of the template cannot be rendered, or is no HCL afterwards.
pub fn sample(template: &Template) -> Result<Rendered, Error> {
    let mut files = rendered_files(template, &sample_context(None))?;
    files.extend(template.modules.clone());
    let structure = digest(&files);
    Ok(Rendered { files, structure, tags: TagsOverride::default() })
}

/// What a template is told of a provider configuration on trial.
fn sample_context(endpoint_url: Option<&str>) -> Context {
    let provider = ProviderContext {
        region: Some("eu-central-1"),
        account_id: Some("123456789012"),
        assume_role_arn: Some("arn:aws:iam::123456789012:role/sample"),
        endpoint_url,
        skip: endpoint_url.is_some(),
    };
    let mut context = Context::new();
    context.insert("provider", &provider);
    context
}

/// Renders a template on trial, as for a private AWS and for an account: each time its files and its modules'.
///
/// # Errors
/// When a file cannot be rendered, or is no HCL afterwards.
pub(super) fn try_out(template: &Template) -> Result<[BTreeMap<String, String>; 2], Error> {
    let render_for = |endpoint_url| {
        let mut files = rendered_files(template, &sample_context(endpoint_url))?;
        files.extend(template.modules.clone());
        Ok(files)
    };
    for (address, text) in &template.manifest.import_ids {
        Tera::default().add_raw_template("id", text).map_err(|error| Error {
            template: template.name.to_string(),
            file: "template.yaml".to_owned(),
            reason: format!("importIds of {address}: {}", whole_chain(&error)),
        })?;
    }
    let [account, private] = SAMPLE_ENDPOINTS;
    Ok([render_for(account)?, render_for(private)?])
}

fn rendered_files(template: &Template, context: &Context) -> Result<BTreeMap<String, String>, Error> {
    let failed =
        |file: &str, reason: String| Error { template: template.name.to_string(), file: file.to_owned(), reason };
    let mut files = BTreeMap::new();
    for (path, text) in &template.files {
        if let Some(plain) = path.strip_suffix(".tera") {
            let text = render_one(path, text, context).map_err(|error| failed(path, whole_chain(&error)))?;
            files.insert(plain.to_owned(), text);
        } else {
            files.insert(path.clone(), text.clone());
        }
    }
    for (path, text) in files.iter().filter(|(path, _)| is_hcl(path)) {
        hcl::check(text).map_err(|reason| failed(path, reason))?;
    }
    Ok(files)
}

/// Import ids of a template's resources by address, for these values. What has an empty id cannot
/// be imported.
///
/// # Errors
/// When an id of the manifest cannot be rendered.
pub fn import_ids(template: &Template, values: &Map<String, Value>) -> Result<BTreeMap<String, String>, Error> {
    let mut context = Context::new();
    for (name, value) in values.iter().filter(|(name, _)| template.variables.contains_key(*name)) {
        context.insert(name.clone(), value);
    }
    let mut ids = BTreeMap::new();
    for (address, text) in &template.manifest.import_ids {
        let id = import_id(text, &context).map_err(|error| Error {
            template: template.name.to_string(),
            file: format!("template.yaml, importIds of {address}"),
            reason: whole_chain(&error),
        })?;
        if !id.trim().is_empty() {
            ids.insert(address.clone(), id.trim().to_owned());
        }
    }
    Ok(ids)
}

/// Not HCL, so nothing is escaped.
fn import_id(text: &str, context: &Context) -> tera::TeraResult<String> {
    let mut tera = Tera::default();
    tera.register_filter("sha256", |text: &str, _: tera::Kwargs, _: &tera::State<'_>| hex(Sha256::digest(text)));
    tera.add_raw_template("id", text)?;
    tera.render("id", context)
}

/// The `import` blocks with which Terraform records what exists: ids by address.
#[must_use]
pub fn imports(ids: &BTreeMap<String, String>) -> String {
    ids.iter().map(|(address, id)| format!("import {{\n  to = {address}\n  id = {}\n}}\n", hcl::quote(id))).collect()
}

fn hex(digest: impl IntoIterator<Item = u8>) -> String {
    digest.into_iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn is_hcl(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|extension| extension == "tf")
}

fn context(region: Option<&str>, provider: Option<&AwsProvider>) -> tera::TeraResult<Context> {
    let endpoint_url = provider.and_then(|p| p.endpoint_url.as_deref());
    let provider = ProviderContext {
        region,
        account_id: provider.and_then(|p| p.account_id.as_deref()),
        assume_role_arn: provider.and_then(|p| p.assume_role_arn.as_deref()),
        endpoint_url,
        skip: endpoint_url.is_some(),
    };
    let mut context = Context::new();
    context.insert("provider", &provider);
    Ok(context)
}

fn render_one(path: &str, text: &str, context: &Context) -> tera::TeraResult<String> {
    let mut tera = Tera::default();
    tera.set_escape_fn(|text: &str, out: &mut dyn Write| out.write_all(hcl::quote(text).as_bytes()));
    tera.autoescape_on([".tf.tera"]);
    tera.add_raw_template(path, text)?;
    let mut out = Bounded(Vec::new());
    tera.render_to(path, context, &mut out)?;
    String::from_utf8(out.0).map_err(|error| tera::Error::message(error.to_string()))
}

/// Text up to [`RENDERED_BYTES_MAX`].
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > RENDERED_BYTES_MAX {
            return Err(std::io::Error::other(format!("it renders to more than {RENDERED_BYTES_MAX} bytes")));
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Renders one file as [`sample`] does, and lets go of what comes of it.
pub fn rehearse(path: &str, text: &str) {
    for endpoint_url in SAMPLE_ENDPOINTS {
        drop(render_one(path, text, &sample_context(endpoint_url)));
    }
}

/// Tera says where in its own text, and why in its cause.
fn whole_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Hex SHA-256 of paths and texts.
pub(super) fn digest(files: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for (path, text) in files {
        for part in [path, text] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    hex(hash.finalize())
}
