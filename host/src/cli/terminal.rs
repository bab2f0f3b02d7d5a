//! What commands print: lines, tables, JSON, colours where a person reads.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Good.
    Green,
    /// Bad.
    Red,
    /// Waiting.
    Yellow,
    /// What machines did.
    Blue,
    /// Beside the point.
    Grey,
}

/// Prints a line.
pub fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// Says something beside what is printed, on standard error: output that a program reads stays whole.
pub fn note(text: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{text}")
}

/// Whether a person reads standard output.
pub fn is_interactive() -> bool {
    io::stdout().is_terminal()
}

/// The text in a colour, when a person reads.
pub fn paint(colour: Colour, text: &str) -> String {
    if !is_interactive() {
        return text.to_owned();
    }
    let code = match colour {
        Colour::Green => 32,
        Colour::Red => 31,
        Colour::Yellow => 33,
        Colour::Blue => 34,
        Colour::Grey => 90,
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Prints JSON.
pub fn json(value: &Value) -> io::Result<()> {
    line(&format!("{value:#}"))
}

/// Prints rows as a table with aligned columns.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|cell| cell.len())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let print = |cells: &[String]| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    line(&paint(Colour::Grey, &print(&head.iter().map(|cell| (*cell).to_uppercase()).collect::<Vec<_>>())))?;
    rows.iter().try_for_each(|row| line(&print(row)))
}

/// A status in the colour it deserves.
pub fn status(status: &str) -> String {
    let colour = match status {
        "succeeded" | "simulated" | "approved" => Colour::Green,
        "failed" | "rejected" | "timed_out" | "canceled" | "needs_decision" => Colour::Red,
        "waiting" | "pending" | "paused" | "canceling" => Colour::Yellow,
        "skipped" => Colour::Grey,
        _ => Colour::Blue,
    };
    paint(colour, status)
}
