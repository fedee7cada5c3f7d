//! `captd get`: lists, in the formats of kubectl, once or as they change.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::client::Error;
use super::columns::{self, Extent};
use super::output::{self, Columns, note, say};
use super::progress::Patience;
use super::session::Session;
use super::target::{self, Kind};
use super::{Exit, Usage};
use crate::domain::resource::Key;
use crate::domain::selector::Selector;

/// How often a list that is watched is asked for.
const WATCH: Duration = Duration::from_secs(1);

/// Entries on a page: as many as the daemon gives.
const PAGE: &str = "500";

/// `captd get`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to list, then names: machines [NAME…], workspaces, namespaces, templates, runs [ID or
    /// MACHINE…], retained (deleted, but for its resources); also machine/NAME
    #[arg(required = true, value_name = "WHAT")]
    words: Vec<String>,
    /// Only machines or workspaces with these labels: team=data,tier!=web,env in (a, b)
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// Of every namespace
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// How it is printed
    #[arg(short, long, value_enum, default_value = "table")]
    output: Format,
    /// Go on, and print what changes
    #[arg(short, long)]
    watch: bool,
}

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Wide,
    Name,
    Json,
    Yaml,
}

/// What is asked for.
#[derive(Debug)]
struct Asked {
    kind: Kind,
    names: Vec<String>,
    selector: Option<String>,
    all_namespaces: bool,
    format: Format,
    extent: Extent,
}

/// Lists.
pub(super) async fn run(session: &Session, args: Args) -> Result<Exit> {
    let watch = args.watch;
    let asked = Asked::read(args)?;
    let (items, missing) = asked.fetch(session).await?;
    let mut columns = Columns::new(columns::header(asked.kind, asked.extent));
    asked.print(session, &items, &mut columns)?;
    for error in &missing {
        note(format_args!("error: {error}"));
    }
    if !missing.is_empty() {
        return Ok(Exit::Failed);
    }
    if watch { asked.watch(session, items, columns).await } else { Ok(Exit::Done) }
}

impl Asked {
    fn read(args: Args) -> Result<Self> {
        let (leading, said) = target::split(&args.words)?;
        let kind = leading.or_else(|| said.first().and_then(|said| said.kind));
        let same = said.iter().all(|said| said.kind == kind);
        let Some(kind) = kind.filter(|_| same) else {
            let word = &args.words[0];
            return Err(Usage::error(format!(
                "`{word}`: say what to list: machines, workspaces, namespaces, templates, runs or retained; one machine is `captd get machine {word}`"
            )));
        };
        let names: Vec<String> = said.into_iter().map(|said| said.name).collect();
        let refuse = |what: &str| Err(Usage::error(what));
        match (kind, &args.selector) {
            (Kind::Machines | Kind::Workspaces, Some(_)) if !names.is_empty() => {
                return refuse("give names or a selector, not both");
            }
            (Kind::Machines | Kind::Workspaces, Some(text)) => {
                drop(Selector::parse(text).map_err(|error| Usage::error(format!("-l: {error}")))?);
            }
            (_, Some(_)) => return refuse("-l: only machines and workspaces have labels to select by"),
            (_, None) => {}
        }
        match (kind, args.all_namespaces) {
            (Kind::Templates | Kind::Retained, true) => {
                return refuse("-A: these are listed for one namespace; name it with -n");
            }
            (Kind::Retained, _) if !names.is_empty() => return refuse("retained: they are listed, not named"),
            (Kind::Machines | Kind::Workspaces, true) if !names.is_empty() => {
                return refuse("a name is looked for in one namespace; name it with -n, or leave out -A");
            }
            _ => {}
        }
        // A namespace lies in no other.
        let namespace = args.all_namespaces && kind != Kind::Namespaces;
        let extent = Extent { wide: args.output == Format::Wide, namespace };
        let (selector, all_namespaces) = (args.selector, args.all_namespaces);
        Ok(Self { kind, names, selector, all_namespaces, format: args.output, extent })
    }

    /// The items, and what was named and does not exist.
    async fn fetch(&self, session: &Session) -> Result<(Vec<Value>, Vec<Error>)> {
        let (mut items, mut missing) = (Vec::new(), Vec::new());
        if self.names.is_empty() {
            items = self.fetch_all(session, None).await?;
        }
        for name in &self.names {
            match self.fetch_one(session, name).await {
                Ok(found) => items.extend(found),
                Err(error) => match error.downcast::<Error>() {
                    Ok(error) if error.is_not_found() => missing.push(error),
                    Ok(error) => return Err(error.into()),
                    Err(error) => return Err(error),
                },
            }
        }
        Ok((items, missing))
    }

    async fn fetch_one(&self, session: &Session, name: &str) -> Result<Vec<Value>> {
        if self.kind == Kind::Runs {
            if let Ok(id) = uuid::Uuid::try_parse(name) {
                return Ok(vec![session.client.get(&["v1", "runs", &id.to_string()], &[]).await?]);
            }
            let key = target::resource(&[name.to_owned()], &session.namespace)?;
            return self.fetch_all(session, Some(&key)).await;
        }
        let name = target::name(name)?;
        let namespace = session.namespace.as_str();
        let path = match self.kind {
            Kind::Namespaces => vec!["v1", "namespaces", name.as_str()],
            kind => vec!["v1", "namespaces", namespace, kind.plural(), name.as_str()],
        };
        Ok(vec![session.client.get(&path, &[]).await?])
    }

    async fn fetch_all(&self, session: &Session, owner: Option<&Key>) -> Result<Vec<Value>> {
        let namespace = session.namespace.as_str();
        let page = ("limit", PAGE.to_owned());
        let (path, query) = match self.kind {
            Kind::Namespaces => (vec!["v1", "namespaces"], Vec::new()),
            Kind::Templates | Kind::Retained => (vec!["v1", "namespaces", namespace, self.kind.plural()], Vec::new()),
            Kind::Machines | Kind::Workspaces => {
                let selector = self.selector.clone().map(|selector| ("labelSelector", selector));
                let kind = self.kind.plural();
                let all = vec!["v1", kind];
                let path = if self.all_namespaces { all } else { vec!["v1", "namespaces", namespace, kind] };
                (path, selector.into_iter().chain([page]).collect())
            }
            Kind::Runs => {
                let namespace = (!self.all_namespaces).then(|| ("namespace", namespace.to_owned()));
                let owner = owner.map(|key| (key.kind.noun(), key.name.to_string()));
                (vec!["v1", "runs"], namespace.into_iter().chain(owner).chain([page]).collect())
            }
        };
        Ok(session.client.list(&path, &query).await?)
    }

    fn print(&self, session: &Session, items: &[Value], columns: &mut Columns) -> Result<()> {
        match self.format {
            Format::Table | Format::Wide if items.is_empty() && self.names.is_empty() => {
                note(self.nothing(session));
                Ok(())
            }
            Format::Table | Format::Wide if items.is_empty() => Ok(()),
            Format::Table | Format::Wide => say(columns.with_header(&self.rows(session, items))),
            Format::Json | Format::Yaml if items.is_empty() && !self.names.is_empty() => Ok(()),
            Format::Json => say(output::json(&self.document(items))),
            Format::Yaml => say(output::yaml(&self.document(items))?),
            Format::Name => self.print_names(items),
        }
    }

    fn nothing(&self, session: &Session) -> String {
        let what = self.kind.plural();
        match (self.kind, self.all_namespaces, &self.selector) {
            (Kind::Retained, ..) => format!("Nothing is retained in namespace {}.", session.namespace),
            (Kind::Namespaces, ..) | (_, true, _) => format!("No {what} found."),
            (_, _, None) => format!("No {what} found in namespace {}.", session.namespace),
            (_, _, Some(selector)) => format!("No {what} with {selector} found in namespace {}.", session.namespace),
        }
    }

    fn rows(&self, session: &Session, items: &[Value]) -> Vec<Vec<String>> {
        let now = session.now();
        items.iter().map(|item| columns::row(self.kind, self.extent, item, now)).collect()
    }

    /// One that was named stands for itself, all others are a list.
    fn document(&self, items: &[Value]) -> Value {
        match (items, self.names.as_slice()) {
            ([item], [_]) => item.clone(),
            _ => json!({"apiVersion": "captd/v1", "kind": "List", "items": items}),
        }
    }

    fn print_names(&self, items: &[Value]) -> Result<()> {
        for item in items {
            let key = columns::key(self.kind, item);
            let name = key.split_once('/').map_or(key.as_str(), |(_, name)| name);
            say(format_args!("{}/{name}", self.kind.singular()))?;
        }
        Ok(())
    }

    async fn watch(&self, session: &Session, items: Vec<Value>, mut columns: Columns) -> Result<Exit> {
        let by_key = |items: Vec<Value>| -> BTreeMap<String, Value> {
            items.into_iter().map(|item| (columns::key(self.kind, &item), item)).collect()
        };
        let mut seen = by_key(items);
        let mut has_header = !seen.is_empty();
        let mut patience = Patience::default();
        loop {
            tokio::time::sleep(WATCH).await;
            let now_there = match self.fetch(session).await {
                Ok((items, _)) => by_key(items),
                Err(error) => {
                    patience.bear(error.downcast::<Error>()?, session.now())?;
                    continue;
                }
            };
            patience.is_rewarded();
            let news: Vec<Value> = now_there
                .iter()
                .filter(|(key, item)| seen.get(*key).is_none_or(|before| self.differs(session, before, item)))
                .map(|(_, item)| item.clone())
                .collect();
            let gone: Vec<&Value> =
                seen.iter().filter(|(key, _)| !now_there.contains_key(*key)).map(|(_, item)| item).collect();
            self.print_news(session, &news, &gone, &mut columns, &mut has_header)?;
            seen = now_there;
        }
    }

    fn differs(&self, session: &Session, before: &Value, after: &Value) -> bool {
        if matches!(self.format, Format::Json | Format::Yaml) {
            return before != after;
        }
        let essence = |item| columns::essence(self.kind, self.extent, item, session.now());
        essence(before) != essence(after)
    }

    fn print_news(
        &self,
        session: &Session,
        news: &[Value],
        gone: &[&Value],
        columns: &mut Columns,
        has_header: &mut bool,
    ) -> Result<()> {
        match self.format {
            Format::Table | Format::Wide => {
                let mut rows = self.rows(session, news);
                rows.extend(gone.iter().map(|item| columns::farewell(self.kind, self.extent, item, session.now())));
                match (rows.is_empty(), std::mem::replace(has_header, *has_header || !rows.is_empty())) {
                    (true, _) => Ok(()),
                    (false, true) => say(columns.rows(&rows)),
                    (false, false) => say(columns.with_header(&rows)),
                }
            }
            Format::Json => news.iter().try_for_each(|item| say(output::json(item))),
            Format::Yaml => news.iter().try_for_each(|item| say(format_args!("---\n{}", output::yaml(item)?))),
            Format::Name => self.print_names(news),
        }
    }
}
