//! Floating-point arithmetic.

use half::{bf16, f16};

use super::{
    decoder::{Decoder, Result},
    lanes::{binary, ternary, unary},
};
use crate::{
    machine::{
        code::Op,
        value::{LANES, Source, Value, X2},
        warp::Warp,
    },
    number::{
        float::Float,
        round::{Format, Rounding},
    },
    ptx::types::Type,
};

pub const ROUNDINGS: [(&str, Rounding); 4] =
    [(".rn", Rounding::Nearest), (".rz", Rounding::Zero), (".rm", Rounding::Down), (".rp", Rounding::Up)];

/// What an instruction does around its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Around {
    rounding: Rounding,
    /// `ftz`: what is no normal number is taken for 0, and given as 0.
    flushes: bool,
    /// `sat`: the result is within 0 and 1.
    saturates: bool,
    /// `relu`: the result is not below 0.
    relu: bool,
}

impl Around {
    const PLAIN: Self = Self { rounding: Rounding::Nearest, flushes: false, saturates: false, relu: false };

    #[inline(always)]
    fn before<T: Float>(self, x: T) -> T {
        if self.flushes { x.flush() } else { x }
    }

    #[inline(always)]
    fn after<T: Float>(self, x: T) -> T {
        let x = if self.flushes { x.flush() } else { x };
        let x = if self.saturates { x.saturate() } else { x };
        if self.relu { x.relu() } else { x }
    }
}

/// The modifiers between an opcode and its type, and the type.
fn around(d: &mut Decoder<'_, '_>, needs_rounding: bool) -> Result<(Around, Type, bool)> {
    let rounding = d.one_of(&ROUNDINGS);
    let flushes = d.eat(".ftz");
    let saturates = d.eat(".sat");
    let relu = d.eat(".relu");
    let ty = if d.modifier() == Some(".f32x2") { Type::B64 } else { d.ty()? };
    let is_pair = ty == Type::B64;
    if is_pair {
        d.eat(".f32x2");
        d.need((8, 6), 100)?;
    }
    let fits = match ty {
        Type::F32 => !relu,
        Type::F64 => !relu && !flushes && !saturates,
        Type::F16 | Type::F16x2 => rounding.is_none_or(|rounding| rounding == Rounding::Nearest),
        Type::Bf16 | Type::Bf16x2 => {
            rounding.is_none_or(|rounding| rounding == Rounding::Nearest) && !flushes && !saturates
        }
        Type::B64 => !relu && !saturates,
        _ => false,
    };
    if !fits {
        return Err(d.error(format!("`{}` of type {} has no such modifiers", d.instruction.opcode, ty.name())));
    }
    if needs_rounding && rounding.is_none() {
        return Err(d.error("the rounding is missing"));
    }
    let rounding = rounding.unwrap_or(Rounding::Nearest);
    Ok((Around { rounding, flushes, saturates, relu }, ty, is_pair))
}

/// What a binary operation is.
trait Binary: Copy + Send + Sync + 'static {
    fn apply<T: Float>(self, a: T, b: T, rounding: Rounding) -> T;
}

macro_rules! operations {
    ($( $name:ident: |$a:ident, $b:ident, $rounding:ident| $body:expr; )*) => { $(
        #[derive(Clone, Copy)]
        struct $name;

        impl Binary for $name {
            #[inline(always)]
            fn apply<T: Float>(self, $a: T, $b: T, $rounding: Rounding) -> T {
                $body
            }
        }
    )* };
}

operations! {
    Add: |a, b, rounding| a.add(b, rounding);
    Sub: |a, b, rounding| a.add(b.neg(), rounding);
    Mul: |a, b, rounding| a.mul(b, rounding);
    Div: |a, b, rounding| a.div(b, rounding);
    Min: |a, b, _rounding| a.min(b, false);
    Max: |a, b, _rounding| a.max(b, false);
    MinNan: |a, b, _rounding| a.min(b, true);
    MaxNan: |a, b, _rounding| a.max(b, true);
}

fn two_of<T: Float>(to: u32, from: (Source, Source), around: Around, f: impl Binary) -> Op {
    if around == Around::PLAIN {
        return binary(to, from, move |a: T, b: T| f.apply(a, b, Rounding::Nearest));
    }
    binary(to, from, move |a: T, b: T| around.after(f.apply(around.before(a), around.before(b), around.rounding)))
}

fn two(d: &mut Decoder<'_, '_>, ty: Type, is_pair: bool, around: Around, f: impl Binary) -> Result<Op> {
    let (to, from) = d.two(ty)?;
    let each = move |a, b| around.after(f.apply(around.before(a), around.before(b), around.rounding));
    let each_brain = move |a, b| around.after(f.apply(around.before(a), around.before(b), around.rounding));
    let each_single = move |a, b| around.after(f.apply(around.before(a), around.before(b), around.rounding));
    Ok(match ty {
        Type::F16x2 => binary(to, from, move |a: X2<f16>, b: X2<f16>| a.with(b, each)),
        Type::Bf16x2 => binary(to, from, move |a: X2<bf16>, b: X2<bf16>| a.with(b, each_brain)),
        Type::B64 if is_pair => binary(to, from, move |a: X2<f32>, b: X2<f32>| a.with(b, each_single)),
        _ => {
            with_type!(d, ty, [F16 => f16, Bf16 => bf16, F32 => f32, F64 => f64], T => two_of::<T>(to, from, around, f))
        }
    })
}

fn need_for(d: &Decoder<'_, '_>, ty: Type) -> Result<()> {
    match ty {
        // `fma` alone is there from sm_80 on.
        Type::Bf16 | Type::Bf16x2 => d.need((7, 8), 90),
        _ => Ok(()),
    }
}

/// `add`, `sub`, `mul`
pub fn arithmetic(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let opcode = d.instruction.opcode;
    let (around, ty, is_pair) = around(d, false)?;
    if around.relu {
        return Err(d.error("the modifier `.relu` is not known here"));
    }
    need_for(d, ty)?;
    match opcode {
        "add" => two(d, ty, is_pair, around, Add),
        "sub" => two(d, ty, is_pair, around, Sub),
        _ => two(d, ty, is_pair, around, Mul),
    }
}

/// `fma`, and `mad` of floating-point numbers.
pub fn multiply_add(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let (around, ty, is_pair) = around(d, true)?;
    match ty {
        Type::Bf16 | Type::Bf16x2 => d.need((7, 0), 80)?,
        Type::F16 | Type::F16x2 if around.relu => d.need((7, 0), 80)?,
        _ => {}
    }
    let (to, from) = d.three(ty)?;
    Ok(match ty {
        Type::F16x2 => ternary(to, from, move |a: X2<f16>, b, c| pair_fma(a, b, c, around)),
        Type::Bf16x2 => ternary(to, from, move |a: X2<bf16>, b, c| pair_fma(a, b, c, around)),
        Type::B64 if is_pair => ternary(to, from, move |a: X2<f32>, b, c| pair_fma(a, b, c, around)),
        _ => with_type!(d, ty, [F16 => f16, Bf16 => bf16, F32 => f32, F64 => f64], T => {
            if around == Around::PLAIN {
                ternary(to, from, |a: T, b: T, c: T| a.fma(b, c, Rounding::Nearest))
            } else {
                ternary(to, from, move |a: T, b: T, c: T| fma(a, b, c, around))
            }
        }),
    })
}

fn fma<T: Float>(a: T, b: T, c: T, around: Around) -> T {
    around.after(around.before(a).fma(around.before(b), around.before(c), around.rounding))
}

fn pair_fma<T: Float>(a: X2<T>, b: X2<T>, c: X2<T>, around: Around) -> X2<T> {
    X2(fma(a.0, b.0, c.0, around), fma(a.1, b.1, c.1, around))
}

/// `min`, `max`
pub fn minimum(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let is_min = d.instruction.opcode == "min";
    let flushes = d.eat(".ftz");
    let nan = d.eat(".NaN");
    let signed = d.eat(".xorsign");
    if signed || d.modifier() == Some(".abs") {
        return signed_minimum(d, is_min, flushes, nan, signed);
    }
    let ty = d.ty()?;
    match ty {
        Type::F16 | Type::F16x2 | Type::Bf16 | Type::Bf16x2 => d.need((7, 0), 80)?,
        Type::F32 if nan => d.need((7, 0), 80)?,
        Type::F64 if flushes || nan => return Err(d.bad_type(ty)),
        _ => {}
    }
    if flushes && matches!(ty, Type::Bf16 | Type::Bf16x2) {
        return Err(d.bad_type(ty));
    }
    let around = Around { flushes, ..Around::PLAIN };
    match (is_min, nan) {
        (true, false) => two(d, ty, false, around, Min),
        (true, true) => two(d, ty, false, around, MinNan),
        (false, false) => two(d, ty, false, around, Max),
        (false, true) => two(d, ty, false, around, MaxNan),
    }
}

/// `min.xorsign.abs`: of the magnitudes, with the product of the signs.
fn signed_minimum(d: &mut Decoder<'_, '_>, is_min: bool, flushes: bool, nan: bool, signed: bool) -> Result<Op> {
    d.need((7, 2), 86)?;
    if !signed || !d.eat(".abs") {
        return Err(d.error("`.xorsign` and `.abs` belong together"));
    }
    let ty = d.ty()?;
    let around = Around { flushes, ..Around::PLAIN };
    let (to, from) = d.two(ty)?;
    Ok(match ty {
        Type::F16x2 => binary(to, from, move |a: X2<f16>, b| a.with(b, |a, b| signed_of(a, b, is_min, nan, around))),
        Type::Bf16x2 => binary(to, from, move |a: X2<bf16>, b| a.with(b, |a, b| signed_of(a, b, is_min, nan, around))),
        _ => with_type!(d, ty, [F16 => f16, Bf16 => bf16, F32 => f32], T => {
            binary(to, from, move |a: T, b: T| signed_of(a, b, is_min, nan, around))
        }),
    })
}

fn signed_of<T: Float>(a: T, b: T, is_min: bool, nan: bool, around: Around) -> T {
    let (a, b) = (around.before(a), around.before(b));
    let is_negative = a.is_negative() != b.is_negative();
    let magnitude = if is_min { a.abs().min(b.abs(), nan) } else { a.abs().max(b.abs(), nan) };
    if magnitude.is_nan() {
        T::NAN
    } else if is_negative {
        magnitude.neg()
    } else {
        magnitude
    }
}

/// `abs`, `neg`
pub fn sign(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let is_abs = d.instruction.opcode == "abs";
    let flushes = d.eat(".ftz");
    let ty = d.ty()?;
    match ty {
        Type::Bf16 | Type::Bf16x2 => d.need((7, 0), 80)?,
        Type::F16 | Type::F16x2 if is_abs => d.need((6, 5), 53)?,
        _ => {}
    }
    if flushes && matches!(ty, Type::F64 | Type::Bf16 | Type::Bf16x2) {
        return Err(d.bad_type(ty));
    }
    let (to, from) = (d.destination(ty)?, d.source(ty)?);
    Ok(match ty {
        Type::F16x2 => unary(to, from, move |a: X2<f16>| a.each(|a| signs(a, is_abs, flushes))),
        Type::Bf16x2 => unary(to, from, move |a: X2<bf16>| a.each(|a| signs(a, is_abs, flushes))),
        _ => with_type!(d, ty, [F16 => f16, Bf16 => bf16, F32 => f32, F64 => f64], T => {
            unary(to, from, move |a: T| signs(a, is_abs, flushes))
        }),
    })
}

#[inline(always)]
fn signs<T: Float>(a: T, is_abs: bool, flushes: bool) -> T {
    let a = if flushes { a.flush() } else { a };
    if is_abs { a.abs() } else { a.neg() }
}

/// `copysign`
pub fn copy_sign(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let ty = d.ty()?;
    let (to, from) = d.two(ty)?;
    Ok(with_type!(d, ty, [F32 => f32, F64 => f64], T => binary(to, from, |sign: T, a: T| Float::copysign(a, sign))))
}

/// `div` of floating-point numbers.
pub fn divide(d: &mut Decoder<'_, '_>) -> Result<Op> {
    if d.eat(".approx") || d.eat(".full") {
        let flushes = d.eat(".ftz");
        if d.ty()? != Type::F32 {
            return Err(d.unknown());
        }
        return two(d, Type::F32, false, Around { flushes, ..Around::PLAIN }, Div);
    }
    let (around, ty, is_pair) = around(d, true)?;
    if !matches!(ty, Type::F32 | Type::F64) || around.saturates {
        return Err(d.bad_type(ty));
    }
    two(d, ty, is_pair, around, Div)
}

/// `rcp`, `sqrt`: to nearest where they are approximations.
pub fn reciprocal(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let is_root = d.instruction.opcode == "sqrt";
    let is_approximate = d.eat(".approx");
    let (around, ty, _) = around(d, !is_approximate)?;
    let is_double = ty == Type::F64;
    if around.saturates || !matches!(ty, Type::F32 | Type::F64) || is_approximate && is_double {
        return Err(d.bad_type(ty));
    }
    let (to, from) = (d.destination(ty)?, d.source(ty)?);
    Ok(with_type!(d, ty, [F32 => f32, F64 => f64], T => unary(to, from, move |a: T| {
        let a = around.before(a);
        around.after(if is_root { Float::sqrt(a, around.rounding) } else { T::ONE.div(a, around.rounding) })
    })))
}

/// A function of f64 by its opcode, which approximations are made with.
fn function(opcode: &str) -> Option<fn(f64) -> f64> {
    Some(match opcode {
        "rsqrt" => |x| 1.0 / x.sqrt(),
        "sin" => f64::sin,
        "cos" => f64::cos,
        "lg2" => f64::log2,
        "ex2" => f64::exp2,
        "tanh" => f64::tanh,
        "rcp" => |x| 1.0 / x,
        _ => return None,
    })
}

/// `rsqrt`, `sin`, `cos`, `lg2`, `ex2`, `tanh`: the host's functions, rounded to nearest.
pub fn approximate(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let opcode = d.instruction.opcode;
    let f = function(opcode).ok_or_else(|| d.unknown())?;
    d.must(&[(".approx", ())])?;
    let flushes = d.eat(".ftz");
    let ty = d.ty()?;
    match (opcode, ty) {
        ("tanh", Type::F32) => d.need((7, 0), 75)?,
        ("tanh" | "ex2", Type::F16 | Type::F16x2) => d.need((7, 0), 75)?,
        ("tanh" | "ex2", Type::Bf16 | Type::Bf16x2) => d.need((7, 8), 90)?,
        ("rsqrt", Type::F64) | (_, Type::F32) => {}
        _ => return Err(d.bad_type(ty)),
    }
    if flushes && opcode == "tanh" {
        return Err(d.error("the modifier `.ftz` is not known here"));
    }
    let (to, from) = (d.destination(ty)?, d.source(ty)?);
    let around = Around { flushes, ..Around::PLAIN };
    Ok(match ty {
        Type::F16x2 => unary(to, from, move |a: X2<f16>| a.each(|a| through(a, f, around))),
        Type::Bf16x2 => unary(to, from, move |a: X2<bf16>| a.each(|a| through(a, f, around))),
        _ => {
            with_type!(d, ty, [F16 => f16, Bf16 => bf16, F32 => f32, F64 => f64], T => active(to, from, move |a: T| through(a, f, around)))
        }
    })
}

/// `rcp.approx.ftz.f64`, `rsqrt.approx.ftz.f64`: the upper half of the result is right, the lower one is 0.
pub fn approximate_double(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let f = function(d.instruction.opcode).ok_or_else(|| d.unknown())?;
    for word in [".approx", ".ftz", ".f64"] {
        d.must(&[(word, ())])?;
    }
    let (to, from) = (d.destination(Type::F64)?, d.source(Type::F64)?);
    Ok(active(to, from, move |a: f64| {
        let result = f(a.flush()).canonical().flush();
        f64::from_bits(result.to_bits() >> 32 << 32)
    }))
}

fn through<T: Float>(a: T, f: fn(f64) -> f64, around: Around) -> T {
    around.after(T::of_f64(f(around.before(a).f64()), Rounding::Nearest).canonical())
}

/// A function that is worth computing for the lanes alone that execute.
fn active<T: Float>(to: u32, from: Source, f: impl Fn(T) -> T + Send + Sync + 'static) -> Op {
    Op::Compute(Box::new(move |warp: &mut Warp| {
        let a = warp.get::<T::Cell>(from);
        let mask = warp.mask;
        let values: [T::Cell; LANES] =
            std::array::from_fn(|lane| if mask >> lane & 1 != 0 { f(T::of(a[lane])).cell() } else { a[lane] });
        warp.set(to, &values);
    }))
}

/// `testp`
pub fn test(d: &mut Decoder<'_, '_>) -> Result<Op> {
    #[derive(Clone, Copy)]
    enum Property {
        Finite,
        Infinite,
        Number,
        NotANumber,
        Normal,
        Subnormal,
    }
    let property = d.must(&[
        (".finite", Property::Finite),
        (".infinite", Property::Infinite),
        (".number", Property::Number),
        (".notanumber", Property::NotANumber),
        (".normal", Property::Normal),
        (".subnormal", Property::Subnormal),
    ])?;
    let ty = d.ty()?;
    let to = d.destination(Type::Pred)?;
    let from = d.source(ty)?;
    Ok(with_type!(d, ty, [F32 => f32, F64 => f64], T => Op::Compute(Box::new(move |warp| {
        let mut bits = 0;
        for (lane, a) in warp.get::<<T as Value>::Cell>(from).iter().enumerate() {
            let x = T::from_bits(*a);
            let holds = match property {
                Property::Finite => x.is_finite(),
                Property::Infinite => x.is_infinite(),
                Property::Number => !x.is_nan(),
                Property::NotANumber => x.is_nan(),
                Property::Normal => x.is_normal(),
                Property::Subnormal => x.is_subnormal(),
            };
            bits |= u32::from(holds) << lane;
        }
        warp.set_predicate(to, bits);
    }))))
}

/// The upper bits of f32 that tf32 has.
pub fn tf32(x: f32, rounding: Rounding) -> u32 {
    Format::TF32.narrow(f64::from(x), rounding) << 13
}
