//! The checks: each planted mistake is found, with the items and the source lines of both accesses; what is right is
//! left alone.

mod support;

use amdgpu_sim::{AccessKind, FaultKind, FaultReport};
use support::{Buffer, Program, Shape, check_everything, compile_c, have_clang};

/// What the kernels share: ids, a barrier as compilers emit it, and a library's function.
const PRELUDE: &str = r#"
#define LOCAL ((int)__builtin_amdgcn_workitem_id_x())
#define GROUP ((int)__builtin_amdgcn_workgroup_id_x())
#define SIZE ((int)((constant unsigned short *)__builtin_amdgcn_dispatch_ptr())[2])
// Keeps the optimiser from making one store of two.
#define KEEP(n) __asm__ volatile("; " #n)
typedef unsigned char uchar;
typedef unsigned int uint;
static void barrier_() {
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}
"#;

fn program(source: &str, flags: &[&str]) -> Option<Program> {
    check_everything();
    have_clang().then(|| Program::new(&compile_c(&format!("{PRELUDE}{source}"), flags)))
}

/// The line of the source that ends with `// name`.
fn line(source: &str, name: &str) -> u32 {
    let mark = format!("// {name}");
    let at = source.lines().position(|line| line.ends_with(&mark)).expect("the mark is there");
    (PRELUDE.lines().count() + at + 1) as u32
}

/// Launches kernel `k` on a buffer of `N` zeros at every level of optimisation; gives the reports.
fn faults(source: &str, shape: Shape) -> Vec<FaultReport> {
    let mut reports = Vec::new();
    for flags in [["-O0"], ["-O1"], ["-O3"]] {
        let Some(program) = program(source, &flags) else { continue };
        let out = Buffer::new(&[0_u32; 4096]);
        match program.launch("k", &[out.address as u64], shape) {
            Ok(()) => panic!("{flags:?}: nothing was found"),
            Err(report) => reports.push(*report),
        }
    }
    reports
}

/// Kind, group and item of an access, and the name of its line.
type Expected<'e> = (AccessKind, [u32; 3], [u32; 3], &'e str);

/// Every level of optimisation finds these accesses.
fn finds(source: &str, shape: Shape, kind: FaultKind, expected: &[Expected<'_>]) -> Vec<FaultReport> {
    let reports = faults(source, shape);
    for report in &reports {
        assert_eq!(report.kind, kind, "{report}");
        let found: Vec<_> = report.accesses.iter().map(|access| (access.kind, access.group, access.item)).collect();
        let wanted: Vec<_> = expected.iter().map(|(kind, group, item, _)| (*kind, *group, *item)).collect();
        assert_eq!(found, wanted, "{report}");
        for (access, (.., name)) in report.accesses.iter().zip(expected) {
            let location = access.site.location.as_ref().expect("there are line tables");
            assert!(location.file.ends_with("kernel.cl"), "{report}");
            assert_eq!(location.line, line(source, name), "{report}");
        }
        assert!(report.to_string().contains("in kernel k on gfx942"), "{report}");
    }
    reports
}

/// At no level of optimisation anything is found, in three work-groups of each of these sizes.
fn is_clean(source: &str, args: &[u64], groups: &[u16]) {
    for flags in [["-O0"], ["-O1"], ["-O3"]] {
        let Some(program) = program(source, &flags) else { continue };
        for group in groups {
            if let Err(report) = program.launch("k", args, Shape::linear(u32::from(*group) * 3, *group)) {
                panic!("{flags:?}, {group} items: {report}");
            }
        }
    }
}

const W: AccessKind = AccessKind::Store;
const R: AccessKind = AccessKind::Load;
const A: AccessKind = AccessKind::Atomic;

fn x(x: u32) -> [u32; 3] {
    [x, 0, 0]
}

#[test]
fn two_items_that_write_one_element_are_found() {
    let source = "kernel void k(global int *out) {\n\
                  if (LOCAL == 3) { out[70] = 1; KEEP(1); } // first\n\
                  if (LOCAL == 200) { out[70] = 2; KEEP(2); } // second\n}";
    let reports = finds(
        source,
        Shape::linear(256, 256),
        FaultKind::OverlappingWrites,
        &[(W, x(0), x(3), "first"), (W, x(0), x(200), "second")],
    );
    for report in reports {
        assert!(report.detail.contains("at byte 280 of the allocation of 16384 bytes"), "{report}");
    }
}

#[test]
fn lanes_of_one_instruction_that_write_one_element_are_found() {
    let source = "kernel void k(global int *out) {\nout[LOCAL / 2] = LOCAL; // store\n}";
    for group in [2, 64, 256] {
        let both = [(W, x(0), x(0), "store"), (W, x(0), x(1), "store")];
        finds(source, Shape::linear(u32::from(group), group), FaultKind::OverlappingWrites, &both);
    }
}

#[test]
fn two_work_groups_that_write_one_element_are_found_even_with_barriers() {
    let source = "kernel void k(global int *out) {\n\
                  if (GROUP == 1 && LOCAL == 7) out[9] = 1; // first\n\
                  barrier_();\n\
                  if (GROUP == 2 && LOCAL == 5) out[9] = 2; // second\n}";
    for report in faults(source, Shape::linear(64 * 4, 64)) {
        assert_eq!(report.kind, FaultKind::OverlappingWrites);
        // Either work-group may end first.
        let mut found: Vec<_> = report
            .accesses
            .iter()
            .map(|access| (access.group, access.item, access.site.location.as_ref().unwrap().line))
            .collect();
        found.sort();
        assert_eq!(found, [(x(1), x(7), line(source, "first")), (x(2), x(5), line(source, "second"))], "{report}");
        assert!(report.detail.contains("two work-groups"), "{report}");
    }
}

#[test]
fn an_atomic_operation_beside_a_plain_write_is_found() {
    let source = "kernel void k(global int *out) {\n\
                  if (LOCAL == 100) __opencl_atomic_fetch_add((global atomic_int *)out, 1, \
                  __ATOMIC_RELAXED, __OPENCL_MEMORY_SCOPE_DEVICE); // atomic\n\
                  if (LOCAL == 200) out[0] = 2; // plain\n}";
    let both = [(A, x(0), x(100), "atomic"), (W, x(0), x(200), "plain")];
    finds(source, Shape::linear(256, 256), FaultKind::OverlappingWrites, &both);
}

#[test]
fn bytes_are_told_apart() {
    let source = "kernel void k(global uchar *out) {\n\
                  out[2 * (GROUP * SIZE + LOCAL)] = 1;\n\
                  if (LOCAL < 255) out[2 * (GROUP * SIZE + LOCAL) + 1] = 2; // first\n\
                  if (LOCAL == 130) out[603] = 3; // second\n\
                  if (LOCAL == 200) *(global uint *)(out + 600) = 3; // third\n}";
    let both = [(W, x(0), x(130), "second"), (W, x(0), x(200), "third")];
    for report in finds(source, Shape::linear(256, 256), FaultKind::OverlappingWrites, &both) {
        assert!(report.detail.contains("at byte 603 of"), "{report}");
    }
}

#[test]
fn lds_that_nobody_wrote_is_found() {
    let source = "kernel void k(global int *out) {\n\
                  local int tile[256];\n\
                  if (LOCAL != 77) tile[LOCAL] = LOCAL;\n\
                  barrier_();\n\
                  out[LOCAL] = tile[255 - LOCAL]; // read\n}";
    let reports =
        finds(source, Shape::linear(256, 256), FaultKind::UninitializedRead, &[(R, x(0), x(255 - 77), "read")]);
    for report in reports {
        assert!(report.detail.contains("at byte 308 of 1024 bytes of LDS"), "{report}");
    }
}

#[test]
fn an_element_that_is_missing_in_a_wide_read_is_found() {
    let source = "typedef int int4 __attribute__((ext_vector_type(4)));\n\
                  kernel void k(global int4 *out) {\n\
                  local int tile[256] __attribute__((aligned(16)));\n\
                  if (LOCAL % 16 != 14) tile[LOCAL] = LOCAL;\n\
                  barrier_();\n\
                  if (LOCAL < 64) out[LOCAL] = ((local int4 *)tile)[LOCAL]; // read\n}";
    finds(source, Shape::linear(256, 256), FaultKind::UninitializedRead, &[(R, x(0), x(3), "read")]);
}

#[test]
fn a_read_that_does_not_wait_for_the_write_is_found() {
    let source = "kernel void k(global int *out) {\n\
                  local int tile[256];\n\
                  tile[LOCAL] = 0; // zero\n\
                  barrier_();\n\
                  if (LOCAL == 10) tile[10] = 5; // write\n\
                  if (LOCAL == 99) out[LOCAL] = tile[10]; // read\n}";
    let both = [(W, x(0), x(10), "write"), (R, x(0), x(99), "read")];
    finds(source, Shape::linear(256, 256), FaultKind::Race, &both);
}

#[test]
fn a_write_that_does_not_wait_for_the_readers_is_found() {
    let source = "kernel void k(global int *out) {\n\
                  local int tile[256];\n\
                  tile[LOCAL] = 0;\n\
                  barrier_();\n\
                  int sum = LOCAL < 128 ? tile[200 - LOCAL] : 0; // read\n\
                  if (LOCAL >= 128) tile[LOCAL] = sum + 1; // write\n\
                  barrier_();\n\
                  out[LOCAL] = tile[LOCAL] + sum;\n}";
    // Optimisers may order the two within a wave as they like; not between waves.
    for report in faults(source, Shape::linear(256, 256)) {
        assert_eq!(report.kind, FaultKind::Race, "{report}");
        let lines: Vec<_> = report.accesses.iter().map(|a| a.site.location.as_ref().unwrap().line).collect();
        assert_eq!(lines, [line(source, "read"), line(source, "write")], "{report}");
        let [reader, writer] = [0, 1].map(|at| report.accesses[at].item[0]);
        assert_eq!(200 - reader, writer, "{report}");
    }
}

#[test]
fn two_items_that_write_one_place_in_lds_are_found() {
    let source = "kernel void k(global int *out) {\n\
                  local int tile[256];\n\
                  tile[LOCAL & 127] = LOCAL; // write\n\
                  barrier_();\n\
                  out[LOCAL] = tile[LOCAL & 127];\n}";
    let both = [(W, x(0), x(0), "write"), (W, x(0), x(128), "write")];
    finds(source, Shape::linear(256, 256), FaultKind::OverlappingWrites, &both);
}

#[test]
fn an_atomic_operation_on_lds_needs_a_value_and_no_plain_writer() {
    let add = "__opencl_atomic_fetch_add((local atomic_int *)&bins[0], 1, __ATOMIC_RELAXED, \
               __OPENCL_MEMORY_SCOPE_WORK_GROUP)";
    let source = format!(
        "kernel void k(global int *out) {{\nlocal int bins[4];\n{add}; // add\n\
         barrier_();\nout[LOCAL] = bins[0];\n}}"
    );
    // At -O3 the first lane adds for its wave.
    finds(&source, Shape::linear(256, 256), FaultKind::UninitializedRead, &[(A, x(0), x(0), "add")]);
    let source = format!(
        "kernel void k(global int *out) {{\nlocal int bins[4];\nif (LOCAL == 0) bins[0] = 0; // write\n\
         if (LOCAL == 70) {add}; // add\nbarrier_();\nout[LOCAL] = bins[0];\n}}"
    );
    let both = [(W, x(0), x(0), "write"), (A, x(0), x(70), "add")];
    finds(&source, Shape::linear(256, 256), FaultKind::OverlappingWrites, &both);
}

#[test]
fn the_place_is_the_users_and_not_the_librarys() {
    for library in [
        "/home/u/geobacter-lang/src/output.rs",
        "/home/u/safe-lds/src/fill.rs",
        "/rustc/0123/library/core/src/ptr/mod.rs",
    ] {
        let source = format!(
            "#line 700 \"{library}\"\nstatic inline __attribute__((always_inline)) void put(global int *at, int v) \
             {{ *at = v; }}\n#line 20 \"kernel.cl\"\nkernel void k(global int *out) {{\nput(out + LOCAL / 2, 1);\n}}"
        );
        for report in faults(&source, Shape::linear(256, 256)) {
            for access in &report.accesses {
                let location = access.site.location.as_ref().unwrap();
                assert_eq!((location.file.as_str(), location.line), ("kernel.cl", 21), "{report}");
            }
        }
    }
}

/// Kernels whose items all store to one place, in LDS and in memory, through an inlined function of this file.
fn stores_through(file: &str) -> [String; 2] {
    let put = |space: &str| {
        format!(
            "#line 10 \"{file}\"\nstatic inline __attribute__((always_inline)) void put({space} int *at, int v) {{\n\
             *at = v; }}\n#line 20 \"kernel.cl\"\nkernel void k(global int *out) {{"
        )
    };
    [
        put("local") + " local int flag; put(&flag, LOCAL); barrier_(); if (LOCAL == 0) out[GROUP] = flag; }",
        put("global") + " put(out, LOCAL); }",
    ]
}

/// In LDS all of them look like plain ones, in memory the relaxed ones of gfx90a and of RDNA 2 and 3.
#[test]
fn atomic_stores_are_known_by_their_source() {
    let buffer = if have_clang() { Buffer::new(&[0_u32; 64]) } else { return };
    let args = [buffer.address as u64];
    for atomic in stores_through("/home/u/geobacter-lang/src/atomic.rs") {
        is_clean(&atomic, &args, &[64, 256]);
    }
    for plain in stores_through("/home/u/geobacter-lang/src/output.rs") {
        for report in faults(&plain, Shape::linear(256, 256)) {
            assert_eq!(report.kind, FaultKind::OverlappingWrites, "{report}");
        }
    }
}

#[test]
fn a_memory_fault_names_item_and_line() {
    let source = "kernel void k(global int *out) {\nif (LOCAL == 9 && GROUP == 2) out[4096 + LOCAL] = 1; // beyond\n}";
    for report in faults(source, Shape::linear(256, 64)) {
        assert_eq!((report.kind, report.group, report.item), (FaultKind::MemoryFault, x(2), Some(x(9))), "{report}");
        assert_eq!(report.site.location.as_ref().unwrap().line, line(source, "beyond"), "{report}");
        assert!(report.to_string().contains("kernel.cl:"), "{report}");
    }
}

#[test]
fn three_dimensional_ids_are_named() {
    let source = "kernel void k(global int *out) {\n\
                  out[__builtin_amdgcn_workitem_id_z()] = 1; // store\n}";
    let shape = Shape { grid: [4, 6, 4], group: [4, 6, 4], ..Shape::linear(1, 1) };
    let both = [(W, [0; 3], [0; 3], "store"), (W, [0; 3], [1, 0, 0], "store")];
    finds(source, shape, FaultKind::OverlappingWrites, &both);
}

#[test]
fn right_kernels_are_left_alone() {
    if !have_clang() {
        return;
    }
    check_everything();
    let out = Buffer::new(&[0_u32; 8192]);
    let input = Buffer::new(&(0..8192).collect::<Vec<u32>>());
    let args = [input.address as u64, out.address as u64];
    let add =
        |place: &str| format!("__opencl_atomic_fetch_add({place}, 1, __ATOMIC_RELAXED, __OPENCL_MEMORY_SCOPE_DEVICE)");
    let kernels = [
        // Each item its own element, several times; bytes beside bytes.
        "kernel void k(global int *in, global int *out) { int i = GROUP * SIZE + LOCAL; out[i] = 1; out[i] += in[i];\n\
         ((global uchar *)out)[4 * i + 1] = 7; }"
            .to_owned(),
        // One element written by different items of a group, in different phases.
        "kernel void k(global int *in, global int *out) { if (LOCAL == 0) out[GROUP * SIZE] = 1; barrier_();\n\
         if (LOCAL == SIZE - 1) out[GROUP * SIZE] = 2; }"
            .to_owned(),
        // A reduction, and one atomic operation for each group.
        format!(
            "kernel void k(global int *in, global int *out) {{ local int tile[1024]; tile[LOCAL] = in[LOCAL];\n\
             int n = SIZE; while (n > 1) {{ int half_ = (n + 1) / 2; barrier_();\n\
             if (LOCAL < n / 2) tile[LOCAL] += tile[LOCAL + half_]; n = half_; }}\n\
             if (LOCAL == 0) {{ {}; out[1 + GROUP] = tile[0]; }} }}",
            add("(global atomic_int *)out")
        ),
        // A histogram.
        format!(
            "kernel void k(global int *in, global int *out) {{ local int bins[32];\n\
             for (int b = LOCAL; b < 32; b += SIZE) bins[b] = 0; barrier_();\n\
             {}; barrier_();\n\
             for (int b = LOCAL; b < 32; b += SIZE) {}; }}",
            add("(local atomic_int *)&bins[in[LOCAL] & 31]"),
            add("(global atomic_int *)&out[bins[b] & 31]"),
        ),
        // Rounds over one tile, with both barriers; reads are wide.
        "kernel void k(global int *in, global int *out) { local int tile[1024] __attribute__((aligned(16))); int sum = 0;\n\
         for (int r = 0; r < 3; r++) { tile[LOCAL] = in[LOCAL] + r; barrier_();\n\
         for (int j = 0; j < SIZE; j += 1 + SIZE / 100) sum += tile[j]; barrier_(); }\n\
         out[GROUP * SIZE + LOCAL] = sum; }"
            .to_owned(),
        // Bytes in LDS.
        "kernel void k(global int *in, global int *out) { local uchar tile[1024]; tile[LOCAL] = in[LOCAL]; barrier_();\n\
         out[GROUP * SIZE + LOCAL] = tile[SIZE - 1 - LOCAL]; }"
            .to_owned(),
        // Padding in LDS is copied and never written.
        "typedef struct { uchar a; uint b; } pair; kernel void k(global int *in, global pair *out) {\n\
         local pair tile[512]; if (LOCAL < 512) { tile[LOCAL].a = 1; tile[LOCAL].b = in[LOCAL]; } barrier_();\n\
         if (LOCAL < 512 && SIZE - 1 - LOCAL < 512) out[GROUP * SIZE + LOCAL] = tile[SIZE - 1 - LOCAL]; }"
            .to_owned(),
        // Atomic loads and stores of one element by all.
        "kernel void k(global int *in, global int *out) {\n\
         __opencl_atomic_store((global atomic_int *)out, LOCAL, __ATOMIC_RELAXED, __OPENCL_MEMORY_SCOPE_DEVICE);\n\
         out[1 + GROUP * SIZE + LOCAL] = __opencl_atomic_load((global atomic_int *)out, __ATOMIC_RELAXED,\n\
         __OPENCL_MEMORY_SCOPE_DEVICE); }"
            .to_owned(),
    ];
    for kernel in &kernels {
        is_clean(kernel, &args, &[1, 2, 63, 64, 65, 100, 256, 1000, 1024]);
    }
}

#[test]
fn code_for_one_wave_without_barriers_is_left_alone() {
    // For groups of at most a wave LLVM removes the barriers.
    let source = "__attribute__((reqd_work_group_size(64, 1, 1))) kernel void k(global int *in, global int *out) {\n\
                  local int tile[64]; int sum = 0;\n\
                  for (int r = 0; r < 5; r++) { tile[LOCAL] = in[LOCAL] + r; barrier_();\n\
                  sum += tile[63 - LOCAL] + tile[(LOCAL + 7) & 63]; barrier_(); }\n\
                  out[GROUP * SIZE + LOCAL] = sum; }";
    if !have_clang() {
        return;
    }
    check_everything();
    let (input, out) = (Buffer::new(&[1_u32; 64]), Buffer::new(&[0_u32; 256]));
    is_clean(source, &[input.address as u64, out.address as u64], &[64]);
    assert_eq!(out.read()[..192], [5 * 2 * (1 + 2); 192]);
}

#[test]
fn the_device_goes_on_after_a_report() {
    let source = "kernel void k(global int *out) {\nout[LOCAL / 2] = LOCAL;\n}\n\
                  kernel void right(global int *out) {\nout[LOCAL] = LOCAL;\n}";
    let Some(program) = program(source, &[]) else { return };
    let out = Buffer::new(&[0_u32; 4096]);
    program.launch("k", &[out.address as u64], Shape::linear(64, 64)).unwrap_err();
    let next = self::program(source, &[]).unwrap();
    next.launch("right", &[out.address as u64], Shape::linear(64, 64)).unwrap();
    assert_eq!(out.read()[..64], (0..64).collect::<Vec<u32>>());
}
