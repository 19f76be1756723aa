use quota_api::{Amount, WindowBook};

use crate::ask::Refusal;
use crate::ask::table::{columns, or_dash};

/// Books, added up.
#[derive(Debug, Default)]
pub(super) struct Sums {
    rows: Vec<Row>,
    windows: usize,
}

/// One unit of one window.
#[derive(Debug, Clone)]
struct Row {
    shown: [String; 12],
    adds_up: bool,
    is_above: bool,
}

const HEAD: [&str; 12] = [
    "DEPLOYMENT",
    "WINDOW",
    "UNIT",
    "LIMIT",
    "GRANTED",
    "GIVEN BACK",
    "USED",
    "HELD",
    "BURNT",
    "OVERRUN",
    "DENIED",
    "FOUND",
];

impl Sums {
    pub(super) fn add(&mut self, id: &str, book: &WindowBook) {
        self.windows += 1;
        self.rows.push(row(id, book, "tokens", book.tpm_limit, |amount| amount.tokens));
        self.rows.push(row(id, book, "requests", book.rpm_limit, |amount| amount.requests));
    }

    /// What is to be said of them.
    pub(super) fn verdict(self, all: bool) -> Result<String, Refusal> {
        let wrong: Vec<Row> = self.rows.iter().filter(|row| !row.adds_up).cloned().collect();
        if !wrong.is_empty() {
            let table = table(wrong);
            return Err(Refusal::No(format!("these do not add up\n{}", table.trim_end())));
        }
        let above = self.rows.iter().filter(|row| row.is_above).count();
        let mut text = format!("{} windows: all add up\n", self.windows);
        if above > 0 {
            text += "in some, marked `above`, more was outstanding than the limit that they had in the end: \
                     right if it was lowered in that minute\n";
        }
        let shown = self.rows.into_iter().filter(|row| all || row.is_above);
        let shown: Vec<Row> = shown.collect();
        Ok(if shown.is_empty() { text } else { table(shown) + &text })
    }
}

fn table(rows: Vec<Row>) -> String {
    columns(HEAD, 3..11, rows.into_iter().map(|row| row.shown))
}

/// `granted = given_back + used + held + burnt`, whatever numbers a server may answer.
fn row(
    id: &str,
    book: &WindowBook,
    unit: &str,
    limit: Option<u64>,
    of: impl Fn(&Amount) -> u64,
) -> Row {
    let parts = [book.given_back, book.used, book.held, book.burnt];
    let sum: u128 = parts.iter().map(|part| u128::from(of(part))).sum();
    let granted = of(&book.granted);
    let adds_up = sum == u128::from(granted);
    let outstanding = granted.saturating_sub(of(&book.given_back));
    let is_above = limit.is_some_and(|limit| outstanding > limit);
    let found = match (adds_up, is_above) {
        (false, _) => format!("the parts are {sum}"),
        (true, true) => "above".to_owned(),
        (true, false) => "right".to_owned(),
    };
    let numbers = [book.granted, book.given_back, book.used, book.held, book.burnt, book.overrun]
        .map(|amount| of(&amount).to_string());
    let [granted, given_back, used, held, burnt, overrun] = numbers;
    let shown = [
        id.to_owned(),
        book.starts_at.clone(),
        unit.to_owned(),
        or_dash(limit),
        granted,
        given_back,
        used,
        held,
        burnt,
        overrun,
        of(&book.denied).to_string(),
        found,
    ];
    Row { shown, adds_up, is_above }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(tokens: u64) -> Amount {
        Amount { tokens, requests: 0 }
    }

    fn book(granted: u64, given_back: u64, used: u64) -> WindowBook {
        WindowBook {
            starts_at: "2026-11-21T12:00:00Z".to_owned(),
            kind: quota_api::WindowKind::Minute,
            tpm_limit: Some(500),
            rpm_limit: None,
            granted: amount(granted),
            given_back: amount(given_back),
            used: amount(used),
            held: amount(10),
            burnt: amount(5),
            overrun: amount(1_000),
            denied: amount(2_000),
            over: true,
        }
    }

    fn verdict(book: &WindowBook, all: bool) -> Result<String, Refusal> {
        let mut sums = Sums::default();
        sums.add("a", book);
        sums.verdict(all)
    }

    #[test]
    fn a_book_that_adds_up_is_said_to() {
        assert_eq!(verdict(&book(515, 200, 300), false).unwrap(), "1 windows: all add up\n");
        let shown = verdict(&book(515, 200, 300), true).unwrap();
        assert!(
            shown.contains("a           2026-11-21T12:00:00Z  tokens      500      515"),
            "{shown}"
        );
    }

    #[test]
    fn a_book_that_does_not_is_shown_with_its_sums() {
        for (granted, sum) in [(514, 515), (516, 515)] {
            let said = verdict(&book(granted, 200, 300), false).unwrap_err();
            assert_eq!(said.exit(), crate::ask::Exit::No);
            assert!(said.to_string().ends_with(&format!("the parts are {sum}")), "{said}");
        }
        assert!(verdict(&book(u64::MAX, u64::MAX, u64::MAX), false).is_err(), "and none overflows");
    }

    #[test]
    fn a_window_above_its_last_limit_is_marked() {
        let said = verdict(&book(615, 100, 500), false).unwrap();
        assert!(said.contains("above\n") && said.contains("lowered"), "{said}");
    }
}
