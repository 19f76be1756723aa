//! A process that was forked has its parent's memory and none of its threads. What threads of the
//! parent were in the middle of may never be touched there, not even to be dropped: a lock that
//! one of them held stays locked for ever.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use pyo3::prelude::*;

static FORKS: AtomicU64 = AtomicU64::new(0);

/// Python calls this in the child of each fork, before anything else runs there.
#[pyfunction]
pub(crate) fn forked() {
    FORKS.fetch_add(1, Relaxed);
}

/// A value of the process that made it. In a fork's child it is out of reach, and never dropped.
#[derive(Debug)]
pub(crate) struct Lived<T> {
    forks: u64,
    value: Option<T>,
}

impl<T> Lived<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { forks: FORKS.load(Relaxed), value: Some(value) }
    }

    /// The value, in the process that made it.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.is_own())
    }

    /// The same, for good.
    pub(crate) fn into_inner(mut self) -> Option<T> {
        if self.is_own() { self.value.take() } else { None }
    }

    fn is_own(&self) -> bool {
        self.forks == FORKS.load(Relaxed)
    }
}

impl<T> Drop for Lived<T> {
    fn drop(&mut self) {
        if !self.is_own() {
            mem::forget(self.value.take());
        }
    }
}
