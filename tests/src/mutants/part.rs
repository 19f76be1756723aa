use std::str::FromStr;

/// Each n-th of the mutants, beginning with the k-th.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    first: usize,
    every: usize,
}

impl Part {
    /// Whether the mutant at this place of the table, counted from 0, is one of them.
    #[must_use]
    pub fn has(self, place: usize) -> bool {
        place % self.every == self.first
    }
}

/// `3/10`: the third of ten. `3` may be any number: of a day, say, so that each day has another
/// part.
impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a part like 3/10");
        let (first, every) = text.split_once('/').ok_or_else(wrong)?;
        let [first, every]: [usize; 2] =
            [first.parse().map_err(|_| wrong())?, every.parse().map_err(|_| wrong())?];
        if every == 0 {
            return Err(wrong());
        }
        Ok(Self { first: first % every, every })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_all_and_share_none() {
        for place in 0..20 {
            let parts = (1..=3).filter(|k| {
                let part: Part = format!("{k}/3").parse().unwrap();
                part.has(place)
            });
            assert_eq!(parts.count(), 1, "{place}");
        }
        assert!("3".parse::<Part>().is_err() && "1/0".parse::<Part>().is_err());
    }
}
