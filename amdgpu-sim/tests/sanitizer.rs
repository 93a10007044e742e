//! What the checks find beyond conflicts between items (`checks.rs` has those of LDS and of writes): memory that was freed
//! or never written, registers that were never written, missing waits, races in memory, divergent barriers. Each planted
//! bug is found with its kind and its line; what is right is left alone.

mod support;

use amdgpu_sim::{AccessKind, FaultKind, FaultPlace, FaultReport};
use support::{
    Buffer, Program, Shape, agent, agents, assemble_with_lines, check_everything, compile_c, have_clang, have_llvm,
    pools, simulate,
};

/// Has the simulator check everything, with a GPU of each kind of wait instructions.
fn checked() {
    simulate("gfx942,gfx1030,gfx1100,gfx1201");
    check_everything();
}

/// The line of a text that ends with this mark.
fn line(text: &str, mark: &str) -> u32 {
    let at = text.lines().position(|line| line.ends_with(mark)).unwrap_or_else(|| panic!("no line ends with {mark}"));
    at as u32 + 1
}

/// The lines that a report names: of both accesses, or of the instruction at fault.
fn lines(report: &FaultReport) -> Vec<u32> {
    let line = |site: &amdgpu_sim::Site| site.location.as_ref().map_or(0, |location| location.line);
    match report.accesses.as_slice() {
        [] => vec![line(&report.site)],
        accesses => accesses.iter().map(|access| line(&access.site)).collect(),
    }
}

mod assembly {
    use super::*;

    /// A kernel `k` with its kernarg address in s[0:1], and the item id in v0. (On gfx12 ids of work-groups come elsewhere.)
    fn kernel(target: &str, body: &str) -> String {
        let only_here = if target == "gfx942" { ".amdhsa_accum_offset 64" } else { ".amdhsa_wavefront_size32 1" };
        let scratch = if target == "gfx1030" { "" } else { ".amdhsa_enable_private_segment 1\n" };
        format!(
            ".amdgcn_target \"amdgcn-amd-amdhsa--{target}\"\n.amdhsa_code_object_version 5\n.text\n.globl k\n.p2align 8\n\
             .type k,@function\nk:\n{body}\ns_endpgm\n.Lend:\n.size k, .Lend-k\n.rodata\n.p2align 6\n.amdhsa_kernel k\n\
             .amdhsa_user_sgpr_kernarg_segment_ptr 1\n.amdhsa_next_free_vgpr 64\n.amdhsa_next_free_sgpr 64\n{only_here}\n\
             .amdhsa_group_segment_fixed_size 4096\n{scratch}.amdhsa_kernarg_size 256\n.end_amdhsa_kernel\n"
        )
    }

    fn run(target: &str, text: &str, args: &[u64], shape: Shape) -> Result<(), Box<FaultReport>> {
        Program::on(agent(target), &assemble_with_lines(target, text)).launch("k", args, shape)
    }

    /// Memory that every device reaches, with `n` words.
    fn shared(n: u32) -> Buffer<u32> {
        Buffer::of(pools(agents()[0])[0], &(0..n).map(|i| 4 * i).collect::<Vec<u32>>())
    }

    /// The bug is found at the lines with these marks, in a wave of a target.
    fn finds_on(target: &str, body: &str, kind: FaultKind, marks: &[&str]) -> Option<FaultReport> {
        if !have_llvm() {
            return None;
        }
        checked();
        let memory = shared(1024);
        let text = kernel(target, body);
        let report = run(target, &text, &[memory.address as u64], Shape::linear(64, 64)).expect_err(body);
        assert_eq!(report.kind, kind, "{target}: {report}");
        assert!(report.kind.is_check(), "{report}");
        let expected: Vec<u32> = marks.iter().map(|mark| line(&text, mark)).collect();
        assert_eq!(lines(&report), expected, "{target}: {report}");
        Some(*report)
    }

    fn finds(body: &str, kind: FaultKind, marks: &[&str]) -> Option<FaultReport> {
        finds_on("gfx942", body, kind, marks)
    }

    fn is_clean(target: &str, body: &str) {
        if !have_llvm() {
            return;
        }
        checked();
        let memory = shared(1024);
        let text = kernel(target, body);
        if let Err(report) = run(target, &text, &[memory.address as u64], Shape::linear(64, 64)) {
            panic!("{target}: {report}\n{body}");
        }
    }

    /// Loads the address of the buffer into s[4:5], and four times the item id into v1.
    const START: &str = "s_load_dwordx2 s[4:5], s[0:1], 0x0\nv_and_b32_e32 v0, 0x3ff, v0\nv_lshlrev_b32_e32 v1, 2, v0\n\
                         s_waitcnt lgkmcnt(0)\n";

    #[test]
    fn a_loaded_register_that_is_used_at_once_is_found() {
        let body = format!("{START}global_load_dword v2, v1, s[4:5] // load\nv_add_u32_e32 v3, v2, v1 // use");
        let Some(report) = finds(&body, FaultKind::MissingWait, &["// load", "// use"]) else { return };
        assert_eq!(report.accesses.iter().map(|a| a.kind).collect::<Vec<_>>(), [AccessKind::Load, AccessKind::Use]);
        assert!(report.detail.contains("v2 is used before the load that fills it is waited for (vmcnt"), "{report}");
        assert!(report.to_string().contains("use of the register by work-item (0, 0, 0)"), "{report}");
    }

    #[test]
    fn a_wait_for_too_few_loads_is_found() {
        let body = format!(
            "{START}global_load_dword v2, v1, s[4:5]\nglobal_load_dword v3, v1, s[4:5] offset:4 // load\n\
             s_waitcnt vmcnt(1)\nv_mov_b32_e32 v4, v2\nv_mov_b32_e32 v5, v3 // use"
        );
        finds(&body, FaultKind::MissingWait, &["// load", "// use"]);
    }

    #[test]
    fn a_scalar_load_that_is_not_waited_for_is_found() {
        let body = "s_load_dwordx2 s[4:5], s[0:1], 0x0 // load\ns_add_u32 s6, s4, 4 // use";
        finds(body, FaultKind::MissingWait, &["// load", "// use"]);
        // Two at once come in any order.
        let body = "s_load_dwordx2 s[4:5], s[0:1], 0x0 // load\ns_load_dwordx2 s[6:7], s[0:1], 0x8\n\
                    s_waitcnt lgkmcnt(1)\ns_add_u32 s8, s4, 4 // use";
        finds(body, FaultKind::MissingWait, &["// load", "// use"]);
    }

    #[test]
    fn a_read_of_lds_that_is_not_waited_for_is_found() {
        let body = format!(
            "{START}ds_write_b32 v1, v0\ns_waitcnt lgkmcnt(0)\nds_read_b32 v2, v1 // load\n\
             s_waitcnt vmcnt(0)\nv_add_u32_e32 v3, 1, v2 // use"
        );
        finds(&body, FaultKind::MissingWait, &["// load", "// use"]);
        let body = format!("{START}ds_bpermute_b32 v2, v1, v0 // load\nv_add_u32_e32 v3, 1, v2 // use");
        finds(&body, FaultKind::MissingWait, &["// load", "// use"]);
    }

    #[test]
    fn a_register_that_is_overwritten_before_it_is_filled_is_found() {
        let body = format!("{START}global_load_dword v2, v1, s[4:5] // load\nv_mov_b32_e32 v2, 7 // write");
        let Some(report) = finds(&body, FaultKind::MissingWait, &["// load", "// write"]) else { return };
        assert_eq!(report.accesses[1].kind, AccessKind::Overwrite);
    }

    #[test]
    fn data_and_addresses_that_are_still_loaded_are_found() {
        let store =
            format!("{START}global_load_dword v2, v1, s[4:5] // load\nglobal_store_dword v1, v2, s[4:5] // store");
        finds(&store, FaultKind::MissingWait, &["// load", "// store"]);
        let address =
            format!("{START}global_load_dword v1, v1, s[4:5] // load\nglobal_load_dword v1, v1, s[4:5] // use");
        finds(&address, FaultKind::MissingWait, &["// load", "// use"]);
    }

    #[test]
    fn the_old_value_of_an_atomic_operation_is_waited_for() {
        let body = format!(
            "{START}v_mov_b32_e32 v4, 1\nglobal_atomic_add v2, v1, v4, s[4:5] sc0 // atomic\n\
             v_add_u32_e32 v3, 1, v2 // use"
        );
        finds(&body, FaultKind::MissingWait, &["// atomic", "// use"]);
    }

    #[test]
    fn flat_loads_are_waited_for_where_they_come_from() {
        let flat = "s_mov_b64 s[6:7], src_shared_base\nds_write_b32 v1, v0\ns_waitcnt lgkmcnt(0)\n\
                    v_mov_b32_e32 v2, v1\nv_mov_b32_e32 v3, s7\nflat_load_dword v4, v[2:3] // load\n";
        let body = format!("{START}{flat}s_waitcnt vmcnt(0)\nv_add_u32_e32 v5, 1, v4 // use");
        finds(&body, FaultKind::MissingWait, &["// load", "// use"]);
        is_clean("gfx942", &format!("{START}{flat}s_waitcnt vmcnt(0) lgkmcnt(0)\nv_add_u32_e32 v5, 1, v4 // use"));
    }

    #[test]
    fn other_generations_have_counters_of_their_own() {
        // gfx10: stores do not count with loads.
        let body = format!(
            "{START}global_load_dword v2, v1, s[4:5] // load\nglobal_store_dword v1, v0, s[4:5] offset:1024\n\
             s_waitcnt vmcnt(1)\nv_add_nc_u32_e32 v3, 1, v2 // use"
        );
        finds_on("gfx1030", &body, FaultKind::MissingWait, &["// load", "// use"]);
        is_clean("gfx942", &body.replace("_nc_", "_"));
        let start = START.replace("s_load_dwordx2", "s_load_b64");
        let body = format!(
            "{start}global_load_b32 v2, v1, s[4:5] // load\ns_waitcnt_vscnt null, 0x0\nv_add_nc_u32_e32 v3, 1, v2 // use"
        );
        finds_on("gfx1100", &body, FaultKind::MissingWait, &["// load", "// use"]);
        let start = start.replace("s_waitcnt lgkmcnt(0)", "s_wait_kmcnt 0x0");
        let body = format!(
            "{start}global_load_b32 v2, v1, s[4:5] // load\ns_wait_dscnt 0x0\ns_wait_storecnt 0x0\n\
             v_add_nc_u32_e32 v3, 1, v2 // use"
        );
        finds_on("gfx1201", &body, FaultKind::MissingWait, &["// load", "// use"]);
        is_clean("gfx1201", &body.replace("s_wait_dscnt", "s_wait_loadcnt"));
        let body = "s_load_b64 s[4:5], s[0:1], 0x0 // load\ns_wait_loadcnt 0x0\ns_add_co_u32 s6, s4, 4 // use";
        finds_on("gfx1201", body, FaultKind::MissingWait, &["// load", "// use"]);
    }

    #[test]
    fn a_write_to_lds_that_a_barrier_does_not_wait_for_is_found() {
        if !have_llvm() {
            return;
        }
        checked();
        let body = |wait: &str| {
            format!(
                "{START}ds_write_b32 v1, v0 // write\n{wait}s_barrier\nv_xor_b32_e32 v2, 0x100, v1\nds_read_b32 v3, v2 // read\n\
                 s_waitcnt lgkmcnt(0)"
            )
        };
        let memory = shared(16);
        let launch = |text: &str| run("gfx942", text, &[memory.address as u64], Shape::linear(128, 128));
        let text = kernel("gfx942", &body(""));
        let report = launch(&text).unwrap_err();
        assert_eq!(report.kind, FaultKind::MissingWait, "{report}");
        assert_eq!(lines(&report), [line(&text, "// write"), line(&text, "// read")], "{report}");
        assert!(report.detail.contains("bytes of LDS"), "{report}");
        launch(&kernel("gfx942", &body("s_waitcnt lgkmcnt(0)\n"))).unwrap();
    }

    #[test]
    fn waits_that_suffice_are_left_alone() {
        for body in [
            // In order, one after the other; the wait for the last one is for all.
            "global_load_dword v2, v1, s[4:5]\nglobal_load_dword v3, v1, s[4:5] offset:4\ns_waitcnt vmcnt(1)\n\
             v_mov_b32_e32 v4, v2\ns_waitcnt vmcnt(0)\nv_mov_b32_e32 v5, v3",
            // Halves of a register, and the same register twice: they return in order.
            "global_load_short_d16 v2, v1, s[4:5]\nglobal_load_short_d16_hi v2, v1, s[4:5] offset:2\n\
             s_waitcnt vmcnt(0)\nv_mov_b32_e32 v4, v2",
            // A register that is not filled in the lanes that use it.
            "s_mov_b64 exec, 0xff\nglobal_load_dword v2, v1, s[4:5]\ns_mov_b64 exec, 0xff00\nv_mov_b32_e32 v2, 1\n\
             v_add_u32_e32 v3, 1, v2",
            // Other registers may be used meanwhile.
            "global_load_dword v2, v1, s[4:5]\nv_add_u32_e32 v3, v1, v1\ns_add_u32 s6, s4, s5",
            // LDS in order, with a scalar load behind it.
            "ds_write_b32 v1, v0\nds_read_b32 v2, v1\nds_read_b32 v3, v1\ns_waitcnt lgkmcnt(1)\nv_mov_b32_e32 v4, v2",
        ] {
            is_clean("gfx942", &format!("{START}{body}"));
        }
    }

    #[test]
    fn a_value_made_of_a_register_that_nobody_wrote_is_found_when_it_is_stored() {
        let body = format!("{START}v_add_u32_e32 v3, 3, v40\nglobal_store_dword v1, v3, s[4:5] // store");
        let Some(report) = finds(&body, FaultKind::UninitializedValue, &["// store"]) else { return };
        assert_eq!((report.item, report.lane), (Some([0, 0, 0]), Some(0)), "{report}");
        assert!(report.detail.contains("computed of a value that was never written (v3 is not"), "{report}");
        let body = format!("{START}global_store_dword v1, v40, s[4:5] // store");
        finds(&body, FaultKind::UninitializedValue, &["// store"]);
    }

    #[test]
    fn an_address_in_a_register_that_nobody_wrote_is_found() {
        let body = format!("{START}global_load_dword v3, v40, s[4:5] // load\ns_waitcnt vmcnt(0)");
        let Some(report) = finds(&body, FaultKind::UninitializedValue, &["// load"]) else { return };
        assert!(report.detail.contains("address of an access depends on"), "{report}");
        assert!(report.detail.contains("v40"), "{report}");
        finds(
            "s_load_dword s4, s[40:41], 0x0 // load\ns_waitcnt lgkmcnt(0)",
            FaultKind::UninitializedValue,
            &["// load"],
        );
        let body = format!("{START}v_and_b32_e32 v2, 0xffc, v40\nds_write_b32 v2, v0 // store");
        finds(&body, FaultKind::UninitializedValue, &["// store"]);
    }

    #[test]
    fn a_branch_on_a_register_that_nobody_wrote_is_found() {
        let body = "s_cmp_eq_u32 s40, 12345\ns_cbranch_scc1 .Lthere // branch\ns_nop 0\n.Lthere:";
        let Some(report) = finds(body, FaultKind::UninitializedValue, &["// branch"]) else { return };
        assert!(report.detail.contains("a branch depends on a value that was never written"), "{report}");
        finds("s_cbranch_vccnz .Lthere // branch\n.Lthere:", FaultKind::UninitializedValue, &["// branch"]);
    }

    #[test]
    fn a_mask_of_lanes_that_nobody_wrote_is_found() {
        let body = format!("{START}v_cmp_eq_u32_e32 vcc, 12345, v40\ns_and_saveexec_b64 s[6:7], vcc // mask");
        let Some(report) = finds(&body, FaultKind::UninitializedValue, &["// mask"]) else { return };
        assert!(report.detail.contains("which work-items go on depends on"), "{report}");
        let body = "v_cmpx_lt_u32_e32 v40, v0 // mask";
        finds_on("gfx1100", body, FaultKind::UninitializedValue, &["// mask"]);
    }

    #[test]
    fn what_was_never_written_and_does_not_matter_is_left_alone() {
        for body in [
            // Moved, and then overwritten.
            "v_mov_b32_e32 v3, v40\nv_mov_b32_e32 v3, 1\nglobal_store_dword v1, v3, s[4:5]",
            // Masked out.
            "v_and_b32_e32 v3, 0, v40\nv_or_b32_e32 v3, v3, v0\nglobal_store_dword v1, v3, s[4:5]",
            // A part of a wide store: padding.
            "v_lshlrev_b32_e32 v1, 1, v1\nv_mov_b32_e32 v2, v0\nglobal_store_dwordx2 v1, v[2:3], s[4:5]",
            // Lanes that are not active.
            "v_mov_b32_e32 v3, 5\ns_mov_b64 exec, 0xff\nv_mov_b32_e32 v4, 1\nv_add_u32_e32 v5, v4, v3\n\
             global_store_dword v1, v5, s[4:5]",
            // A condition that another one makes meaningless.
            "v_cmp_eq_u32_e32 vcc, v40, v0\ns_mov_b64 s[6:7], 0\ns_and_b64 vcc, vcc, s[6:7]\ns_cbranch_vccnz .Lthere\n\
             .Lthere:",
            // One half of a register, and a lane that is written alone.
            "v_lshl_or_b32 v3, v40, 16, v0\nv_and_b32_e32 v3, 0xffff, v3\nv_writelane_b32 v41, 7, 3\n\
             v_readlane_b32 s6, v41, 3\nv_mov_b32_e32 v4, s6\nv_add_u32_e32 v3, v3, v4\nglobal_store_dword v1, v3, s[4:5]",
            // What goes through scratch and LDS comes back as it was.
            "scratch_store_dwordx2 off, v[0:1], off offset:8\nscratch_store_dword off, v40, off offset:16\n\
             scratch_load_dword v3, off, off offset:8\nds_write_b64 v1, v[40:41]\ns_waitcnt vmcnt(0)\n\
             global_store_dword v1, v3, s[4:5]",
        ] {
            let body = format!("{START}{body}");
            if body.contains("scratch_") {
                // The kernel has no scratch of its own.
                if have_llvm() {
                    checked();
                    let (memory, text) = (shared(1024), kernel("gfx942", &body));
                    let shape = Shape { stack: 256, ..Shape::linear(1, 1) };
                    run("gfx942", &text, &[memory.address as u64], shape).unwrap_or_else(|report| panic!("{report}"));
                }
                continue;
            }
            is_clean("gfx942", &body);
        }
    }

    #[test]
    fn barriers_in_two_halves_are_checked() {
        if !have_llvm() {
            return;
        }
        checked();
        let half = "s_mov_b32 exec_lo, 0xff\ns_barrier_signal -1 // signal\ns_barrier_wait -1";
        finds_on("gfx1201", half, FaultKind::DivergentBarrier, &["// signal"]);
        is_clean("gfx1201", "s_barrier_signal -1\ns_barrier_wait -1\ns_barrier_signal -1\ns_barrier_wait -1");
    }
}

mod opencl {
    use super::*;

    /// What the kernels share: ids, a barrier as compilers emit it, atomic operations, and a library's function.
    const PRELUDE: &str = r#"
#define LOCAL ((int)__builtin_amdgcn_workitem_id_x())
#define GROUP ((int)__builtin_amdgcn_workgroup_id_x())
#define SIZE ((int)((constant unsigned short *)__builtin_amdgcn_dispatch_ptr())[2])
#define KEEP(n) __asm__ volatile("; " #n)
typedef unsigned char uchar;
typedef unsigned int uint;
#define ADD(at, n) __opencl_atomic_fetch_add((global atomic_int *)(at), n, __ATOMIC_ACQ_REL, __OPENCL_MEMORY_SCOPE_DEVICE)
#define GET(at) __opencl_atomic_load((global atomic_int *)(at), __ATOMIC_ACQUIRE, __OPENCL_MEMORY_SCOPE_DEVICE)
#define SET(at, n) __opencl_atomic_store((global atomic_int *)(at), n, __ATOMIC_RELEASE, __OPENCL_MEMORY_SCOPE_DEVICE)
static void barrier_() {
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}
"#;

    fn text(source: &str) -> String {
        format!("{PRELUDE}{source}")
    }

    /// The bug is found at these lines, in code of every level of optimisation.
    fn finds(
        levels: &[&str],
        source: &str,
        args: &[u64],
        shape: Shape,
        kind: FaultKind,
        marks: &[&str],
    ) -> Vec<FaultReport> {
        let text = text(source);
        let expected: Vec<u32> = marks.iter().map(|mark| line(&text, mark)).collect();
        let mut reports = Vec::new();
        for level in levels {
            let program = Program::new(&compile_c(&text, &[level]));
            let report = program.launch("k", args, shape).expect_err(level);
            assert_eq!(report.kind, kind, "{level}: {report}");
            assert_eq!(lines(&report), expected, "{level}: {report}");
            reports.push(*report);
        }
        reports
    }

    fn is_clean(source: &str, args: &[u64], shapes: &[Shape]) {
        for level in ["-O0", "-O1", "-O3"] {
            let program = Program::new(&compile_c(&text(source), &[level]));
            for shape in shapes {
                if let Err(report) = program.launch("k", args, *shape) {
                    panic!("{level}, {:?}: {report}\n{source}", shape.group);
                }
            }
        }
    }

    const ALL: &[&str] = &["-O0", "-O1", "-O3"];

    /// Whether the tools are there; everything is checked then.
    fn ready() -> bool {
        let ready = have_clang();
        if ready {
            checked();
        }
        ready
    }

    #[test]
    fn memory_that_was_freed_is_named() {
        if !ready() {
            return;
        }
        let freed = Buffer::new(&[7_u32; 300]);
        let address = freed.address as u64;
        drop(freed);
        let out = Buffer::new(&[0_u32; 64]);
        let source = "kernel void k(global int *out, global int *in) {\nout[LOCAL] = in[LOCAL + 5]; // read\n}";
        let args = [out.address as u64, address];
        for report in finds(ALL, source, &args, Shape::linear(64, 64), FaultKind::MemoryFault, &["// read"]) {
            assert_eq!(report.place, Some(FaultPlace::Freed { address, size: 1200, offset: 20 }), "{report}");
            assert!(report.detail.contains("at byte 20 of an allocation of 1200 bytes"), "{report}");
            assert!(report.detail.contains("that was freed"), "{report}");
            assert_eq!(report.item, Some([0, 0, 0]), "{report}");
        }
        // What was freed is not given away at once.
        let others: Vec<_> = (0..8).map(|_| Buffer::new(&[1_u32; 300])).collect();
        assert!(others.iter().all(|other| other.address as u64 != address));
    }

    #[test]
    fn an_allocation_ends_where_it_ends() {
        if !ready() {
            return;
        }
        let out = Buffer::new(&[0_u8; 100]);
        let source = "kernel void k(global uchar *out) {\nout[37 + LOCAL] = 1; // write\n}";
        let args = [out.address as u64];
        for report in finds(ALL, source, &args, Shape::linear(64, 64), FaultKind::MemoryFault, &["// write"]) {
            assert_eq!(report.address, Some(out.address as u64 + 100), "{report}");
            assert_eq!(report.item, Some([63, 0, 0]), "{report}");
            assert!(report.detail.contains("0 bytes past the end of the nearest allocation, of 100 bytes"), "{report}");
        }
    }

    #[test]
    fn memory_that_nobody_wrote_is_found() {
        if !ready() {
            return;
        }
        let (out, input) = (Buffer::new(&[0_u32; 64]), Buffer::<u32>::unwritten(64));
        let args = [out.address as u64, input.address as u64];
        let source = "kernel void k(global int *out, global int *in) {\nout[LOCAL] = in[63 - LOCAL] * 2; // read\n}";
        for report in finds(ALL, source, &args, Shape::linear(64, 64), FaultKind::UninitializedRead, &["// read"]) {
            let place = FaultPlace::Allocation { address: args[1], size: 256, offset: 252 };
            assert_eq!((report.place, report.item), (Some(place), Some([0, 0, 0])), "{report}");
            assert!(report.detail.contains("neither a kernel nor a copy has written what is read"), "{report}");
        }
        // By all items at once.
        let source = "kernel void k(global int *out, global int *in) {\nout[LOCAL] = in[GROUP]; // read\n}";
        finds(ALL, source, &args, Shape::linear(64, 64), FaultKind::UninitializedRead, &["// read"]);
        let source = "kernel void k(global int *out, global int *in) {\nADD(in + 3, 1); // add\n}";
        finds(ALL, source, &args, Shape::linear(1, 1), FaultKind::UninitializedRead, &["// add"]);
    }

    #[test]
    fn what_copies_and_kernels_wrote_is_known() {
        if !ready() {
            return;
        }
        let (half, copy, out) = (Buffer::<u32>::unwritten(64), Buffer::<u32>::unwritten(64), Buffer::new(&[0_u32; 64]));
        let shape = Shape::linear(64, 64);
        let write = "kernel void k(global int *out) { if (LOCAL < 32) out[LOCAL] = LOCAL; }";
        is_clean(write, &[half.address as u64], &[shape]);
        // SAFETY: HSA's contract; both have 256 bytes.
        let status = unsafe { (support::api().hsa_memory_copy)(copy.address.cast(), half.address.cast(), 256) };
        assert_eq!(status, 0);
        let read = "kernel void k(global int *out, global int *in, int n) {\n\
                    if (LOCAL < n) out[LOCAL] = in[LOCAL] + 1; // read\n}";
        for source in [&half, &copy] {
            let args = |n: u64| [out.address as u64, source.address as u64, n];
            is_clean(read, &args(32), &[shape]);
            for report in finds(ALL, read, &args(33), shape, FaultKind::UninitializedRead, &["// read"]) {
                assert_eq!(report.item, Some([32, 0, 0]), "{report}");
            }
        }
        // SAFETY: HSA's contract; there are 64 words.
        let status = unsafe { (support::api().hsa_amd_memory_fill)(half.address.cast(), 7, 64) };
        assert_eq!(status, 0);
        is_clean(read, &[out.address as u64, half.address as u64, 64], &[shape]);
    }

    #[test]
    fn a_part_of_a_value_that_nobody_wrote_is_found_where_it_matters() {
        if !ready() {
            return;
        }
        let (out, pairs) = (Buffer::new(&[0_u32; 128]), Buffer::<u32>::unwritten(128));
        let args = [out.address as u64, pairs.address as u64];
        let shape = Shape::linear(64, 64);
        // Bytes beside padding that nobody writes, and a copy of the whole.
        let write = "typedef struct { uchar a; uint b; } pair;\n\
                     kernel void k(global pair *out, global pair *p) { p[LOCAL].a = LOCAL; p[LOCAL].b = 7; out[LOCAL] = p[LOCAL]; }";
        is_clean(write, &args, &[shape]);
        let read = "kernel void k(global int *out, global int *in) {\n\
                    out[LOCAL] = in[2 * LOCAL] / 3; // use\n}";
        finds(ALL, read, &args, shape, FaultKind::UninitializedValue, &["// use"]);
        let right = "kernel void k(global int *out, global int *in) { out[LOCAL] = (in[2 * LOCAL] & 0xff) / 3; }";
        is_clean(right, &args, &[shape]);
    }

    #[test]
    fn variables_that_nobody_wrote_are_found() {
        if !ready() {
            return;
        }
        let out = Buffer::new(&[0_u32; 256]);
        let args = [out.address as u64];
        // Optimisers make of such programs what they like.
        let source = "kernel void k(global int *out) {\nint x; if (LOCAL == 200) x = 1;\n\
                      if (x == 5) // branch\nout[LOCAL] = 1;\n}";
        finds(&["-O0"], source, &args, Shape::linear(256, 256), FaultKind::UninitializedValue, &["// branch"]);
        let source = "kernel void k(global int *out) {\nint sum;\nfor (int i = 0; i < 5; i++) sum += LOCAL;\n\
                      out[LOCAL] = sum; // store\n}";
        finds(&["-O0"], source, &args, Shape::linear(256, 256), FaultKind::UninitializedValue, &["// store"]);
        let source = "kernel void k(global int *out) {\nint at[4]; at[0] = 1; at[2] = 3;\n\
                      out[at[LOCAL & 3] & 255] = 1; // store\n}";
        finds(&["-O0"], source, &args, Shape::linear(2, 2), FaultKind::UninitializedValue, &["// store"]);
    }

    #[test]
    fn a_read_that_does_not_wait_for_a_write_of_the_group_is_found() {
        if !ready() {
            return;
        }
        let out = Buffer::new(&[0_u32; 1024]);
        let args = [out.address as u64];
        let source = "kernel void k(global int *out) {\nout[LOCAL] = LOCAL; // write\nKEEP(1);\n\
                      out[512 + LOCAL] = out[255 - LOCAL]; // read\n}";
        // The first wave reads before the last one writes.
        for level in ALL {
            let text = text(source);
            let report =
                Program::new(&compile_c(&text, &[level])).launch("k", &args, Shape::linear(256, 256)).unwrap_err();
            assert_eq!(report.kind, FaultKind::Race, "{report}");
            let mut found = lines(&report);
            found.sort();
            assert_eq!(found, [line(&text, "// write"), line(&text, "// read")], "{report}");
            assert!(report.detail.contains("no barrier lies between"), "{report}");
            assert!(matches!(report.place, Some(FaultPlace::Allocation { .. })), "{report}");
        }
        is_clean(&source.replace("KEEP(1)", "barrier_()"), &args, &[Shape::linear(256, 256), Shape::linear(64, 64)]);
    }

    #[test]
    fn a_read_of_what_another_work_group_writes_is_found() {
        if !ready() {
            return;
        }
        let out = Buffer::new(&[0_u32; 2048]);
        let args = [out.address as u64];
        // A stencil in place: the first item of each group reads the last one of the group before.
        let source = "kernel void k(global int *out) {\nint i = GROUP * 64 + LOCAL, left = 0;\n\
                      if (i > 0 && LOCAL == 0) left = out[i - 1]; // read\nbarrier_();\n\
                      out[i] = left + 1; // write\n}";
        let text = text(source);
        for level in ALL {
            let report =
                Program::new(&compile_c(&text, &[level])).launch("k", &args, Shape::linear(512, 64)).unwrap_err();
            assert_eq!(report.kind, FaultKind::Race, "{report}");
            let [first, last] = report.accesses.as_slice() else { panic!("{report}") };
            assert_eq!(first.group[0].abs_diff(last.group[0]), 1, "{report}");
            let mut found = lines(&report);
            found.sort();
            assert_eq!(found, [line(&text, "// read"), line(&text, "// write")], "{report}");
            assert!(report.detail.contains("nothing orders the two work-groups"), "{report}");
        }
    }

    #[test]
    fn scalar_loads_of_what_another_work_group_writes_are_found() {
        if !ready() {
            return;
        }
        let memory = Buffer::new(&[0_u32; 2048]);
        let args = [memory.address as u64, memory.address as u64 + 4];
        // The group's own element, by all its items at once; another group's is next to it.
        let source = "kernel void k(constant int *in, global int *out) {\nint mine = in[GROUP]; // read\n\
                      if (LOCAL == 0) out[GROUP] = mine + 1; // write\n}";
        let text = text(source);
        for level in ALL {
            let program = Program::new(&compile_c(&text, &[level]));
            let report = program.launch("k", &args, Shape::linear(512, 64)).unwrap_err();
            assert_eq!(report.kind, FaultKind::Race, "{report}");
            let mut found = lines(&report);
            found.sort();
            assert_eq!(found, [line(&text, "// read"), line(&text, "// write")], "{report}");
        }
        // A byte that is loaded as a part of its word, and another byte of that word, which another group writes.
        let bytes = "kernel void k(constant uchar *in, global uchar *out) {\n\
                     int mine = ((constant uchar *)__builtin_assume_aligned(in, 4))[4 * GROUP];\n\
                     if (LOCAL == 0) { out[4 * ((GROUP + 1) & 7) + 1] = mine + 1; } }";
        is_clean(bytes, &[args[0], args[0]], &[Shape::linear(512, 64)]);
    }

    #[test]
    fn order_that_atomic_operations_make_is_left_alone() {
        if !ready() {
            return;
        }
        let memory = Buffer::new(&[0_u32; 8192]);
        let args = [memory.address as u64];
        let shapes = [Shape::linear(64 * 16, 64), Shape::linear(256 * 8, 256)];
        for source in [
            // The group that is last adds up what all have written.
            "kernel void k(global int *m) { local int last; global int *part = m + 16;\n\
             if (LOCAL == 0) part[GROUP] = GROUP;\n\
             if (LOCAL == 0) last = ADD(m, 1); barrier_();\n\
             if (last % 8 == 7) m[4096 + GROUP * SIZE + LOCAL] = part[GROUP & ~7]; }",
            // A lock around an element that all groups change.
            "kernel void k(global int *m) { if (LOCAL == 0) {\n\
             int free = 0; while (!__opencl_atomic_compare_exchange_strong((global atomic_int *)(m + 1), &free, 1,\n\
             __ATOMIC_ACQUIRE, __ATOMIC_RELAXED, __OPENCL_MEMORY_SCOPE_DEVICE)) { free = 0; __builtin_amdgcn_s_sleep(1); }\n\
             m[2] += 1; SET(m + 1, 0); } }",
        ] {
            is_clean(source, &args, &shapes);
        }
        // A flag, within a work-group: the last wave waits for the first one.
        let flag = "kernel void k(global int *m) {\n\
                    if (LOCAL == 0) { m[GROUP * 4 + 4096] = 5; SET(m + GROUP * 4 + 4097, 1); }\n\
                    if (LOCAL == SIZE - 1) { while (GET(m + GROUP * 4 + 4097) == 0) __builtin_amdgcn_s_sleep(1);\n\
                    m[GROUP * 4 + 4098] = m[GROUP * 4 + 4096]; } }";
        is_clean(flag, &args, &[Shape::linear(256 * 8, 256)]);
    }

    #[test]
    fn a_barrier_that_some_items_of_a_wave_do_not_reach_is_found() {
        if !ready() {
            return;
        }
        let out = Buffer::new(&[0_u32; 256]);
        let args = [out.address as u64];
        let source = "kernel void k(global int *out) {\nif (LOCAL % 2 == 0) {\nout[LOCAL] = 1;\n\
                      __builtin_amdgcn_s_barrier(); // barrier\nout[LOCAL] = 2; }\n}";
        for report in finds(ALL, source, &args, Shape::linear(256, 256), FaultKind::DivergentBarrier, &["// barrier"]) {
            assert!(report.detail.contains("only 32 of the 64 work-items of the wave"), "{report}");
            assert_eq!(report.item, Some([1, 0, 0]), "{report}");
        }
    }

    #[test]
    fn a_wave_that_ends_before_a_barrier_is_found() {
        if !ready() {
            return;
        }
        let out = Buffer::new(&[0_u32; 256]);
        let source = "kernel void k(global int *out) {\nif (LOCAL >= 128) return;\nout[LOCAL] = 1;\n\
                      __builtin_amdgcn_s_barrier(); // barrier\nout[LOCAL] = 2;\n}";
        let text = text(source);
        for level in ALL {
            let program = Program::new(&compile_c(&text, &[level]));
            let report = program.launch("k", &[out.address as u64], Shape::linear(256, 256)).unwrap_err();
            assert_eq!(report.kind, FaultKind::DivergentBarrier, "{report}");
            assert_eq!(lines(&report)[1], line(&text, "// barrier"), "{report}");
            assert_eq!(report.accesses[0].kind, AccessKind::End, "{report}");
            assert_eq!(report.accesses[0].item, [128, 0, 0], "{report}");
            // Where all of them return, nothing is wrong.
            let program = Program::new(&compile_c(&text, &[level]));
            program.launch("k", &[out.address as u64], Shape::linear(128, 128)).unwrap();
        }
    }

    #[test]
    fn waves_at_different_barriers_are_found() {
        if !ready() {
            return;
        }
        let out = Buffer::new(&[0_u32; 256]);
        let source = "kernel void k(global int *out) {\nif (__builtin_amdgcn_readfirstlane(LOCAL) < 128) {\n\
                      out[LOCAL] = 1;\n__builtin_amdgcn_s_barrier(); // one\n} else {\nout[LOCAL] = 2;\n\
                      __builtin_amdgcn_s_barrier(); // other\nout[LOCAL] = 3; }\n}";
        let marks = ["// other", "// one"];
        for report in finds(
            &["-O0", "-O1"],
            source,
            &[out.address as u64],
            Shape::linear(256, 256),
            FaultKind::DivergentBarrier,
            &marks,
        ) {
            assert!(report.detail.contains("two waves of the work-group wait at different barriers"), "{report}");
        }
    }
}
