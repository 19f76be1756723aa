use quota_api::{DeploymentOverview, UsagePair};

use super::sort::per_mille;
use super::view::View;
use crate::ask::table;

/// One thing to see of each deployment.
pub(super) struct Column {
    pub(super) title: &'static str,
    /// How much room it has, its head included.
    pub(super) width: u16,
    pub(super) is_number: bool,
    pub(super) of: fn(&DeploymentOverview) -> String,
}

const fn text(title: &'static str, width: u16, of: fn(&DeploymentOverview) -> String) -> Column {
    Column { title, width, is_number: false, of }
}

const fn number(title: &'static str, width: u16, of: fn(&DeploymentOverview) -> String) -> Column {
    Column { title, width, is_number: true, of }
}

/// The most wanted first: a narrow terminal shows as many as it has room for.
pub(super) const COLUMNS: [Column; 14] = [
    text("DEPLOYMENT", 13, |each| each.id.clone()),
    text("STATE", 11, |each| table::word(&each.state)),
    number("TOKENS", 7, |each| percent(&each.usage.tokens)),
    number("REQS", 6, |each| percent(&each.usage.requests)),
    number("OUTSTANDING", 12, |each| each.usage.tokens.outstanding.to_string()),
    number("TPM", 10, |each| table::or_dash(each.usage.tokens.limit)),
    number("RPM", 8, |each| table::or_dash(each.usage.requests.limit)),
    number("DENIED", 9, |each| each.denied.tokens.to_string()),
    number("HOLDERS", 7, |each| each.holders.to_string()),
    number("LEASES", 7, |each| each.leases.to_string()),
    number("USED", 10, |each| each.used.tokens.to_string()),
    number("BURNT", 10, |each| each.burnt.tokens.to_string()),
    number("OVERRUN", 8, |each| each.usage.tokens.overrun.to_string()),
    text("WINDOW", 7, |each| table::word(&each.window)),
];

/// All columns, once, below the lines about the server.
pub(super) fn table(view: &View) -> String {
    let rows = view.deployments().iter().map(|each| {
        let cells = COLUMNS.iter().map(|column| (column.of)(each));
        let mut row: [String; COLUMNS.len()] = Default::default();
        row.iter_mut().zip(cells).for_each(|(place, cell)| *place = cell);
        row
    });
    let table = table::columns(COLUMNS.each_ref().map(|column| column.title), 2..13, rows);
    format!("{}\n{}\n{table}", view.server_line(), view.states_line())
}

/// Rounded down: `100%` is full.
fn percent(usage: &UsagePair) -> String {
    per_mille(usage).map_or_else(|| "-".to_owned(), |share| format!("{}%", share / 10))
}
