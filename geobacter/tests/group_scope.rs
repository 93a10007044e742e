//! Group scope on every device: private values, `once`, barriers and atomics against plain loops.
#![forbid(unsafe_code)]

use geobacter::{atomic::scope, prelude::*};

/// Each group's number of items in the grid, counted by its items.
#[kernel(workgroup = [8, 4])]
fn counted(wg: Workgroup<2>, counts: Atomics<u32>, order: Atomics<u32, scope::System>, rounds: u32, out: Out<u32>) {
    let group = wg.group_index();
    let kept = wg.private_with(|item| item.local_index() as u32);
    let mut total = 0;
    for round in 0..rounds {
        let first = wg.once(|leader| {
            order.at(group).fetch_add(&leader, 1);
            (leader.x() as u32, round)
        });
        // Uniform: all items of a group take the same way.
        if first.1.is_multiple_of(2) {
            total += first.0;
        }
        wg.each(|item| {
            counts.at(group).fetch_add(&item, 1);
        });
        wg.each_local(|mut item| *kept.at(&mut item) += round);
    }
    wg.each(|item| out.set(&item, kept.get(&item) * 1000 + total));
}

#[test]
fn values_live_across_visits_of_item_scope() {
    for device in geobacter::devices().present {
        for (width, height) in [(1, 1), (8, 4), (9, 5), (100, 3), (7, 41)] {
            let (across, down) = ((width as u32).div_ceil(8), (height as u32).div_ceil(4));
            let groups = (across * down) as usize;
            let rounds = 5;
            let mut counts = device.zeroed::<u32>(groups).unwrap();
            let mut order = device.zeroed::<u32>(groups).unwrap();
            let mut out = device.zeroed::<u32>(width * height).unwrap();
            counted::launch(&device, [width, height], &mut counts, &mut order, rounds, &mut out).unwrap();

            let (counts, order, out) = (counts.download().unwrap(), order.download().unwrap(), out.download().unwrap());
            assert!(order.iter().all(|&n| n == rounds), "{}: {order:?}", device.id());
            for y in 0..height {
                for x in 0..width {
                    let local = (x % 8 + 8 * (y % 4)) as u32;
                    let expected = (local + (0..rounds).sum::<u32>()) * 1000 + 3 * (x as u32 / 8 * 8);
                    assert_eq!(out[y * width + x], expected, "{}: ({x}, {y}) of {width} x {height}", device.id());
                }
            }
            for (group, &count) in counts.iter().enumerate() {
                let (gx, gy) = (group as u32 % across, group as u32 / across);
                let inside = 8.min(width as u32 - gx * 8) * 4.min(height as u32 - gy * 4);
                assert_eq!(count, inside * rounds, "{}: group {group} of {width} x {height}", device.id());
            }
        }
    }
}

/// Values of which one has no bytes, made and given back in an order of their own.
#[kernel(workgroup = 4)]
fn values_without_bytes(wg: Workgroup<1>, out: Out<u32>) {
    let nothing = wg.private(());
    let a = wg.private(1);
    drop(nothing);
    let b = wg.private(2);
    wg.each(|item| out.set(&item, a.get(&item) * 10 + b.get(&item)));
}

#[test]
fn a_value_without_bytes_takes_no_other_away() {
    for device in geobacter::devices().present {
        let mut out = device.zeroed(9).unwrap();
        values_without_bytes::launch(&device, 9, &mut out).unwrap();
        assert_eq!(out.download().unwrap(), [12; 9], "{device:?}");
    }
}

/// Values without a size, and handles that go in another order than they came.
#[kernel(workgroup = 8)]
fn private_values(wg: Workgroup<1>, counts: Atomics<u32>, y: Out<u64>) {
    let nothing = wg.private(());
    let kept = wg.private_with(|item| item.local_x() as u64);
    drop(nothing);
    let later = wg.private(1000_u64);
    let count = counts.at(wg.group_index());
    wg.each(|mut item| {
        *later.at(&mut item) += 1;
        count.fetch_add(&item, 1);
    });
    wg.each(|item| y.set(&item, kept.get(&item) + later.get(&item)));
}

#[test]
fn no_private_value_is_in_the_place_of_another() {
    for device in geobacter::devices().present {
        let mut counts = device.zeroed::<u32>(2).unwrap();
        let mut y = device.zeroed::<u64>(13).unwrap();
        private_values::launch(&device, 13, &mut counts, &mut y).unwrap();
        let expected: Vec<u64> = (0..13).map(|i| i % 8 + 1001).collect();
        assert_eq!(y.download().unwrap(), expected, "{}", device.id());
        assert_eq!(counts.download().unwrap(), [8, 5], "{}", device.id());
    }
}

/// Ways to give the group a value of a type that not every byte is one of.
#[derive(Clone, Copy, Debug, KernelArg)]
#[repr(u8)]
enum Shared {
    Fill,
    FillWith,
    FillTogether,
    Once,
}

/// The items `panicking`, from the first to the last, panic before their part of the value is there. `reached` counts the items of each
/// group that get behind it.
#[kernel(workgroup = 96)]
fn incomplete(
    wg: Workgroup<1>,
    way: Shared,
    panicking: [usize; 2],
    #[workgroup_shared] letters: Lds<[char; 96]>,
    #[workgroup_shared] others: Lds<[Option<u32>; 96]>,
    #[workgroup_shared] flags: Lds<[[bool; 50]; 3]>,
    reached: Atomics<u32>,
) {
    let check = |x: usize| assert!(x < panicking[0] || x > panicking[1], "an item that panics");
    let origin = wg.origin()[0];
    match way {
        Shared::Fill => {
            let letters = letters.fill(&wg, |item| {
                check(item.x());
                'a'
            });
            assert!(letters.iter().all(|&letter| letter == 'a'));
        }
        Shared::FillWith => {
            let flags = flags.fill_with(&wg, |[y, x]| {
                check(origin + (y * 50 + x) % 96);
                true
            });
            assert!(flags.iter().flatten().all(|&flag| flag));
        }
        Shared::FillTogether => {
            let (letters, others) = (&mut letters, &mut others).fill(&wg, |item| {
                check(item.x());
                ('b', Some(7))
            });
            assert!(letters.iter().all(|&letter| letter == 'b') && others.iter().all(|&other| other == Some(7)));
        }
        Shared::Once => {
            let found = wg.once(|leader| {
                check(leader.x());
                Some(leader.x() as u32)
            });
            assert_eq!(found, Some(origin as u32));
        }
    }
    let group = wg.group_index();
    wg.each(|item| {
        reached.at(group).fetch_add(&item, 1);
    });
}

#[test]
fn nobody_sees_a_value_that_a_panic_kept_from_being_written() {
    for device in geobacter::devices().present {
        for way in [Shared::Fill, Shared::FillWith, Shared::FillTogether, Shared::Once] {
            // Of the first group: one item, or all of a wave of 64, of one of 32, of the group.
            for (first, last) in [(0, 0), (40, 40), (95, 95), (0, 63), (64, 95), (0, 95)] {
                let is_met = !matches!(way, Shared::Once) || first == 0;
                let mut reached = device.zeroed::<u32>(2).unwrap();
                let result = incomplete::launch(&device, 100, way, [first, last], &mut reached);
                let at = format!("{way:?} {first} to {last} on {}: {result:?}", device.id());
                let reached = reached.download().unwrap();
                if is_met {
                    let Err(geobacter::LaunchError::Panicked { panic, .. }) = result else { panic!("{at}") };
                    assert_eq!(panic.message, "an item that panics", "{at}");
                    // On the host nobody is the item of an element in `fill_with`.
                    let known = !matches!((way, device.info().kind), (Shared::FillWith, geobacter::DeviceKind::Host));
                    assert!(!known || (first..=last).contains(&(panic.item[0] as usize)), "{at}");
                    assert_eq!((panic.group[0], reached[0]), (0, 0), "{at}");
                } else {
                    result.unwrap();
                    assert_eq!(reached, [96, 4], "{at}");
                }
            }
            let mut reached = device.zeroed::<u32>(2).unwrap();
            incomplete::launch(&device, 100, way, [1000; 2], &mut reached).unwrap();
            assert_eq!(reached.download().unwrap(), [96, 4], "{way:?} on {}", device.id());
        }
    }
}
