//! Wave scope: what lanes do together, on a device that runs a group's items one after the other, and with waves of every size
//! on one that runs them at once. What a wave gives is compared with what iterators compute of its lanes' values.

mod device;

use std::{fmt::Debug, mem::MaybeUninit};

use device::{Device, load, written};
use geobacter_lang::{Atomics, Element, Out, Varying, Wave, Workgroup, intrinsics, value::GroupValue};

/// Under Miri, which takes its time, fewer and smaller.
const WIDTHS: &[u32] = if cfg!(miri) { &[1, 2, 4] } else { &[1, 2, 4, 8, 16, 32, 64] };
/// Groups: of whole waves, of a part of one, and of both.
const GROUPS: &[u32] = if cfg!(miri) { &[1, 6] } else { &[1, 5, 8, 12, 64, 70, 96] };

fn devices() -> impl Iterator<Item = Device> {
    [Device::Sequential].into_iter().chain(WIDTHS.iter().map(|&width| Device::Waves(width)))
}

/// Lanes of a whole wave of a group of this size.
fn width(device: Device, items: u32) -> usize {
    match device {
        // One call runs all of a group of one item, on whatever device.
        Device::Waves(width) if items > 1 => width as usize,
        _ => intrinsics::HOST_WAVE_SIZE as usize,
    }
}

/// A number for each item that says little about its place.
fn scrambled(number: usize) -> u32 {
    (number as u32).wrapping_mul(2_654_435_761).rotate_left(7)
}

/// The results of two groups: what `kernel` writes for each item.
fn results<R: Element>(
    device: Device,
    items: u32,
    kernel: impl for<'k> Fn(&Workgroup<'k, 1>, &Out<'k, R>) + Sync,
) -> Vec<R> {
    // The second group reaches beyond the grid's edge.
    let n = items + items.div_ceil(2);
    let mut results = vec![MaybeUninit::<R>::uninit(); n as usize];
    let out = written(&mut results);
    let left = device.group([n], [items], |wg: Workgroup<1>, scope| {
        // SAFETY: one element for each item; nothing else touches the buffer.
        let out = unsafe { load::<Out<R>>(out, scope) };
        kernel(&wg, &out);
    });
    assert_eq!(left, 0);
    // SAFETY: the kernel has written every element; Miri checks it.
    results.into_iter().map(|element| unsafe { element.assume_init() }).collect()
}

/// Compares what `kernel` gives each lane of a wave with what `expected` makes of the values of all lanes.
fn compare<T: GroupValue, R: Element + GroupValue + PartialEq + Debug>(
    value: impl Fn(usize) -> T + Copy + Sync,
    kernel: impl for<'a, 'b> Fn(&'a Wave<'b, 1>, &Varying<'a, T>) -> Varying<'a, R> + Sync,
    expected: impl Fn(&[T]) -> Vec<R>,
) {
    for device in devices() {
        for &items in GROUPS {
            let results = results(device, items, |wg, out| {
                wg.waves(|wave| {
                    let values = wave.varying(|item| value(item.x()));
                    let results = kernel(&wave, &values);
                    wave.each(|item| out.set(&item, results.get(&item)));
                });
            });
            for (group, results) in results.chunks(items as usize).enumerate() {
                let values: Vec<T> = (0..items as usize).map(|i| value(group * items as usize + i)).collect();
                let expected = values.chunks(width(device, items)).flat_map(&expected);
                // Results of items beyond the edge are not there.
                let expected: Vec<R> = expected.take(results.len()).collect();
                assert_eq!(results, expected, "{device:?}, group {group} of {items}");
            }
        }
    }
}

/// The order in which `reduce` combines: the second half into the first, in blocks of 32, and then the blocks.
fn tree<T: Copy>(values: &[T], combine: impl Fn(T, T) -> T) -> T {
    let mut blocks: Vec<T> = values
        .chunks(32)
        .map(|block| {
            let mut values = block.to_vec();
            let mut half = 16;
            while half > 0 {
                for lane in 0..half {
                    if lane + half < values.len() {
                        values[lane] = combine(values[lane], values[lane + half]);
                    }
                }
                values.truncate(half);
                half /= 2;
            }
            values[0]
        })
        .collect();
    assert!(blocks.len() <= 2);
    let last = blocks.pop().unwrap();
    blocks.pop().map_or(last, |first| combine(first, last))
}

fn same<T: Copy>(value: T, values: &[T]) -> Vec<T> {
    vec![value; values.len()]
}

#[test]
fn reductions_combine_all_lanes() {
    fn check<T: GroupValue + Element + PartialEq + Debug>(
        value: impl Fn(usize) -> T + Copy + Sync,
        combine: impl Fn(T, T) -> T + Copy + Sync,
    ) {
        compare(
            value,
            |wave, values| {
                let all = wave.reduce(values, combine);
                wave.varying(|_| all)
            },
            |values| same(tree(values, combine), values),
        );
    }
    check(scrambled, u32::wrapping_add);
    check(|i| scrambled(i) as i32, i32::min);
    check(|i| u64::from(scrambled(i)) << 20, |a, b| a.max(b));
    check(|i| scrambled(i) as u8, |a, b| a ^ b);
    check(|i| scrambled(i) as f32, |a, b| a + b);
    check(|i| f64::from(scrambled(i)) * 1e-3, |a, b| a + b);
    check(|i| scrambled(i) as u16 | 0x10, |a, b| a & b);
    // Neither commutative nor associative: the order is what the documentation says.
    check(|i| scrambled(i) as i64, |a, b| a.wrapping_mul(3).wrapping_sub(b));
}

/// Only lanes whose values are needed combine: here no other pair can be combined.
#[test]
fn no_lane_combines_in_vain() {
    compare(
        |i| (i as u32, 1),
        |wave, values| {
            let (_, lanes) = wave.reduce(values, |(at, count), (_, other)| {
                assert!(count + other <= 64, "lane {at} combines twice what is there");
                (at, count + other)
            });
            let first = wave.read_first(values).0;
            wave.varying(|_| [first, lanes])
        },
        |values| vec![[values[0].0, values.len() as u32]; values.len()],
    );
}

/// Structs with padding, of which not all bytes are values, and of several words.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Padded {
    sign: bool,
    large: u64,
    small: Option<u16>,
}

fn padded(i: usize) -> Padded {
    let number = scrambled(i);
    Padded { sign: number & 1 == 1, large: u64::from(number) << 9, small: (number & 2 == 0).then_some(number as u16) }
}

#[test]
fn values_of_any_type_move_between_lanes() {
    let bits = |value: Padded| [u64::from(value.sign), value.large, value.small.map_or(u64::MAX, u64::from)];
    compare(
        padded,
        |wave, values| {
            let moved = wave.shuffle(values, |item| (item.lane() * 5 + 3) % 64);
            wave.varying(|item| bits(moved.get(&item)))
        },
        |values| {
            let from = |lane: usize| values.get((lane * 5 + 3) % 64).copied().unwrap_or(values[lane]);
            (0..values.len()).map(|lane| bits(from(lane))).collect()
        },
    );
    compare(
        |_| (),
        |wave, values| {
            let moved = wave.shuffle_down(values, 1);
            wave.varying(|item| {
                let () = moved.get(&item);
                0u32
            })
        },
        |values| vec![0; values.len()],
    );
}

#[test]
fn shuffles_reach_other_lanes_or_leave_the_value() {
    for distance in [0, 1, 3, 16, 63, 64, usize::MAX] {
        compare(
            scrambled,
            |wave, values| wave.shuffle_up(values, distance),
            |values| {
                let from = |lane: usize| lane.checked_sub(distance).unwrap_or(lane);
                (0..values.len()).map(|lane| values[from(lane)]).collect()
            },
        );
        compare(
            scrambled,
            |wave, values| wave.shuffle_down(values, distance),
            |values| {
                let from = |lane: usize| lane.checked_add(distance).and_then(|lane| values.get(lane));
                (0..values.len()).map(|lane| *from(lane).unwrap_or(&values[lane])).collect()
            },
        );
        compare(
            scrambled,
            |wave, values| wave.shuffle_xor(values, distance),
            |values| (0..values.len()).map(|lane| *values.get(lane ^ distance).unwrap_or(&values[lane])).collect(),
        );
    }
}

#[test]
fn scans_combine_what_stands_before() {
    // Not commutative: the composition of affine functions.
    type Affine = [u32; 2];
    fn compose([a, b]: Affine, [c, d]: Affine) -> Affine {
        [a.wrapping_mul(c), c.wrapping_mul(b).wrapping_add(d)]
    }
    let value = |i| [scrambled(i), scrambled(i + 1000)];
    let scan = |values: &[Affine]| {
        let mut all = values.iter().copied();
        let first = all.next().unwrap();
        let mut scanned = vec![first];
        all.fold(first, |before, value| {
            scanned.push(compose(before, value));
            compose(before, value)
        });
        scanned
    };
    compare(
        value,
        |wave, values| {
            let (scanned, all) = wave.inclusive_scan(values, compose);
            wave.varying(|item| [scanned.get(&item), all])
        },
        |values| scan(values).iter().map(|&up_to| [up_to, *scan(values).last().unwrap()]).collect(),
    );
    compare(
        value,
        |wave, values| {
            let (scanned, all) = wave.exclusive_scan([1, 0], values, compose);
            wave.varying(|item| [scanned.get(&item), all])
        },
        |values| {
            let up_to = scan(values);
            let all = *up_to.last().unwrap();
            [[1, 0]].into_iter().chain(up_to).take(values.len()).map(|before| [before, all]).collect()
        },
    );
}

#[test]
fn votes_count_the_wave_s_lanes_alone() {
    for modulus in [1, 2, 7, 1000] {
        compare(
            |i| scrambled(i).is_multiple_of(modulus),
            |wave, condition| {
                let (ballot, count) = (wave.ballot(condition), wave.count(condition));
                let (any, all) = (wave.any(condition), wave.all(condition));
                wave.varying(|_| [ballot, count.into(), any.into(), all.into()])
            },
            |values| {
                let ballot = values.iter().rev().fold(0, |bits, &bit| bits << 1 | u64::from(bit));
                let count = values.iter().filter(|&&value| value).count();
                let row = [ballot, count as u64, (count > 0).into(), (count == values.len()).into()];
                vec![row; values.len()]
            },
        );
    }
}

#[test]
fn one_lane_s_value_reaches_all() {
    compare(
        scrambled,
        |wave, values| {
            let (first, last) = (wave.read_first(values), wave.broadcast(values, wave.lanes() - 1));
            wave.varying(|_| [first, last])
        },
        |values| vec![[values[0], *values.last().unwrap()]; values.len()],
    );
}

#[test]
fn once_is_one_lane() {
    for device in devices() {
        for &items in GROUPS {
            let mut tickets = vec![0u32; 1];
            let buffer = written(&mut tickets);
            let mut places = vec![0u32; items as usize];
            let out = written(&mut places);
            device.group([items], [items], |wg: Workgroup<1>, scope| {
                // SAFETY: atomics for one; one element for each item for the other.
                let (tickets, out) = unsafe { (load::<Atomics<u32>>(buffer, scope), load::<Out<u32>>(out, scope)) };
                wg.waves(|wave| {
                    // One atomic operation for the places of all lanes.
                    let lanes = wave.lanes() as u32;
                    let first = wave.once(|item| {
                        assert_eq!(item.lane(), 0);
                        tickets.at(0).fetch_add(&item, lanes)
                    });
                    wave.each(|item| out.set(&item, first + item.lane() as u32));
                });
            });
            assert_eq!(tickets, [items], "{device:?}");
            places.sort_unstable();
            assert!(places.iter().enumerate().all(|(i, &place)| place == i as u32), "{device:?}: {places:?}");
        }
    }
}

/// Lanes are items in the order of their numbers, whatever the group's shape is; items beyond the edge are lanes.
#[test]
fn lanes_go_through_a_group_row_by_row() {
    fn check<const D: usize>(grid: [u32; D], group: [u32; D]) {
        for device in devices() {
            let n: u32 = grid.iter().product();
            let mut results = vec![[u32::MAX; 4]; n as usize];
            let out = written(&mut results);
            device.group(grid, group, |wg: Workgroup<D>, scope| {
                // SAFETY: one element for each item.
                let out = unsafe { load::<Out<[u32; 4]>>(out, scope) };
                wg.waves(|wave| {
                    let numbers = wave.varying(|item| item.local_index() as u32);
                    let inside = wave.varying_or(0, |_| 1);
                    let first = wave.read_first(&numbers);
                    let count = wave.reduce(&inside, |a, b| a + b);
                    let (index, lanes) = (wave.index() as u32, wave.lanes() as u32);
                    wave.each_local(|item| assert_eq!(numbers.get(&item), first + item.lane() as u32));
                    wave.each(|item| out.set(&item, [index, lanes, item.lane() as u32, count]));
                });
            });
            let items: u32 = group.iter().product();
            let width = width(device, items) as u32;
            let at = |index: u32, size: [u32; D]| {
                let mut rest = index;
                size.map(|n| (rest % n, rest /= n).0)
            };
            for id in 0..n {
                let place = at(id, grid);
                let local: [u32; D] = std::array::from_fn(|axis| place[axis] % group[axis]);
                let number = (0..D).rev().fold(0, |number, axis| number * group[axis] + local[axis]);
                let first = number / width * width;
                let lanes = width.min(items - first);
                let inside = (first..first + lanes).filter(|&other| {
                    let other = at(other, group);
                    (0..D).all(|axis| place[axis] - local[axis] + other[axis] < grid[axis])
                });
                let expected = [number / width, lanes, number % width, inside.count() as u32];
                assert_eq!(results[id as usize], expected, "{device:?}: item {id} of {grid:?} in {group:?}");
            }
        }
    }
    check([11], [5]);
    if !cfg!(miri) {
        check([20, 9], [16, 4]);
        check([13, 7], [6, 5]);
        check([5, 4, 3], [3, 2, 2]);
        check([9, 4, 3], [8, 2, 2]);
    }
}

/// What a wave has computed together decides where it goes.
#[test]
fn wave_scope_is_uniform() {
    for device in devices() {
        let results = results(device, 12, |wg, out| {
            let rounds = wg.group_index() + 3;
            wg.waves(|wave| {
                let mut sums = wave.varying(|item| item.x() as u32);
                for round in 0..rounds {
                    let all = wave.reduce(&sums, u32::wrapping_add);
                    if all % 2 == 1 {
                        sums = wave.varying(|item| sums.get(&item) + round as u32);
                    } else {
                        sums = wave.shuffle_xor(&sums, 1);
                    }
                }
                wave.each(|item| out.set(&item, sums.get(&item)));
            });
        });
        let mut expected = Vec::new();
        for group in 0..2 {
            let numbers: Vec<u32> = (0..12).map(|i| group * 12 + i).collect();
            for lanes in numbers.chunks(width(device, 12)) {
                let mut lanes = lanes.to_vec();
                for round in 0..group + 3 {
                    if lanes.iter().sum::<u32>() % 2 == 1 {
                        lanes.iter_mut().for_each(|value| *value += round);
                    } else {
                        let old = lanes.clone();
                        lanes = (0..old.len()).map(|lane| *old.get(lane ^ 1).unwrap_or(&old[lane])).collect();
                    }
                }
                expected.extend(lanes);
            }
        }
        assert_eq!(results, expected[..18], "{device:?}");
    }
}
