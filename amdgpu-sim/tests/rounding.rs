//! Rounding as MODE says: results against exact integers, rounded by hand.

mod support;

use half::f16;
use support::{
    Buffer, Program, Shape, assemble, have_llvm, kernel,
    lanes::{GFX942, Machine, Test, all_targets, check, words},
};

const GFX1100: Machine = Machine { target: "gfx1100", lanes: 32 };
const GFX1201: Machine = Machine { target: "gfx1201", lanes: 32 };

/// MODE's four rounding modes, as it encodes them.
const MODES: [u32; 4] = [0, 1, 2, 3];

/// A number that is an integer times a power of two.
#[derive(Clone, Copy)]
struct Exact {
    integer: i128,
    power: i32,
}

impl Exact {
    /// A finite number.
    fn of(x: f64) -> Self {
        let bits = x.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as i32;
        let mantissa = (bits & ((1 << 52) - 1)) as i128 | i128::from(exponent != 0) << 52;
        let zeros = if mantissa == 0 { 0 } else { mantissa.trailing_zeros() };
        let integer = mantissa >> zeros;
        Self { integer: if x < 0.0 { -integer } else { integer }, power: exponent.max(1) - 1075 + zeros as i32 }
    }

    fn times(self, other: Self) -> Self {
        Self { integer: self.integer * other.integer, power: self.power + other.power }
    }

    fn plus(self, other: Self) -> Self {
        let power = self.power.min(other.power);
        let at = |x: Self| x.integer << (x.power - power);
        Self { integer: at(self) + at(other), power }
    }

    fn scaled(self, by: i32) -> Self {
        Self { power: self.power + by, ..self }
    }

    /// The number of `digits` bits, none below `smallest`, that MODE's rounding gives.
    fn rounded(self, digits: i32, smallest: i32, mode: u32) -> f64 {
        let (negative, magnitude) = (self.integer < 0, self.integer.unsigned_abs());
        let length = 128 - magnitude.leading_zeros() as i32;
        let drop = (length - digits).max(smallest - self.power);
        if drop <= 0 {
            return magnitude as f64 * power(self.power) * if negative { -1.0 } else { 1.0 };
        }
        let kept = if drop > 127 { 0 } else { magnitude >> drop };
        let rest = if drop > 127 { magnitude } else { magnitude & ((1 << drop) - 1) };
        let up = match mode {
            0 => {
                let half = 1_u128 << (drop - 1).min(127);
                drop <= 127 && (rest > half || rest == half && kept & 1 == 1)
            }
            1 => rest != 0 && !negative,
            2 => rest != 0 && negative,
            _ => false,
        };
        (kept + u128::from(up)) as f64 * power(self.power + drop) * if negative { -1.0 } else { 1.0 }
    }
}

/// Two to a power, also a denormal one.
fn power(n: i32) -> f64 {
    2_f64.powi(n / 2) * 2_f64.powi(n - n / 2)
}

/// A type: its name, bits of its mantissa, the smallest power of two that counts, its encoding.
#[derive(Clone, Copy)]
struct Type {
    name: &'static str,
    digits: i32,
    smallest: i32,
    words: usize,
    encode: fn(f64) -> u64,
    /// A number of the type, from random bits, near one.
    number: fn(u64) -> f64,
}

const F16: Type = Type {
    name: "f16",
    digits: 11,
    smallest: -24,
    words: 1,
    encode: |x| u64::from(f16::from_f64(x).to_bits()),
    number: |bits| f16::from_bits(bits as u16 & 0x83ff | (0xc + (bits >> 32) as u16 % 8) << 10).to_f64(),
};
const F32: Type = Type {
    name: "f32",
    digits: 24,
    smallest: -149,
    words: 1,
    encode: |x| u64::from((x as f32).to_bits()),
    number: |bits| f64::from(f32::from_bits(bits as u32 & 0x807f_ffff | (0x7c + (bits >> 40) as u32 % 6) << 23)),
};
const F64: Type = Type {
    name: "f64",
    digits: 53,
    smallest: -1074,
    words: 2,
    encode: f64::to_bits,
    number: |bits| f64::from_bits(bits & 0x800f_ffff_ffff_ffff | (0x3fd + (bits >> 61 & 3)) << 52),
};

/// Numbers of a type.
fn numbers(ty: Type, seed: u64) -> Vec<f64> {
    let words = words(seed, 128);
    words.chunks_exact(2).map(|pair| (ty.number)(u64::from(pair[0]) | u64::from(pair[1]) << 32)).collect()
}

/// Sets MODE, f16 and f64 as f32, and denormals that count.
fn with_mode(machine: Machine, mode: u32, text: &str) -> String {
    let set = if machine == GFX942 {
        format!("s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 8), {}", 0xf0 | mode << 2 | mode)
    } else {
        format!("s_round_mode {}\ns_denorm_mode 15", mode << 2 | mode)
    };
    format!("{set}\n{text}")
}

/// The registers of a source or a result.
fn range(first: usize, words: usize) -> String {
    if words == 1 { format!("v{first}") } else { format!("v[{first}:{}]", first + 1) }
}

/// What an instruction computes of its sources, exactly.
type Operation = fn(&[Exact]) -> Exact;

#[test]
fn sums_and_products_are_rounded_as_mode_says() {
    if !have_llvm() {
        return;
    }
    let add: Operation = |s| s[0].plus(s[1]);
    let sub: Operation = |s| s[0].plus(Exact { integer: -s[1].integer, ..s[1] });
    let mul: Operation = |s| s[0].times(s[1]);
    let fma: Operation = |s| s[0].times(s[1]).plus(s[2]);
    for machine in [GFX942, GFX1100, GFX1201] {
        let mut tests = Vec::new();
        for (ty, operations) in [
            (F32, vec![("add", add), ("sub", sub), ("mul", mul), ("fma", fma), ("fmac", fma)]),
            (F16, vec![("add", add), ("sub", sub), ("mul", mul), ("fma", fma), ("fmac", fma)]),
            (F64, vec![("add", add), ("mul", mul), ("fma", fma)]),
        ] {
            let sources = [numbers(ty, 51), numbers(ty, 52), numbers(ty, 53)];
            for (name, operation) in operations {
                if machine == GFX942 && (ty.name, name) == ("f16", "fmac") {
                    continue;
                }
                for mode in MODES {
                    let (two, accumulates) = (matches!(name, "add" | "sub" | "mul"), name == "fmac");
                    let mut operands = vec![range(8, ty.words), range(2, ty.words), range(4, ty.words)];
                    if !two && !accumulates {
                        operands.push(range(6, ty.words));
                    }
                    let text = format!("v_{name}_{} {}", ty.name, operands.join(", "));
                    let expected = (0..64).map(|lane| {
                        let exact: Vec<Exact> = sources.iter().map(|source| Exact::of(source[lane])).collect();
                        (ty.encode)(operation(&exact).rounded(ty.digits, ty.smallest, mode))
                    });
                    let encoded = |source: &Vec<f64>| source.iter().map(|x| (ty.encode)(*x)).collect::<Vec<u64>>();
                    let old = if accumulates { encoded(&sources[2]) } else { vec![0; 64] };
                    tests.push(Test {
                        text: with_mode(machine, mode, &text),
                        sources: sources.iter().map(encoded).collect(),
                        width: ty.words,
                        old: old.iter().map(|word| *word as u32).collect(),
                        expected: expected.collect(),
                    });
                }
            }
        }
        check(machine, tests);
    }
}

#[test]
fn packed_and_mixed_arithmetic_is_rounded_as_mode_says() {
    if !have_llvm() {
        return;
    }
    let mut tests = Vec::new();
    for mode in MODES {
        // Two f32.
        let halves = [61, 62, 63].map(|seed| [numbers(F32, seed), numbers(F32, seed + 10)]);
        let exact = |lane: usize, half: usize| halves.clone().map(|source| Exact::of(source[half][lane]));
        let encoded = |source: &[Vec<f64>; 2]| -> Vec<u64> {
            (0..64).map(|lane| (F32.encode)(source[0][lane]) | (F32.encode)(source[1][lane]) << 32).collect()
        };
        let operations: [(&str, Operation); 3] = [
            ("v_pk_add_f32 v[8:9], v[2:3], v[4:5]", |s| s[0].plus(s[1])),
            ("v_pk_mul_f32 v[8:9], v[2:3], v[4:5]", |s| s[0].times(s[1])),
            ("v_pk_fma_f32 v[8:9], v[2:3], v[4:5], v[6:7]", |s| s[0].times(s[1]).plus(s[2])),
        ];
        for (text, operation) in operations {
            let round = |lane: usize, half: usize| {
                (F32.encode)(operation(&exact(lane, half)).rounded(F32.digits, F32.smallest, mode))
            };
            tests.push(Test {
                text: with_mode(GFX942, mode, text),
                sources: halves.iter().map(encoded).collect(),
                width: 2,
                old: vec![0; 64],
                expected: (0..64).map(|lane| round(lane, 0) | round(lane, 1) << 32).collect(),
            });
        }
        // Two f16, and the multiply-add that ends in one.
        let halves = [81, 82, 83].map(|seed| [numbers(F16, seed), numbers(F16, seed + 10)]);
        let exact = |lane: usize, half: usize| halves.clone().map(|source| Exact::of(source[half][lane]));
        let encoded = |source: &[Vec<f64>; 2]| -> Vec<u64> {
            (0..64).map(|lane| (F16.encode)(source[0][lane]) | (F16.encode)(source[1][lane]) << 16).collect()
        };
        let operations: [(&str, Operation); 3] = [
            ("v_pk_add_f16 v8, v2, v4", |s| s[0].plus(s[1])),
            ("v_pk_mul_f16 v8, v2, v4", |s| s[0].times(s[1])),
            ("v_pk_fma_f16 v8, v2, v4, v6", |s| s[0].times(s[1]).plus(s[2])),
        ];
        for (text, operation) in operations {
            let round = |lane: usize, half: usize| {
                (F16.encode)(operation(&exact(lane, half)).rounded(F16.digits, F16.smallest, mode))
            };
            tests.push(Test {
                text: with_mode(GFX942, mode, text),
                sources: halves.iter().map(encoded).collect(),
                width: 1,
                old: vec![0; 64],
                expected: (0..64).map(|lane| round(lane, 0) | round(lane, 1) << 16).collect(),
            });
        }
        let twice = |lane: usize| {
            let [a, b, c] = exact(lane, 0);
            let wide = a.times(b).plus(c).rounded(F32.digits, F32.smallest, mode);
            (F16.encode)(Exact::of(wide).rounded(F16.digits, F16.smallest, mode))
        };
        tests.push(Test {
            text: with_mode(GFX942, mode, "v_fma_mixlo_f16 v8, v2, v4, v6 op_sel_hi:[1,1,1]"),
            sources: halves.iter().map(encoded).collect(),
            width: 1,
            old: vec![0x1234_5678; 64],
            expected: (0..64).map(|lane| twice(lane) | 0x1234_0000).collect(),
        });
    }
    check(GFX942, tests);
}

#[test]
fn conversions_are_rounded_as_mode_says() {
    if !have_llvm() {
        return;
    }
    let mut tests = Vec::new();
    let integers: Vec<u64> = words(91, 64).into_iter().map(u64::from).collect();
    let wide = numbers(F64, 92);
    // Far apart, denormal f16 among them.
    let singles: Vec<f64> = words(93, 64)
        .iter()
        .enumerate()
        .map(|(lane, word)| f64::from(f32::from_bits(word & 0x807f_ffff | (0x66 + lane as u32 % 24) << 23)))
        .collect();
    for mode in MODES {
        let mut add = |text: &str, source: &[u64], expected: Vec<u64>| {
            let (text, sources) = (with_mode(GFX942, mode, text), vec![source.to_vec()]);
            tests.push(Test { text, sources, width: 1, old: vec![0; 64], expected });
        };
        let integer =
            |x: i128, ty: Type| (ty.encode)(Exact { integer: x, power: 0 }.rounded(ty.digits, ty.smallest, mode));
        let all = |f: &dyn Fn(u64) -> u64| integers.iter().map(|x| f(*x)).collect::<Vec<u64>>();
        add("v_cvt_f32_u32 v8, v2", &integers, all(&|x| integer(i128::from(x), F32)));
        add("v_cvt_f32_i32 v8, v2", &integers, all(&|x| integer(i128::from(x as u32 as i32), F32)));
        add("v_cvt_f16_i16 v8, v2", &integers, all(&|x| integer(i128::from(x as u16 as i16), F16)));
        let doubles: Vec<u64> = wide.iter().map(|x| x.to_bits()).collect();
        let narrowed = wide.iter().map(|x| (F32.encode)(Exact::of(*x).rounded(F32.digits, F32.smallest, mode)));
        add("v_cvt_f32_f64 v8, v[2:3]", &doubles, narrowed.collect());
        let sources: Vec<u64> = singles.iter().map(|x| (F32.encode)(*x)).collect();
        let halves = singles.iter().map(|x| {
            let x = Exact::of(*x).rounded(F16.digits, F16.smallest, mode);
            // A denormal f16 is what f64 encodes too, with a sign that zero may have.
            (F16.encode)(x)
        });
        add("v_cvt_f16_f32 v8, v2", &sources, halves.collect());
    }
    check(GFX942, tests);
}

#[test]
fn scaling_is_rounded_as_mode_says() {
    if !have_llvm() {
        return;
    }
    let mut tests = Vec::new();
    for mode in MODES {
        for (ty, by, source) in [(F32, -140, 2), (F64, -1060, 2), (F16, -18, 2)] {
            let values = numbers(ty, 101);
            let exponents: Vec<i32> = (0..64).map(|lane| by + lane % 12 - 6).collect();
            let expected = (0..64).map(|lane| {
                (ty.encode)(Exact::of(values[lane]).scaled(exponents[lane]).rounded(ty.digits, ty.smallest, mode))
            });
            let text = format!("v_ldexp_{} {}, {}, v4", ty.name, range(8, ty.words), range(source, ty.words));
            tests.push(Test {
                text: with_mode(GFX942, mode, &text),
                sources: vec![
                    values.iter().map(|x| (ty.encode)(*x)).collect(),
                    exponents.iter().map(|n| u64::from(*n as u32)).collect(),
                ],
                width: ty.words,
                old: vec![0; 64],
                expected: expected.collect(),
            });
        }
        // The last step of a division: odd lanes are scaled by a power of two that the third source's size chooses.
        for (ty, by) in [(F32, 64), (F64, 128)] {
            let [a, b, c] = [111, 112, 113].map(|seed| numbers(ty, seed));
            let expected = (0..64).map(|lane| {
                let sum = Exact::of(a[lane]).times(Exact::of(b[lane])).plus(Exact::of(c[lane]));
                let scale = match (lane % 2, c[lane].abs() >= 2.0) {
                    (0, _) => 0,
                    (_, true) => by,
                    (_, false) => -by,
                };
                (ty.encode)(sum.scaled(scale).rounded(ty.digits, ty.smallest, mode))
            });
            let [d, x, y, z] = [8, 2, 4, 6].map(|first| range(first, ty.words));
            let text = format!(
                "s_mov_b32 vcc_lo, 0xaaaaaaaa\ns_mov_b32 vcc_hi, 0xaaaaaaaa\nv_div_fmas_{} {d}, {x}, {y}, {z}",
                ty.name
            );
            tests.push(Test {
                text: with_mode(GFX942, mode, &text),
                sources: [&a, &b, &c].map(|source| source.iter().map(|x| (ty.encode)(*x)).collect()).to_vec(),
                width: ty.words,
                old: vec![0; 64],
                expected: expected.collect(),
            });
        }
    }
    check(GFX942, tests);
}

#[test]
fn numbers_too_large_stop_at_the_largest_or_do_not() {
    if !have_llvm() {
        return;
    }
    let (largest, infinity) = (u64::from(f32::MAX.to_bits()), u64::from(f32::INFINITY.to_bits()));
    let mut tests = Vec::new();
    for (mode, positive, negative) in
        [(0, infinity, infinity), (1, infinity, largest), (2, largest, infinity), (3, largest, largest)]
    {
        for (sign, magnitude) in [(0, positive), (1 << 31, negative)] {
            tests.push(Test {
                text: with_mode(GFX942, mode, "v_add_f32 v8, v2, v2"),
                sources: vec![vec![largest | sign; 64]],
                width: 1,
                old: vec![0; 64],
                expected: vec![magnitude | sign; 64],
            });
        }
        // An exact zero has the sign that the direction gives it.
        let one = u64::from(1_f32.to_bits());
        tests.push(Test {
            text: with_mode(GFX942, mode, "v_sub_f32 v8, v2, v2"),
            sources: vec![vec![one; 64]],
            width: 1,
            old: vec![0; 64],
            expected: vec![if mode == 2 { 1 << 31 } else { 0 }; 64],
        });
        // A NaN stays what it was.
        tests.push(Test {
            text: with_mode(GFX942, mode, "v_mul_f32 v8, v2, v4"),
            sources: vec![vec![0x7fc1_2345; 64], vec![one; 64]],
            width: 1,
            old: vec![0; 64],
            expected: vec![0x7fc1_2345; 64],
        });
    }
    check(GFX942, tests);
}

#[test]
fn scalar_floats_are_rounded_as_mode_says() {
    if !have_llvm() {
        return;
    }
    let mut tests = Vec::new();
    let (x, y) = (1.000_000_1_f32, 3.333_333_3_f32);
    let exact = |x: f32| Exact::of(f64::from(x));
    for mode in MODES {
        let scalars = format!("s_mov_b32 s10, {:#x}\ns_mov_b32 s11, {:#x}", x.to_bits(), y.to_bits());
        for (name, value) in [("add", exact(x).plus(exact(y))), ("mul", exact(x).times(exact(y)))] {
            let text = format!("{scalars}\ns_{name}_f32 s12, s10, s11\nv_mov_b32 v8, s12");
            let expected = (F32.encode)(value.rounded(F32.digits, F32.smallest, mode));
            let text = with_mode(GFX1201, mode, &text);
            tests.push(Test { text, sources: vec![], width: 1, old: vec![0; 64], expected: vec![expected; 64] });
        }
        let text = "s_mov_b32 s10, 0x1000001\ns_cvt_f32_u32 s12, s10\nv_mov_b32 v8, s12".to_owned();
        let value = Exact { integer: 0x100_0001, power: 0 }.rounded(F32.digits, F32.smallest, mode);
        let text = with_mode(GFX1201, mode, &text);
        let expected = vec![(F32.encode)(value); 64];
        tests.push(Test { text, sources: vec![], width: 1, old: vec![0; 64], expected });
    }
    check(GFX1201, tests);
}

#[test]
fn the_kernel_descriptor_says_how_to_round() {
    if !have_llvm() {
        return;
    }
    all_targets();
    let body = "s_load_dwordx2 s[4:5], s[0:1], 0\nv_mov_b32 v1, 0x3f800000\nv_mov_b32 v2, 0x2f800000\n\
                v_add_f32 v3, v1, v2\nv_cvt_f16_f32 v4, v3\nv_mov_b32 v5, 0\ns_waitcnt lgkmcnt(0)\n\
                global_store_dword v5, v3, s[4:5]\nglobal_store_dword v5, v4, s[4:5] offset:4\ns_endpgm";
    for (single, double, expected) in [
        (0, 0, [0x3f80_0000, 0x3c00]),
        (1, 0, [0x3f80_0001, 0x3c00]),
        (1, 1, [0x3f80_0001, 0x3c01]),
        (2, 1, [0x3f80_0000, 0x3c00]),
    ] {
        let modes = format!(
            ".amdhsa_float_round_mode_32 {single}\n.amdhsa_float_round_mode_16_64 {double}\n.end_amdhsa_kernel"
        );
        let text = kernel(body).replace(".end_amdhsa_kernel", &modes);
        let (program, out) = (Program::new(&assemble(&text)), Buffer::new(&[0_u32; 2]));
        program.launch("k", &[out.address as u64], Shape::linear(64, 64)).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(out.read(), expected, "{single} {double}");
    }
}
