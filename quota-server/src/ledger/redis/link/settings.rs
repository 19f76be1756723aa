//! What Redis's settings promise: whether an answered write can be lost, and how much of them.

use std::collections::HashMap;
use std::fmt;

use redis::{FromRedisValue, RedisResult, Value, cmd, from_redis_value};

use super::wire::Wire;

/// A primary that is cut off is to stop before another is promoted, s (`docs/redis.md`).
const MAX_LAG_S: u32 = 2;

/// One Redis, as it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// `None`: it does not let its settings be read.
    config: Option<HashMap<String, String>>,
    info: HashMap<String, String>,
}

/// A setting under which writes can be lost, or service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Warning {
    /// The settings cannot be read.
    Unreadable,
    /// Keys are evicted.
    Evicts,
    /// Nothing is on disk.
    NotAppending,
    /// A second or two are not yet on disk.
    SyncsLate,
    /// Nothing is synced on purpose.
    NeverSyncs,
    /// Nothing is synced while the log is rewritten.
    RewritesUnsynced,
    /// Writes are answered though no replica has them.
    AloneWithReplicas,
    /// Writes are answered that only a minority of the replicas has.
    CutOffWithReplicas,
    /// Writes are answered long after the replicas are out of reach.
    LateCutOff,
    /// No write is answered once a replica is gone, as after a fail-over.
    NoReplicaToSpare,
    /// One shard of a cluster that is away stops all others.
    AllShardsOrNone,
}

impl Warning {
    pub(super) const ALL: [Self; 11] = [
        Self::Unreadable,
        Self::Evicts,
        Self::NotAppending,
        Self::SyncsLate,
        Self::NeverSyncs,
        Self::RewritesUnsynced,
        Self::AloneWithReplicas,
        Self::CutOffWithReplicas,
        Self::LateCutOff,
        Self::NoReplicaToSpare,
        Self::AllShardsOrNone,
    ];

    /// What it is called in the configuration.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Evicts => "evicts",
            Self::NotAppending => "not-appending",
            Self::SyncsLate => "syncs-late",
            Self::NeverSyncs => "never-syncs",
            Self::RewritesUnsynced => "rewrites-unsynced",
            Self::AloneWithReplicas => "alone-with-replicas",
            Self::CutOffWithReplicas => "cut-off-with-replicas",
            Self::LateCutOff => "late-cut-off",
            Self::NoReplicaToSpare => "no-replica-to-spare",
            Self::AllShardsOrNone => "all-shards-or-none",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => {
                "the settings of Redis cannot be checked (CONFIG GET is refused): see docs/redis.md for what they must be"
            }
            Self::Evicts => {
                "maxmemory-policy is not noeviction: Redis may evict a book, which quarantines its window"
            }
            Self::NotAppending => {
                "appendonly is not yes: a restart of Redis loses the books, which quarantines their windows"
            }
            Self::SyncsLate => {
                "appendfsync is everysec: a crash of the machine loses the last 1 to 2 s of writes; set it to always"
            }
            Self::NeverSyncs => {
                "appendfsync is no: a crash of the machine loses what the system has not written yet (some 30 s); set it to always"
            }
            Self::RewritesUnsynced => {
                "no-appendfsync-on-rewrite is yes: a crash of the machine while the log is rewritten loses what the system has not written yet (some 30 s); set it to no"
            }
            Self::CutOffWithReplicas => {
                "min-replicas-to-write is less than half of the replicas: a primary that is cut off together with some of them goes on granting what its successor grants too"
            }
            Self::LateCutOff => {
                "min-replicas-max-lag is above 2: a primary that is cut off goes on granting for so many seconds, and one more; set it to 2"
            }
            Self::AloneWithReplicas => {
                "min-replicas-to-write or min-replicas-max-lag is 0 though there are replicas: a primary that is cut off goes on granting what its successor grants too"
            }
            Self::NoReplicaToSpare => {
                "min-replicas-to-write is the number of replicas: after a fail-over nothing is granted until one is back; see docs/redis.md for what is safe and available"
            }
            Self::AllShardsOrNone => {
                "cluster-require-full-coverage is yes: while one shard is away nothing is granted from the others either; set it to no"
            }
        })
    }
}

impl Settings {
    /// Reads those of every Redis that takes writes.
    pub(super) async fn read(wire: &Wire) -> RedisResult<Vec<Self>> {
        let mut info = cmd("INFO");
        info.arg("server").arg("replication").arg("stats");
        let infos = wire.everywhere(info).await?;
        let mut config = cmd("CONFIG");
        config.arg("GET").arg("maxmemory*").arg("append*").arg("min-replicas-*");
        config.arg("no-appendfsync-on-rewrite").arg("cluster-require-full-coverage");
        let configs = wire.everywhere(config).await.ok();
        let configs = configs.map_or_else(
            || vec![None; infos.len()],
            |all| all.into_iter().map(|one| words(one).ok()).collect(),
        );
        let both = infos.into_iter().zip(configs);
        both.map(|(info, config)| Ok(Self { config, info: lines(&word(info)?) })).collect()
    }

    /// What to warn of.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let Some(config) = &self.config else { return vec![Warning::Unreadable] };
        let is = |name: &str, value: &str| config.get(name).is_some_and(|it| it == value);
        let mut warnings = Vec::new();
        if !is("maxmemory", "0") && !is("maxmemory-policy", "noeviction") {
            warnings.push(Warning::Evicts);
        }
        if !is("appendonly", "yes") {
            warnings.push(Warning::NotAppending);
        } else if is("appendfsync", "everysec") {
            warnings.push(Warning::SyncsLate);
        } else if !is("appendfsync", "always") {
            warnings.push(Warning::NeverSyncs);
        } else if is("no-appendfsync-on-rewrite", "yes") {
            warnings.push(Warning::RewritesUnsynced);
        }
        let number = |name| config.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        warnings.extend(
            self.replicated(number("min-replicas-to-write"), number("min-replicas-max-lag")),
        );
        if self.is_cluster() && is("cluster-require-full-coverage", "yes") {
            warnings.push(Warning::AllShardsOrNone);
        }
        warnings
    }

    /// Whether the replicas that must have a write, `max_lag_s` behind at most, are too few or too
    /// many of those that there are. 0 of either asks for none. A cluster's primary that is cut off
    /// stops by itself.
    fn replicated(&self, must_have: u32, max_lag_s: u32) -> Vec<Warning> {
        let replicas = self.replicas();
        let asks_for_some = must_have > 0 && max_lag_s > 0;
        // Whoever promotes another has most of the machines: so many replicas may be beside the one
        // that is cut off, but for itself.
        let minority = (replicas / 2).max(1);
        let is_watched = !self.is_cluster();
        let found = [
            (is_watched && replicas > 0 && !asks_for_some, Warning::AloneWithReplicas),
            (is_watched && asks_for_some && must_have < minority, Warning::CutOffWithReplicas),
            (is_watched && asks_for_some && max_lag_s > MAX_LAG_S, Warning::LateCutOff),
            (asks_for_some && replicas <= must_have, Warning::NoReplicaToSpare),
        ];
        found.into_iter().filter(|(is_so, _)| *is_so).map(|(_, warning)| warning).collect()
    }

    /// Whether what it answered is on its disk, and nobody else can take its place: it has no
    /// replica, had none, and was none. Then it has everything after a restart.
    pub(super) fn keeps_everything(&self) -> bool {
        let config = self.config.as_ref();
        let is = |name, value| config.and_then(|all| all.get(name)).is_some_and(|it| it == value);
        let was_replica =
            self.info.get("master_replid2").is_none_or(|id| id.chars().any(|c| c != '0'));
        is("appendonly", "yes")
            && is("appendfsync", "always")
            && is("no-appendfsync-on-rewrite", "no")
            && self.replicas() == 0
            && self.info.get("sync_full").is_some_and(|copies| copies == "0")
            && !was_replica
    }

    /// Which process it is.
    pub(super) fn run_id(&self) -> Option<&String> {
        self.info.get("run_id")
    }

    fn is_cluster(&self) -> bool {
        self.info.get("redis_mode").is_some_and(|mode| mode == "cluster")
    }

    fn replicas(&self) -> u32 {
        let replicas = self.info.get("connected_slaves").and_then(|text| text.parse().ok());
        replicas.unwrap_or(0)
    }
}

fn word(value: Value) -> RedisResult<String> {
    Ok(from_redis_value(value)?)
}

fn words(value: Value) -> RedisResult<HashMap<String, String>> {
    Ok(HashMap::from_redis_value(value)?)
}

fn lines(info: &str) -> HashMap<String, String> {
    let pairs = info.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(config: &[(&str, &str)], info: &[(&str, &str)]) -> Settings {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        Settings { config: Some(map(config)), info: map(info) }
    }

    const SAFE: [(&str, &str); 7] = [
        ("maxmemory", "0"),
        ("maxmemory-policy", "allkeys-lru"),
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("min-replicas-to-write", "0"),
        ("min-replicas-max-lag", "2"),
        ("no-appendfsync-on-rewrite", "no"),
    ];
    const ALONE: [(&str, &str); 3] =
        [("connected_slaves", "0"), ("master_replid2", "0000"), ("sync_full", "0")];

    #[test]
    fn safe_settings_need_no_warning() {
        let safe = settings(&SAFE, &ALONE);
        assert_eq!(safe.warnings(), []);
        assert!(safe.keeps_everything());
    }

    #[test]
    fn each_setting_that_loses_writes_is_told() {
        for (name, value, warning) in [
            ("maxmemory", "1000", Warning::Evicts),
            ("appendonly", "no", Warning::NotAppending),
            ("appendfsync", "everysec", Warning::SyncsLate),
            ("appendfsync", "no", Warning::NeverSyncs),
            ("no-appendfsync-on-rewrite", "yes", Warning::RewritesUnsynced),
        ] {
            let changed = SAFE.map(|pair| if pair.0 == name { (name, value) } else { pair });
            let settings = settings(&changed, &ALONE);
            assert_eq!(settings.warnings(), [warning]);
            assert_eq!(settings.keeps_everything(), warning == Warning::Evicts, "{name}");
        }
    }

    #[test]
    fn replicas_are_to_have_writes_and_one_is_to_be_spared() {
        let (alone, minority, late) =
            (Warning::AloneWithReplicas, Warning::CutOffWithReplicas, Warning::LateCutOff);
        let spare = Warning::NoReplicaToSpare;
        for (mode, replicas, must_have, max_lag, expected) in [
            ("standalone", "0", "0", "10", vec![]),
            ("standalone", "0", "1", "2", vec![spare]),
            ("standalone", "1", "0", "2", vec![alone]),
            ("standalone", "1", "1", "0", vec![alone]),
            ("standalone", "1", "1", "2", vec![spare]),
            ("standalone", "2", "1", "2", vec![]),
            ("standalone", "2", "1", "10", vec![late]),
            ("standalone", "2", "2", "2", vec![spare]),
            ("standalone", "3", "1", "2", vec![]),
            ("standalone", "4", "1", "2", vec![minority]),
            ("standalone", "4", "1", "3", vec![minority, late]),
            ("standalone", "4", "2", "2", vec![]),
            ("cluster", "1", "0", "10", vec![]),
            ("cluster", "1", "1", "10", vec![spare]),
            ("cluster", "2", "1", "10", vec![]),
            ("cluster", "4", "1", "10", vec![]),
        ] {
            let info = [("connected_slaves", replicas), ("redis_mode", mode)];
            let mut config = SAFE;
            (config[4].1, config[5].1) = (must_have, max_lag);
            let warnings = settings(&config, &info).warnings();
            assert_eq!(warnings, expected, "{mode} {replicas} {must_have} {max_lag}");
        }
    }

    #[test]
    fn shards_are_not_to_wait_for_each_other() {
        for (mode, coverage, warning) in [
            ("cluster", "yes", Some(Warning::AllShardsOrNone)),
            ("cluster", "no", None),
            ("standalone", "yes", None),
        ] {
            let config = [&SAFE[..], &[("cluster-require-full-coverage", coverage)]].concat();
            let info = [("connected_slaves", "0"), ("redis_mode", mode)];
            let warnings = settings(&config, &info).warnings();
            assert_eq!(warnings, Vec::from_iter(warning), "{mode} {coverage}");
        }
    }

    #[test]
    fn a_redis_that_another_can_replace_does_not_keep_everything() {
        let replicated = settings(&SAFE, &[("connected_slaves", "1"), ("master_replid2", "0000")]);
        assert_eq!(replicated.warnings(), [Warning::AloneWithReplicas]);
        assert!(!replicated.keeps_everything());
        for (name, value) in [("master_replid2", "8f00"), ("sync_full", "1")] {
            let was = ALONE.map(|pair| if pair.0 == name { (name, value) } else { pair });
            assert!(!settings(&SAFE, &was).keeps_everything(), "a copy may be somewhere: {name}");
        }
    }

    #[test]
    fn settings_that_cannot_be_read_promise_nothing() {
        let silent = Settings { config: None, ..settings(&[], &ALONE) };
        assert_eq!(silent.warnings(), [Warning::Unreadable]);
        assert!(!silent.keeps_everything());
    }
}
