//! An estimate of a kernel's registers.
//!
//! PTX has as many registers as it likes; how many a thread needs is decided by the compiler of a real driver, which is
//! not here. What stands in for it is the most bits of values that are alive at once anywhere in the kernel, in
//! registers of 32 bits, by the usual backward flow analysis over the text, and no less than [`LEAST`]. Functions that
//! are called are not counted. It is good for seeing that a kernel of many values has fewer blocks at once, and for no
//! more.

use std::collections::HashMap;

use super::attributes::{REGISTERS, WARP};

/// What even the smallest kernel has.
const LEAST: u32 = 16;
/// Most registers of a thread.
const MOST: u32 = 255;
/// Registers are given to threads in so many at once.
const UNIT: u32 = 8;

/// What the kernel of this name needs.
pub fn estimate(text: &str, kernel: &str) -> u32 {
    let words = words(text);
    let Some((directives, body)) = kernel_of(&words, kernel) else { return LEAST };
    let most = limit(directives).unwrap_or(MOST).max(LEAST);
    Flow::read(body).most_alive().next_multiple_of(UNIT).clamp(LEAST, most)
}

/// The most that a compiler may use, if the kernel says so, or says how many threads must fit into a multiprocessor.
fn limit(directives: &[&str]) -> Option<u32> {
    let numbers = |name: &str| {
        let at = directives.iter().position(|word| *word == name)? + 1;
        let numbers = directives[at..].iter().filter(|word| **word != ",").map_while(|word| word.parse::<u32>().ok());
        numbers.reduce(u32::saturating_mul).filter(|product| *product > 0)
    };
    let threads = numbers(".reqntid").or_else(|| numbers(".maxntid"));
    let by_threads = threads.map(|threads| REGISTERS / threads.next_multiple_of(WARP) / UNIT * UNIT);
    [numbers(".maxnreg"), by_threads, Some(MOST)].into_iter().flatten().min()
}

/// The words and signs of PTX, without comments and text in quotes.
fn words(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '%' | '.');
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '/' if rest.starts_with("//") => Some(rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => Some(rest.find("*/").map_or(rest.len(), |end| end + 2)),
            '"' => Some(rest[1..].find('"').map_or(rest.len(), |end| end + 2)),
            _ if first.is_whitespace() => Some(first.len_utf8()),
            _ => None,
        };
        let length = skipped.unwrap_or_else(|| match rest.find(|c| !is_word(c)) {
            None => rest.len(),
            Some(0) => first.len_utf8(),
            Some(end) => end,
        });
        if skipped.is_none() {
            words.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    words
}

/// The words of a kernel in front of its braces, and between them.
fn kernel_of<'w, 't>(words: &'w [&'t str], kernel: &str) -> Option<(&'w [&'t str], &'w [&'t str])> {
    let entry = words.windows(2).position(|pair| pair == [".entry", kernel])?;
    let begin = entry + words[entry..].iter().position(|word| *word == "{")? + 1;
    let mut depth = 1;
    let length = words[begin..].iter().position(|word| {
        match *word {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    Some((&words[entry..begin], &words[begin..begin + length]))
}

/// An instruction, as far as registers and order are concerned. Registers are numbers into [`Flow::sizes`].
#[derive(Debug, Default)]
struct Instruction<'t> {
    reads: Vec<usize>,
    /// What it writes in every case.
    writes: Vec<usize>,
    /// Labels that it may go to.
    targets: Vec<&'t str>,
    /// Whether it may go to any label: a branch by an index.
    goes_anywhere: bool,
    /// Whether what follows comes next.
    falls_through: bool,
}

/// A kernel's instructions.
#[derive(Debug, Default)]
struct Flow<'t> {
    instructions: Vec<Instruction<'t>>,
    /// The instruction behind each label.
    labels: HashMap<&'t str, usize>,
    /// Size of each register, in registers of 32 bits; predicates have their own.
    sizes: Vec<u32>,
    numbers: HashMap<&'t str, usize>,
    /// What was declared: names, or what names begin with.
    declared: HashMap<&'t str, u32>,
}

impl<'t> Flow<'t> {
    fn read(body: &[&'t str]) -> Self {
        let mut flow = Self::default();
        let mut statement = Vec::new();
        let mut braces = 0;
        for word in body {
            match *word {
                ";" => {
                    flow.add(&std::mem::take(&mut statement));
                    braces = 0;
                }
                // A block, not the parts of a vector.
                "{" if statement.is_empty() => {}
                "}" if braces == 0 => statement.clear(),
                ":" if statement.len() == 1 => {
                    flow.labels.insert(statement[0], flow.instructions.len());
                    statement.clear();
                }
                other => {
                    braces += i32::from(other == "{") - i32::from(other == "}");
                    statement.push(other);
                }
            }
        }
        flow
    }

    /// The register of this name.
    fn register(&mut self, name: &'t str) -> Option<usize> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let size = *self.declared.get(name).or_else(|| self.declared.get(stem))?;
        let number = self.sizes.len();
        self.sizes.push(size);
        self.numbers.insert(name, number);
        Some(number)
    }

    fn registers(&mut self, words: &[&'t str]) -> Vec<usize> {
        words.iter().filter_map(|word| self.register(word)).collect()
    }

    fn add(&mut self, statement: &[&'t str]) {
        let guard = statement.iter().take_while(|word| matches!(**word, "@" | "!") || statement[0] == "@").count();
        // `@ ! %p`, or `@ %p`, or nothing.
        let guard = if guard == 0 { 0 } else { 2 + usize::from(statement.get(1) == Some(&"!")) };
        let (guard, rest) = statement.split_at(guard.min(statement.len()));
        let Some((operation, operands)) = rest.split_first() else { return };
        match *operation {
            ".reg" => return self.declare(operands),
            directive if directive.starts_with('.') => return,
            _ => {}
        }
        let (operation, operands) = (*operation, operands);
        let name = operation.split('.').next().unwrap_or_default();
        let first = end_of_first(operands);
        let has_result = !matches!(
            name,
            "st" | "red"
                | "bra"
                | "brx"
                | "ret"
                | "exit"
                | "bar"
                | "barrier"
                | "membar"
                | "fence"
                | "trap"
                | "brkpt"
                | "prefetch"
                | "prefetchu"
                | "cp"
                | "nanosleep"
                | "call"
                | "discard"
                | "applypriority"
                | "pmevent"
        ) || (name == "call" && operands.first() == Some(&"("))
            || operation.contains(".red.");
        let (results, others) = operands.split_at(if has_result { first } else { 0 });
        let is_guarded = !guard.is_empty();
        let mut reads = self.registers(guard);
        reads.extend(self.registers(others));
        let results = self.registers(results);
        if is_guarded {
            // The old value lives on where the instruction does nothing.
            reads.extend(&results);
        }
        let ends = matches!(name, "bra" | "brx" | "ret" | "exit") && !is_guarded;
        self.instructions.push(Instruction {
            reads,
            writes: results,
            targets: if name == "bra" { others.to_vec() } else { Vec::new() },
            goes_anywhere: name == "brx",
            falls_through: !ends,
        });
    }

    /// `.b32 %r<10>` or `.pred p, q`.
    fn declare(&mut self, words: &[&'t str]) {
        let Some((ty, names)) = words.split_first() else { return };
        let bits = ty.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0_u32);
        let mut is_count = false;
        for name in names {
            match *name {
                "<" => is_count = true,
                ">" | "," => is_count = false,
                _ if is_count => {}
                name => drop(self.declared.insert(name, bits.div_ceil(32))),
            }
        }
    }

    /// The most registers of 32 bits that hold values at once.
    fn most_alive(&self) -> u32 {
        let words = self.sizes.len().div_ceil(64);
        // What is alive in front of each instruction.
        let mut alive = vec![vec![0_u64; words]; self.instructions.len() + 1];
        let set = |bits: &mut [u64], register: usize| bits[register / 64] |= 1 << (register % 64);
        let mut most = 0;
        let mut changes = true;
        while changes {
            changes = false;
            for (at, instruction) in self.instructions.iter().enumerate().rev() {
                let mut bits = vec![0_u64; words];
                let mut join = |from: usize| bits.iter_mut().zip(&alive[from]).for_each(|(bits, more)| *bits |= more);
                if instruction.falls_through {
                    join(at + 1);
                }
                if instruction.goes_anywhere {
                    self.labels.values().for_each(|target| join(*target));
                }
                instruction
                    .targets
                    .iter()
                    .filter_map(|target| self.labels.get(target))
                    .for_each(|target| join(*target));
                instruction.writes.iter().for_each(|register| set(&mut bits, *register));
                most = most.max(self.count(&bits));
                for register in &instruction.writes {
                    bits[register / 64] &= !(1 << (register % 64));
                }
                instruction.reads.iter().for_each(|register| set(&mut bits, *register));
                if bits != alive[at] {
                    changes = true;
                    most = most.max(self.count(&bits));
                    alive[at] = bits;
                }
            }
        }
        most
    }

    fn count(&self, bits: &[u64]) -> u32 {
        self.sizes.iter().enumerate().filter(|(at, _)| bits[at / 64] >> (at % 64) & 1 == 1).map(|(_, size)| size).sum()
    }
}

/// Where the first operand ends: at the first comma that is in no bracket.
fn end_of_first(operands: &[&str]) -> usize {
    let mut depth = 0;
    let end = operands.iter().position(|word| {
        match *word {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        *word == "," && depth == 0
    });
    end.unwrap_or(operands.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alive(body: &str) -> u32 {
        let words = words(body);
        Flow::read(&words).most_alive()
    }

    #[test]
    fn values_count_from_their_making_to_their_last_use() {
        let declared = ".reg .pred %p<3>; .reg .b32 %r<9>; .reg .b64 %rd<9>;";
        let cases = [
            ("mov.u32 %r1, 1; mov.u32 %r2, 2; add.u32 %r3, %r1, %r2; st.global.u32 [%rd1], %r3;", 4),
            // Each is used at once.
            ("mov.u32 %r1, 1; st.global.u32 [%rd1], %r1; mov.u32 %r2, 2; st.global.u32 [%rd1], %r2;", 3),
            // Parts of vectors, both ways.
            ("ld.v2.u32 {%r1, %r2}, [%rd1]; st.v2.u32 [%rd1], {%r2, %r1};", 4),
            // A value that nobody reads takes its place nevertheless.
            ("mov.u64 %rd2, 0;", 2),
            // Predicates have their own registers.
            ("setp.eq.u32 %p1, %r1, 0; @%p1 bra END; END: ret;", 1),
        ];
        for (body, expected) in cases {
            assert_eq!(alive(&format!("{declared}{body}")), expected, "{body}");
        }
    }

    #[test]
    fn values_live_around_loops_and_under_guards() {
        let declared = ".reg .pred %p<3>; .reg .b32 %r<9>;";
        let around =
            "mov.u32 %r1, 0; mov.u32 %r2, 9; L: add.u32 %r3, %r1, %r2; setp.lt.u32 %p1, %r3, 100; @%p1 bra L; ret;";
        assert_eq!(alive(&format!("{declared}{around}")), 3, "r1 and r2 are read again");
        let guarded = "mov.u32 %r1, 0; @!%p1 mov.u32 %r1, 1; mov.u32 %r2, %r1; ret;";
        assert_eq!(alive(&format!("{declared}{guarded}")), 1);
        let skipped = "mov.u32 %r1, 0; bra.uni END; add.u32 %r2, %r1, %r3; END: ret;";
        assert_eq!(alive(&format!("{declared}{skipped}")), 2, "what is never reached is looked at by itself");
    }

    #[test]
    fn the_kernel_of_the_name_is_looked_at() {
        let values = |count: u32| {
            let make: String = (0..count).map(|at| format!("ld.global.u64 %rd{at}, [%rd100]; // %rd{at}\n")).collect();
            let sum: String = (0..count).map(|at| format!("add.u64 %rd101, %rd101, %rd{at};")).collect();
            format!("{{ .reg .b64 %rd<102>; {make} {{ .param .b32 x; }} {sum} ret; }}")
        };
        let text = format!(
            ".version 8.0 .target sm_90 /* {{ */ .visible .entry few() {} .entry many(.param .u64 p) {}",
            values(2),
            values(30)
        );
        assert_eq!(estimate(&text, "few"), LEAST);
        assert_eq!(estimate(&text, "many"), 64, "30 values of 64 bits, the sum and the address");
        assert_eq!(estimate(&text, "none"), LEAST);
        let limited = |directive: &str| {
            let text = format!(".entry many() {directive} {}", values(100));
            estimate(&text, "many")
        };
        assert_eq!(limited(""), 208);
        assert_eq!(limited(".maxnreg 40"), 40);
        assert_eq!(limited(".reqntid 1024, 1, 1"), 64, "as many as fit a thousand times");
        assert_eq!(limited(".maxntid 33 .minnctapersm 2"), 208);
    }
}
