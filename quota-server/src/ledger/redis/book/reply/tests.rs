use super::*;

fn text(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

/// An answer that grants so many leases in a row, of one token each, from this number on.
fn row(first: u32, count: usize) -> Value {
    const WINDOW: i64 = 7;
    let mark = [5, 1, 1_000, WINDOW, 0, 0];
    let kind_and_limit = [0, 500, 500];
    let window = [1, WINDOW, 0, 0, 0, 0, 0];
    let lease = [WINDOW, i64::from(first)];
    let times = [0, 2_000, 60_000, 0];
    let ints = |numbers: &[i64]| numbers.iter().copied().map(Value::Int).collect::<Vec<_>>();
    let amounts = (1_u64 << 24).to_be_bytes().repeat(count);
    let parts = [
        vec![text("ran")],
        ints(&mark),
        ints(&kind_and_limit),
        ints(&window),
        vec![text("grants")],
        ints(&lease),
        ints(&times),
        vec![Value::BulkString(amounts)],
    ];
    Value::Array(parts.concat())
}

fn numbers(value: &Value) -> Result<Vec<u32>, Unreadable> {
    let Reply::Here(_, Answer::Ran(answers)) = Reply::read(value)? else { panic!("{value:?}") };
    let granted = answers.into_iter().map(|answer| match answer {
        Answer::Granted(granted, _) => granted.lease.number,
        other => panic!("{other:?}"),
    });
    Ok(granted.collect())
}

#[test]
fn leases_in_a_row_are_numbered_up_to_the_last_number_there_is() {
    assert_eq!(numbers(&row(5, 3)), Ok(vec![5, 6, 7]));
    assert_eq!(numbers(&row(u32::MAX - 1, 2)), Ok(vec![u32::MAX - 1, u32::MAX]));
    assert_eq!(numbers(&row(u32::MAX, 2)), Err(Unreadable));
}
