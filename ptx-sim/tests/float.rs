//! Floating-point instructions against software floating point, bit by bit.

mod support;

use rustc_apfloat::{
    Float, FloatConvert, Round,
    ieee::{BFloat, Double, Half, Quad, Single},
};
use support::instruction::{
    Case,
    Kind::{self, Brain, Integer, Predicate},
    case, check,
};

const B32: Kind = Integer(32);

/// The bits of a result: what is no number has one form.
fn bits<F: Float>(x: F) -> u64 {
    if !x.is_nan() {
        return x.to_bits() as u64;
    }
    match F::BITS {
        16 => 0x7fff,
        32 => 0x7fff_ffff,
        _ => 0x7ff8_0000_0000_0000,
    }
}

fn of<F: Float>(bits: u64) -> F {
    F::from_bits(u128::from(bits))
}

/// Zero with the same sign in place of what is no normal number.
fn flushed<F: Float>(x: F) -> F {
    if x.is_denormal() { F::ZERO.copy_sign(x) } else { x }
}

const ROUNDINGS: [(&str, Round); 4] = [
    (".rn", Round::NearestTiesToEven),
    (".rz", Round::TowardZero),
    (".rm", Round::TowardNegative),
    (".rp", Round::TowardPositive),
];

/// Sum, difference, product, and fused product and sum of a type in a rounding.
fn arithmetic<F: Float + 'static>(all: &mut Vec<Case>, kind: Kind, rounding: &str, round: Round, ty: &str) {
    let two = [kind; 2];
    all.push(case(format!("add{rounding}.{ty} $r, $a, $b;"), kind, &two, move |v| {
        bits(of::<F>(v[0]).add_r(of(v[1]), round).value)
    }));
    all.push(case(format!("sub{rounding}.{ty} $r, $a, $b;"), kind, &two, move |v| {
        bits(of::<F>(v[0]).sub_r(of(v[1]), round).value)
    }));
    all.push(case(format!("mul{rounding}.{ty} $r, $a, $b;"), kind, &two, move |v| {
        bits(of::<F>(v[0]).mul_r(of(v[1]), round).value)
    }));
    all.push(case(format!("fma{rounding}.{ty} $r, $a, $b, $c;"), kind, &[kind; 3], move |v| {
        bits(of::<F>(v[0]).mul_add_r(of(v[1]), of(v[2]), round).value)
    }));
}

#[test]
fn single() {
    let kind = Kind::Single;
    let mut all = Vec::new();
    for (name, round) in ROUNDINGS {
        arithmetic::<Single>(&mut all, kind, name, round, "f32");
        all.push(case(format!("mad{name}.f32 $r, $a, $b, $c;"), kind, &[kind; 3], move |v| {
            bits(of::<Single>(v[0]).mul_add_r(of(v[1]), of(v[2]), round).value)
        }));
        all.push(case(format!("div{name}.f32 $r, $a, $b;"), kind, &[kind; 2], move |v| {
            bits(of::<Single>(v[0]).div_r(of(v[1]), round).value)
        }));
        all.push(case(format!("rcp{name}.f32 $r, $a;"), kind, &[kind], move |v| {
            bits(of::<Single>(0x3f80_0000).div_r(of(v[0]), round).value)
        }));
        all.push(case(format!("add{name}.ftz.f32 $r, $a, $b;"), kind, &[kind; 2], move |v| {
            bits(flushed(flushed(of::<Single>(v[0])).add_r(flushed(of(v[1])), round).value))
        }));
        all.push(case(format!("fma{name}.ftz.sat.f32 $r, $a, $b, $c;"), kind, &[kind; 3], move |v| {
            let [a, b, c] = [0, 1, 2].map(|n| flushed(of::<Single>(v[n])));
            let x = flushed(a.mul_add_r(b, c, round).value);
            // -0 becomes +0, too.
            if x.is_nan() || x.is_negative() || x.is_zero() { 0 } else { bits(x).min(0x3f80_0000) }
        }));
    }
    // Without a rounding it is to the nearest.
    all.push(case("add.f32 $r, $a, 0f3F800000;", kind, &[kind], |v| {
        bits((of::<Single>(v[0]) + of(0x3f80_0000)).value)
    }));
    check("sm_70", &all);
}

#[test]
fn double() {
    let kind = Kind::Double;
    let mut all = Vec::new();
    for (name, round) in ROUNDINGS {
        arithmetic::<Double>(&mut all, kind, name, round, "f64");
        all.push(case(format!("div{name}.f64 $r, $a, $b;"), kind, &[kind; 2], move |v| {
            bits(of::<Double>(v[0]).div_r(of(v[1]), round).value)
        }));
        all.push(case(format!("rcp{name}.f64 $r, $a;"), kind, &[kind], move |v| {
            bits(of::<Double>(1.0_f64.to_bits()).div_r(of(v[0]), round).value)
        }));
    }
    check("sm_70", &all);
}

#[test]
fn halves() {
    let mut all = Vec::new();
    arithmetic::<Half>(&mut all, Kind::Half, "", Round::NearestTiesToEven, "f16");
    all.retain(|case| !case.text.starts_with("fma"));
    arithmetic::<Half>(&mut all, Kind::Half, ".rn", Round::NearestTiesToEven, "f16");
    arithmetic::<BFloat>(&mut all, Brain, ".rn", Round::NearestTiesToEven, "bf16");
    let pairs = Kind::Halves;
    let each = |f: fn(Half, Half) -> Half| {
        move |v: &[u64]| {
            let at = |n: u32| bits(f(of(v[0] >> n & 0xffff), of(v[1] >> n & 0xffff))) << n;
            at(0) | at(16)
        }
    };
    all.push(case("add.rn.f16x2 $r, $a, $b;", pairs, &[pairs; 2], each(|a, b| (a + b).value)));
    all.push(case("mul.f16x2 $r, $a, $b;", pairs, &[pairs; 2], each(|a, b| (a * b).value)));
    all.push(case(
        "sub.ftz.f16x2 $r, $a, $b;",
        pairs,
        &[pairs; 2],
        each(|a, b| flushed((flushed(a) - flushed(b)).value)),
    ));
    all.push(case("fma.rn.f16x2 $r, $a, $b, $a;", pairs, &[pairs; 2], each(|a, b| a.mul_add(b, a).value)));
    all.push(case("fma.rn.relu.f16 $r, $a, $b, $c;", Kind::Half, &[Kind::Half; 3], |v| {
        let x = of::<Half>(v[0]).mul_add(of(v[1]), of(v[2])).value;
        if !x.is_nan() && x.is_negative() { 0 } else { bits(x) }
    }));
    check("sm_90", &all);
}

/// Roots: the result's square is compared with the number in quadruple precision, which holds it.
#[test]
fn roots() {
    fn root<F: Float + FloatConvert<Quad>>(x: F, round: Round) -> impl Fn(F) -> bool {
        let wide = |x: F| -> Quad { x.convert(&mut false).value };
        move |root| {
            if x.is_zero() {
                return root.is_zero() && root.is_negative() == x.is_negative();
            }
            if x.is_nan() || x.is_negative() {
                return root.is_nan();
            }
            if x.is_infinite() {
                return root.is_infinite() && !root.is_negative();
            }
            let square = |y: F| (wide(y) * wide(y)).value;
            let (below, above) = (root.next_down().value, root.next_up().value);
            let middle = |a: F, b: F| ((wide(a) + wide(b)).value * Quad::from_bits(0x3ffe << 112)).value;
            let square_of_middle = |a: F, b: F| (middle(a, b) * middle(a, b)).value;
            match round {
                Round::TowardPositive => square(root) >= wide(x) && square(below) < wide(x),
                Round::TowardZero | Round::TowardNegative => square(root) <= wide(x) && square(above) > wide(x),
                _ => square_of_middle(below, root) < wide(x) && wide(x) < square_of_middle(root, above),
            }
        }
    }
    // The result goes through as it is; what is wrong is found here.
    fn holds(is_right: bool) -> u64 {
        u64::from(is_right)
    }
    for (name, round) in ROUNDINGS {
        let mut random = support::Random::new(7);
        let gpu = support::Gpu::of(
            "sm_70",
            &format!(
                ".visible .entry k(.param .u64 p)\n{{ .reg .b64 %x<4>; .reg .b32 %t, %f; .reg .b64 %d;\n\
                 ld.param.u64 %x1, [p]; mov.u32 %t, %tid.x; mul.wide.u32 %x2, %t, 16; add.u64 %x1, %x1, %x2;\n\
                 ld.global.b64 %d, [%x1]; sqrt{name}.f64 %d, %d; st.global.b64 [%x1], %d;\n\
                 ld.global.b32 %f, [%x1+8]; sqrt{name}.f32 %f, %f; st.global.b32 [%x1+8], %f; ret; }}"
            ),
        );
        for _ in 0..4 {
            let values: Vec<(u64, u64)> =
                (0..1024).map(|_| (Kind::Double.value(&mut random), Kind::Single.value(&mut random))).collect();
            let bytes: Vec<u64> = values.iter().flat_map(|(double, single)| [*double, *single]).collect();
            let buffer = gpu.buffer(&support::bytes(&bytes, 8));
            gpu.launch("k", 1, 1024, &[buffer]).unwrap();
            let results = support::numbers(&gpu.read(buffer, 16 * 1024), 8);
            for ((double, single), result) in values.iter().zip(results.chunks(2)) {
                let right = root::<Double>(of(*double), round)(of(result[0]));
                assert_eq!(holds(right), 1, "sqrt{name}.f64 of {double:x} is {:x}", result[0]);
                let right = root::<Single>(of(*single), round)(of(result[1] & 0xffff_ffff));
                assert_eq!(holds(right), 1, "sqrt{name}.f32 of {single:x} is {:x}", result[1]);
            }
        }
    }
}

/// The smaller or larger one by its rank: zeros have signs, and what is no number loses.
fn extreme<F: Float>(a: F, b: F, is_min: bool, nan: bool) -> F {
    if a.is_nan() || b.is_nan() {
        return if nan || a.is_nan() && b.is_nan() {
            F::NAN
        } else if a.is_nan() {
            b
        } else {
            a
        };
    }
    let rank = |x: F| {
        let magnitude = (x.to_bits() & ((1 << (F::BITS - 1)) - 1)) as i128;
        if x.is_negative() { -magnitude - 1 } else { magnitude }
    };
    if (rank(a) < rank(b)) == is_min { a } else { b }
}

#[test]
fn extremes() {
    fn of_type<F: Float + 'static>(all: &mut Vec<Case>, kind: Kind, ty: &str, has_nan: bool) {
        for (opcode, is_min) in [("min", true), ("max", false)] {
            all.push(case(format!("{opcode}.{ty} $r, $a, $b;"), kind, &[kind; 2], move |v| {
                bits(extreme::<F>(of(v[0]), of(v[1]), is_min, false))
            }));
            if has_nan {
                all.push(case(format!("{opcode}.NaN.{ty} $r, $a, $b;"), kind, &[kind; 2], move |v| {
                    bits(extreme::<F>(of(v[0]), of(v[1]), is_min, true))
                }));
                all.push(case(format!("{opcode}.NaN.xorsign.abs.{ty} $r, $a, $b;"), kind, &[kind; 2], move |v| {
                    let (a, b) = (of::<F>(v[0]), of::<F>(v[1]));
                    let x = extreme(a.abs(), b.abs(), is_min, true);
                    bits(if !x.is_nan() && a.is_negative() != b.is_negative() { -x } else { x })
                }));
            }
        }
    }
    let mut all = Vec::new();
    of_type::<Single>(&mut all, Kind::Single, "f32", true);
    of_type::<Double>(&mut all, Kind::Double, "f64", false);
    of_type::<Half>(&mut all, Kind::Half, "f16", true);
    of_type::<BFloat>(&mut all, Brain, "bf16", true);
    check("sm_90", &all);
}

#[test]
fn signs_and_classes() {
    let mut all = Vec::new();
    for (kind, ty) in [(Kind::Single, "f32"), (Kind::Double, "f64")] {
        let sign = 1_u64 << (kind.bits() - 1);
        all.push(case(format!("abs.{ty} $r, $a;"), kind, &[kind], move |v| v[0] & !sign));
        all.push(case(format!("neg.{ty} $r, $a;"), kind, &[kind], move |v| v[0] ^ sign));
        all.push(case(format!("copysign.{ty} $r, $a, $b;"), kind, &[kind; 2], move |v| v[1] & !sign | v[0] & sign));
        let infinity = if ty == "f32" { 0x7f80_0000 } else { 0x7ff0_0000_0000_0000 };
        let least = if ty == "f32" { 0x0080_0000 } else { 0x0010_0000_0000_0000 };
        type Class = fn(u64, u64, u64) -> bool;
        let classes: [(&str, Class); 6] = [
            ("finite", |x, infinity, _| x < infinity),
            ("infinite", |x, infinity, _| x == infinity),
            ("number", |x, infinity, _| x <= infinity),
            ("notanumber", |x, infinity, _| x > infinity),
            ("normal", |x, infinity, least| x >= least && x < infinity),
            ("subnormal", |x, _, least| x > 0 && x < least),
        ];
        for (name, f) in classes {
            all.push(case(format!("testp.{name}.{ty} $r, $a;"), Predicate, &[kind], move |v| {
                u64::from(f(v[0] & !sign, infinity, least))
            }));
        }
    }
    check("sm_70", &all);
}

#[test]
fn comparisons() {
    type Relation = fn(Option<std::cmp::Ordering>) -> bool;
    let relations: [(&str, Relation); 14] = [
        ("eq", |o| o.is_some_and(|o| o.is_eq())),
        ("ne", |o| o.is_some_and(|o| o.is_ne())),
        ("lt", |o| o.is_some_and(|o| o.is_lt())),
        ("le", |o| o.is_some_and(|o| o.is_le())),
        ("gt", |o| o.is_some_and(|o| o.is_gt())),
        ("ge", |o| o.is_some_and(|o| o.is_ge())),
        ("equ", |o| o.is_none_or(|o| o.is_eq())),
        ("neu", |o| o.is_none_or(|o| o.is_ne())),
        ("ltu", |o| o.is_none_or(|o| o.is_lt())),
        ("leu", |o| o.is_none_or(|o| o.is_le())),
        ("gtu", |o| o.is_none_or(|o| o.is_gt())),
        ("geu", |o| o.is_none_or(|o| o.is_ge())),
        ("num", |o| o.is_some()),
        ("nan", |o| o.is_none()),
    ];
    let mut all = Vec::new();
    for (name, f) in relations {
        fn asked<F: Float>(v: &[u64]) -> Option<std::cmp::Ordering> {
            of::<F>(v[0]).partial_cmp(&of(v[1]))
        }
        all.push(case(format!("setp.{name}.f32 $r, $a, $b;"), Predicate, &[Kind::Single; 2], move |v| {
            u64::from(f(asked::<Single>(v)))
        }));
        all.push(case(format!("setp.{name}.f64 $r, $a, $b;"), Predicate, &[Kind::Double; 2], move |v| {
            u64::from(f(asked::<Double>(v)))
        }));
        all.push(case(format!("setp.{name}.f16 $r, $a, $b;"), Predicate, &[Kind::Half; 2], move |v| {
            u64::from(f(asked::<Half>(v)))
        }));
        all.push(case(format!("setp.{name}.bf16 $r, $a, $b;"), Predicate, &[Brain; 2], move |v| {
            u64::from(f(asked::<BFloat>(v)))
        }));
        all.push(case(format!("setp.{name}.ftz.f32 $r, $a, $b;"), Predicate, &[Kind::Single; 2], move |v| {
            u64::from(f(flushed(of::<Single>(v[0])).partial_cmp(&flushed(of(v[1])))))
        }));
        all.push(case(format!("set.{name}.u32.f32 $r, $a, $b;"), B32, &[Kind::Single; 2], move |v| {
            u64::from(f(asked::<Single>(v))) * 0xffff_ffff
        }));
        // The first predicate is for the low halves, the second for the high ones.
        all.push(case(format!("setp.{name}.f16x2 %p1|$r, $a, $b;"), Predicate, &[Kind::Halves; 2], move |v| {
            u64::from(f(asked::<Half>(&[v[0] >> 16, v[1] >> 16])))
        }));
    }
    all.push(case("slct.f32.f32 $r, $a, $b, $c;", Kind::Single, &[Kind::Single; 3], |v| {
        let c = of::<Single>(v[2]);
        if !c.is_nan() && (c.is_zero() || !c.is_negative()) { v[0] } else { v[1] }
    }));
    check("sm_90", &all);
}

/// Approximations, which here are the nearest numbers to what the C library gives in double precision.
#[test]
fn approximations() {
    type Function = fn(f64) -> f64;
    let functions: [(&str, Function); 7] = [
        ("sin", f64::sin),
        ("cos", f64::cos),
        ("lg2", f64::log2),
        ("ex2", f64::exp2),
        ("rsqrt", |x| 1.0 / x.sqrt()),
        ("rcp", |x| 1.0 / x),
        ("sqrt", f64::sqrt),
    ];
    let single = |x: f64| if x.is_nan() { 0x7fff_ffff } else { u64::from((x as f32).to_bits()) };
    let mut all = Vec::new();
    for (name, f) in functions {
        all.push(case(format!("{name}.approx.f32 $r, $a;"), Kind::Single, &[Kind::Single], move |v| {
            single(f(f64::from(f32::from_bits(v[0] as u32))))
        }));
    }
    all.push(case("tanh.approx.f32 $r, $a;", Kind::Single, &[Kind::Single], move |v| {
        single(f64::from(f32::from_bits(v[0] as u32)).tanh())
    }));
    all.push(case("div.approx.f32 $r, $a, $b;", Kind::Single, &[Kind::Single; 2], |v| {
        bits((of::<Single>(v[0]) / of(v[1])).value)
    }));
    all.push(case("div.full.ftz.f32 $r, $a, $b;", Kind::Single, &[Kind::Single; 2], |v| {
        bits(flushed((flushed(of::<Single>(v[0])) / flushed(of(v[1]))).value))
    }));
    // Of f64 the upper half is right.
    all.push(case("rcp.approx.ftz.f64 $r, $a;", Kind::Double, &[Kind::Double], |v| {
        bits(flushed((of::<Double>(1.0_f64.to_bits()) / flushed(of(v[0]))).value)) >> 32 << 32
    }));
    check("sm_75", &all);
}
