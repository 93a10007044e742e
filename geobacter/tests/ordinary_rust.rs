//! Ordinary Rust in kernels: every device computes what the same function computes when it is simply called.
#![forbid(unsafe_code)]

use geobacter::prelude::*;

/// Runs a kernel `u32 -> u64` over some inputs on every device, and compares with the function itself.
macro_rules! on_every_device {
    ($($name:ident, $kernel:ident, $function:path;)*) => { $(
        #[kernel(workgroup = 64)]
        fn $kernel(item: Item<1>, input: In<u32>, output: Out<u64>) {
            output.set(&item, $function(input[&item]));
        }

        #[test]
        fn $name() {
            let input: Vec<u32> = (0..150u32).map(|i| i.wrapping_mul(2_654_435_761) >> (i % 29)).collect();
            let expected: Vec<u64> = input.iter().map(|&x| $function(x)).collect();
            for device in geobacter::devices().present {
                let x = device.upload(&input).expect("uploads");
                let mut y = device.zeroed::<u64>(input.len()).expect("allocates");
                $kernel::launch(&device, input.len(), &x, &mut y).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(y.download().expect("downloads"), expected, "{}", device.id());
            }
        }
    )* };
}

on_every_device! {
    iterators, iterators_kernel, iterate;
    slices, slices_kernel, search;
    enums, enums_kernel, areas;
    closures, closures_kernel, compose;
    wide_division, wide_division_kernel, divide;
    recursion, recursion_kernel, recurse;
    local_arrays, local_arrays_kernel, sort;
    double_precision, double_precision_kernel, double;
    library_mathematics, library_mathematics_kernel, transcendental;
    strings, strings_kernel, hash_of_name;
    bytes_and_halves, bytes_and_halves_kernel, narrow;
    options, options_kernel, option_chain;
    conversions, conversions_kernel, convert;
    checked_arithmetic, checked_arithmetic_kernel, checked;
}

fn iterate(x: u32) -> u64 {
    let n = x % 40;
    let sums = (0..n).step_by(3).zip((0..n).rev()).map(|(a, b)| u64::from(a * b)).filter(|v| v % 2 == 0).sum::<u64>();
    let windows: [u32; 9] = std::array::from_fn(|i| x.rotate_left(i as u32 * 3) % 100);
    let best = windows.windows(3).map(|w| w.iter().sum::<u32>()).max().unwrap_or(0);
    sums + u64::from(best) + windows.chunks(2).fold(7u64, |a, c| a * 31 + u64::from(c[0]))
}

fn search(x: u32) -> u64 {
    const PRIMES: [u32; 16] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53];
    let needle = x % 60;
    let (low, high) = PRIMES.split_at((x % 17) as usize);
    let found = match PRIMES.binary_search(&needle) {
        Ok(at) => at as u64,
        Err(at) => 100 + at as u64,
    };
    let tail = match high {
        [] => 0,
        [one] => u64::from(*one),
        [first, .., last] => u64::from(first * last),
    };
    found * 1000 + tail + low.iter().rev().take(2).map(|&p| u64::from(p)).product::<u64>()
}

enum Shape {
    Circle { radius: f64 },
    Square(f64),
    Rectangle(f64, f64),
    Empty,
}

impl Shape {
    fn area(&self) -> f64 {
        match self {
            Self::Circle { radius } => 3.25 * radius * radius,
            Self::Square(side) => side * side,
            Self::Rectangle(a, b) => a * b,
            Self::Empty => 0.0,
        }
    }
}

fn areas(x: u32) -> u64 {
    let side = f64::from(x % 1000) / 8.0;
    let shapes = [
        Shape::Circle { radius: side },
        match x % 3 {
            0 => Shape::Square(side + 1.0),
            1 => Shape::Rectangle(side, 2.5),
            _ => Shape::Empty,
        },
    ];
    shapes.iter().map(Shape::area).sum::<f64>().to_bits()
}

fn compose(x: u32) -> u64 {
    let step = x % 7 + 1;
    let twice = |f: &dyn_free::Adder| f.call(f.call(x % 1000));
    let adder = dyn_free::Adder { step };
    let captured = |v: u32| v * step + twice(&adder);
    u64::from(captured(3)) + (0..step).map(captured).map(u64::from).sum::<u64>()
}

mod dyn_free {
    /// A function object without a trait object.
    pub struct Adder {
        pub step: u32,
    }

    impl Adder {
        pub fn call(&self, x: u32) -> u32 {
            x + self.step
        }
    }
}

fn divide(x: u32) -> u64 {
    let a = u128::from(x).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    let b = u128::from(x % 97 + 1) << (x % 70);
    let signed = (a as i128) / -(b as i128 | 1);
    ((a / b) ^ (a % b)) as u64 ^ (signed as u64) ^ ((a >> 64) as u64 / u64::from(x | 1))
}

fn ackermann(m: u32, n: u32) -> u32 {
    match (m, n) {
        (0, n) => n + 1,
        (m, 0) => ackermann(m - 1, 1),
        (m, n) => ackermann(m - 1, ackermann(m, n - 1)),
    }
}

fn is_even(n: u32) -> bool {
    n == 0 || is_odd(n - 1)
}

fn is_odd(n: u32) -> bool {
    n != 0 && is_even(n - 1)
}

fn recurse(x: u32) -> u64 {
    u64::from(ackermann(x % 3, x % 5)) * 2 + u64::from(is_even(x % 23))
}

fn sort(x: u32) -> u64 {
    let mut values = [0u32; 24];
    let mut state = x | 1;
    for value in &mut values {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        *value = state % 1000;
    }
    let mut by_insertion = values;
    for i in 1..by_insertion.len() {
        let mut j = i;
        while j > 0 && by_insertion[j - 1] > by_insertion[j] {
            by_insertion.swap(j - 1, j);
            j -= 1;
        }
    }
    values.sort_unstable();
    let same = values == by_insertion;
    values.iter().fold(u64::from(same), |hash, &v| hash.wrapping_mul(31).wrapping_add(u64::from(v)))
}

fn double(x: u32) -> u64 {
    let v = f64::from(x) / 1024.0 + 0.5;
    let mut matrix = [[v, 1.0, 2.0], [3.0, v * v, 4.0], [5.0, 6.0, 1.0 / v]];
    for pivot in 0..3 {
        for row in pivot + 1..3 {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let above = matrix[pivot];
            for (value, above) in matrix[row].iter_mut().zip(above).skip(pivot) {
                *value -= factor * above;
            }
        }
    }
    let determinant = matrix[0][0] * matrix[1][1] * matrix[2][2];
    let exact = v.sqrt() + v.mul_add(v, -1.5).abs() + v.floor() + v.round() + v.fract() + v.powi(3) + v.min(3.0);
    (determinant + exact + (v % 0.75)).to_bits()
}

fn transcendental(x: u32) -> u64 {
    // The `libm` crate by name: host and device compute the same bits.
    let v = f64::from(x % 100_000) / 777.0 + 0.1;
    let a = libm::sin(v) * libm::exp(-v / 100.0) + libm::log(v) + libm::cbrt(v) + libm::sqrt(v);
    let b = libm::cosf(v as f32) + libm::powf(v as f32, 0.3) + libm::atan2f(v as f32, 2.0);
    a.to_bits() ^ u64::from(b.to_bits())
}

fn hash_of_name(x: u32) -> u64 {
    let name = ["alpha", "beta", "gamma", "delta", "epsilon"][(x % 5) as usize];
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    hash + u64::from(name.starts_with("ga")) + name.len() as u64 * 3 + u64::from(name == "delta")
}

fn narrow(x: u32) -> u64 {
    let bytes = x.to_le_bytes();
    let mut swapped = bytes;
    swapped.reverse();
    let halves = [x as u16, (x >> 16) as u16].map(|h| h.wrapping_mul(257).leading_zeros() as u8);
    let signed = bytes.map(|b| b as i8).iter().map(|&b| i64::from(b)).sum::<i64>();
    let sum = u64::from(u32::from_le_bytes(swapped)) + u64::from(halves[0]) * 3 + u64::from(halves[1]);
    sum.wrapping_add_signed(signed)
}

fn option_chain(x: u32) -> u64 {
    let parsed = (!x.is_multiple_of(3)).then_some(x).and_then(|v| v.checked_sub(10)).map_or(7, |v| v / 2);
    let result: Result<u32, u8> = if x.is_multiple_of(5) { Err((x % 256) as u8) } else { Ok(parsed) };
    match result {
        Ok(v) => u64::from(v),
        Err(code) => u64::from(code) + (1 << 40),
    }
}

fn convert(x: u32) -> u64 {
    let f = x as f32 / 3.0;
    let d = f64::from(f) - 1e9;
    let values = [
        u64::from(f as u8),
        u64::from(d as u32),
        d as i64 as u64,
        u64::from((f64::from(f) as f32).to_bits()),
        (u64::from(x) as f32) as u64,
        u64::from((f32::NAN * f) as u16),
    ];
    values.iter().fold(0, |hash: u64, v| hash.wrapping_mul(1_000_003) ^ v)
}

fn checked(x: u32) -> u64 {
    let sum = x.checked_add(0xF000_0000).map_or(1, u64::from);
    let (product, overflow) = x.overflowing_mul(0x1001);
    sum ^ u64::from(product)
        ^ u64::from(overflow)
        ^ u64::from(x.saturating_sub(1000))
        ^ u64::from(x.count_ones())
        ^ u64::from(x.pow(2 * u32::from(x < 1000)))
}
