//! The tables of docs/schedules.md: each row is what the code does.

use super::super::Cadence;

/// The rows of the table below a mark: its cells, without backticks around them.
fn rows(mark: &str) -> Vec<Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schedules.md");
    let document = std::fs::read_to_string(path).expect("the documentation");
    let below = document.split_once(&format!("<!-- table: {mark} -->\n")).expect("the mark").1;
    let lines = below.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| {
        let inside = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).expect("a row");
        inside.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = lines.map(cells).collect();
    assert!(rows.len() > 10, "the table {mark} is there");
    rows
}

#[test]
fn the_clock_changes_as_documented() {
    for row in rows("clock") {
        let [expression, zone, after, fires, note] = row.as_slice() else { panic!("five cells: {row:?}") };
        let cadence = Cadence::cron(expression.trim_matches('`'), zone).expect("good");
        let expected: Vec<&str> = fires.split(", ").collect();
        let found: Vec<_> = cadence.fires(after.parse().expect("a time")).take(expected.len()).collect();
        let locals: Vec<&str> = found.iter().map(|fire| fire.local.as_str()).collect();
        assert_eq!(locals, expected, "{expression} in {zone} after {after}");
        let first = found.iter().find_map(|fire| fire.note.clone()).unwrap_or_default();
        assert_eq!(first, note.as_str(), "{expression} in {zone} after {after}");
    }
}

#[test]
fn bad_input_is_refused_as_documented() {
    for row in rows("refused") {
        let [expression, zone, field, character, message] = row.as_slice() else { panic!("five cells: {row:?}") };
        let fault = Cadence::cron(expression.trim_matches('`'), zone).expect_err(expression);
        assert_eq!(fault.message, *message, "{expression}");
        assert_eq!(
            (fault.field.unwrap_or_default(), (fault.offset + 1).to_string()),
            (field.as_str(), character.clone())
        );
    }
    let long = format!("{} * * * *", "1,".repeat(100));
    let fault = Cadence::cron(&long, "UTC").expect_err("too long");
    assert_eq!((fault.offset, fault.message.as_str()), (200, "an expression has at most 200 characters"));
}
