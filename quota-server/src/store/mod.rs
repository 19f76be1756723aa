//! Where journals are stored: one folder for each kind of database, and all SQL of the server.

pub mod catalogue;
pub mod postgres;
mod rows;
pub mod sqlite;
