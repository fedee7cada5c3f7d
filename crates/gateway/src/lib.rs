//! Warm provider processes, shared safely between Terraform commands.
//!
//! Almost all that `terraform plan` costs goes into starting a provider, making its schema and
//! checking its configuration, and none of that depends on what is planned. The gateway does it
//! once:
//!
//! ```text
//! terraform ──(unix socket of this command)──→ Proxy ──(unix socket)──→ provider process
//!                                               │                          ↑ starts, configures, lends
//!                                               └──(what it needs)──→ the gateway
//! ```
//!
//! The [`Proxy`] lives in the process that owns terraform. It answers what needs no provider, and
//! passes all else on to the process that the gateway named, bodies and trailers untouched. When
//! the gateway is away, it starts a provider of its own.
//!
//! **Invariant:** the end of the gateway breaks no command that has begun.
//! **Invariant:** a process is shared only by what is equal in program, environment, configuration
//! and the contents of every file that credentials come from.

mod answers;
mod client;
mod control;
mod grpc;
mod heartbeat;
mod key;
mod package;
mod plugin;
mod pool;
mod protocol;
mod proxy;
mod server;
mod status;
mod wire;

pub use client::{Client, Error};
pub use control::{Borrower, PROTOCOL};
pub use heartbeat::{gateway_hangs, until_gateway_hangs};
pub use package::{Error as PackageError, Provider};
pub use plugin::{Environment, Launch, Starter};
pub use pool::Limits;
pub use proxy::{Proxy, Said, Silent, Wish, with_pid};
pub use server::{Identity, Now, Parts, Random, SOCKET_PATH_BYTES_MAX, has_processes, living, serve};
pub use status::{Counts, ProcessStatus, Retirement, Status};
