//! The book in Redis on a real Redis: against `quota_core::Book`, and when writes are lost.

mod lost;
mod many;
mod moved;
mod oracle;
mod refused;
mod slots;
mod storm;
mod vouched;
mod world;
