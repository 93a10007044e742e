//! Counters: kernels whose numbers are known by construction, and what is written where the environment says.

mod support;

use std::{
    fs,
    process::Command,
    sync::{Mutex, PoisonError},
};

use amdgpu_sim::{
    counters::{Bound, DispatchCounters, Limit},
    take_counters,
};
use support::{Buffer, Program, Shape, assemble, compile_c, count_everything, have_clang, have_llvm, kernel};

/// The counters of one dispatch. Tests take turns: there is one list of counters.
fn count(code: &[u8], args: &[u64], shape: Shape) -> DispatchCounters {
    static TURN: Mutex<()> = Mutex::new(());
    count_everything();
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let program = Program::new(code);
    take_counters();
    program.launch("k", args, shape).unwrap();
    let mut counters = take_counters();
    assert_eq!(counters.len(), 1);
    counters.remove(0)
}

#[test]
fn instructions_are_counted_by_class() {
    if !have_llvm() {
        return;
    }
    count_everything();
    let memory = Buffer::new(&[1_u32; 1024]);
    // Twelve lanes go another way than the others.
    let body = "s_load_dwordx2 s[4:5], s[0:1], 0x0\nv_and_b32_e32 v0, 0x3ff, v0\nv_lshlrev_b32_e32 v1, 2, v0\n\
                s_waitcnt lgkmcnt(0)\nv_cmp_gt_u32_e32 vcc, 12, v0\ns_and_saveexec_b64 s[6:7], vcc\n\
                global_load_dword v2, v1, s[4:5]\ns_waitcnt vmcnt(0)\nglobal_store_dword v1, v2, s[4:5]\n\
                s_mov_b64 exec, s[6:7]\nv_mov_b32_e32 v3, 1\nglobal_atomic_add v1, v3, s[4:5]\nds_write_b32 v1, v3\n\
                scratch_store_dword off, v3, off\ns_waitcnt lgkmcnt(0)\ns_barrier\ns_branch .Lend_\n.Lend_:\ns_endpgm";
    let found = count(&assemble(&kernel(body)), &[memory.address as u64], Shape::linear(128, 128));
    let counts = &found.counts;
    assert_eq!((counts.work_groups, counts.waves), (1, 2));
    let expected = [
        ("SALU", 2),
        ("VALU", 4),
        ("matrix", 0),
        ("SMEM", 1),
        ("VMEM load", 1),
        ("VMEM store", 1),
        ("VMEM atomic", 1),
        ("FLAT", 0),
        ("scratch", 1),
        ("LDS", 1),
        ("branch", 2),
        ("barrier", 1),
        ("wait", 3),
    ];
    assert_eq!(counts.instructions.by_class(), expected.map(|(class, count)| (class, 2 * count)));
    assert_eq!(counts.instructions.total(), 2 * 18);
    // In the first wave 12 lanes load and store; in the second one nobody does, as there no item is below 12.
    let lanes = 7 * 64 * 2 + 2 * 12;
    assert_eq!((counts.vector_instructions, counts.lane_operations), (2 * 9, lanes));
    assert_eq!(counts.divergences, 1);
    assert_eq!((counts.memory.loads.accesses, counts.memory.loads.bytes), (12, 48));
    assert_eq!((counts.memory.loads.transactions, counts.memory.loads.transferred), (1, 128));
    assert_eq!(counts.memory.atomics.bytes, 128 * 4);
    assert_eq!((counts.memory.scalar.accesses, counts.memory.scalar.bytes), (2, 16));
    assert_eq!(counts.scratch_bytes, 128 * 4);
    assert_eq!((found.kernel.as_str(), found.target, found.wave), ("k", "gfx942", 64));
    assert_eq!((found.grid, found.work_group), ([128, 1, 1], [128, 1, 1]));
    assert!(found.simulated_in_us > 0.0 && found.start_us > 0.0);
}

#[test]
fn strides_cost_lines_and_banks() {
    if !have_clang() {
        return;
    }
    count_everything();
    let source = |index: &str| {
        format!(
            "kernel void k(global int *in, global int *out) {{ int l = __builtin_amdgcn_workitem_id_x();\n\
             local int tile[4096]; volatile local int *t = tile; t[{index}] = in[{index}]; out[l] = t[{index}]; }}"
        )
    };
    let (input, out) = (Buffer::new(&[1_u32; 4096]), Buffer::new(&[0_u32; 64]));
    let of = |index: &str| {
        let found =
            count(&compile_c(&source(index), &[]), &[input.address as u64, out.address as u64], Shape::linear(64, 64));
        let (loads, lds) = (&found.counts.memory.loads, &found.counts.lds);
        (loads.transactions, loads.efficiency().unwrap(), lds.conflict_cycles)
    };
    // A write and a read.
    assert_eq!(of("l"), (2, 1.0, 0));
    assert_eq!(of("l * 2"), (4, 0.5, 4));
    assert_eq!(of("l * 32"), (64, 1.0 / 32.0, 2 * (64 - 2)));
    assert_eq!(of("l * 33 & 4095").2, 0);
}

#[test]
fn the_estimate_says_what_bounds_a_kernel() {
    if !have_clang() {
        return;
    }
    count_everything();
    let (input, out) = (Buffer::new(&vec![1_u32; 1 << 16]), Buffer::new(&vec![0_u32; 1 << 16]));
    let args = [input.address as u64, out.address as u64];
    let run = |body: &str| {
        let source = format!(
            "kernel void k(global float *in, global float *out) {{ int i = __builtin_amdgcn_workgroup_id_x() * 256 + \
             __builtin_amdgcn_workitem_id_x(); float x = in[i]; {body} out[i] = x; }}"
        );
        count(&compile_c(&source, &[]), &args, Shape::linear(1 << 16, 256))
    };
    let copy = run("");
    assert_eq!(copy.estimate.bound, Bound::Memory, "{copy}");
    // 512 KiB at 5300 GB/s and 2100 MHz, and what scalar loads bring.
    let bytes = copy.counts.memory.loads.transferred + copy.counts.memory.stores.transferred;
    assert_eq!(bytes, 1 << 19);
    assert!((copy.estimate.memory_cycles * 5300.0 / 2.1 / bytes as f64 - 1.0).abs() < 0.6, "{copy}");
    let work = run("for (int j = 0; j < 200; j++) x = x * 1.5f + (float)j;");
    assert_eq!(work.estimate.bound, Bound::Issue, "{work}");
    assert!(work.estimate.at_least_cycles >= 4.0 * 200.0 && work.estimate.about_cycles > work.estimate.at_least_cycles);
    assert_eq!((work.occupancy.waves_per_simd, work.occupancy.limit), (8, Limit::Waves), "{work}");
    let text = work.to_string();
    for part in
        ["k on gfx942 (GPU 0): 65536 x 1 x 1 work-items in groups of 256 x 1 x 1, waves of 64", "VALU", "an estimate"]
    {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_kernel_runs_the_same_with_and_without_counters() {
    if !have_clang() {
        return;
    }
    count_everything();
    let source = "kernel void k(global int *out) { local int sum; int l = __builtin_amdgcn_workitem_id_x();\n\
                  if (l == 0) sum = 0; __builtin_amdgcn_fence(__ATOMIC_RELEASE, \"workgroup\"); __builtin_amdgcn_s_barrier();\n\
                  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, \"workgroup\");\n\
                  __opencl_atomic_fetch_add((local atomic_int *)&sum, l, __ATOMIC_RELAXED, __OPENCL_MEMORY_SCOPE_WORK_GROUP);\n\
                  __builtin_amdgcn_fence(__ATOMIC_RELEASE, \"workgroup\"); __builtin_amdgcn_s_barrier();\n\
                  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, \"workgroup\"); out[l] = sum; }";
    let out = Buffer::new(&[0_u32; 256]);
    let found = count(&compile_c(source, &[]), &[out.address as u64], Shape::linear(256, 256));
    assert_eq!(out.read(), [255 * 128; 256]);
    assert_eq!(found.counts.instructions.barrier, 2 * 4);
}

/// Runs in a process of its own, with counters as the environment says.
#[test]
#[ignore = "run by the_environment_says_where_counters_go"]
fn runs_two_kernels() {
    let program = Program::new(&assemble(&kernel("s_nop 0\ns_endpgm")));
    for items in [64, 128] {
        program.launch("k", &[], Shape::linear(items, 64)).unwrap();
    }
}

#[test]
fn the_environment_says_where_counters_go() {
    if !have_llvm() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |output: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "runs_two_kernels", "--ignored", "--nocapture"]).env("AMDGPU_SIM_COUNTERS", output);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let [json, trace] = ["counters.json", "counters.trace"].map(|name| folder.path().join(name));
    run(json.to_str().unwrap());
    let list: serde_json::Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let groups: Vec<_> = list.as_array().unwrap().iter().map(|one| one["counts"]["work_groups"].as_u64()).collect();
    assert_eq!(groups, [Some(1), Some(2)]);
    assert_eq!((&list[0]["kernel"], &list[1]["counts"]["instructions"]["salu"]), (&"k".into(), &2.into()));
    assert_eq!(list[0]["occupancy"]["limit"], "lds");
    run(trace.to_str().unwrap());
    let events: serde_json::Value = serde_json::from_str(&fs::read_to_string(trace).unwrap()).unwrap();
    assert_eq!(events.as_array().unwrap().len(), 2);
    assert_eq!((&events[0]["ph"], &events[0]["name"]), (&"X".into(), &"k".into()));
    assert!(events[1]["ts"].as_f64() > events[0]["ts"].as_f64() && events[1]["args"]["counts"]["waves"] == 2);
    let tables = run("-");
    assert_eq!(tables.matches("k on gfx942 (GPU 0)").count(), 2, "{tables}");
    // A file that cannot be written costs the counters, not the kernels.
    run(folder.path().join("not/there.json").to_str().unwrap());
}
