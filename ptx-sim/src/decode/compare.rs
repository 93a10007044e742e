//! Comparisons and selections.

use half::{bf16, f16};

use super::decoder::{Decoder, Result};
use crate::{
    machine::{
        code::Op,
        value::{Cell, LANES, Source, Value, X2},
        warp::Warp,
    },
    number::float::Float,
    ptx::{tree::Operand, types::Type},
};

/// What is asked of two values, for each way in which they can stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Question {
    less: bool,
    equal: bool,
    greater: bool,
    /// One of them is no number.
    unordered: bool,
}

impl Question {
    const fn of(less: bool, equal: bool, greater: bool, unordered: bool) -> Self {
        Self { less, equal, greater, unordered }
    }

    #[inline(always)]
    fn ask<T: PartialOrd>(self, a: T, b: T) -> bool {
        self.less & (a < b)
            | self.equal & (a == b)
            | self.greater & (a > b)
            | self.unordered & !((a < b) | (a == b) | (a > b))
    }
}

/// Comparisons that all types have, those of numbers with an order, of unsigned integers, and of floating-point numbers.
const EQUALITY: [(&str, Question); 2] =
    [(".eq", Question::of(false, true, false, false)), (".ne", Question::of(true, false, true, false))];
const ORDER: [(&str, Question); 4] = [
    (".lt", Question::of(true, false, false, false)),
    (".le", Question::of(true, true, false, false)),
    (".gt", Question::of(false, false, true, false)),
    (".ge", Question::of(false, true, true, false)),
];
const UNSIGNED: [(&str, Question); 4] = [
    (".lo", Question::of(true, false, false, false)),
    (".ls", Question::of(true, true, false, false)),
    (".hi", Question::of(false, false, true, false)),
    (".hs", Question::of(false, true, true, false)),
];
const FLOATING: [(&str, Question); 8] = [
    (".equ", Question::of(false, true, false, true)),
    (".neu", Question::of(true, false, true, true)),
    (".ltu", Question::of(true, false, false, true)),
    (".leu", Question::of(true, true, false, true)),
    (".gtu", Question::of(false, false, true, true)),
    (".geu", Question::of(false, true, true, true)),
    (".num", Question::of(true, true, true, false)),
    (".nan", Question::of(false, false, false, true)),
];

/// The comparison, what is done with the predicate that follows, and whether numbers are flushed.
struct Comparison {
    question: Question,
    /// `and`, `or`, `xor`
    combine: Option<fn(u32, u32) -> u32>,
    flushes: bool,
}

fn comparison(d: &mut Decoder<'_, '_>) -> Result<(Comparison, &'static str)> {
    let sets: [(&[(&str, Question)], &'static str); 4] =
        [(&EQUALITY, "all"), (&ORDER, "ordered"), (&UNSIGNED, "unsigned"), (&FLOATING, "floating")];
    let found = sets.into_iter().find_map(|(set, kind)| d.one_of(set).map(|question| (question, kind)));
    let Some((question, kind)) = found else {
        return Err(d.error("the comparison is missing, or not known"));
    };
    let combine =
        d.one_of::<fn(u32, u32) -> u32>(&[(".and", |a, b| a & b), (".or", |a, b| a | b), (".xor", |a, b| a ^ b)]);
    let flushes = d.eat(".ftz");
    Ok((Comparison { question, combine, flushes }, kind))
}

/// Whether a comparison of this kind is there for a type.
fn fits(kind: &str, ty: Type, flushes: bool) -> bool {
    let is_flushable = matches!(ty, Type::F32 | Type::F16 | Type::F16x2);
    let fits = match kind {
        "all" => true,
        "ordered" => !ty.is_bits(),
        "unsigned" => ty.is_unsigned(),
        _ => ty.is_float(),
    };
    fits && (!flushes || is_flushable)
}

/// Asks for all lanes: a bit for each.
fn ask<T: Value>((a, b): (Source, Source), f: impl Fn(T, T) -> bool + Send + Sync + 'static) -> Ask {
    Box::new(move |warp| {
        let (a, b) = (warp.get::<T::Cell>(a), warp.get::<T::Cell>(b));
        let mut bits = 0;
        for lane in 0..LANES {
            bits |= u32::from(f(T::of(a[lane]), T::of(b[lane]))) << lane;
        }
        bits
    })
}

type Ask = Box<dyn Fn(&Warp) -> u32 + Send + Sync>;

/// The step that asks about two values of a type.
fn asking(d: &Decoder<'_, '_>, ty: Type, from: (Source, Source), comparison: &Comparison) -> Result<Ask> {
    let (question, flushes) = (comparison.question, comparison.flushes);
    Ok(match ty {
        Type::F16 if flushes => ask(from, move |a: f16, b: f16| question.ask(a.flush(), b.flush())),
        Type::F32 if flushes => ask(from, move |a: f32, b: f32| question.ask(a.flush(), b.flush())),
        _ => with_type!(d, ty, [
            B16 => u16, B32 => u32, B64 => u64, U16 => u16, U32 => u32, U64 => u64, S16 => i16, S32 => i32, S64 => i64,
            F16 => f16, Bf16 => bf16, F32 => f32, F64 => f64
        ], T => ask(from, move |a: T, b: T| question.ask(a, b))),
    })
}

/// `setp`
pub fn set_predicate(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let (comparison, kind) = comparison(d)?;
    let ty = d.ty()?;
    if !fits(kind, ty, comparison.flushes) {
        return Err(d.bad_type(ty));
    }
    match ty {
        Type::Bf16 | Type::Bf16x2 => d.need((7, 8), 90)?,
        Type::B8 | Type::U8 | Type::S8 | Type::Pred => return Err(d.bad_type(ty)),
        _ => {}
    }
    let (p, q) = match d.operand()? {
        Operand::Pair(p, q) => (predicate(d, p)?, predicate(d, q)?),
        Operand::Name(p, 0) => (predicate(d, p)?, None),
        _ => return Err(d.error("the first operand is no predicate")),
    };
    let from = (d.source(ty)?, d.source(ty)?);
    let combine = match comparison.combine {
        None => None,
        Some(combine) => Some((combine, d.predicate()?)),
    };
    if matches!(ty, Type::F16x2 | Type::Bf16x2) {
        return set_two(d, ty, from, &comparison, (p, q), combine);
    }
    let ask = asking(d, ty, from, &comparison)?;
    if let (Some(p), None, None) = (p, q, combine) {
        return Ok(Op::Compute(Box::new(move |warp| {
            let bits = ask(warp);
            warp.set_predicate(p, bits);
        })));
    }
    Ok(Op::Compute(Box::new(move |warp| {
        let bits = ask(warp);
        let with = |bits: u32, warp: &Warp| match combine {
            None => bits,
            Some((combine, (source, negated))) => {
                combine(bits, warp.predicate(source) ^ if negated { u32::MAX } else { 0 })
            }
        };
        // Both read the same predicate, which may be one of them.
        let (first, second) = (with(bits, warp), with(!bits, warp));
        if let Some(p) = p {
            warp.set_predicate(p, first);
        }
        if let Some(q) = q {
            warp.set_predicate(q, second);
        }
    })))
}

/// The row of a predicate, or nothing for `_`.
fn predicate(d: &Decoder<'_, '_>, name: &str) -> Result<Option<u32>> {
    if name == "_" {
        return Ok(None);
    }
    match d.register(name)? {
        (row, Type::Pred) => Ok(Some(row)),
        _ => Err(d.error(format!("`{name}` is no predicate"))),
    }
}

type Combine = Option<(fn(u32, u32) -> u32, (Source, bool))>;

/// Of two halves each: the first predicate is for the low ones, the second for the high ones.
fn set_two(
    d: &Decoder<'_, '_>,
    ty: Type,
    (a, b): (Source, Source),
    comparison: &Comparison,
    (p, q): (Option<u32>, Option<u32>),
    combine: Combine,
) -> Result<Op> {
    let (question, flushes) = (comparison.question, comparison.flushes);
    let halves: fn(u32, u32, Question, bool) -> (bool, bool) = match ty {
        Type::F16x2 => |a, b, question, flushes| {
            let of = |bits| X2::<f16>::of(bits).each(|x| if flushes { x.flush() } else { x });
            let X2(low, high) = of(a).with(of(b), |a, b| question.ask(a, b));
            (low, high)
        },
        _ => |a, b, question, _| {
            let X2(low, high) = X2::<bf16>::of(a).with(X2::<bf16>::of(b), |a, b| question.ask(a, b));
            (low, high)
        },
    };
    if q.is_none() && p.is_none() {
        return Err(d.error("no predicate gets the result"));
    }
    Ok(Op::Compute(Box::new(move |warp| {
        let (a, b) = (warp.get::<u32>(a), warp.get::<u32>(b));
        let (mut low, mut high) = (0, 0);
        for lane in 0..LANES {
            let (first, second) = halves(a[lane], b[lane], question, flushes);
            low |= u32::from(first) << lane;
            high |= u32::from(second) << lane;
        }
        if let Some((combine, (source, negated))) = combine {
            let third = warp.predicate(source) ^ if negated { u32::MAX } else { 0 };
            (low, high) = (combine(low, third), combine(high, third));
        }
        if let Some(p) = p {
            warp.set_predicate(p, low);
        }
        if let Some(q) = q {
            warp.set_predicate(q, high);
        }
    })))
}

/// `set`: a comparison whose result is a number.
pub fn set(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let (comparison, kind) = comparison(d)?;
    let result = d.ty()?;
    let ty = d.ty()?;
    if !fits(kind, ty, comparison.flushes) || matches!(ty, Type::F16x2 | Type::Bf16x2) {
        return Err(d.bad_type(ty));
    }
    let truth: u32 = match result {
        Type::U32 | Type::S32 => u32::MAX,
        Type::F32 => 1.0_f32.to_bits(),
        Type::U16 | Type::S16 => 0xffff,
        Type::F16 => u32::from(f16::ONE.to_bits()),
        Type::Bf16 => u32::from(bf16::ONE.to_bits()),
        _ => return Err(d.bad_type(result)),
    };
    let to = d.destination(result)?;
    let from = (d.source(ty)?, d.source(ty)?);
    let combine = match comparison.combine {
        None => None,
        Some(combine) => Some((combine, d.predicate()?)),
    };
    let ask = asking(d, ty, from, &comparison)?;
    Ok(Op::Compute(Box::new(move |warp| {
        let mut bits = ask(warp);
        if let Some((combine, (source, negated))) = combine {
            bits = combine(bits, warp.predicate(source) ^ if negated { u32::MAX } else { 0 });
        }
        let values: [u32; LANES] = std::array::from_fn(|lane| if bits >> lane & 1 != 0 { truth } else { 0 });
        warp.set(to, &values);
    })))
}

fn select_cells<C: Cell>(to: u32, (a, b): (Source, Source), which: (Source, bool)) -> Op {
    Op::Compute(Box::new(move |warp| {
        let (a, b) = (warp.get::<C>(a), warp.get::<C>(b));
        let bits = warp.predicate(which.0) ^ if which.1 { u32::MAX } else { 0 };
        let values: [C; LANES] = std::array::from_fn(|lane| if bits >> lane & 1 != 0 { a[lane] } else { b[lane] });
        warp.set(to, &values);
    }))
}

/// `selp`
pub fn select(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let ty = d.ty()?;
    let (to, from) = d.two(ty)?;
    let which = d.predicate()?;
    Ok(match ty.bits() {
        16 | 32 => select_cells::<u32>(to, from, which),
        64 => select_cells::<u64>(to, from, which),
        _ => return Err(d.bad_type(ty)),
    })
}

/// `slct`
pub fn select_by_sign(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let flushes = d.eat(".ftz");
    let ty = d.ty()?;
    let by = d.ty()?;
    let (to, (a, b)) = d.two(ty)?;
    let c = d.source(by)?;
    let takes_first: fn(u32, bool) -> bool = match by {
        Type::S32 if !flushes => |c, _| c as i32 >= 0,
        Type::F32 => |c, flushes| {
            let c = f32::from_bits(c);
            (if flushes { c.flush() } else { c }) >= 0.0
        },
        _ => return Err(d.bad_type(by)),
    };
    fn of<C: Cell>(
        to: u32,
        (a, b, c): (Source, Source, Source),
        first: impl Fn(u32) -> bool + Send + Sync + 'static,
    ) -> Op {
        Op::Compute(Box::new(move |warp| {
            let (a, b, c) = (warp.get::<C>(a), warp.get::<C>(b), warp.get::<u32>(c));
            let values: [C; LANES] = std::array::from_fn(|lane| if first(c[lane]) { a[lane] } else { b[lane] });
            warp.set(to, &values);
        }))
    }
    let first = move |c| takes_first(c, flushes);
    Ok(match ty.bits() {
        16 | 32 => of::<u32>(to, (a, b, c), first),
        64 => of::<u64>(to, (a, b, c), first),
        _ => return Err(d.bad_type(ty)),
    })
}
