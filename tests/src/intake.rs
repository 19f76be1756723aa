//! The readers of bytes that somebody else wrote, each with samples in `fuzz/corpus`: what `cargo
//! fuzz` drives with a compiler of its own, driven by random changes of the samples with
//! everybody's.

use openai_gateway::config::{Config, Environment};
use quota_server::intake;
use rand::{Rng, RngExt};

/// One of them: its name is its target's and its corpus's; it says whether the bytes were what it
/// reads.
pub type Reader = (&'static str, fn(&[u8]) -> bool);

/// All of them.
pub const READERS: [Reader; 7] = [
    ("journal_entry", |bytes| intake::journal_entry(bytes).is_some()),
    ("unsealed_journal_entry", |bytes| intake::unsealed_journal_entry(bytes).is_some()),
    ("redis_reply", intake::redis_reply),
    ("batch", |bytes| intake::batch(bytes).is_some()),
    ("settings", |bytes| text(bytes).is_some_and(|text| intake::settings(text).is_ok())),
    ("deployments", |bytes| text(bytes).is_some_and(|text| intake::deployments(text).is_ok())),
    ("gateway_config", |bytes| {
        text(bytes).is_some_and(|text| Config::of_text(text, &Environment::default()).is_ok())
    }),
];

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Changes what a reader is given, in up to four places: bytes that are flipped, put in, taken out,
/// doubled, or as large and as small as they come.
pub fn change(bytes: &mut Vec<u8>, rng: &mut impl Rng) {
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..=bytes.len());
        let end = rng.random_range(at..=bytes.len().min(at + 12));
        match rng.random_range(0..6) {
            0 => bytes.insert(at, rng.random()),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let copy = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, copy));
            }
            3 => bytes[at..end].fill(*[0, 0x7f, 0xff].get(rng.random_range(0..3)).unwrap_or(&0)),
            4 => bytes.truncate(at),
            _ => {
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << rng.random_range(0..8));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    /// How often each sample is changed; `TOKENLEASE_FUZZ_RUNS` makes it more.
    const RUNS: u64 = 2_000;

    fn samples(reader: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(reader);
        let mut files: Vec<_> =
            fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| fs::read(file).unwrap()).collect()
    }

    #[test]
    fn every_reader_can_read_its_samples() {
        for (name, reads) in READERS {
            let samples = samples(name);
            let good = samples.iter().filter(|sample| reads(sample)).count();
            assert!(good > 0 && good * 2 > samples.len(), "{name}: {good} of {}", samples.len());
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic() {
        let runs = env::var("TOKENLEASE_FUZZ_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
        for (name, reads) in READERS {
            for (number, sample) in samples(name).iter().enumerate() {
                let mut rng = StdRng::seed_from_u64(number as u64);
                for run in 0..runs {
                    let mut bytes = sample.clone();
                    change(&mut bytes, &mut rng);
                    let read = std::panic::catch_unwind(|| reads(&bytes));
                    assert!(read.is_ok(), "{name}, sample {number}, run {run}: {bytes:?}");
                }
            }
        }
    }
}
