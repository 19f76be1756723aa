//! Where journals are stored: one folder for each kind of database, and all SQL of the server.

pub mod catalogue;
mod database_url;
pub mod postgres;
mod renewal;
mod rows;
pub mod sqlite;

pub use database_url::DatabaseUrl;
