//! How many connections a process has file descriptors for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What files, stores and all else of a process take besides connections.
const RESERVED: u64 = 64;

/// Raises the soft limit, which is for programs that use `select`, to the hard one. Where that may
/// not be, it stays.
pub fn raise() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of file descriptors stays as it is");
    }
}

/// How many connections there is room for, where each takes so many descriptors.
#[must_use]
pub fn room(each: u32) -> u32 {
    room_in(getrlimit(Resource::Nofile).current, each)
}

fn room_in(descriptors: Option<u64>, each: u32) -> u32 {
    let Some(descriptors) = descriptors else { return u32::MAX };
    let room = descriptors.saturating_sub(RESERVED) / u64::from(each.max(1));
    u32::try_from(room).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_kept_for_all_else() {
        assert_eq!(room_in(None, 2), u32::MAX);
        assert_eq!((room_in(Some(1_064), 1), room_in(Some(1_064), 2)), (1_000, 500));
        assert_eq!(room_in(Some(10), 2), 1, "a process that serves nobody is of no use");
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        raise();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
