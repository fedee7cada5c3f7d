//! The disk of the data folder: how much room it has, and what failed for want of it.

use std::path::Path;
use std::sync::atomic::Ordering;

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

impl Service {
    /// That the disk of the data folder is nearly full, in words, if it is.
    #[must_use]
    pub fn disk_is_low(&self) -> Option<String> {
        let room = room_at(&self.config.data_dir).ok().filter(|room| room.is_low())?;
        Some(format!("the disk of the data folder is nearly full: {}; make room before runs fail", room.in_words()))
    }

    /// Looks at the disk. When it has room again, what failed for want of it is tried at once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn look_at_disk(&self) -> Result<()> {
        let is_low = self.disk_is_low();
        if let Some(why) = &is_low
            && !self.disk_was_low.load(Ordering::Relaxed)
        {
            tracing::warn!(why, "the disk is nearly full");
        }
        let has_room_again = self.disk_was_low.swap(is_low.is_some(), Ordering::Relaxed) && is_low.is_none();
        if has_room_again {
            let mut change = self.write(DAEMON).await?;
            change.mend(&[], &[Class::Disk]).await?;
            change.commit().await?;
        }
        Ok(())
    }

    /// The condition that says so, of whatever is declared.
    pub(super) fn disk_condition(&self, observed_generation: u64) -> Option<Condition> {
        Some(Condition {
            condition_type: "DiskLow",
            status: "True",
            reason: "LittleRoom".to_owned(),
            message: self.disk_is_low()?,
            observed_generation,
            last_transition_time: self.clock.now(),
        })
    }
}
