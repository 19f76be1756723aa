//! How much memory this process may fill, and what may fill how much of it.
//!
//! Whatever callers can make grow has its part: the leases that the journaled ledger keeps,
//! operations that wait for it, bodies that are being read and answered. The rest is for all that
//! does not grow.

use std::fs;
use std::path::{Path, PathBuf};

const MIB: u64 = 1 << 20;

/// What is assumed where a system does not tell.
const UNKNOWN: Memory = Memory::of_mib(1_024);

/// Of this many parts of the memory ..
const PARTS: u64 = 16;

/// .. so many are for leases. While the books are read again after an outage, the old ones are
/// still there to be looked at: it can be twice as much for as long as that takes.
const LEASE_PARTS: u64 = 5;

/// For bodies, and all that is made of them until they are answered.
const BODY_PARTS: u64 = 2;

/// For operations that wait for a writer or for its commit.
const OPERATION_PARTS: u64 = 1;

/// What a byte of a body takes until it is answered, bytes: the shortest JSON of a return is 45
/// bytes, of an acquire 90, and each becomes an item, an operation, an outcome and an answer.
const BODY_FACTOR: u64 = 12;

/// The most that an operation takes, with its names and its outcome, bytes.
const OPERATION_BYTES: u64 = 512;

/// The memory that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    bytes: u64,
}

impl Memory {
    /// So many MiB.
    #[must_use]
    pub const fn of_mib(mib: u32) -> Self {
        Self { bytes: mib as u64 * MIB }
    }

    /// What this process may fill: the least that one of its control groups allows (of version 1 or
    /// 2), else all that the machine has; 1 GiB where neither is told.
    #[must_use]
    pub fn found() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let machine = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        found(Path::new("/sys/fs/cgroup"), &groups, &machine).unwrap_or(UNKNOWN)
    }

    /// For all leases that are kept, bytes.
    #[must_use]
    pub const fn for_leases(self) -> u64 {
        self.bytes / PARTS * LEASE_PARTS
    }

    /// How many bytes of bodies there may be at once; at least one body of the largest size.
    #[must_use]
    pub fn body_bytes(self) -> usize {
        let bytes = self.bytes / PARTS * BODY_PARTS / BODY_FACTOR;
        whole(bytes).max(quota_api::limits::MAX_BODY_BYTES)
    }

    /// How many operations may wait at once.
    #[must_use]
    pub fn operations(self) -> usize {
        whole(self.bytes / PARTS * OPERATION_PARTS / OPERATION_BYTES)
    }
}

fn whole(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn found(root: &Path, groups: &str, machine: &str) -> Option<Memory> {
    let limits = groups.lines().filter_map(|line| limit(root, line));
    let bytes = limits.chain(installed(machine)).filter(|bytes| *bytes > 0).min()?;
    Some(Memory { bytes })
}

/// What the groups of a line of `/proc/self/cgroup` allow: `number:controllers:path`. In a
/// container the path may be one of the host's, which is not there; the root of what is there is
/// the container's own.
fn limit(root: &Path, line: &str) -> Option<u64> {
    let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
    let (root, file) = match controllers {
        "" => (root.to_owned(), "memory.max"),
        _ if controllers.split(',').any(|name| name == "memory") => {
            (root.join("memory"), "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let group = root.join(path.trim_start_matches('/'));
    let groups = group.ancestors().take_while(|group| group.starts_with(&root));
    // No limit is `max`, or in version 1 a number that no machine has.
    let limit = |group: &Path| fs::read_to_string(group.join(file)).ok()?.trim().parse().ok();
    groups.map(Path::to_owned).filter_map(|group: PathBuf| limit(&group)).min()
}

/// The first line of `/proc/meminfo`.
fn installed(machine: &str) -> Option<u64> {
    let kib = machine.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "MemTotal:       8000000 kB\nMemFree: 1 kB\n";

    fn group(root: &Path, path: &str, limit: &str) {
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, limit).unwrap();
    }

    #[test]
    fn the_least_of_all_groups_and_the_machine_counts() {
        let machine = Some(Memory { bytes: 8_000_000 * 1_024 });
        let limited = Some(Memory { bytes: 1 << 30 });
        for (files, groups, expected) in [
            (vec![], "0::/\n", machine),
            (vec![("memory.max", "max\n")], "0::/\n", machine),
            (vec![("memory.max", "1073741824\n")], "0::/\n", limited),
            (vec![("memory.max", "1073741824\n")], "0::/of/the/host\n", limited),
            (vec![("memory.max", "1073741824\n")], "0::/../../elsewhere\n", limited),
            (
                vec![("a/memory.max", "1073741824\n"), ("a/b/memory.max", "max\n")],
                "0::/a/b",
                limited,
            ),
            (vec![("a/memory.max", "1073741824\n")], "0::/ab\n", machine),
            (vec![("memory.max", "9999999999999\n")], "0::/\n", machine),
            (
                vec![("memory/docker/1/memory.limit_in_bytes", "1073741824\n")],
                "5:cpu,cpuacct:/x\n4:hugetlb,memory:/docker/1\n0::/\n",
                limited,
            ),
            (
                vec![("memory/memory.limit_in_bytes", "9223372036854771712\n")],
                "4:memory:/docker/1\n",
                machine,
            ),
        ] {
            let root = tempfile::tempdir().unwrap();
            for (path, limit) in &files {
                group(root.path(), path, limit);
            }
            assert_eq!(found(root.path(), groups, MACHINE), expected, "{files:?} {groups}");
        }
        let nowhere = Path::new("/there/is/no/such/folder");
        assert_eq!(found(nowhere, "0::/", ""), None);
        assert_eq!(found(nowhere, "nonsense\n::\n", "MemTotal: many kB"), None);
    }

    #[test]
    fn twice_the_leases_and_all_the_rest_fit() {
        for mib in [64, 1_024, 1 << 20] {
            let memory = Memory::of_mib(mib);
            let bodies = memory.bytes / PARTS * BODY_PARTS;
            let operations = memory.operations() as u64 * OPERATION_BYTES;
            let most = 2 * memory.for_leases() + bodies + operations;
            assert!(most <= memory.bytes / PARTS * 13, "{mib}");
        }
        assert_eq!(Memory::of_mib(64).body_bytes(), quota_api::limits::MAX_BODY_BYTES);
    }
}
