//! PostgreSQL alone: one row that everybody updates, each in a transaction of its own.

use sqlx::{
    ConnectOptions, Executor,
    postgres::{PgConnectOptions, PgConnection},
};
use tokio::task::JoinSet;

use crate::bench::Effort;

/// How many updates a second PostgreSQL commits, over so many connections.
///
/// # Errors
/// PostgreSQL fails.
pub async fn hot_row_updates_per_second(
    url: &str,
    effort: Effort,
    connections: usize,
) -> anyhow::Result<f64> {
    let options: PgConnectOptions = url.parse()?;
    let mut all = Vec::new();
    for _ in 0..connections {
        all.push(options.connect().await?);
    }
    all[0].execute("CREATE TABLE IF NOT EXISTS floor (id int PRIMARY KEY, tokens bigint)").await?;
    all[0].execute("INSERT INTO floor VALUES (1, 0) ON CONFLICT DO NOTHING").await?;
    let began = crate::clock::instant();
    let tasks = all.into_iter().map(|connection| update(connection, began + effort.round));
    let mut tasks: JoinSet<_> = tasks.collect();
    let mut updates = 0;
    while let Some(done) = tasks.join_next().await {
        updates += done??;
    }
    Ok(updates as f64 / began.elapsed().as_secs_f64())
}

async fn update(mut connection: PgConnection, until: std::time::Instant) -> sqlx::Result<u64> {
    let mut updates = 0;
    while crate::clock::instant() < until {
        sqlx::query("UPDATE floor SET tokens = tokens + $1 WHERE id = 1")
            .bind(100_i64)
            .execute(&mut connection)
            .await?;
        updates += 1;
    }
    Ok(updates)
}
