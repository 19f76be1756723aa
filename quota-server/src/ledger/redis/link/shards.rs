//! A cluster's shards: which one has a key, and whether it answers. One that does not is left alone
//! for a while, so that calls to it fail at once, and calls that go to others as well do not wait
//! for it.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Arg, Cmd, ErrorKind, RedisError, RedisResult, Value, cmd};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

/// How long a shard that did not answer is left alone, and how long after one call that was let
/// through to see whether it answers again.
const LEFT_ALONE: Duration = Duration::from_millis(500);

/// The shards of a cluster.
#[derive(Debug, Default)]
pub(super) struct Shards(RwLock<Layout>);

#[derive(Debug, Default)]
struct Layout {
    all: Vec<Arc<RedisShard>>,
    by_slot: FxHashMap<Slot, Arc<RedisShard>>,
}

/// One shard.
#[derive(Debug)]
pub(super) struct RedisShard {
    /// `host:port` of its primary.
    pub(super) name: Arc<str>,
    /// One of its slots.
    slot: Slot,
    breaker: Mutex<Breaker>,
}

/// When a shard may be asked again; `None`: it answers.
#[derive(Debug, Default)]
struct Breaker(Option<Instant>);

impl Breaker {
    /// Whether a call may go there now. Of those to a shard that did not answer, one now and then.
    fn lets_pass(&mut self, now: Instant, patience: Duration) -> bool {
        let passes = self.0.is_none_or(|again| again <= now);
        if passes && self.0.is_some() {
            self.0 = Some(now + patience + LEFT_ALONE);
        }
        passes
    }

    fn enter<T>(&mut self, answer: &RedisResult<T>, now: Instant) {
        let hangs = answer.as_ref().is_err_and(|error| error.is_timeout() || error.is_io_error());
        self.0 = hangs.then_some(now + LEFT_ALONE);
    }
}

impl RedisShard {
    fn with<T>(&self, act: impl FnOnce(&mut Breaker) -> T) -> T {
        act(&mut self.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends a command there, or not, if it did not answer just now.
    async fn send(
        &self,
        call: impl Future<Output = RedisResult<Value>>,
        patience: Duration,
    ) -> RedisResult<Value> {
        if !self.with(|breaker| breaker.lets_pass(Instant::now(), patience)) {
            return Err(RedisError::from((ErrorKind::Io, "its shard does not answer")));
        }
        let answer = call.await;
        self.with(|breaker| breaker.enter(&answer, Instant::now()));
        answer
    }
}

impl Shards {
    /// Reads the layout anew, from whichever node answers.
    pub(super) async fn read(&self, cluster: &ClusterConnection) -> RedisResult<()> {
        let mut slots = cmd("CLUSTER");
        slots.arg("SLOTS");
        let any = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
        let ranges = cluster.clone().route_command(slots, any).await?.extract_error()?;
        let mut layout = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *layout = Layout::of(&ranges, &layout);
        Ok(())
    }

    pub(super) fn all(&self) -> Vec<Arc<RedisShard>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).all.clone()
    }

    fn of(&self, command: &Cmd) -> Option<Arc<RedisShard>> {
        let slot = Slot::for_key(key(command)?);
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_slot.get(&slot).cloned()
    }

    /// Sends a command to where its key is.
    pub(super) async fn send(
        &self,
        command: &Cmd,
        call: impl Future<Output = RedisResult<Value>>,
        patience: Duration,
    ) -> RedisResult<Value> {
        match self.of(command) {
            Some(shard) => shard.send(call, patience).await,
            None => call.await,
        }
    }

    /// Sends a command to a shard.
    pub(super) async fn send_to(
        shard: &RedisShard,
        cluster: &ClusterConnection,
        command: Cmd,
        patience: Duration,
    ) -> RedisResult<Value> {
        let mut cluster = cluster.clone();
        let route = Route::with_slot(shard.slot, SlotAddr::Master);
        let there = RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(route));
        let call = async move { cluster.route_command(command, there).await?.extract_error() };
        shard.send(call, patience).await
    }
}

impl Layout {
    /// What `CLUSTER SLOTS` says: ranges of slots, each with its primary first. Shards that were
    /// there before keep what is known of them.
    fn of(ranges: &Value, before: &Self) -> Self {
        let mut layout = Self::default();
        let Value::Array(ranges) = ranges else { return layout };
        for (first, slots, name) in ranges.iter().filter_map(range) {
            let known =
                |shards: &[Arc<RedisShard>]| shards.iter().find(|it| *it.name == *name).cloned();
            let shard = known(&layout.all).unwrap_or_else(|| {
                let breaker = known(&before.all).and_then(|old| old.with(|breaker| breaker.0));
                let shard = Arc::new(RedisShard {
                    name: name.as_str().into(),
                    slot: first,
                    breaker: Mutex::new(Breaker(breaker)),
                });
                layout.all.push(shard.clone());
                shard
            });
            layout.by_slot.extend(slots.map(|slot| (slot, shard.clone())));
        }
        layout
    }
}

/// The first slot of a range, all of its slots, and the primary that has them.
fn range(range: &Value) -> Option<(Slot, impl Iterator<Item = Slot> + use<>, String)> {
    let Value::Array(parts) = range else { return None };
    let [Value::Int(first), Value::Int(last), Value::Array(primary), ..] = parts.as_slice() else {
        return None;
    };
    let [host, Value::Int(port), ..] = primary.as_slice() else { return None };
    let host = match host {
        Value::BulkString(host) => String::from_utf8_lossy(host).into_owned(),
        Value::SimpleString(host) => host.clone(),
        _ => String::new(),
    };
    let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
    let slots = (first..=last).filter_map(Slot::new);
    Some((Slot::new(first)?, slots, format!("{host}:{port}")))
}

/// The key of a command: a function's first, or that of a plain command.
fn key(command: &Cmd) -> Option<&[u8]> {
    let mut args = command.args_iter();
    let is_function = matches!(args.next(), Some(Arg::Simple(b"FCALL")));
    match args.nth(if is_function { 2 } else { 0 }) {
        Some(Arg::Simple(key)) => Some(key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(800);

    fn range(first: i64, last: i64, port: i64) -> Value {
        let node = vec![Value::BulkString(b"10.0.0.1".to_vec()), Value::Int(port)];
        Value::Array(vec![Value::Int(first), Value::Int(last), Value::Array(node)])
    }

    #[test]
    fn each_slot_has_its_shard_and_a_shard_keeps_what_is_known_of_it() {
        let ranges = Value::Array(vec![range(0, 9, 1), range(10, 16_383, 2), range(20, 20, 1)]);
        let layout = Layout::of(&ranges, &Layout::default());
        let names: Vec<&str> = layout.all.iter().map(|shard| &*shard.name).collect();
        assert_eq!(names, ["10.0.0.1:1", "10.0.0.1:2"]);
        assert_eq!(layout.by_slot.len(), 16_384);
        assert_eq!(&*layout.by_slot[&Slot::new(20).unwrap()].name, "10.0.0.1:1");
        let now = Instant::now();
        layout.all[1].with(|breaker| breaker.enter(&hangs(), now));
        let again = Layout::of(&ranges, &layout);
        assert!(!again.all[1].with(|breaker| breaker.lets_pass(now, PATIENCE)));
        assert!(again.all[0].with(|breaker| breaker.lets_pass(now, PATIENCE)));
    }

    fn hangs() -> RedisResult<()> {
        Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())
    }

    #[test]
    fn a_shard_that_hangs_is_asked_by_one_call_now_and_then() {
        let mut breaker = Breaker::default();
        let mut now = Instant::now();
        assert!(breaker.lets_pass(now, PATIENCE) && breaker.lets_pass(now, PATIENCE));
        breaker.enter(&hangs(), now);
        assert!(!breaker.lets_pass(now, PATIENCE));
        now += LEFT_ALONE;
        assert!(breaker.lets_pass(now, PATIENCE), "one");
        assert!(!breaker.lets_pass(now + PATIENCE, PATIENCE), "while it is under way");
        // Even if the one who asked went away.
        assert!(breaker.lets_pass(now + PATIENCE + LEFT_ALONE, PATIENCE));
        breaker.enter(&Ok(()), now);
        assert!(breaker.lets_pass(now, PATIENCE) && breaker.lets_pass(now, PATIENCE));
    }

    #[test]
    fn an_error_is_an_answer() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        let no = RedisError::from((ErrorKind::InvalidClientConfig, "no"));
        breaker.enter::<()>(&Err(no), now);
        assert!(breaker.lets_pass(now, PATIENCE));
    }

    #[test]
    fn a_command_goes_where_its_key_is() {
        let call = cmd("FCALL").arg("f").arg(1).arg("tl:{7}:book").arg(5).take();
        assert_eq!(key(&call), Some(&b"tl:{7}:book"[..]));
        assert_eq!(key(cmd("SET").arg("tl:site").arg("x")), Some(&b"tl:site"[..]));
        assert_eq!(key(&cmd("PING")), None);
    }
}
