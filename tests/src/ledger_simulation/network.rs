//! What becomes of a message.

use rand::RngExt;
use rand::rngs::SmallRng;
use tokio::time::Duration;

/// Each copy's way there and back; `None`: lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy {
    pub(super) there: Option<Duration>,
    pub(super) back: Option<Duration>,
}

/// The copies of a message that are under way.
pub(super) fn copies(is_rough: bool, rng: &mut SmallRng) -> Vec<Copy> {
    let count = if is_rough && rng.random_ratio(1, 25) { 2 } else { 1 };
    (0..count).map(|_| Copy { there: way(is_rough, rng), back: way(is_rough, rng) }).collect()
}

fn way(is_rough: bool, rng: &mut SmallRng) -> Option<Duration> {
    let ms = match rng.random_range(0..100) {
        0..3 if is_rough => return None,
        3..10 if is_rough => rng.random_range(20..1_500),
        _ => rng.random_range(0..8),
    };
    Some(Duration::from_millis(ms))
}
