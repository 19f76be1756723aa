use std::collections::BTreeSet;
use std::path::Path;

use crate::ask::Refusal;
use crate::ask::table::columns;
use crate::ledger::journaled::OpenError;
use crate::mistake::Mistake;
use crate::store::sqlite::FolderLock;
use crate::verify::{self, Report, VerifyError};

/// The journal of a data folder, from its beginning.
pub(super) async fn verify(folder: &Path, all: bool) -> Result<String, Refusal> {
    let _lock = FolderLock::share(folder).map_err(|error| locked(folder, &error))?;
    match verify::verify(folder).await {
        Ok(report) if all => Ok(table(&report) + &told(&report)),
        Ok(report) => Ok(told(&report)),
        Err(error @ (VerifyError::Folder { .. } | VerifyError::Empty(_))) => {
            Err(Mistake::at("--data-dir", error.to_string()).into())
        }
        Err(wrong) => Err(Refusal::No(wrong.to_string())),
    }
}

fn locked(folder: &Path, error: &OpenError) -> Mistake {
    match error {
        OpenError::InUse(_) => {
            let folder = folder.display();
            let what = format!("a server runs on {folder}: verify it by its --url instead");
            Mistake::at("--data-dir", what)
        }
        error => Mistake::at("--data-dir", error.to_string()),
    }
}

fn told(report: &Report) -> String {
    let deployments: BTreeSet<&str> = report.windows.keys().map(|(id, _)| &**id).collect();
    format!(
        "{} windows of {} deployments, {} leases, {} journal entries: all add up, none is above its limit\n",
        report.windows.len(),
        deployments.len(),
        report.grants.len(),
        report.entries
    )
}

const HEAD: [&str; 7] =
    ["DEPLOYMENT", "WINDOW", "UNIT", "GRANTED", "GIVEN BACK", "USED", "OVERRUN"];

/// Windows by their numbers: a journal has no other names for them.
fn table(report: &Report) -> String {
    let rows = report.windows.iter().flat_map(|((id, window), sums)| {
        let amounts = [sums.granted, sums.given_back, sums.used, sums.overrun];
        let row = |unit: &str, numbers: [u64; 4]| {
            let [granted, given_back, used, overrun] = numbers.map(|number| number.to_string());
            let (id, unit) = (id.to_string(), unit.to_owned());
            [id, window.to_string(), unit, granted, given_back, used, overrun]
        };
        [
            row("tokens", amounts.map(|amount| amount.tokens())),
            row("requests", amounts.map(|amount| amount.requests())),
        ]
    });
    columns(HEAD, 3..7, rows)
}
