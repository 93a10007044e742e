//! Each call of the driver fails once, and nothing but that is lost.

mod common;

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use geobacter_cuda_driver::sys::CUresult;
use geobacter_runtime_core::{
    Device,
    driver::{Driver, DriverError, Kernarg, MemoryKind},
};
use geobacter_runtime_cuda::{Gpu, Options};
use ptx_sim::injection::{COPY_ENGINE, EXECUTION, walk};

const CONFIG: &str = "sm_90x4;memory=64MiB";

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn open(card: usize) -> Result<Gpu, geobacter_runtime_cuda::Error> {
    Gpu::open(&common::cards(CONFIG)[card], "gpu", Options::default())
}

/// A launch through the driver's own interface.
fn launches(gpu: &Gpu) -> Result<(), DriverError> {
    let (from, to) = (gpu.allocate(4 * 100, MemoryKind::Device)?, gpu.allocate(4 * 100, MemoryKind::Host)?);
    from.write(0, &[1; 400])?;
    let kernel = gpu.load(common::code("affine"))?;
    let words = [from.address() as u128 | (to.address() as u128) << 64, 5 | 100 << 32];
    // SAFETY: the kernel takes these buffers, which live, and nobody else uses.
    unsafe { gpu.launch(&kernel, common::line(2), &Kernarg::new(&words)) }?;
    let mut bytes = [0; 400];
    to.read(0, &mut bytes)?;
    assert_eq!(bytes, std::array::from_fn(|i| if i % 4 == 0 { 7 } else { 2 }));
    Ok(())
}

/// Everything else: streams, copies, fills, calls, graphs and those who are told.
fn streams(device: &Device) -> Outcome {
    let (one, two) = (device.stream()?, device.stream()?);
    let mut a = device.upload(&[3_u64; 1000])?;
    let mut b = device.zeroed::<u64>(1000)?;
    let (send, told) = std::sync::mpsc::channel();
    one.fill(&mut a, 0x0123_4567_89ab_cdef)?;
    // Done in whatever way: the failure of one is told to who waits for it.
    two.copy(&a, &mut b)?.on_done(move |_| {
        let _told = send.send(());
    });
    let mut graph = device.graph();
    graph.copy(&b, &mut a)?;
    graph.fill(&mut b, 9);
    let graph = graph.build()?;
    graph.launch(&one)?;
    one.call(|| ())?;
    one.wait()?;
    two.wait()?;
    told.recv()?;
    assert!(a.download()? == [0x0123_4567_89ab_cdef; 1000]);
    assert!(b.download()? == [9; 1000]);
    Ok(())
}

const FUNCTIONS: &[&[&str]] = &[
    &["cuDevicePrimaryCtxRetain", "cuDeviceGetAttribute", "cuDeviceTotalMem_v2", "cuCtxGetCurrent", "cuCtxSetCurrent"],
    &["cuMemAlloc_v2", "cuMemHostAlloc", "cuMemAllocManaged", "cuMemsetD8Async", "cuMemsetD32Async"],
    &["cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemcpyAsync"],
    &["cuStreamCreateWithPriority", "cuCtxGetStreamPriorityRange", "cuStreamWaitEvent", "cuLaunchHostFunc"],
    &["cuEventCreate", "cuEventRecord"],
    &["cuLinkCreate_v2", "cuLinkAddData_v2", "cuLinkComplete", "cuLinkDestroy"],
    &["cuModuleLoadDataEx", "cuModuleGetFunction", "cuFuncGetAttribute", "cuLaunchKernel"],
    &["cuGraphCreate", "cuGraphAddMemcpyNode", "cuGraphAddMemsetNode", "cuGraphInstantiateWithFlags", "cuGraphLaunch"],
    &[
        "cuMemFree_v2",
        "cuMemFreeHost",
        "cuStreamDestroy_v2",
        "cuEventDestroy_v2",
        "cuModuleUnload",
        "cuGraphExecDestroy",
    ],
];

/// Runs everything on a card, and says whether something went wrong.
fn run(card: usize) -> bool {
    let Ok(gpu) = open(card) else { return true };
    let launched = launches(&gpu);
    let device = Device::new(Arc::new(gpu));
    let streamed = streams(&device);
    device.wait();
    // Who is told of an event may hold what it used for a moment longer, on another thread.
    let deadline = Instant::now() + Duration::from_secs(60);
    while device.memory().statistics().live != 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    let statistics = device.memory().statistics();
    assert_eq!((statistics.in_use, statistics.live), (0, 0), "{launched:?} {streamed:?}");
    launched.is_err() || streamed.is_err()
}

/// One test, for the injections are the process's.
#[test]
fn each_call_of_the_driver_fails_once() {
    assert!(!run(0), "nothing fails");
    for functions in FUNCTIONS {
        let mut told = 0;
        let injected = walk(functions, CUresult::CUDA_ERROR_OUT_OF_MEMORY, |_| told += u64::from(run(0))).unwrap();
        println!("{functions:?}: {injected} calls failed, {told} of them were told, the others made good");
        assert!(injected > 0 && told <= injected, "{functions:?}: {injected} {told}");
    }
    assert!(!run(0), "nothing is left of it");

    // What the driver says of work that it has taken, and what happens on the card, loses the context; the card can be used again.
    for functions in [&["cuEventQuery", "cuEventSynchronize", "cuStreamSynchronize"][..], &[EXECUTION, COPY_ENGINE]] {
        let injected = walk(functions, CUresult::CUDA_ERROR_ECC_UNCORRECTABLE, |nth| {
            let gpu = open(1).unwrap();
            let launched = launches(&gpu);
            let device = Device::new(Arc::new(gpu));
            let streamed = streams(&device);
            device.wait();
            device.memory().trim();
            let gpu: &dyn std::any::Any = device.driver();
            let gpu = gpu.downcast_ref::<Gpu>().unwrap();
            let errors = launched.err().map(|error| error.to_string()).into_iter();
            let errors: Vec<_> = errors.chain(streamed.err().map(|error| error.to_string())).collect();
            match gpu.loss() {
                None => assert!(errors.is_empty(), "{functions:?} {nth}: {errors:?}"),
                Some(loss) => {
                    assert!(loss.cause().text.contains("ECC"), "{loss}");
                    assert!(!errors.is_empty(), "{functions:?} {nth}: it went unnoticed");
                    for error in errors {
                        assert!(error.contains("the context of gpu was lost"), "{functions:?} {nth}: {error}");
                    }
                    let again = gpu.reopened().unwrap();
                    launches(&again).unwrap();
                }
            }
        });
        println!("{functions:?}: {} calls lost the context", injected.unwrap());
    }
}
