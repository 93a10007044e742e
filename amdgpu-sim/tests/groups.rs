//! Work-groups of every size, their LDS and their barriers; LDS accesses of every width.

mod support;

use support::{Buffer, Program, Shape, check_everything, compile_c, have_clang};

const GROUPS: &str = r#"
typedef unsigned int uint;
static void barrier_() {
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}
static uint linear(uint sx, uint sy) {
    return __builtin_amdgcn_workitem_id_x() + sx * (__builtin_amdgcn_workitem_id_y() + sy * __builtin_amdgcn_workitem_id_z());
}
// Each item gives the item at the mirrored place what it knows, through LDS that is sized at launch.
kernel void mirror(global uint *out, local uint *dynamic, uint sx, uint sy, uint items) {
    local uint first;
    uint l = linear(sx, sy), g = __builtin_amdgcn_workgroup_id_x();
    uint size = sx * sy * ((constant unsigned short *)__builtin_amdgcn_dispatch_ptr())[4];
    // The last group may have fewer items.
    uint n = items - g * size < size ? items - g * size : size;
    if (l == n - 1) first = g * 5 + n;
    dynamic[l] = l * 3 + g;
    barrier_();
    out[g * size + l] = dynamic[n - 1 - l] + (first << 16);
}
"#;

#[test]
fn work_groups_of_every_size_share_lds() {
    if !have_clang() {
        return;
    }
    check_everything();
    let program = Program::new(&compile_c(GROUPS, &[]));
    let shapes = [
        [1, 1, 1],
        [2, 1, 1],
        [31, 1, 1],
        [63, 1, 1],
        [64, 1, 1],
        [65, 1, 1],
        [96, 1, 1],
        [127, 1, 1],
        [128, 1, 1],
        [200, 1, 1],
        [511, 1, 1],
        [1000, 1, 1],
        [1023, 1, 1],
        [1024, 1, 1],
        [1, 1024, 1],
        [1, 1, 1024],
        [32, 32, 1],
        [3, 5, 7],
        [10, 10, 10],
        [1, 7, 1],
        [16, 4, 16],
        [33, 2, 3],
    ];
    for [x, y, z] in shapes {
        let size = u32::from(x) * u32::from(y) * u32::from(z);
        // The last group of three is whole, or, along one dimension, has a part of its items.
        for items in [3 * size, 2 * size + size.div_ceil(3)] {
            if size > u32::from(x) && items != 3 * size {
                continue;
            }
            let out = Buffer::new(&vec![0_u32; items as usize]);
            // One static word, then the dynamic part.
            let args = [out.address as u64, 4 | u64::from(x) << 32, u64::from(y) | u64::from(items) << 32];
            let grid = if items == 3 * size { [3 * u32::from(x), y.into(), z.into()] } else { [items, 1, 1] };
            let shape = Shape { grid, group: [x, y, z], lds: 4 * size, stack: 0 };
            program.launch("mirror", &args, shape).unwrap_or_else(|report| panic!("{x} {y} {z}: {report}"));
            let expected: Vec<u32> = (0..items)
                .map(|item| {
                    let (group, local) = (item / size, item % size);
                    let n = size.min(items - group * size);
                    (n - 1 - local) * 3 + group + ((group * 5 + n) << 16)
                })
                .collect();
            assert_eq!(out.read(), expected, "{x} {y} {z}, {items} items");
        }
    }
}

#[test]
fn a_work_group_may_have_all_lds_and_no_more() {
    if !have_clang() {
        return;
    }
    check_everything();
    let source = format!(
        "{GROUPS}\nkernel void whole(global uint *out, local uint *dynamic, uint words) {{\n\
         uint l = __builtin_amdgcn_workitem_id_x();\n\
         for (uint i = l; i < words; i += 256) dynamic[i] = i * 7;\n\
         barrier_();\n uint sum = 0;\n for (uint i = l; i < words; i += 256) sum += dynamic[words - 1 - i];\n\
         out[l] = sum;\n}}"
    );
    let code = compile_c(&source, &[]);
    let (program, out) = (Program::new(&code), Buffer::new(&[0_u32; 256]));
    let words = 65536 / 4_u32;
    let launch = |program: &Program, lds, words: u32| {
        let args = [out.address as u64, u64::from(words) << 32];
        program.launch("whole", &args, Shape { lds, ..Shape::linear(256, 256) })
    };
    launch(&program, 65536, words).unwrap();
    let sum = |l: u32| (l..words).step_by(256).map(|i| (words - 1 - i) * 7).sum::<u32>();
    assert_eq!(out.read(), (0..256).map(sum).collect::<Vec<u32>>());
    // What the packet does not ask for is not there.
    let report = launch(&Program::new(&code), 4096, 1025).unwrap_err();
    assert!(report.detail.contains("LDS offset 0x1000; the work-group has 4096 bytes"), "{report}");
    let report = launch(&Program::new(&code), 65537, words).unwrap_err();
    assert!(report.detail.contains("65537 bytes of LDS"), "{report}");
}

#[test]
fn lds_is_accessed_in_every_width() {
    if !have_clang() {
        return;
    }
    check_everything();
    // Type, its size; those with an alignment of less than their size are read in parts.
    let types = [
        ("char", 1),
        ("short", 2),
        ("int", 4),
        ("long", 8),
        ("int2", 8),
        ("int4", 16),
        ("long2", 16),
        ("packed3", 3),
        ("odd4", 4),
        ("shorts8", 8),
        ("word8", 8),
        ("word12", 12),
        ("word16", 16),
        ("pair16", 16),
        ("byte16", 16),
    ];
    let mut source = String::from(GROUPS);
    for (name, element, count) in [
        ("packed3", "char", 3),
        ("odd4", "char", 4),
        ("shorts8", "short", 4),
        ("word8", "int", 2),
        ("word12", "int", 3),
        ("word16", "int", 4),
        ("pair16", "long", 2),
        ("byte16", "char", 16),
    ] {
        source += &format!("typedef struct {{ {element} v[{count}]; }} {name};\n");
    }
    for (ty, _) in types {
        source += &format!(
            "kernel void k_{ty}(global {ty} *in, global {ty} *out) {{ local {ty} tile[256];\n\
             uint l = __builtin_amdgcn_workitem_id_x(); tile[l] = in[l]; barrier_(); out[l] = tile[(l * 7 + 3) % 256]; }}\n"
        );
    }
    // Two words for each instruction, near each other and far apart.
    for (ty, _) in [("int", 4), ("long", 8)] {
        source += &format!(
            "kernel void two_{ty}(global {ty} *in, global {ty} *out) {{ local {ty} tile[1024];\n\
             uint l = __builtin_amdgcn_workitem_id_x();\n\
             for (uint i = 0; i < 1024; i += 256) tile[l + i] = in[l + i];\n barrier_();\n\
             uint m = l ^ 85;\n for (uint i = 0; i < 1024; i += 256) out[l + i] = tile[m + i] ^ tile[(m & 254) + i + 1]; }}\n"
        );
    }
    let bytes: Vec<u8> = (0..8192_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let input = Buffer::new(&bytes);
    for flags in [["-O0"], ["-O1"], ["-O3"]] {
        let program = Program::new(&compile_c(&source, &flags));
        for (ty, size) in types {
            let out = Buffer::new(&vec![0_u8; 256 * size]);
            let args = [input.address as u64, out.address as u64];
            let launched = program.launch(&format!("k_{ty}"), &args, Shape::linear(256, 256));
            launched.unwrap_or_else(|report| panic!("{ty} {flags:?}: {report}"));
            let expected: Vec<u8> = (0..256).flat_map(|l| bytes[(l * 7 + 3) % 256 * size..][..size].to_vec()).collect();
            assert_eq!(out.read(), expected, "{ty} {flags:?}");
        }
        for (ty, size) in [("int", 4), ("long", 8)] {
            let out = Buffer::new(&vec![0_u8; 1024 * size]);
            let args = [input.address as u64, out.address as u64];
            program.launch(&format!("two_{ty}"), &args, Shape::linear(256, 256)).unwrap();
            let element = |at: usize| bytes[at * size..][..size].to_vec();
            let expected: Vec<u8> = (0..1024)
                .flat_map(|at| {
                    let (m, i) = ((at % 256) ^ 85, at / 256 * 256);
                    element(m + i).iter().zip(element((m & 254) + i + 1)).map(|(a, b)| a ^ b).collect::<Vec<u8>>()
                })
                .collect();
            assert_eq!(out.read(), expected, "two_{ty} {flags:?}");
        }
    }
}

#[test]
fn lanes_exchange_values() {
    if !have_clang() {
        return;
    }
    check_everything();
    let source = format!(
        "{GROUPS}\nkernel void k(global uint *in, global uint *out) {{\n\
         uint l = __builtin_amdgcn_workitem_id_x(); uint v = in[l], n = 0;\n\
         global uint *o = out + l * 5;\n\
         o[n++] = __builtin_amdgcn_ds_bpermute(4 * ((l * 5 + 1) & 63), v);\n\
         o[n++] = __builtin_amdgcn_ds_permute(4 * (l ^ 21), v);\n\
         o[n++] = __builtin_amdgcn_ds_swizzle(v, 0x181f);\n\
         o[n++] = __builtin_amdgcn_ds_swizzle(v, 0x801b);\n\
         o[n++] = __builtin_amdgcn_readlane(v, 7);\n}}"
    );
    let values: Vec<u32> = (0..128_u32).map(|i| i.wrapping_mul(2_654_435_761) | 1).collect();
    let input = Buffer::new(&values);
    // Lanes 36 to 63 of the second wave are not there.
    let items = 100_u32;
    for flags in [["-O0"], ["-O3"]] {
        let program = Program::new(&compile_c(&source, &flags));
        let out = Buffer::new(&vec![0_u32; 5 * items as usize]);
        program.launch("k", &[input.address as u64, out.address as u64], Shape::linear(items, items as u16)).unwrap();
        // What a lane of the item's wave holds; 0 if it is not there.
        let lane = |item: u32, lane: u32| {
            let other = item / 64 * 64 + lane;
            if other < items { values[other as usize] } else { 0 }
        };
        let expected: Vec<u32> = (0..items)
            .flat_map(|item| {
                let l = item % 64;
                let masked = (l & 32) + ((l & 31) ^ 6);
                // Nobody sends to a lane whose sender is not there.
                [
                    lane(item, (item * 5 + 1) & 63),
                    lane(item, l ^ 21),
                    lane(item, masked),
                    lane(item, l ^ 3),
                    lane(item, 7),
                ]
            })
            .collect();
        assert_eq!(out.read(), expected, "{flags:?}");
    }
}
