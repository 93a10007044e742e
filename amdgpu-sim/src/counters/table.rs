//! Counters as a table on a terminal.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};

use super::{Bound, DispatchCounters, Limit};

impl fmt::Display for DispatchCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = |[x, y, z]: [u32; 3]| format!("{x} x {y} x {z}");
        writeln!(
            f,
            "{} on {} (GPU {}): {} work-items in groups of {}, waves of {}",
            self.kernel,
            self.target,
            self.gpu,
            by(self.grid),
            by(self.work_group),
            self.wave
        )?;
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        for (name, value, remark) in self.rows() {
            table.add_row([name, value, remark]);
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((if index == 0 { 2 } else { 0 }, 2));
            if index == 1 {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in table.lines() {
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl DispatchCounters {
    /// Name, value and remark of each line.
    fn rows(&self) -> Vec<(String, String, String)> {
        let counts = &self.counts;
        let row = |name: &str, value: u64, remark: String| (name.to_owned(), grouped(value), remark);
        let instructions = &counts.instructions;
        let mut rows = vec![
            row("work-groups", counts.work_groups, String::new()),
            row("waves", counts.waves, String::new()),
            row("instructions", instructions.total(), String::new()),
        ];
        for (name, count) in instructions.by_class().into_iter().filter(|(_, count)| *count > 0) {
            rows.push(row(&format!("  {name}"), count, String::new()));
        }
        let lanes = counts.average_active_lanes();
        let lanes = lanes.map_or_else(String::new, |lanes| format!("{lanes:.1} of {} lanes active", self.wave));
        rows.push(row("lane operations", counts.lane_operations, lanes));
        rows.push(row("lanes part", counts.divergences, String::new()));
        let memory = &counts.memory;
        for (name, traffic) in [
            ("loads, bytes", &memory.loads),
            ("stores, bytes", &memory.stores),
            ("atomics, bytes", &memory.atomics),
            ("scalar loads, bytes", &memory.scalar),
        ] {
            if let Some(efficiency) = traffic.efficiency() {
                let lines = grouped(traffic.transactions);
                rows.push(row(name, traffic.bytes, format!("{lines} lines, {:.0} % of them used", efficiency * 100.0)));
            }
        }
        if counts.lds.accesses > 0 {
            let conflicts = format!(
                "{} cycles, {} of them by bank conflicts",
                grouped(counts.lds.cycles),
                grouped(counts.lds.conflict_cycles)
            );
            rows.push(row("LDS, bytes", counts.lds.bytes, conflicts));
        }
        if counts.scratch_bytes > 0 {
            rows.push(row("scratch, bytes", counts.scratch_bytes, String::new()));
        }
        let occupancy = &self.occupancy;
        let limit = match occupancy.limit {
            Limit::Waves => "the hardware's most".to_owned(),
            Limit::VectorRegisters => format!("bounded by {} vector registers", occupancy.vector_registers),
            Limit::Lds => format!("bounded by {} bytes of LDS", occupancy.lds),
        };
        rows.push(row("waves on a SIMD", occupancy.waves_per_simd.into(), format!("of {}; {limit}", occupancy.most)));
        let estimate = &self.estimate;
        let bound = match estimate.bound {
            Bound::Issue => "issue",
            Bound::Lds => "LDS",
            Bound::Memory => "memory",
        };
        let parts = format!(
            "to {} (issue {}, LDS {}, memory {}); bounded by {bound}; at least {:.2} us",
            grouped(estimate.about_cycles as u64),
            grouped(estimate.issue_cycles as u64),
            grouped(estimate.lds_cycles as u64),
            grouped(estimate.memory_cycles as u64),
            estimate.at_least_us
        );
        rows.push(row("cycles (an estimate)", estimate.at_least_cycles as u64, parts));
        rows
    }
}

/// A number with a blank between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for group in digits.as_bytes()[first..].chunks(3) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.extend(group.iter().map(|digit| char::from(*digit)));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_apart() {
        let cases = [(0, "0"), (999, "999"), (1000, "1 000"), (1_234_567, "1 234 567"), (100_000, "100 000")];
        for (number, text) in cases {
            assert_eq!(super::grouped(number), text);
        }
    }
}
