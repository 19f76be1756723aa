//! How many connections a process has file descriptors for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What files, stores and all else of a process take besides connections.
const RESERVED: u64 = 64;

/// How many connections there is room for, where each takes so many descriptors. The soft limit, which is for programs that
/// use `select`, is raised to the hard one.
#[must_use]
pub fn connections(each: u32) -> u32 {
    let Rlimit { mut current, maximum } = getrlimit(Resource::Nofile);
    let is_raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    if is_raised {
        current = maximum;
    }
    room(current, each)
}

fn room(descriptors: Option<u64>, each: u32) -> u32 {
    let Some(descriptors) = descriptors else { return u32::MAX };
    let room = descriptors.saturating_sub(RESERVED) / u64::from(each.max(1));
    u32::try_from(room).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_kept_for_all_else() {
        assert_eq!(room(None, 2), u32::MAX);
        assert_eq!((room(Some(1_064), 1), room(Some(1_064), 2)), (1_000, 500));
        assert_eq!(room(Some(10), 2), 1, "a process that serves nobody is of no use");
    }
}
