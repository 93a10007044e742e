//! Every instruction that LLVM knows, against a model that was written from AMD's guides.

pub mod case;
pub mod compare;
pub mod convert;
pub mod coverage;
pub mod dpp;
pub mod encodings;
pub mod enumerate;
pub mod float;
pub mod floating;
pub mod inputs;
pub mod integer;
pub mod kernel;
pub mod operand;
pub mod probe;
pub mod sdwa;
pub mod target;
pub mod vector;
pub mod wave;

use std::collections::BTreeMap;

use case::Case;
use enumerate::Instruction;
use inputs::Random;
use probe::Key;
use target::Target;
use vector::Row;

/// The vector instructions with a model, by name.
pub fn vector_rows() -> BTreeMap<&'static str, &'static Row> {
    let tables = [integer::TABLE, floating::TABLE, convert::TABLE].into_iter().flatten().chain(compare::tables());
    tables.flat_map(|row| row.names.iter().map(move |name| (*name, row))).collect()
}

/// Cases of one form.
const CASES: usize = 5;
/// Tries for each, as the assembler refuses some.
const TRIES: usize = 3;

/// Cases of all the instructions with a model, as the assembler takes them; at most a few of each form.
pub fn cases(target: &Target, instructions: &[Instruction], known: &dyn Fn(&Key) -> bool) -> Vec<Case> {
    let rows = vector_rows();
    let mut cases = Vec::new();
    for instruction in instructions {
        let Some(row) = rows.get(instruction.name.as_str()) else { continue };
        for form in instruction.forms.iter().filter(|form| known(&(instruction.name.clone(), form.form))) {
            let mut random = Random::new(&format!("{} {}", instruction.name, form.form));
            for number in 0..CASES * TRIES {
                cases.push(vector::case(row, &instruction.name, form, target, number == 0, &mut random));
            }
        }
    }
    let text: String = cases.iter().map(|case| format!("{}\n", case.text)).collect();
    let refused = kernel::refused_lines(target, &text);
    let mut taken: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut number = 0;
    cases.retain(|case| {
        number += 1;
        let count = taken.entry((case.name.clone(), case.form)).or_default();
        let keep = !refused.contains(&number) && *count < CASES;
        *count += usize::from(keep);
        keep
    });
    cases
}
