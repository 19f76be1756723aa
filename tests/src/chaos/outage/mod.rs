//! The store dies, or the active server does, under load: no rule may break, whatever was lost.
//!
//! One run: servers on a store, some clients in this process that draw like mad and write down what
//! they drew, a [`probe`] that asks for a token again and again, and one [`blow`] at a random
//! moment of a minute's first half. The run goes on until tokens are granted again, or the next
//! minute's first seconds are over, whichever is later. Then what was drawn is added up, by
//! nobody's books: by those who drew, and by the upstream that all of it was sent to; on PostgreSQL
//! the journal is heard too.

mod blow;
mod probe;
mod run;
mod verdict;

pub use blow::Blow;
pub use run::{Fate, run};
pub use verdict::OutageVerdict;
