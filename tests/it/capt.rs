//! CAPT's manifests: what they become, and what is refused. The manifests here are written anew, in the shapes that CAPT
//! has.

mod forms;
mod machine;
mod modules;
mod refused;
