//! Two vector instructions in one. The chapter "VOPD" of RDNA's guides.

use std::collections::BTreeMap;

use super::{
    case::{Accuracy, Case, DESTINATION, Destination},
    enumerate::Form,
    inputs::{Bank, Random, literal},
    operand::{Source, Type},
    target::Target,
    vector::{Kind, Lane, Row},
    wave::Wave,
};

/// The instruction that one half of a pair is.
pub fn single_name(name: &str) -> Option<String> {
    name.strip_prefix("v_dual_").map(|rest| format!("v_{rest}"))
}

struct Half {
    row: &'static Row,
    sources: Vec<Source>,
    to: usize,
    text: String,
}

fn half(row: &'static Row, mnemonic: &str, to: usize, constant: u32, random: &mut Random) -> Half {
    let count = row.from.len() - usize::from(row.reads_destination);
    let mut parts = vec![format!("v{to}")];
    let mut sources = Vec::new();
    for (i, kind) in row.from[..count].iter().enumerate() {
        let vector = Source::Vector(Bank::of(*kind).pick_vector(*kind, random));
        let source = match random.below(6) {
            _ if row.literal == Some(i) => Source::Literal(constant),
            0 if i == 0 => Source::Scalar(Bank::of(*kind).pick_scalar(*kind, random)),
            1 if i == 0 => Source::Integer(random.below(81) as i32 - 16),
            2 if i == 0 => Source::Literal(constant),
            _ => vector,
        };
        parts.push(source.text(kind.words()));
        sources.push(source);
    }
    if row.kind == Kind::Select {
        parts.push("vcc_lo".to_owned());
    }
    let text = format!("{mnemonic} {}", parts.join(", "));
    Half { row, sources, to, text }
}

/// A case of an instruction as one half, with a random one as the other.
pub fn case(
    row: &'static Row,
    rows: &BTreeMap<&'static str, &'static Row>,
    name: &str,
    form: &Form,
    target: &Target,
    random: &mut Random,
) -> Case {
    let other = random.pick(&["mov_b32", "add_f32", "mul_f32", "sub_f32", "max_f32", "fmac_f32"]);
    let other = match (other, target.generation) {
        ("max_f32", super::target::Generation::Gfx12) => "max_num_f32",
        (other, _) => other,
    };
    let other_row = rows[format!("v_{other}").as_str()];
    let is_first = random.one_in(2);
    // Both have the same literal, if any.
    let constant = literal(Type::F32, random);
    let [mine, others] = if is_first { [0, 1] } else { [1, 0] };
    let mine = half(row, name, DESTINATION + mine, constant, random);
    let others = half(other_row, &format!("v_dual_{other}"), DESTINATION + others, constant, random);
    let halves = if is_first { [mine, others] } else { [others, mine] };
    let text = format!("{} :: {}", halves[0].text, halves[1].text);
    let model = move |wave: &mut Wave| execute(&halves, wave);
    let mut case = Case::new(name, form.form, text, random, Box::new(model));
    // Each is a number of single precision, or has the bits of one.
    case.vector = Some(Destination { kind: Type::PkF32, accuracy: Accuracy::Exact });
    case.floats = true;
    case
}

fn execute(halves: &[Half; 2], wave: &mut Wave) {
    let before = wave.clone();
    for lane in before.active() {
        for half in halves {
            let row = half.row;
            let mut values = [0; 3];
            for (i, (source, kind)) in half.sources.iter().zip(row.from).enumerate() {
                values[i] = source.fetch(&before, *kind, lane) as u64;
            }
            let old = u64::from(before.v[half.to][lane]);
            if row.reads_destination {
                values[row.from.len() - 1] = old;
            }
            let carry = before.vcc >> lane & 1 == 1;
            let (target, mode) = (before.target, before.mode);
            let mut state = Lane { target, mode, lane, carry, clamp: false, unspecified: false };
            wave.v[half.to][lane] = (row.operation)(&mut state, values) as u32;
            wave.unspecified |= u64::from(state.unspecified) << lane;
        }
    }
}
