//! Streams, events and graphs: work in flight, on every device.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use geobacter::{Error, LaunchError, Rect, prelude::*};

mod work;
use work::{add, mix, slow};

fn devices() -> Vec<Device> {
    geobacter::devices().present
}

#[kernel(workgroup = 64)]
fn picky(item: Item<1>, limit: u32, y: InOut<u32>) {
    let value = y.get(&item);
    assert!(value < limit, "too large");
    y.set(&item, value + 1);
}

fn slow_model(rounds: u32, value: u32) -> u32 {
    (0..rounds).fold(value, |value, round| (value ^ round).wrapping_mul(0x9e37_79b9).rotate_left(7))
}

#[test]
fn what_is_enqueued_runs_in_order_and_a_download_waits_for_it() {
    for device in devices() {
        let stream = device.stream().unwrap();
        let x = device.upload(&[1_u32; 100]).unwrap();
        let mut y = device.zeroed(100).unwrap();
        let mut expected = 0_u32;
        for by in 0..50 {
            mix::enqueue(&stream, 100, &x, &mut y).unwrap();
            add::enqueue(&stream, .., by, &mut y).unwrap();
            expected = expected.wrapping_mul(3).wrapping_add(1).wrapping_add(by);
        }
        assert_eq!(y.download().unwrap(), [expected; 100], "{}", device.id());
        stream.wait().unwrap();
        assert!(stream.is_idle());
    }
}

#[test]
fn streams_wait_for_each_other_where_they_touch_the_same_memory() {
    for device in devices() {
        let rounds = if device.id() == "host" { 400_000 } else { 300 };
        let (first, second) = (device.stream().unwrap(), device.stream().unwrap());
        let mut y = device.zeroed(64).unwrap();
        let mut z = device.zeroed(64).unwrap();
        // Read after write, write after read, write after write.
        slow::enqueue(&first, .., rounds, &mut y).unwrap();
        mix::enqueue(&second, .., &y, &mut z).unwrap();
        add::enqueue(&first, .., 1, &mut y).unwrap();
        slow::enqueue(&second, .., rounds, &mut y).unwrap();
        first.fill(&mut z.slice_mut(..32).unwrap(), 5).unwrap();
        let after = slow_model(rounds, 0);
        assert_eq!(z.download().unwrap(), [[5; 32], [after; 32]].concat(), "{}", device.id());
        assert_eq!(y.download().unwrap(), [slow_model(rounds, after.wrapping_add(1)); 64]);
    }
}

#[test]
fn parts_of_a_buffer_are_worked_on_at_the_same_time() {
    for device in devices() {
        let streams = [device.stream().unwrap(), device.stream().unwrap()];
        let mut y = device.zeroed(128).unwrap();
        {
            let (mut left, mut right) = y.split_at_mut(64).unwrap();
            add::enqueue(&streams[0], .., 1, &mut left).unwrap();
            add::enqueue(&streams[1], .., 2, &mut right).unwrap();
            add::launch(&device, .., 10, &mut left.slice_mut(..16).unwrap()).unwrap();
        }
        assert_eq!(y.slice(60..68).unwrap().download().unwrap(), [1, 1, 1, 1, 2, 2, 2, 2]);
        assert_eq!(y.slice(14..18).unwrap().download().unwrap(), [11, 11, 1, 1]);
        assert!(matches!(y.slice(3..200), Err(Error::Range { start: 3, end: 200, length: 128, .. })));
        assert!(matches!(y.slice_mut(5..=127), Ok(view) if view.len() == 123));
    }
}

struct Flag(mpsc::Sender<()>);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let (sender, receiver) = mpsc::channel();
    let waker = Waker::from(Arc::new(Flag(sender)));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => receiver.recv_timeout(Duration::from_secs(60)).expect("the waker is called"),
        }
    }
}

#[test]
fn an_event_can_be_waited_for_polled_awaited_and_called_back() {
    for device in devices() {
        let rounds = if device.id() == "host" { 1_000_000 } else { 2_000 };
        let stream = device.stream().unwrap();
        let mut y = device.zeroed(64).unwrap();
        let event = slow::enqueue(&stream, .., rounds, &mut y).unwrap();
        let (sender, receiver) = mpsc::channel();
        let told = sender.clone();
        event.on_done(move |outcome| told.send(outcome.is_ok()).unwrap());
        block_on(event.clone()).unwrap();
        assert!(event.is_done());
        event.wait().unwrap();
        assert!(receiver.recv_timeout(Duration::from_secs(60)).unwrap());
        event.on_done(move |outcome| sender.send(outcome.is_ok()).unwrap());
        assert!(receiver.recv_timeout(Duration::from_secs(60)).unwrap(), "called at once if it is done");

        slow::enqueue(&stream, .., rounds, &mut y).unwrap();
        let twice = slow_model(rounds, slow_model(rounds, 0));
        assert_eq!(block_on(stream.download(&y).unwrap()).unwrap(), [twice; 64]);
    }
}

#[test]
fn calls_run_in_the_streams_order() {
    for device in devices() {
        let (stream, other) = (device.stream().unwrap(), device.stream().unwrap());
        let seen = Arc::new(AtomicU32::new(0));
        let mut y = device.zeroed(64).unwrap();
        let rounds = if device.id() == "host" { 400_000 } else { 300 };
        let launched = slow::enqueue(&stream, .., rounds, &mut y).unwrap();
        let (note, order) = (Arc::clone(&seen), launched.clone());
        let called = stream
            .call(move || {
                assert!(order.is_done());
                note.store(1, Ordering::SeqCst);
            })
            .unwrap();
        // Another stream, ordered by hand.
        other.wait_for(&called);
        let note = Arc::clone(&seen);
        other.call(move || assert_eq!(note.swap(2, Ordering::SeqCst), 1)).unwrap();
        other.wait().unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), 2);

        let error = stream.call(|| panic!("of {}", 42)).unwrap().wait().unwrap_err();
        assert!(error.to_string().ends_with("a call panicked: of 42"), "{error}");
        assert!(matches!(error, Error::Transfer { .. }));
        add::enqueue(&stream, .., 1, &mut y).unwrap().wait().unwrap();
    }
}

#[test]
fn a_failure_is_told_once_and_to_those_who_need_what_was_not_written() {
    for device in devices() {
        let (stream, other) = (device.stream().unwrap(), device.stream().unwrap());
        let mut y = device.upload(&[5_u32; 64]).unwrap();
        let mut z = device.zeroed(64).unwrap();
        let failed = picky::enqueue(&stream, .., 3, &mut y).unwrap();
        let dependent = mix::enqueue(&other, .., &y, &mut z).unwrap();
        let innocent = add::enqueue(&stream, .., 1, &mut device.zeroed(64).unwrap()).unwrap();
        innocent.wait().unwrap();
        let error = failed.wait().unwrap_err();
        let Error::Launch(LaunchError::Panicked { kernel: "picky", panic, .. }) = &error else {
            panic!("{error}");
        };
        assert!(panic.message.starts_with("too large"), "{error}");
        assert_eq!(failed.wait().unwrap_err().to_string(), error.to_string(), "as often as one asks");
        let error = dependent.wait().unwrap_err();
        let Error::Dependency { what, cause: Some(cause), .. } = &error else { panic!("{error}") };
        assert_eq!(what, "kernel `mix`");
        assert!(matches!(**cause, Error::Launch(LaunchError::Panicked { .. })), "{error}");
        // All have been told: the buffers can be used.
        y.download().unwrap();
        z.download().unwrap();
        stream.wait().unwrap();

        // Nobody asks the event: the next one who needs the buffer hears of it, once.
        y.upload(&[5; 64]).unwrap();
        picky::enqueue(&stream, .., 3, &mut y).unwrap();
        let error = add::launch(&device, .., 1, &mut y).unwrap_err();
        assert!(matches!(error, LaunchError::Dependency { kernel: "add", .. }), "{error}");
        add::launch(&device, .., 1, &mut y).unwrap();
        picky::enqueue(&stream, .., 3, &mut y).unwrap();
        assert!(matches!(y.download(), Err(Error::Launch(LaunchError::Panicked { .. }))));
        y.download().unwrap();
        picky::enqueue(&stream, .., 3, &mut y).unwrap();
        assert!(matches!(stream.wait(), Err(Error::Launch(LaunchError::Panicked { .. }))));
        stream.wait().unwrap();
        // What overwrites everything needs nothing of it.
        picky::enqueue(&stream, .., 3, &mut y).unwrap();
        y.upload(&[1; 64]).unwrap();
        assert_eq!(y.download().unwrap(), [1; 64]);
    }
}

#[test]
fn copies_go_between_all_devices_and_leave_the_rest_alone() {
    let devices = devices();
    for from in &devices {
        for to in &devices {
            let source: Vec<u16> = (0..1000).collect();
            let x = from.upload(&source).unwrap();
            let mut y = to.upload(&[7_u16; 1000]).unwrap();
            let stream = to.stream().unwrap();
            stream.copy(&*x.slice(10..110).unwrap(), &mut *y.slice_mut(501..601).unwrap()).unwrap();
            let mut expected = vec![7; 1000];
            expected[501..601].copy_from_slice(&source[10..110]);
            assert_eq!(y.download().unwrap(), expected, "{} to {}", from.id(), to.id());

            // A tile of 3 rows and 5 columns, from a matrix of 40 columns to one of 9.
            let size = [5, 3];
            let places = (Rect { start: 83, pitch: 40 }, Rect { start: 1, pitch: 9 });
            from.stream().unwrap().copy_rect((&*x, places.0), (&mut *y, places.1), size).unwrap();
            for row in 0..3 {
                expected[1 + 9 * row..][..5].copy_from_slice(&source[83 + 40 * row..][..5]);
            }
            assert_eq!(y.download().unwrap(), expected, "{} to {}", from.id(), to.id());
            let error = stream.copy_rect((&*x, Rect { start: 990, pitch: 40 }), (&mut *y, places.1), size).unwrap_err();
            assert!(matches!(error, Error::Rect { columns: 5, rows: 3, start: 990, pitch: 40, length: 1000, .. }));
            let error = stream.copy(&*x, &mut *y.slice_mut(..3).unwrap()).unwrap_err();
            assert!(matches!(error, Error::Length { expected: 3, found: 1000, .. }), "{error}");

            let mut z = to.zeroed::<u16>(1000).unwrap();
            z.copy_from(&x).unwrap();
            z.slice_mut(2..9).unwrap().fill(0x1234).unwrap();
            let mut expected = source.clone();
            expected[2..9].fill(0x1234);
            assert_eq!(z.download().unwrap(), expected);
        }
    }
}

#[test]
fn the_host_reads_and_writes_pinned_memory_where_it_is() {
    for device in devices() {
        let stream = device.stream().unwrap();
        let mut pinned = device.host_buffer(&[1_u32, 2, 3, 4]).unwrap();
        let mut local = device.zeroed(4).unwrap();
        stream.copy(&*pinned, &mut *local).unwrap();
        add::enqueue(&stream, .., 10, &mut local).unwrap();
        add::enqueue(&stream, .., 1, &mut pinned).unwrap();
        assert_eq!(*pinned.read().unwrap(), [2, 3, 4, 5]);
        pinned.write().unwrap()[2] = 100;
        mix::enqueue(&stream, .., &pinned, &mut local).unwrap();
        stream.copy(&*local, &mut *pinned).unwrap();
        assert_eq!(*pinned.read().unwrap(), [35, 39, 139, 47], "{}", device.id());
    }
}

#[test]
fn vectors_grow_and_boxes_hold() {
    for device in devices() {
        let mut vector = device.vec::<u32>(0).unwrap();
        for part in 0..10 {
            vector.extend_from_slice(&[part; 7]).unwrap();
        }
        add::launch(&device, .., 5, &mut vector).unwrap();
        vector.push(1).unwrap();
        vector.resize(73, 2).unwrap();
        let mut expected: Vec<u32> = (0..10).flat_map(|part| [part + 5; 7]).collect();
        expected.extend([1, 2, 2]);
        assert_eq!(vector.download().unwrap(), expected);
        assert!(vector.capacity() >= 73);
        vector.truncate(3);
        assert_eq!((vector.download().unwrap(), vector.len()), (vec![5; 3], 3));
        let mut one = device.boxed(41).unwrap();
        add::launch(&device, 1, 1, &mut one).unwrap();
        assert_eq!(one.get().unwrap(), 42);
    }
}

#[test]
fn a_graph_runs_what_was_recorded_each_time() {
    for device in devices() {
        let stream = device.stream().unwrap();
        let x = device.upload(&[1_u32; 64]).unwrap();
        let mut y = device.zeroed::<u32>(64).unwrap();
        let mut z = device.zeroed::<u32>(64).unwrap();
        let mut graph = device.graph();
        mix::record(&mut graph, .., &x, &mut y).unwrap();
        add::record(&mut graph, .., 2, &mut y).unwrap();
        graph.copy(&*y, &mut *z).unwrap();
        graph.fill(&mut *z.slice_mut(..8).unwrap(), 9);
        add::record(&mut graph, .., 1, &mut z).unwrap();
        let graph = graph.build().unwrap();
        assert_eq!(graph.len(), 5);
        assert_eq!(y.download().unwrap(), [0; 64], "recording runs nothing");
        let mut value = 0_u32;
        for _ in 0..20 {
            graph.launch(&stream).unwrap();
            value = value.wrapping_mul(3).wrapping_add(3);
        }
        assert_eq!(z.slice(6..10).unwrap().download().unwrap(), [10, 10, value + 1, value + 1], "{}", device.id());
        // What happens to the buffers in between counts.
        y.upload(&[100; 64]).unwrap();
        let event = graph.launch(&device.stream().unwrap()).unwrap();
        event.wait().unwrap();
        assert_eq!(y.download().unwrap(), [303; 64]);
    }
}

#[test]
fn a_graph_names_the_step_that_failed_and_can_be_launched_again() {
    for device in devices() {
        let stream = device.stream().unwrap();
        let mut y = device.upload(&[0_u32; 64]).unwrap();
        let mut graph = device.graph();
        add::record(&mut graph, .., 1, &mut y).unwrap();
        picky::record(&mut graph, .., 5, &mut y).unwrap();
        let graph = graph.build().unwrap();
        graph.launch(&stream).unwrap().wait().unwrap();
        graph.launch(&stream).unwrap().wait().unwrap();
        let error = graph.launch(&stream).unwrap().wait().unwrap_err();
        assert!(matches!(error, Error::Launch(LaunchError::Panicked { kernel: "picky", .. })), "{error}");
        y.upload(&[0; 64]).unwrap();
        graph.launch(&stream).unwrap().wait().unwrap();
        assert_eq!(y.download().unwrap(), [2; 64]);
    }
}

#[test]
fn a_graph_does_not_disturb_the_host_and_belongs_to_its_device() {
    let devices = devices();
    for device in &devices {
        let stream = device.stream().unwrap();
        let mut pinned = device.host_buffer(&[1_u32; 64]).unwrap();
        let mut graph = device.graph();
        add::record(&mut graph, .., 1, &mut pinned).unwrap();
        let graph = graph.build().unwrap();
        {
            let view = pinned.read().unwrap();
            let error = graph.launch(&stream).unwrap_err();
            assert!(matches!(error, Error::HostUses { .. }), "{error}");
            assert_eq!(view[0], 1);
        }
        graph.launch(&stream).unwrap();
        assert_eq!(pinned.read().unwrap()[63], 2);
        for other in devices.iter().filter(|other| *other != device) {
            let error = graph.launch(&other.stream().unwrap()).unwrap_err();
            assert!(matches!(error, Error::ForeignStream { .. }), "{error}");
        }
    }
}
