//! What the tests of real code objects share: LLVM's tools as assembler and disassembler, and a small HSA client.
//!
//! LLVM 22's command line tools make the test inputs from text. Where they are not installed, a test says so and passes:
//! the product never needs them.

#![allow(dead_code, reason = "each test binary uses a part of this")]

pub mod lanes;
pub mod matrices;

use std::{
    ffi::{CString, c_void},
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use amdgpu_sim::{Config, Disassembler, FaultReport, counters::CountersOutput};
use geobacter_spool::job::Instruction;
use hsa_rt_sys::*;

/// Watchdog of the tests.
pub const WATCHDOG: Duration = Duration::from_secs(4);

/// A tool of LLVM 22, if it is installed.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(format!("/usr/bin/{name}-22"));
    path.is_file().then_some(path)
}

/// Whether LLVM's tools are there; says so if not.
pub fn have_llvm() -> bool {
    let missing: Vec<_> =
        ["llc", "llvm-mc", "llvm-objdump", "ld.lld", "opt"].iter().filter(|name| tool(name).is_none()).collect();
    if !missing.is_empty() {
        assert!(std::env::var_os("GEOBACTER_REQUIRE_TOOLS").is_none(), "LLVM 22's {missing:?} are not installed");
        eprintln!("skipped: LLVM 22's {missing:?} are not installed");
    }
    missing.is_empty()
}

/// Whether clang is there too; says so if not.
pub fn have_clang() -> bool {
    let there = tool("clang").is_some();
    if !there {
        assert!(std::env::var_os("GEOBACTER_REQUIRE_TOOLS").is_none(), "LLVM 22's clang is not installed");
        eprintln!("skipped: LLVM 22's clang is not installed");
    }
    there && have_llvm()
}

/// Runs a tool to its end.
pub fn run(name: &str, args: &[&str]) {
    let program = tool(name).expect("the tool is there");
    let output = Command::new(&program).args(args).stdin(Stdio::null()).output().expect("the tool starts");
    assert!(output.status.success(), "{name} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn link(folder: &std::path::Path, object: &str) -> Vec<u8> {
    let linked = folder.join("out.co");
    run("ld.lld", &["-shared", object, "-o", linked.to_str().unwrap()]);
    fs::read(linked).unwrap()
}

/// A code object of LLVM IR for a gfx942.
pub fn compile(ir: &str, flags: &[&str]) -> Vec<u8> {
    compile_for("gfx942", ir, flags)
}

/// A code object of LLVM IR.
pub fn compile_for(target: &str, ir: &str, flags: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (source, object) = (folder.path().join("in.ll"), folder.path().join("out.o"));
    fs::write(&source, ir).unwrap();
    let object = object.to_str().unwrap();
    let cpu = format!("-mcpu={target}");
    let mut args = vec!["-mtriple=amdgcn-amd-amdhsa", &cpu, "--amdhsa-code-object-version=5", "-filetype=obj"];
    if !flags.iter().any(|flag| flag.starts_with("-O")) {
        args.push("-O3");
    }
    args.extend(flags);
    args.extend([source.to_str().unwrap(), "-o", object]);
    run("llc", &args);
    link(folder.path(), object)
}

/// A code object of OpenCL C in `kernel.cl`, with line tables. Nothing of OpenCL's library is there: kernels use clang's
/// builtins.
pub fn compile_c(source: &str, flags: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (input, object) = (folder.path().join("kernel.cl"), folder.path().join("out.o"));
    fs::write(&input, source).unwrap();
    let (input, object) = (input.to_str().unwrap(), object.to_str().unwrap());
    let mut args = vec!["-x", "cl", "-cl-std=CL2.0", "-target", "amdgcn-amd-amdhsa", "-mcpu=gfx942", "-nogpulib"];
    args.extend([
        "-mcode-object-version=5",
        "-gline-tables-only",
        "-O2",
        "-w",
        "-mllvm",
        "-amdgpu-internalize-symbols",
        "-c",
        input,
        "-o",
        object,
    ]);
    args.extend(flags);
    run("clang", &args);
    link(folder.path(), object)
}

/// A code object of assembly.
pub fn assemble(text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (source, object) = (folder.path().join("in.s"), folder.path().join("out.o"));
    fs::write(&source, text).unwrap();
    let object = object.to_str().unwrap();
    let args = ["-triple=amdgcn-amd-amdhsa", "-mcpu=gfx942", "-filetype=obj", source.to_str().unwrap(), "-o", object];
    run("llvm-mc", &args);
    link(folder.path(), object)
}

/// A code object of assembly for a target, with line tables.
pub fn assemble_with_lines(target: &str, text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (source, object) = (folder.path().join("kernel.s"), folder.path().join("out.o"));
    fs::write(&source, text).unwrap();
    let (source, object, cpu) = (source.to_str().unwrap(), object.to_str().unwrap(), format!("-mcpu={target}"));
    run("llvm-mc", &["-triple=amdgcn-amd-amdhsa", &cpu, "-g", "-filetype=obj", source, "-o", object]);
    link(folder.path(), object)
}

/// A kernel `k` of assembly, which has its kernarg address in s[0:1], the work-group id in s2, and the item id in v0.
pub fn kernel(body: &str) -> String {
    format!(
        ".amdgcn_target \"amdgcn-amd-amdhsa--gfx942\"\n.amdhsa_code_object_version 5\n.text\n.globl k\n.p2align 8\n\
         .type k,@function\nk:\n{body}\n.Lend:\n.size k, .Lend-k\n.rodata\n.p2align 6\n.amdhsa_kernel k\n\
         .amdhsa_user_sgpr_kernarg_segment_ptr 1\n.amdhsa_next_free_vgpr 64\n.amdhsa_next_free_sgpr 64\n\
         .amdhsa_accum_offset 64\n.amdhsa_group_segment_fixed_size 4096\n.amdhsa_private_segment_fixed_size 256\n\
         .amdhsa_enable_private_segment 1\n.amdhsa_system_vgpr_workitem_id 2\n.amdhsa_kernarg_size 256\n.end_amdhsa_kernel\n"
    )
}

/// LLVM's own disassembler. Code comes as bytes, so it goes through llvm-mc.
pub struct LlvmMc;

impl Disassembler for LlvmMc {
    fn disassemble(&self, target: &str, code: &[u8]) -> Result<Vec<Instruction>, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        // An object file around the bytes, for llvm-objdump to read.
        let (source, object) = (folder.path().join("in.s"), folder.path().join("in.o"));
        let bytes = folder.path().join("in.bin");
        fs::write(&bytes, code).map_err(|error| error.to_string())?;
        fs::write(&source, format!(".text\n.type f,@function\nf:\n.incbin {bytes:?}\n"))
            .map_err(|error| error.to_string())?;
        let (source, object) = (source.to_str().unwrap_or_default(), object.to_str().unwrap_or_default());
        let cpu = format!("-mcpu={target}");
        run("llvm-mc", &["-triple=amdgcn-amd-amdhsa", &cpu, "-filetype=obj", source, "-o", object]);
        let program = tool("llvm-objdump").ok_or("no llvm-objdump")?;
        let output = Command::new(program)
            .args(["-d", "--no-print-imm-hex", "--disassemble-zeroes", object])
            .output()
            .map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut instructions = Vec::new();
        for line in text.lines() {
            // `\ts_endpgm    // 000000000000: BF810000`
            let Some((text, rest)) = line.strip_prefix('\t').and_then(|line| line.split_once("//")) else { continue };
            let Some((offset, words)) = rest.trim().split_once(':') else { continue };
            let offset = u32::from_str_radix(offset.trim(), 16).map_err(|error| error.to_string())?;
            let words = words.split_whitespace().take_while(|word| !word.starts_with('<')).count();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let text = if text.starts_with(".long") || text.starts_with("<unknown>") { String::new() } else { text };
            instructions.push(Instruction { offset, length: 4 * words as u32, text });
        }
        Ok(instructions)
    }
}

/// Whether the environment has every test checked, by `GEOBACTER_CHECK=1`: what is there on purpose is then found.
pub fn checked_by_environment() -> bool {
    std::env::var("GEOBACTER_CHECK").is_ok_and(|value| value.trim() == "1")
}

static CHECKS: AtomicBool = AtomicBool::new(false);

/// Has the simulator check every access. To be called before anything else of this test process uses it.
pub fn check_everything() {
    CHECKS.store(true, Ordering::Relaxed);
}

static COUNTERS: AtomicBool = AtomicBool::new(false);

/// Has the simulator keep counters. To be called before anything else of this test process uses it.
pub fn count_everything() {
    COUNTERS.store(true, Ordering::Relaxed);
}

static COVERAGE: AtomicBool = AtomicBool::new(false);

/// Has the simulator record which instructions are executed. To be called before anything else of this test process uses it.
pub fn cover() {
    COVERAGE.store(true, Ordering::Relaxed);
}

static MEMORY: AtomicU64 = AtomicU64::new(amdgpu_sim::DEFAULT_MEMORY);

/// Gives each GPU this much memory, in bytes. To be called before anything else of this test process uses the simulator.
pub fn limit_memory(bytes: u64) {
    MEMORY.store(bytes, Ordering::Relaxed);
}

static DEVICES: OnceLock<&str> = OnceLock::new();

/// Has the simulator these devices. To be called before anything else of this test process uses it.
pub fn simulate(devices: &'static str) {
    assert_eq!(*DEVICES.get_or_init(|| devices), devices);
}

/// The simulator, installed and initialised once for the test process: two gfx942, if nothing else was said.
pub fn api() -> &'static HsaApi {
    static API: OnceLock<HsaApi> = OnceLock::new();
    API.get_or_init(|| {
        let config: Config = DEVICES.get_or_init(|| "gfx942x2").parse().unwrap();
        // `GEOBACTER_CHECK=1` in the environment has every test checked.
        let checks = config.checks() || CHECKS.load(Ordering::Relaxed);
        // No test of the checks waits for the watchdog, and checks take their time on a busy machine.
        let config = if checks { config } else { config.with_watchdog(WATCHDOG) }.with_checks(checks);
        let config = config.with_memory(MEMORY.load(Ordering::Relaxed));
        let config = match COUNTERS.load(Ordering::Relaxed) {
            true => config.with_counters(Some(CountersOutput::Program)),
            false => config,
        };
        let config = config.with_coverage(COVERAGE.load(Ordering::Relaxed));
        let api = amdgpu_sim::install(config, Arc::new(LlvmMc)).unwrap();
        // SAFETY: the table's functions are HSA's.
        assert_eq!(unsafe { (api.hsa_init)() }, HSA_STATUS_SUCCESS);
        api
    })
}

unsafe extern "C" fn collect_agent(agent: hsa_agent_t, data: *mut c_void) -> hsa_status_t {
    // SAFETY: `data` is the vector that the caller of the iteration gave.
    unsafe { &mut *data.cast::<Vec<hsa_agent_t>>() }.push(agent);
    HSA_STATUS_SUCCESS
}

/// The first agent of this name.
pub fn agent(name: &str) -> hsa_agent_t {
    let is = |agent: &hsa_agent_t| {
        let mut text = [0_u8; 64];
        // SAFETY: the attribute has 64 bytes.
        let status = unsafe { (api().hsa_agent_get_info)(*agent, HSA_AGENT_INFO_NAME, text.as_mut_ptr().cast()) };
        assert_eq!(status, HSA_STATUS_SUCCESS);
        text.starts_with(name.as_bytes()) && text[name.len()] == 0
    };
    agents().into_iter().find(is).expect("the simulator has such a device")
}

unsafe extern "C" fn collect_pool(pool: hsa_amd_memory_pool_t, data: *mut c_void) -> hsa_status_t {
    // SAFETY: `data` is the vector that the caller of the iteration gave.
    unsafe { &mut *data.cast::<Vec<hsa_amd_memory_pool_t>>() }.push(pool);
    HSA_STATUS_SUCCESS
}

/// All agents.
pub fn agents() -> Vec<hsa_agent_t> {
    let mut agents = Vec::<hsa_agent_t>::new();
    // SAFETY: the callback takes the vector.
    let status = unsafe { (api().hsa_iterate_agents)(Some(collect_agent), (&raw mut agents).cast()) };
    assert_eq!(status, HSA_STATUS_SUCCESS);
    agents
}

/// The pools of an agent.
pub fn pools(agent: hsa_agent_t) -> Vec<hsa_amd_memory_pool_t> {
    let mut pools = Vec::<hsa_amd_memory_pool_t>::new();
    // SAFETY: the callback takes the vector.
    let status =
        unsafe { (api().hsa_amd_agent_iterate_memory_pools)(agent, Some(collect_pool), (&raw mut pools).cast()) };
    assert_eq!(status, HSA_STATUS_SUCCESS);
    pools
}

/// A signal.
pub fn signal(value: i64) -> hsa_signal_t {
    let mut signal = hsa_signal_t { handle: 0 };
    // SAFETY: HSA's contract.
    assert_eq!(unsafe { (api().hsa_signal_create)(value, 0, std::ptr::null(), &mut signal) }, HSA_STATUS_SUCCESS);
    signal
}

/// Waits until a signal's value is below this, for at most ten seconds; gives the value.
pub fn wait_below(signal: hsa_signal_t, bound: i64) -> i64 {
    let wait = api().hsa_signal_wait_scacquire;
    // SAFETY: HSA's contract.
    unsafe { wait(signal, HSA_SIGNAL_CONDITION_LT, bound, 10_000_000_000, HSA_WAIT_STATE_BLOCKED) }
}

/// Device memory that holds these values.
pub struct Buffer<T> {
    /// Its address.
    pub address: *mut T,
    length: usize,
}

impl<T: Copy> Buffer<T> {
    /// Memory of the first GPU with a copy of these values.
    pub fn new(values: &[T]) -> Self {
        Self::of(pools(agents()[1])[0], values)
    }

    /// Memory of a pool with a copy of these values.
    pub fn of(pool: hsa_amd_memory_pool_t, values: &[T]) -> Self {
        let buffer = Self::unwritten_of(pool, values.len());
        // SAFETY: HSA's contract: room for the values on both sides.
        let status =
            unsafe { (api().hsa_memory_copy)(buffer.address.cast(), values.as_ptr().cast(), size_of_val(values)) };
        assert_eq!(status, HSA_STATUS_SUCCESS);
        buffer
    }

    /// Memory of the first GPU that nobody has written.
    pub fn unwritten(length: usize) -> Self {
        Self::unwritten_of(pools(agents()[1])[0], length)
    }

    /// Memory of a pool that nobody has written.
    pub fn unwritten_of(pool: hsa_amd_memory_pool_t, length: usize) -> Self {
        let mut address = std::ptr::null_mut();
        // SAFETY: HSA's contract: a pool, a size, room for the address.
        let status = unsafe { (api().hsa_amd_memory_pool_allocate)(pool, length * size_of::<T>(), 0, &mut address) };
        assert_eq!(status, HSA_STATUS_SUCCESS);
        Self { address: address.cast(), length }
    }

    /// Its values.
    pub fn read(&self) -> Vec<T> {
        let mut values: Vec<T> = Vec::with_capacity(self.length);
        // SAFETY: room for the values on both sides; all of them are written before the length says so.
        unsafe {
            let size = self.length * size_of::<T>();
            let status = (api().hsa_memory_copy)(values.as_mut_ptr().cast(), self.address.cast(), size);
            assert_eq!(status, HSA_STATUS_SUCCESS);
            values.set_len(self.length);
        }
        values
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        // SAFETY: allocated in `new`.
        unsafe { (api().hsa_amd_memory_pool_free)(self.address.cast()) };
    }
}

/// A loaded kernel and a queue to run it on.
pub struct Program {
    agent: hsa_agent_t,
    executable: hsa_executable_t,
    /// The queue.
    pub queue: *mut hsa_queue_t,
    /// Statuses that the queue's callback got.
    pub errors: Box<Mutex<Vec<hsa_status_t>>>,
}

unsafe extern "C" fn on_error(status: hsa_status_t, _: *mut hsa_queue_t, data: *mut c_void) {
    // SAFETY: `data` is the mutex that the program keeps as long as the queue.
    unsafe { &*data.cast::<Mutex<Vec<hsa_status_t>>>() }.lock().unwrap().push(status);
}

/// How to launch.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Grid in work-items.
    pub grid: [u32; 3],
    /// Work-group in work-items.
    pub group: [u16; 3],
    /// More scratch than the kernel says, in bytes.
    pub stack: u32,
    /// More LDS than the kernel says, in bytes.
    pub lds: u32,
}

impl Shape {
    /// One dimension.
    pub fn linear(items: u32, group: u16) -> Self {
        Self { grid: [items, 1, 1], group: [group, 1, 1], stack: 0, lds: 0 }
    }
}

impl Program {
    /// Loads a code object on the first GPU.
    pub fn new(code_object: &[u8]) -> Self {
        Self::on(agents()[1], code_object)
    }

    /// Loads a code object on a GPU.
    pub fn on(agent: hsa_agent_t, code_object: &[u8]) -> Self {
        let errors: Box<Mutex<Vec<hsa_status_t>>> = Box::default();
        let mut executable = hsa_executable_t { handle: 0 };
        let mut queue = std::ptr::null_mut();
        // SAFETY: HSA's contract; every out-pointer has room.
        unsafe {
            let api = api();
            let mut reader = hsa_code_object_reader_t { handle: 0 };
            let create = api.hsa_code_object_reader_create_from_memory;
            assert_eq!(create(code_object.as_ptr().cast(), code_object.len(), &mut reader), HSA_STATUS_SUCCESS);
            let status = (api.hsa_executable_create_alt)(
                HSA_PROFILE_BASE,
                HSA_DEFAULT_FLOAT_ROUNDING_MODE_DEFAULT,
                std::ptr::null(),
                &mut executable,
            );
            assert_eq!(status, HSA_STATUS_SUCCESS);
            let load = api.hsa_executable_load_agent_code_object;
            let status = load(executable, agent, reader, std::ptr::null(), std::ptr::null_mut());
            assert_eq!(status, HSA_STATUS_SUCCESS, "{:?}", amdgpu_sim::last_error());
            let status = (api.hsa_executable_freeze)(executable, std::ptr::null());
            assert_eq!(status, HSA_STATUS_SUCCESS, "{:?}", amdgpu_sim::last_error());
            assert_eq!((api.hsa_code_object_reader_destroy)(reader), HSA_STATUS_SUCCESS);
            let data = (&raw const *errors).cast_mut().cast();
            let status =
                (api.hsa_queue_create)(agent, 64, HSA_QUEUE_TYPE_MULTI, Some(on_error), data, 0, 0, &mut queue);
            assert_eq!(status, HSA_STATUS_SUCCESS);
        }
        Self { agent, executable, queue, errors }
    }

    /// The memory of its GPU.
    pub fn pool(&self) -> hsa_amd_memory_pool_t {
        pools(self.agent)[0]
    }

    /// Another queue in place of one that has seen a fault.
    pub fn renew_queue(&mut self) {
        let data = (&raw const *self.errors).cast_mut().cast();
        let api = api();
        // SAFETY: HSA's contract; the old queue is live and is not used again.
        unsafe {
            assert_eq!((api.hsa_queue_destroy)(self.queue), HSA_STATUS_SUCCESS);
            let create = api.hsa_queue_create;
            let status = create(self.agent, 64, HSA_QUEUE_TYPE_MULTI, Some(on_error), data, 0, 0, &mut self.queue);
            assert_eq!(status, HSA_STATUS_SUCCESS);
        }
    }

    /// A symbol of the program.
    pub fn symbol(&self, name: &str) -> hsa_executable_symbol_t {
        let name = CString::new(name).unwrap();
        let mut symbol = hsa_executable_symbol_t { handle: 0 };
        // SAFETY: HSA's contract.
        let status = unsafe {
            (api().hsa_executable_get_symbol_by_name)(self.executable, name.as_ptr(), &self.agent, &mut symbol)
        };
        assert_eq!(status, HSA_STATUS_SUCCESS, "{:?}", amdgpu_sim::last_error());
        symbol
    }

    /// An attribute of a symbol.
    pub fn info<T: Default>(&self, symbol: hsa_executable_symbol_t, attribute: hsa_executable_symbol_info_t) -> T {
        let mut value = T::default();
        // SAFETY: the test asks with the attribute's type.
        let status = unsafe { (api().hsa_executable_symbol_get_info)(symbol, attribute, (&raw mut value).cast()) };
        assert_eq!(status, HSA_STATUS_SUCCESS);
        value
    }

    /// Puts a packet into the queue and rings.
    pub fn submit(&self, mut packet: hsa_kernel_dispatch_packet_t, header: u16) {
        // SAFETY: the queue lives; the slot is this producer's by the compare-and-swap, and is free because the test
        // never has more packets under way than the ring holds.
        unsafe {
            let api = api();
            let index = loop {
                let index = (api.hsa_queue_load_write_index_relaxed)(self.queue);
                if (api.hsa_queue_cas_write_index_scacq_screl)(self.queue, index, index + 1) == index {
                    break index;
                }
            };
            packet.header = HSA_PACKET_TYPE_INVALID as u16;
            let size = u64::from((*self.queue).size);
            let slot = (*self.queue).base_address.cast::<hsa_kernel_dispatch_packet_t>().add((index % size) as usize);
            slot.cast::<[u8; 62]>().byte_add(2).write((&raw const packet).cast::<[u8; 62]>().byte_add(2).read());
            let word = u32::from(header) | u32::from(packet.setup) << 16;
            AtomicU32::from_ptr(slot.cast()).store(word, Ordering::Release);
            (api.hsa_signal_store_screlease)((*self.queue).doorbell_signal, index as i64);
        }
    }

    /// A dispatch packet for a kernel.
    pub fn packet(&self, kernel: &str, kernarg: *mut c_void, shape: Shape) -> hsa_kernel_dispatch_packet_t {
        let symbol = self.symbol(&format!("{kernel}.kd"));
        hsa_kernel_dispatch_packet_t {
            setup: 3,
            workgroup_size_x: shape.group[0],
            workgroup_size_y: shape.group[1],
            workgroup_size_z: shape.group[2],
            grid_size_x: shape.grid[0],
            grid_size_y: shape.grid[1],
            grid_size_z: shape.grid[2],
            private_segment_size: self.info::<u32>(symbol, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_PRIVATE_SEGMENT_SIZE)
                + shape.stack,
            group_segment_size: self.info::<u32>(symbol, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_GROUP_SEGMENT_SIZE)
                + shape.lds,
            kernel_object: self.info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT),
            kernarg_address: kernarg,
            ..Default::default()
        }
    }

    /// Runs a kernel to its end.
    pub fn launch(&self, kernel: &str, kernarg: &[u64], shape: Shape) -> Result<(), Box<FaultReport>> {
        let mut words = kernarg.to_vec();
        words.resize(64, 0);
        let kernarg = Buffer::of(pools(agents()[0])[0], &words);
        let mut packet = self.packet(kernel, kernarg.address.cast(), shape);
        let mut signal = hsa_signal_t { handle: 0 };
        // SAFETY: HSA's contract.
        unsafe {
            let api = api();
            assert_eq!((api.hsa_signal_create)(1, 0, std::ptr::null(), &mut signal), HSA_STATUS_SUCCESS);
            packet.completion_signal = signal;
            self.submit(packet, HSA_PACKET_TYPE_KERNEL_DISPATCH as u16);
            let wait = api.hsa_signal_wait_scacquire;
            let value = wait(signal, HSA_SIGNAL_CONDITION_LT, 1, u64::MAX, HSA_WAIT_STATE_BLOCKED);
            assert_eq!((api.hsa_signal_destroy)(signal), HSA_STATUS_SUCCESS);
            match value {
                0 => Ok(()),
                _ => {
                    Err(Box::new(amdgpu_sim::take_fault_report(self.queue).expect("a failed dispatch leaves a report")))
                }
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: both are live.
        unsafe {
            assert_eq!((api().hsa_queue_destroy)(self.queue), HSA_STATUS_SUCCESS);
            assert_eq!((api().hsa_executable_destroy)(self.executable), HSA_STATUS_SUCCESS);
        }
    }
}
