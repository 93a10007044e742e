//! Launches on the simulator, through the same calls that drive hardware.

mod common;

use std::{
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

use geobacter_cuda_driver::sys::CUresult;
use geobacter_runtime_core::{
    code::DeviceCode,
    driver::{Driver, DriverError, Kernarg, Memory, MemoryKind, WorkError},
};
use geobacter_runtime_cuda::{Error, Executable, Extent, Gpu, Options, PtxVersion};
use ptx_sim::injection::Injection;

use common::{KERNELS, code, line};

const CONFIG: &str = "sm_90,sm_80x6;memory=64MiB;driver=12.4;watchdog=2";

/// The card that the tests share whose kernels end well.
fn gpu() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| open(0))
}

/// A card; those whose context a test loses are its own.
fn open(card: usize) -> Gpu {
    let card = &common::cards(CONFIG)[card];
    Gpu::open(card, &format!("sim:{}", card.capability()), Options::default()).unwrap()
}

fn run(gpu: &Gpu, kernel: &Arc<Executable>, extent: Extent, arguments: &[u64]) -> Result<(), DriverError> {
    let pairs = arguments
        .chunks(2)
        .map(|pair| u128::from(pair[0]) | u128::from(pair.get(1).copied().unwrap_or_default()) << 64);
    let kernarg = Kernarg::new(&pairs.collect::<Vec<_>>());
    // SAFETY: each test gives the kernel the buffers that it wants and keeps them; those that do otherwise want the fault.
    unsafe { gpu.launch(kernel, extent, &kernarg) }
}

fn buffer(gpu: &Gpu, words: &[u32]) -> Arc<dyn Memory> {
    let memory = gpu.allocate(4 * words.len() as u64, MemoryKind::Device).unwrap();
    memory.write(0, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>()).unwrap();
    memory
}

fn words(memory: &dyn Memory) -> Vec<u32> {
    let mut bytes = vec![0; memory.size() as usize];
    memory.read(0, &mut bytes).unwrap();
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

/// Launches `affine` over these many items.
fn affine(gpu: &Gpu, count: u32, bias: u32) -> Result<(), DriverError> {
    let input: Vec<u32> = (0..count).map(|i| i.wrapping_mul(2_654_435_761)).collect();
    let (from, to) = (buffer(gpu, &input), buffer(gpu, &vec![7; count as usize]));
    let scalars = u64::from(bias) | u64::from(count) << 32;
    let kernel = gpu.load(code("affine"))?;
    run(gpu, &kernel, line(count.div_ceil(64)), &[from.address(), to.address(), scalars])?;
    let expected: Vec<u32> = input.iter().map(|x| x.wrapping_mul(2).wrapping_add(bias)).collect();
    assert_eq!(words(&*to), expected);
    assert_eq!(words(&*from), input);
    Ok(())
}

#[test]
fn a_kernel_computes_what_it_should() {
    for count in [1, 63, 64, 65, 1000] {
        affine(gpu(), count, count + 3).unwrap();
    }
}

#[test]
fn launch_sized_lds_is_there_beyond_48_kib_as_well() {
    let kernel = gpu().load(code("reverse")).unwrap();
    let out = buffer(gpu(), &[0; 256]);
    let expected: Vec<u32> = (0..256).map(|i| i / 64 * 64 + 63 - i % 64).collect();
    for bytes in [256, 48 << 10, 100 << 10, 1 << 10] {
        out.zero(0, 1024).unwrap();
        run(gpu(), &kernel, Extent { dynamic_lds: bytes, ..line(4) }, &[out.address()]).unwrap();
        assert_eq!(words(&*out), expected, "{bytes}");
    }
    // What a kernel declares beyond that is asked for in its name, with what the launch asks for behind it.
    for (declared, at_launch) in [(60 << 10, 0), (60 << 10, 10 << 10), (49_153, 4)] {
        let mut large = code("reverse");
        large.resources.lds = declared;
        out.zero(0, 1024).unwrap();
        let large = gpu().load(large).unwrap();
        run(gpu(), &large, Extent { dynamic_lds: at_launch, ..line(4) }, &[out.address()]).unwrap();
        assert_eq!(words(&*out), expected, "{declared} + {at_launch}");
    }
    let error = run(gpu(), &kernel, Extent { dynamic_lds: 1 << 20, ..line(4) }, &[out.address()]).unwrap_err();
    let limit = gpu().info().lds;
    assert_eq!(error.to_string(), format!("its LDS in bytes is 1048576, the device takes at most {limit}"));
}

#[test]
fn a_panic_comes_back_with_message_and_place() {
    let kernel = gpu().load(code("panics")).unwrap();
    for _ in 0..2 {
        match run(gpu(), &kernel, line(4), &[0]) {
            Err(DriverError::Work(WorkError::Panicked(panic))) => {
                assert_eq!((panic.group, panic.item, panic.items), ([2, 0, 0], [5, 0, 0], 1));
                assert_eq!(panic.message, "he said: a message five!!");
                let location = panic.location.unwrap();
                assert_eq!((location.file.as_str(), location.line, location.column), ("src/kernel.rs", 17, 5));
            }
            other => panic!("{other:?}"),
        }
    }
    // The record is cleared for the next launch, and group 2 is not there.
    run(gpu(), &kernel, line(2), &[0]).unwrap();
}

#[test]
fn what_does_not_fit_is_refused() {
    let kernel = gpu().load(code("affine")).unwrap();
    let refused = |extent: Extent| run(gpu(), &kernel, extent, &[0, 0, 0]).unwrap_err().to_string();
    let error = refused(Extent { workgroup: [2048, 1, 1], ..line(1) });
    assert_eq!(error, "its work-group is 2048, the device takes at most 1024");
    let error = refused(Extent { groups: [1, 70_000, 1], ..line(1) });
    assert_eq!(error, "its grid along y in work-groups is 70000, the device takes at most 65535");
    let error = run(gpu(), &kernel, line(1), &[]).unwrap_err().to_string();
    assert_eq!(error, "kernel affine takes 24 bytes of arguments, the launch gives 0");

    let load = |change: &dyn Fn(&mut DeviceCode)| {
        let mut code = code("panics");
        change(&mut code);
        gpu().load(code).unwrap_err()
    };
    let error = load(&|code| code.resources.symbol = "nobody".into()).to_string();
    assert!(error.contains("cuModuleGetFunction") && error.contains("the module has no kernel nobody"), "{error}");
    let error = load(&|code| code.resources.hidden_args[0].kind = "hidden_teapot".into()).to_string();
    assert!(error.contains("hidden_teapot") && error.contains("panics"), "{error}");
}

#[test]
fn ptx_that_the_driver_does_not_take_is_explained() {
    let with = |from: &str, to: &str| {
        let mut code = code("affine");
        code.code_object = KERNELS.replace(from, to).into_bytes().into();
        gpu().load(code).unwrap_err()
    };
    let error = with("mad.lo.s32", "mad.low.s32");
    assert!(matches!(&error, Error::Jit { kernel, log, .. } if kernel == "affine" && !log.is_empty()), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("the driver does not compile the PTX of kernel affine for sim:9.0: "), "{text}");
    assert!(text.contains("mad.low"), "the compiler's log is in it: {text}");

    let error = with(".version 7.0", ".version 8.7");
    assert!(matches!(&error, Error::PtxVersion { version: PtxVersion(8, 7), driver: 12_040, .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the PTX of kernel affine is of version 8.7, the driver of sim:9.0 is for CUDA 12.4 and does not know it: install \
         the driver of CUDA 12.8 or a newer one"
    );
    // For a card that this one is not.
    let error = with(".target sm_70", ".target sm_89a");
    assert!(matches!(error, Error::Jit { .. }), "{error}");
}

#[test]
fn a_kernel_that_faults_loses_the_context_and_the_device_can_be_opened_again() {
    let gpu = open(1);
    let poke = gpu.load(code("poke")).unwrap();
    let (kept, pinned) = (buffer(&gpu, &[1, 2, 3]), gpu.allocate(100, MemoryKind::Host).unwrap());
    affine(&gpu, 100, 1).unwrap();
    assert!(gpu.loss().is_none());

    let error = run(&gpu, &poke, line(1), &[0x1234_5678_0000]).unwrap_err().to_string();
    assert!(error.starts_with("it did not end: "), "{error}");
    assert!(error.contains("CUDA_ERROR_ILLEGAL_ADDRESS"), "{error}");
    assert!(error.contains("the context of sim:8.0 was lost by kernel `poke`"), "{error}");
    assert!(error.contains("open the device again"), "{error}");
    assert!(
        error.contains("0x123456780000") && error.contains("st.global"),
        "the simulator's report is in it: {error}"
    );

    // From now on everything says so, and nothing crashes.
    let lost = "the context of sim:8.0 was lost by kernel `poke`";
    for error in [
        run(&gpu, &poke, line(1), &[256]).unwrap_err(),
        gpu.allocate(100, MemoryKind::Device).map(drop).unwrap_err(),
        gpu.allocate(100, MemoryKind::Unified).map(drop).unwrap_err(),
        kept.read(0, &mut [0; 4]).unwrap_err(),
        kept.write(0, &[0; 4]).unwrap_err(),
        gpu.open_stream(Default::default()).map(drop).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(error.starts_with(lost) && error.contains("open the device again"), "{error}");
    }
    // What the host holds is there until it is dropped.
    pinned.write(0, &[5; 100]).unwrap();
    let error = gpu.reopened().unwrap_err();
    assert!(matches!(error, Error::StillHeld { bytes: 100, .. }), "{error}");
    let text = gpu.allocate(1, MemoryKind::Device).map(drop).unwrap_err().to_string();
    assert!(text.contains(lost) && text.contains("100 bytes of pinned"), "{text}");
    drop(pinned);

    let again = gpu.reopened().unwrap();
    affine(&again, 1000, 5).unwrap();
    let new = buffer(&again, &[9; 64]);
    // The old device stays lost, and what it has had does not touch the new one's.
    kept.write(0, &[0; 4]).unwrap_err();
    drop((kept, poke, gpu));
    assert_eq!(words(&*new), [9; 64]);
    affine(&again, 1000, 5).unwrap();
}

/// What the driver says when the fault is there before the call that launches has recorded its event.
#[test]
fn a_kernel_that_faults_at_once_is_named() {
    let gpu = open(5);
    let (affine, buffer) = (gpu.load(code("affine")).unwrap(), buffer(&gpu, &[1; 64]));
    let failing = Injection::in_this_thread(&["cuEventRecord"], 1, CUresult::CUDA_ERROR_ILLEGAL_ADDRESS).unwrap();
    let arguments = [buffer.address(), buffer.address(), 64 << 32];
    let error = run(&gpu, &affine, line(1), &arguments).unwrap_err().to_string();
    assert!(failing.happened());
    assert!(error.starts_with("it did not end: ") && error.contains("was lost by kernel `affine`"), "{error}");
}

#[test]
fn a_kernel_that_takes_too_long_is_ended_by_the_driver() {
    let gpu = open(2);
    let kernel = gpu.load(code("endless")).unwrap();
    let zero = buffer(&gpu, &[0]);
    let start = Instant::now();
    let error = run(&gpu, &kernel, line(1), &[zero.address()]).unwrap_err().to_string();
    assert!(error.contains("CUDA_ERROR_LAUNCH_TIMEOUT") && error.contains("`endless`"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(30));
    drop((kernel, zero));
    affine(&gpu.reopened().unwrap(), 64, 1).unwrap();
}

#[test]
fn everything_in_flight_ends_when_a_context_is_lost() {
    let gpu = Arc::new(open(3));
    let endless = gpu.load(code("endless")).unwrap();
    let zero = buffer(&gpu, &[0]);
    // Several threads are waiting when the first kernel is stopped.
    let errors: Vec<_> = thread::scope(|scope| {
        let waiting: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| run(&gpu, &endless, line(1), &[zero.address()]).unwrap_err().to_string()))
            .collect();
        waiting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for error in errors {
        assert!(error.contains("was lost by kernel `endless`"), "{error}");
    }
}

#[test]
fn a_launch_that_waits_for_the_simulators_threads_does_not_run_out_of_time() {
    let busy = open(4);
    let (endless, zero) = (busy.load(code("endless")).unwrap(), buffer(&busy, &[0]));
    let threads = thread::available_parallelism().unwrap().get();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| run(&busy, &endless, line(2), &[zero.address()]).unwrap_err());
        }
        // They are there first, and the launch takes longer than they are there before it.
        thread::sleep(Duration::from_millis(20));
        affine(gpu(), 200_000, 3).unwrap();
    });
}

#[test]
fn launches_from_many_threads_do_not_disturb_each_other() {
    thread::scope(|scope| {
        for worker in 0..6 {
            scope.spawn(move || {
                for i in 0..10 {
                    affine(gpu(), 64 * worker + i + 1, i).unwrap();
                }
            });
        }
    });
}
