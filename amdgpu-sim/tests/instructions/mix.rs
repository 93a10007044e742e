//! Fused multiply-adds of single precision whose sources can be halves. The chapter "VOP3P" of the guides.

use super::{
    case::{Accuracy, Case, DESTINATION, Destination},
    enumerate::Form,
    float::{F16, F32},
    inputs::{Bank, Random},
    operand::Type,
    wave::Wave,
};

/// Where the result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Result {
    /// A whole register.
    Single,
    /// Half precision, in one half of the register.
    Half(u32),
}

/// What an instruction of this name gives.
pub fn result(name: &str) -> Option<Result> {
    Some(match name {
        "v_fma_mix_f32" => Result::Single,
        "v_fma_mixlo_f16" => Result::Half(0),
        "v_fma_mixhi_f16" => Result::Half(1),
        _ => return None,
    })
}

#[derive(Clone, Copy)]
struct Source {
    register: usize,
    half: bool,
    high: bool,
    negative: bool,
    absolute: bool,
}

/// A case with random operands.
pub fn case(result: Result, name: &str, form: &Form, random: &mut Random) -> Case {
    let sources: [Source; 3] = std::array::from_fn(|_| {
        let half = random.one_in(2);
        let kind = if half { Type::F16 } else { Type::F32 };
        Source {
            register: Bank::of(kind).pick_vector(kind, random),
            half,
            high: half && random.one_in(2),
            negative: random.one_in(3),
            absolute: random.one_in(3),
        }
    });
    let clamp = random.one_in(4);
    let operands: Vec<String> = sources
        .iter()
        .map(|source| {
            let bar = if source.absolute { "|" } else { "" };
            format!("{}{bar}v{}{bar}", if source.negative { "-" } else { "" }, source.register)
        })
        .collect();
    let list = |bit: fn(&Source) -> bool| {
        sources.iter().map(|source| u8::from(bit(source)).to_string()).collect::<Vec<_>>().join(",")
    };
    let text = format!(
        "{} v{DESTINATION}, {} op_sel:[{}] op_sel_hi:[{}]{}",
        form.mnemonic,
        operands.join(", "),
        list(|source| source.high),
        list(|source| source.half),
        if clamp { " clamp" } else { "" },
    );
    let model = move |wave: &mut Wave| execute(result, &sources, clamp, wave);
    let mut case = Case::new(name, form.form, text, random, Box::new(model));
    let kind = if result == Result::Single { Type::F32 } else { Type::PkF16 };
    case.vector = Some(Destination { kind, accuracy: Accuracy::Exact });
    case.floats = true;
    case
}

fn execute(result: Result, sources: &[Source; 3], clamp: bool, wave: &mut Wave) {
    let mode = wave.mode;
    for lane in wave.active() {
        let mut open = false;
        let [a, b, c] = sources.map(|source| {
            let word = u64::from(wave.v[source.register][lane]);
            let (bits, format) =
                if source.half { (word >> if source.high { 16 } else { 0 } & 0xffff, F16) } else { (word, F32) };
            // Which part of MODE is about halves that are widened, the guides do not say.
            open |= format.is_denormal(bits) && !mode.denormals(format)[0];
            let bits = if source.absolute { bits & !format.sign() } else { bits };
            mode.number(if source.negative { bits ^ format.sign() } else { bits }, format)
        });
        let sum = mode.bits(a.times(b).plus(c, mode.round(F32)), F32);
        let old = wave.v[DESTINATION][lane];
        let limit = |bits: u64| match f32::from_bits(bits as u32) {
            x if !clamp => x.to_bits(),
            x if x.is_nan() => {
                if mode.dx10_clamp {
                    0
                } else {
                    x.to_bits()
                }
            }
            x if x <= 0.0 => 0,
            x => x.min(1.0).to_bits(),
        };
        wave.v[DESTINATION][lane] = match result {
            Result::Single => limit(sum),
            Result::Half(half) => {
                let number = super::float::Number::of(u64::from(limit(sum)), F32);
                let bits = mode.bits(number, F16) as u32;
                open |= F32.is_denormal(sum) || number.bits(F16, mode.round(F16)) as u32 != bits;
                old & !(0xffff << (16 * half)) | bits << (16 * half)
            }
        };
        wave.unspecified |= u64::from(open) << lane;
    }
}
