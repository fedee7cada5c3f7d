//! What is asked for: routes that exist, spelled and filled in as nobody would, from a seed.

use fastrand::Rng;
use serde_json::{Value, json};

use super::raw::Raw;
use crate::support::local_machine;

/// What the client must not reach, by the names it has.
pub(super) struct Known {
    pub(super) runs: Vec<String>,
    pub(super) workspace: String,
}

pub(super) struct Generator {
    chance: Rng,
    known: Known,
    tokens: Vec<String>,
}

const METHODS: [&str; 12] =
    ["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "LOCK", "MKCOL"];
const TOP: [&str; 14] = [
    "machines",
    "workspaces",
    "runs",
    "apply",
    "convert",
    "retry",
    "hold",
    "keys/rotate",
    "drain",
    "gateway",
    "events",
    "whoami",
    "version",
    "namespaces",
];
const BELOW: [&str; 12] = [
    "machines",
    "workspaces",
    "secrets",
    "templates",
    "discover",
    "retry",
    "graph",
    "events",
    "retained",
    "nodes",
    "machines/m/state",
    "",
];
const OF_ONE: [&str; 20] = [
    "",
    "state",
    "state/versions",
    "state/rollback",
    "state/trust",
    "state/lock",
    "eject",
    "outputs/current_size",
    "outputs/status",
    "scale",
    "plan",
    "retry",
    "pause",
    "resume",
    "revisions",
    "revisions/x",
    "rendered",
    "rollback",
    "rollout",
    "approve",
];
const OF_A_RUN: [&str; 8] = ["", "plan", "log", "approve", "discard", "cancel", "no-verb", "approve/"];
const NAMES: [&str; 12] =
    ["m", "waits", "s", "x", "local-nodegroup-template", "M", "-", "..", "%2e%2e", "*", "ä", "a/b"];
const NAMESPACES: [&str; 12] = ["a", "a", "a", "a", "a", "a", "a", "b", "b", "default", "nope", "A"];
const PARAMETERS: [&str; 20] = [
    "namespace",
    "machine",
    "workspace",
    "state",
    "limit",
    "continue",
    "labelSelector",
    "phase",
    "after",
    "reveal",
    "cascade",
    "force",
    "dryRun",
    "paused",
    "createOnly",
    "version",
    "to",
    "serial",
    "revision",
    "nonsense",
];
const VALUES: [&str; 18] = [
    "a",
    "b",
    "%62",
    "true",
    "false",
    "",
    "1",
    "0",
    "-1",
    "99999999999999999999",
    "m",
    "waits",
    "Ready",
    "queued",
    "team%3Ddata",
    "%00",
    "%ff",
    "awaiting_approval",
];

impl Generator {
    pub(super) fn new(seed: u64, known: Known, tokens: &[&str]) -> Self {
        Self { chance: Rng::with_seed(seed), known, tokens: tokens.iter().map(|token| (*token).to_owned()).collect() }
    }

    pub(super) fn next(&mut self) -> Raw {
        let path = self.path();
        // Half of them go as far as the handlers.
        let is_odd = self.chance.bool();
        let spelled = |it: &mut Self, segment: &str| if is_odd { it.spelled(segment) } else { segment.to_owned() };
        let path: Vec<String> = path.split('/').map(|segment| spelled(self, segment)).collect();
        let mut target = path.join(if self.chance.u8(..) < 6 { "//" } else { "/" });
        match self.chance.u8(..80) {
            0 => target.push('/'),
            1 => target.push_str("/."),
            2 => target.push_str("%2f"),
            3 => target.push(';'),
            _ => {}
        }
        target.push_str(&self.query());
        Raw { method: self.one(&METHODS), target, token: self.token(), headers: self.headers(), body: self.body() }
    }

    fn one(&mut self, of: &[&str]) -> String {
        of[self.chance.usize(..of.len())].to_owned()
    }

    fn run_id(&mut self) -> String {
        let id = self.known.runs[self.chance.usize(..self.known.runs.len())].clone();
        match self.chance.u8(..10) {
            0 => format!("{{{id}}}"),
            1 => format!("urn:uuid:{id}"),
            2 => id.replace('-', ""),
            3 => id.to_uppercase(),
            4 => format!("%7B{id}%7D"),
            5 => id[..8].to_owned(),
            _ => id,
        }
    }

    fn path(&mut self) -> String {
        match self.chance.u8(..20) {
            0 => self.one(&["", "/healthz", "/readyz", "/v1", "/metrics", "/v2/machines", "*", "/v1/../v1/machines"]),
            1 => format!("/state/v1/workspaces/{}", self.known.workspace),
            2..=3 => format!("/v1/{}", self.one(&TOP)),
            4..=7 => format!("/v1/runs/{}/{}", self.run_id(), self.one(&OF_A_RUN)).trim_end_matches('/').to_owned(),
            8..=10 => format!("/v1/namespaces/{}/{}", self.one(&NAMESPACES), self.one(&BELOW)),
            _ => {
                let (namespace, kind) =
                    (self.one(&NAMESPACES), self.one(&["machines", "workspaces", "secrets", "templates"]));
                let (name, below) = (self.one(&NAMES), self.one(&OF_ONE));
                format!("/v1/namespaces/{namespace}/{kind}/{name}/{below}").trim_end_matches('/').to_owned()
            }
        }
    }

    /// A segment, as a rule as it is; else with some or all of its letters encoded, once or twice.
    fn spelled(&mut self, segment: &str) -> String {
        let share = match self.chance.u8(..10) {
            0 => 255,
            1 => 90,
            2 => 30,
            _ => return segment.to_owned(),
        };
        let (upper, twice) = (self.chance.bool(), self.chance.u8(..) < 25);
        let encode = |byte: u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        let mut out = String::new();
        for byte in segment.bytes() {
            if byte != b'%' && self.chance.u8(..) <= share {
                out.push_str(&encode(byte));
            } else {
                out.push(char::from(byte));
            }
        }
        if twice { out.replace('%', "%25") } else { out }.replace(|c: char| !c.is_ascii(), "%C3")
    }

    fn query(&mut self) -> String {
        let count = [0, 0, 0, 0, 0, 0, 1, 1, 2, 3][self.chance.usize(..10)];
        let pairs: Vec<String> = (0..count)
            .map(|_| {
                let (name, value) = (self.one(&PARAMETERS), self.one(&VALUES));
                if self.chance.u8(..) < 30 { name } else { format!("{}={value}", self.spelled(&name)) }
            })
            .collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    fn token(&mut self) -> Option<String> {
        match self.chance.u8(..20) {
            0 => None,
            1 => Some("wrong".to_owned()),
            _ => Some(self.tokens[self.chance.usize(..self.tokens.len())].clone()),
        }
    }

    fn headers(&mut self) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        let kinds = [
            "application/json",
            "application/json",
            "application/yaml",
            "application/merge-patch+json",
            "application/x-tar",
            "application/gzip",
            "text/plain",
            "application/json; charset=latin1",
        ];
        if self.chance.u8(..) < 220 {
            headers.push(("content-type".to_owned(), self.one(&kinds)));
        }
        let odd = [
            ("if-match", "\"1\""),
            ("if-match", "W/\"x\", *"),
            ("if-none-match", "*"),
            ("accept", "application/yaml"),
            ("range", "bytes=0-1"),
            ("x-http-method-override", "DELETE"),
            ("x-original-url", "/v1/machines"),
            ("x-forwarded-for", "10.0.0.1, 127.0.0.1"),
            ("authorization", "Basic eDp5"),
            ("cookie", "token=x"),
            ("expect", "something"),
            ("content-encoding", "gzip"),
        ];
        if self.chance.u8(..) < 40 {
            let (name, value) = odd[self.chance.usize(..odd.len())];
            headers.push((name.to_owned(), value.to_owned()));
        }
        headers
    }

    fn body(&mut self) -> Vec<u8> {
        match self.chance.u8(..12) {
            0..=2 => Vec::new(),
            3 => (0..self.chance.usize(..400)).map(|_| self.chance.u8(..)).collect(),
            4 => self
                .one(&["{", "[]", "[{}]", "null", "\"\"", "---\n---\n", "a: &a [*a]", "[[[[[[", "{\"a\":1e99999}"])
                .into(),
            5 => self.mutated(json!({"desiredSize": 2, "serial": 1, "version": 1, "to": 1})).to_string().into(),
            6 => self
                .mutated(json!({"kind": "Secret", "spec": {"data": {"key": "text"}}, "metadata": {"name": "s", "namespace": "b"}}))
                .to_string()
                .into(),
            7 => {
                let document =
                    self.document("WorkspaceTemplate", &json!({"files": {"main.tf": "output \"x\" { value = 1 }"}}));
                self.mutated(document).to_string().into()
            }
            8 => {
                let document =
                    self.document("Namespace", &json!({"providerConfigs": ["*"], "limits": {"machines": 1000}}));
                self.mutated(document).to_string().into()
            }
            _ => {
                let name = self.one(&["m", "waits", "x"]);
                let mut machine = local_machine(&name, 2, &json!({}));
                machine["metadata"]["namespace"] = json!(self.one(&NAMESPACES));
                // What it may declare in its own namespace begins nothing: this is about the door.
                machine["spec"]["runPolicy"] = json!({"approval": "manual"});
                self.mutated(machine).to_string().into()
            }
        }
    }

    fn document(&mut self, kind: &str, spec: &Value) -> Value {
        let namespace = self.one(&NAMESPACES);
        json!({"apiVersion": "captd/v1", "kind": kind, "metadata": {"name": "x", "namespace": namespace}, "spec": spec})
    }

    /// The same with one of its values replaced, or gone.
    fn mutated(&mut self, mut value: Value) -> Value {
        if self.chance.bool() {
            return value;
        }
        let mut places = Vec::new();
        places_in(&value, "", &mut places);
        let odd = [
            json!(null),
            json!(-1),
            json!(1.5),
            json!(u64::MAX),
            json!(""),
            json!("\u{0}\u{1b}[31m"),
            json!([]),
            json!({}),
            json!("../../etc/passwd"),
            json!("${file(\"/proc/self/environ\")}"),
            json!("x".repeat(70_000)),
            json!([[[[[[]]]]]]),
        ];
        let place = &places[self.chance.usize(..places.len())];
        *value.pointer_mut(place).unwrap() = odd[self.chance.usize(..odd.len())].clone();
        value
    }
}

/// The pointers of a value and of all within it.
fn places_in(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                places_in(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), into);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places_in(item, &format!("{at}/{index}"), into));
        }
        _ => {}
    }
}
