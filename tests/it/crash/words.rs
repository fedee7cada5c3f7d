//! What the machines of a trial take in of others: an output of the workspace `words`, and a text of the
//! secret `salt`. Workspace, secret and the template that the workspace follows change while the trial goes on, and
//! every machine must have the last of all in the end.

use std::time::Duration;

use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::people::Event;
use super::scenario::seconds;
use super::world::World;
use super::{Kind, Trouble};

/// The template of the workspace; `EDITION` is another one in each revision.
const TEMPLATE: &str = r#"
variable "word" { type = string }
resource "terraform_data" "word" { input = "${var.word} EDITION" }
output "word" { value = terraform_data.word.output }
"#;
/// The same, where another revision changes an output and no resource.
const OUTPUT_ALONE: &str = r#"
variable "word" { type = string }
resource "terraform_data" "word" { input = var.word }
output "word" { value = "${terraform_data.word.output} EDITION" }
"#;
const MANIFEST: &str = "description: A word that machines take in.\nprovider: none\nprotects: []\n";

/// What becomes another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Source {
    Template,
    Workspace,
    Secret,
}

/// Each of them, those first that others need.
const SOURCES: [Source; 3] = [Source::Template, Source::Workspace, Source::Secret];

#[derive(Debug, Clone, PartialEq)]
pub struct Words {
    /// Whether a revision of the template changes an output alone.
    is_state_only: bool,
    /// What is said, each after a pause; the first of each source before anything else.
    changes: Vec<(Duration, Source, String)>,
}

impl Words {
    pub fn from_rng(rng: &mut Rng) -> Self {
        let first = SOURCES.map(|source| (Duration::ZERO, source, "word-0".to_owned()));
        let more = (1..=rng.usize(1..=4)).map(|n| {
            let source = *rng.choice(&SOURCES).expect("there are sources");
            (seconds(rng, 0.0, 3.0), source, format!("word-{n}"))
        });
        let changes: Vec<_> = first.into_iter().chain(more).collect();
        Self { is_state_only: false, changes }
    }

    /// The same, and whether a revision of the template changes an output alone.
    pub fn with_outputs_alone(self, is_state_only: bool) -> Self {
        Self { is_state_only, ..self }
    }

    /// Whether a revision comes that changes an output alone.
    pub fn change_outputs_alone(&self) -> bool {
        self.is_state_only && self.changes[SOURCES.len()..].iter().any(|(_, source, _)| *source == Source::Template)
    }

    fn last(&self, of: Source) -> &str {
        let said = self.changes.iter().rev().find(|(_, source, _)| *source == of);
        said.map_or("", |(_, _, word)| word)
    }

    /// What a machine declares of them.
    pub fn variables() -> Value {
        json!({
            "word": {"valueFrom": {"workspace": "words", "output": "word"}},
            "salt": {"valueFrom": {"secret": "salt", "key": "text"}},
        })
    }

    /// Word and salt of a machine that has the last of all.
    pub fn last_of_all(&self) -> (String, String) {
        let digest = Sha256::digest(self.last(Source::Secret)).iter().map(|byte| format!("{byte:02x}")).collect();
        (format!("{} {}", self.last(Source::Workspace), self.last(Source::Template)), digest)
    }

    /// Whether a machine has the last of all.
    pub fn reached(&self, machine: &Value) -> bool {
        let outputs = &machine["status"]["outputs"];
        let (word, salt) = self.last_of_all();
        outputs["word"] == word.as_str() && outputs["salt"] == salt.as_str()
    }

    /// Says the first of each: machines that are declared without them would be refused.
    pub async fn begin(&self, world: &World) -> Result<(), Trouble> {
        for (_, source, word) in &self.changes[..SOURCES.len()] {
            self.say(world, *source, word).await?;
        }
        Ok(())
    }

    /// Says all the others.
    pub async fn go_on(&self, world: &World) -> Result<(), Trouble> {
        for (pause, source, word) in &self.changes[SOURCES.len()..] {
            sleep(*pause).await;
            self.say(world, *source, word).await?;
            if self.is_state_only && *source == Source::Template {
                world.met(Event::StateOnlyPlan);
            }
        }
        Ok(())
    }

    async fn say(&self, world: &World, source: Source, text: &str) -> Result<(), Trouble> {
        let template = if self.is_state_only { OUTPUT_ALONE } else { TEMPLATE };
        let (path, body) = match source {
            Source::Template => {
                let files = json!({"template.yaml": MANIFEST, "main.tf": template.replace("EDITION", text)});
                ("templates/crash-words", json!({"spec": {"files": files}}))
            }
            Source::Workspace => (
                "workspaces/words",
                json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": "words"}, "spec": {
                    "workspaceTemplateRef": {"name": "crash-words"}, "variables": {"word": text},
                }}),
            ),
            Source::Secret => ("secrets/salt", json!({"spec": {"data": {"text": text}}})),
        };
        let path = format!("/v1/namespaces/default/{path}");
        let (status, answer) = world.insist(Method::PUT, &path, Some(&body)).await?;
        world.note(&format!("{source:?} says {text}: {status}"));
        if status < 300 {
            Ok(())
        } else {
            Err(Trouble::new(Kind::Other, format!("PUT {path} answers {status}: {answer}")))
        }
    }
}
