//! Blocks: which providers, modules, provisioners and data sources there are, and what would set Terraform itself.

use hcl_edit::Span;
use hcl_edit::expr::{Expression, Object, ObjectKey};
use hcl_edit::structure::Block;

use super::Looker;
use super::calls::below;

/// Data sources that run programs, fetch from anywhere or read states.
const REACHING: [&str; 3] = ["external", "http", "terraform_remote_state"];
/// Blocks whose first label is a type, which begins with the name of its provider.
const TYPED: [&str; 5] = ["resource", "data", "ephemeral", "action", "list"];
/// The source of the provider that is a part of Terraform.
const BUILT_IN: &str = "terraform.io/builtin/terraform";

impl Looker<'_> {
    pub(crate) fn block(&mut self, block: &Block) {
        let at = block.span().map(|span| span.start);
        let label = |place: usize| block.labels.get(place).map_or("", |label| label.as_str());
        match block.ident.as_str() {
            "module" => self.module(block, at),
            "required_providers" => self.required_providers(block),
            "provisioner" if !self.policy.provisioners => {
                let detail = format!(
                    "provisioners are not allowed, and this is one (`{}`); leave it out, or set templates.allow_provisioners",
                    label(0)
                );
                self.add(at, "provisioner", detail);
            }
            "data" if REACHING.contains(&label(0)) && !self.policy.data_sources.contains(label(0)) => {
                let kind = label(0);
                let detail = format!(
                    "the data source `{kind}` reaches out of Terraform, which is not allowed; leave it out, or name it in templates.allow_data_sources"
                );
                self.add(at, "data_source", detail);
            }
            "backend" | "cloud" => {
                let detail = "captd keeps the state: leave the backend out".to_owned();
                self.add(at, "backend", detail);
            }
            "encryption" => {
                let detail = "captd encrypts states and plans itself: leave it out".to_owned();
                self.add(at, "backend", detail);
            }
            "provider" | "provider_meta" => self.provider(label(0), at),
            kind if TYPED.contains(&kind) => {
                let of = label(0).split('_').next().unwrap_or_default().to_owned();
                self.provider(&of, at);
                self.chosen_provider(block, at);
            }
            "import" => self.chosen_provider(block, at),
            _ => {}
        }
    }

    /// A provider by its local name; what `required_providers` maps it to is looked at there.
    pub(crate) fn provider(&mut self, local: &str, at: Option<usize>) {
        let known = local == "terraform" || local.is_empty() || self.names(local);
        if !known {
            let detail = format!("the provider `{local}` is not allowed; {}", self.allowed());
            self.add(at, "provider", detail);
        }
    }

    /// `provider = aws.west`: naming one is enough for Terraform to fetch it.
    fn chosen_provider(&mut self, block: &Block, at: Option<usize>) {
        let Some(attribute) = block.body.get_attribute("provider") else { return };
        let local = local_name(&attribute.value.to_string());
        self.provider(&local, attribute.span().map(|span| span.start).or(at));
    }

    /// Whether an allowed source, or a declaration of the template's own, has this local name.
    fn names(&self, local: &str) -> bool {
        self.policy.providers.iter().any(|source| source.rsplit('/').next() == Some(local))
    }

    fn allowed(&self) -> String {
        let known: Vec<&str> = self.policy.providers.iter().map(String::as_str).collect();
        format!("templates.allow_providers has {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })
    }

    fn required_providers(&mut self, block: &Block) {
        for attribute in block.body.attributes() {
            let at = attribute.span().map(|span| span.start);
            let local = attribute.key.as_str();
            let sources = match &attribute.value {
                Expression::String(_) => Some(Vec::new()),
                Expression::Object(object) => sources_in(object),
                _ => None,
            };
            let Some(sources) = sources else {
                let detail = format!(
                    "what is required as `{local}` must be written plainly: {{ source = \"…\", version = \"…\" }}"
                );
                self.add(at, "provider", detail);
                continue;
            };
            let by_default = vec![format!("hashicorp/{local}")];
            for source in if sources.is_empty() { by_default } else { sources } {
                self.required_provider(local, &source, at);
            }
        }
    }

    fn required_provider(&mut self, local: &str, source: &str, at: Option<usize>) {
        if local == "terraform" && source == BUILT_IN {
            return;
        }
        let short = source.strip_prefix("registry.terraform.io/").unwrap_or(source);
        if !self.policy.providers.contains(short) {
            let detail = format!("the provider `{source}` is not allowed; {}", self.allowed());
            self.add(at, "provider", detail);
        } else if short.rsplit('/').next() != Some(local) {
            let detail = format!("the provider `{source}` is called `{local}` here; call it by its own name");
            self.add(at, "provider", detail);
        }
    }

    fn module(&mut self, block: &Block, at: Option<usize>) {
        let source = block.body.get_attribute("source").map(|attribute| attribute.value.as_str().map(str::to_owned));
        match source {
            Some(Some(source)) if source.starts_with("./") || source.starts_with("../") => {
                if below(self.folder, &source).is_none() {
                    let detail = format!(
                        "the module source `{source}` leads out of the template's folder; put the module into it"
                    );
                    self.add(at, "module_source", detail);
                }
            }
            Some(Some(source)) if self.policy.module_sources.iter().any(|allowed| is_below(allowed, &source)) => {}
            Some(Some(source)) => {
                let detail = format!(
                    "the module source `{source}` is not allowed; put the module into the template's folder (`./modules/…`), or name the beginning of its source in templates.allow_module_sources"
                );
                self.add(at, "module_source", detail);
            }
            _ => self.add(at, "module_source", "a module's source must be a plain text".to_owned()),
        }
        let Some(handed) = block.body.get_attribute("providers") else { return };
        let Expression::Object(object) = &handed.value else {
            self.add(
                at,
                "provider",
                "the providers of a module must be written plainly: { aws = aws.west }".to_owned(),
            );
            return;
        };
        for (key, value) in object {
            let key = match key {
                ObjectKey::Ident(ident) => ident.as_str().to_owned(),
                ObjectKey::Expression(expression) => expression.to_string(),
            };
            self.provider(&local_name(&key), at);
            self.provider(&local_name(&value.expr().to_string()), at);
        }
    }
}

/// `aws` of `aws.west` and of `"aws.west"`; what is none of these is the name of no provider.
fn local_name(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    text.split(['.', '[']).next().unwrap_or(text).to_owned()
}

/// Every source that an entry of `required_providers` names; none where a key may stand for anything.
fn sources_in(object: &Object) -> Option<Vec<String>> {
    let mut sources = Vec::new();
    for (key, value) in object {
        let key = match key {
            ObjectKey::Ident(ident) => ident.as_str(),
            ObjectKey::Expression(Expression::String(text)) => text.as_str(),
            ObjectKey::Expression(Expression::Variable(name)) => name.as_str(),
            ObjectKey::Expression(_) => return None,
        };
        if key == "source" {
            sources.push(value.expr().as_str()?.to_owned());
        }
    }
    Some(sources)
}

/// Whether a source of a module begins as `allowed` has it, and does not lead elsewhere behind that.
fn is_below(allowed: &str, source: &str) -> bool {
    let Some(rest) = source.strip_prefix(allowed) else { return false };
    let way = rest.split(['?', '#']).next().unwrap_or_default();
    let leads_on = way.split('/').any(|part| part == "..") || way.contains(['\\', '%', '@']);
    // `https://example.com/acme` is no beginning of `https://example.com/acme-evil`: a name ends where `allowed` does.
    let is_whole = allowed.ends_with(['/', ':', '=']) || rest.is_empty() || rest.starts_with(['/', '?', '#']);
    !leads_on && is_whole
}
