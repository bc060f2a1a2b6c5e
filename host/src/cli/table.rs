use super::out::Paint;

/// Rows under a heading, each column as wide as its widest cell. Nothing is cut off.
#[derive(Debug)]
pub(super) struct Table {
    heading: Vec<&'static str>,
    right: Vec<bool>,
    rows: Vec<Vec<Cell>>,
}

/// A text and its colour.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    paint: Paint,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell { text: text.into(), paint: Paint::Plain }
    }
}

/// A cell in a colour.
pub(super) fn painted(text: impl Into<String>, paint: Paint) -> Cell {
    Cell { text: text.into(), paint }
}

impl Table {
    /// A column whose name begins with `>` is aligned to the right.
    pub(super) fn new<const N: usize>(heading: [&'static str; N]) -> Table {
        Table {
            heading: heading.iter().map(|h| h.trim_start_matches('>')).collect(),
            right: heading.iter().map(|h| h.starts_with('>')).collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.to_vec());
    }

    pub(super) fn render(&self, color: bool) -> String {
        let heading: Vec<Cell> = self.heading.iter().map(|h| painted(h.to_uppercase(), Paint::Dim)).collect();
        let lines: Vec<&Vec<Cell>> = std::iter::once(&heading).chain(&self.rows).collect();
        let widths: Vec<usize> = (0..heading.len())
            .map(|i| lines.iter().map(|l| l.get(i).map_or(0, |c| width(&c.text))).max().unwrap_or(0))
            .collect();
        let mut out = String::new();
        for line in lines {
            let mut text = String::new();
            for (i, cell) in line.iter().enumerate() {
                let pad = " ".repeat(widths[i] - width(&cell.text));
                let shown = cell.paint.on(&cell.text, color);
                if i > 0 {
                    text.push_str("  ");
                }
                if self.right[i] {
                    text.push_str(&pad);
                    text.push_str(&shown);
                } else {
                    text.push_str(&shown);
                    text.push_str(&pad);
                }
            }
            out.push_str(text.trim_end());
            out.push('\n');
        }
        out
    }
}

/// Columns that a text takes, counted in characters: what is listed is names, numbers and times.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["run", ">took", "flow"]);
        table.row(["1".into(), "2.1 s".into(), "acme/daily".into()]);
        table.row(["12345".into(), painted("11 ms", Paint::Good), "x".into()]);
        assert_eq!(table.render(false), "RUN     TOOK  FLOW\n1      2.1 s  acme/daily\n12345  11 ms  x\n");
        assert!(table.render(true).contains("\x1b[32m11 ms\x1b[0m"));
    }
}
