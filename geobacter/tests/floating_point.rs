//! `fp(..)`: without it a kernel computes on every device what the host does, bit for bit; `contract` rounds a product and its sum once;
//! `fast` stays within the bounds that the chapter on the kernel language gives. The code of libraries that rest on exact rounding is
//! never touched.

use std::f32::consts::PI;

use geobacter::{
    __private::core::{archive, code},
    DeviceKind,
    prelude::*,
};
use geobacter_spool::{
    archive::Kernel,
    job::{CompileJob, Emit},
};

/// Arithmetic in which each option can show itself.
fn formula(a: f32, b: f32, c: f32) -> f32 {
    a * b + c
}

/// A module of the same kernels for each option.
macro_rules! kernels {
    ($($option:ident)*) => { $(
        mod $option {
            use geobacter::prelude::*;
            use half::bf16;

            #[kernel(workgroup = 64, fp($option))]
            pub fn product_and_sum(item: Item<1>, a: In<f32>, b: In<f32>, c: In<f32>, y: Out<f32>) {
                y.set(&item, super::formula(a[&item], b[&item], c[&item]));
            }

            #[kernel(workgroup = 64, fp($option))]
            pub fn in_f64(item: Item<1>, a: In<f64>, b: In<f64>, c: In<f64>, y: Out<[f64; 2]>) {
                let (a, b, c) = (a[&item], b[&item], c[&item]);
                y.set(&item, [a * b - c, c - a * b]);
            }

            /// A sum that `core` computes for the kernel.
            #[kernel(workgroup = 64, fp($option))]
            pub fn dot(item: Item<1>, a: Slice<f32>, b: Slice<f32>, y: Out<f32>) {
                y.set(&item, a.iter().zip(b.iter()).map(|(a, b)| a * b).sum());
            }

            #[kernel(workgroup = 64, fp($option))]
            pub fn quotients(item: Item<1>, a: In<f32>, b: In<f32>, y: Out<[f32; 5]>) {
                let (a, b) = (a[&item], b[&item]);
                y.set(&item, [a / b, 1.0 / b, b.sqrt(), 1.0 / a.abs().sqrt(), a % b]);
            }

            #[kernel(workgroup = 64, fp($option))]
            pub fn functions(item: Item<1>, x: In<f32>, y: Out<[f32; 10]>) {
                let x = x[&item];
                let (exp10, positive) = (10f32.powf(x), x.abs());
                y.set(&item, [
                    x.sin(), x.cos(), x.exp(), x.exp2(), exp10, positive.ln(), positive.log2(), positive.log10(), x.tanh(),
                    x.sin() / x.cos(),
                ]);
            }

            #[kernel(workgroup = 64, fp($option))]
            pub fn powers(item: Item<1>, x: In<f32>, n: In<f32>, y: Out<[f32; 4]>) {
                let (x, n) = (x[&item], n[&item]);
                y.set(&item, [x.powf(n), x.powf(2.0), x.powf(n as i32 as f32), x.powi(3)]);
            }

            /// What is computed for exact rounding: `libm` takes numbers apart, `half` computes in software; and functions that no
            /// device has.
            #[kernel(workgroup = 64, fp($option))]
            pub fn exact(item: Item<1>, x: In<f32>, y: Out<[u64; 12]>) {
                let x = x[&item];
                let (wide, short) = (f64::from(x), bf16::from_f32(x));
                y.set(&item, [
                    libm::sinf(x).to_bits().into(),
                    libm::expf(x).to_bits().into(),
                    libm::powf(x.abs(), 1.7).to_bits().into(),
                    libm::erff(x).to_bits().into(),
                    libm::sin(wide).to_bits(),
                    libm::exp(wide).to_bits(),
                    libm::log1p(wide.abs()).to_bits(),
                    libm::cbrt(wide).to_bits(),
                    (short * short + bf16::ONE).to_bits().into(),
                    x.atan().to_bits().into(),
                    wide.cos().to_bits(),
                    // A number is not a number, and nothing is less than everything.
                    u64::from(x.is_nan()) | u64::from(x.is_infinite()) << 1 | u64::from(x < f32::INFINITY) << 2,
                ]);
            }
        }
    )* };
}

kernels! { strict contract fast }

/// A kernel that says nothing.
#[kernel(workgroup = 64)]
fn silent(item: Item<1>, a: In<f32>, b: In<f32>, c: In<f32>, y: Out<f32>) {
    y.set(&item, formula(a[&item], b[&item], c[&item]));
}

/// Numbers of many sizes: the same ones each time.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    (0..count).map(|_| (next() * 2.0 - 1.0) * (next() * 8.0 - 4.0).exp2()).collect()
}

const COUNT: usize = 1000;

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn is_gpu(device: &Device) -> bool {
    device.info().kind != DeviceKind::Host
}

#[test]
fn a_product_and_a_sum_are_rounded_once_where_that_is_asked_for() {
    let [a, b, c] = [1, 2, 3].map(|seed| numbers(COUNT, seed));
    let each = |f: fn(f32, f32, f32) -> f32| -> Vec<u32> {
        bits(&(0..COUNT).map(|i| f(a[i], b[i], c[i])).collect::<Vec<_>>())
    };
    let (twice, once) = (each(formula), each(f32::mul_add));
    assert_ne!(twice, once);
    for device in geobacter::devices().present {
        let [a, b, c] = [&a, &b, &c].map(|values| device.upload(values).unwrap());
        let mut y = device.zeroed(COUNT).unwrap();
        silent::launch(&device, .., &a, &b, &c, &mut y).unwrap();
        assert_eq!(bits(&y.download().unwrap()), twice, "{}", device.id());
        strict::product_and_sum::launch(&device, .., &a, &b, &c, &mut y).unwrap();
        assert_eq!(bits(&y.download().unwrap()), twice, "{}", device.id());
        // The options allow it, and the host does not do it.
        let expected = if is_gpu(&device) { &once } else { &twice };
        contract::product_and_sum::launch(&device, .., &a, &b, &c, &mut y).unwrap();
        assert_eq!(&bits(&y.download().unwrap()), expected, "{}", device.id());
        fast::product_and_sum::launch(&device, .., &a, &b, &c, &mut y).unwrap();
        assert_eq!(&bits(&y.download().unwrap()), expected, "{}", device.id());
    }
}

#[test]
fn so_they_are_in_f64() {
    let [a, b, c] =
        [4, 5, 6].map(|seed| -> Vec<f64> { numbers(COUNT, seed).iter().map(|&x| f64::from(x) / 3.0).collect() });
    let each = |f: fn(f64, f64, f64) -> [f64; 2]| -> Vec<[u64; 2]> {
        (0..COUNT).map(|i| f(a[i], b[i], c[i]).map(f64::to_bits)).collect()
    };
    let twice = each(|a, b, c| [a * b - c, c - a * b]);
    let once = each(|a, b, c| [a.mul_add(b, -c), (-a).mul_add(b, c)]);
    for device in geobacter::devices().present {
        let [a, b, c] = [&a, &b, &c].map(|values| device.upload(values).unwrap());
        let mut y = device.zeroed::<[f64; 2]>(COUNT).unwrap();
        strict::in_f64::launch(&device, .., &a, &b, &c, &mut y).unwrap();
        let of = |y: &[[f64; 2]]| -> Vec<[u64; 2]> { y.iter().map(|pair| pair.map(f64::to_bits)).collect() };
        assert_eq!(of(&y.download().unwrap()), twice, "{}", device.id());
        contract::in_f64::launch(&device, .., &a, &b, &c, &mut y).unwrap();
        assert_eq!(
            of(&y.download().unwrap()),
            if is_gpu(&device) { once.clone() } else { twice.clone() },
            "{}",
            device.id()
        );
    }
}

/// The functions of [`exact`](strict::exact) where they are sure to be what was written: on the host.
#[test]
fn code_that_rests_on_exact_rounding_is_left_alone() {
    let mut x = numbers(COUNT, 7);
    // Where an angle is reduced by tricks, and where there is nothing to compute.
    x.extend([3.0, -100.0, 1e5, 1e10, -3e38, 1e-40, 0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN]);
    let host = geobacter::device("host").unwrap();
    let mut expected = host.zeroed::<[u64; 12]>(x.len()).unwrap();
    strict::exact::launch(&host, .., &host.upload(&x).unwrap(), &mut expected).unwrap();
    let mut expected = expected.download().unwrap();
    for (x, values) in x.iter().zip(&mut expected) {
        // The host's library has other last digits than `libm`, which devices take.
        values[9] = libm::atanf(*x).to_bits().into();
        values[10] = libm::cos(f64::from(*x)).to_bits();
    }
    // No matter which "not a number" it is.
    let canonical = |values: [u64; 12]| -> [u64; 12] {
        std::array::from_fn(|i| match i {
            0..=3 | 9 if f32::from_bits(values[i] as u32).is_nan() => f32::NAN.to_bits().into(),
            4..=7 | 10 if f64::from_bits(values[i]).is_nan() => f64::NAN.to_bits(),
            8 if half::bf16::from_bits(values[i] as u16).is_nan() => half::bf16::NAN.to_bits().into(),
            _ => values[i],
        })
    };
    for device in geobacter::devices().present.into_iter().filter(is_gpu) {
        let input = device.upload(&x).unwrap();
        let mut y = device.zeroed::<[u64; 12]>(x.len()).unwrap();
        for option in ["strict", "contract", "fast"] {
            match option {
                "strict" => strict::exact::launch(&device, .., &input, &mut y).unwrap(),
                "contract" => contract::exact::launch(&device, .., &input, &mut y).unwrap(),
                _ => fast::exact::launch(&device, .., &input, &mut y).unwrap(),
            }
            for ((&x, &expected), found) in x.iter().zip(&expected).zip(y.download().unwrap()) {
                assert_eq!(canonical(found), canonical(expected), "fp({option}) of {x:?} on {}", device.id());
            }
        }
    }
}

#[test]
fn sums_that_core_computes_are_the_kernels_too() {
    let [a, b] = [12, 13].map(|seed| numbers(100, seed));
    let twice: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
    let once = a.iter().zip(&b).fold(-0.0, |sum: f32, (a, b)| a.mul_add(*b, sum));
    assert_ne!(twice.to_bits(), once.to_bits());
    for device in geobacter::devices().present {
        let [a, b] = [&a, &b].map(|values| device.upload(values).unwrap());
        let mut y = device.zeroed(1).unwrap();
        strict::dot::launch(&device, .., &a, &b, &mut y).unwrap();
        assert_eq!(bits(&y.download().unwrap()), [twice.to_bits()], "{}", device.id());
        contract::dot::launch(&device, .., &a, &b, &mut y).unwrap();
        let expected = if is_gpu(&device) { once } else { twice };
        assert_eq!(bits(&y.download().unwrap()), [expected.to_bits()], "{}", device.id());
        // In another order, but of the same numbers.
        fast::dot::launch(&device, .., &a, &b, &mut y).unwrap();
        let sizes: f32 = a.download().unwrap().iter().zip(b.download().unwrap()).map(|(a, b)| (a * b).abs()).sum();
        assert!((y.download().unwrap()[0] - once).abs() <= sizes * 100.0 * f32::EPSILON, "{}", device.id());
    }
}

#[test]
fn strict_functions_are_those_of_libm() {
    let x = numbers(COUNT, 8);
    for device in geobacter::devices().present.into_iter().filter(is_gpu) {
        let input = device.upload(&x).unwrap();
        let mut y = device.zeroed::<[f32; 10]>(COUNT).unwrap();
        strict::functions::launch(&device, .., &input, &mut y).unwrap();
        // Nothing in them is a product whose sum could be contracted.
        let mut contracted = device.zeroed::<[f32; 10]>(COUNT).unwrap();
        contract::functions::launch(&device, .., &input, &mut contracted).unwrap();
        let all = |y: &DeviceBuffer<[f32; 10]>| -> Vec<_> { y.download().unwrap().iter().map(|y| bits(y)).collect() };
        assert_eq!(all(&y), all(&contracted));
        for (&x, found) in x.iter().zip(y.download().unwrap()) {
            let expected = [
                libm::sinf(x),
                libm::cosf(x),
                libm::expf(x),
                libm::exp2f(x),
                libm::powf(10.0, x),
                libm::logf(x.abs()),
                libm::log2f(x.abs()),
                libm::log10f(x.abs()),
                libm::tanhf(x),
                libm::sinf(x) / libm::cosf(x),
            ];
            assert_eq!(bits(&found), bits(&expected), "{x} on {}", device.id());
        }
    }
}

/// Whether `found` is near enough: so much of the exact value, or so much of one.
#[track_caller]
fn near(what: &str, x: f32, found: f32, exact: f64, relative: f64, absolute: f64) {
    // Beyond what `f32` holds, all is infinite, and below what is normal there are fewer digits.
    if exact.abs() > f64::from(f32::MAX) * (1.0 - relative) && found.abs() >= f32::MAX * (1.0 - relative as f32) {
        return;
    }
    let bound = exact.abs() * relative + absolute.max(f64::from(f32::MIN_POSITIVE));
    let error = (f64::from(found) - exact).abs();
    assert!(
        error <= bound,
        "{what} of {x:e} is {found:e}, which is off from {exact:e} by {error:e}, and {bound:e} is allowed"
    );
}

const ULP: f64 = 1.0 / (1 << 23) as f64;

#[test]
fn fast_functions_keep_their_bounds() {
    let mut x = numbers(4 * COUNT, 9);
    x.extend((-1000..=1000).map(|i| i as f32 * 0.05));
    x.extend((-1000..=1000).map(|i| 1.0 + i as f32 * 0.0003));
    x.extend([1e-30, 1e-38, 3e-39, 1e-41, -87.5, 88.7, -95.0, 37.9, -44.0]);
    for device in geobacter::devices().present.into_iter().filter(is_gpu) {
        let input = device.upload(&x).unwrap();
        let mut y = device.zeroed::<[f32; 10]>(x.len()).unwrap();
        fast::functions::launch(&device, .., &input, &mut y).unwrap();
        let mut coarse = false;
        for (&x, found) in x.iter().zip(y.download().unwrap()) {
            let [exact, size] = [f64::from(x), f64::from(x.abs())];
            let angle = if x.abs() <= 2.0 * PI { 8.0 * ULP } else { 512.0 * ULP };
            near("sin", x, found[0], exact.sin(), 0.0, angle);
            near("cos", x, found[1], exact.cos(), 0.0, angle);
            near("exp", x, found[2], exact.exp(), (2.0 + size) * ULP, 0.0);
            near("exp2", x, found[3], exact.exp2(), 2.0 * ULP, 0.0);
            near("10^x", x, found[4], 10f64.powf(exact), (2.0 + 4.0 * size) * ULP, 0.0);
            for (i, what, exact) in [(5, "ln", size.ln()), (6, "log2", size.log2()), (7, "log10", size.log10())] {
                // What is subnormal may count as zero.
                if x.is_normal() {
                    let absolute = if (0.5..=2.0).contains(&size) { 4.0 * ULP } else { 0.0 };
                    near(what, x, found[i], exact, 4.0 * ULP, absolute);
                }
            }
            near("tanh", x, found[8], exact.tanh(), 1.0 / 1024.0, 0.0);
            coarse |= found[0].to_bits() != libm::sinf(x).to_bits();
        }
        assert!(coarse, "{}: nothing was approximated", device.id());
    }
}

#[test]
fn fast_quotients_and_roots_keep_their_bounds() {
    let (a, mut b) = (numbers(COUNT, 10), numbers(COUNT, 11));
    b.iter_mut().for_each(|b| *b = b.abs() + 1e-6);
    for device in geobacter::devices().present {
        let (left, right) = (device.upload(&a).unwrap(), device.upload(&b).unwrap());
        let mut y = device.zeroed::<[f32; 5]>(COUNT).unwrap();
        contract::quotients::launch(&device, .., &left, &right, &mut y).unwrap();
        let contracted = y.download().unwrap();
        strict::quotients::launch(&device, .., &left, &right, &mut y).unwrap();
        for (i, found) in y.download().unwrap().into_iter().enumerate() {
            let (a, b) = (a[i], b[i]);
            let expected = [a / b, 1.0 / b, b.sqrt(), 1.0 / a.abs().sqrt(), a % b];
            assert_eq!(bits(&found), bits(&expected), "{a}, {b} on {}", device.id());
            assert_eq!(bits(&contracted[i]), bits(&expected), "{a}, {b} on {}", device.id());
        }
        fast::quotients::launch(&device, .., &left, &right, &mut y).unwrap();
        for (i, found) in y.download().unwrap().into_iter().enumerate() {
            let (x, b) = (f64::from(a[i]), f64::from(b[i]));
            near("a / b", a[i], found[0], x / b, 3.0 * ULP, 0.0);
            near("1 / b", a[i], found[1], 1.0 / b, 3.0 * ULP, 0.0);
            near("sqrt b", a[i], found[2], b.sqrt(), 3.0 * ULP, 0.0);
            near("1 / sqrt |a|", a[i], found[3], 1.0 / x.abs().sqrt(), 3.0 * ULP, 0.0);
            assert_eq!(found[4].to_bits(), (a[i] % b as f32).to_bits(), "the remainder is exact");
        }
    }
}

#[test]
fn fast_powers_keep_their_bounds_and_signs() {
    let bases = [0.0, 0.001, 0.3, 0.99, 1.0, 1.01, 2.0, 7.5, 1000.0, f32::INFINITY];
    let exponents = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 8.0, 11.0, 20.25];
    let signs = [1.0, -1.0];
    let cases = bases.into_iter().flat_map(|x| exponents.into_iter().map(move |n| (x, n)));
    let cases = cases.flat_map(|(x, n)| signs.into_iter().flat_map(move |s| signs.map(|t| (s * x, t * n))));
    // What a logarithm has no answer for.
    let (x, n): (Vec<f32>, Vec<f32>) = cases.filter(|&(x, n)| x != f32::NEG_INFINITY || n.fract() == 0.0).unzip();
    for device in geobacter::devices().present {
        let (base, exponent) = (device.upload(&x).unwrap(), device.upload(&n).unwrap());
        let mut y = device.zeroed::<[f32; 4]>(x.len()).unwrap();
        fast::powers::launch(&device, .., &base, &exponent, &mut y).unwrap();
        for ((&x, &n), found) in x.iter().zip(&n).zip(y.download().unwrap()) {
            let wide = f64::from(x);
            let powers = [(found[0], n), (found[1], 2.0), (found[2], n.trunc()), (found[3], 3.0)];
            for (found, n) in powers {
                let exact = x.powf(n);
                let what = format!("{x:e} to {n} on {}: {found:e}, and not {exact:e}", device.id());
                if exact.is_finite() && exact != 0.0 && x.is_finite() && x != 0.0 {
                    let size = f64::from(n).abs() * wide.abs().log2().abs().max(1.0);
                    near(&what, x, found, wide.powf(f64::from(n)), (2.0 + 4.0 * size) * ULP, 0.0);
                    assert_eq!(found.is_sign_negative(), exact.is_sign_negative(), "{what}");
                } else {
                    assert!(found == exact || found.is_nan() && exact.is_nan(), "{what}");
                }
            }
        }
    }
}

/// The kernel of this program with this option. `None` under plain cargo.
fn kernel(option: &str, name: &str) -> Option<Kernel> {
    let mut kernels = archive::archives().unwrap().iter().flat_map(|archive| archive.kernels()).map(Result::unwrap);
    let is_meant =
        |kernel: &Kernel| kernel.descriptor.name == name && kernel.descriptor.module.ends_with(&format!("::{option}"));
    let kernel = kernels.find(is_meant);
    if kernel.is_none() {
        assert!(archive::is_empty());
        eprintln!("skipped: plain cargo built this test, so there is no device code: type `cargo geobacter test`");
    }
    kernel
}

fn generate(kernel: Kernel, gpu: &str, emit: Emit) -> String {
    let job = CompileJob {
        bitcode: kernel.bitcode,
        entry: kernel.symbol,
        export: kernel.descriptor.name,
        target: gpu.into(),
        emit,
        checked: false,
        constants: Vec::new(),
    };
    String::from_utf8(code::worker(gpu).unwrap().compile(job).unwrap().bytes).unwrap()
}

/// What machine code has of an option's instructions, and has not.
type Expected = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

#[track_caller]
fn holds(gpu: &str, expected: &[Expected]) {
    for (option, name, present, absent) in expected {
        let Some(kernel) = kernel(option, name) else { return };
        // The halves of a dual instruction are named as single ones.
        let assembly = generate(kernel, gpu, Emit::Assembly).replace("v_dual_", "v_");
        for instruction in *present {
            assert!(assembly.contains(instruction), "fp({option}) {name} for {gpu}: no {instruction}\n{assembly}");
        }
        for instruction in *absent {
            assert!(!assembly.contains(instruction), "fp({option}) {name} for {gpu}: {instruction}\n{assembly}");
        }
    }
}

#[test]
fn amd_machine_code_holds_what_the_option_allows_and_nothing_else() {
    const FUNCTIONS: &[&str] = &["v_sin_f32", "v_cos_f32", "v_exp_f32", "v_log_f32"];
    for gpu in ["gfx942", "gfx1201"] {
        holds(
            gpu,
            &[
                ("strict", "product_and_sum", &["v_mul_f32", "v_add_f32"], &["v_fma", "v_mac"]),
                ("contract", "product_and_sum", &["v_fma"], &["v_mul_f32", "v_add_f32"]),
                ("strict", "dot", &["_mul_f32"], &["fma"]),
                ("contract", "dot", &["fma"], &[]),
                ("strict", "quotients", &["v_div_fixup_f32"], &[]),
                ("contract", "quotients", &["v_div_fixup_f32"], &[]),
                ("fast", "quotients", &["v_rcp_f32", "v_sqrt_f32", "v_rsq_f32"], &[]),
                ("strict", "functions", &[], FUNCTIONS),
                ("fast", "functions", FUNCTIONS, &[]),
                ("fast", "exact", &[], FUNCTIONS),
            ],
        );
    }
}

#[test]
fn ptx_holds_what_the_option_allows_and_nothing_else() {
    const FUNCTIONS: &[&str] = &["sin.approx.ftz", "cos.approx.ftz", "ex2.approx.ftz", "lg2.approx.ftz"];
    const ANY: &[&str] = &[".approx"];
    for gpu in ["sm_70", "sm_90"] {
        holds(
            gpu,
            &[
                // Without `.rn`, ptxas may contract them.
                ("strict", "product_and_sum", &["mul.rn.f32", "add.rn.f32"], &["fma"]),
                ("contract", "product_and_sum", &["fma.rn.f32"], &["mul.rn.f32", "mul.f32", "add.rn.f32", "add.f32"]),
                ("strict", "in_f64", &["mul.rn.f64", "sub.rn.f64"], &["fma"]),
                ("contract", "in_f64", &["fma.rn.f64"], &["mul.rn.f64"]),
                ("strict", "dot", &["mul.rn.f32", "add.rn.f32"], &["fma"]),
                ("contract", "dot", &["fma.rn.f32"], &[]),
                ("strict", "quotients", &["div.rn.f32", "sqrt.rn.f32"], ANY),
                ("contract", "quotients", &["div.rn.f32", "sqrt.rn.f32"], ANY),
                ("fast", "quotients", &["rcp.approx", "sqrt.approx", "rsqrt.approx"], &[]),
                ("strict", "functions", &[], ANY),
                ("fast", "functions", FUNCTIONS, &[]),
                ("fast", "exact", &[], ANY),
            ],
        );
    }
    holds("sm_70", &[("fast", "functions", &[], &["tanh.approx"])]);
    holds("sm_90", &[("fast", "functions", &["tanh.approx.f32"], &[])]);
}

#[test]
fn no_flag_makes_a_value_undefined() {
    for (option, name) in [("contract", "dot"), ("fast", "dot"), ("fast", "functions"), ("fast", "powers")] {
        let Some(kernel) = kernel(option, name) else { return };
        for emit in [Emit::SourceIr, Emit::LlvmIr] {
            let text = generate(kernel.clone(), "gfx942", emit);
            assert!(text.contains(" contract "), "{text}");
            for flag in [" nnan ", " ninf ", " fast "] {
                assert!(!text.contains(flag), "fp({option}) {name}: {flag}\n{text}");
            }
        }
    }
}

#[test]
fn no_instruction_of_exact_code_has_a_flag() {
    let Some(kernel) = kernel("fast", "exact") else { return };
    let source = generate(kernel, "gfx942", Emit::SourceIr);
    let arithmetic =
        |line: &&str| ["fadd", "fsub", "fmul", "fdiv", "fneg"].iter().any(|what| line.contains(&format!(" = {what} ")));
    let all: Vec<_> = source.lines().filter(arithmetic).collect();
    assert!(all.len() > 100, "{source}");
    let flagged: Vec<_> = all.iter().filter(|line| line.contains("contract")).collect();
    assert!(flagged.is_empty(), "{flagged:#?}");
}

#[test]
fn descriptors_say_the_option() {
    use geobacter::__private::lang::descriptor::FloatingPoint;
    assert_eq!(silent::descriptor().fp, FloatingPoint::Strict);
    assert_eq!(strict::dot::descriptor().fp, FloatingPoint::Strict);
    assert_eq!(contract::dot::descriptor().fp, FloatingPoint::Contract);
    assert_eq!(fast::dot::descriptor().fp, FloatingPoint::Fast);
    for option in ["strict", "contract", "fast"] {
        let Some(kernel) = kernel(option, "dot") else { return };
        assert_eq!(kernel.descriptor.fp.to_string(), option);
    }
}
