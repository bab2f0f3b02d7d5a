//! The copies of an export that people read: the timeline as Markdown, the tasks as CSV (RFC 4180).

use crate::{dossier::Task, timeline::Entry};

/// The timeline as Markdown.
pub fn timeline_markdown(number: &str, title: &str, entries: &[Entry]) -> String {
    let line = |entry: &Entry| {
        let text = entry.entry.text.replace('\n', " ");
        format!("{}. {} — {text} ({})", entry.seq, entry.entry.at, entry.entry.actor.name())
    };
    let lines: Vec<String> = entries.iter().map(line).collect();
    format!("# Timeline of {number}: {title}\n\n{}\n", lines.join("\n"))
}

/// The tasks as CSV.
pub fn tasks_csv(tasks: &[Task]) -> String {
    let mut text = "number,stage,text,status,owner,backup,due_at,needs,ended_by,ended_at,note\r\n".to_owned();
    for task in tasks {
        let or_none = |value: Option<String>| value.unwrap_or_default();
        let needs: Vec<String> = task.needs.iter().map(u32::to_string).collect();
        let cells = [
            task.head.number.to_string(),
            or_none(task.stage.map(|stage| stage.to_string())),
            task.text.clone(),
            task.status.as_str().to_owned(),
            or_none(task.owner.clone().or_else(|| task.role.clone())),
            or_none(task.backup.clone()),
            or_none(task.due_at.map(|at| at.to_string())),
            needs.join(" "),
            or_none(task.ended_by.clone()),
            or_none(task.ended_at.map(|at| at.to_string())),
            or_none(task.note.clone()),
        ];
        let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// A cell. What a spreadsheet would take for a formula gets an apostrophe before it.
fn escaped(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_cell_is_quoted_and_never_a_formula() {
        assert_eq!(escaped("plain"), "plain");
        assert_eq!(escaped("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(escaped("=1+1"), "'=1+1");
        assert_eq!(escaped("@a,b"), "\"'@a,b\"");
    }
}
