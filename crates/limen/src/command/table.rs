//! Tables for people: no borders, no colours, within 100 columns.

use comfy_table::{ColumnConstraint, ContentArrangement, Row, Table, presets};

use super::show::{WIDTH, plain};

/// A table with a header; columns that are too wide together are wrapped.
pub(super) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(WIDTH).unwrap_or(u16::MAX))
        .set_header(Row::from(header));
    for row in rows {
        table.add_row(Row::from(row.iter().map(|cell| plain(cell)).collect::<Vec<_>>()));
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        // What things are called is copied from here; it is never broken.
        if at == 0 {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        column.set_padding((0, if at + 1 < header.len() { 2 } else { 0 }));
    }
    lines(&table.to_string())
}

/// Names and values below each other, for one thing; empty values are left out.
pub(super) fn sheet(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let shown = rows.iter().filter(|(_, value)| !value.is_empty());
    let lined = shown.map(|(name, value)| {
        let indent = format!("\n{}", " ".repeat(width + 2));
        let value = super::show::wrapped(value, WIDTH.saturating_sub(width + 2)).join(&indent);
        format!("{name:width$}  {value}\n")
    });
    lined.collect()
}

fn lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_their_names() {
        let rows = [vec!["orders".into(), "/orders/v1".into()], vec!["x".into(), "/x\u{7}".into()]];
        assert_eq!(table(&["API", "BASE PATH"], rows), "API     BASE PATH\norders  /orders/v1\nx       /x\u{fffd}\n");
    }

    #[test]
    fn what_is_wide_is_wrapped_within_the_width() {
        let shown = table(&["ID", "TITLE", "MESSAGE"], [vec!["n1".into(), "word ".repeat(60), "more ".repeat(60)]]);
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "{shown}");
        assert_eq!(shown.matches("word").count(), 60);
    }

    #[test]
    fn sheets_leave_out_what_is_empty() {
        let rows = [("id", "sub_1".to_owned()), ("ends", String::new()), ("state", "active".to_owned())];
        assert_eq!(sheet(&rows), "id     sub_1\nstate  active\n");
    }
}
