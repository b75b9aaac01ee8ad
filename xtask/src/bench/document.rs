//! The parts of `docs/benchmarks.md` that measuring writes, each between two marks, and the figures that are read back.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

fn path() -> PathBuf {
    crate::steps::root().join("docs/benchmarks.md")
}

fn marks(part: &str) -> (String, String) {
    (format!("<!-- begin {part}: written by cargo xtask bench -->\n"), format!("<!-- end {part} -->"))
}

/// Where a part stands in the text.
fn place(text: &str, part: &str) -> Result<std::ops::Range<usize>> {
    let (begin, end) = marks(part);
    let found = text.find(&begin).and_then(|at| {
        let from = at + begin.len();
        Some(from..from + text.get(from..)?.find(&end)?)
    });
    found.with_context(|| format!("docs/benchmarks.md has no marks around its part '{part}'"))
}

/// The text of a part.
pub(crate) fn read(part: &str) -> Result<String> {
    let text = fs::read_to_string(path())?;
    Ok(text.get(place(&text, part)?).unwrap_or_default().to_owned())
}

/// Replaces a part.
pub(crate) fn write(part: &str, content: &str) -> Result<()> {
    let mut text = fs::read_to_string(path())?;
    let place = place(&text, part)?;
    text.replace_range(place, &format!("\n{}\n\n", content.trim_end()));
    fs::write(path(), text)?;
    println!("docs/benchmarks.md: {part} written");
    Ok(())
}

/// The cells of a table's rows, its head left out.
pub(crate) fn rows(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_between_its_marks() {
        let (begin, end) = marks("x");
        let text = format!("before\n{begin}inside\n{end}\nafter");
        assert_eq!(text.get(place(&text, "x").unwrap()), Some("inside\n"));
        assert!(place(&text, "y").is_err());
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let table = crate::bench::figures::table(&["a", "b"], &[vec!["one".into(), "1,000".into()]]);
        assert_eq!(rows(&table), [["one", "1,000"]]);
    }
}
