//! Dot products: the elements of two registers multiplied pairwise, and summed with a third operand (*CDNA 3 ISA*, section
//! 12.11 "VOP3P instructions"; *RDNA 4 ISA*, section 16.9).
//!
//! Integers are summed exactly; then the sum wraps, or saturates with `clamp`. Floating-point products are added to the third
//! operand one after the other, lowest first, each sum rounded as MODE says (those of 16 bits to the nearest). The f32 forms take a denormal third operand for zero and
//! give zero for denormal results, whatever MODE says.

use half::{bf16, f16};

use super::{
    arithmetic::{fma_bf16, fma_f16},
    lane::Lane,
    matrix::element::Element,
    rounding::{self, rounded},
    step::{DecodeError, Flow, Step, step},
    text::Operand,
    valu::{Source, Vop},
    vop3p::Pair,
};
use crate::machine::wave::LANES;

type Decoded = Result<Step, DecodeError>;

/// The step of a dot product; `None` if it is none.
pub fn lookup(v: &Vop<'_>) -> Option<Decoded> {
    let name = v.parsed.mnemonic.strip_prefix("v_dot")?;
    // `c` and `acc`: the result is the third operand too.
    let (count, rest) = name.split_at_checked(1)?;
    let (rest, third) = match rest.strip_prefix("c_").or_else(|| rest.strip_prefix("acc_")) {
        Some(rest) => (rest, 0),
        None => (rest.strip_prefix('_')?, 3),
    };
    let signs = [flag(v, "neg_lo", 0), flag(v, "neg_lo", 1)];
    Some(match (count, rest) {
        ("2", "i32_i16") => integer(v, third, 16, [true; 2]),
        ("2", "u32_u16") => integer(v, third, 16, [false; 2]),
        ("4", "i32_i8") => integer(v, third, 8, [true; 2]),
        ("4", "u32_u8") => integer(v, third, 8, [false; 2]),
        ("4", "i32_iu8") => integer(v, third, 8, signs),
        ("8", "i32_i4") => integer(v, third, 4, [true; 2]),
        ("8", "u32_u4") => integer(v, third, 4, [false; 2]),
        ("8", "i32_iu4") => integer(v, third, 4, signs),
        ("2", "f32_f16") => float(v, third, [Element::F16; 2]),
        ("2", "f32_bf16") => float(v, third, [Element::Bf16; 2]),
        ("4", "f32_fp8_fp8") => float(v, third, [Element::Fp8Ocp, Element::Fp8Ocp]),
        ("4", "f32_fp8_bf8") => float(v, third, [Element::Fp8Ocp, Element::Bf8Ocp]),
        ("4", "f32_bf8_fp8") => float(v, third, [Element::Bf8Ocp, Element::Fp8Ocp]),
        ("4", "f32_bf8_bf8") => float(v, third, [Element::Bf8Ocp, Element::Bf8Ocp]),
        ("2", "f16_f16") => {
            half(v, |a, b, c| fma_f16(f16::from_bits(a), f16::from_bits(b), f16::from_bits(c)).to_bits())
        }
        ("2", "bf16_bf16") => {
            half(v, |a, b, c| fma_bf16(bf16::from_bits(a), bf16::from_bits(b), bf16::from_bits(c)).to_bits())
        }
        _ => return None,
    })
}

/// Bit `index` of a modifier that is a list; for `op_sel_hi` what is not there is set.
fn flag(v: &Vop<'_>, name: &str, index: usize) -> bool {
    let bits = v.parsed.bits(name);
    bits.map_or(name == "op_sel_hi", |bits| bits.get(index).copied().unwrap_or(false))
}

/// A register of elements that are multiplied.
#[derive(Clone, Copy, Debug)]
struct Factors {
    source: Source<Pair>,
    bits: u32,
    /// For elements of 16 bits: which half each of the two is, and whether its sign is flipped.
    high: [bool; 2],
    flip: [bool; 2],
}

impl Factors {
    fn of(v: &Vop<'_>, source: usize, bits: u32, signs: bool) -> Result<Self, DecodeError> {
        let arg = v.parsed.args.get(source + 1);
        if arg.is_some_and(|arg| arg.neg || arg.abs) {
            return Err(DecodeError::new(v.parsed, "no semantics for a sign modifier of all elements"));
        }
        // No guide says whether it is an f16 or a bf16.
        if v.parsed.mnemonic.contains("bf16") && arg.is_some_and(|arg| matches!(arg.operand, Operand::Float(_))) {
            return Err(DecodeError::new(v.parsed, "no semantics for a floating-point constant here"));
        }
        let list = |names: [&str; 2]| names.map(|name| flag(v, name, source));
        Ok(Self {
            source: v.source(source + 1, source)?,
            bits,
            high: if bits == 16 { list(["op_sel", "op_sel_hi"]) } else { [false, true] },
            flip: if signs && bits == 16 { list(["neg_lo", "neg_hi"]) } else { [false; 2] },
        })
    }

    /// The bits of element `index`, and what is above them.
    fn element(&self, word: u32, index: u32) -> u32 {
        if self.bits != 16 {
            return word >> (self.bits * index);
        }
        let word = word >> if self.high[index as usize] { 16 } else { 0 };
        if self.flip[index as usize] { word ^ 0x8000 } else { word }
    }
}

/// `signs` say whether the elements of the two sources have a sign. The sum is unsigned if neither has and the name says so.
fn integer(v: &Vop<'_>, third: usize, bits: u32, signs: [bool; 2]) -> Decoded {
    let unsigned = v.parsed.mnemonic.contains("_u32_");
    let (a, b) = (Factors::of(v, 0, bits, false)?, Factors::of(v, 1, bits, false)?);
    let (c, target, saturate) = (v.source::<u32>(third, 2)?, v.saturating_target::<u32>(0)?, v.parsed.flag("clamp"));
    let value = move |word: u32, signed: bool| {
        let word = word << (32 - bits);
        if signed { i64::from(word as i32 >> (32 - bits)) } else { i64::from(word >> (32 - bits)) }
    };
    Ok(step(move |wave, _| {
        let (mut room_a, mut room_b, mut room_c) = ([Pair::default(); LANES], [Pair::default(); LANES], [0; LANES]);
        let first = a.source.fetch(wave, &mut room_a, false);
        let second = b.source.fetch(wave, &mut room_b, false);
        let c = c.fetch(wave, &mut room_c, false);
        let mut values = [0_u32; LANES];
        for lane in 0..LANES {
            let mut sum = if unsigned { i64::from(c[lane]) } else { i64::from(c[lane] as i32) };
            for index in 0..32 / bits {
                sum += value(a.element(first[lane].0, index), signs[0])
                    * value(b.element(second[lane].0, index), signs[1]);
            }
            values[lane] = match (saturate, unsigned) {
                (false, _) => sum as u32,
                (true, false) => sum.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as u32,
                (true, true) => sum.min(i64::from(u32::MAX)) as u32,
            };
        }
        target.store(wave, &mut values, false);
        Ok(Flow::Next)
    }))
}

/// Sums in f32.
fn float(v: &Vop<'_>, third: usize, elements: [Element; 2]) -> Decoded {
    let bits = elements[0].bits() as u32;
    let (a, b) = (Factors::of(v, 0, bits, true)?, Factors::of(v, 1, bits, true)?);
    let (c, target) = (v.source::<f32>(third, 2)?, v.target::<f32>(0)?);
    let (negate, absolute) = (flag(v, "neg_lo", 2), flag(v, "neg_hi", 2));
    if absolute && bits == 16 {
        return Err(DecodeError::new(v.parsed, "no semantics for this sign modifier"));
    }
    let flush = v.gpu.flushes_products();
    let value = move |element: Element, bits: u32| element.to_f32(if flush { element.flushed(bits) } else { bits });
    Ok(step(move |wave, _| {
        let (mut room_a, mut room_b, mut room_c) = ([Pair::default(); LANES], [Pair::default(); LANES], [0.0; LANES]);
        let first = a.source.fetch(wave, &mut room_a, false);
        let second = b.source.fetch(wave, &mut room_b, false);
        let c = c.fetch(wave, &mut room_c, false);
        let mut values = [0_f32; LANES];
        for lane in 0..LANES {
            let mut sum = c[lane].flush();
            sum = if absolute { sum.abs() } else { sum };
            sum = if negate { -sum } else { sum };
            for index in 0..32 / bits {
                let x = value(elements[0], a.element(first[lane].0, index));
                let y = value(elements[1], b.element(second[lane].0, index));
                // The product is exact in f64, and so is the sum as far as rounding to f32 needs it.
                sum = rounded(
                    wave.mode,
                    || (f64::from(x) * f64::from(y) + f64::from(sum)) as f32,
                    |round| rounding::fma(round, x, y, sum),
                );
            }
            values[lane] = if sum.is_nan() { f32::NAN } else { sum.flush() };
        }
        target.store(wave, &mut values, true);
        Ok(Flow::Next)
    }))
}

/// Sums in the elements' own type, whose result takes half a register.
fn half(v: &Vop<'_>, add: fn(u16, u16, u16) -> u16) -> Decoded {
    let (mut a, mut b) = (Factors::of(v, 0, 16, false)?, Factors::of(v, 1, 16, false)?);
    // Here `op_sel` is about the third operand and the result alone.
    (a.high, b.high) = ([false, true], [false, true]);
    if v.parsed.flag("clamp") || v.parsed.args.get(3).is_some_and(|arg| arg.neg || arg.abs) {
        return Err(DecodeError::new(v.parsed, "no semantics for modifiers here"));
    }
    let (c, target) = (v.source::<u16>(3, 2)?, v.target::<u16>(0)?);
    Ok(step(move |wave, _| {
        let (mut room_a, mut room_b, mut room_c) = ([Pair::default(); LANES], [Pair::default(); LANES], [0; LANES]);
        let first = a.source.fetch(wave, &mut room_a, false);
        let second = b.source.fetch(wave, &mut room_b, false);
        let c = c.fetch(wave, &mut room_c, false);
        let mut values = [0_u16; LANES];
        for lane in 0..LANES {
            values[lane] = (0..2).fold(c[lane], |sum, index| {
                add(a.element(first[lane].0, index) as u16, b.element(second[lane].0, index) as u16, sum)
            });
        }
        target.store(wave, &mut values, false);
        Ok(Flow::Next)
    }))
}
