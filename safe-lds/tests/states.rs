//! LDS in all its states and the collectives, on a device that runs a group's items one after the other and on one that runs
//! them at once, where Miri finds races. Every block of memory is an allocation of its own, which is not initialised. Made for
//! Miri, which has no inline assembly and so no `#[kernel]`; they run without it, too.

#[path = "../../geobacter-lang/tests/device/mod.rs"]
mod device;

use std::{
    cmp::Reverse,
    mem::{self, MaybeUninit},
    panic::{self, AssertUnwindSafe},
};

use device::{Device, load, read, written};
use geobacter_lang::{
    In, Item, Out, Slice, Workgroup,
    entry::Scope,
    param::{KernelParam, LdsSliceRepr, WorkgroupShared},
};
use safe_lds::{Collectives, Filled, Lds, LdsElement, SizedShape, Together};

/// A sized parameter, as a kernel's entry function makes it.
fn parameter<A: SizedShape>(scope: &Scope) -> Lds<'_, A> {
    // SAFETY: rule 5: each test asks once for each handle, in its kernel.
    unsafe { <Lds<'_, A> as KernelParam>::load([], scope) }
}

/// A declaration in a kernel's body.
fn declared<'k, A: SizedShape>(workgroup: &'k Workgroup<'_, 1>) -> Lds<'k, A> {
    // SAFETY: as above.
    unsafe { <Lds<'_, A> as WorkgroupShared>::declare(workgroup) }
}

fn launch_sized<T: LdsElement>(scope: &Scope, offset: u32, length: u32) -> Lds<'_, [T]> {
    // SAFETY: as above; the tests ask for as much LDS and give each handle another part of it.
    unsafe { <Lds<'_, [T]> as KernelParam>::load(LdsSliceRepr { offset, length }, scope) }
}

fn empty<T: Copy>(length: usize) -> Vec<MaybeUninit<T>> {
    vec![MaybeUninit::uninit(); length]
}

fn assert_initialized<T: Copy + PartialEq + std::fmt::Debug>(results: Vec<MaybeUninit<T>>, expected: &[T]) {
    // SAFETY: the kernel has written every element; Miri checks it.
    let results: Vec<T> = results.into_iter().map(|element| unsafe { element.assume_init() }).collect();
    assert_eq!(results, expected);
}

fn nothing_left(device: Device, grid: u32, kernel: impl for<'k> Fn(Workgroup<'k, 1>, &'k Scope) + Sync) {
    assert_eq!(device.group([grid], [4], kernel), 0, "LDS is given back");
}

/// Grids of whole groups of four, and others.
const GRIDS: [u32; 4] = [1, 4, 5, 11];

#[test]
fn an_item_reads_what_another_has_filled() {
    for device in Device::ALL {
        for n in GRIDS {
            let x: Vec<u32> = (0..n).map(|i| i * 7).collect();
            let (mut reversed, mut twice) = (empty::<u32>(n as usize), empty::<u32>(n as usize));
            let (xs, rs, ts) = (read(&x), written(&mut reversed), written(&mut twice));
            nothing_left(device, n, |wg, scope| {
                let mut lds = parameter::<[u32; 4]>(scope);
                // SAFETY: one element for each item.
                let (x, reversed, twice) =
                    unsafe { (load::<In<u32>>(xs, scope), load::<Out<u32>>(rs, scope), load::<Out<u32>>(ts, scope)) };
                let tile = lds.fill(&wg, |item| item.in_grid().map_or(99, |item| x[item]));
                assert_eq!(tile.len(), 4);
                wg.each(|item| reversed.set(&item, tile[3 - item.local_x()]));
                let first = tile[0];
                // Filled again, from what was read before.
                let tile = lds.fill(&wg, |item| first + item.local_x() as u32);
                wg.each(|item| twice.set(&item, tile.iter().sum()));
            });
            let (mut expected_reversed, mut expected_twice) = (vec![], vec![]);
            for i in 0..n {
                let (first, mirror) = (i / 4 * 4, i / 4 * 4 + 3 - i % 4);
                expected_reversed.push(if mirror < n { x[mirror as usize] } else { 99 });
                expected_twice.push(4 * x[first as usize] + 6);
            }
            assert_initialized(reversed, &expected_reversed);
            assert_initialized(twice, &expected_twice);
        }
    }
}

#[test]
fn fewer_elements_than_items() {
    for device in Device::ALL {
        nothing_left(device, 9, |wg, _| {
            let mut lds = declared::<[u8; 3]>(&wg);
            let mut tile = lds.fill(&wg, |item| item.local_x() as u8);
            tile.update(&wg, |item, value| *value += 10 * item.local_x() as u8);
            tile.rewrite(&wg, |item, old| old[(item.local_index() + 1) % 3]);
            assert_eq!(*tile, [11, 22, 0]);
        });
    }
}

#[test]
fn more_elements_than_items() {
    for device in Device::ALL {
        nothing_left(device, 5, |wg, _| {
            let mut lds = declared::<[u16; 11]>(&wg);
            let mut tile = lds.fill_with(&wg, |index| index as u16);
            assert!(tile.iter().copied().eq(0..11));
            tile.update_with(&wg, |index, value| *value = *value * 100 + index as u16);
            assert!(tile.iter().copied().eq((0..11).map(|i| i * 101)));
            let (before, after) = tile.split_at(3);
            assert_eq!((before.len(), after.len(), after[0]), (3, 8, 303));
        });
    }
}

#[test]
fn arrays_of_two_and_three_dimensions() {
    for device in Device::ALL {
        nothing_left(device, 4, |wg, scope| {
            let mut plane = parameter::<[[u32; 3]; 2]>(scope);
            let mut solid = declared::<[[[(u8, u8, u8); 2]; 3]; 2]>(&wg);
            assert_eq!((plane.len(), solid.len(), plane.is_empty()), (6, 12, false));
            let mut plane = plane.fill_with(&wg, |[y, x]| (10 * y + x) as u32);
            let solid = solid.fill_with(&wg, |[z, y, x]| (z as u8, y as u8, x as u8));
            assert_eq!(*plane, [[0, 1, 2], [10, 11, 12]]);
            wg.each(|item| {
                let z = item.x() % 2;
                for (y, row) in solid[z].iter().enumerate() {
                    for (x, place) in row.iter().enumerate() {
                        assert_eq!(*place, (z as u8, y as u8, x as u8));
                    }
                }
            });
            plane.update_with(&wg, |[y, x], value| *value += (100 * x + 1000 * y) as u32);
            let flat = plane.flatten();
            assert_eq!(*flat, [0, 101, 202, 1010, 1111, 1212]);
        });
    }
}

#[test]
fn one_group_fills_a_tile_of_its_shape() {
    for device in Device::ALL {
        let left = device.group([3, 5], [2, 2], |wg: Workgroup<2>, scope| {
            let mut lds = parameter::<[[[usize; 2]; 2]; 2]>(scope);
            let _ = lds.fill_with(&wg, |[z, _, _]| z);
            let mut square = parameter::<[[usize; 2]; 2]>(scope);
            let square = square.fill(&wg, |item| item.y() * 10 + item.x());
            let [left, top] = wg.origin();
            assert_eq!(*square, [[top * 10 + left, top * 10 + left + 1], [top * 10 + left + 10, top * 10 + left + 11]]);
        });
        assert_eq!(left, 0);
    }
}

#[test]
fn lds_without_bytes() {
    for device in Device::ALL {
        nothing_left(device, 6, |wg, scope| {
            let mut units = parameter::<[(); 7]>(scope);
            let units = units.fill_with(&wg, |_| ());
            assert_eq!(units.len(), 7);
            let mut none = declared::<[u64; 0]>(&wg);
            let mut none = none.fill(&wg, |_| unreachable!("there is no element"));
            none.rewrite(&wg, |_, _| 1);
            none.update_with(&wg, |_, _| unreachable!());
            assert!(none.is_empty());
            wg.sort(&mut none);
            let mut rows = declared::<[[u8; 0]; 5]>(&wg);
            assert_eq!(rows.fill_with(&wg, |_| 0).len(), 5);
            let mut nothing = launch_sized::<u32>(scope, 0, 0);
            assert!(nothing.fill_with(&wg, |_| 1).is_empty());
            let mut many = launch_sized::<()>(scope, 0, 1000);
            assert_eq!(many.fill_with(&wg, |_| ()).len(), 1000);
            assert_eq!(wg.reduce((), |_| (), |(), ()| ()), ());
        });
    }
}

#[test]
fn sized_at_launch() {
    for device in Device::ALL {
        for (n, bytes, words) in [(6, 5u32, 3u32), (4, 1, 9), (1, 16, 1)] {
            let second = bytes.next_multiple_of(8);
            device.group_with_lds([n], [4], (second + words * 8) as usize, |wg: Workgroup<1>, scope| {
                let (mut a, mut b) = (launch_sized::<u8>(scope, 0, bytes), launch_sized::<f64>(scope, second, words));
                let a = a.fill_with(&wg, |index| index as u8);
                let b = b.fill_with(&wg, |index| index as f64 + a[0] as f64);
                assert!(a.iter().copied().eq(0..bytes as u8));
                assert!(b.iter().copied().eq((0..words).map(f64::from)));
                let (x, y) = (&a, &b);
                wg.each(|item| assert_eq!(usize::from(x[item.x() % x.len()]), item.x() % x.len() + y[0] as usize));
            });
        }
    }
}

#[test]
fn parts_are_read_while_others_change() {
    for device in Device::ALL {
        nothing_left(device, 4, |wg, _| {
            let mut lds = declared::<[[u32; 4]; 2]>(&wg);
            let mut tile = lds.fill_with(&wg, |[y, x]| (4 * y + x) as u32);
            {
                let (mut front, mut back) = tile.split_at(4);
                front.update(&wg, |item, value| *value += 10 * back[3 - item.local_x()]);
                back.update_with(&wg, |index, value| *value += front[index]);
                let (_, mut end) = back.split_at(3);
                end.rewrite(&wg, |_, old| old[0] * 2);
                let (all, none) = front.split_at(4);
                assert_eq!((all.len(), none.len()), (4, 0));
            }
            assert_eq!(*tile, [[70, 61, 52, 43], [74, 66, 58, 2 * 50]]);
        });
    }
}

#[test]
fn several_are_filled_in_one_phase() {
    for device in Device::ALL {
        nothing_left(device, 7, |wg, scope| {
            let mut a = parameter::<[u8; 4]>(scope);
            let mut b = parameter::<[[u64; 2]; 1]>(scope);
            let mut c = declared::<[char; 3]>(&wg);
            let mut d = declared::<[Option<u8>; 4]>(&wg);
            {
                let (a, b) = (&mut a, &mut b).fill(&wg, |item| (item.local_x() as u8, 7));
                assert_eq!((*a, *b), ([0, 1, 2, 3], [[7, 7]]));
            }
            let (a, b, c) = (&mut a, &mut b, &mut c).fill(&wg, |item| (1, item.local_x() as u64, 'c'));
            assert_eq!((*a, *b, *c), ([1; 4], [[0, 1]], ['c'; 3]));
            let (mut a, mut b, mut c) = (declared::<[u8; 1]>(&wg), declared::<[u8; 2]>(&wg), declared::<[u8; 3]>(&wg));
            let (a, b, c, d) = (&mut a, &mut b, &mut c, &mut d).fill(&wg, |_| (1, 2, 3, None));
            assert_eq!((*a, *b, *c, *d), ([1], [2; 2], [3; 3], [None; 4]));
        });
    }
}

#[test]
fn items_change_lds_with_atomics() {
    for device in Device::ALL {
        let data = [1u32, 5, 1, 1, 9, 2];
        let xs = read(&data);
        nothing_left(device, 6, |wg, scope| {
            // SAFETY: of any length.
            let data = unsafe { load::<Slice<u32>>(xs, scope) };
            let mut lds = declared::<[[i32; 2]; 2]>(&wg);
            let counts = lds.atomics(&wg, |[y, x]| (10 * y + x) as i32);
            assert_eq!((counts.len(), counts.is_empty()), (4, false));
            wg.each_local(|item| {
                counts.at(0).fetch_add(&item, 1);
                counts.at(1).fetch_max(&item, item.local_x() as i32 * 5);
                counts.at(2).fetch_xor(&item, 1 << (8 + item.local_x()));
                let _ = counts.at(3).compare_exchange(&item, 11, -1);
            });
            let mut values = counts.finish(&wg);
            assert_eq!(*values, [[4, 15], [10 + 0xf00, -1]]);
            values.update(&wg, |_, value| *value += 1);
            let counts = values.into_atomics(&wg);
            wg.each(|item| {
                let n = data[item.x()];
                counts.at(0).fetch_add(&item, n as i32);
            });
            let values = counts.finish(&wg);
            let expected: u32 = data.iter().skip(wg.origin()[0]).take(4).sum();
            assert_eq!(values[0], [5 + expected as i32, 16]);
            let mut floats = declared::<[f32; 2]>(&wg);
            let sums = floats.atomics(&wg, |_| 0.5);
            wg.each_local(|item| {
                sums.at(item.local_x() % 2).fetch_add(&item, 1.0);
                sums.at(0).fetch_min(&item, 100.0);
            });
            assert_eq!(*sums.finish(&wg), [2.5, 2.5]);
        });
    }
}

fn in_group(n: u32, origin: usize) -> std::ops::Range<u32> {
    origin as u32..n.min(origin as u32 + 4)
}

#[test]
fn collectives_agree_with_plain_loops() {
    for device in Device::ALL {
        for n in GRIDS {
            let (mut inclusive, mut exclusive) = (empty::<u64>(n as usize), empty::<u64>(n as usize));
            let (is, es) = (written(&mut inclusive), written(&mut exclusive));
            let value = |i: u32| u64::from(i * i + 3);
            nothing_left(device, n, |wg, scope| {
                // SAFETY: one element for each item.
                let (inclusive, exclusive) = unsafe { (load::<Out<u64>>(is, scope), load::<Out<u64>>(es, scope)) };
                let items = in_group(n, wg.origin()[0]);
                let sum: u64 = items.clone().map(value).sum();
                assert_eq!(wg.reduce(0, |item| value(item.x() as u32), |a, b| a + b), sum);
                assert_eq!(
                    wg.reduce(None, |item| Some(item.x()), |a: Option<usize>, b| a.max(b)),
                    Some(items.end as usize - 1)
                );
                let (own, total) = wg.inclusive_scan(0, |item| value(item.x() as u32), |a, b| a + b);
                assert_eq!(total, sum);
                let (before, total) = wg.exclusive_scan(0, |item| value(item.x() as u32), |a, b| a + b);
                assert_eq!(total, sum);
                wg.each(|item| {
                    inclusive.set(&item, own.get(&item));
                    exclusive.set(&item, before.get(&item));
                });
                assert_eq!(wg.any(|item| item.x() == 2), items.contains(&2));
                assert_eq!(wg.all(|item| item.x() != 2), !items.contains(&2));
                assert_eq!(wg.count(|item| item.x() % 2 == 0) as usize, items.clone().filter(|i| i % 2 == 0).count());
                let mut bins = declared::<[u32; 3]>(&wg);
                let bins = wg.histogram(&mut bins, |item| item.x() % 3);
                assert!(
                    (0..3).all(|bin| bins[bin as usize] as usize == items.clone().filter(|i| i % 3 == bin).count())
                );
            });
            let (mut expected_inclusive, mut expected_exclusive) = (vec![], vec![]);
            for i in 0..n {
                let before: u64 = (i / 4 * 4..i).map(value).sum();
                expected_exclusive.push(before);
                expected_inclusive.push(before + value(i));
            }
            assert_initialized(inclusive, &expected_inclusive);
            assert_initialized(exclusive, &expected_exclusive);
        }
    }
}

#[test]
fn collectives_give_the_same_on_every_device() {
    fn check<const D: usize>(grid: [u32; D], workgroup: [u32; D]) {
        let results = |device: Device| {
            let mut results = empty::<[f32; 4]>(grid.iter().product::<u32>() as usize);
            let out = written(&mut results);
            let left = device.group(grid, workgroup, |wg: Workgroup<D>, scope| {
                // SAFETY: one element for each item.
                let out = unsafe { load::<Out<[f32; 4]>>(out, scope) };
                // Not associative in floating point: which values are combined in which order shows.
                let value = |item: Item<'_, D>| 1.0 / (1.0 + (item.id() * 37 % 101) as f32);
                let sum = wg.reduce(0.0, value, |a, b| a + b);
                let (inclusive, all) = wg.inclusive_scan(0.0, value, |a, b| a + b);
                let (exclusive, _) = wg.exclusive_scan(0.0, value, |a, b| a + b);
                wg.each(|item| out.set(&item, [sum, inclusive.get(&item), exclusive.get(&item), all]));

                // Not commutative, and nothing else is combined than what is to be: runs of numbers that follow each other.
                let follow = |(a, b): (usize, usize), (c, d): (usize, usize)| {
                    assert!(a == b || c == d || b == c, "{a} to {b} and {c} to {d}");
                    if a == b { (c, d) } else { (a, if c == d { b } else { d }) }
                };
                let own = wg.private_with(|item| (item.local_index(), item.local_index() + 1));
                let inside = wg.count(|_| true);
                if inside as usize == wg.items() {
                    let (inclusive, all) = wg.inclusive_scan((0, 0), |item| own.get(&item), follow);
                    let (exclusive, same) = wg.exclusive_scan((0, 0), |item| own.get(&item), follow);
                    assert_eq!((all, same), ((0, wg.items()), (0, wg.items())));
                    wg.each(|item| {
                        let number = item.local_index();
                        assert_eq!((inclusive.get(&item), exclusive.get(&item)), ((0, number + 1), (0, number)));
                    });
                }
                let total = wg.reduce(0, |_| 1, |a, b| a + b);
                assert_eq!(total, inside);
                assert!(wg.any(|_| true) && wg.all(|_| true) && !wg.any(|_| false) && !wg.all(|_| false));
                let is_first = |item: Item<'_, D>| item.local_index() == 0;
                assert_eq!((wg.any(is_first), wg.count(is_first), wg.all(is_first)), (true, 1, inside == 1));
            });
            assert_eq!(left, 0);
            // SAFETY: the kernel has written every element; Miri checks it.
            let results = results.into_iter().map(|result| unsafe { result.assume_init() });
            results.map(|result| result.map(f32::to_bits)).collect::<Vec<_>>()
        };
        let expected = results(Device::Sequential);
        for device in [Device::Parallel, Device::Waves(32), Device::Waves(64)] {
            assert_eq!(results(device), expected, "{device:?}: {grid:?} in {workgroup:?}");
        }
    }
    check([3], [1]);
    check([6], [3]);
    check([3, 3], [3, 2]);
    // Miri runs a thread for each item, and is slow with many.
    if !cfg!(miri) {
        check([6], [2]);
        check([9], [5]);
        check([2, 2, 2], [2, 1, 3]);
        check([40], [33]);
        check([100], [64]);
        check([150], [70]);
        check([20, 20], [16, 11]);
        check([310], [300]);
    }
}

#[test]
fn sorting_any_length() {
    for device in Device::ALL {
        for length in [0u32, 1, 2, 3, 5, 8, 13] {
            device.group_with_lds([3], [3], length.max(1) as usize * 4, |wg: Workgroup<1>, scope| {
                let mut lds = launch_sized::<u32>(scope, 0, length);
                let mut values = lds.fill_with(&wg, |index| (index as u32).wrapping_mul(2654435761) >> 24);
                let mut expected = values.to_vec();
                expected.sort_unstable();
                wg.sort(&mut values);
                assert_eq!(*values, *expected);
                expected.reverse();
                wg.sort_by(&mut values, |a, b| Reverse(a).cmp(&Reverse(b)));
                assert_eq!(*values, *expected);
            });
        }
    }
}

#[test]
fn an_order_that_is_none_loses_no_element() {
    for device in Device::ALL {
        nothing_left(device, 4, |wg, _| {
            let mut lds = declared::<[u8; 7]>(&wg);
            let mut values = lds.fill_with(&wg, |index| index as u8);
            wg.sort_by(&mut values, |_, _| std::cmp::Ordering::Less);
            let mut all = values.to_vec();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..7));
        });
    }
}

#[test]
fn once_and_collectives_take_turns_in_one_memory() {
    for device in Device::ALL {
        nothing_left(device, 8, |wg, _| {
            for round in 0..3u64 {
                let given = wg.once(|leader| (leader.x() as u8, round));
                let sum = wg.reduce(0, |item| given.1 + item.local_x() as u64, |a, b| a + b);
                let again = wg.once(|_| [sum; 2]);
                let (scan, total) = wg.exclusive_scan(0, |_| again[1], |a, b| a.wrapping_add(b));
                assert_eq!((sum, total), (4 * round + 6, 4 * (4 * round + 6)));
                wg.each(|item| assert_eq!(scan.get(&item), item.local_x() as u64 * sum));
            }
        });
    }
}

#[test]
fn a_panic_ends_a_phase_and_nothing_is_read_too_early() {
    let left = Device::Sequential.group([4], [4], |wg: Workgroup<1>, _| {
        let wg = AssertUnwindSafe(wg);
        let mut lds = AssertUnwindSafe(declared::<[u32; 4]>(&wg));
        let failed = panic::catch_unwind(AssertUnwindSafe(|| {
            let tile = lds.fill(&wg, |item| if item.local_x() == 2 { panic!("third") } else { 1 });
            assert_eq!(tile[3], 1);
        }));
        assert!(failed.is_err());
        let mut tile = AssertUnwindSafe(lds.fill(&wg, |item| item.local_x() as u32));
        let failed = panic::catch_unwind(AssertUnwindSafe(|| {
            tile.update(&wg, |item, value| if item.local_x() == 1 { panic!("second") } else { *value += 10 });
        }));
        assert!(failed.is_err());
        assert_eq!(**tile, [10, 1, 2, 3]);
        let failed = panic::catch_unwind(AssertUnwindSafe(|| {
            tile.rewrite(&wg, |item, old| if item.local_x() == 3 { panic!("fourth") } else { old[0] + 5 });
        }));
        assert!(failed.is_err());
        assert_eq!(**tile, [10, 1, 2, 3]);
        let failed = panic::catch_unwind(AssertUnwindSafe(|| {
            wg.reduce(0, |item| item.x(), |a, b| if a + b == 4 { panic!("sum") } else { a + b })
        }));
        assert!(failed.is_err());
        let failed = panic::catch_unwind(AssertUnwindSafe(|| {
            let mut bins = declared::<[u32; 2]>(&wg);
            wg.histogram(&mut bins, |item| item.x()).len()
        }));
        assert!(failed.is_err());
        let failed = panic::catch_unwind(AssertUnwindSafe(|| wg.sort_by(&mut tile, |_, _| panic!("order"))));
        assert!(failed.is_err());
        assert_eq!(wg.reduce(0, |_| 1, |a, b| a + b), 4);
        assert_eq!(tile.len(), 4);
    });
    assert_eq!(left, 0);
}

#[test]
fn what_is_forgotten_stays_until_the_groups_end() {
    for device in Device::ALL {
        let left = device.group([8], [4], |wg: Workgroup<1>, scope| {
            let mut lds = parameter::<[u32; 4]>(scope);
            let _ = lds.fill(&wg, |_| 1);
            let again: Filled<'_, _> = lds.fill(&wg, |_| 2);
            assert_eq!(*again, [2; 4]);
            mem::forget(lds);
            let mut other = declared::<[u32; 4]>(&wg);
            assert_eq!(*other.fill(&wg, |_| 3), [3; 4]);
        });
        assert_eq!(left, if device == Device::Sequential { 2 } else { 0 });
    }
}
