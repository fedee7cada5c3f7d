//! The gateway: that a command whose providers are warm does what it would do plainly, for the one
//! for whom it is done, whatever becomes of a provider.

pub mod bench;
mod compare;
mod credentials;
mod equality;
mod lives;
mod lost;
mod providers;
mod shop;
