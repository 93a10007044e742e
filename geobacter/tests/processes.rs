//! What a process does to devices: a small queue, and a forked child. The tests start this program again, with another
//! environment.

use std::{env, process::Command};

use geobacter::{Error, LaunchError};

mod work;
use work::add;

/// Runs a test of this file, which is otherwise ignored, in a process of its own.
fn in_a_process_of_its_own(test: &str, variables: &[(&str, &str)]) {
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_small_queue_makes_who_enqueues_wait_and_loses_nothing() {
    in_a_process_of_its_own("ten_thousand_launches", &[("GEOBACTER_QUEUE_SIZE", "64")]);
}

#[test]
#[ignore = "for a small queue; `a_small_queue_makes_who_enqueues_wait_and_loses_nothing` starts it"]
fn ten_thousand_launches() {
    for device in geobacter::devices().present {
        let (stream, other) = (device.stream().unwrap(), device.stream().unwrap());
        let mut y = device.zeroed(64).unwrap();
        let mut z = device.zeroed(64).unwrap();
        for launch in 0..10_000_u32 {
            add::enqueue(&stream, .., launch, &mut y).unwrap();
            if launch % 16 == 0 {
                add::enqueue(&other, .., 1, &mut z).unwrap();
                add::enqueue(&other, .., 1, &mut y).unwrap();
            }
        }
        assert_eq!(y.download().unwrap(), [(0..10_000).sum::<u32>() + 625; 64], "{}", device.id());
        assert_eq!(z.download().unwrap(), [625; 64]);
        // A graph that is longer than the queue.
        let mut graph = device.graph();
        for _ in 0..500 {
            add::record(&mut graph, .., 2, &mut z).unwrap();
        }
        let graph = graph.build().unwrap();
        (0..3).for_each(|_| drop(graph.launch(&stream).unwrap()));
        assert_eq!(z.download().unwrap(), [3625; 64]);
    }
}

#[test]
#[cfg(unix)]
fn a_forked_child_is_told_that_it_has_no_devices() {
    in_a_process_of_its_own("fork", &[]);
}

#[test]
#[cfg(unix)]
#[ignore = "forks; `a_forked_child_is_told_that_it_has_no_devices` starts it"]
fn fork() {
    let devices = geobacter::devices().present;
    let mut buffers: Vec<_> = devices.iter().map(|device| device.zeroed::<u32>(64).unwrap()).collect();
    let streams: Vec<_> = devices.iter().map(|device| device.stream().unwrap()).collect();
    for (stream, y) in streams.iter().zip(&mut buffers) {
        add::enqueue(stream, .., 1, y).unwrap();
    }
    // SAFETY: the child does nothing but what this test wants to see fail, and leaves.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let told = |text: String| text.contains("this process was forked");
        let mut all = true;
        for ((device, stream), y) in devices.iter().zip(&streams).zip(&mut buffers) {
            let launched: Result<(), LaunchError> = add::launch(device, .., 1, y);
            let enqueued = add::enqueue(stream, .., 1, y);
            let downloaded: Result<_, Error> = y.download();
            let allocated = device.zeroed::<u32>(1);
            all &= launched.is_err_and(|error| told(error.to_string()))
                && enqueued.is_err_and(|error| told(error.to_string()))
                && downloaded.is_err_and(|error| told(error.to_string()))
                && allocated.is_err_and(|error| told(error.to_string()));
        }
        // SAFETY: ends the child at once, without the parent's threads and exit handlers.
        unsafe { libc::_exit(if all { 0 } else { 1 }) };
    }
    assert!(child > 0);
    let mut status = 0;
    // SAFETY: the child is this process's, and the address that of a status.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child was told");
    // The parent goes on.
    for y in &buffers {
        assert_eq!(y.download().unwrap(), [1; 64]);
    }
}
