//! The Terraform seam: what is started, with which environment, and how its answers are read.

mod applying;
mod argv;
mod diagnostics;
mod environment;
mod events;
mod installation;
mod plan;
mod version;
