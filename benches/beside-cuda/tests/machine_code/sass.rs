//! What stands in a kernel's machine code, from the text of `nvdisasm -c`.

use std::{collections::BTreeMap, fmt};

/// Counts of a kernel's instructions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    /// All, but for what fills the end.
    pub(crate) instructions: usize,
    /// Those of the largest loop that holds no other.
    pub(crate) in_loop: usize,
    /// Those of floating point among them.
    pub(crate) math_in_loop: usize,
    /// Loads from global memory, by their bits.
    pub(crate) global_loads: BTreeMap<u32, usize>,
    /// Those of them from memory that does not change while the kernel runs.
    pub(crate) constant_loads: usize,
    /// Stores to global memory, by their bits.
    pub(crate) global_stores: BTreeMap<u32, usize>,
    /// Loads from shared memory.
    pub(crate) shared_loads: usize,
    /// Stores to shared memory.
    pub(crate) shared_stores: usize,
    /// Loads and stores that find out at run time which memory they mean.
    pub(crate) generic: usize,
    /// Loads and stores of local memory.
    pub(crate) local: usize,
    /// Barriers.
    pub(crate) barriers: usize,
    /// Branches.
    pub(crate) branches: usize,
}

/// An instruction: its operation with all suffixes, and the label that it names.
struct Instruction<'a> {
    operation: &'a str,
    target: Option<&'a str>,
}

impl Code {
    /// Counts what stands in this kernel.
    pub(crate) fn of(text: &str, function: &str) -> Self {
        let start = format!("\n.text.{function}:");
        let start = text.find(&start).unwrap_or_else(|| panic!("no {function} in\n{text}")) + start.len();
        let body = &text[start..];
        let body = &body[..body.find("//---").unwrap_or(body.len())];
        let (mut labels, mut instructions) = (BTreeMap::new(), Vec::new());
        for line in body.lines() {
            let line = line.trim();
            if let Some(label) = line.strip_suffix(':') {
                labels.insert(label, instructions.len());
            } else if let Some(instruction) = Instruction::of(line) {
                instructions.push(instruction);
            }
        }
        let operation = |instruction: &Instruction<'_>| instruction.operation.to_owned();
        // The end is filled with NOPs behind a branch to itself.
        while instructions.last().is_some_and(|last| last.operation == "NOP") {
            instructions.pop();
        }
        let itself = |at: usize, instruction: &Instruction<'_>| {
            instruction.target.and_then(|target| labels.get(target)) == Some(&at)
        };
        if instructions.last().is_some_and(|last| itself(instructions.len() - 1, last)) {
            instructions.pop();
        }

        let mut code = Self { instructions: instructions.len(), ..Self::default() };
        for instruction in &instructions {
            code.count(instruction.operation);
        }
        let back = |(end, instruction): (usize, &Instruction<'_>)| {
            let begin = *labels.get(instruction.target?)?;
            (begin <= end && operation(instruction).starts_with("BRA")).then_some(begin..end + 1)
        };
        let loops: Vec<_> = instructions.iter().enumerate().filter_map(back).collect();
        let innermost = loops.iter().filter(|outer| {
            !loops.iter().any(|inner| inner != *outer && outer.start <= inner.start && inner.end <= outer.end)
        });
        if let Some(largest) = innermost.max_by_key(|range| range.len()) {
            code.in_loop = largest.len();
            code.math_in_loop =
                instructions[largest.clone()].iter().filter(|instruction| is_math(instruction.operation)).count();
        }
        code
    }

    fn count(&mut self, operation: &str) {
        let name = operation.split('.').next().unwrap_or_default();
        let bits = || {
            let suffix = |suffix: &str| match suffix {
                "U8" | "S8" => Some(8),
                "U16" | "S16" => Some(16),
                "64" => Some(64),
                "128" => Some(128),
                _ => None,
            };
            operation.split('.').find_map(suffix).unwrap_or(32)
        };
        match name {
            "LDG" => {
                *self.global_loads.entry(bits()).or_default() += 1;
                self.constant_loads += usize::from(operation.contains(".CONSTANT"));
            }
            "STG" => *self.global_stores.entry(bits()).or_default() += 1,
            "LDS" => self.shared_loads += 1,
            "STS" => self.shared_stores += 1,
            "LD" | "ST" => self.generic += 1,
            "LDL" | "STL" => self.local += 1,
            "BAR" => self.barriers += 1,
            "BRA" => self.branches += 1,
            _ => {}
        }
    }
}

/// Operations of floating point, but for comparisons and conversions; some forms of them only move a constant.
fn is_math(operation: &str) -> bool {
    let name = operation.split('.').next().unwrap_or_default();
    matches!(name, "FADD" | "FMUL" | "FFMA" | "DADD" | "DMUL" | "DFMA" | "MUFU")
}

impl<'a> Instruction<'a> {
    /// Reads `/*0040*/ @!P0 BRA `(.L_x_0) ;`.
    fn of(line: &'a str) -> Option<Self> {
        let text = line.strip_prefix("/*")?.split_once("*/")?.1.trim().strip_suffix(';')?.trim();
        let mut words = text.split_whitespace();
        let mut operation = words.next()?;
        if operation.starts_with('@') {
            operation = words.next()?;
        }
        let target = text.split_once("`(").and_then(|(_, rest)| rest.split_once(')')).map(|(label, _)| label);
        Some(Self { operation, target })
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = |counts: &BTreeMap<u32, usize>| {
            let texts: Vec<_> = counts.iter().map(|(bits, count)| format!("{count}x{bits}")).collect();
            texts.join("+")
        };
        write!(
            f,
            "{:>5} {:>5} {:>5}  {:<14} {:<8} {:>4} {:>4} {:>4} {:>4} {:>4}",
            self.instructions,
            self.in_loop,
            self.math_in_loop,
            widths(&self.global_loads),
            widths(&self.global_stores),
            self.shared_loads,
            self.shared_stores,
            self.generic + self.local,
            self.barriers,
            self.branches,
        )
    }
}
