//! Memory, copies, fills, calls and graphs on the simulator: everything but kernels.

mod common;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use geobacter_runtime_core::{
    Device, Error, Rect,
    driver::{Driver, DriverError, MemoryKind},
};
use geobacter_runtime_cuda::{Gpu, Options};

const CONFIG: &str = "sm_90x2,sm_80;memory=256MiB";
const MEMORY: u64 = 256 << 20;

fn device(card: usize) -> Device {
    common::device(&common::cards(CONFIG)[card], &format!("sim:{card}"))
}

fn numbers(count: usize) -> Vec<u32> {
    (0..count as u32).map(|i| i.wrapping_mul(2_654_435_761)).collect()
}

#[test]
fn a_device_says_what_it_is() {
    let gpu = Gpu::open(&common::cards(CONFIG)[0], "sim:sm_90", Options::default()).unwrap();
    let info = gpu.info();
    assert_eq!((info.id.as_str(), info.isa.as_str(), info.wave_size), ("sim:sm_90", "sm_90", 32));
    assert_eq!((info.memory, info.max_workgroup, info.max_groups), (MEMORY, 1024, [0x7fff_ffff, 65535, 65535]));
    assert!(info.lds > 200 << 10 && info.compute_units > 100, "{info:?}");
    assert!(info.driver.starts_with("ptx-sim (CUDA "), "{}", info.driver);
    assert_eq!(gpu.code_target().unwrap().isa, "sm_90");
}

#[test]
fn memory_is_zero_bounded_and_limited() {
    let gpu = Gpu::open(&common::cards(CONFIG)[0], "gpu", Options::default()).unwrap();
    let kinds = [MemoryKind::Device, MemoryKind::DeviceFineGrained, MemoryKind::Host, MemoryKind::Unified];
    for (kind, size) in kinds.into_iter().flat_map(|kind| [1, 3, 4, 4096, 100_001].map(|size| (kind, size))) {
        let memory = gpu.allocate(size, kind).unwrap();
        assert_eq!((memory.size(), memory.address() % 256), (size, 0), "{kind}");
        assert_eq!(memory.host_address().is_some(), kind.is_host_visible());
        let mut bytes = vec![1; size as usize];
        memory.read(0, &mut bytes).unwrap();
        assert!(bytes.iter().all(|&byte| byte == 0), "{kind} {size}");
        memory.write(size - 1, &[9]).unwrap();
        memory.read(0, &mut bytes).unwrap();
        assert_eq!(bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>(), 9);
        assert_eq!(bytes[size as usize - 1], 9);
        memory.zero(0, size).unwrap();
        memory.read(0, &mut bytes).unwrap();
        assert!(bytes.iter().all(|&byte| byte == 0), "{kind} {size}");
        for (offset, length) in [(size, 1), (size - 1, 2), (u64::MAX, 2), (size + 1, 0)] {
            let message = memory.write(offset, &vec![0; length]).unwrap_err().to_string();
            assert!(message.contains(&format!("which has {size} bytes")), "{message}");
            memory.read(offset, &mut vec![0; length]).unwrap_err();
        }
    }
    let empty = gpu.allocate(0, MemoryKind::Device).unwrap();
    assert_eq!((empty.size(), empty.address() % 256), (0, 0));
    assert_ne!(empty.address(), 0);
    empty.write(0, &[]).unwrap();
    empty.write(0, &[1]).unwrap_err();
    for bytes in [u64::MAX, 1 << 60, MEMORY + 1] {
        let error = gpu.allocate(bytes, MemoryKind::Device).map(drop);
        let Err(DriverError::OutOfMemory(memory)) = error else { panic!("{bytes}: {error:?}") };
        assert_eq!((memory.requested, memory.total), (bytes, MEMORY));
    }
}

#[test]
fn a_program_that_takes_too_much_is_told_so_and_goes_on() {
    let device = device(2);
    let held: Vec<_> = (0..3).map(|_| device.zeroed::<u8>(64 << 20).unwrap()).collect();
    let Err(Error::OutOfMemory { device: name, memory }) = device.zeroed::<u8>(100 << 20) else {
        panic!("there is not so much")
    };
    assert_eq!((name.as_str(), memory.requested, memory.in_use), ("sim:2", 100 << 20, 192 << 20));
    drop(held);
    drop(device.zeroed::<u8>(200 << 20).unwrap());
}

#[test]
fn large_copies_come_through_whole() {
    // More than all of the pinned memory that they go through, several times, and no multiple of it.
    let elements = numbers(3_000_001);
    let device = device(0);
    let buffer = device.upload(&elements).unwrap();
    assert!(buffer.download().unwrap() == elements);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(buffer.download().unwrap() == elements));
        }
    });
}

#[test]
fn copies_go_between_all_devices_and_kinds_of_memory() {
    let (one, two) = (device(0), device(1));
    let elements = numbers(10_000);
    let source = one.upload(&elements).unwrap();
    let stream = one.stream().unwrap();
    let mut on_two = two.zeroed(10_000).unwrap();
    let mut pinned = one.zeroed_host_buffer(10_000).unwrap();
    let mut unified = one.zeroed_in(10_000, MemoryKind::Unified).unwrap();
    stream.copy(&source, &mut on_two).unwrap();
    stream.copy(&on_two, &mut pinned).unwrap();
    stream.copy(&pinned, &mut unified).unwrap();
    stream.wait().unwrap();
    assert!(unified.download().unwrap() == elements && on_two.download().unwrap() == elements);
    // Rows of 7 out of rows of 100, into rows of 50.
    let rows = |source: &[u32], destination: &mut [u32]| {
        for row in 0..90 {
            destination[13 + 50 * row..][..7].copy_from_slice(&source[5 + 100 * row..][..7]);
        }
    };
    let (from, to) = (Rect { start: 5, pitch: 100 }, Rect { start: 13, pitch: 50 });
    let mut expected = vec![0; 10_000];
    rows(&elements, &mut expected);
    for target in [&one, &two] {
        let mut destination = target.zeroed(10_000).unwrap();
        stream.copy_rect((&source, from), (&mut destination, to), [7, 90]).unwrap();
        assert!(destination.download().unwrap() == expected, "{target:?}");
    }
}

#[test]
fn fills_of_elements_of_any_size() {
    let device = device(0);
    let stream = device.stream().unwrap();
    let mut bytes = device.upload(&[7_u8; 1001]).unwrap();
    stream.fill(&mut bytes.slice_mut(1..1000).unwrap(), 3).unwrap();
    assert_eq!(bytes.download().unwrap(), [&[7][..], &[3; 999], &[7]].concat());
    let mut shorts = device.zeroed::<u16>(77).unwrap();
    stream.fill(&mut shorts.slice_mut(1..77).unwrap(), 0x1234).unwrap();
    assert_eq!(shorts.download().unwrap(), [&[0][..], &[0x1234; 76]].concat());
    let mut words = device.zeroed::<f32>(77).unwrap();
    stream.fill(&mut words, 1.5).unwrap();
    assert_eq!(words.download().unwrap(), [1.5; 77]);
    let mut doubles = device.zeroed::<f64>(5000).unwrap();
    stream.fill(&mut doubles.slice_mut(10..4990).unwrap(), 1e300).unwrap();
    assert_eq!(doubles.download().unwrap(), [vec![0.0; 10], vec![1e300; 4980], vec![0.0; 10]].concat());
    let mut wide = device.zeroed::<[u32; 3]>(999).unwrap();
    stream.fill(&mut wide, [1, 2, 3]).unwrap();
    assert_eq!(wide.download().unwrap(), vec![[1, 2, 3]; 999]);
    stream.wait().unwrap();
}

#[test]
fn calls_and_the_devices_work_are_in_order() {
    let device = device(0);
    let stream = device.stream().unwrap();
    let mut buffer = device.zeroed::<u32>(1 << 16).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for round in 0..20_u32 {
        stream.fill(&mut buffer, round).unwrap();
        let download = stream.download(&buffer).unwrap();
        let seen = Arc::clone(&seen);
        stream.call(move || seen.lock().unwrap().push(round)).unwrap();
        if round % 3 == 0 {
            stream.upload(vec![100 + round; 1 << 16], &mut buffer).unwrap();
            assert!(stream.download(&buffer).unwrap().wait().unwrap().iter().all(|&element| element == 100 + round));
        }
        assert!(download.wait().unwrap().iter().all(|&element| element == round), "round {round}");
    }
    stream.wait().unwrap();
    assert_eq!(*seen.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[test]
fn streams_wait_for_what_they_need_and_for_nothing_else() {
    let device = device(0);
    let (one, two) = (device.stream().unwrap(), device.stream().unwrap());
    let (open, gate) = mpsc::channel::<()>();
    let mut buffer = device.upload(&[1_u32; 100]).unwrap();
    let blocked = one.call(move || gate.recv().unwrap()).unwrap();
    // Behind the call, and not begun before it has ended.
    one.fill(&mut buffer, 2).unwrap();
    let mut copy = device.zeroed::<u32>(100).unwrap();
    let copied = two.copy(&buffer, &mut copy).unwrap();
    thread::sleep(Duration::from_millis(50));
    assert!(!blocked.is_done() && !copied.is_done());
    // Another stream is not held up.
    let three = device.stream().unwrap();
    three.fill(&mut device.zeroed::<u32>(100).unwrap(), 3).unwrap().wait().unwrap();
    open.send(()).unwrap();
    copied.wait().unwrap();
    assert_eq!(copy.download().unwrap(), [2; 100]);
}

#[test]
fn who_asks_is_told_of_the_end_of_work() {
    let device = device(0);
    let (send, told) = mpsc::channel();
    let mut events = Vec::new();
    let (open, gate) = mpsc::channel::<()>();
    let held = device.stream().unwrap();
    held.call(move || gate.recv().unwrap()).unwrap();
    for index in 0..4 {
        let stream = device.stream().unwrap();
        for round in 0..10 {
            let mut buffer = device.zeroed::<u64>(1000).unwrap();
            events.push((index * 10 + round, stream.fill(&mut buffer, 5).unwrap()));
        }
    }
    // Those that come later in a stream first, which must not hold up the others.
    let held_event = held.marker().unwrap();
    for (number, event) in events.iter().rev().chain([&(1000, held_event)]) {
        let (send, number) = (send.clone(), *number);
        event.on_done(move |outcome| send.send((number, outcome.is_ok())).unwrap());
    }
    let mut numbers: Vec<_> = (0..40).map(|_| told.recv_timeout(Duration::from_secs(20)).unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..40).map(|number| (number, true)).collect::<Vec<_>>());
    told.try_recv().unwrap_err();
    open.send(()).unwrap();
    assert_eq!(told.recv_timeout(Duration::from_secs(20)).unwrap(), (1000, true));
}

#[test]
fn many_threads_share_a_device() {
    let device = device(0);
    let total = AtomicUsize::new(0);
    thread::scope(|scope| {
        for worker in 0..6_u32 {
            let (device, total) = (&device, &total);
            scope.spawn(move || {
                let stream = device.stream().unwrap();
                for round in 0..20 {
                    let mut buffer = device.zeroed::<u32>(1000).unwrap();
                    stream.fill(&mut buffer, worker * 100 + round).unwrap();
                    let elements = stream.download(&buffer).unwrap().wait().unwrap();
                    total.fetch_add(usize::from(elements == [worker * 100 + round; 1000]), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(total.into_inner(), 120);
}

#[test]
fn a_graph_does_its_steps_in_order_each_time() {
    let (device, other) = (device(0), device(1));
    let stream = device.stream().unwrap();
    let mut a = device.zeroed::<u64>(3000).unwrap();
    let mut b = device.zeroed::<u64>(3000).unwrap();
    let mut on_other = other.zeroed::<u64>(3000).unwrap();
    let mut graph = device.graph();
    graph.fill(&mut a, 0x0102_0304_0506_0708);
    graph.copy(&a, &mut b).unwrap();
    // What no context of the device reaches stands between parts.
    graph.copy(&b, &mut on_other).unwrap();
    graph.fill(&mut a, 7);
    let graph = graph.build().unwrap();
    for round in 0..3 {
        stream.fill(&mut b, round).unwrap();
        let event = graph.launch(&stream).unwrap();
        graph.launch(&stream).unwrap();
        event.wait().unwrap();
        stream.wait().unwrap();
        assert_eq!(a.download().unwrap(), [7; 3000]);
        assert_eq!(b.download().unwrap(), [0x0102_0304_0506_0708; 3000]);
        assert_eq!(on_other.download().unwrap(), [0x0102_0304_0506_0708; 3000]);
    }
    device.graph().build().unwrap().launch(&stream).unwrap().wait().unwrap();
}

#[test]
fn work_says_when_it_ran_if_that_is_asked_for() {
    let mut options = Options::default();
    options.profile = true;
    let gpu = Gpu::open(&common::cards(CONFIG)[0], "timed", options).unwrap();
    let device = Device::new(Arc::new(gpu));
    let stream = device.stream().unwrap();
    let mut buffer = device.zeroed::<u32>(1 << 20).unwrap();
    let before = Instant::now();
    let events: Vec<_> = (0..3).map(|round| stream.fill(&mut buffer, round).unwrap()).collect();
    stream.wait().unwrap();
    let after = Instant::now();
    let slack = Duration::from_millis(5);
    let profiles: Vec<_> = events.iter().map(|event| event.profile().unwrap()).collect();
    for profile in &profiles {
        assert!(profile.start <= profile.end, "{profile:?}");
        assert!(profile.start + slack >= before && profile.end <= after + slack, "{profile:?} {before:?} {after:?}");
    }
    assert!(profiles.windows(2).all(|pair| pair[0].end <= pair[1].start + slack));
    let device = self::device(0);
    let stream = device.stream().unwrap();
    let event = stream.fill(&mut device.zeroed::<u32>(10).unwrap(), 1).unwrap();
    event.wait().unwrap();
    assert_eq!(event.profile(), None, "nobody asked");
}

#[test]
fn peers_are_reached_when_that_is_asked_for() {
    let gpu = |card: usize| Gpu::open(&common::cards(CONFIG)[card], "peer", Options::default()).unwrap();
    let (one, two) = (gpu(0), gpu(1));
    let memory = two.allocate(100, MemoryKind::Device).unwrap();
    assert!(!one.reaches(&*memory));
    one.enable_peer_access(&two).unwrap();
    one.enable_peer_access(&two).unwrap();
    assert!(one.reaches(&*memory) && !two.reaches(&*one.allocate(100, MemoryKind::Device).unwrap()));
    for kind in [MemoryKind::Host, MemoryKind::Unified] {
        assert!(two.reaches(&*one.allocate(100, kind).unwrap()), "{kind}");
    }
}
