//! Scalar instructions on floating point numbers: RDNA 4's of SOP1, SOP2 and SOPC, and those of VOP3 whose operands are
//! scalars (`v_s_rcp_f32`). They compute what the vector instructions of the same names do.

use super::{
    case::{Case, Destination, SCALAR_DESTINATION},
    enumerate::Form,
    inputs::{Random, literal},
    operand::{Source, Type, scalar_text},
    scalar::source,
    target::Target,
    vector::{Kind, Lane, Row},
    wave::Wave,
};

/// The vector instruction that computes the same.
pub fn vector_name(name: &str) -> Option<String> {
    if let Some(rest) = name.strip_prefix("v_s_") {
        return Some(format!("v_{rest}"));
    }
    let rest = name.strip_prefix("s_")?;
    // Scalar integers have tables of their own.
    let float = ["f32", "f16"].iter().any(|kind| rest.contains(kind));
    float.then(|| format!("v_{rest}"))
}

/// A case with random operands.
pub fn case(row: &'static Row, name: &str, form: &Form, target: &Target, random: &mut Random) -> Case {
    let compares = row.kind == Kind::Compare;
    let mut parts = Vec::new();
    if !compares {
        parts.push(scalar_text(SCALAR_DESTINATION, 1));
    }
    let count = row.from.len() - usize::from(row.reads_destination);
    let mut sources: Vec<Source> = Vec::new();
    for (i, kind) in row.from[..count].iter().enumerate() {
        let has_literal = row.literal.is_some() || sources.iter().any(|source| matches!(source, Source::Literal(_)));
        let source = if row.literal == Some(i) {
            Source::Literal(literal(*kind, random))
        } else {
            source(*kind, target, !has_literal && !name.starts_with("v_"), random)
        };
        parts.push(source.text(1));
        sources.push(source);
    }
    let text = format!("{} {}", form.mnemonic, parts.join(", "));
    let model = move |wave: &mut Wave| {
        let mut values = [0; 3];
        for ((value, source), kind) in values.iter_mut().zip(&sources).zip(row.from) {
            *value = source.fetch(wave, *kind, 0) as u64 & if kind.is_half() { 0xffff } else { 0xffff_ffff };
        }
        let old = wave.scalar(SCALAR_DESTINATION, 1);
        if row.reads_destination {
            values[row.from.len() - 1] = if row.to.is_half() { old & 0xffff } else { old };
        }
        let mut lane =
            Lane { target: wave.target, mode: wave.mode, lane: 0, carry: false, clamp: false, unspecified: false };
        let value = (row.operation)(&mut lane, values);
        if compares {
            wave.scc = value & 1 == 1;
            return;
        }
        // One that is left open is left out of the comparison.
        wave.scalar_unspecified = lane.unspecified;
        // Results of 16 bits fill the register with zeros.
        wave.set_scalar(SCALAR_DESTINATION, 1, if row.to.is_half() { value & 0xffff } else { value });
    };
    let mut case = Case::new(name, form.form, text, random, Box::new(model));
    case.scalars = true;
    case.floats = true;
    case.m0 = Some(super::inputs::FIRST_SCALAR + random.below(6));
    if !compares && row.to != Type::B32 {
        case.scalar_float = Some(Destination { kind: row.to, accuracy: row.accuracy });
    }
    case
}
