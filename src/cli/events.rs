//! `captd events`: what happened, once or as it happens.

use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Error;
use super::output::{self, Columns, note, say};
use super::progress::Patience;
use super::session::Session;
use super::{Exit, target, times};

/// How often one asks what is new.
const WATCH: Duration = Duration::from_secs(1);
/// Events on a page: as many as the daemon gives.
const PAGE: &str = "500";
/// Events that are shown where nothing is said of how many.
const SHOWN: &str = "100";

/// `captd events`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only about this one: NAME, machine/NAME or workspace/NAME
    #[arg(long = "for", value_name = "NAME")]
    about: Option<String>,
    /// Of every namespace, and of captd itself
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// How it is printed
    #[arg(short, long, value_enum, default_value = "table")]
    output: Format,
    /// Go on, and print what happens
    #[arg(short, long)]
    watch: bool,
}

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Json,
    Yaml,
}

#[derive(Debug, Deserialize)]
struct Events {
    items: Vec<Value>,
    position: i64,
}

/// Shows them.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let mut about = Vec::new();
    if let Some(name) = &args.about {
        let key = target::resource(std::slice::from_ref(name), &session.namespace)?;
        about.push((key.kind.noun(), key.name.to_string()));
    }
    let namespace = session.namespace.as_str();
    let path = if args.all_namespaces { vec!["v1", "events"] } else { vec!["v1", "namespaces", namespace, "events"] };
    let mut columns = Columns::new(header());
    let first: [_; 1] = [("limit", SHOWN.to_owned())];
    let mut events: Events = session.client.get(&path, &[&about[..], &first].concat()).await?;
    if events.items.is_empty() && args.output == Format::Table {
        note("No events.");
    }
    let mut has_header = !events.items.is_empty();
    print(session, args.output, &events.items, &mut columns, false, args.watch)?;
    if !args.watch {
        return Ok(Exit::Done);
    }
    let mut patience = Patience::default();
    loop {
        tokio::time::sleep(WATCH).await;
        let query = [&about[..], &[("limit", PAGE.to_owned()), ("after", events.position.to_string())]].concat();
        match session.client.get::<Events>(&path, &query).await {
            Ok(next) => {
                patience.is_rewarded();
                print(session, args.output, &next.items, &mut columns, has_header, true)?;
                has_header |= !next.items.is_empty();
                events = next;
            }
            Err(error) => patience.bear(error, session.now())?,
        }
    }
}

fn header() -> Vec<&'static str> {
    vec!["AGE", "TYPE", "REASON", "OBJECT", "BY", "MESSAGE"]
}

/// Events as rows, the newest last.
pub(super) fn rows(session: &Session, items: &[Value]) -> Vec<Vec<String>> {
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or("-").to_owned();
    let row = |item: &Value| {
        let at = item["happenedAt"].as_str().and_then(|at| at.parse().ok());
        let age = at.map_or_else(|| "-".to_owned(), |at| times::age(at, session.now()));
        let object = format!("{}/{}", text(item, "kind").to_ascii_lowercase(), text(item, "name"));
        vec![age, text(item, "severity"), text(item, "reason"), object, text(item, "actor"), text(item, "message")]
    };
    items.iter().map(row).collect()
}

fn print(
    session: &Session,
    format: Format,
    items: &[Value],
    columns: &mut Columns,
    has_header: bool,
    one_by_one: bool,
) -> Result<()> {
    match format {
        Format::Table if items.is_empty() => Ok(()),
        Format::Table if has_header => say(columns.rows(&rows(session, items))),
        Format::Table => say(columns.with_header(&rows(session, items))),
        Format::Json if one_by_one => items.iter().try_for_each(say),
        Format::Json => say(output::json(&json!({"items": items}))),
        Format::Yaml => items.iter().try_for_each(|item| say(format_args!("---\n{}", output::yaml(item)?))),
    }
}

/// The last events about one, for its description.
pub(super) async fn last_of(session: &Session, key: &crate::domain::resource::Key) -> Result<Vec<String>, Error> {
    let query = [(key.kind.noun(), key.name.to_string()), ("limit", "8".to_owned())];
    let path = ["v1", "namespaces", key.namespace.as_str(), "events"];
    let events: Events = session.client.get(&path, &query).await?;
    if events.items.is_empty() {
        return Ok(Vec::new());
    }
    let table = Columns::new(header()).with_header(&rows(session, &events.items));
    Ok(std::iter::once("Events:".to_owned()).chain(table.lines().map(|line| format!("  {line}"))).collect())
}
