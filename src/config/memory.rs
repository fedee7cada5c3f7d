//! How many applies this machine has memory for.

/// Bytes that an apply takes which starts its providers itself, and which finds them warm (measured:
/// 850 MiB and 32 MiB, in the worst of cases).
const PLAIN_APPLY_BYTES: u64 = 1 << 30;
const WARM_APPLY_BYTES: u64 = 64 << 20;
/// Applies at the same time, when memory is no matter.
const PLAIN_APPLIES: (u64, u64) = (2, 64);
const WARM_APPLIES: (u64, u64) = (16, 512);

/// Applies at the same time that `bytes` of memory have room for: those that start their providers
/// themselves, and those that find them warm.
#[must_use]
pub fn applies(bytes: u64) -> (u32, u32) {
    let fit = |each: u64, (least, most): (u64, u64)| (bytes / each).clamp(least, most);
    let count = |applies: u64| u32::try_from(applies).unwrap_or(u32::MAX);
    (count(fit(PLAIN_APPLY_BYTES, PLAIN_APPLIES)), count(fit(WARM_APPLY_BYTES, WARM_APPLIES)))
}

/// Bytes of memory that this process may have: the machine's, or its container's, if that has less.
#[must_use]
pub fn bytes() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let of_container = read("/sys/fs/cgroup/memory.max").trim().parse().unwrap_or(u64::MAX);
    total(&read("/proc/meminfo")).unwrap_or_default().min(of_container)
}

/// `MemTotal:       24682912 kB`
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}
