//! Launches on the simulator, through the same calls that drive hardware.

mod common;

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

use geobacter_runtime_amd::{Agent, DYNAMIC_STACK, Error, Executable, Extent, Gpu, Options, Origin, Session};
use geobacter_runtime_core::{
    code::DeviceCode,
    driver::{DeviceKind, Driver, DriverError, Kernarg, Memory, MemoryKind, WorkError},
};
use geobacter_spool::job::Instruction;

/// Long enough for a busy machine, short enough for a test.
const WATCHDOG: Duration = Duration::from_secs(4);

struct LlvmTools;

impl amdgpu_sim::Disassembler for LlvmTools {
    fn disassemble(&self, target: &str, code: &[u8]) -> Result<Vec<Instruction>, String> {
        common::disassemble(target, code)
    }
}

struct Machine {
    kernels: HashMap<String, DeviceCode>,
    agents: Vec<Agent>,
    gpu: Gpu,
}

/// The simulated machine and the kernels; `None`, with the reason printed, if the kernels cannot be compiled here.
fn machine() -> Option<&'static Machine> {
    static MACHINE: OnceLock<Result<Machine, String>> = OnceLock::new();
    let machine = MACHINE.get_or_init(|| {
        let kernels = common::kernels()?;
        let config: amdgpu_sim::Config = format!("{}x2", common::TARGET).parse().unwrap();
        let api = amdgpu_sim::install(config.with_watchdog(WATCHDOG), Arc::new(LlvmTools)).unwrap();
        let session = Session::start(api, Origin::simulator()).unwrap();
        let agents = Agent::all(&session).unwrap();
        Ok(Machine { kernels, gpu: open(&agents, Options::default()), agents })
    });
    let skip = |reason| {
        assert!(std::env::var_os("GEOBACTER_REQUIRE_TOOLS").is_none(), "{reason}");
        eprintln!("skipped: {reason}");
    };
    machine.as_ref().map_err(skip).ok()
}

fn open(agents: &[Agent], options: Options) -> Gpu {
    let agent = agents.iter().find(|agent| agent.is_gpu()).unwrap();
    Gpu::open(agent, agents, "sim:gfx942", options).unwrap()
}

impl Machine {
    fn load(&self, kernel: &str) -> Arc<Executable> {
        self.gpu.load(self.kernels[kernel].clone()).unwrap()
    }

    fn buffer(&self, words: &[u32]) -> Arc<dyn Memory> {
        let memory = self.gpu.allocate(4 * words.len() as u64, MemoryKind::Device).unwrap();
        memory.write(0, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>()).unwrap();
        memory
    }
}

fn words(memory: &dyn Memory) -> Vec<u32> {
    let mut bytes = vec![0; memory.size() as usize];
    memory.read(0, &mut bytes).unwrap();
    bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

/// Groups of 64 work-items along x.
fn line(groups: u32) -> Extent {
    Extent { dimensions: 1, groups: [groups, 1, 1], workgroup: [64, 1, 1], dynamic_lds: 0 }
}

fn run(gpu: &Gpu, kernel: &Arc<Executable>, extent: Extent, arguments: &[u64]) -> Result<(), DriverError> {
    let pairs = arguments
        .chunks(2)
        .map(|pair| u128::from(pair[0]) | u128::from(pair.get(1).copied().unwrap_or_default()) << 64);
    let kernarg = Kernarg::new(&pairs.collect::<Vec<_>>());
    // SAFETY: each test gives the kernel the buffers that it wants and keeps them; those that do otherwise want the fault.
    unsafe { gpu.launch(kernel, extent, &kernarg) }
}

/// Launches `affine` over these many items, from several places of this file.
fn affine(machine: &Machine, gpu: &Gpu, count: u32, bias: u32) -> Result<(), DriverError> {
    let input: Vec<u32> = (0..count).map(|i| i.wrapping_mul(2_654_435_761)).collect();
    let (from, to) = (machine.buffer(&input), machine.buffer(&vec![7; count as usize]));
    let scalars = u64::from(bias) | u64::from(count) << 32;
    run(gpu, &machine.load("affine"), line(count.div_ceil(64)), &[from.address(), to.address(), scalars])?;
    let expected: Vec<u32> = input.iter().map(|x| x.wrapping_mul(2).wrapping_add(bias)).collect();
    assert_eq!(words(&*to), expected);
    assert_eq!(words(&*from), input);
    Ok(())
}

#[test]
fn a_device_says_what_it_is() {
    let Some(machine) = machine() else { return };
    let info = machine.gpu.info();
    assert_eq!((info.isa.as_str(), info.kind, info.wave_size), ("gfx942", DeviceKind::Simulator, 64));
    assert_eq!(info.lds, 64 * 1024);
    assert!(info.memory > 0 && info.compute_units > 0 && info.max_workgroup >= 1024);
    assert!(info.driver.starts_with("amdgpu-sim") && !info.name.is_empty(), "{info:?}");
    assert_eq!(machine.agents.iter().filter(|agent| agent.is_gpu()).count(), 2);
}

#[test]
fn a_kernel_computes_what_it_should() {
    let Some(machine) = machine() else { return };
    for count in [1, 63, 64, 65, 1000] {
        affine(machine, &machine.gpu, count, count + 3).unwrap();
    }
}

#[test]
fn lds_and_barriers_work() {
    let Some(machine) = machine() else { return };
    let out = machine.buffer(&[0; 256]);
    run(&machine.gpu, &machine.load("reverse"), line(4), &[out.address()]).unwrap();
    let expected: Vec<u32> = (0..256).map(|i| i / 64 * 64 + 63 - i % 64).collect();
    assert_eq!(words(&*out), expected);
}

#[test]
fn hidden_arguments_say_what_the_grid_is() {
    let Some(machine) = machine() else { return };
    let out = machine.buffer(&[99; 8]);
    let extent = Extent { dimensions: 3, groups: [5, 3, 2], workgroup: [8, 4, 2], dynamic_lds: 0 };
    run(&machine.gpu, &machine.load("hidden"), extent, &[out.address()]).unwrap();
    assert_eq!(words(&*out), [5, 3, 2, 8, 4, 2, 0, 3]);
}

#[test]
fn recursion_has_a_stack_and_too_deep_a_recursion_is_an_error() {
    let Some(machine) = machine() else { return };
    let kernel = machine.load("recurse");
    assert!(kernel.code().resources.dynamic_stack);
    let out = machine.buffer(&[0; 64]);
    run(&machine.gpu, &kernel, line(1), &[out.address(), 40]).unwrap();
    let expected: Vec<u32> = (40..104).map(|n| n * (n + 1) / 2).collect();
    assert_eq!(words(&*out), expected);
    // Each step takes at least its 32-byte array.
    let error = run(&machine.gpu, &kernel, line(1), &[out.address(), u64::from(DYNAMIC_STACK)]).unwrap_err();
    assert!(matches!(error, DriverError::Work(WorkError::Device(_))), "{error}");
    affine(machine, &machine.gpu, 100, 1).unwrap();
    // Deeper than the default allows.
    run(&machine.gpu, &kernel, line(1), &[out.address(), 1000]).unwrap_err();
    let mut options = Options::default();
    options.dynamic_stack = 16 * DYNAMIC_STACK;
    run(&open(&machine.agents, options), &kernel, line(1), &[out.address(), 1000]).unwrap();
    assert_eq!(words(&*out)[0], 500_500);
}

#[test]
fn a_panic_comes_back_with_its_item() {
    let Some(machine) = machine() else { return };
    let (kernel, out) = (machine.load("panics"), machine.buffer(&[0; 1]));
    for _ in 0..2 {
        match run(&machine.gpu, &kernel, line(4), &[out.address()]) {
            Err(DriverError::Work(WorkError::Panicked(panic))) => {
                assert_eq!((panic.group, panic.item), ([2, 0, 0], [5, 0, 0]));
                assert!(panic.message.contains("12") && panic.message.contains("10"), "{panic:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    // The record is cleared for the next launch, and group 2 is not there.
    run(&machine.gpu, &kernel, line(2), &[out.address()]).unwrap();
}

#[test]
fn a_fault_is_an_error_that_says_where_and_the_next_launch_works() {
    let Some(machine) = machine() else { return };
    let kernel = machine.load("poke");
    for _ in 0..3 {
        let error = run(&machine.gpu, &kernel, line(1), &[0x1234_5678_0000]).unwrap_err().to_string();
        assert!(error.contains("it did not end: memory fault at address"), "{error}");
        assert!(error.contains("0x123456780000"), "{error}");
        assert!(error.contains("global_store"), "the simulator's report is in it: {error}");
        affine(machine, &machine.gpu, 100, 1).unwrap();
    }
    // The last word of a buffer is its own, the one after it is not.
    let buffer = machine.buffer(&[0; 3]);
    run(&machine.gpu, &kernel, line(1), &[buffer.address() + 8]).unwrap();
    assert_eq!(words(&*buffer), [0, 0, 1]);
    for (offset, place) in
        [(12, "at the end of"), (16, "4 bytes behind the end of"), (0_u64.wrapping_sub(8), "8 bytes before")]
    {
        let address = buffer.address().wrapping_add(offset);
        let error = run(&machine.gpu, &kernel, line(1), &[address]).unwrap_err().to_string();
        let expected =
            format!("memory fault at address {address:#x} (page not present): {place} a buffer (12 bytes)\n");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn a_kernel_that_never_ends_is_an_error() {
    let Some(machine) = machine() else { return };
    let (kernel, zero) = (machine.load("endless"), machine.buffer(&[0]));
    let start = Instant::now();
    let error = run(&machine.gpu, &kernel, line(1), &[zero.address()]).unwrap_err().to_string();
    assert!(error.contains("it did not end: the device reports"), "{error}");
    assert!(start.elapsed() >= WATCHDOG, "the simulator's watchdog ended it: {error}");
    affine(machine, &machine.gpu, 100, 1).unwrap();
}

#[test]
fn a_launch_that_waits_for_the_simulators_threads_does_not_run_out_of_time() {
    let Some(machine) = machine() else { return };
    let mut options = Options::default();
    options.dynamic_stack = 32 * DYNAMIC_STACK;
    let (busy, gpu) = (open(&machine.agents, Options::default()), open(&machine.agents, options));
    let (endless, zero) = (machine.load("endless"), machine.buffer(&[0]));
    let (long, out) = (machine.load("recurse"), machine.buffer(&[0; 128]));
    let threads = thread::available_parallelism().unwrap().get();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| run(&busy, &endless, line(2), &[zero.address()]).unwrap_err());
        }
        // They are there first, and a work-group takes longer than they are there before it.
        thread::sleep(Duration::from_millis(3));
        run(&gpu, &long, line(2), &[out.address(), 4000]).unwrap();
    });
}

#[test]
fn a_launch_has_a_time_limit() {
    let Some(machine) = machine() else { return };
    let mut options = Options::default();
    options.launch_timeout = Some(Duration::from_millis(300));
    let gpu = open(&machine.agents, options);
    let (kernel, zero) = (machine.load("endless"), machine.buffer(&[0]));
    let start = Instant::now();
    let error = run(&gpu, &kernel, line(1), &[zero.address()]).unwrap_err().to_string();
    assert!(error.contains("GEOBACTER_LAUNCH_TIMEOUT"), "{error}");
    assert!(start.elapsed() < 3 * WATCHDOG);
    affine(machine, &machine.gpu, 100, 1).unwrap();
}

#[test]
fn launches_from_many_threads_do_not_disturb_each_other() {
    let Some(machine) = machine() else { return };
    let mut options = Options::default();
    // More threads than queues, and a fault now and then in queues of their own.
    options.queue_size = 64;
    let gpu = open(&machine.agents, options);
    thread::scope(|scope| {
        for worker in 0..6 {
            let gpu = &gpu;
            scope.spawn(move || {
                for i in 0..20 {
                    if worker == 0 && i % 5 == 0 {
                        run(gpu, &machine.load("poke"), line(1), &[0x40]).unwrap_err();
                    }
                    affine(machine, gpu, 64 * worker + i + 1, i).unwrap();
                }
            });
        }
    });
}

#[test]
fn more_threads_than_queues_share_them() {
    let Some(machine) = machine() else { return };
    let kernel = machine.load("affine");
    let gpu = open(&machine.agents, Options::default());
    thread::scope(|scope| {
        for worker in 0..24_u32 {
            let (gpu, kernel) = (&gpu, &kernel);
            scope.spawn(move || {
                let (from, to) = (machine.buffer(&[worker; 64]), machine.buffer(&[0; 64]));
                for bias in 0..20_u32 {
                    let scalars = u64::from(bias) | 64 << 32;
                    run(gpu, kernel, line(1), &[from.address(), to.address(), scalars]).unwrap();
                    assert_eq!(words(&*to), [2 * worker + bias; 64]);
                }
            });
        }
    });
}

#[test]
fn memory_is_zero_bounded_and_limited() {
    let Some(machine) = machine() else { return };
    for size in [1, 3, 4, 5, 4096, 100_001] {
        let memory = machine.gpu.allocate(size, MemoryKind::Device).unwrap();
        assert_eq!((memory.size(), memory.address() % 256), (size, 0));
        let mut bytes = vec![1; size as usize];
        memory.read(0, &mut bytes).unwrap();
        assert!(bytes.iter().all(|&byte| byte == 0), "{size}");
        memory.write(size - 1, &[9]).unwrap();
        memory.read(0, &mut bytes).unwrap();
        assert_eq!(bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>(), 9);
        assert_eq!(bytes[size as usize - 1], 9);
        for (offset, length) in [(size, 1), (size - 1, 2), (u64::MAX, 2), (size + 1, 0)] {
            let message = memory.write(offset, &vec![0; length]).unwrap_err().to_string();
            assert!(message.contains(&format!("which has {size} bytes")), "{message}");
            memory.read(offset, &mut vec![0; length]).unwrap_err();
        }
    }
    let empty = machine.gpu.allocate(0, MemoryKind::Device).unwrap();
    assert_ne!(empty.address(), 0);
    assert_eq!((empty.size(), empty.address() % 256), (0, 0));
    empty.write(0, &[]).unwrap();
    empty.read(0, &mut []).unwrap();
    empty.write(0, &[1]).unwrap_err();
    for bytes in [u64::MAX, 1 << 60, machine.gpu.info().memory + 1] {
        let error = machine.gpu.allocate(bytes, MemoryKind::Device).unwrap_err();
        assert!(
            matches!(error, DriverError::OutOfMemory(memory)
            if memory.requested == bytes && memory.total == machine.gpu.info().memory),
            "{error}"
        );
    }
}

#[test]
fn a_description_that_does_not_fit_the_code_object_is_refused() {
    let Some(machine) = machine() else { return };
    let load = |change: &dyn Fn(&mut DeviceCode)| {
        let mut code = machine.kernels["reverse"].clone();
        change(&mut code);
        machine.gpu.load(code).unwrap_err()
    };
    for (change, segment) in [
        ((&|code: &mut DeviceCode| code.resources.lds += 4) as &dyn Fn(&mut DeviceCode), "LDS"),
        (&|code| code.resources.kernarg_size += 8, "kernel arguments"),
        (&|code| code.resources.scratch += 16, "scratch"),
    ] {
        let error = load(change);
        assert!(matches!(&error, Error::Mismatch { segment: found, .. } if *found == segment), "{error}");
    }
    let error = load(&|code| code.resources.symbol = "nobody".into()).to_string();
    assert!(error.contains("hsa_executable_get_symbol_by_name") && error.contains("nobody.kd"), "{error}");
    let error = load(&|code| code.resources.hidden_args[0].kind = "hidden_teapot".into()).to_string();
    assert!(error.contains("hidden_teapot") && error.contains("reverse"), "{error}");
    let error = load(&|code| code.code_object = code.code_object[..100].into()).to_string();
    assert!(error.contains("hsa_"), "{error}");
}

#[test]
fn a_launch_beyond_the_limits_is_refused() {
    let Some(machine) = machine() else { return };
    let (kernel, out) = (machine.load("reverse"), machine.buffer(&[0; 64]));
    let refused = |extent: Extent| run(&machine.gpu, &kernel, extent, &[out.address()]).unwrap_err().to_string();
    let mut extent = line(1);
    extent.workgroup = [128, 1, 1];
    assert!(refused(extent).contains("its work-group is 128, the device takes at most 64"), "{}", refused(extent));
    assert!(refused(line(u32::MAX)).contains("its grid along one dimension"), "{}", refused(line(u32::MAX)));
    let error = run(&machine.gpu, &kernel, line(1), &[]).unwrap_err().to_string();
    assert!(error.contains("takes 8 bytes of explicit arguments, the launch gives 0"), "{error}");
}
