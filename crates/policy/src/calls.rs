//! Calls of functions: each is judged by the last part of its name (`core::file` is `file`).

use hcl_edit::expr::{Expression, FuncCall, TraversalOperator};
use hcl_edit::template::Element;

use super::Looker;

/// Functions whose first argument is a path, besides all whose names begin with one of [`READING`].
const ON_PATHS: [&str; 2] = ["abspath", "pathexpand"];
/// What the names of functions begin with that read files.
const READING: [&str; 2] = ["file", "template"];

/// A path that is known before anything runs.
struct Plain {
    /// Whether it begins at the module's folder, and not at the root.
    from_module: bool,
    path: String,
}

impl Looker<'_> {
    pub(crate) fn call(&mut self, node: &FuncCall, at: Option<usize>) {
        let name = node.name.name.as_str();
        let namespace: Vec<&str> = node.name.namespace.iter().map(|part| part.as_str()).collect();
        match namespace.as_slice() {
            [] | ["core"] => {}
            ["provider", local] => self.provider(local, at),
            _ => {
                let detail =
                    format!("`{}::{name}` is no function that captd knows; leave it out", namespace.join("::"));
                self.add(at, "function", detail);
            }
        }
        if name == "templatestring" {
            let detail = "templatestring() evaluates a text that captd cannot see beforehand; write it into a file of the template and use templatefile()".to_owned();
            self.add(at, "file", detail);
        } else if ON_PATHS.contains(&name) || READING.iter().any(|beginning| name.starts_with(beginning)) {
            self.reads(name, node, at);
        }
    }

    fn reads(&mut self, name: &str, node: &FuncCall, at: Option<usize>) {
        let plain = node.args.iter().next().and_then(plain_path);
        let home = |plain: &Plain| if plain.from_module { self.folder.to_owned() } else { String::new() };
        let stays = plain.as_ref().and_then(|plain| below(&home(plain), &plain.path));
        let Some(path) = stays else {
            let shown = plain.map_or_else(|| "a path that is no plain text".to_owned(), |it| format!("`{}`", it.path));
            let detail = format!(
                "{name}() reads {shown}; a template reads files of its own folder only, by a plain text such as \"${{path.module}}/user-data.sh\""
            );
            self.add(at, "file", detail);
            return;
        };
        if let Some(why) = is_kept_back(&path) {
            self.add(at, "file", format!("{name}() reads `{path}`, which {why}"));
        }
        if name == "fileset" {
            let pattern = node.args.iter().nth(1).and_then(Expression::as_str);
            if pattern.is_none_or(|pattern| below("", pattern).is_none() || pattern.contains("..")) {
                let detail = "the pattern of fileset() must be a plain text that stays in the folder".to_owned();
                self.add(at, "file", detail);
            }
        }
        if name == "templatefile" {
            self.evaluates.push((self.line(at), path));
        }
    }
}

/// What lies in a workspace's folder and is none of the template's business.
fn is_kept_back(path: &str) -> Option<&'static str> {
    let is_hidden = path.split('/').any(|part| part.starts_with('.') && part != ".");
    let is_captds = path.rsplit('/').next().is_some_and(|name| {
        let endings = [".tfvars", ".tfvars.json", ".tfstate", ".tfplan", ".backup"];
        name.starts_with("captd_") || endings.iter().any(|ending| name.ends_with(ending))
    });
    (is_hidden || is_captds).then_some("captd and Terraform keep for themselves; read a file of the template's own")
}

/// The path, if it is a plain text, perhaps behind `${path.module}/` or `${path.root}/`.
fn plain_path(argument: &Expression) -> Option<Plain> {
    match argument {
        Expression::String(text) => Some(Plain { from_module: false, path: text.as_str().to_owned() }),
        Expression::StringTemplate(template) => {
            let mut elements = template.iter();
            let (Some(Element::Interpolation(first)), rest) = (elements.next(), elements) else { return None };
            let Expression::Traversal(traversal) = &first.expr else { return None };
            let is_path = matches!(&traversal.expr, Expression::Variable(name) if name.as_str() == "path");
            let [operator] = traversal.operators.as_slice() else { return None };
            let TraversalOperator::GetAttr(of) = operator.value() else { return None };
            let from_module = match of.as_str() {
                "module" => true,
                "root" => false,
                _ => return None,
            };
            let mut path = String::new();
            for element in rest {
                let Element::Literal(text) = element else { return None };
                path.push_str(text.as_str());
            }
            let path = path.strip_prefix('/').filter(|_| is_path)?;
            Some(Plain { from_module, path: path.to_owned() })
        }
        _ => None,
    }
}

/// `path`, seen from `folder`, below the template's folder; none where it leads out of that, or may.
pub(crate) fn below(folder: &str, path: &str) -> Option<String> {
    if path.starts_with(['/', '~']) || path.contains(['\\', '\0']) {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
