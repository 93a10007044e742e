//! Tables on a terminal, and what stands in them.

use comfy_table::{CellAlignment, Table, presets};

/// A column: its title, and whether it holds numbers.
pub type Column = (&'static str, bool);

/// Aligned text: one line for each row, numbers to the right.
pub fn table(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns.iter().map(|(title, _)| *title));
    for row in rows {
        table.add_row(row);
    }
    for (column, (_, number)) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, 2));
        if *number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A size, in the unit in which it reads best.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = (bytes.max(1).ilog2() / 10).min(UNITS.len() as u32 - 1);
    let unit = UNITS[power as usize];
    let amount = bytes as f64 / 1024_f64.powi(power as i32);
    if amount.fract() == 0.0 { format!("{amount:.0} {unit}") } else { format!("{amount:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_read_well() {
        for (bytes, text) in [(0, "0 B"), (512, "512 B"), (65536, "64 KiB"), (1 << 40, "1 TiB"), (3 << 29, "1.5 GiB")] {
            assert_eq!(super::bytes(bytes), text);
        }
    }
}
