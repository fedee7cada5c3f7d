//! The rules of captd, as tables: what would be done, what is true, what may become of a run, what
//! is refused.

mod adoption;
mod conditions;
mod decide;
mod document;
mod drift;
mod failure;
mod fair;
mod gate;
mod health;
mod label;
mod launch_rules;
mod machine_fields;
mod machine_rules;
mod mended;
mod node_rules;
mod ratchet;
mod redaction;
mod retry;
mod selector;
mod status;
mod transition;
mod trouble;
mod warning;
mod world;
