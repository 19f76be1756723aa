//! The floors: what the same machine does, in the same run, with nothing of ours in the way.

pub mod postgres;
pub mod redis;

use std::path::Path;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Executor as _};
use tokio::net::TcpListener;

/// Serves an axum handler that answers with the body that it was sent, as long as the process
/// lives.
///
/// # Errors
/// The listener fails.
pub async fn echo(listener: TcpListener) -> anyhow::Result<()> {
    let app = Router::new().fallback(post(async |body: Bytes| body));
    axum::serve(tcp_nodelay(listener), app).await?;
    Ok(())
}

fn tcp_nodelay(
    listener: TcpListener,
) -> impl axum::serve::Listener<Io = tokio::net::TcpStream, Addr = std::net::SocketAddr> {
    use axum::serve::ListenerExt as _;
    listener.tap_io(|stream| {
        // Not to be had is no reason to refuse a connection.
        let _slow = stream.set_nodelay(true);
    })
}

/// How many commits a second SQLite itself makes durable (WAL, `synchronous=FULL`), each of one row
/// of `row_bytes`, through the same driver.
///
/// # Errors
/// SQLite fails.
pub async fn sqlite_commits_per_second(
    dir: &Path,
    row_bytes: usize,
    commits: u32,
) -> anyhow::Result<f64> {
    let mut connection = SqliteConnectOptions::new()
        .filename(dir.join("floor.sqlite"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await?;
    connection.execute("CREATE TABLE IF NOT EXISTS floor (row BLOB NOT NULL)").await?;
    let row = vec![7_u8; row_bytes];
    let began = crate::clock::instant();
    for _ in 0..commits {
        sqlx::query("INSERT INTO floor (row) VALUES (?)")
            .bind(&row)
            .execute(&mut connection)
            .await?;
    }
    Ok(f64::from(commits) / began.elapsed().as_secs_f64())
}
