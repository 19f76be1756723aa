//! Plays draw, settle, close and the recycling of a slot in every interleaving of their atomic
//! steps, and with every value that the memory orderings let a load see, on whatever processor.
//!
//! The modules are the client's own files, compiled once more with [loom](https://docs.rs/loom)'s
//! atomics in the place of the standard library's: so the product has no switch for it and pays
//! nothing, and this needs no build of its own. (The usual `--cfg loom` reaches tokio as well,
//! which then has no network.) Generations are handed over with no ordering at all, which is less
//! than the pool's places give: so nothing rests on how a place is read.

#[expect(dead_code, reason = "the client uses more of its files than what is played")]
#[path = "."]
mod pool {
    mod plays;
    #[path = "../../src/pool/slot.rs"]
    mod slot;
    #[path = "../../src/pool/word.rs"]
    mod word;

    /// In the place of the client's own.
    mod atomic {
        pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64};
    }

    /// In the place of the client's own: each thread of a play says which tally is its.
    mod stripe {
        use std::cell::Cell;

        pub(super) const STRIPES: usize = 2;

        loom::thread_local! {
            static STRIPE: Cell<usize> = Cell::new(0);
        }

        pub(super) fn set(stripe: usize) {
            STRIPE.with(|own| own.set(stripe));
        }

        pub(super) fn stripe() -> usize {
            STRIPE.with(Cell::get)
        }
    }
}

use gateway_client::Moment;
