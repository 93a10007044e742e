//! Every call of the HSA runtime that can fail, failing once, while a program with streams, copies and a graph runs on
//! a simulated GPU. Each failure is an error of the call that needed it, or is made good; nothing runs twice or not at
//! all, and no memory stays behind.

use std::{env, process::Command};

use amdgpu_sim::injection::{Injection, walk};
use geobacter::{DeviceInfo, DeviceKind, Error, Graph, LaunchError, MemoryStatistics, prelude::*};

mod work;
use work::{add, mix};

/// What `HSA_STATUS_ERROR_OUT_OF_RESOURCES` is in `hsa.h`.
const OUT_OF_RESOURCES: u32 = 0x1008;
const LENGTH: usize = 200;

/// Tries again what failed; it must work then, for one call fails only. An error must not be a panic's.
fn twice<T>(failures: &mut u32, mut step: impl FnMut() -> Result<T, Error>) -> T {
    match step() {
        Ok(value) => value,
        Err(error) => {
            assert!(!matches!(error, Error::Launch(LaunchError::Panicked { .. })), "{error}");
            *failures += 1;
            step().unwrap_or_else(|again| panic!("once more: {again}; first: {error}"))
        }
    }
}

/// Waits for an event; work that has failed on its way is enqueued once more.
fn done(failures: &mut u32, mut enqueue: impl FnMut() -> Result<Event, Error>) {
    let event = twice(failures, &mut enqueue);
    if let Err(error) = event.wait() {
        assert!(!matches!(error, Error::Launch(LaunchError::Panicked { .. })), "{error}");
        *failures += 1;
        twice(failures, enqueue).wait().unwrap_or_else(|again| panic!("once more: {again}; first: {error}"));
    }
}

fn graph(device: &Device, y: &mut DeviceBuffer<u32>) -> Result<Graph, Error> {
    let mut graph = device.graph();
    add::record(&mut graph, .., 5, y)?;
    add::record(&mut graph, .., 6, y)?;
    graph.build()
}

/// Uses everything once; the results do not depend on what failed. How many calls have returned an error.
fn program(device: &Device) -> u32 {
    let failures = &mut 0;
    let elements: Vec<u32> = (0..LENGTH as u32).collect();
    let x = twice(failures, || device.upload(&elements));
    let mut y = twice(failures, || device.zeroed::<u32>(LENGTH));
    let pinned = twice(failures, || device.host_buffer(&elements));
    let streams = [0; 2].map(|_| twice(failures, || device.stream()));

    done(failures, || Ok(mix::enqueue(&streams[0], .., &x, &mut y)?));
    done(failures, || Ok(add::enqueue(&streams[1], .., 10, &mut y)?));
    twice(failures, || Ok(add::launch(device, .., 100, &mut y)?));
    assert_eq!(twice(failures, || y.download()), elements.iter().map(|x| x + 110).collect::<Vec<_>>());

    done(failures, || streams[0].copy(&*pinned, &mut *y));
    done(failures, || streams[1].fill(&mut *y.slice_mut(..50)?, 7));
    let looped = twice(failures, || graph(device, &mut y));
    done(failures, || looped.launch(&streams[0]));
    let mut copy = twice(failures, || device.zeroed::<u32>(LENGTH));
    twice(failures, || copy.copy_from(&y));
    let expected: Vec<u32> = elements.iter().map(|&x| if x < 50 { 18 } else { x + 11 }).collect();
    assert_eq!(twice(failures, || copy.download()), expected);
    *failures
}

fn is_amd(info: &DeviceInfo) -> bool {
    info.kind == DeviceKind::Simulator && info.isa.starts_with("gfx")
}

/// The simulated AMD GPU; where there is none, says so.
fn simulator() -> Option<Device> {
    let found = geobacter::devices().find(is_amd);
    if found.is_none() {
        eprintln!("skipped: run by plain cargo, so there is no simulated GPU; use `cargo geobacter test`");
    }
    found
}

#[test]
fn each_call_of_the_runtime_fails_once() {
    let Some(device) = simulator() else { return };
    // Code is loaded, and pools are filled as far as they get, before anything is counted.
    assert_eq!(program(&device), 0);
    let allocating: &[&[&str]] = &[
        &["hsa_amd_memory_pool_allocate", "hsa_signal_create", "hsa_queue_create", "hsa_amd_agents_allow_access"],
        &["hsa_amd_memory_async_copy", "hsa_memory_copy", "hsa_amd_memory_fill", "hsa_amd_signal_async_handler"],
        &["hsa_amd_agent_memory_pool_get_info", "hsa_agent_get_info"],
        &[amdgpu_sim::injection::COPY_ENGINE],
    ];
    for functions in allocating {
        let before = device.memory().statistics();
        let (mut told, mut most) = (0, 0);
        let injected = walk(functions, OUT_OF_RESOURCES, |_| {
            // What is kept would hide the driver's allocations.
            device.memory().trim();
            let failures = program(&device);
            told += u64::from(failures);
            most = most.max(failures);
            assert_eq!(work::settled(&device, before), (before.in_use, before.live), "{functions:?}");
        });
        let injected = injected.unwrap();
        println!("{functions:?}: {injected} calls failed, {told} of them were told, the others made good");
        assert!(told <= injected && most <= 1, "one failure is told once");
    }
}

/// What a program calls before it has pools of anything, and what makes them.
const WHEN_COLD: &[&str] = &[
    "hsa_init",
    "hsa_system_get_info",
    "hsa_iterate_agents",
    "hsa_amd_agent_iterate_memory_pools",
    "hsa_amd_memory_pool_get_info",
    "hsa_amd_memory_pool_allocate",
    "hsa_amd_agents_allow_access",
    "hsa_signal_create",
    "hsa_queue_create",
    "hsa_executable_create_alt",
    "hsa_code_object_reader_create_from_memory",
    "hsa_executable_load_agent_code_object",
    "hsa_executable_freeze",
    "hsa_executable_get_symbol_by_name",
    "hsa_executable_symbol_get_info",
    "hsa_amd_memory_fill",
    "hsa_memory_copy",
    "hsa_amd_memory_async_copy",
    "hsa_amd_signal_async_handler",
];

#[test]
fn each_call_of_a_program_that_has_just_started_fails_once() {
    if simulator().is_none() {
        return;
    }
    let (mut absent, mut told, mut made_good) = (0, 0, 0);
    for nth in 1.. {
        let output = Command::new(env::current_exe().unwrap())
            .args(["just_started", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env("TEST_FAIL_CALL", nth.to_string())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success() && text.contains("1 passed"), "call {nth}: {text}");
        match text.lines().find_map(|line| line.split("outcome: ").nth(1)) {
            Some("absent") => absent += 1,
            Some("told") => told += 1,
            Some("made good") => made_good += 1,
            Some("nothing failed") => break,
            other => panic!("call {nth}: {other:?}: {text}"),
        }
    }
    println!("{absent} failures cost the device, with a reason; {told} were told; {made_good} were made good");
    assert!(absent > 0 && told > 0);
}

#[test]
#[ignore = "for a process of its own; `each_call_of_a_program_that_has_just_started_fails_once` starts it"]
fn just_started() {
    let nth = env::var("TEST_FAIL_CALL").unwrap().parse().unwrap();
    let injection = Injection::new(WHEN_COLD, nth, OUT_OF_RESOURCES).unwrap();
    let devices = geobacter::devices();
    let device = devices.find(is_amd);
    let outcome = match device {
        None => {
            assert!(injection.happened() && devices.absent.iter().any(|absence| !absence.reason.is_empty()));
            "absent"
        }
        Some(device) => {
            let failures = program(&device);
            assert_eq!(work::settled(&device, MemoryStatistics::default()), (0, 0));
            match (injection.happened(), failures) {
                (false, _) => "nothing failed",
                (true, 0) => "made good",
                (true, _) => "told",
            }
        }
    };
    println!("outcome: {outcome}");
}
