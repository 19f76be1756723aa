use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why Redis did not do something.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LinkError {
    /// There is no connection just now: nothing was sent.
    #[error("Redis cannot be reached")]
    Down,
    /// The catalogue names another Redis as the one in use, or was not asked yet: nothing was sent.
    #[error("this Redis is not known to be the one in use")]
    NotInUse,
    /// It was sent, and may have happened.
    #[error("{0}")]
    Failed(#[from] RedisError),
}

/// Whether a connection is of no use any more: it is broken, its other end does not answer, or is
/// not the one that takes writes.
pub(super) fn is_lost(error: &RedisError) -> bool {
    let no_writer =
        ErrorKind::Server(ServerErrorKind::ReadOnly) == error.kind() || is_loading(error);
    no_writer || error.is_io_error() || error.is_unrecoverable_error()
}

fn is_loading(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::BusyLoading)
}

/// The function library is not there: Redis started empty. Nothing happened.
pub(super) fn is_unknown_function(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("Function not found"))
}

/// Somebody else loaded the library first.
pub(super) fn is_loaded_already(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("already exists"))
}

/// The user may do much, and not this.
pub(super) fn is_forbidden_load(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm)
        && error.detail().is_some_and(|detail| detail.contains("function|load"))
}
