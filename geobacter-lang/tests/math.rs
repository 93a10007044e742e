//! The device's mathematical functions against the host's.

// Links the crate, whose functions are found by name.
use geobacter_lang as _;

unsafe extern "C" {
    safe fn __gb_math_sin(x: f64) -> f64;
    safe fn __gb_math_atan2(y: f64, x: f64) -> f64;
    safe fn __gb_math_pow(x: f64, y: f64) -> f64;
    safe fn __gb_math_log1pf(x: f32) -> f32;
    safe fn __gb_math_powi(x: f64, power: i32) -> f64;
    safe fn __gb_math_powif(x: f32, power: i32) -> f32;
}

fn close(device: f64, host: f64) -> bool {
    (device - host).abs() <= 4.0 * f64::EPSILON * host.abs().max(1e-300)
}

#[test]
fn functions_agree_with_the_host_to_the_last_places() {
    for i in -500..500 {
        let x = f64::from(i) * 0.37 + 0.01;
        assert!(close(__gb_math_sin(x), x.sin()), "sin({x})");
        assert!(close(__gb_math_atan2(x, 1.5), x.atan2(1.5)), "atan2({x}, 1.5)");
        assert!(close(__gb_math_pow(x.abs(), 1.7), x.abs().powf(1.7)), "pow({x}, 1.7)");
        let y = x.abs() as f32;
        assert!((__gb_math_log1pf(y) - y.ln_1p()).abs() <= 4.0 * f32::EPSILON * y.ln_1p(), "log1pf({y})");
    }
    assert!(__gb_math_sin(f64::INFINITY).is_nan());
}

#[test]
fn integer_powers_are_the_hosts_bit_for_bit() {
    // Hidden from constant folding, which computes in its own way.
    let host = |x: f64, power: i32| std::hint::black_box(x).powi(std::hint::black_box(power));
    let host_f32 = |x: f32, power: i32| std::hint::black_box(x).powi(std::hint::black_box(power));
    for power in (-40..=40).chain([i32::MIN, i32::MAX, 1000]) {
        for x in [0.0, -0.0, 1.0, -1.1, 0.3, 7.7, 1e10, f64::INFINITY, f64::NAN] {
            assert_eq!(__gb_math_powi(x, power).to_bits(), host(x, power).to_bits(), "{x} to {power}");
            let x = x as f32;
            assert_eq!(__gb_math_powif(x, power).to_bits(), host_f32(x, power).to_bits(), "{x} to {power}");
        }
    }
}
