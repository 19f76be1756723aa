//! The atomics of what many threads share. `tests/loom` compiles [`slot`](super::slot) with loom's
//! in their place.

pub(super) use std::sync::atomic::{AtomicU32, AtomicU64};
