//! Conversions between f32 and the floating-point numbers of 8 bits (*CDNA 3 ISA*, section 12.8 "VOP1 instructions", and
//! "VOP3A instructions" for those with two sources).

use super::{
    lane::Lane,
    minifloat::{BF8_FNUZ, BF8_OCP, FP8_FNUZ, FP8_OCP, Minifloat, Rounding},
    step::{DecodeError, Flow, Step, step},
    valu::{Vop, op1},
};
use crate::machine::wave::LANES;

type Decoded = Result<Step, DecodeError>;

/// The step of such a conversion; `None` if it is none.
pub fn lookup(v: &Vop<'_>) -> Option<Decoded> {
    let name = v.parsed.mnemonic.strip_prefix("v_cvt_")?;
    let kind = match (name.contains("fp8"), v.gpu.has_fnuz_floats()) {
        (true, true) => FP8_FNUZ,
        (true, false) => FP8_OCP,
        (false, true) => BF8_FNUZ,
        (false, false) => BF8_OCP,
    };
    Some(match name {
        "f32_fp8" | "f32_bf8" => one(v, kind),
        "pk_f32_fp8" | "pk_f32_bf8" => pair(v, kind),
        "pk_fp8_f32" | "pk_bf8_f32" => pack(v, kind),
        "sr_fp8_f32" | "sr_bf8_f32" => stochastic(v, kind),
        _ => return None,
    })
}

/// Whether bit `index` of the instruction's `op_sel` is set.
fn selected(v: &Vop<'_>, index: usize) -> bool {
    v.parsed.bits("op_sel").and_then(|bits| bits.get(index).copied()).unwrap_or(false)
}

/// The byte that `byte_sel` names.
fn byte(v: &Vop<'_>) -> Result<u8, DecodeError> {
    let byte = v.parsed.number("byte_sel").and_then(|byte| u8::try_from(byte).ok()).filter(|byte| *byte < 4);
    byte.ok_or_else(|| DecodeError::new(v.parsed, "byte_sel is not understood"))
}

/// A byte of the source; SDWA may say which one, too.
fn one(v: &Vop<'_>, kind: Minifloat) -> Decoded {
    let (values, shift) = (kind.table(), 8 * byte(v)?);
    op1(v, move |a: u32| values[usize::from((a >> shift) as u8)])
}

/// Two f32 of the two bytes of a word.
fn pair(v: &Vop<'_>, kind: Minifloat) -> Decoded {
    let (values, shift) = (kind.table(), if selected(v, 0) { 16 } else { 0 });
    op1(v, move |a: u32| {
        let [low, high, ..] = (a >> shift).to_le_bytes();
        u64::from_words(values[usize::from(low)].to_bits(), values[usize::from(high)].to_bits())
    })
}

/// Two bytes into half a register; the other half stays.
fn pack(v: &Vop<'_>, kind: Minifloat) -> Decoded {
    let target = v.target::<u16>(0)?.preserving_high();
    let (a, b) = (v.source::<f32>(1, 0)?, v.source::<f32>(2, 1)?);
    Ok(step(move |wave, _| {
        let (mut room_a, mut room_b, mut values) = ([0.0; LANES], [0.0; LANES], [0_u16; LANES]);
        let (a, b) = (a.fetch(wave, &mut room_a, true), b.fetch(wave, &mut room_b, true));
        let round = |x: f32| kind.round(x, Rounding::Nearest, wave.mode.saturates());
        for lane in 0..LANES {
            values[lane] = u16::from_le_bytes([round(a[lane]), round(b[lane])]);
        }
        target.store(wave, &mut values, false);
        Ok(Flow::Next)
    }))
}

/// A byte into a register, rounded by random bits; the other bytes stay.
fn stochastic(v: &Vop<'_>, kind: Minifloat) -> Decoded {
    let byte = byte(v)? | u8::from(selected(v, 2)) | u8::from(selected(v, 3)) << 1;
    let target = v.target::<u32>(0)?.in_byte(byte);
    let (a, random) = (v.source::<f32>(1, 0)?, v.source::<u32>(2, 1)?);
    Ok(step(move |wave, _| {
        let (mut room_a, mut room_random, mut values) = ([0.0; LANES], [0; LANES], [0_u32; LANES]);
        let a = a.fetch(wave, &mut room_a, true);
        let random = random.fetch(wave, &mut room_random, false);
        for lane in 0..LANES {
            let rounding = Rounding::Stochastic(random[lane]);
            values[lane] = u32::from(kind.round(a[lane], rounding, wave.mode.saturates()));
        }
        target.store(wave, &mut values, false);
        Ok(Flow::Next)
    }))
}
