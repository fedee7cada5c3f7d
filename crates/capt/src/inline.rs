//! An inline module, made into the files of a template.
//!
//! A `${name}` that CAPT would replace in the text becomes `${var.name}`, and the variable is declared where the module
//! does not: so its value stays a value. Everything else of the module stays as it was written.

use std::collections::{BTreeMap, BTreeSet};

use captd_fields::problem::{Problems, pointer_to};
use captd_variables::{Declared, Variable, declared};
use hcl_edit::expr::{Expression, ForExpr, Object, ObjectKey, ObjectValue, Traversal, TraversalOperator};
use hcl_edit::structure::{Attribute, Block, Body};
use hcl_edit::template::{Element, ForDirective};
use hcl_edit::visit_mut::{self, VisitMut};
use hcl_edit::{Decorate, Decorated, Ident};
use serde_json::Value;

use crate::lone;
use crate::mirror::{Mirror, Mirrored};
use crate::text::{names, typed};

/// The variable that holds the workspace's name, as CAPT calls it.
pub(crate) const WORKSPACE_NAME: &str = "WORKSPACE_NAME";

/// What the module is made of.
#[derive(Debug)]
pub(crate) struct Module {
    /// Its text.
    pub(crate) text: String,
    /// Where it stands.
    pub(crate) at: String,
    /// `vars`: text by variable, with the place of each.
    pub(crate) vars: BTreeMap<String, (String, String)>,
    /// `varmap`, with its place.
    pub(crate) varmap: (serde_json::Map<String, Value>, String),
}

/// The files, and what they take.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Text by path.
    pub(crate) texts: BTreeMap<String, String>,
    pub(crate) variables: BTreeMap<String, Variable>,
    /// Texts of variables that are bound when the template is.
    pub(crate) vars: BTreeMap<String, String>,
    /// Whether it needs AWS.
    pub(crate) needs_aws: bool,
    /// What a plan may not delete or replace without a person.
    pub(crate) protects: Vec<String>,
}

/// Makes the files; `None` when something is wrong.
pub(crate) fn files(module: &Module, mirror: &Mirror, problems: &mut Problems) -> Option<Files> {
    let mut body: Body = match module.text.parse() {
        Ok(body) => body,
        Err(error) => {
            problems.add(&module.at, "not_hcl", error.to_string().trim().to_owned());
            return None;
        }
    };
    let declares = declared(&module.text, &body);
    for problem in &declares.problems {
        problems.add(&module.at, "not_a_template", format!("line {}: {}", problem.line, problem.detail));
    }
    let mut substituting = Substituting::default();
    substituting.visit_body_mut(&mut body);
    let mut files = Files { vars: defaults(module, &mut body, &declares, problems), ..Files::default() };
    let mirrored = take_from_mirror(&mut body, mirror, &mut files.texts, module, problems);
    let mut added = lone::complete(&mut body, &mirrored, &mut files.protects);
    let free =
        substituting.found.into_iter().chain(files.vars.values().flat_map(|text| names(text)).map(str::to_owned));
    for name in free.collect::<BTreeSet<String>>() {
        let is_there = declares.variables.contains_key(&name) || added.contains(&format!("variable \"{name}\""));
        if !is_there {
            added.push_str(&format!("\nvariable \"{name}\" {{\n  type = string\n}}\n"));
        }
    }
    if !problems.is_empty() {
        return None;
    }
    files.needs_aws = needs_aws(&body);
    files.texts.insert("main.tf".to_owned(), body.to_string());
    if !added.is_empty() {
        files.texts.insert("completed.tf".to_owned(), added.trim_start().to_owned());
    }
    if files.needs_aws {
        files.texts.extend(provider(&body));
    }
    for text in ["main.tf", "completed.tf"].iter().filter_map(|path| files.texts.get(*path)) {
        let body = text.parse::<Body>().expect("invariant: what was written here is HCL");
        files.variables.extend(declared(text, &body).variables);
    }
    Some(files)
}

/// `${name}` → `${var.name}`, where no `for` has bound the name.
#[derive(Default)]
struct Substituting {
    bound: Vec<String>,
    found: BTreeSet<String>,
}

impl Substituting {
    fn within(&mut self, names: [Option<&Decorated<Ident>>; 2], go_on: impl FnOnce(&mut Self)) {
        let before = self.bound.len();
        self.bound.extend(names.into_iter().flatten().map(|name| name.as_str().to_owned()));
        go_on(self);
        self.bound.truncate(before);
    }
}

impl VisitMut for Substituting {
    fn visit_for_expr_mut(&mut self, node: &mut ForExpr) {
        let intro = node.intro.clone();
        self.within([intro.key_var.as_ref(), Some(&intro.value_var)], |this| visit_mut::visit_for_expr_mut(this, node));
    }

    fn visit_for_directive_mut(&mut self, node: &mut ForDirective) {
        let (key, value) = (node.for_expr.key_var.clone(), node.for_expr.value_var.clone());
        self.within([key.as_ref(), Some(&value)], |this| visit_mut::visit_for_directive_mut(this, node));
    }

    fn visit_element_mut(&mut self, node: &mut Element) {
        if let Element::Interpolation(interpolation) = node
            && let Expression::Variable(name) = &interpolation.expr
            && !self.bound.iter().any(|bound| bound == name.as_str())
        {
            self.found.insert(name.as_str().to_owned());
            interpolation.expr = reference("var", name.as_str());
        }
        visit_mut::visit_element_mut(self, node);
    }
}

/// `root.name`
pub(crate) fn reference(root: &str, name: &str) -> Expression {
    let operator = TraversalOperator::GetAttr(Decorated::new(Ident::new_sanitized(name)));
    let root = Expression::Variable(Decorated::new(Ident::new_sanitized(root)));
    let mut expression = Expression::from(Traversal::new(root, vec![Decorated::new(operator)]));
    expression.decorate(("", ""));
    expression
}

/// Values of `vars` and `varmap` become defaults; those with a `${name}` are given back.
fn defaults(
    module: &Module,
    body: &mut Body,
    declares: &Declared,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut bound = BTreeMap::new();
    let mut values = Vec::new();
    for (name, (value, at)) in &module.vars {
        let Some(variable) = declares.variables.get(name) else {
            let detail = format!("the module declares no variable `{name}`; declare it, or leave this out");
            problems.add(at, "undeclared", detail);
            continue;
        };
        if names(value).next().is_some() {
            bound.insert(name.clone(), value.clone());
            continue;
        }
        match typed(value, &variable.of) {
            Ok(value) => values.push((name, value)),
            Err(why) => problems.add(at, "wrong_type", format!("the text for `{name}` {why}")),
        }
    }
    let (varmap, at) = &module.varmap;
    for (name, value) in varmap {
        if declares.variables.contains_key(name) {
            values.push((name, value.clone()));
        } else {
            problems.add(pointer_to(at, name), "undeclared", format!("the module declares no variable `{name}`"));
        }
    }
    for (name, value) in values {
        let is_it = |block: &&mut Block| block.labels.first().is_some_and(|label| label.as_str() == name);
        if let Some(block) = body.get_blocks_mut("variable").find(|block| is_it(block)) {
            block.body.remove_attribute("default");
            block.body.push(attribute("default", literal(&value)));
        }
    }
    bound
}

/// A value as an expression that means exactly it.
fn literal(value: &Value) -> Expression {
    match value {
        Value::Null => Expression::null(),
        Value::Bool(value) => Expression::from(*value),
        Value::String(text) => Expression::from(text.clone()),
        Value::Number(number) => number.to_string().parse().unwrap_or_else(|_| Expression::from(number.to_string())),
        Value::Array(items) => items.iter().map(literal).collect::<Expression>(),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                (ObjectKey::Expression(Expression::from(key.clone())), ObjectValue::from(literal(value)))
            });
            let object: Object = entries.collect();
            Expression::from(object)
        }
    }
}

/// An attribute, as one writes it below others.
pub(crate) fn attribute(name: &str, value: Expression) -> Attribute {
    let mut attribute = Attribute::new(Ident::new_sanitized(name), value);
    attribute.decor_mut().set_prefix("  ");
    attribute
}

/// A module that a stand-in serves, and its label.
pub(crate) type Served<'m> = (String, &'m Mirrored);

/// Sources that the mirror has lead to files of the template's own from now on.
fn take_from_mirror<'m>(
    body: &mut Body,
    mirror: &'m Mirror,
    files: &mut BTreeMap<String, String>,
    module: &Module,
    problems: &mut Problems,
) -> Vec<Served<'m>> {
    let mut served = Vec::new();
    let mut sources: Vec<String> = Vec::new();
    for block in body.get_blocks_mut("module") {
        let text = |name: &str| block.body.get_attribute(name).and_then(|it| it.value.as_str()).map(str::to_owned);
        let (Some(source), version) = (text("source"), text("version")) else { continue };
        match mirror.find(&source, version.as_deref()) {
            Ok(Some(mirrored)) => {
                let folder = folder_of(&source, &mut sources);
                files.extend(mirrored.files.iter().map(|(path, text)| (format!("{folder}/{path}"), text.clone())));
                if let Some(mut source) = block.body.get_attribute_mut("source") {
                    let decor = source.value_mut().decor().clone();
                    *source.value_mut() = Expression::from(format!("./{folder}"));
                    *source.value_mut().decor_mut() = decor;
                }
                block.body.remove_attribute("version");
                served
                    .push((block.labels.first().map(|label| label.as_str().to_owned()).unwrap_or_default(), mirrored));
            }
            Ok(None) => {}
            Err(why) => problems.add(&module.at, "module_version", why),
        }
    }
    served
}

/// Where a mirrored module lies: below the last word of its source, with a number when another has that too.
fn folder_of(source: &str, sources: &mut Vec<String>) -> String {
    if !sources.iter().any(|it| it == source) {
        sources.push(source.to_owned());
    }
    let last = |source: &str| source.rsplit('/').next().unwrap_or("module").to_owned();
    let name = last(source);
    match sources.iter().take_while(|it| *it != source).filter(|it| last(it) == name).count() {
        0 => format!("modules/{name}"),
        before => format!("modules/{name}-{}", before + 1),
    }
}

/// Whether something of it is AWS's, or may be.
fn needs_aws(body: &Body) -> bool {
    body.blocks().any(|block| match block.ident.as_str() {
        "module" => true,
        "resource" | "data" | "provider" => block.labels.first().is_some_and(|label| label.as_str().starts_with("aws")),
        _ => false,
    })
}

/// The provider's settings, as far as the module has none of its own.
fn provider(body: &Body) -> BTreeMap<String, String> {
    let requires = body.get_blocks("terraform").any(|block| block.body.has_blocks("required_providers"));
    let configures =
        body.get_blocks("provider").any(|block| block.labels.first().is_some_and(|label| label.as_str() == "aws"));
    let mut files = BTreeMap::new();
    if !requires {
        files.insert("versions.tf".to_owned(), VERSIONS.to_owned());
    }
    if !configures {
        files.insert("provider.tf.tera".to_owned(), PROVIDER.to_owned());
    }
    files
}

const VERSIONS: &str = r#"terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
"#;

const PROVIDER: &str = r#"provider "aws" {
  region = {{ provider.region }}
{%- if provider.account_id and not provider.endpoint_url %}

  allowed_account_ids = [{{ provider.account_id }}]
{%- endif %}
{%- if provider.assume_role_arn %}

  assume_role {
    role_arn = {{ provider.assume_role_arn }}
  }
{%- endif %}
{%- if provider.endpoint_url %}

  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true

  endpoints {
    autoscaling    = {{ provider.endpoint_url }}
    cloudwatchlogs = {{ provider.endpoint_url }}
    ec2            = {{ provider.endpoint_url }}
    eks            = {{ provider.endpoint_url }}
    iam            = {{ provider.endpoint_url }}
    kms            = {{ provider.endpoint_url }}
    sqs            = {{ provider.endpoint_url }}
    ssm            = {{ provider.endpoint_url }}
    sts            = {{ provider.endpoint_url }}
  }
{%- endif %}
}
"#;
