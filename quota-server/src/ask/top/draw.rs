use quota_api::{DeploymentOverview, State};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use super::columns::{COLUMNS, Column};
use super::view::View;

/// A space between columns.
const GAP: u16 = 1;

/// The server, the states, the deployments, the keys; a trouble takes the place of the states.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View) {
    let heights =
        [Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)];
    let [server, states, rows, keys] = Layout::vertical(heights).areas(frame.area());
    frame.render_widget(Paragraph::new(view.server_line()), server);
    frame.render_widget(Paragraph::new(second(view)), states);
    frame.render_widget(table(view, rows.width), rows);
    frame.render_widget(Paragraph::new(help(view)).dim(), keys);
}

fn second(view: &View) -> Line<'_> {
    match &view.trouble {
        Some(why) => Line::from(format!("OLD: {why}")).style(Style::new().red().bold()),
        None => Line::from(view.states_line()),
    }
}

fn help(view: &View) -> String {
    format!(
        "q quit  by {}: f fill  i id  d denied  u used  h holders  arrows scroll",
        view.sort().name()
    )
}

fn table(view: &View, width: u16) -> Table<'_> {
    let columns = fitting(width);
    let head = columns.iter().map(|column| Cell::from(placed(column, column.title.to_owned())));
    let shown = view.deployments().iter().skip(view.first);
    let rows = shown.map(|each| row(each, columns));
    let mut widths: Vec<Constraint> =
        columns.iter().map(|column| Constraint::Length(column.width)).collect();
    // What is left over is for ids.
    widths[0] = Constraint::Min(columns[0].width);
    let style = if view.trouble.is_some() { Style::new().dim() } else { Style::new() };
    let head = Row::new(head).style(Style::new().add_modifier(Modifier::BOLD));
    Table::new(rows, widths).header(head).column_spacing(GAP).style(style)
}

/// As many columns as there is room for, and the first in any case.
pub(super) fn fitting(width: u16) -> &'static [Column] {
    let mut needed = 0;
    let fitting = COLUMNS.iter().take_while(|column| {
        needed += column.width + GAP;
        needed - GAP <= width
    });
    let count = fitting.count().max(1);
    &COLUMNS[..count]
}

fn row<'v>(each: &'v DeploymentOverview, columns: &[Column]) -> Row<'v> {
    let cells = columns.iter().map(|column| {
        let cell = Cell::from(placed(column, (column.of)(each)));
        if column.title == "STATE" { cell.style(colour(each.state)) } else { cell }
    });
    Row::new(cells)
}

fn placed(column: &Column, text: String) -> Text<'static> {
    let side = if column.is_number { Alignment::Right } else { Alignment::Left };
    Text::from(text).alignment(side)
}

/// The state's name stands there too: no colour says anything alone.
fn colour(state: State) -> Color {
    match state {
        State::Ok => Color::Green,
        State::Endgame => Color::Yellow,
        State::Exhausted => Color::Red,
        State::Quarantined => Color::Magenta,
    }
}
