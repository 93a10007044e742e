//! Atomic operations on LDS and memory, of every type and with and without a result, against the same operations on the
//! host. Operations that a device lacks become loops of compare-and-swap, which are tested along.

mod support;

use half::{bf16, f16};
use support::{Buffer, Program, Shape, check_everything, compile, have_llvm};

/// Items of the work-group.
const ITEMS: u32 = 200;

/// An operation: LLVM's name, its type, and what it makes of old value and operand.
struct Operation {
    name: &'static str,
    ty: &'static str,
    /// Bytes.
    size: usize,
    apply: fn(u64, u64) -> u64,
    /// The operand or initial value that a random number stands for.
    value: fn(u64) -> u64,
    /// Whether any order of operations gives the same value in the end.
    commutes: bool,
}

fn lanes16(a: u64, b: u64, add: fn(u16, u16) -> u16) -> u64 {
    u64::from(add(a as u16, b as u16)) | u64::from(add((a >> 16) as u16, (b >> 16) as u16)) << 16
}

/// A whole number that sums of some hundreds of keep exact.
fn small(x: u64) -> i8 {
    (x % 7) as i8 - 3
}

macro_rules! operations {
    ($( $name:literal $ty:literal $size:literal $commutes:literal $value:expr, $apply:expr; )*) => {
        [$( Operation {
            name: $name, ty: $ty, size: $size, commutes: $commutes, value: $value, apply: $apply,
        } ),*]
    };
}

fn operations() -> Vec<Operation> {
    let f32_of = |x: u64| u64::from(f32::from(small(x)).to_bits());
    let f64_of = |x: u64| f64::from(small(x)).to_bits();
    let mut all = Vec::from(operations! {
        "fadd" "float" 4 true f32_of, |a, b| u64::from((f32::from_bits(a as u32) + f32::from_bits(b as u32)).to_bits());
        "fsub" "float" 4 true f32_of, |a, b| u64::from((f32::from_bits(a as u32) - f32::from_bits(b as u32)).to_bits());
        "fmax" "float" 4 true f32_of, |a, b| u64::from(f32::from_bits(a as u32).max(f32::from_bits(b as u32)).to_bits());
        "fmin" "float" 4 true f32_of, |a, b| u64::from(f32::from_bits(a as u32).min(f32::from_bits(b as u32)).to_bits());
        "fadd" "double" 8 true f64_of, |a, b| (f64::from_bits(a) + f64::from_bits(b)).to_bits();
        "fmax" "double" 8 true f64_of, |a, b| f64::from_bits(a).max(f64::from_bits(b)).to_bits();
        "fmin" "double" 8 true f64_of, |a, b| f64::from_bits(a).min(f64::from_bits(b)).to_bits();
        "fadd" "<2 x half>" 4 true |x| {
            u64::from(f16::from_f32(small(x).into()).to_bits()) | u64::from(f16::from_f32(small(x >> 8).into()).to_bits()) << 16
        }, |a, b| lanes16(a, b, |a, b| f16::from_f32(f16::from_bits(a).to_f32() + f16::from_bits(b).to_f32()).to_bits());
        "fadd" "<2 x bfloat>" 4 true |x| {
            u64::from(bf16::from_f32(small(x).into()).to_bits()) | u64::from(bf16::from_f32(small(x >> 8).into()).to_bits()) << 16
        }, |a, b| lanes16(a, b, |a, b| bf16::from_f32(bf16::from_bits(a).to_f32() + bf16::from_bits(b).to_f32()).to_bits());
    });
    macro_rules! integers {
        ($llvm:literal, $size:literal, $u:ty, $i:ty) => {
            all.extend(operations! {
                "xchg" $llvm $size false |x| u64::from(x as $u), |_, b| b;
                "add" $llvm $size true |x| u64::from(x as $u), |a, b| u64::from((a as $u).wrapping_add(b as $u));
                "sub" $llvm $size true |x| u64::from(x as $u), |a, b| u64::from((a as $u).wrapping_sub(b as $u));
                "and" $llvm $size true |x| u64::from((x | x >> 9 | x << 5) as $u), |a, b| a & b;
                "or" $llvm $size true |x| u64::from((x & x >> 9 & x << 5) as $u), |a, b| a | b;
                "xor" $llvm $size true |x| u64::from(x as $u), |a, b| a ^ b;
                "nand" $llvm $size false |x| u64::from(x as $u), |a, b| u64::from(!(a as $u & b as $u));
                "max" $llvm $size true |x| u64::from(x as $u), |a, b| u64::from((a as $i).max(b as $i) as $u);
                "min" $llvm $size true |x| u64::from(x as $u), |a, b| u64::from((a as $i).min(b as $i) as $u);
                "umax" $llvm $size true |x| u64::from(x as $u), |a, b| a.max(b);
                "umin" $llvm $size true |x| u64::from(x as $u), |a, b| a.min(b);
                "uinc_wrap" $llvm $size false |x| x % 5, |a, b| if a >= b { 0 } else { a + 1 };
                "udec_wrap" $llvm $size false |x| x % 5, |a, b| if a == 0 || a > b { b } else { a - 1 };
            });
        };
    }
    integers!("i32", 4, u32, i32);
    integers!("i64", 8, u64, i64);
    all
}

/// Kernel `k_<number>_<lds|memory>_<old|none>`: `cells[item % shared] = operation(.., operands[item])`.
fn kernels(number: usize, operation: &Operation) -> String {
    let Operation { name, ty, size, .. } = operation;
    let mut text = format!("@cells{number} = internal addrspace(3) global [{ITEMS} x {ty}] undef, align 16\n");
    for (place, space) in [("lds", 3), ("memory", 1)] {
        let lds = place == "lds";
        let cell = if lds { format!("@cells{number}") } else { "%cells".to_owned() };
        let scope = if lds { "workgroup" } else { "agent" };
        let copy = |from: &str, from_space: u32, to: &str, to_space: u32, id: &str| {
            format!(
                "  %f{id} = getelementptr {ty}, ptr addrspace({from_space}) {from}, i32 %l\n\
                 \x20 %v{id} = load {ty}, ptr addrspace({from_space}) %f{id}, align {size}\n\
                 \x20 %t{id} = getelementptr {ty}, ptr addrspace({to_space}) {to}, i32 %l\n\
                 \x20 store {ty} %v{id}, ptr addrspace({to_space}) %t{id}, align {size}\n"
            )
        };
        let barrier = "  fence syncscope(\"workgroup\") release\n  call void @llvm.amdgcn.s.barrier()\n  \
                       fence syncscope(\"workgroup\") acquire\n";
        for returns in [false, true] {
            let result = if returns { "old" } else { "none" };
            text += &format!(
                "define amdgpu_kernel void @k_{number}_{place}_{result}(ptr addrspace(1) %operands, ptr addrspace(1) %cells, \
                 ptr addrspace(1) %old, i32 %shared) {{\n  %l = call i32 @llvm.amdgcn.workitem.id.x()\n"
            );
            if lds {
                text += &copy("%cells", 1, &cell, 3, "in");
                text += barrier;
            }
            text += &format!(
                "  %at = urem i32 %l, %shared\n  %cell = getelementptr {ty}, ptr addrspace({space}) {cell}, i32 %at\n\
                 \x20 %po = getelementptr {ty}, ptr addrspace(1) %operands, i32 %l\n\
                 \x20 %operand = load {ty}, ptr addrspace(1) %po, align {size}\n\
                 \x20 %was = atomicrmw {name} ptr addrspace({space}) %cell, {ty} %operand syncscope(\"{scope}\") monotonic, \
                 align {size}, !amdgpu.no.fine.grained.memory !0, !amdgpu.ignore.denormal.mode !0\n"
            );
            if returns {
                text += &format!(
                    "  %pr = getelementptr {ty}, ptr addrspace(1) %old, i32 %l\n  store {ty} %was, ptr addrspace(1) %pr, align {size}\n"
                );
            }
            if lds {
                text += barrier;
                text += &copy(&cell, 3, "%cells", 1, "out");
            }
            text += "  ret void\n}\n";
        }
    }
    text
}

fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 11 ^ *seed << 31
}

/// Values in memory, each of `size` bytes.
fn upload(values: &[u64], size: usize) -> Buffer<u8> {
    Buffer::new(&values.iter().flat_map(|value| value.to_le_bytes()[..size].to_vec()).collect::<Vec<u8>>())
}

fn download(buffer: &Buffer<u8>, size: usize) -> Vec<u64> {
    let value = |bytes: &[u8]| bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
    buffer.read().chunks_exact(size).map(value).collect()
}

#[test]
fn every_operation_gives_the_hosts_values() {
    if !have_llvm() {
        return;
    }
    check_everything();
    let operations = operations();
    let mut text: String =
        operations.iter().enumerate().map(|(number, operation)| kernels(number, operation)).collect();
    text += "declare i32 @llvm.amdgcn.workitem.id.x()\ndeclare void @llvm.amdgcn.s.barrier()\n!0 = !{}\n";
    let program = Program::new(&compile(&text, &[]));
    let items = ITEMS as usize;
    let mut seed = 3;
    for (number, operation) in operations.iter().enumerate() {
        let Operation { name, ty, size, apply, .. } = operation;
        let mut values = || (0..items).map(|_| (operation.value)(random(&mut seed))).collect::<Vec<u64>>();
        let (operands, cells) = (values(), values());
        for place in ["lds", "memory"] {
            for result in ["none", "old"] {
                // Each item a cell of its own, and then many items on few cells.
                for shared in [items, 7] {
                    if shared < items && !operation.commutes {
                        continue;
                    }
                    let what = format!("{name} {ty} in {place}, result {result}, {shared} cells");
                    let (input, device, old) =
                        (upload(&operands, *size), upload(&cells, *size), upload(&vec![0; items], *size));
                    let args = [input.address as u64, device.address as u64, old.address as u64, shared as u64];
                    let kernel = format!("k_{number}_{place}_{result}");
                    let shape = Shape::linear(ITEMS, ITEMS as u16);
                    program.launch(&kernel, &args, shape).unwrap_or_else(|report| panic!("{what}: {report}"));
                    let mut expected = cells.clone();
                    for (item, operand) in operands.iter().enumerate() {
                        expected[item % shared] = apply(expected[item % shared], *operand);
                    }
                    assert_eq!(download(&device, *size), expected, "{what}");
                    if result == "old" && shared == items {
                        assert_eq!(download(&old, *size), cells, "{what}: old values");
                    }
                }
            }
        }
    }
}

/// Compare-and-swap: items find what they expect at every other place.
#[test]
fn compare_and_swap_replaces_what_it_finds() {
    if !have_llvm() {
        return;
    }
    check_everything();
    let mut text = String::new();
    for (ty, size) in [("i32", 4), ("i64", 8)] {
        text += &format!("@tile{size} = internal addrspace(3) global [{ITEMS} x {ty}] undef, align 16\n");
        for (place, space, scope) in [("lds", 3, "workgroup"), ("memory", 1, "agent")] {
            let cell = if place == "lds" { format!("@tile{size}") } else { "%cells".to_owned() };
            text += &format!(
                "define amdgpu_kernel void @k_{place}_{size}(ptr addrspace(1) %expected, ptr addrspace(1) %cells, \
                 ptr addrspace(1) %old, {ty} %new) {{\n\
                 \x20 %l = call i32 @llvm.amdgcn.workitem.id.x()\n\
                 \x20 %pe = getelementptr {ty}, ptr addrspace(1) %expected, i32 %l\n\
                 \x20 %e = load {ty}, ptr addrspace(1) %pe\n\
                 \x20 %pc = getelementptr {ty}, ptr addrspace(1) %cells, i32 %l\n\
                 \x20 %c = load {ty}, ptr addrspace(1) %pc\n\
                 \x20 %cell = getelementptr {ty}, ptr addrspace({space}) {cell}, i32 %l\n\
                 \x20 store {ty} %c, ptr addrspace({space}) %cell\n\
                 \x20 %n = add {ty} %new, %e\n\
                 \x20 %pair = cmpxchg ptr addrspace({space}) %cell, {ty} %e, {ty} %n syncscope(\"{scope}\") monotonic monotonic\n\
                 \x20 %was = extractvalue {{ {ty}, i1 }} %pair, 0\n\
                 \x20 %po = getelementptr {ty}, ptr addrspace(1) %old, i32 %l\n\
                 \x20 store {ty} %was, ptr addrspace(1) %po\n\
                 \x20 %after = load {ty}, ptr addrspace({space}) %cell\n\
                 \x20 store {ty} %after, ptr addrspace(1) %pc\n  ret void\n}}\n"
            );
        }
    }
    text += "declare i32 @llvm.amdgcn.workitem.id.x()\n";
    let program = Program::new(&compile(&text, &[]));
    let mut seed = 5;
    for size in [4_usize, 8] {
        let mask = u64::MAX >> (64 - 8 * size);
        let cells: Vec<u64> = (0..ITEMS).map(|_| random(&mut seed) & mask).collect();
        let expected: Vec<u64> = cells.iter().enumerate().map(|(at, cell)| cell ^ (at as u64 % 2)).collect();
        for place in ["lds", "memory"] {
            let (input, device, old) = (upload(&expected, size), upload(&cells, size), upload(&cells, size));
            let new = 77_u64;
            let args = [input.address as u64, device.address as u64, old.address as u64, new];
            program.launch(&format!("k_{place}_{size}"), &args, Shape::linear(ITEMS, ITEMS as u16)).unwrap();
            assert_eq!(download(&old, size), cells, "{place}, {size} bytes");
            let replaced = |(at, cell): (usize, &u64)| if at % 2 == 0 { cell.wrapping_add(new) & mask } else { *cell };
            let wanted: Vec<u64> = cells.iter().enumerate().map(replaced).collect();
            assert_eq!(download(&device, size), wanted, "{place}, {size} bytes");
        }
    }
}
