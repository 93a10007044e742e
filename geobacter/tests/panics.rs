//! Panics of kernels say the same on every device: message, values and place.
#![forbid(unsafe_code)]

use std::num::{NonZero, Wrapping};

use geobacter::{Device, KernelPanic, LaunchError, prelude::*};
use proptest::prelude::*;

/// Runs a kernel on one device, with one item for each input.
type Run = fn(&Device, &[u64]) -> Result<(), LaunchError>;

macro_rules! kernels {
    ($($kernel:ident: $function:path;)*) => {
        $(
            #[kernel(workgroup = 64)]
            fn $kernel(item: Item<1>, input: In<u64>, output: Out<u64>) {
                output.set(&item, $function(input[&item]));
            }
        )*

        /// All kernels by name.
        const KERNELS: &[(&str, Run)] = &[$((stringify!($kernel), |device, inputs| {
            let x = device.upload(inputs).unwrap();
            let mut y = device.zeroed::<u64>(inputs.len()).unwrap();
            $kernel::launch(device, inputs.len(), &x, &mut y)
        }),)*];
    };
}

kernels! {
    asserts: assert_with_values;
    asserts_equal: assert_equal;
    asserts_equal_words: assert_equal_words;
    asserts_different: assert_different_with_message;
    integers: show_integers;
    small_integers: show_small_integers;
    wide_integers: show_wide_integers;
    floats: show_floats;
    words: show_words;
    counts: show_counts;
    references: show_references;
    wrapped: show_wrapped;
    results: unwrap_result;
    conversions: unwrap_conversion;
    expectations: expect_result;
    options: expect_option;
    ranges: range_of_slice;
    indices: index;
    copies: copy;
    arithmetic: add;
    division: divide;
    unreachable_code: not_reached;
    unfinished: not_done;
    constants: constant_arguments;
    many: more_than_are_carried;
}

fn assert_with_values(x: u64) -> u64 {
    let n = x / 2;
    assert!(x < n, "x = {x}, n = {n}");
    n
}

fn assert_equal(x: u64) -> u64 {
    assert_eq!(x as u8, !(x as u8));
    x
}

/// The toolchain's library has the function that ends this for its own use.
fn assert_equal_words(x: u64) -> u64 {
    assert_eq!(x as u32 | 1, x as u32 & !1);
    x
}

fn assert_different_with_message(x: u64) -> u64 {
    let (a, b) = (x as f32, x as f32);
    assert_ne!((a as u64, b).0, a as u64, "{:?} of {}", "both", x as i16);
    x
}

fn show_integers(x: u64) -> u64 {
    let (a, b) = (x as u32, x as i32);
    panic!("{a} {b:+} {a:x} {a:#X} {b:#b} {b:08} {a:<12}| {b:^12} {a:*>14} {b:?}")
}

fn show_small_integers(x: u64) -> u64 {
    panic!("{:?} {:03} {:>6} {:e} {:#06x}", x as u8, x as i8, x as u16, x as i16, x as u8)
}

fn show_wide_integers(x: u64) -> u64 {
    let wide = u128::from(x) << 50 | u128::from(x.rotate_left(7));
    panic!("{wide} {:#o} {} {} {:x?} {:X?}", wide as i128, x as usize, x as isize, x, x as i64)
}

fn show_floats(x: u64) -> u64 {
    let (a, b) = (f64::from_bits(x), f32::from_bits(x as u32));
    panic!("{a:?} {b:?} {b:.3} {:e} {:+09.2}", a, b as f64)
}

fn show_words(x: u64) -> u64 {
    let name = ["zero", "one", "two\n"][x as usize % 3];
    let letter = char::from_u32(x as u32 % 0x3000).unwrap_or('?');
    panic!("{name} {name:?} {name:>8.2}| {letter} {letter:?} {letter:^5} {} {:?}", x.is_multiple_of(2), ())
}

fn show_counts(x: u64) -> u64 {
    let (width, digits) = (x as usize % 20, x as usize % 5);
    panic!("{:width$} {:>1$.2$}", x as u16, width, digits)
}

fn show_references(x: u64) -> u64 {
    let once = &x;
    let twice = &once;
    panic!("{once} {twice:?} {:?}", &twice)
}

fn show_wrapped(x: u64) -> u64 {
    let odd = NonZero::new(x | 1).unwrap();
    panic!("{odd} {:?} {}", odd, Wrapping(x as u8))
}

fn unwrap_result(x: u64) -> u64 {
    let result: Result<u64, i32> = if x == 0 { Ok(1) } else { Err(x as i32) };
    result.unwrap()
}

fn unwrap_conversion(x: u64) -> u64 {
    u8::try_from(x | 256).unwrap().into()
}

fn expect_result(x: u64) -> u64 {
    let result: Result<u64, &str> = if x == 0 { Ok(1) } else { Err("it is not") };
    result.expect("zero")
}

fn expect_option(x: u64) -> u64 {
    (x == 0).then_some(1).expect("it should be zero")
}

fn range_of_slice(x: u64) -> u64 {
    let values = [x; 10];
    let (start, end) = (x as usize % 16, (x >> 8) as usize % 16);
    // Most of them do not lie in it.
    values[start..end].iter().sum::<u64>() + values[12 + start..][0]
}

fn index(x: u64) -> u64 {
    [1, 2, 3][3 + x as usize % 1000]
}

fn copy(x: u64) -> u64 {
    let (mut to, from) = ([0; 8], [x; 8]);
    let length = x as usize % 8;
    to[..length].copy_from_slice(&from[..length + 1]);
    to[0]
}

fn add(x: u64) -> u64 {
    x.checked_add(1).map_or(0, |_| (x as u8 | 255).strict_add(1).into())
}

fn divide(x: u64) -> u64 {
    x / (x >> 63 & x << 1 & 1)
}

fn not_reached(x: u64) -> u64 {
    unreachable!("but {} is here", x as u32)
}

fn not_done(x: u64) -> u64 {
    match x {
        0 => todo!(),
        1 => todo!("{} to do", x),
        2 => unimplemented!(),
        _ => panic!("{}", x),
    }
}

fn constant_arguments(_: u64) -> u64 {
    const LIMIT: u32 = 12;
    panic!("{LIMIT} {:?} {}", LIMIT as f32, concat!("a", "b"))
}

fn more_than_are_carried(x: u64) -> u64 {
    panic!("{} {} {} {} {} {} {} {}", x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6, x + 7)
}

fn panic_on(device: &Device, run: Run, inputs: &[u64]) -> Option<KernelPanic> {
    match run(device, inputs) {
        Ok(()) => None,
        Err(LaunchError::Panicked { panic, .. }) => Some(*panic),
        Err(other) => panic!("{other}"),
    }
}

/// What every kernel says of this input.
fn same_everywhere(input: u64) {
    let devices = geobacter::devices().present;
    let host = devices.iter().find(|device| device.id() == "host").expect("the host is a device");
    for (name, run) in KERNELS {
        let expected = panic_on(host, *run, &[input]);
        for device in devices.iter().filter(|&device| device != host) {
            assert_eq!(panic_on(device, *run, &[input]), expected, "{name}({input}) on {}", device.id());
        }
    }
}

#[test]
fn messages_are_the_same_on_every_device() {
    for input in [0, 1, 2, 7, 0x1234_5678_9abc_def0, 0x7ff0_0000_7f80_0000, 0xfff8_0000_ffc0_0000, u64::MAX - 8] {
        same_everywhere(input);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn messages_are_the_same_for_all_values(input in 0..u64::MAX - 8) {
        same_everywhere(input);
    }
}

/// The host's panics are rustc's own: this says that the kernels above panic at all, and with values.
#[test]
fn messages_have_values() {
    for device in geobacter::devices().present {
        let message = |name: &str, input| {
            let (_, run) = KERNELS.iter().find(|kernel| kernel.0 == name).expect("a kernel");
            panic_on(&device, *run, &[input]).expect("a panic").message
        };
        assert_eq!(message("asserts", 8), "x = 8, n = 4");
        assert_eq!(message("asserts_equal", 1), "assertion `left == right` failed\n  left: 1\n right: 254");
        assert_eq!(
            message("asserts_different", 3),
            "assertion `left != right` failed: \"both\" of 3\n  left: 3\n right: 3"
        );
        assert_eq!(message("floats", 0x3ff8_0000_3fc0_0000).split(' ').next(), Some("1.5000002374872565"));
        assert_eq!(message("words", 3 * 97), "zero \"zero\"       ze| ģ 'ģ'   ģ   false ()");
        assert_eq!(message("results", 5), "called `Result::unwrap()` on an `Err` value: 5");
        assert_eq!(message("expectations", 5), "zero: \"it is not\"");
        assert_eq!(message("ranges", 0x0c03), "range end index 12 out of range for slice of length 10");
        assert_eq!(message("arithmetic", 3), "attempt to add with overflow");
        assert_eq!(message("many", 1), "1 2 3 4 5 6 7 8");
    }
}

/// A type whose values a device does not carry.
#[derive(Debug)]
struct Pair(#[allow(dead_code, reason = "shown by Debug")] u64, #[allow(dead_code, reason = "shown by Debug")] u64);

#[kernel(workgroup = 64)]
fn shows_a_pair(item: Item<1>, input: In<u64>, output: Out<u64>) {
    let x = input[&item];
    output.set(&item, x);
    panic!("{} of {:?}", x, Pair(x, x));
}

#[test]
fn what_is_not_carried_leaves_its_place_holder() {
    for device in geobacter::devices().present {
        let x = device.upload(&[3]).unwrap();
        let mut y = device.zeroed(1).unwrap();
        let Err(LaunchError::Panicked { panic, .. }) = shows_a_pair::launch(&device, 1, &x, &mut y) else { panic!() };
        let expected = if device.id() == "host" { "3 of Pair(3, 3)" } else { "3 of {}" };
        assert_eq!(panic.message, expected);
    }
}
