//! C's mathematical functions for devices, which have no library of their own.
//!
//! The respool step sends a kernel's calls of `f64::sin`, `f32::powf` and the like here: on the host those lead into the
//! system's mathematical library. The definitions are the `libm` crate's, so every device computes the same bits; the
//! system's library may differ from them in the last place. Call `libm` directly where host and device must agree to the bit.
//!
//! `sqrt`, `mul_add`, `floor`, `abs` and their like are not here: they are exact, and devices have instructions for them.

macro_rules! library_functions {
    ($($symbol:ident = $function:ident($($arg:ident: $ty:ty),*) -> $result:ty;)*) => { $(
        #[unsafe(no_mangle)]
        extern "C" fn $symbol($($arg: $ty),*) -> $result {
            libm::$function($($arg),*)
        }
    )* };
}

library_functions! {
    __gb_math_sin = sin(x: f64) -> f64;
    __gb_math_sinf = sinf(x: f32) -> f32;
    __gb_math_cos = cos(x: f64) -> f64;
    __gb_math_cosf = cosf(x: f32) -> f32;
    __gb_math_tan = tan(x: f64) -> f64;
    __gb_math_tanf = tanf(x: f32) -> f32;
    __gb_math_asin = asin(x: f64) -> f64;
    __gb_math_asinf = asinf(x: f32) -> f32;
    __gb_math_acos = acos(x: f64) -> f64;
    __gb_math_acosf = acosf(x: f32) -> f32;
    __gb_math_atan = atan(x: f64) -> f64;
    __gb_math_atanf = atanf(x: f32) -> f32;
    __gb_math_atan2 = atan2(y: f64, x: f64) -> f64;
    __gb_math_atan2f = atan2f(y: f32, x: f32) -> f32;
    __gb_math_sinh = sinh(x: f64) -> f64;
    __gb_math_sinhf = sinhf(x: f32) -> f32;
    __gb_math_cosh = cosh(x: f64) -> f64;
    __gb_math_coshf = coshf(x: f32) -> f32;
    __gb_math_tanh = tanh(x: f64) -> f64;
    __gb_math_tanhf = tanhf(x: f32) -> f32;
    __gb_math_exp = exp(x: f64) -> f64;
    __gb_math_expf = expf(x: f32) -> f32;
    __gb_math_exp2 = exp2(x: f64) -> f64;
    __gb_math_exp2f = exp2f(x: f32) -> f32;
    __gb_math_exp10 = exp10(x: f64) -> f64;
    __gb_math_exp10f = exp10f(x: f32) -> f32;
    __gb_math_expm1 = expm1(x: f64) -> f64;
    __gb_math_expm1f = expm1f(x: f32) -> f32;
    __gb_math_log = log(x: f64) -> f64;
    __gb_math_logf = logf(x: f32) -> f32;
    __gb_math_log2 = log2(x: f64) -> f64;
    __gb_math_log2f = log2f(x: f32) -> f32;
    __gb_math_log10 = log10(x: f64) -> f64;
    __gb_math_log10f = log10f(x: f32) -> f32;
    __gb_math_log1p = log1p(x: f64) -> f64;
    __gb_math_log1pf = log1pf(x: f32) -> f32;
    __gb_math_pow = pow(x: f64, y: f64) -> f64;
    __gb_math_powf = powf(x: f32, y: f32) -> f32;
    __gb_math_cbrt = cbrt(x: f64) -> f64;
    __gb_math_cbrtf = cbrtf(x: f32) -> f32;
    __gb_math_hypot = hypot(x: f64, y: f64) -> f64;
    __gb_math_hypotf = hypotf(x: f32, y: f32) -> f32;
    __gb_math_fdim = fdim(x: f64, y: f64) -> f64;
    __gb_math_fdimf = fdimf(x: f32, y: f32) -> f32;
    __gb_math_tgamma = tgamma(x: f64) -> f64;
    __gb_math_tgammaf = tgammaf(x: f32) -> f32;
    __gb_math_erf = erf(x: f64) -> f64;
    __gb_math_erff = erff(x: f32) -> f32;
    __gb_math_erfc = erfc(x: f64) -> f64;
    __gb_math_erfcf = erfcf(x: f32) -> f32;
}

macro_rules! integer_powers {
    ($($symbol:ident: $ty:ty;)*) => { $(
        /// `powi`, multiplication for multiplication as the compiler's run-time library does it on the host.
        #[unsafe(no_mangle)]
        extern "C" fn $symbol(mut base: $ty, exponent: i32) -> $ty {
            let mut left = exponent;
            let mut result = 1.0;
            loop {
                if left & 1 != 0 {
                    result *= base;
                }
                left /= 2;
                if left == 0 {
                    break;
                }
                base *= base;
            }
            if exponent < 0 { 1.0 / result } else { result }
        }
    )* };
}

integer_powers! {
    __gb_math_powi: f64;
    __gb_math_powif: f32;
}
