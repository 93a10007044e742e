//! Matrix instructions of RDNA, against a plain product on the host. Where elements lie is stated here as AMD's guides
//! draw it, for each instruction, generation and wave size by itself.

mod support;

use half::{bf16, f16};
use support::{
    have_llvm,
    lanes::{Machine, Registers},
    matrices::{BF8_OCP, Batch, FP8_OCP, Type, whole},
};

/// Lane and slot of an element; the first number is the row of A and the column of B and D, the second one the other.
type Layout = fn(usize, usize) -> (usize, usize);

/// Where A, B and D of an instruction lie.
#[derive(Clone, Copy)]
struct Layouts {
    a: Layout,
    b: Layout,
    d: Layout,
}

const fn same(input: Layout, d: Layout) -> Layouts {
    Layouts { a: input, b: input, d }
}

const RDNA3: [Layouts; 2] =
    [same(|i, k| (i, k), |j, i| (16 * (i % 2) + j, i / 2)), same(|i, k| (i, k), |j, i| (16 * (i % 4) + j, i / 4))];

const D32: Layout = |j, i| (j + 16 * (i / 8), i % 8);
const D64: Layout = |j, i| (j + 16 * (i / 8) + 32 * (i / 4 % 2), i % 4);

/// Groups 1 and 2 of the four have changed places.
const fn swapped(group: usize) -> usize {
    16 * (group % 2 * 2 + group / 2)
}

const DENSE: [Layouts; 2] =
    [same(|i, k| (i + 16 * (k / 8), k % 8), D32), same(|i, k| (i + 16 * (k / 4 % 2) + 32 * (k / 8), k % 4), D64)];
const DENSE_4: [Layouts; 2] =
    [same(|i, k| (i + 16 * (k / 8), k % 8), D32), same(|i, k| (i + 16 * (k / 8), k % 8), D64)];
const DENSE_4_32: [Layouts; 2] = [
    same(|i, k| (i + 16 * (k / 8 % 2), k % 8 + 8 * (k / 16)), D32),
    same(|i, k| (i + 32 * (k / 8 % 2) + 16 * (k / 16), k % 8), D64),
];
const SPARSE_16: [Layouts; 2] = [
    Layouts {
        a: |i, k| (i + 16 * (k / 4 % 2), k % 4 + 4 * (k / 8)),
        b: |j, k| (j + 16 * (k / 8 % 2), k % 8 + 8 * (k / 16)),
        d: D32,
    },
    Layouts { a: |i, k| (i + 16 * (k / 4), k % 4), b: |j, k| (j + 16 * (k / 8), k % 8), d: D64 },
];
const SPARSE_8: [Layouts; 2] = [
    Layouts { a: |i, k| (i + 16 * (k / 8), k % 8), b: |j, k| (j + 16 * (k / 16), k % 16), d: D32 },
    Layouts { a: |i, k| (i + swapped(k / 4), k % 4), b: |j, k| (j + swapped(k / 8), k % 8), d: D64 },
];
const SPARSE_4: [Layouts; 2] =
    [SPARSE_8[0], Layouts { a: |i, k| (i + 16 * (k / 8), k % 8), b: |j, k| (j + swapped(k / 8), k % 8), d: D64 }];
const SPARSE_4_64: [Layouts; 2] = [
    Layouts {
        a: |i, k| (i + 16 * (k / 8 % 2), k % 8 + 8 * (k / 16)),
        b: |j, k| (j + 16 * (k / 16 % 2), k % 16 + 16 * (k / 32)),
        d: D32,
    },
    Layouts { a: |i, k| (i + swapped(k / 8), k % 8), b: |j, k| (j + swapped(k / 16), k % 16), d: D64 },
];

/// An instruction: its layouts for waves of 32 and of 64.
#[derive(Clone, Copy)]
struct Wmma {
    name: &'static str,
    depth: usize,
    a: Type,
    b: Type,
    d: Type,
    layouts: [Layouts; 2],
}

const fn wmma(name: &'static str, depth: usize, [a, b, d]: [Type; 3], layouts: [Layouts; 2]) -> Wmma {
    Wmma { name, depth, a, b, d, layouts }
}

const F16_F32: [Type; 3] = [Type::F16, Type::F16, Type::F32];
const BF16_F32: [Type; 3] = [Type::Bf16, Type::Bf16, Type::F32];
const F16: [Type; 3] = [Type::F16; 3];
const BF16: [Type; 3] = [Type::Bf16; 3];
const I8: [Type; 3] = [Type::I8, Type::I8, Type::I32];
const I4: [Type; 3] = [Type::I4, Type::I4, Type::I32];

const GFX1100: [Wmma; 6] = [
    wmma("v_wmma_f32_16x16x16_f16", 16, F16_F32, RDNA3),
    wmma("v_wmma_f32_16x16x16_bf16", 16, BF16_F32, RDNA3),
    wmma("v_wmma_f16_16x16x16_f16", 16, F16, RDNA3),
    wmma("v_wmma_bf16_16x16x16_bf16", 16, BF16, RDNA3),
    wmma("v_wmma_i32_16x16x16_iu8", 16, I8, RDNA3),
    wmma("v_wmma_i32_16x16x16_iu4", 16, I4, RDNA3),
];

const GFX1201: [Wmma; 22] = [
    wmma("v_wmma_f32_16x16x16_f16", 16, F16_F32, DENSE),
    wmma("v_wmma_f32_16x16x16_bf16", 16, BF16_F32, DENSE),
    wmma("v_wmma_f16_16x16x16_f16", 16, F16, DENSE),
    wmma("v_wmma_bf16_16x16x16_bf16", 16, BF16, DENSE),
    wmma("v_wmma_i32_16x16x16_iu8", 16, I8, DENSE),
    wmma("v_wmma_i32_16x16x16_iu4", 16, I4, DENSE_4),
    wmma("v_wmma_i32_16x16x32_iu4", 32, I4, DENSE_4_32),
    wmma("v_wmma_f32_16x16x16_fp8_fp8", 16, [FP8_OCP, FP8_OCP, Type::F32], DENSE),
    wmma("v_wmma_f32_16x16x16_fp8_bf8", 16, [FP8_OCP, BF8_OCP, Type::F32], DENSE),
    wmma("v_wmma_f32_16x16x16_bf8_fp8", 16, [BF8_OCP, FP8_OCP, Type::F32], DENSE),
    wmma("v_wmma_f32_16x16x16_bf8_bf8", 16, [BF8_OCP, BF8_OCP, Type::F32], DENSE),
    wmma("v_swmmac_f32_16x16x32_f16", 32, F16_F32, SPARSE_16),
    wmma("v_swmmac_f32_16x16x32_bf16", 32, BF16_F32, SPARSE_16),
    wmma("v_swmmac_f16_16x16x32_f16", 32, F16, SPARSE_16),
    wmma("v_swmmac_bf16_16x16x32_bf16", 32, BF16, SPARSE_16),
    wmma("v_swmmac_i32_16x16x32_iu8", 32, I8, SPARSE_8),
    wmma("v_swmmac_i32_16x16x32_iu4", 32, I4, SPARSE_4),
    wmma("v_swmmac_i32_16x16x64_iu4", 64, I4, SPARSE_4_64),
    wmma("v_swmmac_f32_16x16x32_fp8_fp8", 32, [FP8_OCP, FP8_OCP, Type::F32], SPARSE_8),
    wmma("v_swmmac_f32_16x16x32_fp8_bf8", 32, [FP8_OCP, BF8_OCP, Type::F32], SPARSE_8),
    wmma("v_swmmac_f32_16x16x32_bf8_fp8", 32, [BF8_OCP, FP8_OCP, Type::F32], SPARSE_8),
    wmma("v_swmmac_f32_16x16x32_bf8_bf8", 32, [BF8_OCP, BF8_OCP, Type::F32], SPARSE_8),
];

/// Elements of the test: what A, B and C hold, as far as their types can.
struct Values {
    /// Whether integers have a sign, for A and B.
    signed: [bool; 2],
    flip: [i32; 3],
    absolute: bool,
}

impl Values {
    fn plain(signed: [bool; 2]) -> Self {
        Self { signed, flip: [1; 3], absolute: false }
    }

    fn number(&self, ty: Type, signed: bool, seed: usize) -> f64 {
        let x = whole(seed);
        if matches!(ty, Type::I8 | Type::I4) && !signed { x + 4.0 } else { x }
    }

    fn a(&self, w: &Wmma, i: usize, k: usize) -> f64 {
        self.number(w.a, self.signed[0], i * 67 + k + 1)
    }
    fn b(&self, w: &Wmma, k: usize, j: usize) -> f64 {
        self.number(w.b, self.signed[1], k * 131 + j * 7 + 3)
    }
    fn c(&self, i: usize, j: usize) -> f64 {
        whole(i * 37 + j * 11 + 5)
    }
    /// What C counts as.
    fn c_term(&self, i: usize, j: usize) -> f64 {
        let c = self.c(i, j);
        f64::from(self.flip[2]) * if self.absolute { c.abs() } else { c }
    }
}

/// Which two of each four columns of A are there.
fn pair(i: usize, four: usize) -> [usize; 2] {
    [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]][(i * 5 + four) % 6]
}

impl Wmma {
    fn is_sparse(&self) -> bool {
        self.name.starts_with("v_swmmac")
    }

    /// Columns of A that are given.
    fn given(&self) -> usize {
        if self.is_sparse() { self.depth / 2 } else { self.depth }
    }

    /// Registers of a matrix whose elements lie so.
    fn filled(bits: usize, places: impl Iterator<Item = ((usize, usize), u64)>) -> Registers {
        let places: Vec<_> = places.collect();
        let slots = places.iter().map(|((_, slot), _)| slot + 1).max().unwrap();
        let mut registers = Registers::new((slots * bits).div_ceil(32));
        for ((lane, slot), value) in places {
            registers.put(lane, slot, bits, value);
        }
        registers
    }

    /// Adds a test to the batch. On RDNA 3 results of 16 bits take half a register each.
    fn test(&self, batch: &mut Batch, machine: Machine, values: &Values, set: usize, modifiers: &str) {
        let rdna3 = machine.target == "gfx1100";
        let layouts = self.layouts[usize::from(machine.lanes == 64)];
        let column = |i: usize, along: usize| {
            if self.is_sparse() { along / 2 * 4 + pair(i, along / 2)[along % 2] } else { along }
        };
        let pairs =
            |lines: usize, length: usize| (0..lines).flat_map(move |line| (0..length).map(move |along| (line, along)));
        // On RDNA 3 all groups of 16 lanes hold the same.
        let copies = if rdna3 { machine.lanes / 16 } else { 1 };
        let copied = |(lane, slot): (usize, usize), copy: usize| (lane + 16 * copy, slot);
        let a = Self::filled(
            self.a.bits(),
            pairs(16, self.given()).flat_map(|(i, along)| {
                let bits = self.a.encode(values.a(self, i, column(i, along)));
                (0..copies).map(move |copy| (copied((layouts.a)(i, along), copy), bits))
            }),
        );
        let b = Self::filled(
            self.b.bits(),
            pairs(16, self.depth).flat_map(|(j, k)| {
                let bits = self.b.encode(values.b(self, k, j));
                (0..copies).map(move |copy| (copied((layouts.b)(j, k), copy), bits))
            }),
        );
        let high = modifiers.contains("op_sel:[0,0,1]");
        let half = rdna3 && self.d.bits() == 16;
        let result = |value: &dyn Fn(usize, usize) -> f64, other: u64| {
            let bits = if half { 32 } else { self.d.bits() };
            Self::filled(
                bits,
                pairs(16, 16).map(|(j, i)| {
                    let value = self.d.encode(value(i, j));
                    let value = match (half, high) {
                        (false, _) => value,
                        (true, false) => value | other << 16,
                        (true, true) => value << 16 | other,
                    };
                    ((layouts.d)(j, i), value)
                }),
            )
        };
        // What is in the other half stays.
        let c = result(&|i, j| values.c(i, j), 0x1234);
        let product = |i: usize, j: usize| {
            let columns = (0..self.given()).map(|along| column(i, along));
            let terms = columns.map(|k| values.a(self, i, k) * values.b(self, k, j));
            values.c_term(i, j) + f64::from(values.flip[0] * values.flip[1]) * terms.sum::<f64>()
        };
        let d = result(&product, 0x1234);
        let range = |first: usize, registers: &Registers| match registers.words.len() / 64 {
            1 => format!("v{first}"),
            count => format!("v[{first}:{}]", first + count - 1),
        };
        let (rd, ra, rb) = (range(24, &d), range(2, &a), range(12, &b));
        let mut inputs = vec![("v", 2, a), ("v", 12, b), ("v", 24, c)];
        let last = if self.is_sparse() {
            let mut index = Registers::new(1);
            let places: Vec<_> = pairs(16, self.given()).collect();
            let slots = places.iter().map(|(i, along)| (layouts.a)(*i, *along).1 + 1).max().unwrap();
            for (i, along) in places {
                let (lane, slot) = (layouts.a)(i, along);
                index.put(lane, set * slots + slot, 2, pair(i, along / 2)[along % 2] as u64);
            }
            inputs.push(("v", 40, index));
            "v40".to_owned()
        } else {
            rd.clone()
        };
        let sign: Vec<_> = values.signed.iter().map(|signed| u8::from(*signed)).collect();
        let sign = if matches!(self.a, Type::I8 | Type::I4) && sign != [0, 0] {
            format!(" neg_lo:[{},{},0]", sign[0], sign[1])
        } else {
            String::new()
        };
        batch.add(format!("{} {rd}, {ra}, {rb}, {last} {modifiers}{sign}", self.name), inputs, "v", d);
    }
}

fn machines() -> impl Iterator<Item = (Machine, &'static [Wmma])> {
    let all: [(&str, &[Wmma]); 2] = [("gfx1100", &GFX1100), ("gfx1201", &GFX1201)];
    all.into_iter().flat_map(|(target, list)| Machine::rdna(target).map(|machine| (machine, list)))
}

#[test]
fn wmma_multiplies_whole_numbers_exactly() {
    if !have_llvm() {
        return;
    }
    for (machine, list) in machines() {
        let mut batch = Batch::default();
        for wmma in list {
            for signed in [[true, true], [false, false], [true, false], [false, true]] {
                if signed == [true; 2] || matches!(wmma.a, Type::I8 | Type::I4) {
                    wmma.test(&mut batch, machine, &Values::plain(signed), 0, "");
                }
            }
            if machine.target == "gfx1100" && wmma.d.bits() == 16 {
                wmma.test(&mut batch, machine, &Values::plain([true; 2]), 0, "op_sel:[0,0,1]");
            }
        }
        batch.check(machine);
    }
}

#[test]
fn wmma_negates() {
    if !have_llvm() {
        return;
    }
    for (machine, list) in machines() {
        let mut batch = Batch::default();
        for wmma in list.iter().filter(|wmma| matches!(wmma.a, Type::F16 | Type::Bf16) && !wmma.is_sparse()) {
            for [a, b, c, absolute] in [[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1]] {
                let flip = [a, b, c].map(|flag| if flag == 1 { -1 } else { 1 });
                let values = Values { signed: [true; 2], flip, absolute: absolute == 1 };
                let modifiers = format!("neg_lo:[{a},{b},{c}] neg_hi:[{a},{b},{absolute}]");
                wmma.test(&mut batch, machine, &values, 0, &modifiers);
            }
        }
        batch.check(machine);
    }
}

#[test]
fn swmmac_chooses_a_set_of_indices() {
    if !have_llvm() {
        return;
    }
    for machine in Machine::rdna("gfx1201") {
        let mut batch = Batch::default();
        for wmma in GFX1201.iter().filter(|wmma| wmma.is_sparse()) {
            let layout = wmma.layouts[usize::from(machine.lanes == 64)].a;
            let slots = (0..wmma.given()).map(|along| layout(0, along).1 + 1).max().unwrap();
            // Code is disassembled for waves of 32, which have fewer sets: the other ones are no instructions then.
            let layout = wmma.layouts[0].a;
            let readable = 16 / (0..wmma.given()).map(|along| layout(0, along).1 + 1).max().unwrap();
            for set in 1..(16 / slots).min(readable) {
                let values = Values::plain([true; 2]);
                wmma.test(&mut batch, machine, &values, set, &format!("index_key:{set}"));
            }
        }
        batch.check(machine);
    }
}

#[test]
fn wmma_of_integers_saturates_if_it_is_told_to() {
    if !have_llvm() {
        return;
    }
    for (machine, list) in machines() {
        let wmma = list.iter().find(|wmma| wmma.a == Type::I8).unwrap();
        let Layouts { a, b, d } = wmma.layouts[usize::from(machine.lanes == 64)];
        let copies = if machine.target == "gfx1100" { machine.lanes / 16 } else { 1 };
        let count = |layout: Layout| (0..16).map(|k| layout(0, k).1 + 1).max().unwrap();
        let (mut ra, mut rb) = (Registers::new(count(a) / 4), Registers::new(count(b) / 4));
        let (mut rc, mut saturated, mut wrapped) =
            (Registers::new(count(d)), Registers::new(count(d)), Registers::new(count(d)));
        for copy in 0..copies {
            ra.put(a(3, 5).0 + 16 * copy, a(3, 5).1, 8, 0x80);
            rb.put(b(2, 5).0 + 16 * copy, b(2, 5).1, 8, 0x80);
        }
        let (lane, slot) = d(2, 3);
        rc.put(lane, slot, 32, 0x7fff_ffff);
        saturated.put(lane, slot, 32, 0x7fff_ffff);
        wrapped.put(lane, slot, 32, 0x8000_3fff);
        let range = |first: usize, registers: &Registers| match registers.words.len() / 64 {
            1 => format!("v{first}"),
            count => format!("v[{first}:{}]", first + count - 1),
        };
        let operands = [range(24, &rc), range(2, &ra), range(12, &rb), range(24, &rc)].join(", ");
        let text = format!("{} {operands} neg_lo:[1,1,0]", wmma.name);
        let mut batch = Batch::default();
        let inputs = vec![("v", 2, ra), ("v", 12, rb), ("v", 24, rc)];
        batch.add(text.clone(), inputs.clone(), "v", wrapped);
        batch.add(format!("{text} clamp"), inputs, "v", saturated);
        batch.check(machine);
    }
}

#[test]
fn results_of_16_bits_are_rounded_once() {
    // The sum is one that f16 and bf16 cannot hold: rounding each step would give another one.
    assert_eq!(f16::from_f32(2048.0 + 1.0 + 1.0).to_f32(), 2050.0);
    assert_eq!(bf16::from_f32(256.0 + 1.0 + 1.0).to_f32(), 258.0);
    if !have_llvm() {
        return;
    }
    for (machine, list) in machines() {
        let mut batch = Batch::default();
        for wmma in list.iter().filter(|wmma| wmma.d.bits() == 16 && !wmma.is_sparse()) {
            let Layouts { a, b, d } = wmma.layouts[usize::from(machine.lanes == 64)];
            let rdna3 = machine.target == "gfx1100";
            let copies = if rdna3 { machine.lanes / 16 } else { 1 };
            let count = |layout: Layout| (0..16).map(|k| layout(0, k).1 + 1).max().unwrap();
            let (mut ra, mut rb) = (Registers::new(count(a) / 2), Registers::new(count(b) / 2));
            let bits = if rdna3 { 32 } else { 16 };
            let (mut rc, mut rd) = (Registers::new(count(d) * bits / 32), Registers::new(count(d) * bits / 32));
            for (copy, k) in (0..copies).flat_map(|copy| [4, 9].map(|k| (copy, k))) {
                ra.put(a(3, k).0 + 16 * copy, a(3, k).1, 16, wmma.a.encode(1.0));
                rb.put(b(2, k).0 + 16 * copy, b(2, k).1, 16, wmma.a.encode(1.0));
            }
            let large = if wmma.d == Type::F16 { 2048.0 } else { 256.0 };
            let (lane, slot) = d(2, 3);
            rc.put(lane, slot, bits, wmma.d.encode(large));
            rd.put(lane, slot, bits, wmma.d.encode(large + 2.0));
            let range = |first: usize, registers: &Registers| match registers.words.len() / 64 {
                1 => format!("v{first}"),
                count => format!("v[{first}:{}]", first + count - 1),
            };
            let operands = [range(24, &rc), range(2, &ra), range(12, &rb), range(24, &rc)].join(", ");
            let inputs = vec![("v", 2, ra), ("v", 12, rb), ("v", 24, rc)];
            batch.add(format!("{} {operands}", wmma.name), inputs, "v", rd);
        }
        batch.check(machine);
    }
}
