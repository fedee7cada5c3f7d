//! What the commands print: results to standard output, remarks to standard error. All of it passes here.
//!
//! **Invariant:** a reader that has gone away ends the command; nothing panics.
//!
//! **Invariant:** what reaches a terminal steers none; into a pipe goes what others have written as they wrote it.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use anyhow::{Context, Result};
use comfy_table::{Cell, ColumnConstraint, Table, Width, presets};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::terminal::{Pieces, visible};

/// Nobody reads standard output any more, as behind `| head -1`.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
pub(super) struct Closed;

/// Characters of a cell on a terminal before it is cut. The last column of a row is never cut: it has the texts.
const CELL_CHARS_MAX: usize = 160;

/// Prints one line, or several.
pub(super) fn say(text: impl Display) -> Result<()> {
    write(format_args!("{text}\n"))
}

/// Prints bytes, at once.
pub(super) fn write_bytes(bytes: &[u8]) -> Result<()> {
    Stream::default().write(bytes)
}

/// Bytes that come in pieces, printed as they come.
#[derive(Debug, Default)]
pub(super) struct Stream(Pieces);

impl Stream {
    /// Prints a piece, at once.
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<()> {
        let mut out = stdout().lock();
        let written =
            if out.is_terminal() { out.write_all(self.0.next(piece).as_bytes()) } else { out.write_all(piece) };
        finish(written.and_then(|()| out.flush()))
    }
}

fn write(text: impl Display) -> Result<()> {
    write_bytes(text.to_string().as_bytes())
}

fn finish(written: std::io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        written => written.context("cannot write to standard output"),
    }
}

/// Prints a line to standard error; where that is closed, there is nobody to tell.
pub(super) fn note(text: impl Display) {
    let mut err = stderr().lock();
    let text = text.to_string();
    let shown = if err.is_terminal() { visible(&text) } else { text.as_str().into() };
    writeln!(err, "{shown}").ok();
}

/// The same, only where a person looks on: what is going on.
pub(super) fn note_to_person(text: impl Display) {
    if stderr().is_terminal() {
        note(text);
    }
}

/// JSON for people.
pub(super) fn json(value: &Value) -> String {
    format!("{value:#}")
}

/// The same as YAML, without a newline at its end.
pub(super) fn yaml(value: &Value) -> Result<String> {
    let text = serde_saphyr::to_string(&Plain(value)).context("cannot write this as YAML")?;
    Ok(text.trim_end().to_owned())
}

/// A value whose numbers are numbers for every format: `serde_json` hands their digits over in a wrapping that only it
/// knows.
struct Plain<'v>(&'v Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        match self.0 {
            Value::Number(number) => match (number.as_i128(), number.as_f64()) {
                (Some(whole), _) => to.serialize_i128(whole),
                (None, Some(fraction)) => to.serialize_f64(fraction),
                (None, None) => to.serialize_str(&number.to_string()),
            },
            Value::Array(items) => to.collect_seq(items.iter().map(Plain)),
            Value::Object(fields) => to.collect_map(fields.iter().map(|(name, value)| (name, Plain(value)))),
            other => other.serialize(to),
        }
    }
}

/// Rows below a header, in columns that stay as wide as they once were.
#[derive(Debug)]
pub(super) struct Columns {
    header: Vec<&'static str>,
    widths: Vec<u16>,
}

impl Columns {
    pub(super) fn new(header: Vec<&'static str>) -> Self {
        let widths = vec![0; header.len()];
        Self { header, widths }
    }

    /// The rows, below the header.
    pub(super) fn with_header(&mut self, rows: &[Vec<String>]) -> String {
        let mut table = Table::new();
        table.set_header(self.header.clone());
        self.fill(table, rows)
    }

    /// Further rows.
    pub(super) fn rows(&mut self, rows: &[Vec<String>]) -> String {
        self.fill(Table::new(), rows)
    }

    fn fill(&mut self, mut table: Table, rows: &[Vec<String>]) -> String {
        table.load_style(presets::NOTHING);
        for row in rows {
            let last = row.len().saturating_sub(1);
            table.add_row(row.iter().enumerate().map(|(column, cell)| Cell::new(shown_in(cell, column == last))));
        }
        for (width, now) in self.widths.iter_mut().zip(table.column_max_content_widths()) {
            *width = now.max(*width);
        }
        let widths = &self.widths;
        for (column, width) in table.column_iter_mut().zip(widths) {
            column.set_padding((0, 3));
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width + 3)));
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

/// A cell; into a pipe, and in the last column, it goes whole.
fn shown_in(cell: &str, is_last: bool) -> String {
    let clean = one_line(cell);
    if is_last || !stdout().is_terminal() || clean.chars().count() <= CELL_CHARS_MAX {
        return clean;
    }
    clean.chars().take(CELL_CHARS_MAX).chain(['…']).collect()
}

/// Text that stays on its line and in its cell.
pub(super) fn one_line(text: &str) -> String {
    visible(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}

/// Text of others among lines of captd's own: it may have lines, and steers nothing, wherever it goes.
pub(super) fn plain(text: &str) -> String {
    visible(text).into_owned()
}
