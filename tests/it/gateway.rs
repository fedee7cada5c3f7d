//! The gateway: that a command whose providers are warm does what it would do plainly, for the one
//! for whom it is done, whatever becomes of a provider.

pub mod bench;
mod compare;
mod credentials;
mod door;
mod equality;
mod hangs;
mod lives;
mod lost;
mod providers;
mod shop;
