//! Both scopes, their tokens and handles, on a device that runs a group's items one after the other and on one that runs them
//! at once. Made for Miri, which has no inline assembly and so no `#[kernel]`; they run without it, too.

mod device;

use std::{
    mem::{self, MaybeUninit},
    panic::{self, AssertUnwindSafe},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
};

use device::{Device, load, load_partitioned, read, written};
use geobacter_lang::{
    Atomics, In, InOut, LocalItem, Out, PerGroup, Private, Rows, Slice, Strided, Tile, WorkItem, Workgroup,
    atomic::scope, intrinsics,
};

/// A buffer for results with nothing in it: Miri says when one is missing.
fn empty<T: Copy>(length: usize) -> Vec<MaybeUninit<T>> {
    vec![MaybeUninit::uninit(); length]
}

fn filled<T: Copy>(results: Vec<MaybeUninit<T>>) -> Vec<T> {
    // SAFETY: the kernel has written every element; Miri checks it.
    results.into_iter().map(|element| unsafe { element.assume_init() }).collect()
}

fn assert_initialized<T: Copy + PartialEq + std::fmt::Debug>(results: Vec<MaybeUninit<T>>, expected: &[T]) {
    assert_eq!(filled(results), expected);
}

const GRIDS: [u32; 5] = [1, 3, 4, 5, 11];

#[test]
fn flat_kernels_reach_their_own_elements() {
    for device in Device::ALL {
        for n in GRIDS {
            let x: Vec<u32> = (0..n).collect();
            let mut sum = empty::<u32>(n as usize);
            let mut count: Vec<u64> = vec![7; n as usize];
            let (xs, sums, counts) = (read(&x), written(&mut sum), written(&mut count));
            device.flat([n], [4], |mut item, scope| {
                // SAFETY: one element for each item; nothing else touches the buffers.
                let (x, sum, count) = unsafe {
                    (load::<In<u32>>(xs, scope), load::<Out<u32>>(sums, scope), load::<InOut<u64>>(counts, scope))
                };
                sum.set(&item, x[&item] + x.iter().sum::<u32>() + x[x.len() - 1]);
                assert_eq!(count.get(&item), 7);
                let number = item.id() as u64;
                *count.at(&mut item) += number;
                let own = count.at(&mut item);
                *own += 1;
                count.set(&item, count.get(&item) + 1);
            });
            let all: u32 = x.iter().sum();
            assert_initialized(sum, &x.iter().map(|x| x + all + n - 1).collect::<Vec<_>>());
            assert!(count.iter().enumerate().all(|(i, &c)| c == i as u64 + 9));
        }
    }
}

#[test]
fn a_grid_ends_where_it_ends_in_every_dimension() {
    for device in Device::ALL {
        let mut places = empty::<[u32; 3]>(5 * 3 * 2);
        let out = written(&mut places);
        let outside = AtomicUsize::new(0);
        device.group([5, 3, 2], [2, 2, 1], |wg: Workgroup<3>, scope| {
            // SAFETY: as above.
            let out = unsafe { load::<Out<[u32; 3]>>(out, scope) };
            assert_eq!((wg.items(), wg.size(), wg.extent()), (4, [2, 2, 1], [5, 3, 2]));
            wg.each(|item| out.set(&item, [item.x(), item.y(), item.z()].map(|n| n as u32)));
            let outside = &outside;
            wg.each_local(|item| {
                assert_eq!(item.in_grid().is_some(), item.x() < 5 && item.y() < 3 && item.z() < 2);
                assert!(item.local_index() < 4);
                if item.into_item().is_none() {
                    outside.fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        let expected: Vec<_> = (0..2).flat_map(|z| (0..3).flat_map(move |y| (0..5).map(move |x| [x, y, z]))).collect();
        assert_initialized(places, &expected);
        assert_eq!(outside.into_inner(), 3 * 2 * 2 * 4 - 30);
    }
}

#[test]
fn private_values_belong_to_their_items() {
    fn check<T: Copy + Send + Sync + PartialEq + std::fmt::Debug>(value: T, change: impl Fn(&mut T, usize) + Sync) {
        for device in Device::ALL {
            for n in GRIDS {
                let left = device.group([n], [4], |wg: Workgroup<1>, _| {
                    let a = wg.private(value);
                    let b = wg.private_with(|item| {
                        let mut own = value;
                        change(&mut own, item.local_index());
                        own
                    });
                    wg.each_local(|mut item| change_in_place(&a, &mut item, &change));
                    wg.each_local(|item| assert_eq!(a.get(&item), b.get(&item)));
                    wg.each(|item| b.set(&item, value));
                    wg.each(|mut item| assert_eq!(*b.at(&mut item), value));
                    wg.each_local(|item| {
                        let unchanged = item.in_grid().is_none();
                        let mut own = value;
                        change(&mut own, item.local_index());
                        assert_eq!(b.get(&item), if unchanged { own } else { value });
                    });
                });
                assert_eq!(left, 0, "private values are given back");
            }
        }
    }
    fn change_in_place<T: Copy>(
        private: &Private<'_, T>,
        item: &mut LocalItem<'_, 1>,
        change: &impl Fn(&mut T, usize),
    ) {
        let number = item.local_index();
        change(private.at(item), number);
    }
    check(5u8, |v, n| *v += n as u8);
    check((1u64, 'x', Some(3u16)), |v, n| *v = (n as u64, 'y', None));
    check((), |(), _| ());
    check([[1u128; 3]; 20], |v, n| v[n][1] = n as u128);
    check(f32::MAX, |v, n| *v = n as f32);
}

#[test]
fn private_values_end_in_any_order() {
    for device in Device::ALL {
        let left = device.group([7], [4], |wg: Workgroup<1>, _| {
            let nothing = wg.private(());
            let a = wg.private(1u32);
            drop(nothing);
            let b = wg.private(2u32);
            let c = wg.private([3u64; 2]);
            drop(b);
            let d = wg.private(4u8);
            let (a, d) = (d, a);
            wg.each_local(|item| assert_eq!((a.get(&item), d.get(&item), c.get(&item)), (4, 1, [3; 2])));
            mem::forget(c);
            let e = wg.private(5u32);
            wg.each_local(|item| assert_eq!((a.get(&item), d.get(&item), e.get(&item)), (4, 1, 5)));
        });
        // What was forgotten stays until its group ends: one block in each of two groups.
        assert_eq!(left, if device == Device::Sequential { 2 } else { 0 });
    }
}

#[test]
fn once_gives_a_value_of_any_size_to_the_group() {
    fn check<T: Copy + Send + Sync + PartialEq + std::fmt::Debug + 'static>(value: T) {
        for device in Device::ALL {
            for n in GRIDS {
                let runs = AtomicUsize::new(0);
                let left = device.group([n], [4], |wg: Workgroup<1>, _| {
                    for _ in 0..2 {
                        let given = wg.once(|leader| {
                            assert_eq!((leader.local_index(), leader.x() % 4), (0, 0));
                            runs.fetch_add(1, Ordering::Relaxed);
                            value
                        });
                        assert_eq!(given, value);
                    }
                });
                assert_eq!(left, 0, "the value's place is given back");
                assert_eq!(runs.into_inner(), 2 * n.div_ceil(4) as usize);
            }
        }
    }
    check(());
    check(true);
    check(7u8);
    check((1u8, 2u64, [3u16; 3]));
    check("text");
    check([9u128; 16]);
    check(Some('x'));
}

#[test]
fn once_sees_what_items_did_and_items_see_what_it_did() {
    for device in Device::ALL {
        let mut out = empty::<u32>(9);
        let mut first: Vec<u32> = vec![0; 9];
        let (outs, firsts) = (written(&mut out), written(&mut first));
        device.group([9], [4], |wg: Workgroup<1>, scope| {
            // SAFETY: as above.
            let (out, own) = unsafe { (load::<Out<u32>>(outs, scope), load::<InOut<u32>>(firsts, scope)) };
            wg.each(|item| own.set(&item, item.x() as u32 * 10));
            let of_first = wg.once(|mut leader| {
                *own.at(&mut *leader) += 1;
                own.get(&leader)
            });
            wg.each(|item| out.set(&item, of_first + own.get(&item)));
        });
        let expected: Vec<u32> = (0..9)
            .map(|i| {
                let leader = i / 4 * 40 + 1;
                leader + i * 10 + u32::from(i % 4 == 0)
            })
            .collect();
        assert_initialized(out, &expected);
    }
}

#[test]
fn slices_have_any_length() {
    for device in Device::ALL {
        let (x, nothing): ([f32; 3], [f32; 0]) = ([1.0, 2.0, 3.0], []);
        let mut out = empty::<f32>(5);
        let (xs, nothings, outs) = (read(&x), read(&nothing), written(&mut out));
        device.group([5], [2], |wg: Workgroup<1>, scope| {
            // SAFETY: as above.
            let (x, nothing, out) = unsafe {
                (load::<Slice<f32>>(xs, scope), load::<Slice<f32>>(nothings, scope), load::<Out<f32>>(outs, scope))
            };
            assert!(nothing.is_empty() && nothing.iter().next().is_none());
            let sum: f32 = x.iter().sum();
            wg.each(|item| out.set(&item, sum + x.get(item.x()).copied().unwrap_or(0.5)));
        });
        assert_initialized(out, &[7.0, 8.0, 9.0, 6.5, 6.5]);
    }
}

#[test]
fn all_items_change_atomics() {
    for device in Device::ALL {
        let (mut integers, mut floats) = ([0u32, u32::MAX, 0, u32::MAX, 0, 0b1010], [0.0f64, f64::MAX, f64::MIN]);
        let (is, fs) = (written(&mut integers), written(&mut floats));
        device.group([11], [4], |wg: Workgroup<1>, scope| {
            // SAFETY: atomics have any length.
            let (integers, floats) =
                unsafe { (load::<Atomics<u32>>(is, scope), load::<Atomics<f64, scope::System>>(fs, scope)) };
            assert_eq!((integers.len(), floats.is_empty()), (6, false));
            wg.each(|item| {
                let n = item.x() as u32;
                integers.at(0).fetch_add(&item, n);
                integers.at(1).fetch_min(&item, n + 3);
                integers.at(2).fetch_max(&item, n);
                integers.at(3).fetch_and(&item, !(1 << n));
                integers.at(4).fetch_or(&item, 1 << n);
                integers.at(5).fetch_xor(&item, 1 << n);
                floats.at(0).fetch_add(&item, f64::from(n));
                floats.at(1).fetch_min(&item, f64::from(n));
                floats.at(2).fetch_max(&item, f64::from(n));
            });
        });
        assert_eq!(integers, [55, 3, 10, u32::MAX << 11, 0x7ff, 0x7ff ^ 0b1010]);
        assert_eq!(floats, [55.0, 0.0, 10.0]);

        let mut word = [0i64];
        let words = written(&mut word);
        device.group([6], [3], |wg: Workgroup<1>, scope| {
            // SAFETY: as above.
            let word = unsafe { load::<Atomics<i64>>(words, scope) };
            wg.each(|item| {
                // An increment, as whoever has no `fetch_add` writes it.
                let mut seen = word.at(0).load(&item);
                while let Err(other) = word.at(0).compare_exchange(&item, seen, seen + 1) {
                    seen = other;
                }
            });
            let seen = wg.once(|leader| word.at(0).exchange(&*leader, 100));
            wg.once(|leader| word.at(0).store(&*leader, seen));
        });
        // Another group may add between exchange and store; here groups run one after the other.
        assert_eq!(word, [6]);
    }
}

#[test]
fn a_panic_leaves_item_scope_and_group_scope() {
    let mut x: Vec<u32> = vec![0; 8];
    let xs = written(&mut x);
    let caught = panic::catch_unwind(AssertUnwindSafe(|| {
        Device::Sequential.group([8], [4], |wg: Workgroup<1>, scope| {
            // SAFETY: one element for each item.
            let x = unsafe { load::<InOut<u32>>(xs, scope) };
            let private = wg.private_with(|item| item.local_index() as u32);
            wg.each(|mut item| {
                assert_ne!((private.get(&item), item.group()), (2, [1]), "the third of the second group");
                *x.at(&mut item) = 1;
            });
        });
    }));
    let message = *caught.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("the third of the second group"), "{message}");
    assert_eq!(device::UNWOUND.take(), Some([2, 0, 0]));
    assert_eq!(x, [1, 1, 1, 1, 1, 1, 0, 0]);

    let caught = panic::catch_unwind(|| {
        Device::Sequential.group([8], [4], |wg: Workgroup<1>, _| {
            let _private = wg.private([1u64; 8]);
            panic!("at group scope")
        })
    });
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "at group scope");
    assert_eq!(device::UNWOUND.take(), None);
}

#[test]
fn a_group_goes_on_after_a_panic_that_it_caught() {
    // Host code can do that. Nothing may be half made.
    let left = Device::Sequential.group([3], [4], |wg: Workgroup<1>, _| {
        let wg = AssertUnwindSafe(wg);
        let kept = wg.private(1u32);
        let failed = panic::catch_unwind(|| {
            let value = wg.private_with(|item| if item.local_index() == 2 { panic!("{item:?}") } else { 2u32 });
            wg.each(|item| assert_eq!(value.get(&item), 2));
        });
        assert!(failed.is_err());
        let failed = panic::catch_unwind(|| wg.once(|leader| -> u32 { panic!("{leader:?}") }));
        assert!(failed.is_err());
        let again = wg.private_with(|item| item.local_index());
        wg.each_local(|item| assert_eq!((kept.get(&item), again.get(&item)), (1, item.local_index())));
        assert_eq!(wg.once(|_| 3), 3);
    });
    // What `once` had for its result stays until the group's end.
    assert_eq!(left, 1);
}

#[test]
fn a_launch_within_a_launch_has_its_own_items() {
    let seen = Mutex::new(Vec::new());
    Device::Sequential.group([3], [2], |outer: Workgroup<1>, _| {
        let private = outer.private_with(|item| item.x());
        outer.each(|item| {
            Device::Sequential.group([2, 2], [2, 1], |inner: Workgroup<2>, _| {
                let values = inner.private_with(|item| item.y());
                inner.each(|item| seen.lock().unwrap().push((item.x(), values.get(&item))));
            });
            assert_eq!(slot_value(&private, &item), item.x());
        });
    });
    assert_eq!(seen.into_inner().unwrap(), [(0, 0), (1, 0), (0, 1), (1, 1)].repeat(3));
}

fn slot_value<T: Copy>(private: &Private<'_, T>, item: &impl WorkItem) -> T {
    private.get(item)
}

/// What crates like `send_wrapper` offer, and by Rust's rules may: anything is `Sync` that looks on which thread it is used.
struct OnThisThread<T> {
    value: T,
    thread: ThreadId,
}

// SAFETY: the value is reached on the thread only that made it.
unsafe impl<T> Sync for OnThisThread<T> {}

impl<T> OnThisThread<T> {
    fn new(value: T) -> Self {
        Self { value, thread: thread::current().id() }
    }

    fn get(&self) -> &T {
        assert_eq!(thread::current().id(), self.thread);
        &self.value
    }
}

#[test]
fn item_scope_does_not_reach_group_scope() {
    // On the host, items run on the thread of their group. Two tokens for one item would be two `&mut` to its element.
    fn refused(item_scope: impl Fn(&Workgroup<'_, 1>, &InOut<'_, u32>) + Copy + Sync) {
        for device in Device::ALL {
            let mut x = [0; 4];
            let xs = written(&mut x);
            device.group([4], [4], |wg: Workgroup<1>, scope| {
                // SAFETY: one element for each item.
                let x = unsafe { load::<InOut<u32>>(xs, scope) };
                let smuggled = OnThisThread::new(&wg);
                wg.each(|mut item| {
                    let element = x.at(&mut item);
                    let caught = panic::catch_unwind(AssertUnwindSafe(|| item_scope(smuggled.get(), &x)));
                    let message = *caught.unwrap_err().downcast::<&str>().unwrap();
                    assert!(message.starts_with("group scope was entered from item scope"), "{message}");
                    *element += 1;
                });
                wg.each(|mut item| *x.at(&mut item) += 1);
            });
            assert_eq!(x, [2; 4]);
        }
    }
    refused(|wg, x| wg.each(|mut item| *x.at(&mut item) = 5));
    refused(|wg, x| wg.each_local(|mut item| *x.at(item.in_grid_mut().unwrap()) = 5));
    refused(|wg, x| wg.once(|mut leader| *x.at(&mut *leader) = 5));
    refused(|wg, _| wg.barrier());
}

#[test]
fn a_leaders_block_is_the_leaders() {
    for device in Device::ALL {
        let mut x = [0u32; 3];
        let xs = written(&mut x);
        device.group([4], [4], |wg: Workgroup<1>, scope| {
            // SAFETY: three elements for the one group.
            let x = unsafe { load_partitioned::<InOut<u32, PerGroup<3>>>(xs, 3, scope) };
            let smuggled = OnThisThread::new(&wg);
            wg.once(|mut leader| {
                let block = x.group_block(&mut leader);
                let caught = panic::catch_unwind(AssertUnwindSafe(|| x.fill(smuggled.get(), |_| 5)));
                assert!(caught.is_err(), "who fills is at group scope");
                block[1] += 1;
            });
        });
        assert_eq!(x, [0, 1, 0]);
    }
}

#[test]
fn items_and_groups_own_parts_of_buffers() {
    for device in Device::ALL {
        let (mut tiles, mut strided, mut rows) = (empty::<u32>(5 * 3), empty::<u32>(5 * 2), vec![0u32; 5 * 4]);
        let mut blocks = vec![0u32; 3 * 7];
        let (ts, ss, rs, bs) = (written(&mut tiles), written(&mut strided), written(&mut rows), written(&mut blocks));
        device.group([5], [2], |wg: Workgroup<1>, scope| {
            // SAFETY: five items in three groups; the buffers are as long as their partitions ask for.
            let (tiles, strided, rows, blocks) = unsafe {
                (
                    load_partitioned::<Out<u32, Tile<3>>>(ts, 3, scope),
                    load_partitioned::<Out<u32, Strided<2>>>(ss, 2, scope),
                    load_partitioned::<InOut<u32, Rows>>(rs, 4, scope),
                    load_partitioned::<InOut<u32, PerGroup<7>>>(bs, 7, scope),
                )
            };
            wg.each(|mut item| {
                let n = item.x() as u32;
                tiles.set(&item, [n, n + 10, n + 20]);
                strided.set_each(&item, |k| n + 100 * k as u32);
                rows.slice_mut(&mut item)[1] = n;
                *rows.at_mut(&mut item, 2) += n + 1;
                rows.set_at(&item, 3, rows.get_at(&item, 1) + rows.get_at(&item, 2));
            });
            blocks.fill(&wg, |j| j as u32);
            wg.once(|mut leader| {
                let block = blocks.group_block(&mut leader);
                block[6] = block.iter().sum();
            });
            blocks.fill(&wg, |j| if j == 0 { 7 } else { 8 });
            wg.once(|mut leader| blocks.group_block(&mut leader)[3] += 1);
        });
        let each = |count: usize, value: &dyn Fn(usize, usize) -> usize| -> Vec<u32> {
            (0..5 * count).map(|i| value(i / count, i % count) as u32).collect()
        };
        assert_initialized(tiles, &each(3, &|n, k| n + 10 * k));
        assert_initialized(strided, &(0..10).map(|i| i % 5 + 100 * (i / 5)).collect::<Vec<_>>());
        assert_eq!(rows, each(4, &|n, k| [0, n, n + 1, 2 * n + 1][k]));
        assert_eq!(blocks, [7, 8, 8, 9, 8, 8, 8].repeat(3));
    }
}

#[test]
fn sizes_do_not_wrap() {
    assert_eq!((intrinsics::size::<[u16; 5]>(), intrinsics::size::<()>()), (10, 0));
    // In a kernel this is evaluated when it is compiled.
    assert!(panic::catch_unwind(intrinsics::size::<[u8; 1 << 32]>).is_err());
    assert!(panic::catch_unwind(intrinsics::size::<[[u8; 1 << 16]; (1 << 16) + 1]>).is_err());
}
