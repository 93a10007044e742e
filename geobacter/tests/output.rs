//! Kernels print: the same lines on every device.
#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use geobacter::{Device, DeviceKind, LaunchError, OutputLine, prelude::*};

/// A device has one handler: one test at a time has them.
fn devices() -> (MutexGuard<'static, ()>, Vec<Device>) {
    static TURN: Mutex<()> = Mutex::new(());
    (TURN.lock().unwrap_or_else(PoisonError::into_inner), geobacter::devices().present)
}

/// What a launch prints, sorted by item, and what it gives.
fn lines(device: &Device, launch: impl FnOnce() -> Result<(), LaunchError>) -> (Vec<OutputLine>, Option<LaunchError>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let to = lines.clone();
    device.on_output(move |line| to.lock().unwrap().push(line));
    let result = launch();
    device.on_output(|line| panic!("nobody waits for {line:?}"));
    let mut lines = std::mem::take(&mut *lines.lock().unwrap());
    // Lines of one item stay in their order.
    lines.sort_by_key(|line| (line.lost, line.group, line.item));
    (lines, result.err())
}

#[kernel(workgroup = [8, 2])]
fn tell(item: Item<2>, threshold: f32, x: In<f32>, y: Out<f32>) {
    let value = x[&item] * 2.0;
    y.set(&item, value);
    if value > threshold {
        let side = if item.x() < 8 { "left" } else { "right" };
        geobacter::println!(item, "{side:>6} {}: {value:.2} {:?} {:#x}", item.id(), value > 20.0, item.y());
        if item.y() == 0 {
            geobacter::println!(&item, "at the edge, {}", 'x');
        }
    }
    if value < 0.0 {
        geobacter::println!(item);
    }
}

#[test]
fn lines_are_the_same_on_every_device() {
    let (_turn, devices) = devices();
    for device in devices {
        let input: Vec<f32> = (0..48).map(|i| i as f32 / 3.0 - 0.1).collect();
        let (x, mut y) = (device.upload(&input).unwrap(), device.zeroed(48).unwrap());
        for threshold in [15.0, f32::INFINITY, 25.0] {
            let (lines, error) = lines(&device, || tell::launch(&device, [16, 3], threshold, &x, &mut y));
            assert!(error.is_none());
            let mut expected = Vec::new();
            for (id, x) in input.iter().enumerate() {
                let (column, row, value) = (id % 16, id / 16, x * 2.0);
                let group = [column as u32 / 8, row as u32 / 2, 0];
                let item = [column as u32 % 8, row as u32 % 2, 0];
                let mut tell = |text: String| expected.push((group, item, text));
                if value > threshold {
                    let side = if column < 8 { "left" } else { "right" };
                    tell(format!("{side:>6} {id}: {value:.2} {:?} {row:#x}", value > 20.0));
                    if row == 0 {
                        tell("at the edge, x".to_owned());
                    }
                }
                if value < 0.0 {
                    tell(String::new());
                }
            }
            expected.sort_by_key(|line| (line.0, line.1));
            let found: Vec<_> = lines.iter().map(|line| (line.group, line.item, line.text.clone())).collect();
            assert_eq!(found, expected, "{}", device.id());
            assert!(lines.iter().all(|line| line.kernel == "tell" && line.lost == 0));
        }
    }
}

#[kernel(workgroup = 64)]
fn tell_of_group(wg: Workgroup<1>, x: In<u32>, y: Out<u32>) {
    let sum = wg.reduce(0, |item| x[&item], |a, b| a + b);
    wg.once(|leader| geobacter::println!(leader, "group {} has {sum}", leader.group()[0]));
    wg.each(|item| {
        y.set(&item, sum);
        assert!(x[&item] != 99, "{} is too much", x[&item]);
    });
    wg.each_local(|item| {
        if item.in_grid().is_none() && item.local_x() == 63 {
            geobacter::println!(item, "beyond the edge: {}", item.local_x());
        }
    });
}

#[test]
fn a_group_prints_once_and_lines_before_a_panic_are_kept() {
    let (_turn, devices) = devices();
    for device in devices {
        let mut input: Vec<u32> = (0..90).map(|i| i % 7).collect();
        let mut y = device.zeroed(90).unwrap();
        let sums = [input[..64].iter().sum::<u32>(), input[64..].iter().sum()];
        let x = device.upload(&input).unwrap();
        let (lines_of_all, error) = lines(&device, || tell_of_group::launch(&device, 90, &x, &mut y));
        assert!(error.is_none(), "{error:?}");
        let texts: Vec<_> = lines_of_all.iter().map(|line| line.text.as_str()).collect();
        let [first, second] = [0, 1].map(|group| format!("group {group} has {}", sums[group]));
        assert_eq!(texts, [&*first, &*second, "beyond the edge: 63"], "{}", device.id());

        input[3] = 99;
        let x = device.upload(&input).unwrap();
        let (lines, error) = lines(&device, || tell_of_group::launch(&device, 90, &x, &mut y));
        let Some(LaunchError::Panicked { panic, .. }) = error else { panic!("{error:?}") };
        assert_eq!(panic.message, "99 is too much");
        assert_eq!(lines[0].text, format!("group 0 has {}", sums[0] + 99 - 3), "{}", device.id());
    }
}

#[kernel(workgroup = 256)]
fn tell_all(item: Item<1>, x: In<u32>, y: Out<u32>) {
    geobacter::println!(item, "{} {} {} {}", x[&item], item.x(), "and", x[&item] as f32);
    y.set(&item, 1);
}

#[test]
fn lines_that_find_no_room_are_counted() {
    let (_turn, devices) = devices();
    let count = 16_000;
    for device in devices {
        let (x, mut y) = (device.upload(&vec![5_u32; count]).unwrap(), device.zeroed(count).unwrap());
        // The second time in a buffer that was full.
        for _ in 0..2 {
            let (mut lines, error) = lines(&device, || tell_all::launch(&device, count, &x, &mut y));
            assert!(error.is_none(), "{error:?}");
            if device.info().kind == DeviceKind::Simulator {
                let last = lines.pop().unwrap();
                assert_eq!(last.lost, (count - lines.len()) as u64);
                let text = format!(
                    "... and {} lines more of kernel `tell_all` were lost; GEOBACTER_OUTPUT_BUFFER=bytes",
                    last.lost
                );
                assert_eq!(last.text, text);
                assert!(lines.len() > 1000, "{}", lines.len());
            } else {
                assert_eq!(lines.len(), count);
            }
            for line in &lines {
                let id = line.group[0] * 256 + line.item[0];
                assert_eq!(line.text, format!("5 {id} and 5"));
            }
            let mut ids: Vec<_> = lines.iter().map(|line| (line.group, line.item)).collect();
            ids.dedup();
            assert_eq!(ids.len(), lines.len(), "each item prints once");
        }
        assert!(y.download().unwrap().iter().all(|&y| y == 1), "a full buffer holds up nobody");
    }
}
