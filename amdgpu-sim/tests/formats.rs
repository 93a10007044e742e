//! Number formats: 8-bit floats, dot products, packed and mixed arithmetic, against models on the host that look at each bit
//! pattern by itself.

mod support;

use half::f16;
use support::{
    have_llvm,
    lanes::{GFX90A, GFX942, Machine, Test, check, words},
};

const GFX1201: Machine = Machine { target: "gfx1201", lanes: 32 };
const GFX1100: Machine = Machine { target: "gfx1100", lanes: 32 };
const GFX1030: Machine = Machine { target: "gfx1030", lanes: 32 };

/// The value of a floating-point number with this many bits of exponent and mantissa.
fn decode(bits: u32, exponent_bits: u32, mantissa_bits: u32, bias: i32) -> f64 {
    let mantissa = f64::from(bits & ((1 << mantissa_bits) - 1)) / f64::from(1 << mantissa_bits);
    let exponent = (bits >> mantissa_bits & ((1 << exponent_bits) - 1)) as i32;
    let value = match exponent {
        0 => mantissa * 2_f64.powi(1 - bias),
        _ => (1.0 + mantissa) * 2_f64.powi(exponent - bias),
    };
    if bits >> (exponent_bits + mantissa_bits) & 1 == 1 { -value } else { value }
}

/// The value of an 8-bit float; `None` for NaN.
fn decode8(bits: u8, mantissa: u32, fnuz: bool) -> Option<f64> {
    let value = || decode(u32::from(bits), 7 - mantissa, mantissa, (1 << (6 - mantissa)) - i32::from(!fnuz));
    match (mantissa, fnuz) {
        (_, true) if bits == 0x80 => None,
        (3, false) if bits & 0x7f == 0x7f => None,
        (2, false) if bits & 0x7f > 0x7c => None,
        (2, false) if bits & 0x7f == 0x7c => Some(if bits == 0x7c { f64::INFINITY } else { f64::NEG_INFINITY }),
        _ => Some(value()),
    }
}

/// The 8-bit float that is nearest, ties to even, among all of them.
fn encode8(x: f64, mantissa: u32, fnuz: bool) -> u8 {
    let finite = |bits: u8| decode8(bits, mantissa, fnuz).filter(|value| value.is_finite());
    let negative = x.is_sign_negative();
    let magnitudes = (0..0x80_u8).filter_map(|bits| finite(bits).map(|value| (bits, value)));
    let all: Vec<(u8, f64)> = magnitudes.collect();
    let (last, largest) = all[all.len() - 1];
    let step = largest - all[all.len() - 2].1;
    let sign = |bits: u8| if negative && !(fnuz && bits == 0) { bits | 0x80 } else { bits };
    // What rounds to the number after the largest one overflows; ties go there, because that one is even.
    let even = last & 1 == 0;
    let limit = largest + step / 2.0;
    if x.is_nan() || x.abs() > limit || x.abs() == limit && !even {
        return match (mantissa, fnuz) {
            (_, true) => 0x80,
            (2, false) if !x.is_nan() => sign(0x7c),
            _ => sign(0x7f),
        };
    }
    let distance = |value: f64| (value - x.abs()).abs();
    let best =
        all.iter().min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)).then_with(|| (a.0 & 1).cmp(&(b.0 & 1))));
    sign(best.unwrap().0)
}

/// f32 values around those that 8-bit floats have.
fn interesting_f32() -> Vec<u64> {
    let mut values: Vec<f32> = vec![
        0.0,
        -0.0,
        1.0,
        240.0,
        248.0,
        247.9,
        256.0,
        448.0,
        464.0,
        463.9,
        480.0,
        57344.0,
        61439.0,
        61440.0,
        65536.0,
        1e30,
        -1e30,
        1e-30,
        f32::MAX,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    values.extend((0..6).map(|n| 2_f32.powi(-10) * (0.25 + 0.5 * n as f32)));
    values.extend((0..6).map(|n| -2_f32.powi(-17) * (0.25 + 0.5 * n as f32)));
    let random = words(7, 64 - values.len());
    values.extend(random.iter().map(|word| f32::from_bits(word & 0x87ff_ffff | 0x3800_0000)));
    values.iter().map(|value| u64::from(value.to_bits())).collect()
}

/// The same values in other lanes, so that waves of 32 see all.
fn rotated(values: &[u64], by: usize) -> Vec<u64> {
    (0..64).map(|lane| values[(lane + by) % 64]).collect()
}

#[test]
fn eight_bit_floats_are_converted() {
    if !have_llvm() {
        return;
    }
    for (machine, fnuz) in [(GFX942, true), (GFX1201, false)] {
        let mut tests = Vec::new();
        for (name, mantissa) in [("fp8", 3), ("bf8", 2)] {
            let to_f32 = |bits: u8| match decode8(bits, mantissa, fnuz) {
                Some(value) => u64::from((value as f32).to_bits()),
                None => 0x7fc0_0000,
            };
            // All bit patterns, a byte of each word at a time.
            for start in (0..256_u32).step_by(machine.lanes) {
                let word = |lane: u32| (start + lane) & 0xff;
                let spread = |lane: u32| {
                    u64::from(
                        word(lane) | (word(lane) ^ 0x5a) << 8 | (word(lane) ^ 0xa5) << 16 | (word(lane) ^ 0xff) << 24,
                    )
                };
                let source: Vec<u64> = (0..64).map(spread).collect();
                for byte in 0..4 {
                    let text = match (fnuz, byte) {
                        (_, 0) => format!("v_cvt_f32_{name} v8, v2"),
                        (true, _) => format!("v_cvt_f32_{name}_sdwa v8, v2 src0_sel:BYTE_{byte}"),
                        (false, _) => format!("v_cvt_f32_{name} v8, v2 byte_sel:{byte}"),
                    };
                    let expected = source.iter().map(|word| to_f32((word >> (8 * byte)) as u8)).collect();
                    let sources = vec![source.clone()];
                    tests.push(Test { text, sources, width: 1, old: vec![0; 64], expected });
                }
                for half in 0..2 {
                    let text = match (fnuz, half) {
                        (_, 0) => format!("v_cvt_pk_f32_{name} v[8:9], v2"),
                        (true, _) => format!("v_cvt_pk_f32_{name}_sdwa v[8:9], v2 src0_sel:WORD_1"),
                        (false, _) => format!("v_cvt_pk_f32_{name} v[8:9], v2 op_sel:[1,0]"),
                    };
                    let pair = |word: &u64| {
                        to_f32((word >> (16 * half)) as u8) | to_f32((word >> (16 * half + 8)) as u8) << 32
                    };
                    let expected = source.iter().map(pair).collect();
                    let sources = vec![source.clone()];
                    tests.push(Test { text, sources, width: 2, old: vec![0; 64], expected });
                }
            }
            let values = interesting_f32();
            for turn in 0..2 {
                let (a, b) = (rotated(&values, 32 * turn), rotated(&values, 32 * turn + 5));
                let encode = |bits: u64, flip: bool| {
                    let x = f64::from(f32::from_bits(bits as u32));
                    u64::from(encode8(if flip { -x } else { x }, mantissa, fnuz))
                };
                for high in [false, true] {
                    let text = format!("v_cvt_pk_{name}_f32 v8, v2, -v4{}", if high { " op_sel:[0,0,1]" } else { "" });
                    let pair = |(a, b): (&u64, &u64)| {
                        let pair = encode(*a, false) | encode(*b, true) << 8;
                        if high { pair << 16 | 0x5678 } else { pair | 0x1234_0000 }
                    };
                    let expected = a.iter().zip(&b).map(pair).collect();
                    let sources = vec![a.clone(), b.clone()];
                    tests.push(Test { text, sources, width: 1, old: vec![0x1234_5678; 64], expected });
                }
                // What is representable is not changed by random bits, whatever they are.
                for byte in 0..4_u32 {
                    let exact: Vec<u64> = a
                        .iter()
                        .map(|a| {
                            let x =
                                decode8(encode8(f64::from(f32::from_bits(*a as u32)), mantissa, fnuz), mantissa, fnuz);
                            u64::from((x.unwrap_or(0.5) as f32).to_bits())
                        })
                        .collect();
                    let random: Vec<u64> = words(3, 64).into_iter().map(u64::from).collect();
                    let text = match (fnuz, byte) {
                        (true, _) => format!("v_cvt_sr_{name}_f32 v8, v2, v4 op_sel:[0,0,{},{}]", byte & 1, byte >> 1),
                        (false, _) => format!("v_cvt_sr_{name}_f32 v8, v2, v4 byte_sel:{byte}"),
                    };
                    let expected = exact
                        .iter()
                        .map(|bits| 0x1234_5678 & !(0xff << (8 * byte)) | encode(*bits, false) << (8 * byte))
                        .collect();
                    tests.push(Test {
                        text,
                        sources: vec![exact, random],
                        width: 1,
                        old: vec![0x1234_5678; 64],
                        expected,
                    });
                }
            }
            // A quarter of the way to the next number: up for the highest quarter of random bits.
            let low = 0x38_u8;
            let (x, y) = (decode8(low, mantissa, fnuz).unwrap(), decode8(low + 1, mantissa, fnuz).unwrap());
            let source = vec![u64::from(((x + (y - x) / 4.0) as f32).to_bits()); 64];
            let random: Vec<u64> =
                (0..64_u64).map(|lane| (lane * 64 / machine.lanes as u64) << 26 & 0xffff_ffff).collect();
            let expected = random.iter().map(|random| u64::from(low) + u64::from(*random >= 0xc000_0000)).collect();
            let text = format!("v_cvt_sr_{name}_f32 v8, v2, v4");
            tests.push(Test { text, sources: vec![source, random], width: 1, old: vec![0; 64], expected });
        }
        check(machine, tests);
    }
}

#[test]
fn eight_bit_floats_saturate_if_mode_says_so() {
    if !have_llvm() {
        return;
    }
    for (machine, [fp8, bf8], infinity) in [(GFX942, [0x7f, 0x7f], 0x80), (GFX1201, [0x7e, 0x7b], 0x7f)] {
        let values: Vec<u64> = [1e9_f32, -1e9, f32::INFINITY].iter().map(|x| u64::from(x.to_bits())).collect();
        let values: Vec<u64> = (0..64).map(|lane| values[lane % 3]).collect();
        let setreg = "s_setreg_imm32_b32 hwreg(HW_REG_MODE, 23, 1), 1";
        let zero = vec![u64::from(0_f32.to_bits()); 64];
        let test = |name: &str, largest: u64, infinity: u64| Test {
            text: format!("{setreg}\nv_cvt_pk_{name}_f32 v8, v2, v4"),
            sources: vec![values.clone(), zero.clone()],
            width: 1,
            old: vec![0; 64],
            expected: (0..64).map(|lane| [largest, largest | 0x80, infinity][lane % 3]).collect(),
        };
        let bf8_infinity = if machine == GFX942 { 0x80 } else { 0x7c };
        check(machine, vec![test("fp8", fp8, infinity), test("bf8", bf8, bf8_infinity)]);
    }
}

/// Element `index` of `bits` bits.
fn element(word: u64, index: usize, bits: usize, signed: bool) -> i128 {
    let value = (word >> (index * bits)) & ((1 << bits) - 1);
    if signed && value >> (bits - 1) == 1 { i128::from(value) - (1 << bits) } else { i128::from(value) }
}

#[test]
fn dot_products_of_integers_wrap_or_saturate() {
    if !have_llvm() {
        return;
    }
    let cdna = [
        ("v_dot2_i32_i16", 16, true, true),
        ("v_dot2_u32_u16", 16, false, true),
        ("v_dot4_i32_i8", 8, true, true),
        ("v_dot4_u32_u8", 8, false, true),
        ("v_dot8_i32_i4", 4, true, true),
        ("v_dot8_u32_u4", 4, false, true),
        ("v_dot2c_i32_i16", 16, true, false),
        ("v_dot4c_i32_i8", 8, true, false),
        ("v_dot8c_i32_i4", 4, true, false),
    ];
    let rdna2 = [cdna[0], cdna[1], cdna[2], cdna[3], cdna[4], cdna[5], cdna[7]];
    let rdna3 = [cdna[3], cdna[5]];
    let machines: [(Machine, &[_]); 5] =
        [(GFX90A, &cdna), (GFX942, &cdna), (GFX1030, &rdna2), (GFX1100, &rdna3), (GFX1201, &rdna3)];
    let random = |seed: u64| words(seed, 64).into_iter().map(u64::from).collect::<Vec<u64>>();
    // Third operands near the ends, so that sums overflow.
    let third: Vec<u64> = words(3, 64)
        .iter()
        .enumerate()
        .map(|(lane, word)| match lane % 4 {
            0 => u64::from(*word),
            1 => 0x7fff_ff00,
            2 => 0x8000_0010,
            _ => 0xffff_fff0,
        })
        .collect();
    let (a, b) = (random(1), random(2));
    let sum = |lane: usize, bits: usize, signs: [bool; 2], unsigned: bool| {
        let c = if unsigned { i128::from(third[lane]) } else { i128::from(third[lane] as u32 as i32) };
        let terms = (0..32 / bits).map(|i| element(a[lane], i, bits, signs[0]) * element(b[lane], i, bits, signs[1]));
        c + terms.sum::<i128>()
    };
    let clamped = |sum: i128, unsigned: bool| {
        let (low, high) = if unsigned { (0, (1 << 32) - 1) } else { (-(1 << 31), (1 << 31) - 1) };
        sum.clamp(low, high)
    };
    for (machine, list) in machines {
        let mut tests = Vec::new();
        let mut add = |text: String, old: &[u64], expected: Vec<i128>| {
            let expected = expected.into_iter().map(|sum| sum as u64 & 0xffff_ffff).collect();
            let old = old.iter().map(|word| *word as u32).collect();
            tests.push(Test { text, sources: vec![a.clone(), b.clone(), third.clone()], width: 1, old, expected });
        };
        for (name, bits, signed, separate) in list.iter().copied() {
            let sums: Vec<i128> = (0..64).map(|lane| sum(lane, bits, [signed; 2], !signed)).collect();
            if separate {
                add(format!("{name} v8, v2, v4, v6"), &third, sums.clone());
                let clamped = sums.iter().map(|sum| clamped(*sum, !signed)).collect();
                add(format!("{name} v8, v2, v4, v6 clamp"), &third, clamped);
            } else {
                add(format!("{name} v8, v2, v4"), &third, sums);
            }
        }
        if matches!(machine.target, "gfx1100" | "gfx1201") {
            for (name, bits) in [("v_dot4_i32_iu8", 8), ("v_dot8_i32_iu4", 4)] {
                for signs in [[false, false], [true, false], [false, true], [true, true]] {
                    let [x, y] = signs.map(u8::from);
                    let sums: Vec<i128> = (0..64).map(|lane| sum(lane, bits, signs, false)).collect();
                    let modifiers = if x + y == 0 { String::new() } else { format!(" neg_lo:[{x},{y},0]") };
                    add(format!("{name} v8, v2, v4, v6{modifiers}"), &third, sums.clone());
                    let clamped = sums.iter().map(|sum| clamped(*sum, false)).collect();
                    add(format!("{name} v8, v2, v4, v6{modifiers} clamp"), &third, clamped);
                }
            }
        }
        check(machine, tests);
    }
}

#[test]
fn dot_products_choose_halves() {
    if !have_llvm() {
        return;
    }
    let random = |seed: u64| words(seed, 64).into_iter().map(u64::from).collect::<Vec<u64>>();
    let (a, b, c) = (random(11), random(12), random(13));
    let expected = (0..64).map(|lane| {
        let half = |word: u64, index: usize| element(word, index, 16, true);
        let sum = half(a[lane], 1) * half(b[lane], 0) + half(a[lane], 0) * half(b[lane], 0);
        (i128::from(c[lane]) + sum) as u64 & 0xffff_ffff
    });
    let text = "v_dot2_i32_i16 v8, v2, v4, v6 op_sel:[1,0,0] op_sel_hi:[0,0,1]".to_owned();
    let expected = expected.collect();
    // CDNA 3 has no such choice.
    check(GFX1030, vec![Test { text, sources: vec![a, b, c], width: 1, old: vec![0; 64], expected }]);
}

/// An f16 with a small whole number or a half in it.
fn small(word: u32) -> f16 {
    f16::from_f32(((word % 33) as f32 - 16.0) / 2.0)
}

/// The upper half of an f32.
fn bf16(x: f32) -> u64 {
    u64::from(x.to_bits() >> 16)
}

#[test]
fn dot_products_of_floats_are_exact_where_they_can_be() {
    if !have_llvm() {
        return;
    }
    let numbers = |seed: u64| -> Vec<[f32; 4]> {
        let words = words(seed, 256);
        words.chunks_exact(4).map(|w| [0, 1, 2, 3].map(|i| small(w[i]).to_f32())).collect()
    };
    let (a, b) = (numbers(21), numbers(22));
    let third: Vec<f32> = words(23, 64).iter().map(|word| (word % 1001) as f32 - 500.0).collect();
    let pack = |values: &[[f32; 4]], encode: &dyn Fn(f32) -> u64, bits: usize, count: usize| -> Vec<u64> {
        let word = |values: &[f32; 4]| (0..count).fold(0, |word, i| word | encode(values[i]) << (i * bits));
        values.iter().map(word).collect()
    };
    let f16s = |x: f32| u64::from(f16::from_f32(x).to_bits());
    let f32s = |values: &[f32]| values.iter().map(|x| u64::from(x.to_bits())).collect::<Vec<u64>>();
    let sum = |lane: usize, count: usize| (0..count).map(|i| a[lane][i] * b[lane][i]).sum::<f32>();
    let zero = vec![0_u32; 64];
    let c_words: Vec<u32> = third.iter().map(|x| x.to_bits()).collect();

    let machines = [GFX90A, GFX942, GFX1030, GFX1100, GFX1201];
    for machine in machines {
        let mut tests = Vec::new();
        let mut add = |text: &str, sources: [Vec<u64>; 3], old: &[u32], expected: Vec<u64>| {
            let (text, sources) = (text.to_owned(), sources.to_vec());
            tests.push(Test { text, sources, width: 1, old: old.to_vec(), expected });
        };
        let expected = |scale: f32| -> Vec<u64> {
            (0..64).map(|lane| u64::from((scale * third[lane] + sum(lane, 2)).to_bits())).collect()
        };
        let halves = || [pack(&a, &f16s, 16, 2), pack(&b, &f16s, 16, 2), f32s(&third)];
        add("v_dot2_f32_f16 v8, v2, v4, v6", halves(), &zero, expected(1.0));
        add("v_dot2_f32_f16 v8, v2, v4, v6 neg_lo:[0,0,1]", halves(), &zero, expected(-1.0));
        let limited = expected(1.0).into_iter().map(|bits| {
            let x = f32::from_bits(bits as u32).clamp(0.0, 1.0);
            u64::from(if x == 0.0 { 0 } else { x.to_bits() })
        });
        add("v_dot2_f32_f16 v8, v2, v4, v6 clamp", halves(), &zero, limited.collect());
        let mixed =
            (0..64).map(|lane| u64::from((third[lane] - a[lane][0] * b[lane][0] + a[lane][1] * b[lane][1]).to_bits()));
        add("v_dot2_f32_f16 v8, v2, v4, v6 neg_lo:[1,0,0]", halves(), &zero, mixed.collect());
        match machine.target {
            "gfx1100" => add("v_dot2acc_f32_f16 v8, v2, v4", halves(), &c_words, expected(1.0)),
            "gfx1201" => {}
            _ => add("v_dot2c_f32_f16 v8, v2, v4", halves(), &c_words, expected(1.0)),
        }
        if matches!(machine.target, "gfx1100" | "gfx1201") {
            let brains = || [pack(&a, &bf16, 16, 2), pack(&b, &bf16, 16, 2), f32s(&third)];
            add("v_dot2_f32_bf16 v8, v2, v4, v6", brains(), &zero, expected(1.0));
            // Quarters up to 128 and whole numbers up to 500 add up exactly in f16.
            let third_half: Vec<u64> = third.iter().map(|x| f16s(*x)).collect();
            let [x, y, _] = halves();
            let narrow = |lane: usize| f16s(third[lane] + sum(lane, 2));
            let sources = || [x.clone(), y.clone(), third_half.clone()];
            let low = (0..64).map(|lane| narrow(lane) | 0xabcd_0000).collect();
            add("v_dot2_f16_f16 v8, v2, v4, v6", sources(), &[0xabcd_1234; 64], low);
            let high = (0..64).map(|lane| narrow(lane) << 16 | 0x1234).collect();
            let shifted = [x.clone(), y.clone(), third_half.iter().map(|c| c << 16).collect()];
            add("v_dot2_f16_f16 v8, v2, v4, v6 op_sel:[0,0,1,1]", shifted, &[0xabcd_1234; 64], high);
            // Small enough for eight bits.
            let few: Vec<[f32; 4]> = a.iter().map(|a| a.map(|x| x.signum())).collect();
            let units: Vec<[f32; 4]> = b.iter().map(|b| b.map(|x| (x as i32 % 4) as f32)).collect();
            let c: Vec<f32> = third.iter().map(|x| (*x as i32 % 64) as f32).collect();
            let sources = [pack(&few, &bf16, 16, 2), pack(&units, &bf16, 16, 2), c.iter().map(|x| bf16(*x)).collect()];
            let sums =
                (0..64).map(|lane| bf16(c[lane] + few[lane][0] * units[lane][0] + few[lane][1] * units[lane][1]));
            add("v_dot2_bf16_bf16 v8, v2, v4, v6", sources, &zero, sums.collect());
        }
        if machine.target == "gfx1201" {
            for (name, first, second) in [("fp8_fp8", 3, 3), ("fp8_bf8", 3, 2), ("bf8_fp8", 2, 3), ("bf8_bf8", 2, 2)] {
                let round =
                    |x: f32, mantissa: u32| decode8(encode8(f64::from(x), mantissa, false), mantissa, false).unwrap();
                let encode = |mantissa: u32| move |x: f32| u64::from(encode8(f64::from(x), mantissa, false));
                let sums = (0..64).map(|lane| {
                    let terms = (0..4).map(|i| round(a[lane][i], first) * round(b[lane][i], second));
                    u64::from(((f64::from(third[lane]) + terms.sum::<f64>()) as f32).to_bits())
                });
                let sources = [pack(&a, &encode(first), 8, 4), pack(&b, &encode(second), 8, 4), f32s(&third)];
                add(&format!("v_dot4_f32_{name} v8, v2, v4, v6"), sources, &zero, sums.collect());
            }
        }
        check(machine, tests);
    }
}

#[test]
fn dot_products_take_denormals_as_they_are_documented_to() {
    if !have_llvm() {
        return;
    }
    let test = |machine: Machine, a: u64, b: u64, c: u64, expected: u64| {
        let sources = [a, b, c].map(|value| vec![value; 64]).to_vec();
        let text = "v_dot2_f32_f16 v8, v2, v4, v6".to_owned();
        check(machine, vec![Test { text, sources, width: 1, old: vec![0; 64], expected: vec![expected; 64] }]);
    };
    // A denormal f16 times one counts, but on gfx90a.
    test(GFX942, 1, 0x3c00, 0, u64::from(2_f32.powi(-24).to_bits()));
    test(GFX90A, 1, 0x3c00, 0, 0);
    // A denormal f32 does not.
    test(GFX942, 0, 0, 1, 0);
}

#[test]
fn packed_arithmetic_is_limited_by_clamp() {
    if !have_llvm() {
        return;
    }
    let random = |seed: u64| words(seed, 64).into_iter().map(u64::from).collect::<Vec<u64>>();
    let (a, b, c) = (random(31), random(32), random(33));
    let halves = |f: fn(i64, i64, i64) -> i64, signed: bool, clamp: bool| -> Vec<u64> {
        let half = |word: u64, shift: u32| {
            let x = (word >> shift) as u16;
            if signed { i64::from(x as i16) } else { i64::from(x) }
        };
        let (low, high) = if signed { (-32768, 32767) } else { (0, 65535) };
        let limit = |x: i64| (if clamp { x.clamp(low, high) } else { x }) as u16;
        (0..64)
            .map(|lane| {
                let part =
                    |shift| u64::from(limit(f(half(a[lane], shift), half(b[lane], shift), half(c[lane], shift))));
                part(0) | part(16) << 16
            })
            .collect()
    };
    for machine in [GFX942, GFX1030, GFX1201] {
        let mut tests = Vec::new();
        type Operation = fn(i64, i64, i64) -> i64;
        let (add, subtract): (Operation, Operation) = (|a, b, _| a + b, |a, b, _| a - b);
        let multiply: Operation = |a, b, c| a * b + c;
        let operations = [
            ("v_pk_add_u16", false, add, false),
            ("v_pk_sub_u16", false, subtract, false),
            ("v_pk_add_i16", true, add, false),
            ("v_pk_sub_i16", true, subtract, false),
            ("v_pk_mad_u16", false, multiply, true),
            ("v_pk_mad_i16", true, multiply, true),
        ];
        for (name, signed, f, three) in operations {
            for clamp in [false, true] {
                let operands = if three { "v2, v4, v6" } else { "v2, v4" };
                let text = format!("{name} v8, {operands}{}", if clamp { " clamp" } else { "" });
                let sources = vec![a.clone(), b.clone(), c.clone()];
                tests.push(Test { text, sources, width: 1, old: vec![0; 64], expected: halves(f, signed, clamp) });
            }
        }
        // Between 0 and 1, and NaN becomes 0.
        let values: Vec<f16> = (0..64).map(|lane| f16::from_f32((lane as f32 - 20.0) / 16.0)).collect();
        let nan = f16::NAN;
        let words: Vec<u64> = values
            .iter()
            .enumerate()
            .map(|(lane, x)| u64::from(x.to_bits()) | u64::from(if lane % 5 == 0 { nan } else { *x }.to_bits()) << 16)
            .collect();
        let limit = |x: f16| {
            let x = x.to_f32() * 2.0;
            let x = if x.is_nan() || x <= 0.0 { 0.0 } else { x.min(1.0) };
            u64::from(f16::from_f32(x).to_bits())
        };
        let expected: Vec<u64> = words
            .iter()
            .map(|word| limit(f16::from_bits(*word as u16)) | limit(f16::from_bits((word >> 16) as u16)) << 16)
            .collect();
        let text = "v_pk_add_f16 v8, v2, v4 clamp".to_owned();
        let sources = vec![words.clone(), words.clone()];
        tests.push(Test { text, sources, width: 1, old: vec![0; 64], expected: expected.clone() });
        let zeros = vec![0_u64; 64];
        // The multiply-add of mixed types: twice an f16, with and without a limit.
        let two = vec![u64::from(2_f32.to_bits()); 64];
        let mix = |text: &str, expected: Vec<u64>| Test {
            text: text.to_owned(),
            sources: vec![words.clone(), two.clone(), zeros.clone()],
            width: 1,
            old: vec![0x1234_5678; 64],
            expected,
        };
        let high = |word: &u64| f16::from_bits((word >> 16) as u16).to_f32();
        let wide = words.iter().map(|word| {
            let x = high(word) * 2.0;
            u64::from(if x.is_nan() || x <= 0.0 { 0.0 } else { x.min(1.0) }.to_bits())
        });
        tests.push(mix("v_fma_mix_f32 v8, v2, v4, v6 op_sel:[1,0,0] op_sel_hi:[1,0,0] clamp", wide.collect()));
        let low = expected.iter().map(|pair| pair >> 16 | 0x1234_0000).collect();
        tests.push(mix("v_fma_mixlo_f16 v8, v2, v4, v6 op_sel:[1,0,0] op_sel_hi:[1,0,0] clamp", low));
        let high = expected.iter().map(|pair| pair & 0xffff_0000 | 0x5678).collect();
        tests.push(mix("v_fma_mixhi_f16 v8, v2, v4, v6 op_sel:[1,0,0] op_sel_hi:[1,0,0] clamp", high));
        check(machine, tests);
    }
    // Two f32 in a pair of registers.
    let pair = |x: f32, y: f32| u64::from(x.to_bits()) | u64::from(y.to_bits()) << 32;
    let values: Vec<u64> = (0..64).map(|lane| pair((lane as f32 - 20.0) / 16.0, (40.0 - lane as f32) / 16.0)).collect();
    let limit = |x: f32| if x <= 0.0 { 0.0 } else { x.min(1.0) };
    let expected =
        (0..64).map(|lane| pair(limit((lane as f32 - 20.0) / 8.0), limit((40.0 - lane as f32) / 8.0))).collect();
    let text = "v_pk_add_f32 v[8:9], v[2:3], v[4:5] clamp".to_owned();
    check(GFX942, vec![Test { text, sources: vec![values.clone(), values], width: 2, old: vec![0; 64], expected }]);
}

#[test]
fn packed_multiply_adds_accumulate() {
    if !have_llvm() {
        return;
    }
    let pairs =
        |seed: u64| -> Vec<[f16; 2]> { words(seed, 64).iter().map(|word| [small(*word), small(word >> 16)]).collect() };
    let (a, b, c) = (pairs(41), pairs(42), pairs(43));
    let word = |pair: &[f16; 2]| u64::from(pair[0].to_bits()) | u64::from(pair[1].to_bits()) << 16;
    let expected = (0..64).map(|lane| {
        let sum = |i: usize| f16::from_f32(a[lane][i].to_f32() * b[lane][i].to_f32() + c[lane][i].to_f32());
        word(&[sum(0), sum(1)])
    });
    let expected: Vec<u64> = expected.collect();
    for machine in [GFX942, GFX1030, GFX1100, GFX1201] {
        let test = Test {
            text: "v_pk_fmac_f16 v8, v2, v4".to_owned(),
            sources: vec![a.iter().map(word).collect(), b.iter().map(word).collect()],
            width: 1,
            old: c.iter().map(|pair| word(pair) as u32).collect(),
            expected: expected.clone(),
        };
        check(machine, vec![test]);
    }
}
