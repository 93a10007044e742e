//! Wave scope on every device, whatever the size of its waves, against what iterators compute.
#![forbid(unsafe_code)]

use std::fmt::Debug;

use geobacter::{Device, DeviceKind, GroupValue, LaunchError, prelude::*};
use proptest::prelude::*;

/// Items of the groups below: one and a half waves of 64, three of 32, and many of the host's.
const GROUP: usize = 96;

/// Whether `a` and `b` are the same value, for floats up to the rounding of some additions.
trait Close: Element + GroupValue + Debug {
    fn is_close(self, other: Self) -> bool;
}

macro_rules! exact {
    ($($ty:ty),*) => { $( impl Close for $ty { fn is_close(self, other: Self) -> bool { self == other } } )* };
}
exact!(u8, i16, u32, i64, u128, [u32; 2], [u8; 5]);

impl Close for f32 {
    fn is_close(self, other: Self) -> bool {
        (self - other).abs() <= 1e-5 * self.abs().max(1.0)
    }
}

impl Close for f64 {
    fn is_close(self, other: Self) -> bool {
        (self - other).abs() <= 1e-13 * self.abs().max(1.0)
    }
}

/// Each item gets what its wave has combined: all, up to the item, and before it; and what other lanes have.
#[kernel(workgroup = 96)]
fn combined<T: Element, F: Fn(T, T) -> T>(
    wg: Workgroup<1>,
    combine: F,
    identity: T,
    distance: u32,
    x: In<T>,
    folds: Out<[T; 4]>,
    moves: Out<[T; 6]>,
) {
    wg.waves(|wave| {
        let values = wave.varying_or(identity, |item| x[&item]);
        let all = wave.reduce(&values, combine);
        let (up_to, total) = wave.inclusive_scan(&values, combine);
        let (before, _) = wave.exclusive_scan(identity, &values, combine);
        wave.each(|item| folds.set(&item, [all, up_to.get(&item), before.get(&item), total]));

        let distance = distance as usize;
        let up = wave.shuffle_up(&values, distance);
        let down = wave.shuffle_down(&values, distance);
        let other = wave.shuffle_xor(&values, distance);
        let turned = wave.shuffle(&values, |item| (3 * item.lane() + distance) % 64);
        let (first, last) = (wave.read_first(&values), wave.broadcast(&values, wave.lanes() - 1));
        wave.each(|item| {
            moves.set(&item, [up.get(&item), down.get(&item), other.get(&item), turned.get(&item), first, last]);
        });
    });
}

/// Launches `combined`, and compares.
fn check_combined<T: Close, F: Fn(T, T) -> T + Copy + Send + Sync + 'static>(
    device: &Device,
    values: &[T],
    identity: T,
    distance: usize,
    combine: F,
) {
    let (n, width) = (values.len(), device.info().wave_size as usize);
    let x = device.upload(values).unwrap();
    let (mut folds, mut moves) = (device.zeroed::<[T; 4]>(n).unwrap(), device.zeroed::<[T; 6]>(n).unwrap());
    combined::launch(device, n, combine, identity, distance as u32, &x, &mut folds, &mut moves).unwrap();
    let (folds, moves) = (folds.download().unwrap(), moves.download().unwrap());
    for group in (0..n).step_by(GROUP) {
        for first in (group..group + GROUP).step_by(width).filter(|&first| first < n) {
            let lanes = width.min(group + GROUP - first);
            let value = |lane: usize| values.get(first + lane).copied().unwrap_or(identity);
            let all = (1..lanes).fold(value(0), |all, lane| combine(all, value(lane)));
            for lane in 0..lanes.min(n - first) {
                let up_to = (1..=lane).fold(value(0), |all, lane| combine(all, value(lane)));
                let before = (0..lane).map(value).reduce(combine).unwrap_or(identity);
                let expected = [all, up_to, before, all];
                let found = folds[first + lane];
                let at = format!("lane {lane} of {lanes}, from {first} of {n}, on {}", device.id());
                assert!(found.iter().zip(expected).all(|(&a, b)| a.is_close(b)), "{at}: {found:?}, {expected:?}");

                let from = |other: usize| value(if other < lanes { other } else { lane });
                let expected = [
                    from(lane.wrapping_sub(distance)),
                    from(lane + distance),
                    from(lane ^ distance),
                    from((3 * lane + distance) % 64),
                    value(0),
                    value(lanes - 1),
                ];
                let found = moves[first + lane];
                assert!(found.iter().zip(expected).all(|(&a, b)| a.is_close(b)), "{at}: {found:?}, {expected:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn waves_combine_and_move_values(values in prop::collection::vec(any::<u64>(), 1..300), distance in 0usize..70) {
        for device in geobacter::devices().present {
            let device = &device;
            macro_rules! check {
                ($ty:ty, $identity:expr, $combine:expr) => {{
                    let values: Vec<$ty> = values.iter().map(|&value| value as $ty).collect();
                    check_combined(device, &values, $identity, distance, $combine);
                }};
            }
            check!(u32, 0, |a, b| a.wrapping_add(b));
            check!(i64, i64::MAX, |a, b| a.min(b));
            check!(u8, 0, |a, b| a ^ b);
            check!(i16, -1, |a, b| a & b);
            check!(u128, 0, |a, b| a | b);
            let small: Vec<f32> = values.iter().map(|&value| (value % 1000) as f32 / 1000.0).collect();
            check_combined(device, &small, 0.0, distance, |a, b| a + b);
            let small: Vec<f64> = values.iter().map(|&value| value as f64 / u64::MAX as f64).collect();
            check_combined(device, &small, 0.0, distance, |a, b| a + b);
            let bytes: Vec<[u8; 5]> = values.iter().map(|value| std::array::from_fn(|i| value.to_le_bytes()[i])).collect();
            check_combined(device, &bytes, [0; 5], distance, |a, b| std::array::from_fn(|i| a[i].max(b[i])));
        }
    }
}

/// A struct with padding and values that not every byte is one of.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    is_large: bool,
    value: u64,
    letter: Option<char>,
}

/// The largest sample of each wave by its value, moved as a whole; votes; and which lanes were counted by one atomic addition.
#[kernel(workgroup = [16, 5])]
fn largest(
    wg: Workgroup<2>,
    x: In<u32>,
    counter: Atomics<u32>,
    largest: Out<[u32; 4]>,
    votes: Out<[u64; 4]>,
    places: Out<u32>,
) {
    wg.waves(|wave| {
        let samples = wave.varying_or(Sample { is_large: false, value: 0, letter: None }, |item| {
            let value = x[&item];
            Sample { is_large: value > 1000, value: value.into(), letter: char::from_u32(value % 60_000) }
        });
        let found = wave.reduce(&samples, |a, b| if b.value > a.value { b } else { a });
        wave.each(|item| {
            let letter = found.letter.map_or(u32::MAX, u32::from);
            largest.set(&item, [found.is_large.into(), found.value as u32, letter, item.lane() as u32]);
        });

        let odd = wave.varying_or(false, |item| x[&item] % 2 == 1);
        let (ballot, any, all, count) = (wave.ballot(&odd), wave.any(&odd), wave.all(&odd), wave.count(&odd));
        wave.each(|item| votes.set(&item, [ballot, any.into(), all.into(), count.into()]));

        // The odd ones get places beside each other.
        let first = if any { wave.once(|item| counter.at(0).fetch_add(&item, count)) } else { 0 };
        wave.each(|item| {
            let before = (ballot & ((1 << item.lane()) - 1)).count_ones();
            places.set(&item, if odd_at(ballot, item.lane()) { first + before } else { u32::MAX });
        });
    });
}

fn odd_at(ballot: u64, lane: usize) -> bool {
    ballot >> lane & 1 == 1
}

#[test]
fn waves_of_planes_choose_and_vote() {
    let (width, height) = (37, 13);
    let x: Vec<u32> = (0..width * height).map(|i| (i as u32).wrapping_mul(2_654_435_761) >> 12).collect();
    for device in geobacter::devices().present {
        let buffer = device.upload(&x).unwrap();
        let mut counter = device.zeroed(1).unwrap();
        let (mut found, mut votes, mut places) = (
            device.zeroed(width * height).unwrap(),
            device.zeroed(width * height).unwrap(),
            device.zeroed(width * height).unwrap(),
        );
        largest::launch(&device, [width, height], &buffer, &mut counter, &mut found, &mut votes, &mut places).unwrap();
        let (found, votes, places) = (found.download().unwrap(), votes.download().unwrap(), places.download().unwrap());
        let size = device.info().wave_size as usize;
        for y in 0..height {
            for column in 0..width {
                let number = column % 16 + 16 * (y % 5);
                let first = number / size * size;
                let lanes = size.min(80 - first);
                let value = |lane: usize| {
                    let other = first + lane;
                    let (x2, y2) = (column / 16 * 16 + other % 16, y / 5 * 5 + other / 16);
                    (x2 < width && y2 < height).then(|| x[y2 * width + x2])
                };
                let most = (0..lanes).filter_map(value).max().unwrap();
                let letter = char::from_u32(most % 60_000).map_or(u32::MAX, u32::from);
                let at = format!("({column}, {y}) on {}", device.id());
                let lane = number - first;
                assert_eq!(found[y * width + column], [u32::from(most > 1000), most, letter, lane as u32], "{at}");
                let odd = |lane| value(lane).is_some_and(|value| value % 2 == 1);
                let ballot = (0..lanes).filter(|&lane| odd(lane)).fold(0u64, |bits, lane| bits | 1 << lane);
                let count = u64::from(ballot.count_ones());
                let expected = [ballot, (count > 0).into(), (count == lanes as u64).into(), count];
                assert_eq!(votes[y * width + column], expected, "{at}");
            }
        }
        let odd = x.iter().filter(|&value| value % 2 == 1).count();
        let mut places: Vec<u32> = places.into_iter().filter(|&place| place != u32::MAX).collect();
        places.sort_unstable();
        assert!(places.iter().enumerate().all(|(i, &place)| i == place as usize), "{}: {places:?}", device.id());
        assert_eq!((places.len(), counter.download().unwrap()[0] as usize), (odd, odd), "{}", device.id());
    }
}

/// Goes as long as lanes have something to do; each wave for itself.
#[kernel(workgroup = 70)]
fn collatz(wg: Workgroup<1>, x: In<u64>, rounds: Out<u32>) {
    wg.waves(|wave| {
        let mut numbers = wave.varying_or(1, |item| x[&item]);
        let mut count = 0;
        while wave.any(&wave.varying(|item| numbers.get(&item) != 1)) {
            numbers = wave.varying(|item| match numbers.get(&item) {
                1 => 1,
                even if even % 2 == 0 => even / 2,
                odd => 3 * odd + 1,
            });
            count += 1;
        }
        wave.each(|item| rounds.set(&item, count));
    });
}

#[test]
fn what_a_wave_has_voted_decides_where_it_goes() {
    let steps = |mut number: u64| {
        let mut steps = 0;
        while number != 1 {
            number = if number.is_multiple_of(2) { number / 2 } else { 3 * number + 1 };
            steps += 1;
        }
        steps
    };
    let x: Vec<u64> = (1..=200).collect();
    for device in geobacter::devices().present {
        let mut rounds = device.zeroed(x.len()).unwrap();
        collatz::launch(&device, x.len(), &device.upload(&x).unwrap(), &mut rounds).unwrap();
        let expected: Vec<u32> = x
            .chunks(70)
            .flat_map(|group| group.chunks(device.info().wave_size as usize))
            .flat_map(|wave| vec![wave.iter().map(|&number| steps(number)).max().unwrap(); wave.len()])
            .collect();
        assert_eq!(rounds.download().unwrap(), expected, "{}", device.id());
    }
}

/// The items `panicking`, from the first to the last, panic before they have a value of a type that not every byte is one of.
/// `reached` counts the items that get behind what their wave does with it.
#[kernel(workgroup = 96)]
fn incomplete(wg: Workgroup<1>, way: u32, panicking: [usize; 2], reached: Atomics<u32>, complete: Atomics<u32>) {
    let check = |x: usize| assert!(x < panicking[0] || x > panicking[1], "an item that panics");
    wg.waves(|wave| {
        let letters = wave.varying(|item| {
            check(item.x());
            'a'
        });
        let letters = match way {
            0 => wave.shuffle(&letters, |item| item.lane() ^ 1),
            1 => {
                let letter = wave.reduce(&letters, |a, b| a.max(b));
                wave.varying(|_| letter)
            }
            2 => wave.inclusive_scan(&letters, |a, b| a.max(b)).0,
            3 => {
                let letter = wave.read_first(&letters);
                wave.varying(|_| letter)
            }
            _ => {
                let letter = wave.once(|item| {
                    check(item.x());
                    'a'
                });
                wave.varying(|_| letter)
            }
        };
        wave.each(|item| {
            assert_eq!(letters.get(&item), 'a', "a value that nobody has given");
            reached.at(item.x()).fetch_add(&item, 1);
        });
    });
    // What comes then still means the same for who is left: nobody waits for ever.
    wg.barrier();
    wg.each(|item| {
        complete.at(0).fetch_add(&item, 1);
    });
}

#[test]
fn nobody_sees_a_value_that_a_panic_kept_from_its_wave() {
    for device in geobacter::devices().present {
        for way in 0..5 {
            // One item, or all of a wave of 64, of one of 32, of the group; nobody.
            for (first, last) in [(0, 0), (40, 40), (95, 95), (0, 63), (64, 95), (0, 95), (1000, 1000)] {
                let (mut reached, mut complete) = (device.zeroed::<u32>(96).unwrap(), device.zeroed::<u32>(1).unwrap());
                let result = incomplete::launch(&device, 96, way, [first, last], &mut reached, &mut complete);
                let at = format!("way {way}, {first} to {last}, on {}: {result:?}", device.id());
                let (reached, complete) = (reached.download().unwrap(), complete.download().unwrap());
                if first >= 96 {
                    result.unwrap();
                    assert_eq!((reached, complete), (vec![1; 96], vec![96]), "{at}");
                    continue;
                }
                let Err(LaunchError::Panicked { panic, .. }) = result else { panic!("{at}") };
                assert_eq!(panic.message, "an item that panics", "{at}");
                assert!((first..=last).contains(&(panic.item[0] as usize)), "{at}");
                let size = device.info().wave_size as usize;
                for (item, reached) in reached.into_iter().enumerate() {
                    let wave = item / size * size..(item / size + 1) * size;
                    let is_missed = (first..=last).any(|panicked| wave.contains(&panicked));
                    // On the host a panic ends the group.
                    let goes_on = match device.info().kind {
                        DeviceKind::Host => item / size < first / size,
                        _ => !is_missed,
                    };
                    assert_eq!(reached, u32::from(goes_on), "item {item}, {at}");
                }
            }
        }
    }
}
