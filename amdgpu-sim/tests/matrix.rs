//! Matrix instructions, against a plain product on the host. Where elements lie in registers is stated here once more, in
//! the form in which AMD's *Matrix Instruction Calculator* prints it.

mod support;

use std::collections::HashMap;

use half::{bf16, f16};
use support::{
    Buffer, Program, Shape, compile_c, have_clang, have_llvm,
    lanes::{Case, GFX90A, GFX942, Registers, all_targets},
    matrices::{BF8_FNUZ as BF8, Batch, FP8_FNUZ as FP8, Type, whole},
};

/// A dense MFMA of gfx942: shape, blocks, types of A, B and D.
struct Mfma {
    name: &'static str,
    shape: [usize; 4],
    a: Type,
    b: Type,
    d: Type,
}

fn mfmas() -> Vec<Mfma> {
    let mut all = Vec::new();
    let mut add = |name, shape, a, b, d| all.push(Mfma { name, shape, a, b, d });
    for (name, shape) in [
        ("v_mfma_f32_32x32x1_2b_f32", [32, 32, 1, 2]),
        ("v_mfma_f32_16x16x1_4b_f32", [16, 16, 1, 4]),
        ("v_mfma_f32_4x4x1_16b_f32", [4, 4, 1, 16]),
        ("v_mfma_f32_32x32x2_f32", [32, 32, 2, 1]),
        ("v_mfma_f32_16x16x4_f32", [16, 16, 4, 1]),
    ] {
        add(name, shape, Type::F32, Type::F32, Type::F32);
    }
    for (name, shape) in [("v_mfma_f32_16x16x8_xf32", [16, 16, 8, 1]), ("v_mfma_f32_32x32x4_xf32", [32, 32, 4, 1])] {
        add(name, shape, Type::Xf32, Type::Xf32, Type::F32);
    }
    for (name, shape) in [
        ("v_mfma_f32_32x32x4_2b_f16", [32, 32, 4, 2]),
        ("v_mfma_f32_16x16x4_4b_f16", [16, 16, 4, 4]),
        ("v_mfma_f32_4x4x4_16b_f16", [4, 4, 4, 16]),
        ("v_mfma_f32_32x32x8_f16", [32, 32, 8, 1]),
        ("v_mfma_f32_16x16x16_f16", [16, 16, 16, 1]),
    ] {
        add(name, shape, Type::F16, Type::F16, Type::F32);
    }
    for (name, shape) in [
        ("v_mfma_f32_32x32x4_2b_bf16", [32, 32, 4, 2]),
        ("v_mfma_f32_16x16x4_4b_bf16", [16, 16, 4, 4]),
        ("v_mfma_f32_4x4x4_16b_bf16", [4, 4, 4, 16]),
        ("v_mfma_f32_32x32x8_bf16", [32, 32, 8, 1]),
        ("v_mfma_f32_16x16x16_bf16", [16, 16, 16, 1]),
    ] {
        add(name, shape, Type::Bf16, Type::Bf16, Type::F32);
    }
    for (name, shape) in [
        ("v_mfma_i32_32x32x4_2b_i8", [32, 32, 4, 2]),
        ("v_mfma_i32_16x16x4_4b_i8", [16, 16, 4, 4]),
        ("v_mfma_i32_4x4x4_16b_i8", [4, 4, 4, 16]),
        ("v_mfma_i32_32x32x16_i8", [32, 32, 16, 1]),
        ("v_mfma_i32_16x16x32_i8", [16, 16, 32, 1]),
    ] {
        add(name, shape, Type::I8, Type::I8, Type::I32);
    }
    for (name, shape) in [("v_mfma_f64_16x16x4_f64", [16, 16, 4, 1]), ("v_mfma_f64_4x4x4_4b_f64", [4, 4, 4, 4])] {
        add(name, shape, Type::F64, Type::F64, Type::F64);
    }
    for (name, shape, a, b) in [
        ("v_mfma_f32_16x16x32_bf8_bf8", [16, 16, 32, 1], BF8, BF8),
        ("v_mfma_f32_16x16x32_bf8_fp8", [16, 16, 32, 1], BF8, FP8),
        ("v_mfma_f32_16x16x32_fp8_bf8", [16, 16, 32, 1], FP8, BF8),
        ("v_mfma_f32_16x16x32_fp8_fp8", [16, 16, 32, 1], FP8, FP8),
        ("v_mfma_f32_32x32x16_bf8_bf8", [32, 32, 16, 1], BF8, BF8),
        ("v_mfma_f32_32x32x16_bf8_fp8", [32, 32, 16, 1], BF8, FP8),
        ("v_mfma_f32_32x32x16_fp8_bf8", [32, 32, 16, 1], FP8, BF8),
        ("v_mfma_f32_32x32x16_fp8_fp8", [32, 32, 16, 1], FP8, FP8),
    ] {
        add(name, shape, a, b, Type::F32);
    }
    all
}

impl Mfma {
    fn registers(&self) -> [usize; 3] {
        let [m, n, k, blocks] = self.shape;
        let count = |elements: usize, bits: usize| elements * blocks * bits / 64 / 32;
        [count(m * k, self.a.bits()), count(n * k, self.b.bits()), count(m * n, self.d.bits())]
    }

    /// Lane and slot of `A[i][k]` of a block, and of `B[k][i]`.
    fn input(&self, i: usize, k: usize, block: usize) -> (usize, usize) {
        let [m, _, depth, blocks] = self.shape;
        // "A[i][k].block Lane: M * block + M * blocks * floor(k / n) + i", where n elements are in one lane.
        let n = m * depth * blocks / 64;
        (m * block + m * blocks * (k / n) + i, k % n)
    }

    /// Lane and slot of `D[i][j]` of a block.
    fn result(&self, i: usize, j: usize, block: usize) -> (usize, usize) {
        match (self.d == Type::F64, self.shape) {
            // "D[i][j] GPR: [2*floor(i / 4)+1 : 2*floor(i / 4)], Lane: 16 * (i % 4) + j"
            (true, [16, ..]) => (16 * (i % 4) + j, i / 4),
            // "GPR: [1:0], Lane: 16 * (i % 4) + 4 * block + j"
            (true, _) => (16 * i + 4 * block + j, 0),
            // "GPR: i, Lane: 4 * block + j"
            (_, [4, ..]) => (4 * block + j, i),
            // "GPR: 4 * block + (i % 4), Lane: 16 * floor(i / 4) + j"
            (_, [16, ..]) => (16 * (i / 4) + j, 4 * block + i % 4),
            // "GPR: 16 * block + 4 * floor(i / 8) + (i % 4), Lane: (32 * floor(i / 4)) % 64 + j"
            _ => (32 * (i / 4) % 64 + j, 16 * block + 4 * (i / 8) + i % 4),
        }
    }

    /// The registers of A, B and C, for matrices given by block, row and column.
    fn fill(
        &self,
        a: impl Fn(usize, usize, usize) -> f64,
        b: impl Fn(usize, usize, usize) -> f64,
        c: impl Fn(usize, usize, usize) -> f64,
    ) -> [Registers; 3] {
        let [m, _, depth, blocks] = self.shape;
        let mut all = self.registers().map(Registers::new);
        for block in 0..blocks {
            for k in 0..depth {
                for i in 0..m {
                    let (lane, slot) = self.input(i, k, block);
                    all[0].put(lane, slot, self.a.bits(), self.a.encode(a(block, i, k)));
                    all[1].put(lane, slot, self.b.bits(), self.b.encode(b(block, k, i)));
                }
            }
        }
        all[2] = self.results(c);
        all
    }

    /// The registers of C or D.
    fn results(&self, value: impl Fn(usize, usize, usize) -> f64) -> Registers {
        let [m, n, _, blocks] = self.shape;
        let mut registers = Registers::new(self.registers()[2]);
        for (block, i, j) in (0..blocks).flat_map(|block| (0..m).flat_map(move |i| (0..n).map(move |j| (block, i, j))))
        {
            let (lane, slot) = self.result(i, j, block);
            registers.put(lane, slot, self.d.bits(), self.d.encode(value(block, i, j)));
        }
        registers
    }
}

/// Registers of the tests: A from v2 on, B from v16 on, C and D from v24 on; and their like among AGPRs.
fn text(name: &str, files: [&str; 3], counts: [usize; 3], modifiers: &str) -> String {
    let range = |file: &str, first: usize, count: usize| match count {
        1 => format!("{file}{first}"),
        _ => format!("{file}[{first}:{}]", first + count - 1),
    };
    let [a, b, d] = files;
    let d = range(d, 24, counts[2]);
    format!("{name} {d}, {}, {}, {d} {modifiers}", range(a, 2, counts[0]), range(b, 16, counts[1]))
}

fn a(block: usize, i: usize, k: usize) -> f64 {
    whole(block * 4099 + i * 67 + k + 1)
}
fn b(block: usize, k: usize, j: usize) -> f64 {
    whole(block * 5003 + k * 131 + j * 7 + 3)
}
fn c(block: usize, i: usize, j: usize) -> f64 {
    10.0 * whole(block * 6007 + i * 37 + j * 11 + 5)
}

/// The inputs of an instruction of the usual registers.
fn inputs(files: [&'static str; 3], [a, b, c]: &[Registers; 3]) -> Vec<(&'static str, usize, Registers)> {
    vec![(files[0], 2, a.clone()), (files[1], 16, b.clone()), (files[2], 24, c.clone())]
}

#[test]
fn mfma_multiplies_whole_numbers_exactly() {
    if !have_llvm() {
        return;
    }
    let mut batch = Batch::default();
    for mfma in mfmas() {
        let (counts, depth) = (mfma.registers(), mfma.shape[2]);
        let all = mfma.fill(a, b, c);
        let d = mfma
            .results(|block, i, j| c(block, i, j) + (0..depth).map(|k| a(block, i, k) * b(block, k, j)).sum::<f64>());
        for files in [["v", "v", "v"], ["a", "v", "a"], ["v", "a", "a"]] {
            batch.add(text(mfma.name, files, counts, ""), inputs(files, &all), files[2], d.clone());
        }
        // EXEC is not looked at.
        let masked = format!("s_mov_b64 exec, 0x55\n{}", text(mfma.name, ["v"; 3], counts, ""));
        batch.add(masked, inputs(["v"; 3], &all), "v", d);
    }
    batch.check(GFX942);
}

/// The dense MFMA of gfx90a.
fn mfmas_of_gfx90a() -> Vec<Mfma> {
    let (f32, f16, bf16, i8, i32, f64) = (Type::F32, Type::F16, Type::Bf16, Type::I8, Type::I32, Type::F64);
    let all = [
        ("v_mfma_f32_32x32x1f32", [32, 32, 1, 2], f32, f32),
        ("v_mfma_f32_16x16x1f32", [16, 16, 1, 4], f32, f32),
        ("v_mfma_f32_4x4x1f32", [4, 4, 1, 16], f32, f32),
        ("v_mfma_f32_32x32x2f32", [32, 32, 2, 1], f32, f32),
        ("v_mfma_f32_16x16x4f32", [16, 16, 4, 1], f32, f32),
        ("v_mfma_f32_32x32x4f16", [32, 32, 4, 2], f16, f32),
        ("v_mfma_f32_16x16x4f16", [16, 16, 4, 4], f16, f32),
        ("v_mfma_f32_4x4x4f16", [4, 4, 4, 16], f16, f32),
        ("v_mfma_f32_32x32x8f16", [32, 32, 8, 1], f16, f32),
        ("v_mfma_f32_16x16x16f16", [16, 16, 16, 1], f16, f32),
        ("v_mfma_i32_32x32x4i8", [32, 32, 4, 2], i8, i32),
        ("v_mfma_i32_16x16x4i8", [16, 16, 4, 4], i8, i32),
        ("v_mfma_i32_4x4x4i8", [4, 4, 4, 16], i8, i32),
        ("v_mfma_i32_32x32x8i8", [32, 32, 8, 1], i8, i32),
        ("v_mfma_i32_16x16x16i8", [16, 16, 16, 1], i8, i32),
        ("v_mfma_f32_32x32x2bf16", [32, 32, 2, 2], bf16, f32),
        ("v_mfma_f32_16x16x2bf16", [16, 16, 2, 4], bf16, f32),
        ("v_mfma_f32_4x4x2bf16", [4, 4, 2, 16], bf16, f32),
        ("v_mfma_f32_32x32x4bf16", [32, 32, 4, 1], bf16, f32),
        ("v_mfma_f32_16x16x8bf16", [16, 16, 8, 1], bf16, f32),
        ("v_mfma_f32_32x32x4bf16_1k", [32, 32, 4, 2], bf16, f32),
        ("v_mfma_f32_16x16x4bf16_1k", [16, 16, 4, 4], bf16, f32),
        ("v_mfma_f32_4x4x4bf16_1k", [4, 4, 4, 16], bf16, f32),
        ("v_mfma_f32_32x32x8bf16_1k", [32, 32, 8, 1], bf16, f32),
        ("v_mfma_f32_16x16x16bf16_1k", [16, 16, 16, 1], bf16, f32),
        ("v_mfma_f64_16x16x4f64", [16, 16, 4, 1], f64, f64),
        ("v_mfma_f64_4x4x4f64", [4, 4, 4, 4], f64, f64),
    ];
    all.map(|(name, shape, a, d)| Mfma { name, shape, a, b: a, d }).into()
}

#[test]
fn mfma_of_gfx90a_multiplies_whole_numbers_exactly() {
    if !have_llvm() {
        return;
    }
    let mut batch = Batch::default();
    for mfma in mfmas_of_gfx90a() {
        let (counts, depth) = (mfma.registers(), mfma.shape[2]);
        let all = mfma.fill(a, b, c);
        let d = mfma
            .results(|block, i, j| c(block, i, j) + (0..depth).map(|k| a(block, i, k) * b(block, k, j)).sum::<f64>());
        for files in [["v", "v", "v"], ["a", "v", "a"]] {
            batch.add(text(mfma.name, files, counts, ""), inputs(files, &all), files[2], d.clone());
        }
        if mfma.shape[3] == 4 && mfma.d != Type::F64 {
            let d = mfma.results(|block, i, j| {
                let from = block & 2 | 1;
                c(block, i, j) + (0..depth).map(|k| a(from, i, k) * b(block, k, j)).sum::<f64>()
            });
            batch.add(text(mfma.name, ["v"; 3], counts, "cbsz:1 abid:1"), inputs(["v"; 3], &all), "v", d);
        }
    }
    batch.check(GFX90A);
}

#[test]
fn mfma_takes_a_constant_for_c() {
    if !have_llvm() {
        return;
    }
    let mut batch = Batch::default();
    for (name, constant, value) in [
        ("v_mfma_f32_16x16x16_f16", "-4.0", -4.0),
        ("v_mfma_f32_4x4x1_16b_f32", "0", 0.0),
        ("v_mfma_i32_32x32x16_i8", "-7", -7.0),
        ("v_mfma_f64_16x16x4_f64", "0.5", 0.5),
    ] {
        let mfma = mfmas().into_iter().find(|mfma| mfma.name == name).unwrap();
        let instruction = text(name, ["v"; 3], mfma.registers(), "");
        let instruction = format!("{}, {constant}", instruction.rsplit_once(", ").unwrap().0);
        let depth = mfma.shape[2];
        let d = mfma.results(|block, i, j| value + (0..depth).map(|k| a(block, i, k) * b(block, k, j)).sum::<f64>());
        batch.add(instruction, inputs(["v"; 3], &mfma.fill(a, b, c)), "v", d);
    }
    batch.check(GFX942);
}

#[test]
fn mfma_broadcasts_blocks_and_lanes() {
    if !have_llvm() {
        return;
    }
    let mut batch = Batch::default();
    for mfma in mfmas().into_iter().filter(|mfma| mfma.d != Type::F64) {
        let (counts, [_, columns, depth, blocks]) = (mfma.registers(), mfma.shape);
        let all = mfma.fill(a, b, c);
        // Which element of B lies where.
        let elements: Vec<_> = (0..blocks)
            .flat_map(|block| (0..depth).flat_map(move |k| (0..columns).map(move |j| (block, k, j))))
            .collect();
        let held: HashMap<_, _> =
            elements.iter().map(|(block, k, j)| (mfma.input(*j, *k, *block), b(*block, *k, *j))).collect();
        let mut cases: Vec<(usize, usize, usize)> = (1..8).map(|blgp| (0, 0, blgp)).collect();
        for cbsz in (1..=4).filter(|cbsz| 1 << cbsz <= blocks) {
            cases.extend([(cbsz, 0, 0), (cbsz, (1 << cbsz) - 1, 0), (cbsz, 1, 3)]);
        }
        for (cbsz, abid, blgp) in cases {
            let other = |lane: usize| match blgp {
                0 => lane,
                1 => lane & 31,
                2 => lane | 32,
                3 => (lane + 16) & 63,
                n => lane & 15 | (n - 4) << 4,
            };
            let moved = |block: usize, k: usize, j: usize| {
                let (lane, slot) = mfma.input(j, k, block);
                held[&(other(lane), slot)]
            };
            let from = |block: usize| block / (1 << cbsz) * (1 << cbsz) + abid;
            let d = mfma.results(|block, i, j| {
                c(block, i, j) + (0..depth).map(|k| a(from(block), i, k) * moved(block, k, j)).sum::<f64>()
            });
            let modifiers = format!("cbsz:{cbsz} abid:{abid} blgp:{blgp}");
            batch.add(text(mfma.name, ["v"; 3], counts, &modifiers), inputs(["v"; 3], &all), "v", d);
        }
    }
    batch.check(GFX942);
}

#[test]
fn mfma_of_f64_negates() {
    if !have_llvm() {
        return;
    }
    let mut batch = Batch::default();
    for mfma in mfmas().into_iter().filter(|mfma| mfma.d == Type::F64) {
        let all = mfma.fill(a, b, c);
        for neg in 1..8 {
            let flags = [neg & 1, neg >> 1 & 1, neg >> 2];
            let sign = |flag: i32| if flag == 1 { -1.0 } else { 1.0 };
            let d = mfma.results(|block, i, j| {
                let sum: f64 = (0..mfma.shape[2]).map(|k| a(block, i, k) * b(block, k, j)).sum();
                sign(flags[2]) * c(block, i, j) + sign(flags[0]) * sign(flags[1]) * sum
            });
            let modifiers = format!("neg:[{},{},{}]", flags[0], flags[1], flags[2]);
            batch.add(text(mfma.name, ["v"; 3], mfma.registers(), &modifiers), inputs(["v"; 3], &all), "v", d);
        }
    }
    batch.check(GFX942);
}

/// Numbers between -1 and 1.
fn real(seed: usize) -> f64 {
    (seed as f64 * 12.9898).sin() * 43758.5453 % 1.0
}

#[test]
fn mfma_of_real_numbers_is_near_the_product() {
    if !have_llvm() {
        return;
    }
    for mfma in mfmas() {
        let unit = match (mfma.a, mfma.d) {
            (Type::F64, _) => f64::EPSILON,
            (Type::F32 | Type::F16 | Type::Bf16, Type::F32) => f64::from(f32::EPSILON),
            _ => continue,
        };
        let held = |x: f64| match mfma.a {
            Type::F16 => f16::from_f64(x).to_f64(),
            Type::Bf16 => bf16::from_f64(x).to_f64(),
            Type::F32 => f64::from(x as f32),
            _ => x,
        };
        let a = |block: usize, i: usize, k: usize| held(real(block * 991 + i * 71 + k + 1));
        let b = |block: usize, k: usize, j: usize| held(real(block * 577 + k * 37 + j * 3 + 9));
        let c = |block: usize, i: usize, j: usize| f64::from(real(block * 311 + i * 17 + j + 2) as f32);
        let text = text(mfma.name, ["v"; 3], mfma.registers(), "");
        let inputs = inputs(["v"; 3], &mfma.fill(a, b, c));
        let case = Case { text, inputs, output: ("v", 24, mfma.registers()[2]) };
        let d = GFX942.run(&[case]).remove(0).unwrap();
        let [m, n, depth, blocks] = mfma.shape;
        for (block, i, j) in (0..blocks).flat_map(|block| (0..m).flat_map(move |i| (0..n).map(move |j| (block, i, j))))
        {
            let terms: Vec<f64> = (0..depth).map(|k| a(block, i, k) * b(block, k, j)).collect();
            let expected = c(block, i, j) + terms.iter().sum::<f64>();
            let size = c(block, i, j).abs() + terms.iter().map(|term| term.abs()).sum::<f64>();
            let (lane, slot) = mfma.result(i, j, block);
            let bits = d.get(lane, slot, mfma.d.bits());
            let got = if mfma.d == Type::F64 { f64::from_bits(bits) } else { f64::from(f32::from_bits(bits as u32)) };
            let error = (got - expected).abs();
            assert!(error <= size * unit * (depth + 1) as f64, "{}: {got} is not {expected}", mfma.name);
        }
    }
}

#[test]
fn mfma_rounds_and_wraps_as_documented() {
    if !have_llvm() {
        return;
    }
    // One product, with nothing else in the matrices.
    let one = |name: &str, a: u64, b: u64, c: u64| {
        let all = mfmas().into_iter().map(|mfma| (mfma, GFX942));
        let mut all = all.chain(mfmas_of_gfx90a().into_iter().map(|mfma| (mfma, GFX90A)));
        let (mfma, machine) = all.find(|(mfma, _)| mfma.name == name).unwrap();
        let mut all = mfma.registers().map(Registers::new);
        let (lane, slot) = mfma.input(0, 0, 0);
        all[0].put(lane, slot, mfma.a.bits(), a);
        all[1].put(lane, slot, mfma.b.bits(), b);
        let (lane, slot) = mfma.result(0, 0, 0);
        all[2].put(lane, slot, mfma.d.bits(), c);
        let text = text(name, ["v"; 3], mfma.registers(), "");
        let case = Case { text, inputs: inputs(["v"; 3], &all), output: ("v", 24, mfma.registers()[2]) };
        machine.run(&[case]).remove(0).unwrap().get(lane, slot, mfma.d.bits())
    };
    assert_eq!(one("v_mfma_i32_32x32x16_i8", 0x80, 0x80, 0x7fff_ffff), 0x8000_3fff);
    // The low 13 bits of an xf32 are not there.
    let (x, bits) = (1.5_f32.to_bits() | 0x1fff, |x: f32| u64::from(x.to_bits()));
    assert_eq!(one("v_mfma_f32_16x16x8_xf32", u64::from(x), bits(3.0), bits(0.25)), bits(4.75));
    // Denormal numbers count.
    let smallest = u64::from(f16::from_bits(1).to_bits());
    assert_eq!(one("v_mfma_f32_16x16x16_f16", smallest, smallest, 0), bits(2_f32.powi(-48)));
    assert_eq!(one("v_mfma_f32_16x16x4_f32", 1, bits(1.0), 2), 3);
    // Those of gfx90a that multiply numbers of 16 bits take and give zeros instead.
    assert_eq!(one("v_mfma_f32_16x16x16f16", smallest, 0x7800, 0), 0);
    assert_eq!(one("v_mfma_f32_16x16x16f16", 0x3c00, 0x3c00, 5), bits(1.0));
    assert_eq!(one("v_mfma_f32_16x16x8bf16", 0x0080, 0x3f00, 0), 0);
    assert_eq!(one("v_mfma_f32_16x16x4f32", 1, bits(1.0), 2), 3);
    // An invalid product is a quiet NaN.
    let nan = one("v_mfma_f32_16x16x16_f16", 0x7c00, 0, 0) as u32;
    assert!(f32::from_bits(nan).is_nan() && nan & 1 << 22 != 0);
    // Products are not rounded before they are added.
    let (x, y) = (1.0 + f32::EPSILON, 1.0 - f32::EPSILON);
    assert_eq!(one("v_mfma_f32_16x16x4_f32", bits(x), bits(y), bits(-1.0)), bits(-f32::EPSILON * f32::EPSILON));
}

/// A sparse MFMA of gfx942: shape, types of A and B.
const SPARSE: [(&str, [usize; 3], Type, Type); 14] = [
    ("v_smfmac_f32_16x16x32_f16", [16, 16, 32], Type::F16, Type::F16),
    ("v_smfmac_f32_32x32x16_f16", [32, 32, 16], Type::F16, Type::F16),
    ("v_smfmac_f32_16x16x32_bf16", [16, 16, 32], Type::Bf16, Type::Bf16),
    ("v_smfmac_f32_32x32x16_bf16", [32, 32, 16], Type::Bf16, Type::Bf16),
    ("v_smfmac_i32_16x16x64_i8", [16, 16, 64], Type::I8, Type::I8),
    ("v_smfmac_i32_32x32x32_i8", [32, 32, 32], Type::I8, Type::I8),
    ("v_smfmac_f32_16x16x64_bf8_bf8", [16, 16, 64], BF8, BF8),
    ("v_smfmac_f32_16x16x64_bf8_fp8", [16, 16, 64], BF8, FP8),
    ("v_smfmac_f32_16x16x64_fp8_bf8", [16, 16, 64], FP8, BF8),
    ("v_smfmac_f32_16x16x64_fp8_fp8", [16, 16, 64], FP8, FP8),
    ("v_smfmac_f32_32x32x32_bf8_bf8", [32, 32, 32], BF8, BF8),
    ("v_smfmac_f32_32x32x32_bf8_fp8", [32, 32, 32], BF8, FP8),
    ("v_smfmac_f32_32x32x32_fp8_bf8", [32, 32, 32], FP8, BF8),
    ("v_smfmac_f32_32x32x32_fp8_fp8", [32, 32, 32], FP8, FP8),
];

#[test]
fn smfmac_multiplies_what_the_indices_name() {
    if !have_llvm() {
        return;
    }
    let mut batch = Batch::default();
    for (name, [m, n, depth], a_type, b_type) in SPARSE {
        let d_type = if a_type == Type::I8 { Type::I32 } else { Type::F32 };
        let dense = Mfma { name, shape: [m, n, depth, 1], a: a_type, b: b_type, d: d_type };
        let given = Mfma { name, shape: [m, n, depth / 2, 1], a: a_type, b: b_type, d: d_type };
        let counts = [given.registers()[0], dense.registers()[1], dense.registers()[2]];
        // Which two of four columns are there, by row.
        let pair = |i: usize, four: usize| [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]][(i * 5 + four) % 6];
        let sets = if a_type.bits() == 16 { 4 } else { 2 };
        for (modifiers, set) in [("", 0), ("abid:1", 1), ("cbsz:1 abid:1", 0), ("abid:3", 3 % sets)] {
            let [_, rb, rc] = dense.fill(|_, _, _| 0.0, b, c);
            let [mut ra, mut index] = [counts[0], 1].map(Registers::new);
            for (i, along) in (0..m).flat_map(|i| (0..depth / 2).map(move |along| (i, along))) {
                let (lane, slot) = given.input(i, along, 0);
                let at = pair(i, along / 2)[along % 2];
                ra.put(lane, slot, a_type.bits(), a_type.encode(a(0, i, along / 2 * 4 + at)));
                // A lane's indices lie in the order of its elements.
                index.put(lane, set * 32 / sets / 2 + slot, 2, at as u64);
            }
            let range = |first: usize, count: usize| format!("v[{first}:{}]", first + count - 1);
            let operands = [range(24, counts[2]), range(2, counts[0]), range(16, counts[1])].join(", ");
            let there = |i: usize, k: usize| pair(i, k / 4).contains(&(k % 4));
            let d = dense.results(|block, i, j| {
                let terms = (0..depth).filter(|k| there(i, *k)).map(|k| a(0, i, k) * b(0, k, j));
                c(block, i, j) + terms.sum::<f64>()
            });
            let mut inputs = inputs(["v"; 3], &[ra, rb, rc]);
            inputs.push(("v", 60, index));
            batch.add(format!("{name} {operands}, v60 {modifiers}"), inputs, "v", d);
        }
    }
    batch.check(GFX942);
}

#[test]
fn modifiers_that_name_nothing_are_refused() {
    if !have_llvm() {
        return;
    }
    let cases = [
        "v_mfma_f32_32x32x8_f16 v[24:39], v[2:3], v[16:17], v[24:39] cbsz:1",
        "v_mfma_f32_4x4x4_16b_f16 v[24:27], v[2:3], v[16:17], v[24:27] cbsz:1 abid:2",
    ];
    let cases = cases.map(|text| Case { text: text.to_owned(), inputs: Vec::new(), output: ("v", 24, 1) });
    for case in cases {
        // A queue that has failed runs nothing more: each has its own.
        let report = GFX942.run(&[case]).remove(0).unwrap_err();
        assert_eq!(report.kind, amdgpu_sim::FaultKind::UnsupportedInstruction, "{report}");
        assert!(report.site.instruction.starts_with("v_mfma"), "{report}");
    }
}

const MATMUL: &str = r#"
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
typedef half half4 __attribute__((ext_vector_type(4)));
typedef float float4 __attribute__((ext_vector_type(4)));
typedef float float16 __attribute__((ext_vector_type(16)));
typedef unsigned int uint;
// C = A * B with rows of A and columns of B contiguous; one wave for each tile.
kernel void tiles16(global half *a, global half *b, global float *c, uint n, uint depth) {
    uint l = __builtin_amdgcn_workitem_id_x(), line = l % 16, part = l / 16;
    uint row = 16 * __builtin_amdgcn_workgroup_id_y(), column = 16 * __builtin_amdgcn_workgroup_id_x();
    float4 sum = 0;
    for (uint k = 4 * part; k < depth; k += 16)
        sum = __builtin_amdgcn_mfma_f32_16x16x16f16(*(global half4 *)(a + (row + line) * depth + k),
                                                    *(global half4 *)(b + (column + line) * depth + k), sum, 0, 0, 0);
    for (uint r = 0; r < 4; r++) c[(row + 4 * part + r) * n + column + line] = sum[r];
}
kernel void tiles32(global half *a, global half *b, global float *c, uint n, uint depth) {
    uint l = __builtin_amdgcn_workitem_id_x(), line = l % 32, part = l / 32;
    uint row = 32 * __builtin_amdgcn_workgroup_id_y(), column = 32 * __builtin_amdgcn_workgroup_id_x();
    float16 sum = 0;
    for (uint k = 4 * part; k < depth; k += 8)
        sum = __builtin_amdgcn_mfma_f32_32x32x8f16(*(global half4 *)(a + (row + line) * depth + k),
                                                   *(global half4 *)(b + (column + line) * depth + k), sum, 0, 0, 0);
    for (uint r = 0; r < 16; r++) c[(row + 8 * (r / 4) + 4 * part + r % 4) * n + column + line] = sum[r];
}
"#;

#[test]
fn a_matrix_product_in_tiles_is_the_hosts() {
    if !have_clang() {
        return;
    }
    all_targets();
    let program = Program::new(&compile_c(MATMUL, &[]));
    let (m, n, depth) = (96_usize, 64_usize, 80_usize);
    let value = |seed: usize| f16::from_f64(whole(seed));
    let a: Vec<f16> = (0..m * depth).map(|at| value(at * 3 + 1)).collect();
    let b: Vec<f16> = (0..n * depth).map(|at| value(at * 5 + 2)).collect();
    let expected: Vec<f32> = (0..m * n)
        .map(|at| (0..depth).map(|k| a[at / n * depth + k].to_f32() * b[at % n * depth + k].to_f32()).sum())
        .collect();
    let (da, db) = (Buffer::new(&a), Buffer::new(&b));
    for (kernel, tile) in [("tiles16", 16), ("tiles32", 32)] {
        let dc = Buffer::new(&vec![0.0_f32; m * n]);
        let args = [da.address as u64, db.address as u64, dc.address as u64, n as u64 | (depth as u64) << 32];
        let grid = [(n / tile * 64) as u32, (m / tile) as u32, 1];
        program.launch(kernel, &args, Shape { grid, ..Shape::linear(64, 64) }).unwrap();
        assert!(dc.read() == expected, "{kernel}");
    }
}
