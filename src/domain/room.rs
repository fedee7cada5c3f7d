//! Room on the disk of the data folder: told before it is used up.

/// Mebibytes that should be free, on a disk that is large enough.
pub const FREE_MIB_MIN: u64 = 256;
/// On a small disk, the share of it that should be free: one in so many.
const FREE_SHARE: u64 = 20;

/// What a disk has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that captd may still write.
    pub free_bytes: u64,
    /// Bytes of all of it.
    pub total_bytes: u64,
}

impl Room {
    /// Whether it is time to make room.
    #[must_use]
    pub fn is_low(self) -> bool {
        self.free_bytes < (FREE_MIB_MIN << 20).min(self.total_bytes / FREE_SHARE)
    }

    /// How much there is, in words.
    #[must_use]
    pub fn in_words(self) -> String {
        format!("{} MiB of {} MiB are free", self.free_bytes >> 20, self.total_bytes >> 20)
    }
}
