//! What a part found out, as text for a terminal or as Markdown for `docs/benchmarks.md`.

/// A table with its title and what has to be said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub title: String,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
    pub notes: Vec<String>,
}

impl Table {
    pub fn new(title: impl Into<String>, columns: &[&'static str]) -> Self {
        Self { title: title.into(), columns: columns.to_vec(), ..Self::default() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Says something below the table, once.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// As text: the first column to the left, numbers to the right.
    pub fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
            cells.chain([self.columns[column]]).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded: Vec<String> = cells
                .zip(&widths)
                .enumerate()
                .map(
                    |(place, (cell, width))| {
                        if place == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                    },
                )
                .collect();
            format!("  {}\n", padded.join("  ").trim_end())
        };
        let mut text = format!("{}\n", self.title);
        if !self.rows.is_empty() {
            text.push_str(&line(&mut self.columns.iter().copied()));
        }
        self.rows.iter().for_each(|row| text.push_str(&line(&mut row.iter().map(String::as_str))));
        self.notes.iter().for_each(|note| text.push_str(&format!("  {note}\n")));
        text
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n", self.title);
        if !self.rows.is_empty() {
            let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
            text.push_str(&line(&self.columns.iter().map(|&column| column.to_owned()).collect::<Vec<_>>()));
            text.push_str(&format!("|---{}\n", "|---:".repeat(self.columns.len() - 1) + "|"));
            self.rows.iter().for_each(|row| text.push_str(&line(row)));
            text.push('\n');
        }
        self.notes.iter().for_each(|note| text.push_str(&format!("* {note}\n")));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_table_is_text_and_markdown() {
        let mut table = Table::new("Speed", &["tool", "µs"]);
        table.row(["dlt".to_owned(), "5.1".to_owned()]);
        table.row(["wrk2".to_owned(), "17.25".to_owned()]);
        table.note("once");
        table.note("once");
        assert_eq!(table.text(), "Speed\n  tool     µs\n  dlt     5.1\n  wrk2  17.25\n  once\n");
        let markdown = "### Speed\n\n| tool | µs |\n|---|---:|\n| dlt | 5.1 |\n| wrk2 | 17.25 |\n\n* once\n";
        assert_eq!(table.markdown(), markdown);
    }
}
