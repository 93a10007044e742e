//! Vector instructions on floating point numbers. The chapters "VOP1", "VOP2" and "VOP3A" of the guides.

use std::cmp::Ordering;

use super::{
    case::Accuracy::{Absolute, Units},
    float::{self, Number, Round},
    operand::Type::{self, B16, B32, BF16, F16, F32, F64, PkBF16, PkF16, PkF32},
    vector::{Kind, Lane, Row, row},
};

fn add(l: &Lane, t: Type, a: u64, b: u64) -> u64 {
    l.bits(t, l.number(t, a).plus(l.number(t, b), l.round(t)))
}

fn flip(t: Type, a: u64) -> u64 {
    a ^ t.format().map_or(0, float::Format::sign)
}

fn mul(l: &Lane, t: Type, a: u64, b: u64) -> u64 {
    l.bits(t, l.number(t, a).times(l.number(t, b)))
}

fn fma(l: &Lane, t: Type, a: u64, b: u64, c: u64) -> u64 {
    l.bits(t, l.number(t, a).times(l.number(t, b)).plus(l.number(t, c), l.round(t)))
}

/// A product that is rounded before the sum.
fn mad(l: &mut Lane, t: Type, a: u64, b: u64, c: u64) -> u64 {
    let format = t.format().expect("a float");
    let product = l.number(t, a).times(l.number(t, b)).bits(format, l.round(t));
    // Whether the product can be denormal, the guides do not say.
    l.unspecified = format.is_denormal(product);
    add(l, t, product, c)
}

/// Zero times anything is zero.
fn mul_legacy(l: &Lane, t: Type, a: u64, b: u64) -> u64 {
    let zero = |x| matches!(l.number(t, x), Number::Zero(_));
    if zero(a) || zero(b) { 0 } else { mul(l, t, a, b) }
}

/// The smaller or the larger; a number where one is none; minus zero is below zero.
fn extreme(l: &Lane, t: Type, a: u64, b: u64, larger: bool) -> u64 {
    let format = t.format().expect("a float");
    if l.mode.ieee && format.is_signalling(a) {
        return format.quiet(a);
    }
    if l.mode.ieee && format.is_signalling(b) {
        return format.quiet(b);
    }
    if format.is_nan(a) {
        return if format.is_nan(b) { format.nan() } else { l.bits(t, l.number(t, b)) };
    }
    if format.is_nan(b) {
        return l.bits(t, l.number(t, a));
    }
    let (x, y) = (l.number(t, a), l.number(t, b));
    let first = match x.compare(y) {
        Some(Ordering::Equal) | None => x.is_negative() != larger,
        Some(order) => (order == Ordering::Greater) == larger,
    };
    l.bits(t, if first { x } else { y })
}

/// The smaller or the larger; a NaN where one is one: IEEE 754-2019's minimum and maximum.
fn extreme_2019(l: &Lane, t: Type, a: u64, b: u64, larger: bool) -> u64 {
    let format = t.format().expect("a float");
    if format.is_nan(a) || format.is_nan(b) { format.nan() } else { extreme(l, t, a, b, larger) }
}

fn extreme3(l: &Lane, t: Type, s: [u64; 3], larger: bool) -> u64 {
    let first = extreme(l, t, s[0], s[1], larger);
    extreme(l, t, first, s[2], larger)
}

fn extreme3_2019(l: &Lane, t: Type, s: [u64; 3], first: bool, second: bool) -> u64 {
    let inner = extreme_2019(l, t, s[0], s[1], first);
    extreme_2019(l, t, inner, s[2], second)
}

fn median(l: &Lane, t: Type, s: [u64; 3]) -> u64 {
    let format = t.format().expect("a float");
    if s.iter().any(|x| format.is_nan(*x)) {
        return extreme3(l, t, s, false);
    }
    let mut numbers = s.map(|x| l.number(t, x));
    numbers.sort_by(|a, b| a.compare(*b).unwrap_or(Ordering::Equal).then(b.is_negative().cmp(&a.is_negative())));
    l.bits(t, numbers[1])
}

fn whole(l: &Lane, t: Type, a: u64, round: Round) -> u64 {
    l.bits(t, l.number(t, a).rounded(round))
}

/// Says that the guides leave open how MODE rounds this.
fn unless_to_even(l: &mut Lane, t: Type) {
    l.unspecified |= l.round(t) != Round::Even;
}

fn fract(l: &mut Lane, t: Type, a: u64) -> u64 {
    unless_to_even(l, t);
    let x = l.number(t, a);
    let floor = x.rounded(Round::Down);
    let negated = floor.with_sign(!floor.is_negative());
    let bits = l.bits(t, x.plus(negated, l.round(t)));
    let one = t.format().expect("a float").one();
    // Below one in any case.
    if bits == one { one - 1 } else { bits }
}

/// The exponent that makes the mantissa one in [0.5, 1).
fn exponent(l: &Lane, t: Type, a: u64) -> i32 {
    match l.number(t, a) {
        Number::Finite { mantissa, exponent, .. } => exponent + 128 - mantissa.leading_zeros() as i32,
        _ => 0,
    }
}

fn mantissa(l: &Lane, t: Type, a: u64) -> u64 {
    match l.number(t, a) {
        number @ Number::Finite { .. } => l.bits(t, number.scaled(-exponent(l, t, a))),
        other => l.bits(t, other),
    }
}

fn ldexp(l: &Lane, t: Type, a: u64, by: i32) -> u64 {
    l.bits(t, l.number(t, a).scaled(by.clamp(-5000, 5000)))
}

/// A function that the hardware comes near to.
///
/// What denormals become, the guides do not say for all of them.
fn near(l: &mut Lane, t: Type, a: u64, f: fn(f64) -> f64) -> u64 {
    let format = t.format().expect("a float");
    let value = f(l.number(t, a).to_f64());
    let bits = Number::from_f64(value).bits(format, Round::Even);
    let tiny = format.is_denormal(bits) || bits & !format.sign() == 1 << format.fraction;
    l.unspecified = t != F16 && (format.is_denormal(a) || tiny);
    l.bits(t, Number::of(bits, format))
}

fn inverse_root(x: f64) -> f64 {
    1.0 / x.sqrt()
}

fn turn(x: f64, f: fn(f64) -> f64) -> f64 {
    if x.is_infinite() { f64::NAN } else { f(x.rem_euclid(1.0) * std::f64::consts::TAU) }
}

fn sine(x: f64) -> f64 {
    turn(x, f64::sin)
}

fn cosine(x: f64) -> f64 {
    turn(x, f64::cos)
}

/// A sine or a cosine; the guides define them up to 256 turns.
fn wave(l: &mut Lane, t: Type, a: u64, f: fn(f64) -> f64) -> u64 {
    let x = l.number(t, a).to_f64();
    let bits = near(l, t, a, f);
    l.unspecified |= x.abs() >= 256.0;
    bits
}

fn raw_exponent(t: Type, a: u64) -> i32 {
    let format = t.format().expect("a float");
    ((a & format.infinity()) >> format.fraction) as i32
}

/// Whether a quotient of numbers that are not zero is below the smallest normal one.
fn quotient_is_denormal(t: Type, a: Number, b: Number) -> bool {
    let (Number::Finite { mantissa: m, exponent: i, .. }, Number::Finite { mantissa: n, exponent: j, .. }) = (a, b)
    else {
        return false;
    };
    let format = t.format().expect("a float");
    let (m, i) = (m << m.leading_zeros() >> 1, i - m.leading_zeros() as i32 + 1);
    let (n, j) = (n << n.leading_zeros() >> 1, j - n.leading_zeros() as i32 + 1);
    let top = i - j - i32::from(m < n);
    top < 1 - format.bias()
}

fn div_scale(l: &mut Lane, t: Type, [a, b, c]: [u64; 3]) -> u64 {
    let format = t.format().expect("a float");
    let (threshold, scale, tiny) = if t == F64 { (768, 128, 53) } else { (96, 64, 23) };
    let one = Number::integer(1);
    let (x, y) = (l.number(t, b), l.number(t, c));
    l.carry = false;
    let scaled = |by: i32| l.bits(t, l.number(t, a).scaled(by));
    if matches!(x, Number::Zero(_)) || matches!(y, Number::Zero(_)) {
        return format.nan();
    }
    let mut carry = false;
    let whole = scaled(0);
    let value = if raw_exponent(t, c) - raw_exponent(t, b) >= threshold {
        carry = true;
        if a == b { scaled(scale) } else { whole }
    } else if format.is_denormal(b) {
        scaled(scale)
    } else if quotient_is_denormal(t, one, x) && quotient_is_denormal(t, y, x) {
        carry = true;
        // The guides scale up here, which would make a denominator of this size infinite, and the division wrong.
        if a == b { scaled(-scale) } else { whole }
    } else if quotient_is_denormal(t, one, x) {
        scaled(-scale)
    } else if quotient_is_denormal(t, y, x) {
        carry = true;
        if a == c { scaled(scale) } else { whole }
    } else if raw_exponent(t, c) <= tiny {
        scaled(scale)
    } else {
        whole
    };
    // A NaN or an infinity is for the fixup.
    let odd = |x| matches!(x, Number::Nan | Number::Infinity(_));
    // Whether a quotient that is zero counts as a denormal one, the guides do not say.
    unless_to_even(l, t);
    let open = l.unspecified;
    let vanishes = raw_exponent(t, b) - raw_exponent(t, c) >= format.bias();
    l.unspecified = odd(x) || odd(y) || odd(l.number(t, a)) || vanishes || open;
    l.carry = carry;
    value
}

fn div_fmas(l: &mut Lane, t: Type, [a, b, c]: [u64; 3]) -> u64 {
    let product = l.number(t, a).times(l.number(t, b)).plus(l.number(t, c), l.round(t));
    if !l.carry {
        return l.bits(t, product);
    }
    // Whether a sum that is too large or too small before it is scaled back is rounded before, the guides do not say.
    let format = t.format().expect("a float");
    let sum = raw_exponent(t, product.bits(format, Round::Zero));
    l.unspecified = sum == 0 || raw_exponent(t, format.largest()) == sum;
    let (half, scale) = if t == F64 { (1023, 128) } else { (127, 64) };
    l.bits(t, product.scaled(if raw_exponent(t, c) > half { scale } else { -scale }))
}

fn div_fixup(l: &mut Lane, t: Type, [a, b, c]: [u64; 3]) -> u64 {
    let format = t.format().expect("a float");
    let sign = (b ^ c) & format.sign();
    if format.is_nan(c) || format.is_nan(b) {
        return format.nan();
    }
    let (x, y) = (l.number(t, b), l.number(t, c));
    match (x, y) {
        (Number::Zero(_), Number::Zero(_)) | (Number::Infinity(_), Number::Infinity(_)) => format.nan(),
        (Number::Zero(_), _) | (_, Number::Infinity(_)) => sign | format.infinity(),
        (Number::Infinity(_), _) | (_, Number::Zero(_)) => sign,
        _ => {
            // How an underflow comes out depends on the rounding; and the steps before give a NaN where it overflows.
            let limit = if t == F64 { 1023 } else { 127 };
            let distance = raw_exponent(t, c) - raw_exponent(t, b);
            l.unspecified = t != F16 && distance.abs() >= limit || format.is_nan(a);
            sign | l.bits(t, l.number(t, a)) & !format.sign()
        }
    }
}

fn cube(l: &Lane, [a, b, c]: [u64; 3]) -> [u64; 4] {
    let number = |x| l.number(F32, x);
    let size = |x: u64| number(x & 0x7fff_ffff);
    let at_least = |x, y| matches!(size(x).compare(size(y)), Some(Ordering::Greater | Ordering::Equal));
    let negative = |x: u64| number(x).compare(Number::Zero(false)) == Some(Ordering::Less);
    let minus = |x| flip(F32, x);
    // Face, s, t, major axis: the table of the guide.
    let (face, s, t, major) = if at_least(c, a) && at_least(c, b) {
        if negative(c) { (5.0_f32, minus(a), minus(b), c) } else { (4.0, a, minus(b), c) }
    } else if at_least(b, a) {
        if negative(b) { (3.0, a, minus(c), b) } else { (2.0, a, c, b) }
    } else if negative(a) {
        (1.0, c, minus(b), a)
    } else {
        (0.0, minus(c), minus(b), a)
    };
    let flushed = |x| l.bits(F32, number(x));
    [u64::from(face.to_bits()), flushed(s), flushed(t), l.bits(F32, number(major).scaled(1))]
}

fn odd_cube(l: &mut Lane, s: [u64; 3], part: usize) -> u64 {
    l.unspecified = s.iter().any(|x| float::F32.is_nan(*x));
    unless_to_even(l, F32);
    cube(l, s)[part]
}

/// Two products added to the third source one after the other.
fn dot2(l: &mut Lane, t: Type, [a, b, c]: [u64; 3]) -> u64 {
    let half = |x: u64, i: u32| Number::of(x >> (16 * i) & 0xffff, t.format().expect("a float"));
    unless_to_even(l, F32);
    let mut sum = c;
    for i in 0..2 {
        let product = half(a, i).times(half(b, i));
        // What becomes of denormals, the guides do not say.
        let tiny = |bits| raw_exponent(F32, bits) == 0;
        let format = t.format().expect("a float");
        let denormal = |x: u64| format.is_denormal(x >> (16 * i) & 0xffff);
        l.unspecified |= denormal(a) || denormal(b);
        let odd = tiny(product.bits(float::F32, Round::Even)) && !matches!(product, Number::Zero(_));
        let next = product.plus(Number::of(sum, float::F32), l.round(F32)).bits(float::F32, l.round(F32));
        l.unspecified |= odd || tiny(sum) && sum << 33 != 0 || tiny(next) && next << 33 != 0;
        sum = next;
    }
    sum
}

/// The table.
pub static TABLE: &[Row] = &[
    row(&["v_add_f32"], F32, &[F32, F32], |l, [a, b, _]| add(l, F32, a, b)),
    row(&["v_sub_f32"], F32, &[F32, F32], |l, [a, b, _]| add(l, F32, a, flip(F32, b))),
    row(&["v_subrev_f32"], F32, &[F32, F32], |l, [a, b, _]| add(l, F32, b, flip(F32, a))),
    row(&["v_mul_f32"], F32, &[F32, F32], |l, [a, b, _]| mul(l, F32, a, b)),
    row(&["v_mul_legacy_f32", "v_mul_dx9_zero_f32"], F32, &[F32, F32], |l, [a, b, _]| mul_legacy(l, F32, a, b)),
    row(&["v_min_f32", "v_min_num_f32"], F32, &[F32, F32], |l, [a, b, _]| extreme(l, F32, a, b, false)),
    row(&["v_max_f32", "v_max_num_f32"], F32, &[F32, F32], |l, [a, b, _]| extreme(l, F32, a, b, true)),
    row(&["v_minimum_f32"], F32, &[F32, F32], |l, [a, b, _]| extreme_2019(l, F32, a, b, false)),
    row(&["v_maximum_f32"], F32, &[F32, F32], |l, [a, b, _]| extreme_2019(l, F32, a, b, true)),
    row(&["v_min3_f32", "v_min3_num_f32"], F32, &[F32, F32, F32], |l, s| extreme3(l, F32, s, false)),
    row(&["v_max3_f32", "v_max3_num_f32"], F32, &[F32, F32, F32], |l, s| extreme3(l, F32, s, true)),
    row(&["v_med3_f32", "v_med3_num_f32"], F32, &[F32, F32, F32], |l, s| median(l, F32, s)),
    row(&["v_fma_f32"], F32, &[F32, F32, F32], |l, [a, b, c]| fma(l, F32, a, b, c)),
    row(&["v_fmac_f32"], F32, &[F32, F32, F32], |l, [a, b, c]| fma(l, F32, a, b, c)).accumulates(),
    row(&["v_fmaak_f32"], F32, &[F32, F32, F32], |l, [a, b, c]| fma(l, F32, a, b, c)).literal(2),
    row(&["v_fmamk_f32"], F32, &[F32, F32, F32], |l, [a, b, c]| fma(l, F32, a, b, c)).literal(1),
    row(&["v_mad_f32"], F32, &[F32, F32, F32], |l, [a, b, c]| mad(l, F32, a, b, c)),
    row(&["v_mac_f32"], F32, &[F32, F32, F32], |l, [a, b, c]| mad(l, F32, a, b, c)).accumulates(),
    row(&["v_madak_f32"], F32, &[F32, F32, F32], |l, [a, b, c]| mad(l, F32, a, b, c)).literal(2),
    row(&["v_madmk_f32"], F32, &[F32, F32, F32], |l, [a, b, c]| mad(l, F32, a, b, c)).literal(1),
    row(&["v_fma_dx9_zero_f32", "v_fma_legacy_f32"], F32, &[F32, F32, F32], |l, [a, b, c]| {
        let zero = |x| matches!(l.number(F32, x), Number::Zero(_));
        if zero(a) || zero(b) { l.bits(F32, l.number(F32, c)) } else { fma(l, F32, a, b, c) }
    }),
    row(&["v_fmac_dx9_zero_f32", "v_fmac_legacy_f32"], F32, &[F32, F32, F32], |l, [a, b, c]| {
        let zero = |x| matches!(l.number(F32, x), Number::Zero(_));
        if zero(a) || zero(b) { l.bits(F32, l.number(F32, c)) } else { fma(l, F32, a, b, c) }
    })
    .accumulates(),
    row(&["v_add_f16"], F16, &[F16, F16], |l, [a, b, _]| add(l, F16, a, b)),
    row(&["v_sub_f16"], F16, &[F16, F16], |l, [a, b, _]| add(l, F16, a, flip(F16, b))),
    row(&["v_subrev_f16"], F16, &[F16, F16], |l, [a, b, _]| add(l, F16, b, flip(F16, a))),
    row(&["v_mul_f16"], F16, &[F16, F16], |l, [a, b, _]| mul(l, F16, a, b)),
    row(&["v_min_f16", "v_min_num_f16"], F16, &[F16, F16], |l, [a, b, _]| extreme(l, F16, a, b, false)),
    row(&["v_max_f16", "v_max_num_f16"], F16, &[F16, F16], |l, [a, b, _]| extreme(l, F16, a, b, true)),
    row(&["v_minimum_f16"], F16, &[F16, F16], |l, [a, b, _]| extreme_2019(l, F16, a, b, false)),
    row(&["v_maximum_f16"], F16, &[F16, F16], |l, [a, b, _]| extreme_2019(l, F16, a, b, true)),
    row(&["v_min3_f16", "v_min3_num_f16"], F16, &[F16, F16, F16], |l, s| extreme3(l, F16, s, false)).keeps(),
    row(&["v_max3_f16", "v_max3_num_f16"], F16, &[F16, F16, F16], |l, s| extreme3(l, F16, s, true)).keeps(),
    row(&["v_med3_f16", "v_med3_num_f16"], F16, &[F16, F16, F16], |l, s| median(l, F16, s)).keeps(),
    row(&["v_fma_f16"], F16, &[F16, F16, F16], |l, [a, b, c]| fma(l, F16, a, b, c)).keeps(),
    row(&["v_fma_legacy_f16"], F16, &[F16, F16, F16], |l, [a, b, c]| fma(l, F16, a, b, c)),
    row(&["v_fmac_f16"], F16, &[F16, F16, F16], |l, [a, b, c]| fma(l, F16, a, b, c)).accumulates().keeps(),
    row(&["v_fmaak_f16"], F16, &[F16, F16, F16], |l, [a, b, c]| fma(l, F16, a, b, c)).literal(2),
    row(&["v_fmamk_f16"], F16, &[F16, F16, F16], |l, [a, b, c]| fma(l, F16, a, b, c)).literal(1),
    row(&["v_mad_f16"], F16, &[F16, F16, F16], |l, [a, b, c]| mad(l, F16, a, b, c)).keeps(),
    row(&["v_mad_legacy_f16"], F16, &[F16, F16, F16], |l, [a, b, c]| mad(l, F16, a, b, c)),
    row(&["v_mac_f16"], F16, &[F16, F16, F16], |l, [a, b, c]| mad(l, F16, a, b, c)).accumulates().keeps(),
    row(&["v_madak_f16"], F16, &[F16, F16, F16], |l, [a, b, c]| mad(l, F16, a, b, c)).literal(2).keeps(),
    row(&["v_madmk_f16"], F16, &[F16, F16, F16], |l, [a, b, c]| mad(l, F16, a, b, c)).literal(1).keeps(),
    row(&["v_add_f64"], F64, &[F64, F64], |l, [a, b, _]| add(l, F64, a, b)),
    row(&["v_mul_f64"], F64, &[F64, F64], |l, [a, b, _]| mul(l, F64, a, b)),
    row(&["v_fma_f64"], F64, &[F64, F64, F64], |l, [a, b, c]| fma(l, F64, a, b, c)),
    row(&["v_fmac_f64"], F64, &[F64, F64, F64], |l, [a, b, c]| fma(l, F64, a, b, c)).accumulates(),
    row(&["v_min_f64", "v_min_num_f64"], F64, &[F64, F64], |l, [a, b, _]| extreme(l, F64, a, b, false)),
    row(&["v_max_f64", "v_max_num_f64"], F64, &[F64, F64], |l, [a, b, _]| extreme(l, F64, a, b, true)),
    row(&["v_minimum_f64"], F64, &[F64, F64], |l, [a, b, _]| extreme_2019(l, F64, a, b, false)),
    row(&["v_maximum_f64"], F64, &[F64, F64], |l, [a, b, _]| extreme_2019(l, F64, a, b, true)),
    row(&["v_ceil_f32"], F32, &[F32], |l, [a, ..]| whole(l, F32, a, Round::Up)),
    row(&["v_floor_f32"], F32, &[F32], |l, [a, ..]| whole(l, F32, a, Round::Down)),
    row(&["v_trunc_f32"], F32, &[F32], |l, [a, ..]| whole(l, F32, a, Round::Zero)),
    row(&["v_rndne_f32"], F32, &[F32], |l, [a, ..]| whole(l, F32, a, Round::Even)),
    row(&["v_fract_f32"], F32, &[F32], |l, [a, ..]| fract(l, F32, a)),
    row(&["v_ceil_f16"], F16, &[F16], |l, [a, ..]| whole(l, F16, a, Round::Up)),
    row(&["v_floor_f16"], F16, &[F16], |l, [a, ..]| whole(l, F16, a, Round::Down)),
    row(&["v_trunc_f16"], F16, &[F16], |l, [a, ..]| whole(l, F16, a, Round::Zero)),
    row(&["v_rndne_f16"], F16, &[F16], |l, [a, ..]| whole(l, F16, a, Round::Even)),
    row(&["v_fract_f16"], F16, &[F16], |l, [a, ..]| fract(l, F16, a)),
    row(&["v_ceil_f64"], F64, &[F64], |l, [a, ..]| whole(l, F64, a, Round::Up)),
    row(&["v_floor_f64"], F64, &[F64], |l, [a, ..]| whole(l, F64, a, Round::Down)),
    row(&["v_trunc_f64"], F64, &[F64], |l, [a, ..]| whole(l, F64, a, Round::Zero)),
    row(&["v_rndne_f64"], F64, &[F64], |l, [a, ..]| whole(l, F64, a, Round::Even)),
    row(&["v_fract_f64"], F64, &[F64], |l, [a, ..]| fract(l, F64, a)),
    row(&["v_frexp_exp_i32_f32"], B32, &[F32], |l, [a, ..]| u64::from(exponent(l, F32, a) as u32)),
    row(&["v_frexp_exp_i32_f64"], B32, &[F64], |l, [a, ..]| u64::from(exponent(l, F64, a) as u32)),
    row(&["v_frexp_exp_i16_f16"], B16, &[F16], |l, [a, ..]| u64::from(exponent(l, F16, a) as u16)),
    row(&["v_frexp_mant_f32"], F32, &[F32], |l, [a, ..]| mantissa(l, F32, a)),
    row(&["v_frexp_mant_f64"], F64, &[F64], |l, [a, ..]| mantissa(l, F64, a)),
    row(&["v_frexp_mant_f16"], F16, &[F16], |l, [a, ..]| mantissa(l, F16, a)),
    row(&["v_ldexp_f32"], F32, &[F32, B32], |l, [a, b, _]| ldexp(l, F32, a, b as i32)),
    row(&["v_ldexp_f64"], F64, &[F64, B32], |l, [a, b, _]| ldexp(l, F64, a, b as i32)),
    row(&["v_ldexp_f16"], F16, &[F16, B16], |l, [a, b, _]| ldexp(l, F16, a, i32::from(b as i16))),
    row(&["v_rcp_f32", "v_rcp_iflag_f32"], F32, &[F32], |l, [a, ..]| near(l, F32, a, f64::recip)).within(Units(1)),
    row(&["v_rsq_f32"], F32, &[F32], |l, [a, ..]| near(l, F32, a, inverse_root)).within(Units(1)),
    row(&["v_sqrt_f32"], F32, &[F32], |l, [a, ..]| near(l, F32, a, f64::sqrt)).within(Units(1)),
    row(&["v_exp_f32", "v_exp_legacy_f32"], F32, &[F32], |l, [a, ..]| near(l, F32, a, f64::exp2)).within(Units(1)),
    row(&["v_log_f32", "v_log_legacy_f32"], F32, &[F32], |l, [a, ..]| near(l, F32, a, f64::log2)).within(Units(1)),
    row(&["v_sin_f32"], F32, &[F32], |l, [a, ..]| wave(l, F32, a, sine)).within(Absolute(1.0 / 8192.0)),
    row(&["v_cos_f32"], F32, &[F32], |l, [a, ..]| wave(l, F32, a, cosine)).within(Absolute(1.0 / 8192.0)),
    row(&["v_rcp_f16"], F16, &[F16], |l, [a, ..]| near(l, F16, a, f64::recip)).within(Units(1)),
    row(&["v_rsq_f16"], F16, &[F16], |l, [a, ..]| near(l, F16, a, inverse_root)).within(Units(1)),
    row(&["v_sqrt_f16"], F16, &[F16], |l, [a, ..]| near(l, F16, a, f64::sqrt)).within(Units(1)),
    row(&["v_exp_f16"], F16, &[F16], |l, [a, ..]| near(l, F16, a, f64::exp2)).within(Units(1)),
    row(&["v_log_f16"], F16, &[F16], |l, [a, ..]| near(l, F16, a, f64::log2)).within(Units(1)),
    row(&["v_sin_f16"], F16, &[F16], |l, [a, ..]| wave(l, F16, a, sine)).within(Absolute(1.0 / 512.0)),
    row(&["v_cos_f16"], F16, &[F16], |l, [a, ..]| wave(l, F16, a, cosine)).within(Absolute(1.0 / 512.0)),
    row(&["v_rcp_f64"], F64, &[F64], |l, [a, ..]| near(l, F64, a, f64::recip)).within(Units(1 << 29)),
    row(&["v_rsq_f64"], F64, &[F64], |l, [a, ..]| near(l, F64, a, inverse_root)).within(Units(1 << 29)),
    row(&["v_sqrt_f64"], F64, &[F64], |l, [a, ..]| near(l, F64, a, f64::sqrt)).within(Units(1 << 29)),
    row(&["v_div_scale_f32"], F32, &[F32, F32, F32], |l, s| div_scale(l, F32, s)).kind(Kind::CarryOut),
    row(&["v_div_scale_f64"], F64, &[F64, F64, F64], |l, s| div_scale(l, F64, s)).kind(Kind::CarryOut),
    row(&["v_div_fmas_f32"], F32, &[F32, F32, F32], |l, s| div_fmas(l, F32, s)).kind(Kind::ReadsVcc),
    row(&["v_div_fmas_f64"], F64, &[F64, F64, F64], |l, s| div_fmas(l, F64, s)).kind(Kind::ReadsVcc),
    row(&["v_div_fixup_f32"], F32, &[F32, F32, F32], |l, s| div_fixup(l, F32, s)),
    row(&["v_div_fixup_f64"], F64, &[F64, F64, F64], |l, s| div_fixup(l, F64, s)),
    row(&["v_div_fixup_f16"], F16, &[F16, F16, F16], |l, s| div_fixup(l, F16, s)).keeps(),
    row(&["v_div_fixup_legacy_f16"], F16, &[F16, F16, F16], |l, s| div_fixup(l, F16, s)),
    row(&["v_cubeid_f32"], F32, &[F32, F32, F32], |l, s| odd_cube(l, s, 0)),
    row(&["v_cubesc_f32"], F32, &[F32, F32, F32], |l, s| odd_cube(l, s, 1)),
    row(&["v_cubetc_f32"], F32, &[F32, F32, F32], |l, s| odd_cube(l, s, 2)),
    row(&["v_cubema_f32"], F32, &[F32, F32, F32], |l, s| odd_cube(l, s, 3)),
    row(&["v_dot2_f32_f16"], F32, &[PkF16, PkF16, F32], |l, s| dot2(l, F16, s)),
    row(&["v_dot2c_f32_f16", "v_dot2acc_f32_f16"], F32, &[PkF16, PkF16, F32], |l, s| dot2(l, F16, s)).accumulates(),
    row(&["v_dot2_f32_bf16"], F32, &[PkBF16, PkBF16, F32], |l, s| dot2(l, BF16, s)),
    row(&["v_pk_add_f16"], PkF16, &[PkF16, PkF16], |l, [a, b, _]| add(l, F16, a, b)).kind(Kind::Packed),
    row(&["v_pk_mul_f16"], PkF16, &[PkF16, PkF16], |l, [a, b, _]| mul(l, F16, a, b)).kind(Kind::Packed),
    row(&["v_pk_fma_f16"], PkF16, &[PkF16, PkF16, PkF16], |l, [a, b, c]| fma(l, F16, a, b, c)).kind(Kind::Packed),
    row(&["v_pk_fmac_f16"], PkF16, &[PkF16, PkF16, PkF16], |l, [a, b, c]| fma(l, F16, a, b, c))
        .kind(Kind::Packed)
        .accumulates(),
    row(&["v_pk_min_f16", "v_pk_min_num_f16"], PkF16, &[PkF16, PkF16], |l, [a, b, _]| extreme(l, F16, a, b, false))
        .kind(Kind::Packed),
    row(&["v_pk_max_f16", "v_pk_max_num_f16"], PkF16, &[PkF16, PkF16], |l, [a, b, _]| extreme(l, F16, a, b, true))
        .kind(Kind::Packed),
    row(&["v_pk_minimum_f16"], PkF16, &[PkF16, PkF16], |l, [a, b, _]| extreme_2019(l, F16, a, b, false))
        .kind(Kind::Packed),
    row(&["v_pk_maximum_f16"], PkF16, &[PkF16, PkF16], |l, [a, b, _]| extreme_2019(l, F16, a, b, true))
        .kind(Kind::Packed),
    row(&["v_pk_add_f32"], PkF32, &[PkF32, PkF32], |l, [a, b, _]| add(l, F32, a, b)).kind(Kind::PackedWide),
    row(&["v_pk_mul_f32"], PkF32, &[PkF32, PkF32], |l, [a, b, _]| mul(l, F32, a, b)).kind(Kind::PackedWide),
    row(&["v_pk_fma_f32"], PkF32, &[PkF32, PkF32, PkF32], |l, [a, b, c]| fma(l, F32, a, b, c)).kind(Kind::PackedWide),
    row(&["v_minmax_f32", "v_minmax_num_f32"], F32, &[F32, F32, F32], |l, [a, b, c]| {
        let first = extreme(l, F32, a, b, false);
        extreme(l, F32, first, c, true)
    }),
    row(&["v_maxmin_f32", "v_maxmin_num_f32"], F32, &[F32, F32, F32], |l, [a, b, c]| {
        let first = extreme(l, F32, a, b, true);
        extreme(l, F32, first, c, false)
    }),
    row(&["v_minmax_f16", "v_minmax_num_f16"], F16, &[F16, F16, F16], |l, [a, b, c]| {
        let first = extreme(l, F16, a, b, false);
        extreme(l, F16, first, c, true)
    }),
    row(&["v_maxmin_f16", "v_maxmin_num_f16"], F16, &[F16, F16, F16], |l, [a, b, c]| {
        let first = extreme(l, F16, a, b, true);
        extreme(l, F16, first, c, false)
    }),
    row(&["v_minimum3_f32"], F32, &[F32, F32, F32], |l, s| extreme3_2019(l, F32, s, false, false)),
    row(&["v_maximum3_f32"], F32, &[F32, F32, F32], |l, s| extreme3_2019(l, F32, s, true, true)),
    row(&["v_minimummaximum_f32"], F32, &[F32, F32, F32], |l, s| extreme3_2019(l, F32, s, false, true)),
    row(&["v_maximumminimum_f32"], F32, &[F32, F32, F32], |l, s| extreme3_2019(l, F32, s, true, false)),
    row(&["v_minimum3_f16"], F16, &[F16, F16, F16], |l, s| extreme3_2019(l, F16, s, false, false)),
    row(&["v_maximum3_f16"], F16, &[F16, F16, F16], |l, s| extreme3_2019(l, F16, s, true, true)),
    row(&["v_minimummaximum_f16"], F16, &[F16, F16, F16], |l, s| extreme3_2019(l, F16, s, false, true)),
    row(&["v_maximumminimum_f16"], F16, &[F16, F16, F16], |l, s| extreme3_2019(l, F16, s, true, false)),
];
