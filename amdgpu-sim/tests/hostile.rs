//! Code objects that somebody has made to do harm: bytes changed, fields with the largest numbers, files cut off, code that
//! is no code. Whatever becomes of them, the answer is a status, and never a crash or a process that hangs.

mod support;

use std::{ffi::c_void, ptr, sync::Arc, time::Duration};

use amdgpu_sim::{Config, Disassembler};
use geobacter_spool::job::Instruction;
use hsa_rt_sys::*;

/// Files that are tried.
const TRIES: u64 = 1500;

/// What the code is: relocations, variables, LDS, scratch, and line tables.
const SOURCE: &str = "
    extern __global int elsewhere[4] __attribute__((weak));
    __constant int table[4] = {1, 2, 3, 4};
    __global int *__constant pointer = 0;
    __global int counter[1] = {7};
    __kernel void k(__global int *out, int n) {
        __local int shared[64];
        volatile int stack[32];
        int i = __builtin_amdgcn_workitem_id_x();
        stack[i & 31] = n;
        shared[i & 63] = table[i & 3];
        out[i] = shared[i & 63] + stack[n & 31] + counter[0] + (int)(size_t)elsewhere + (int)(size_t)pointer;
    }";

/// Takes each word of the code for one of these, whatever it is.
struct Guess;

const TEXTS: [&str; 16] = [
    "s_nop 0",
    "s_endpgm",
    "",
    "s_branch 65533",
    "s_cbranch_scc1 3",
    "s_setpc_b64 s[0:1]",
    "s_load_dwordx16 s[84:99], s[0:1], 0x10",
    "global_load_dwordx4 v[252:255], v[0:1], off",
    "global_store_dword v[0:1], v2, off offset:-4096",
    "flat_atomic_add v[4:5], v2",
    "ds_write_b64 v0, v[2:3] offset:65528",
    "scratch_load_dword v1, off, s33 offset:4095",
    "buffer_store_dword v0, v1, s[96:99], 0 offen offset:4095",
    "s_barrier",
    "v_readlane_b32 s5, v255, m0",
    "s_sendmsg sendmsg(MSG_INTERRUPT)",
];

impl Disassembler for Guess {
    fn disassemble(&self, _: &str, code: &[u8]) -> Result<Vec<Instruction>, String> {
        let text = |word: &[u8]| {
            let sum = word.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(*byte));
            TEXTS[sum % TEXTS.len()].to_owned()
        };
        let words = code.chunks(4).enumerate();
        Ok(words.map(|(at, word)| Instruction { offset: 4 * at as u32, length: 4, text: text(word) }).collect())
    }
}

/// Numbers that look like none.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % below
    }
}

/// The file with something wrong in it.
fn spoilt(file: &[u8], random: &mut Random) -> Vec<u8> {
    const NUMBERS: [u64; 10] =
        [0, 1, u64::MAX, i64::MAX as u64, 1 << 63, u32::MAX as u64, 1 << 31, 0xfff, 1 << 40, 0x1000_0000];
    let mut bytes = file.to_vec();
    for _ in 0..1 + random.next(6) {
        // Most of what counts stands at the beginning: headers, dynamic section, descriptors.
        let near = if random.next(2) == 0 { 2048.min(bytes.len()) } else { bytes.len() };
        let at = random.next(near.max(1));
        match random.next(5) {
            0 => bytes[at] ^= 1 << random.next(8),
            1 => bytes[at] = random.next(256) as u8,
            2 => {
                let number = NUMBERS[random.next(NUMBERS.len())].to_le_bytes();
                let at = at & !7;
                let end = (at + 8).min(bytes.len());
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            3 => {
                let number = (NUMBERS[random.next(NUMBERS.len())] as u32).to_le_bytes();
                let at = at & !3;
                let end = (at + 4).min(bytes.len());
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            _ if random.next(8) == 0 => bytes.truncate(at.max(1)),
            _ => {
                let from = random.next(bytes.len());
                let count = 64.min(bytes.len() - from.max(at));
                bytes.copy_within(from..from + count, at);
            }
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes
}

unsafe extern "C" fn take(agent: hsa_agent_t, data: *mut c_void) -> hsa_status_t {
    // SAFETY: the test gives room for an agent.
    unsafe { data.cast::<hsa_agent_t>().write(agent) };
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn kernel(_: hsa_executable_t, symbol: hsa_executable_symbol_t, data: *mut c_void) -> hsa_status_t {
    let mut kind: hsa_symbol_kind_t = 9;
    let get = amdgpu_sim::hsa_api().hsa_executable_symbol_get_info;
    // SAFETY: room for the attribute, and the test gives room for a symbol.
    unsafe {
        get(symbol, HSA_EXECUTABLE_SYMBOL_INFO_TYPE, (&raw mut kind).cast());
        if kind == HSA_SYMBOL_KIND_KERNEL {
            data.cast::<hsa_executable_symbol_t>().write(symbol);
        }
    }
    HSA_STATUS_SUCCESS
}

/// Runs a kernel as its own descriptor says.
unsafe fn launch(api: &HsaApi, gpu: hsa_agent_t, symbol: hsa_executable_symbol_t, kernarg: *mut c_void) {
    // SAFETY: HSA's contract.
    unsafe {
        let get = |attribute| {
            let mut value = 0_u64;
            (api.hsa_executable_symbol_get_info)(symbol, attribute, (&raw mut value).cast());
            value
        };
        let mut queue = ptr::null_mut();
        let create = api.hsa_queue_create;
        assert_eq!(create(gpu, 64, HSA_QUEUE_TYPE_SINGLE, None, ptr::null_mut(), 0, 0, &mut queue), HSA_STATUS_SUCCESS);
        let mut done = hsa_signal_t { handle: 0 };
        assert_eq!((api.hsa_signal_create)(1, 0, ptr::null(), &mut done), HSA_STATUS_SUCCESS);
        let packet = hsa_kernel_dispatch_packet_t {
            header: HSA_PACKET_TYPE_KERNEL_DISPATCH as u16,
            setup: 1,
            workgroup_size_x: 64,
            workgroup_size_y: 1,
            workgroup_size_z: 1,
            grid_size_x: 200,
            grid_size_y: 1,
            grid_size_z: 1,
            private_segment_size: get(HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_PRIVATE_SEGMENT_SIZE) as u32,
            group_segment_size: get(HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_GROUP_SEGMENT_SIZE) as u32,
            kernel_object: get(HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT),
            kernarg_address: kernarg,
            completion_signal: done,
            ..Default::default()
        };
        (*queue).base_address.cast::<hsa_kernel_dispatch_packet_t>().write(packet);
        (api.hsa_queue_add_write_index_scacq_screl)(queue, 1);
        (api.hsa_signal_store_screlease)((*queue).doorbell_signal, 0);
        let wait = api.hsa_signal_wait_scacquire;
        let value = wait(done, HSA_SIGNAL_CONDITION_LT, 1, 20_000_000_000, HSA_WAIT_STATE_BLOCKED);
        assert!(value < 1, "the kernel hangs");
        assert_eq!((api.hsa_queue_destroy)(queue), HSA_STATUS_SUCCESS);
        assert_eq!((api.hsa_signal_destroy)(done), HSA_STATUS_SUCCESS);
    }
}

#[test]
fn files_that_are_wrong_are_refused_or_run() {
    if !support::have_clang() {
        return;
    }
    let file = support::compile_c(SOURCE, &["-fvisibility=default"]);
    let config: Config = "gfx942".parse().unwrap();
    let config = config.with_watchdog(Duration::from_millis(100)).with_memory(1 << 28);
    let api = amdgpu_sim::install(config, Arc::new(Guess)).unwrap();
    let others = amdgpu_sim::other_hsa_api();
    let mut statuses = std::collections::BTreeMap::new();
    let (mut gpu, mut kernarg) = (hsa_agent_t { handle: 0 }, ptr::null_mut());
    // SAFETY: HSA's contract; what the files do is what the test is about.
    unsafe {
        assert_eq!((api.hsa_init)(), HSA_STATUS_SUCCESS);
        // The last one.
        (api.hsa_iterate_agents)(Some(take), (&raw mut gpu).cast());
        let region = hsa_region_t { handle: gpu.handle << 8 | 3 };
        assert_eq!((others.hsa_memory_allocate)(region, 4096, &mut kernarg), HSA_STATUS_SUCCESS);
    }
    let mut launched = 0;
    for seed in 1..=TRIES {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let bytes = if seed == 1 { file.clone() } else { spoilt(&file, &mut random) };
        // SAFETY: HSA's contract; what the files do is what the test is about.
        unsafe {
            let mut reader = hsa_code_object_reader_t { handle: 0 };
            let create = api.hsa_code_object_reader_create_from_memory;
            assert_eq!(create(bytes.as_ptr().cast(), bytes.len(), &mut reader), HSA_STATUS_SUCCESS);
            let mut executable = hsa_executable_t { handle: 0 };
            let create = api.hsa_executable_create_alt;
            assert_eq!(create(HSA_PROFILE_BASE, 0, ptr::null(), &mut executable), HSA_STATUS_SUCCESS);
            let load = api.hsa_executable_load_agent_code_object;
            let status = load(executable, gpu, reader, ptr::null(), ptr::null_mut());
            *statuses.entry(status).or_insert(0) += 1;
            if status == HSA_STATUS_SUCCESS
                && (api.hsa_executable_freeze)(executable, ptr::null()) == HSA_STATUS_SUCCESS
            {
                let mut symbol = hsa_executable_symbol_t { handle: 0 };
                (others.hsa_executable_iterate_symbols)(executable, Some(kernel), (&raw mut symbol).cast());
                if symbol.handle != 0 && seed % 3 == 1 {
                    launch(&api, gpu, symbol, kernarg);
                    launched += 1;
                }
            }
            assert_eq!((api.hsa_executable_destroy)(executable), HSA_STATUS_SUCCESS);
            assert_eq!((api.hsa_code_object_reader_destroy)(reader), HSA_STATUS_SUCCESS);
        }
    }
    // The statuses that the specification has for this.
    let known = [
        HSA_STATUS_SUCCESS,
        HSA_STATUS_ERROR_INVALID_CODE_OBJECT,
        HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS,
        HSA_STATUS_ERROR_VARIABLE_UNDEFINED,
        HSA_STATUS_ERROR_OUT_OF_RESOURCES,
    ];
    assert!(statuses.keys().all(|status| known.contains(status)), "{statuses:?}");
    let refused = statuses.get(&HSA_STATUS_ERROR_INVALID_CODE_OBJECT).copied().unwrap_or(0);
    assert!(statuses[&HSA_STATUS_SUCCESS] > 300 && refused > 300 && launched > 100, "{statuses:?}, {launched}");
}
