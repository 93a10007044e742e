//! Packed and mixed arithmetic: VOP3P (*CDNA 3 ISA*, section 12.11 "VOP3P instructions"). Dot products are in [`dot`].
//!
//! [`dot`]: super::dot

use half::f16;

use super::{
    arithmetic::{Extreme, extreme, fma_f16, maximum, minimum},
    lane::Lane,
    rounding::{self, rounded},
    step::{DecodeError, Flow, Step},
    text::Operand,
    valu::{Source, Vop},
};
use crate::machine::wave::{LANES, Mode, Wave};

/// A 32-bit constant or register, from which halves are taken. Floating constants are f16.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pair(pub u32);

impl Lane for Pair {
    const WORDS: usize = 1;
    const BITS: u32 = 32;
    fn from_words(low: u32, _: u32) -> Self {
        Self(low)
    }
    fn words(self) -> (u32, u32) {
        (self.0, 0)
    }
    fn constant(operand: &Operand) -> Option<Self> {
        Some(Self(match operand {
            Operand::Float(value) => u32::from(f16::from_f64(*value).to_bits()),
            operand => u32::constant(operand)?,
        }))
    }
    fn neg(self) -> Self {
        self
    }
    fn abs(self) -> Self {
        self
    }
}

/// Two f32 in a pair of registers; constants stand in both.
#[derive(Clone, Copy, Debug, Default)]
struct Double([f32; 2]);

impl Lane for Double {
    const WORDS: usize = 2;
    const BITS: u32 = 64;
    fn from_words(low: u32, high: u32) -> Self {
        Self([f32::from_bits(low), f32::from_bits(high)])
    }
    fn words(self) -> (u32, u32) {
        (self.0[0].to_bits(), self.0[1].to_bits())
    }
    fn constant(operand: &Operand) -> Option<Self> {
        f32::constant(operand).map(|value| Self([value; 2]))
    }
    fn neg(self) -> Self {
        self
    }
    fn abs(self) -> Self {
        self
    }
}

/// Which half of each source makes each half of the result, and which signs are flipped.
#[derive(Clone, Copy, Debug)]
struct Select {
    take: [[bool; 3]; 2],
    neg: [[bool; 3]; 2],
}

impl Select {
    fn of(v: &Vop<'_>) -> Self {
        let bits = |name: &str, default: bool| {
            let bits = v.parsed.bits(name);
            std::array::from_fn(|i| bits.as_ref().map_or(default, |bits| bits.get(i).copied().unwrap_or(default)))
        };
        Self {
            take: [bits("op_sel", false), bits("op_sel_hi", true)],
            neg: [bits("neg_lo", false), bits("neg_hi", false)],
        }
    }
}

type Decoded = Result<Step, DecodeError>;

/// Operations on integers of which no guide says how they saturate.
const SATURATION_UNKNOWN: [&str; 8] = [
    "v_pk_mul_lo_u16",
    "v_pk_min_u16",
    "v_pk_max_u16",
    "v_pk_min_i16",
    "v_pk_max_i16",
    "v_pk_lshlrev_b16",
    "v_pk_lshrrev_b16",
    "v_pk_ashrrev_i16",
];

/// The step of a packed instruction; `None` if it is none.
pub fn lookup(v: &Vop<'_>) -> Option<Decoded> {
    let int = |f: fn(u16, u16, u16) -> u16| pk16(v, move |_, [a, b, c]| f(a, b, c));
    let signed = |f: fn(i16, i16, i16) -> i16| pk16(v, move |_, [a, b, c]| f(a as i16, b as i16, c as i16) as u16);
    let clamp = v.parsed.flag("clamp");
    Some(match v.parsed.mnemonic.as_str() {
        "v_pk_add_f32" => pk32(v, |m, a, b, _| rounded(m, || a + b, |round| rounding::add(round, a, b))),
        "v_pk_mul_f32" => pk32(v, |m, a, b, _| rounded(m, || a * b, |round| rounding::mul(round, a, b))),
        "v_pk_fma_f32" => pk32(v, |m, a, b, c| rounded(m, || a.mul_add(b, c), |round| rounding::fma(round, a, b, c))),
        "v_pk_mov_b32" => move_pair(v),
        "v_pk_add_u16" if clamp => int(|a, b, _| a.saturating_add(b)),
        "v_pk_sub_u16" if clamp => int(|a, b, _| a.saturating_sub(b)),
        "v_pk_add_i16" if clamp => signed(|a, b, _| a.saturating_add(b)),
        "v_pk_sub_i16" if clamp => signed(|a, b, _| a.saturating_sub(b)),
        "v_pk_add_u16" | "v_pk_add_i16" => int(|a, b, _| a.wrapping_add(b)),
        "v_pk_sub_u16" | "v_pk_sub_i16" => int(|a, b, _| a.wrapping_sub(b)),
        "v_pk_mul_lo_u16" => int(|a, b, _| a.wrapping_mul(b)),
        "v_pk_mad_u16" if clamp => {
            int(|a, b, c| u16::try_from(u32::from(a) * u32::from(b) + u32::from(c)).unwrap_or(u16::MAX))
        }
        "v_pk_mad_i16" if clamp => signed(|a, b, c| {
            let sum = i32::from(a) * i32::from(b) + i32::from(c);
            sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
        }),
        name if clamp && SATURATION_UNKNOWN.contains(&name) => {
            Err(DecodeError::new(v.parsed, "clamp has no meaning here"))
        }
        "v_pk_mad_u16" | "v_pk_mad_i16" => int(|a, b, c| a.wrapping_mul(b).wrapping_add(c)),
        "v_pk_min_u16" => int(|a, b, _| a.min(b)),
        "v_pk_max_u16" => int(|a, b, _| a.max(b)),
        "v_pk_min_i16" => signed(|a, b, _| a.min(b)),
        "v_pk_max_i16" => signed(|a, b, _| a.max(b)),
        "v_pk_lshlrev_b16" => int(|a, b, _| b << (a & 15)),
        "v_pk_lshrrev_b16" => int(|a, b, _| b >> (a & 15)),
        "v_pk_ashrrev_i16" => signed(|a, b, _| b >> (a & 15)),
        "v_pk_add_f16" => half(v, |m, a, b, _| {
            rounded(m, || f16::from_f32(a.to_f32() + b.to_f32()), |round| rounding::add(round, a, b))
        }),
        "v_pk_mul_f16" => half(v, |m, a, b, _| {
            rounded(m, || f16::from_f32(a.to_f32() * b.to_f32()), |round| rounding::mul(round, a, b))
        }),
        "v_pk_fma_f16" | "v_pk_fmac_f16" => {
            half(v, |m, a, b, c| rounded(m, || fma_f16(a, b, c), |round| rounding::fma(round, a, b, c)))
        }
        "v_pk_min_f16" => half(v, |m, a, b, _| extreme(m, Extreme::Min, a, b)),
        "v_pk_max_f16" => half(v, |m, a, b, _| extreme(m, Extreme::Max, a, b)),
        "v_pk_minimum_f16" => half(v, |_, a, b, _| minimum(a, b)),
        "v_pk_maximum_f16" => half(v, |_, a, b, _| maximum(a, b)),
        "v_fma_mix_f32" => mix(v, None),
        "v_fma_mixlo_f16" => mix(v, Some(false)),
        "v_fma_mixhi_f16" => mix(v, Some(true)),
        _ => return None,
    })
}

fn sources<T: Lane>(v: &Vop<'_>) -> Result<[Option<Source<T>>; 3], DecodeError> {
    let get = |index: usize| {
        // Sources have no part of their own here: `op_sel` is this module's business.
        if v.parsed.args.len() > index { v.source::<T>(index, index - 1).map(Some) } else { Ok(None) }
    };
    // What is accumulated to is a source too.
    let third = if v.parsed.mnemonic == "v_pk_fmac_f16" { v.source::<T>(0, 2).map(Some) } else { get(3) };
    Ok([get(1)?, get(2)?, third?])
}

fn fetch_all<T: Lane>(sources: &[Option<Source<T>>; 3], wave: &Wave) -> [[T; LANES]; 3] {
    sources.map(|source| {
        let mut room = [T::default(); LANES];
        match source {
            Some(source) => *source.fetch(wave, &mut room, false),
            None => room,
        }
    })
}

fn pk32(v: &Vop<'_>, f: impl Fn(Mode, f32, f32, f32) -> f32 + Send + Sync + 'static) -> Decoded {
    let (target, sources, select) = (v.saturating_target::<Double>(0)?, sources::<Double>(v)?, Select::of(v));
    let clamp = v.parsed.flag("clamp");
    Ok(Box::new(move |wave, _| {
        let fetched = fetch_all(&sources, wave);
        let (flush_in, flush_out) = f32::flushes(wave.mode);
        let mut values = [Double::default(); LANES];
        for (lane, value) in values.iter_mut().enumerate() {
            for half in 0..2 {
                let [a, b, c] = std::array::from_fn(|i| {
                    let x = fetched[i][lane].0[usize::from(select.take[half][i])];
                    let x = if select.neg[half][i] { -x } else { x };
                    if flush_in { x.flush() } else { x }
                });
                let result = settle(f(wave.mode, a, b, c), [a, b, c]);
                let result = if flush_out { result.flush() } else { result };
                value.0[half] = result.modify(0, clamp, wave.mode);
            }
        }
        target.store(wave, &mut values, false);
        Ok(Flow::Next)
    }))
}

/// `op_sel` names the half of the first source for the low result, and of the second for the high one.
fn move_pair(v: &Vop<'_>) -> Decoded {
    let (target, sources) = (v.target::<Double>(0)?, sources::<Double>(v)?);
    let select = v.parsed.bits("op_sel").unwrap_or_default();
    let take = [select.first().copied().unwrap_or(false), select.get(1).copied().unwrap_or(false)];
    Ok(Box::new(move |wave, _| {
        let fetched = fetch_all(&sources, wave);
        let mut values = [Double::default(); LANES];
        for (lane, value) in values.iter_mut().enumerate() {
            value.0 = std::array::from_fn(|half| fetched[half][lane].0[usize::from(take[half])]);
        }
        target.store(wave, &mut values, false);
        Ok(Flow::Next)
    }))
}

fn pk16(v: &Vop<'_>, f: impl Fn(Mode, [u16; 3]) -> u16 + Send + Sync + 'static) -> Decoded {
    let (target, sources, select) = (v.saturating_target::<u32>(0)?, sources::<Pair>(v)?, Select::of(v));
    Ok(Box::new(move |wave, _| {
        let fetched = fetch_all(&sources, wave);
        let mut values = [0_u32; LANES];
        for (lane, value) in values.iter_mut().enumerate() {
            for half in 0..2 {
                let operands = std::array::from_fn(|i| {
                    let word = (fetched[i][lane].0 >> if select.take[half][i] { 16 } else { 0 }) as u16;
                    if select.neg[half][i] { word ^ 0x8000 } else { word }
                });
                *value |= u32::from(f(wave.mode, operands)) << (16 * half);
            }
        }
        target.store(wave, &mut values, false);
        Ok(Flow::Next)
    }))
}

/// An operation on pairs of f16.
fn half(v: &Vop<'_>, f: impl Fn(Mode, f16, f16, f16) -> f16 + Send + Sync + 'static) -> Decoded {
    let clamp = v.parsed.flag("clamp");
    pk16(v, move |mode, sources| {
        let (flush_in, flush_out) = f16::flushes(mode);
        let [a, b, c] = sources.map(|bits| {
            let x = f16::from_bits(bits);
            if flush_in { x.flush() } else { x }
        });
        let result = settle(f(mode, a, b, c), [a, b, c]);
        let result = if flush_out { result.flush() } else { result };
        result.modify(0, clamp, mode).to_bits()
    })
}

/// A result whose NaN is the first source's, made quiet.
fn settle<T: Lane>(result: T, sources: [T; 3]) -> T {
    if !result.is_nan() {
        return result;
    }
    sources.into_iter().find(|x| x.is_nan()).unwrap_or_else(T::default_nan).quiet()
}

/// A fused multiply-add whose sources are f32, or halves of registers (`op_sel_hi`).
fn mix(v: &Vop<'_>, half: Option<bool>) -> Decoded {
    let target = v.saturating_target::<u32>(0)?;
    let register = usize::from(v.vector(0)?.0);
    let clamp = v.parsed.flag("clamp");
    let bits = |name: &str| {
        let bits = v.parsed.bits(name).unwrap_or_default();
        std::array::from_fn::<bool, 3, _>(|i| bits.get(i).copied().unwrap_or(false))
    };
    let (high, narrow) = (bits("op_sel"), bits("op_sel_hi"));
    // The sign modifiers are those of the type that is read.
    let modifiers: [(bool, bool); 3] =
        std::array::from_fn(|i| v.parsed.args.get(i + 1).map_or((false, false), |arg| (arg.neg, arg.abs)));
    let plain: Vec<_> =
        v.parsed.args.iter().map(|arg| super::text::Arg { neg: false, abs: false, ..arg.clone() }).collect();
    let stripped = super::text::Parsed { args: plain, ..v.parsed.clone() };
    let stripped = Vop { parsed: &stripped, ..*v };
    let sources = [stripped.source::<u32>(1, 0)?, stripped.source::<u32>(2, 1)?, stripped.source::<u32>(3, 2)?];
    Ok(Box::new(move |wave, _| {
        let mode = wave.mode;
        let fetched = sources.map(|source| {
            let mut room = [0; LANES];
            *source.fetch(wave, &mut room, false)
        });
        let mut values = [0_u32; LANES];
        for (lane, value) in values.iter_mut().enumerate() {
            let [a, b, c] = std::array::from_fn(|i| {
                let word = fetched[i][lane];
                let x = if narrow[i] {
                    let x = f16::from_bits((if high[i] { word >> 16 } else { word }) as u16);
                    if f16::flushes(mode).0 { x.flush() } else { x }.to_f32()
                } else {
                    let x = f32::from_bits(word);
                    if f32::flushes(mode).0 { x.flush() } else { x }
                };
                let (neg, abs) = modifiers[i];
                let x = if abs { x.abs() } else { x };
                if neg { -x } else { x }
            });
            let sum = rounded(mode, || f32::mul_add(a, b, c), |round| rounding::fma(round, a, b, c));
            let sum = settle(sum, [a, b, c]);
            let sum = if f32::flushes(mode).1 { sum.flush() } else { sum };
            let narrow = || {
                // The guide rounds to f32 first.
                let sum = rounded(mode, || f16::from_f32(sum), |round| rounding::convert(round, sum));
                let sum = if f16::flushes(mode).1 { sum.flush() } else { sum };
                u32::from(sum.modify(0, clamp, mode).to_bits())
            };
            let old = wave.vector[register][lane];
            *value = match half {
                None => sum.modify(0, clamp, mode).to_bits(),
                Some(false) => old & 0xffff_0000 | narrow(),
                Some(true) => old & 0xffff | narrow() << 16,
            };
        }
        target.store(wave, &mut values, false);
        Ok(Flow::Next)
    }))
}
