//! The book in Redis on a real Redis: against `quota_core::Book`, and when writes are lost.

mod judged;
mod lost;
mod many;
mod moved;
mod oracle;
mod periods;
mod refused;
mod sequences;
mod slots;
mod storm;
mod vouched;
mod waiting;
mod world;
