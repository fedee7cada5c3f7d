//! The disk of the data folder: how much room it has, and what failed for want of it.

use std::path::Path;

use jiff::Timestamp;

use super::{DAEMON, Result, Service};
use crate::domain::conditions::Condition;
use crate::domain::failure::Class;
use crate::domain::room::Room;

/// The room on the disk of a folder.
///
/// # Errors
/// When the system does not say.
pub fn room_at(folder: &Path) -> std::io::Result<Room> {
    let about = rustix::fs::statvfs(folder)?;
    Ok(Room {
        free_bytes: about.f_bavail.saturating_mul(about.f_frsize),
        total_bytes: about.f_blocks.saturating_mul(about.f_frsize),
    })
}

/// What was seen of the disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// That it is nearly full, in words, and since when it was seen so.
    low: Option<(String, Timestamp)>,
    /// Whether what failed for want of room is still to be tried, once there is some: so before the first look.
    is_mended: bool,
}

impl Service {
    /// That the disk of the data folder is nearly full, in words, if it is.
    #[must_use]
    pub fn disk_is_low(&self) -> Option<String> {
        let room = room_at(&self.config.data_dir).ok().filter(|room| room.is_low());
        let mut disk = self.disk();
        disk.low = room.map(|room| {
            let why =
                format!("the disk of the data folder is nearly full: {}; make room before runs fail", room.in_words());
            let since = disk.low.take().map_or_else(|| self.clock.now(), |(_, since)| since);
            (why, since)
        });
        disk.low.as_ref().map(|(why, _)| why.clone())
    }

    /// Looks at the disk. When it has room again, what failed for want of it is tried at once.
    ///
    /// # Errors
    /// When the database fails; then the next look does it.
    pub async fn look_at_disk(&self) -> Result<()> {
        if let Some(why) = self.disk_is_low() {
            if std::mem::take(&mut self.disk().is_mended) {
                tracing::warn!(why, "the disk is nearly full");
            }
            return Ok(());
        }
        if !self.disk().is_mended {
            let mut change = self.write(DAEMON).await?;
            change.mend(&[], &[Class::Disk]).await?;
            change.commit().await?;
            self.disk().is_mended = true;
        }
        Ok(())
    }

    /// The condition that says so, of whatever is declared: as it was at the last look.
    pub(super) fn disk_condition(&self, observed_generation: u64) -> Option<Condition> {
        let (message, since) = self.disk().low.clone()?;
        Some(Condition {
            condition_type: "DiskLow",
            status: "True",
            reason: "LittleRoom".to_owned(),
            message,
            observed_generation,
            last_transition_time: since,
        })
    }

    fn disk(&self) -> std::sync::MutexGuard<'_, Disk> {
        self.disk.lock().expect("invariant: no holder of this lock panics")
    }
}
