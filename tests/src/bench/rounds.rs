//! Rounds that take turns with their floor, and what is told of them.

/// One figure beside its floor.
#[derive(Debug)]
pub(super) struct Figure {
    /// What was measured.
    name: String,
    /// The unit of both.
    unit: &'static str,
    /// What the floor is.
    floor_name: &'static str,
    ours: Vec<f64>,
    floors: Vec<f64>,
}

impl Figure {
    /// A figure without a round yet.
    #[must_use]
    pub(super) fn new(
        name: impl Into<String>,
        unit: &'static str,
        floor_name: &'static str,
    ) -> Self {
        Self { name: name.into(), unit, floor_name, ours: Vec::new(), floors: Vec::new() }
    }

    /// Adds a round.
    pub(super) fn round(&mut self, ours: f64, floor: f64) {
        self.ours.push(ours);
        self.floors.push(floor);
    }

    /// The median of the rounds' ratios: paired, so that a machine that slows down in between slows
    /// both.
    #[must_use]
    pub(super) fn ratio(&self) -> f64 {
        median(self.ours.iter().zip(&self.floors).map(|(ours, floor)| ours / floor))
    }

    /// The median of the rounds' ratios to another's of the same rounds.
    #[must_use]
    pub(super) fn beside(&self, other: &Self) -> f64 {
        median(self.ours.iter().zip(&other.ours).map(|(ours, others)| ours / others))
    }

    /// The figure as a line.
    #[must_use]
    pub(super) fn line(&self) -> String {
        let ours = median(self.ours.iter().copied());
        let floor = median(self.floors.iter().copied());
        format!(
            "{}: {ours:.0} {unit}; {}: {floor:.0} {unit}; ratio {:.2} (median of {})",
            self.name,
            self.floor_name,
            self.ratio(),
            self.ours.len(),
            unit = self.unit,
        )
    }
}

/// The median; 0 of nothing.
#[must_use]
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_of_pairs() {
        let mut figure = Figure::new("ours", "1/s", "floor");
        // The machine got twice as slow after the first round.
        for (ours, floor) in [(80.0, 100.0), (40.0, 50.0), (41.0, 50.0)] {
            figure.round(ours, floor);
        }
        assert!((figure.ratio() - 0.8).abs() < 1e-9);
    }
}
