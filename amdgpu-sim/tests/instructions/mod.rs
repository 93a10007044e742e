//! Every instruction that LLVM knows, against a model that was written from AMD's guides.

pub mod access;
pub mod across;
pub mod case;
pub mod compare;
pub mod convert;
pub mod coverage;
pub mod dpp;
pub mod dual;
pub mod encodings;
pub mod enumerate;
pub mod float;
pub mod floating;
pub mod inputs;
pub mod integer;
pub mod kernel;
pub mod memory;
pub mod mix;
pub mod operand;
pub mod probe;
pub mod scalar;
pub mod scalar_float;
pub mod scalar_memory;
pub mod sdwa;
pub mod target;
pub mod two_addresses;
pub mod vector;
pub mod wave;

use std::collections::BTreeMap;

use case::Case;
use enumerate::{Form, Instruction};
use inputs::Random;
use probe::Key;
use target::Target;
use vector::Row;

/// The vector instructions with a model, by name.
pub fn vector_rows() -> BTreeMap<&'static str, &'static Row> {
    let tables = [integer::TABLE, floating::TABLE, convert::TABLE].into_iter().flatten().chain(compare::tables());
    tables.flat_map(|row| row.names.iter().map(move |name| (*name, row))).collect()
}

/// The scalar instructions with a model, by name.
fn scalar_rows() -> BTreeMap<&'static str, &'static scalar::Row> {
    scalar::TABLE.iter().flat_map(|row| row.names.iter().map(move |name| (*name, row))).collect()
}

/// What makes cases of an instruction.
enum Maker {
    Vector(&'static Row),
    Scalar(&'static scalar::Row),
    /// A scalar instruction that computes what a vector instruction does.
    ScalarFloat(&'static Row),
    Memory(memory::Row),
    ScalarMemory(scalar_memory::Row),
    TwoAddresses(two_addresses::Row),
    Across(across::Move),
    Dual(&'static Row),
    Mix(mix::Result),
}

impl Maker {
    /// A case of a form; the first one is plain.
    fn case(
        &self,
        rows: &BTreeMap<&'static str, &'static Row>,
        name: &str,
        form: &Form,
        target: &Target,
        plain: bool,
        random: &mut Random,
    ) -> Case {
        match self {
            Self::Vector(row) => vector::case(row, name, form, target, plain, random),
            Self::Scalar(row) => scalar::case(row, name, form, target, random),
            Self::ScalarMemory(row) => scalar_memory::case(row, name, form, random),
            Self::TwoAddresses(row) => two_addresses::case(row, name, form, target, random),
            Self::Dual(row) => dual::case(row, rows, name, form, target, random),
            Self::Mix(result) => mix::case(*result, name, form, random),
            Self::Across(movement) => across::case(*movement, name, form, target, random),
            Self::Memory(row) => memory::case(row, name, form, target, random),
            Self::ScalarFloat(row) => scalar_float::case(row, name, form, target, random),
        }
    }
}

/// Cases of one form.
const CASES: usize = 5;
/// Tries for each, as the assembler refuses some.
const TRIES: usize = 4;

/// Cases of all the instructions with a model, as the assembler takes them; at most a few of each form.
pub fn cases(target: &Target, instructions: &[Instruction], known: &dyn Fn(&Key) -> bool) -> Vec<Case> {
    let (vectors, scalars) = (vector_rows(), scalar_rows());
    let maker = |name: &str| {
        let vector = vectors.get(name).map(|row| Maker::Vector(row));
        let scalar = || scalars.get(name).map(|row| Maker::Scalar(row));
        let float = || vectors.get(scalar_float::vector_name(name)?.as_str()).map(|row| Maker::ScalarFloat(row));
        let memory = || {
            let plain = memory::row(name, target).map(Maker::Memory);
            let scalar = || scalar_memory::row(name).map(Maker::ScalarMemory);
            plain.or_else(scalar).or_else(|| two_addresses::row(name).map(Maker::TwoAddresses))
        };
        let across = || across::movement(name).map(Maker::Across);
        let dual = || vectors.get(dual::single_name(name)?.as_str()).map(|row| Maker::Dual(row));
        let mix = || mix::result(name).map(Maker::Mix);
        vector.or_else(scalar).or_else(float).or_else(memory).or_else(across).or_else(dual).or_else(mix)
    };
    let mut cases = Vec::new();
    for instruction in instructions {
        let Some(maker) = maker(&instruction.name) else { continue };
        // EXEC has one word there.
        let dual = matches!(maker, Maker::Dual(_));
        // Pairs of instructions are for waves of 32.
        if target.is_wave32() && instruction.name.ends_with("exec_b64") || dual && !target.is_wave32() {
            continue;
        }
        // Only the plain form of mixed precision has a model.
        let is_mix = matches!(maker, Maker::Mix(_));
        for form in instruction
            .forms
            .iter()
            .filter(|form| !is_mix || form.form.is_empty())
            .filter(|form| known(&(instruction.name.clone(), form.form)))
        {
            let mut random = Random::new(&format!("{} {}", instruction.name, form.form));
            for number in 0..CASES * TRIES {
                cases.push(maker.case(&vectors, &instruction.name, form, target, number == 0, &mut random));
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
