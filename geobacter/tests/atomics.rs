//! Atomic operations of every type and scope, on every device: what many items do to one number in any order is what plain Rust does.
#![forbid(unsafe_code)]

use std::fmt::Debug;

use geobacter::{
    Element,
    atomic::{AtomicElement, AtomicInteger, Atomics, scope},
    prelude::*,
};

/// Sum, least, greatest; how often a value was given back that somebody had put there; and a sum by compare-and-exchange.
#[kernel(workgroup = 64)]
fn numbers<T: AtomicElement + PartialEq, S: scope::BufferScope>(
    item: Item<1>,
    add: impl Fn(T, T) -> T + Copy,
    x: In<T>,
    results: Atomics<T, S>,
    seen: Atomics<u32>,
) {
    let value = x[&item];
    results.at(0).fetch_add(&item, value);
    results.at(1).fetch_min(&item, value);
    results.at(2).fetch_max(&item, value);
    if results.at(3).exchange(&item, value) == value {
        seen.at(0).fetch_add(&item, 1);
    }
    let mut current = results.at(4).load(&item);
    while let Err(found) = results.at(4).compare_exchange(&item, current, add(current, value)) {
        current = found;
    }
    // By all: on some GPUs it is the instruction of a plain store, and yet no mistake.
    results.at(5).store(&item, value);
}

#[kernel(workgroup = 64)]
fn bits<T: AtomicInteger, S: scope::BufferScope>(item: Item<1>, x: In<T>, results: Atomics<T, S>) {
    let value = x[&item];
    results.at(0).fetch_and(&item, value);
    results.at(1).fetch_or(&item, value);
    results.at(2).fetch_xor(&item, value);
}

/// More items than one group has, and not a whole number of groups.
const ITEMS: usize = 1000;

macro_rules! check_numbers {
    ($($name:ident: $ty:ty, $value:expr, $zero:expr, $add:expr;)*) => { $(
        #[test]
        fn $name() {
            let x: Vec<$ty> = (0..ITEMS).map($value).collect();
            let sum = x.iter().copied().fold::<$ty, fn($ty, $ty) -> $ty>($zero, $add);
            let least = x.iter().copied().reduce(|a, b| if b < a { b } else { a }).unwrap();
            let greatest = x.iter().copied().reduce(|a, b| if b > a { b } else { a }).unwrap();
            for device in geobacter::devices().present {
                check_numbers!(@scope scope::Device, device, $ty, x, $zero, $add, sum, least, greatest);
                check_numbers!(@scope scope::System, device, $ty, x, $zero, $add, sum, least, greatest);
            }
        }
    )* };
    (@scope $scope:ty, $device:ident, $ty:ty, $x:ident, $zero:expr, $add:expr, $sum:ident, $least:ident, $greatest:ident) => {
        let input = $device.upload(&$x).unwrap();
        let mut results = $device.upload(&[$zero, $x[0], $x[0], $x[1], $zero, $zero]).unwrap();
        let mut seen = $device.zeroed::<u32>(1).unwrap();
        numbers::launch::<$ty, $scope, _>(&$device, ITEMS, $add, &input, &mut results, &mut seen).unwrap();
        let results = results.download().unwrap();
        let place = format!("{} on {}", std::any::type_name::<$scope>(), $device.id());
        assert_eq!([results[0], results[1], results[2], results[4]], [$sum, $least, $greatest, $sum], "{place}");
        assert!(among(&$x, results[3]) && among(&$x, results[5]), "{place}: {results:?}");
    };
}

fn among<T: Element + PartialEq + Debug>(values: &[T], value: T) -> bool {
    values.contains(&value)
}

// Sums of these floating-point numbers are exact in any order.
check_numbers! {
    u32_numbers: u32, |i| (i as u32).wrapping_mul(0x9e37_79b9), 0, |a, b| a.wrapping_add(b);
    i32_numbers: i32, |i| (i as i32).wrapping_mul(0x1e37_79b9), 0, |a, b| a.wrapping_add(b);
    u64_numbers: u64, |i| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15), 0, |a, b| a.wrapping_add(b);
    i64_numbers: i64, |i| (i as i64).wrapping_mul(0x1e37_79b9_7f4a_7c15), 0, |a, b| a.wrapping_add(b);
    f32_numbers: f32, |i| (i as f32 - 321.0) * 0.5, 0.0, |a, b| a + b;
    f64_numbers: f64, |i| (i as f64 - 321.0) * 0.125, 0.0, |a, b| a + b;
}

macro_rules! check_bits {
    ($($name:ident: $ty:ty;)*) => { $(
        #[test]
        fn $name() {
            let x: Vec<$ty> = (1..=ITEMS as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) as $ty | 0x10).collect();
            let all = |combine: fn($ty, $ty) -> $ty, from: $ty| x.iter().copied().fold(from, combine);
            let expected = [all(|a, b| a & b, !0), all(|a, b| a | b, 0), all(|a, b| a ^ b, 0)];
            for device in geobacter::devices().present {
                let input = device.upload(&x).unwrap();
                let start: [$ty; 3] = [!0, 0, 0];
                let mut results = device.upload(&start).unwrap();
                bits::launch::<$ty, scope::Device>(&device, ITEMS, &input, &mut results).unwrap();
                assert_eq!(results.download().unwrap(), expected, "{}", device.id());
                let mut results = device.upload(&start).unwrap();
                bits::launch::<$ty, scope::System>(&device, ITEMS, &input, &mut results).unwrap();
                assert_eq!(results.download().unwrap(), expected, "{}, system", device.id());
            }
        }
    )* };
}

check_bits! {
    u32_bits: u32;
    i32_bits: i32;
    u64_bits: u64;
    i64_bits: i64;
}
