//! The Terraform seam: argument vectors, the environment of its processes, and what it says in
//! JSON.
//!
//! **Invariant:** starts no process and touches no file; all of it is a function of its arguments.

pub mod applying;
pub mod argv;
pub mod diagnostics;
pub mod environment;
pub mod events;
pub mod installation;
pub mod lock;
pub mod outputs;
pub mod plan;
pub mod version;
