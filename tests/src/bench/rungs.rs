//! Servers on Redis and on PostgreSQL, beside what the engine does alone in the same run.

use std::net::SocketAddr;

use anyhow::Context as _;
use futures_util::future::try_join_all;

use super::load::{self, Outcome};
use super::rounds::{Figure, median};
use super::server::{self, BATCH, BATCH_CONNECTIONS, CONNECTIONS};
use super::{Effort, floor, floor::redis::Shape};
use crate::harness::{Live, Postgres, QuotaServer, Redis, Servers, Store};

/// Acquires in batches through 1, 2 and 3 servers on one Redis, where each write is durable or each
/// second's are, beside bare script calls: in pipelines of the same size, and of as many callers.
///
/// # Errors
/// A process does not come up, or refuses something.
pub async fn redis(effort: Effort) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for fsync in ["always", "everysec"] {
        for count in 1..=3 {
            lines.extend(on_redis(effort, fsync, count).await?);
        }
    }
    Ok(lines)
}

async fn on_redis(effort: Effort, fsync: &str, count: usize) -> anyhow::Result<[String; 2]> {
    let redis = Redis::builder().set("appendfsync", fsync).start().await?;
    let address = redis.address();
    let postgres = if count > 1 { Some(Postgres::start().await?) } else { None };
    let store = Store { live: Some(Live::Single(Box::new(redis))), postgres };
    let servers = servers_on(store, count).await?;
    let addresses: Vec<_> = servers.seats.iter().map(|seat| seat.server.address()).collect();
    let name = format!("acquires in batches, {count} on Redis, appendfsync {fsync}");
    let shapes = [Shape::Pipelines(BATCH_CONNECTIONS, BATCH), Shape::Callers(BATCH)];
    let floors = ["bare script calls in pipelines of 512", "bare script calls of 512 callers"];
    let mut figures = floors.map(|floor| Figure::new(&*name, "grants/s", floor));
    for round in 0..effort.rounds {
        let ours = grants_per_second(&addresses, effort, round).await?;
        for (figure, shape) in figures.iter_mut().zip(shapes) {
            figure.round(ours, floor::redis::calls_per_second(address, effort, shape).await?);
        }
    }
    Ok(figures.map(|figure| figure.line()))
}

/// Acquires through the active one of two servers on PostgreSQL, beside updates of one hot row over
/// 64 connections: in batches, and one by one over 64 connections.
///
/// # Errors
/// A process does not come up, or refuses something.
pub async fn postgres(effort: Effort) -> anyhow::Result<Vec<String>> {
    let postgres = Postgres::start().await?;
    let url = postgres.url();
    let servers = servers_on(Store { live: None, postgres: Some(postgres) }, 2).await?;
    let active = servers.active().await.context("one of the servers is active")?;
    let address = servers.seats[active].server.address();
    let floor = "updates of one hot row";
    let mut batches = Figure::new("acquires in batches on PostgreSQL", "grants/s", floor);
    let mut singles = Figure::new("single acquires on PostgreSQL", "grants/s", floor);
    let mut p99_us = Vec::new();
    for round in 0..effort.rounds {
        let updates =
            floor::postgres::hot_row_updates_per_second(&url, effort, CONNECTIONS).await?;
        batches.round(grants_per_second(&[address], effort, round).await?, updates);
        let single = load::run(&server::singles(address, effort, round)).await?;
        let single = server::all_good(single)?;
        singles.round(single.per_second(), updates);
        p99_us.push(single.latency_us.value_at_quantile(0.99) as f64);
    }
    let p99_ms = median(p99_us.into_iter()) / 1_000.0;
    let p99 = format!("single acquires on PostgreSQL, p99: {p99_ms:.2} ms");
    Ok(vec![batches.line(), singles.line(), p99])
}

async fn servers_on(store: Store, count: usize) -> anyhow::Result<Servers> {
    let builder = QuotaServer::builder().flag("--log-level=warn");
    let builder = builder.deployment(server::DEPLOYMENT, server::endless());
    Ok(Servers::on(store, count, &builder).await?)
}

/// Through all of these servers at once.
async fn grants_per_second(
    servers: &[SocketAddr],
    effort: Effort,
    round: usize,
) -> anyhow::Result<f64> {
    let loads = servers.iter().enumerate().map(|(number, address)| {
        let load = server::batches(*address, effort, round * servers.len() + number);
        async move { server::all_good(load::run(&load).await?) }
    });
    let outcomes = try_join_all(loads).await?;
    Ok(outcomes.iter().map(Outcome::per_second).sum::<f64>() * BATCH as f64)
}
