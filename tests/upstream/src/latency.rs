//! How long answers take.

use std::{str::FromStr, time::Duration};

use rand::{Rng, RngExt};

/// A distribution of latencies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    /// Always the same.
    Constant(Duration),
    /// Normal, by mean and deviation in ms; never below zero.
    Normal { mean_ms: f64, deviation_ms: f64 },
    /// The logarithm of the latency in ms is normal, by mean and deviation of that logarithm.
    LogNormal { mean: f64, deviation: f64 },
}

/// The 95th percentile of the standard normal distribution.
const P95_DEVIATIONS: f64 = 1.644_853_626_951_472_6;

/// A latency that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LatencyError {
    /// The kind is none of the three.
    #[error("`{0}` is no latency: use const:500ms, normal:P50,P95 or lognormal:P50,P95")]
    Kind(String),
    /// A duration that cannot be read.
    #[error("`{0}` is no duration: write 500ms or 1.5s")]
    Duration(String),
    /// The percentiles are not in order, or the median of a lognormal is 0.
    #[error("`{0}`: the 95th percentile cannot be below the 50th, nor that of a lognormal be 0")]
    Percentiles(String),
}

impl Latency {
    /// A normal distribution with these percentiles, in ms.
    #[must_use]
    pub fn normal(p50_ms: f64, p95_ms: f64) -> Self {
        let deviation_ms = (p95_ms - p50_ms) / P95_DEVIATIONS;
        Self::Normal { mean_ms: p50_ms, deviation_ms }
    }

    /// A lognormal distribution with these percentiles, in ms.
    #[must_use]
    pub fn lognormal(p50_ms: f64, p95_ms: f64) -> Self {
        let deviation = (p95_ms / p50_ms).ln() / P95_DEVIATIONS;
        Self::LogNormal { mean: p50_ms.ln(), deviation }
    }

    /// One latency.
    pub fn sample(&self, rng: &mut impl Rng) -> Duration {
        let ms = match *self {
            Self::Constant(latency) => return latency,
            Self::Normal { mean_ms, deviation_ms } => mean_ms + deviation_ms * standard_normal(rng),
            Self::LogNormal { mean, deviation } => (mean + deviation * standard_normal(rng)).exp(),
        };
        Duration::from_secs_f64(ms.max(0.0) / 1_000.0)
    }
}

/// Box and Muller's transform.
fn standard_normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

impl FromStr for Latency {
    type Err = LatencyError;

    fn from_str(text: &str) -> Result<Self, LatencyError> {
        match text.split_once(':') {
            Some(("const", at)) => {
                Ok(Self::Constant(Duration::from_secs_f64(millis(at)? / 1_000.0)))
            }
            Some(("normal", at)) => percentiles(at).map(|(p50, p95)| Self::normal(p50, p95)),
            Some(("lognormal", at)) => match percentiles(at)? {
                (p50, p95) if p50 > 0.0 => Ok(Self::lognormal(p50, p95)),
                _ => Err(LatencyError::Percentiles(text.to_owned())),
            },
            _ => Err(LatencyError::Kind(text.to_owned())),
        }
    }
}

fn percentiles(text: &str) -> Result<(f64, f64), LatencyError> {
    let wrong = || LatencyError::Percentiles(text.to_owned());
    let (p50, p95) = text.split_once(',').ok_or_else(wrong)?;
    let (p50, p95) = (millis(p50)?, millis(p95)?);
    if p95 < p50 { Err(wrong()) } else { Ok((p50, p95)) }
}

fn millis(text: &str) -> Result<f64, LatencyError> {
    let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1.0),
        (None, Some(number)) => (number, 1_000.0),
        (None, None) => return Err(LatencyError::Duration(text.to_owned())),
    };
    match number.parse::<f64>() {
        Ok(number) if (0.0..1e9).contains(&number) => Ok(number * unit),
        _ => Err(LatencyError::Duration(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn percentile(latency: Latency, share: f64) -> f64 {
        let mut rng = StdRng::seed_from_u64(7);
        let mut all: Vec<f64> =
            (0..20_001).map(|_| latency.sample(&mut rng).as_secs_f64() * 1_000.0).collect();
        all.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index from 0 to 20 000"
        )]
        let index = (20_000.0 * share) as usize;
        all[index]
    }

    #[test]
    fn a_constant_is_constant() {
        let latency: Latency = "const:1.5s".parse().unwrap();
        assert_eq!(latency, Latency::Constant(Duration::from_millis(1_500)));
    }

    #[test]
    fn distributions_have_the_percentiles_that_were_asked_for() {
        for text in ["lognormal:514ms,790ms", "normal:514ms,790ms"] {
            let latency: Latency = text.parse().unwrap();
            assert!((percentile(latency, 0.50) - 514.0).abs() < 10.0, "{text}");
            assert!((percentile(latency, 0.95) - 790.0).abs() < 20.0, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in [
            "",
            "const",
            "const:5",
            "const:-1ms",
            "gauss:1ms,2ms",
            "normal:1ms",
            "normal:2ms,1ms",
            "lognormal:0ms,1ms",
            "const:nanms",
        ] {
            assert!(text.parse::<Latency>().is_err(), "{text}");
        }
    }
}
