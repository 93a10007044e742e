//! What ends a kernel: each fault reaches the program as a status, a report, and a completion signal that says so.

mod support;

use amdgpu_sim::FaultKind;
use hsa_rt_sys::*;
use support::{Buffer, Program, Shape, assemble, checked_by_environment, compile_c, have_clang, have_llvm, kernel};

fn fault(body: &str, args: &[u64], shape: Shape) -> Option<(Box<amdgpu_sim::FaultReport>, Vec<hsa_status_t>)> {
    if !have_llvm() {
        return None;
    }
    let program = Program::new(&assemble(&kernel(body)));
    let report = program.launch("k", args, shape).expect_err("the kernel faults");
    let errors = program.errors.lock().unwrap().clone();
    Some((report, errors))
}

#[test]
fn an_access_beyond_an_allocation_names_lane_and_instruction() {
    let buffer = if have_llvm() { Buffer::new(&[0_u32; 70]) } else { return };
    let body = "s_load_dwordx2 s[4:5], s[0:1], 0x0\ns_waitcnt lgkmcnt(0)\nv_lshlrev_b32_e32 v1, 2, v0\n\
                global_store_dword v1, v0, s[4:5]\ns_endpgm";
    let (report, errors) = fault(body, &[buffer.address as u64], Shape::linear(128, 128)).unwrap();
    assert_eq!(report.kind, FaultKind::MemoryFault);
    assert_eq!(report.address, Some(buffer.address as u64 + 280));
    assert_eq!((report.item, report.lane), (Some([70, 0, 0]), Some(6)));
    assert_eq!((report.kernel.as_str(), report.site.function.as_str()), ("k", "k"));
    assert_eq!(report.site.instruction, "global_store_dword v1, v0, s[4:5]");
    assert_eq!(report.site.pc_offset, 16);
    assert!(report.detail.contains("0 bytes past the end of the nearest allocation, of 280 bytes"), "{report}");
    assert_eq!(errors, [HSA_STATUS_ERROR_MEMORY_FAULT]);
    // What came before it is there.
    assert_eq!(buffer.read()[..64], (0..64).collect::<Vec<u32>>());
}

#[test]
fn the_fault_that_came_first_is_reported() {
    // One work-group of many faults while the others run.
    let body = "s_cmp_eq_u32 s2, 100\ns_cbranch_scc1 .Ltrap\ns_movk_i32 s4, 0x4000\n.Lloop:\ns_sub_u32 s4, s4, 1\n\
                s_cmp_lg_u32 s4, 0\ns_cbranch_scc1 .Lloop\ns_endpgm\n.Ltrap:\ns_trap 3\ns_endpgm";
    for _ in 0..20 {
        let Some((report, _)) = fault(body, &[], Shape::linear(64 * 200, 64)) else { return };
        assert_eq!((report.kind, report.group), (FaultKind::Trap, [100, 0, 0]), "{report}");
    }
}

#[test]
fn freed_memory_is_not_reached() {
    if !have_llvm() {
        return;
    }
    // The middle of a block so large that the tests beside this one are not given the same place again.
    let address = Buffer::new(&vec![7_u32; 16 << 20]).address as u64 + (32 << 20);
    let body = "s_load_dwordx2 s[4:5], s[0:1], 0x0\ns_waitcnt lgkmcnt(0)\ns_load_dword s6, s[4:5], 0x0\ns_endpgm";
    let (report, _) = fault(body, &[address], Shape::linear(64, 64)).unwrap();
    assert_eq!((report.kind, report.address, report.lane), (FaultKind::MemoryFault, Some(address), None));
}

#[test]
fn code_cannot_be_written() {
    let body = "s_getpc_b64 s[4:5]\nv_mov_b32_e32 v1, 0\nglobal_store_dword v1, v1, s[4:5]\ns_endpgm";
    let Some((report, _)) = fault(body, &[], Shape::linear(64, 64)) else { return };
    assert_eq!(report.kind, FaultKind::MemoryFault);
    assert!(report.detail.contains("read-only"), "{report}");
}

#[test]
fn lds_and_scratch_have_bounds() {
    let body = "v_mov_b32_e32 v1, 4096\nds_read_b32 v2, v1\ns_endpgm".replace("4096", "0x1000");
    let Some((report, _)) = fault(&body, &[], Shape::linear(64, 64)) else { return };
    assert!(report.detail.contains("the work-group has 4096 bytes"), "{report}");
    let (report, _) =
        fault("scratch_load_dword v1, off, off offset:256\ns_endpgm", &[], Shape::linear(64, 64)).unwrap();
    assert!(report.detail.contains("the work-item has 256 bytes"), "{report}");
}

#[test]
fn an_endless_kernel_ends() {
    let Some((report, errors)) = fault(".Lhere:\ns_branch .Lhere", &[], Shape::linear(64, 64)) else { return };
    assert_eq!(report.kind, FaultKind::Watchdog);
    assert_eq!(errors, [HSA_STATUS_ERROR_EXCEPTION]);
}

#[test]
fn instructions_without_semantics_are_named() {
    let body = "s_cbranch_g_fork s[4:5], s[6:7]\ns_endpgm";
    let Some((report, errors)) = fault(body, &[], Shape::linear(64, 64)) else { return };
    assert_eq!(report.kind, FaultKind::UnsupportedInstruction);
    assert!(report.to_string().contains("s_cbranch_g_fork s[4:5]"), "{report}");
    assert_eq!(errors, [HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION]);
    let (report, _) = fault(".long 0xffffffff\ns_endpgm", &[], Shape::linear(64, 64)).unwrap();
    assert_eq!(report.kind, FaultKind::IllegalInstruction);
    let (report, _) = fault("s_mov_b64 s[4:5], 64\ns_setpc_b64 s[4:5]", &[], Shape::linear(64, 64)).unwrap();
    assert!(report.detail.contains("jump to 0x40"), "{report}");
    let (report, _) = fault("s_nop 0", &[], Shape::linear(64, 64)).unwrap();
    assert_eq!(report.kind, FaultKind::IllegalInstruction, "{report}");
}

#[test]
fn traps_end_the_kernel() {
    let Some((report, errors)) = fault("s_trap 2\ns_endpgm", &[], Shape::linear(64, 64)) else { return };
    assert_eq!((report.kind, errors), (FaultKind::Trap, vec![HSA_STATUS_ERROR_EXCEPTION]));
}

#[test]
fn impossible_dispatches_are_refused() {
    let Some((report, errors)) = fault("s_endpgm", &[], Shape::linear(2048, 2048)) else { return };
    assert_eq!((report.kind, errors), (FaultKind::InvalidPacket, vec![HSA_STATUS_ERROR_INVALID_ARGUMENT]));
    for (shape, status) in [
        (Shape::linear(0, 64), HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS),
        (Shape::linear(64, 0), HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS),
        // The kernel has 4096 bytes of its own.
        (Shape { lds: 65536 - 4096 + 1, ..Shape::linear(64, 64) }, HSA_STATUS_ERROR_INVALID_ALLOCATION),
    ] {
        let (report, errors) = fault("s_endpgm", &[], shape).unwrap();
        assert_eq!((report.kind, report.status, errors), (FaultKind::InvalidPacket, status, vec![status]), "{report}");
    }
}

#[test]
fn waves_that_have_ended_do_not_hold_up_barriers() {
    // The checks report such a barrier.
    if !have_llvm() || checked_by_environment() {
        return;
    }
    // The first wave ends at once, the others meet at a barrier.
    let body = "v_readfirstlane_b32 s4, v0\ns_cmp_eq_u32 s4, 0\ns_cbranch_scc1 .Lout\ns_barrier\n.Lout:\ns_endpgm";
    let program = Program::new(&assemble(&kernel(body)));
    program.launch("k", &[], Shape::linear(256, 256)).unwrap();
}

#[test]
fn other_waves_go_on_meeting_at_barriers() {
    if !have_clang() || checked_by_environment() {
        return;
    }
    // Waves of odd number end early; the others meet at barriers and count what the first item says.
    let source = "kernel void k(global unsigned *out, unsigned items) {\n\
                  local unsigned count; unsigned l = __builtin_amdgcn_workitem_id_x(), sum = 0;\n\
                  if (__builtin_amdgcn_readfirstlane(l / 64) & 1) return;\n\
                  for (unsigned round = 1; round <= 3; round++) { if (l == 0) count = round * items;\n\
                  __builtin_amdgcn_fence(__ATOMIC_RELEASE, \"workgroup\"); __builtin_amdgcn_s_barrier();\n\
                  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, \"workgroup\"); sum += count;\n\
                  __builtin_amdgcn_fence(__ATOMIC_RELEASE, \"workgroup\"); __builtin_amdgcn_s_barrier();\n\
                  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, \"workgroup\"); } out[l] = sum; }";
    let program = Program::new(&compile_c(source, &[]));
    for size in [1, 63, 64, 65, 128, 200, 1000, 1024_u32] {
        let out = Buffer::new(&vec![0_u32; size as usize]);
        program.launch("k", &[out.address as u64, size.into()], Shape::linear(size, size as u16)).unwrap();
        let expected: Vec<u32> = (0..size).map(|l| if l / 64 % 2 == 1 { 0 } else { 6 * size }).collect();
        assert_eq!(out.read(), expected, "{size}");
    }
}

#[test]
fn a_queue_in_error_completes_what_follows_without_running_it() {
    if !have_llvm() {
        return;
    }
    let program = Program::new(&assemble(&kernel("s_trap 2\ns_endpgm")));
    program.launch("k", &[], Shape::linear(64, 64)).unwrap_err();
    let mut signal = hsa_signal_t { handle: 0 };
    let mut packet = program.packet("k", std::ptr::null_mut(), Shape::linear(64, 64));
    // SAFETY: HSA's contract.
    unsafe {
        let api = support::api();
        assert_eq!((api.hsa_signal_create)(1, 0, std::ptr::null(), &mut signal), HSA_STATUS_SUCCESS);
        packet.completion_signal = signal;
        program.submit(packet, HSA_PACKET_TYPE_KERNEL_DISPATCH as u16);
        let wait = api.hsa_signal_wait_scacquire;
        assert_eq!(wait(signal, HSA_SIGNAL_CONDITION_LT, 1, u64::MAX, HSA_WAIT_STATE_BLOCKED), -1);
        assert_eq!((api.hsa_signal_destroy)(signal), HSA_STATUS_SUCCESS);
    }
    assert_eq!(program.errors.lock().unwrap().len(), 1);
}
