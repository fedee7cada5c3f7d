//! The nouns and rules of captd: what is declared, what runs, what was seen, what is due.
//!
//! **Invariant:** no async, no I/O, no SQL, no HTTP; the clock is read in `time.rs` alone.

pub mod adoption;
pub mod class;
mod classify;
pub mod conditions;
pub mod decide;
pub mod discovered;
pub mod document;
pub mod drain;
pub mod env_names;
pub mod event;
pub mod failure;
pub mod fair;
pub mod gate;
pub mod health;
pub mod import;
pub mod label;
pub mod machine;
pub mod machine_fields;
pub mod machine_rules;
pub mod metadata;
pub mod name;
pub mod namespace;
pub mod needs;
pub mod observation;
pub mod outputs;
pub mod permission;
pub mod plan;
pub mod ratchet;
pub mod redaction;
pub mod refusal;
pub mod resource;
pub mod retry;
pub mod rollout;
pub mod room;
pub mod run;
pub mod secret;
pub mod selector;
pub mod sources;
pub mod state;
pub mod status;
pub mod template;
pub mod template_fields;
pub mod time;
pub mod transition;
pub mod trouble;
pub mod warmth;
pub mod warning;
pub mod workspace;
pub mod workspace_fields;

pub use captd_fields::{fields, number, problem, server_owned, yaml};
