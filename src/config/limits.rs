//! `[limits]`: what a command of a run, and all that it starts, may take of the machine.

use crate::domain::fields::Fields;

/// `[limits]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// MiB of one file that a run writes.
    pub file_mib_max: u32,
    /// The same while providers are installed: the AWS provider's program has more than 700.
    pub init_file_mib_max: u32,
    /// MiB of one process's data segment.
    pub data_mib_max: u32,
    /// Files that one process has open.
    pub open_files_max: u32,
    /// Processes of one command at the same time.
    pub processes_max: u32,
    /// MiB in the folder that a command works in.
    pub folder_mib_max: u32,
}

pub(super) fn parse(f: &mut Fields<'_, '_>) -> Option<Limits> {
    Some(Limits {
        file_mib_max: super::number(f, "file_mib_max", 1_024, 1, 1 << 20),
        init_file_mib_max: super::number(f, "init_file_mib_max", 8_192, 1_024, 1 << 20),
        data_mib_max: super::number(f, "data_mib_max", 8_192, 1_024, 1 << 20),
        open_files_max: super::number(f, "open_files_max", 8_192, 256, 1 << 20),
        processes_max: super::number(f, "processes_max", 512, 16, 1 << 16),
        folder_mib_max: super::number(f, "folder_mib_max", 8_192, 1, 1 << 20),
    })
}
