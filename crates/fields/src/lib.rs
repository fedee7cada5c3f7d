//! Reading what people write: a JSON object field by field, and what is wrong with it, all of it at once.

pub mod fields;
pub mod number;
pub mod problem;
pub mod server_owned;
pub mod yaml;
