use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use tests::scenario::{Report, Row};

/// The report as text: the counts, the demands, the notes.
pub(crate) fn of(report: &Report) -> String {
    let mut text = format!("\n{}\n{}\n\n{}\n", report.title, counts(report), report.verdicts());
    for note in &report.notes {
        writeln!(text, "{note}").expect("a string takes any text");
    }
    text
}

fn counts(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header([
        "",
        "offered",
        "admitted",
        "denied (429)",
        "503 or none",
        "limit",
        "used",
        "share used",
        "counted per replica",
    ]);
    for row in &report.rows {
        table.add_row(cells(row));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn cells(row: &Row) -> [String; 9] {
    let counts = [row.offered, row.admitted, row.denied, row.unserved, row.limit, row.used];
    let [offered, admitted, denied, unserved, limit, used] = counts.map(|count| count.to_string());
    let share = percent(row.used, row.limit);
    let apart = format!("{} ({})", row.counted_apart, percent(row.counted_apart, row.limit));
    [row.span.clone(), offered, admitted, denied, unserved, limit, used, share, apart]
}

/// In percent, with one digit.
fn percent(used: u64, limit: u64) -> String {
    let per_mille = used * 1_000 / limit.max(1);
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}
