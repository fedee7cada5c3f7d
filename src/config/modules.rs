//! `[modules]`: what stands in for modules that cannot be reached.

use std::collections::BTreeMap;
use std::path::PathBuf;

use captd_capt::Version;

use crate::domain::fields::Fields;
use crate::domain::problem::{Problems, pointer_to};

/// `[modules]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modules {
    /// `[modules.mirror."<source>"]` by source.
    pub mirror: BTreeMap<String, StandIn>,
}

/// One `[modules.mirror."<source>"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// The version whose inputs and outputs it has.
    pub version: Version,
    /// Where it is.
    pub place: Place,
}

/// Where a stand-in is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder.
    Folder(PathBuf),
    /// A module that captd brings, or that `templates.dir` has.
    Module(String),
}

pub(super) fn parse(f: &mut Fields<'_, '_>) -> Option<Modules> {
    let at = f.pointer("mirror");
    let mut problems = Problems::default();
    let mut mirror = BTreeMap::new();
    for (source, value) in f.any_map("mirror").unwrap_or_default() {
        let Some(mut f) = Fields::open(&value, &pointer_to(&at, &source), &mut problems) else { continue };
        if let Some(found) = stand_in(&mut f) {
            mirror.insert(source, found);
        }
        f.finish();
    }
    let complete = problems.is_empty();
    f.absorb(problems);
    complete.then_some(Modules { mirror })
}

fn stand_in(f: &mut Fields<'_, '_>) -> Option<StandIn> {
    let version = f.text("version");
    let version = f
        .required("version", version)
        .and_then(|text| Version::parse(&text).map_err(|error| f.problem("version", "invalid_value", error)).ok());
    let place = match (f.text("dir").map(PathBuf::from), f.text("module")) {
        (Some(folder), None) if folder.is_dir() => Some(Place::Folder(folder)),
        (Some(_), None) => {
            f.problem("dir", "not_found", "is no folder that exists; it should hold the files of the module");
            None
        }
        (None, Some(module)) => Some(Place::Module(module)),
        _ => {
            let detail = "give exactly one of: dir = \"…\", a folder; module = \"…\", one that captd brings";
            f.problem("dir", "exactly_one_of", detail);
            None
        }
    };
    Some(StandIn { version: version?, place: place? })
}
