mod drift;
mod file;
mod races;

use std::path::Path;

use super::{Reading, apply, parse};
use crate::ledger::{Ledger, Put};

fn puts(text: &str) -> Vec<Put> {
    parse(Path::new("d.yaml"), &format!("deployments: {{{text}}}")).unwrap()
}

/// Does what a start with this file does; how many deployments are put as it says.
pub(crate) async fn start(ledger: &dyn Ledger, text: &str) -> usize {
    let plan = Reading::new(puts(text)).plan(&ledger.deployments().await.unwrap());
    let applied = apply(ledger, plan.steps).await;
    assert_eq!((applied.overtaken, applied.refused.len()), (0, 0));
    applied.deployments
}

/// Puts one deployment, as the API does.
pub(crate) async fn by_hand(ledger: &dyn Ledger, text: &str) {
    super::put_by_hand(ledger, puts(text).remove(0)).await.unwrap();
}
