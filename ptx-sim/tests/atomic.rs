//! Atomic operations: each on a place of its own, and many on one place.

mod support;

use support::{Gpu, bytes, numbers};

/// The kernel that does `operation` on a thread's place in one of the memories, and writes what it gives and what is there
/// then.
fn kernel(name: &str, space: &str, operation: &str, bits: u32) -> String {
    let (move_in, address, move_out) = match space {
        ".shared" => (
            format!(
                "mul.wide.u32 %s, %t, 8; mov.u64 %m, s; add.u64 %s, %s, %m; ld.global.b{bits} %v, [%a]; st.shared.b{bits} [%s], %v;"
            ),
            "[%s]",
            format!("ld.shared.b{bits} %v, [%s]; st.global.b{bits} [%a], %v;"),
        ),
        _ => (String::new(), "[%a]", String::new()),
    };
    let operation = operation.replace("SPACE", space).replace("[A]", address);
    format!(
        ".visible .entry {name}(.param .u64 memory, .param .u64 b, .param .u64 c, .param .u64 out)
        {{ .reg .b{bits} %v, %b, %c, %r; .reg .b64 %a, %s, %m, %x, %o; .reg .b32 %t;
          mov.u32 %t, %tid.x; mul.wide.u32 %o, %t, 8; mov.u64 %s, 0; mov.u64 %m, 0; mov.b{bits} %v, 0; mov.b{bits} %r, 0;
          ld.param.u64 %x, [b]; add.u64 %x, %x, %o; ld.global.b{bits} %b, [%x];
          ld.param.u64 %x, [c]; add.u64 %x, %x, %o; ld.global.b{bits} %c, [%x];
          ld.param.u64 %a, [memory]; add.u64 %a, %a, %o;
          {move_in}
          {operation}
          {move_out}
          ld.param.u64 %x, [out]; add.u64 %x, %x, %o; st.global.b{bits} [%x], %r; ret; }}\n"
    )
}

/// Operation, bits, and what becomes of what is there with one and another operand.
type Case = (&'static str, u32, fn(u64, u64, u64) -> u64);

fn single(f: fn(f32, f32) -> f32) -> impl Fn(u64, u64) -> u64 {
    move |a, b| u64::from(f(f32::from_bits(a as u32), f32::from_bits(b as u32)).to_bits())
}

const CASES: [Case; 26] = [
    ("and.b32", 32, |a, b, _| a & b),
    ("or.b32", 32, |a, b, _| a | b),
    ("xor.b32", 32, |a, b, _| a ^ b),
    ("and.b64", 64, |a, b, _| a & b),
    ("or.b64", 64, |a, b, _| a | b),
    ("xor.b64", 64, |a, b, _| a ^ b),
    ("exch.b32", 32, |_, b, _| b),
    ("exch.b64", 64, |_, b, _| b),
    ("cas.b16", 16, |a, b, c| if a == b { c } else { a }),
    ("cas.b32", 32, |a, b, c| if a == b { c } else { a }),
    ("cas.b64", 64, |a, b, c| if a == b { c } else { a }),
    ("add.u32", 32, |a, b, _| u64::from((a as u32).wrapping_add(b as u32))),
    ("add.s32", 32, |a, b, _| u64::from((a as u32).wrapping_add(b as u32))),
    ("add.u64", 64, |a, b, _| a.wrapping_add(b)),
    ("inc.u32", 32, |a, b, _| if a >= b { 0 } else { a + 1 }),
    ("dec.u32", 32, |a, b, _| if a == 0 || a > b { b } else { a - 1 }),
    ("min.u32", 32, |a, b, _| a.min(b)),
    ("max.u32", 32, |a, b, _| a.max(b)),
    ("min.s32", 32, |a, b, _| u64::from((a as i32).min(b as i32) as u32)),
    ("max.s32", 32, |a, b, _| u64::from((a as i32).max(b as i32) as u32)),
    ("min.u64", 64, |a, b, _| a.min(b)),
    ("max.s64", 64, |a, b, _| (a as i64).max(b as i64) as u64),
    ("add.f32", 32, |a, b, _| single(|a, b| a + b)(a, b)),
    ("add.f64", 64, |a, b, _| (f64::from_bits(a) + f64::from_bits(b)).to_bits()),
    ("add.noftz.f16x2", 32, |a, b, _| {
        let sum = |n: u32| {
            let of = |x: u64| half::f16::from_bits((x >> n) as u16).to_f32();
            u64::from(half::f16::from_f32(of(a) + of(b)).to_bits()) << n
        };
        sum(0) | sum(16)
    }),
    ("add.noftz.f16", 16, |a, b, _| {
        let of = |x: u64| half::f16::from_bits(x as u16).to_f32();
        u64::from(half::f16::from_f32(of(a) + of(b)).to_bits())
    }),
];

/// Numbers that are ordinary whatever type they are taken for: no infinity, and no sum of them is one, or denormal.
fn ordinary(n: u64, bits: u32) -> u64 {
    let half = |n: u64| (0x3c00 + ((n * 0x11) & 0x3ff)) | (n & 1) << 15;
    match bits {
        16 => half(n),
        32 => half(n) << 16 | half(n * 7 + 3),
        _ => half(n) << 48 | (n * 0x1_0001),
    }
}

#[test]
fn each_operation_changes_its_place() {
    const THREADS: usize = 64;
    let mut text = String::from(".shared .align 8 .b8 s[512];\n");
    let forms = [("atom", ".global"), ("atom", ".shared"), ("atom", ""), ("red", ".global"), ("red", "")];
    let mut all = Vec::new();
    for (number, (operation, bits, f)) in CASES.into_iter().enumerate() {
        for (form, (opcode, space)) in forms.into_iter().enumerate() {
            let is_cas = operation.starts_with("cas");
            if opcode == "red" && (is_cas || operation.starts_with("exch")) {
                continue;
            }
            let order = [".relaxed.gpu", "", ".acq_rel.sys", "", ".relaxed.cta"][form];
            let to = if opcode == "atom" { "%r, " } else { "" };
            let instruction =
                format!("{opcode}{order}SPACE.{operation} {to}[A], %b{};", if is_cas { ", %c" } else { "" });
            let name = format!("k{number}_{form}");
            text += &kernel(&name, space, &instruction, bits);
            all.push((name, operation, bits, f, opcode == "atom"));
        }
    }
    let gpu = Gpu::of("sm_70", &text);
    support::accepted_by_ptxas("sm_70", &support::module("sm_70", &text));
    for (name, operation, bits, f, gives) in all {
        let mask = u64::MAX >> (64 - bits);
        let value = |n: u64| ordinary(n, bits);
        let a: Vec<u64> = (0..THREADS as u64).map(|n| value(n / 3)).collect();
        let b: Vec<u64> = (0..THREADS as u64).map(|n| value(n / 4 + n % 2)).collect();
        let c: Vec<u64> = (0..THREADS as u64).map(|n| value(n + 100)).collect();
        let [memory, second, third] = [&a, &b, &c].map(|values| gpu.buffer(&bytes(values, 8)));
        let out = gpu.buffer(&[0; 8 * THREADS]);
        gpu.launch(&name, 1, THREADS as u32, &[memory, second, third, out]).unwrap_or_else(|fault| panic!("{fault}"));
        let (after, given) = (numbers(&gpu.read(memory, 8 * THREADS), 8), numbers(&gpu.read(out, 8 * THREADS), 8));
        for n in 0..THREADS {
            let expected = f(a[n], b[n], c[n]) & mask;
            assert_eq!(after[n] & mask, expected, "{name} {operation} of {:x} and {:x}", a[n], b[n]);
            if gives {
                assert_eq!(given[n], a[n], "{name} {operation} gives what was there");
            }
        }
    }
}

#[test]
fn denormal_numbers_are_0_in_global_memory_alone() {
    let gpu = Gpu::of(
        "sm_70",
        ".shared .align 4 .b8 s[4];
        .visible .entry k(.param .u64 p) { .reg .b64 %rd<3>; .reg .b32 %r<3>; ld.param.u64 %rd1, [p];
          red.global.add.f32 [%rd1], 0f00000003; st.shared.u32 [s], 5; red.shared.add.f32 [s], 0f00000003;
          ld.shared.u32 %r1, [s]; st.global.u32 [%rd1+4], %r1; ret; }",
    );
    let buffer = gpu.buffer(&bytes(&[5, 0], 4));
    gpu.launch("k", 1, 1, &[buffer]).unwrap();
    assert_eq!(numbers(&gpu.read(buffer, 8), 4), [0, 8]);
}

/// Many threads of many blocks on one place, and on places in shared memory.
#[test]
fn nothing_is_lost_where_all_change_one_place() {
    let gpu = Gpu::of(
        "sm_70",
        ".shared .align 4 .b8 s[4];
        .visible .entry k(.param .u64 p)
        { .reg .b64 %rd<3>; .reg .b32 %r<9>; .reg .pred %p<3>; ld.param.u64 %rd1, [p]; mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x;
          mov.u32 %r3, %ntid.x; mad.lo.u32 %r4, %r2, %r3, %r1; st.shared.u32 [s], 0; bar.sync 0;
          atom.shared.add.u32 %r5, [s], 1; setp.ge.u32 %p1, %r5, %r3; @%p1 trap;
          red.global.add.u32 [%rd1], %r4; red.global.max.u32 [%rd1+4], %r4; atom.global.inc.u32 %r6, [%rd1+8], 999;
        L: ld.volatile.global.u32 %r7, [%rd1+12]; add.u32 %r8, %r7, 1; atom.global.cas.b32 %r6, [%rd1+12], %r7, %r8;
          setp.ne.u32 %p1, %r6, %r7; @%p1 bra L;
          bar.sync 0; ld.shared.u32 %r5, [s]; setp.ne.u32 %p1, %r5, %r3; @%p1 trap; ret; }",
    );
    let buffer = gpu.buffer(&[0; 16]);
    gpu.launch("k", 100, 96, &[buffer]).unwrap_or_else(|fault| panic!("{fault}"));
    let count = 9600_u64;
    assert_eq!(numbers(&gpu.read(buffer, 16), 4), [count * (count - 1) / 2, count - 1, count % 1000, count]);
}
