//! A run over time, for the terminal: a bar for each step from its beginning to its end, and marks for each try on it.

use serde_json::Value;

use super::{
    Failed,
    client::word,
    terminal::{self, Colour, paint},
};
use wardroom_domain::time::Timestamp;

/// How wide the bars are, in characters.
const WIDTH: usize = 48;

/// Prints it: `=` while a try runs, `.` while the step waits between tries, for people or for time.
pub(super) fn print(run: &Value, attempts: &Value) -> Result<(), Failed> {
    let attempts: Vec<&Value> = attempts["items"].as_array().into_iter().flatten().collect();
    let begun = time(run, "created_at");
    let last = attempts.iter().filter_map(|attempt| time(attempt, "finished_at")).max();
    let (Some(begun), Some(ended)) = (begun, time(run, "finished_at").or(last)) else { return Ok(()) };
    let scale =
        Scale { begun: begun.unix_ms(), length: u64::try_from(ended.unix_ms() - begun.unix_ms()).unwrap_or(0).max(1) };
    for name in run["order"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let step = &run["steps"][name];
        let Some(from) = time(step, "started_at") else { continue };
        let to = time(step, "finished_at").unwrap_or(ended);
        let mut bar = vec![b' '; WIDTH];
        scale.fill(&mut bar, from, to, b'.');
        let tries = attempts.iter().filter(|attempt| attempt["step"] == *name && attempt["run"] == run["id"]);
        let mut count = 0;
        for attempt in tries {
            count += 1;
            if let (Some(from), Some(to)) = (time(attempt, "started_at"), time(attempt, "finished_at")) {
                scale.fill(&mut bar, from, to, b'=');
            }
        }
        let (bar, took) = (String::from_utf8_lossy(&bar).into_owned(), seconds(from, to));
        terminal::line(&format!("  {name:<18} {} {took:>9} {count} calls", paint(Colour::Grey, &format!("|{bar}|"))))?;
    }
    Ok(())
}

struct Scale {
    begun: i64,
    /// In milliseconds, at least 1.
    length: u64,
}

impl Scale {
    /// Marks a span, at least one character of it.
    fn fill(&self, bar: &mut [u8], from: Timestamp, to: Timestamp, mark: u8) {
        let place = |at: Timestamp| {
            let place =
                u64::try_from(at.unix_ms() - self.begun).unwrap_or(0).saturating_mul(WIDTH as u64) / self.length;
            usize::try_from(place).map_or(WIDTH - 1, |place| place.min(WIDTH - 1))
        };
        let (first, last) = (place(from), place(to));
        bar.iter_mut().take(last + 1).skip(first).for_each(|cell| *cell = mark);
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> String {
    let ms = (to.unix_ms() - from.unix_ms()).max(0);
    format!("{}.{:03} s", ms / 1_000, ms % 1_000)
}

fn time(of: &Value, key: &str) -> Option<Timestamp> {
    word(of, key).parse().ok()
}
