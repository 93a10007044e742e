//! Mathematical functions for devices that have no library of their own.
//!
//! `f64::sin` and its like lead into the host's mathematical library, which no device has. The spool step sends those calls
//! to the functions here (`sin` to `__gb_math_sin`), which are the `libm` crate's. Nothing on the host calls them. What is
//! exact and has an instruction on every device (`sqrt`, `mul_add`, `floor`, ...) does not come here.
//!
//! These functions are accurate to the last place or two, as the host's are, and need not agree with them in it.

macro_rules! functions {
    ($ty:ty: $($symbol:ident = $function:ident($($argument:ident),+);)*) => { $(
        // SAFETY: the name belongs to Geobacter, and the signature is that of the C function of this name.
        #[unsafe(no_mangle)]
        extern "C" fn $symbol($($argument: $ty),+) -> $ty {
            libm::$function($($argument),+)
        }
    )* };
}

functions! { f64:
    __gb_math_sin = sin(x);
    __gb_math_cos = cos(x);
    __gb_math_tan = tan(x);
    __gb_math_asin = asin(x);
    __gb_math_acos = acos(x);
    __gb_math_atan = atan(x);
    __gb_math_atan2 = atan2(y, x);
    __gb_math_sinh = sinh(x);
    __gb_math_cosh = cosh(x);
    __gb_math_tanh = tanh(x);
    __gb_math_exp = exp(x);
    __gb_math_exp2 = exp2(x);
    __gb_math_exp10 = exp10(x);
    __gb_math_expm1 = expm1(x);
    __gb_math_log = log(x);
    __gb_math_log2 = log2(x);
    __gb_math_log10 = log10(x);
    __gb_math_log1p = log1p(x);
    __gb_math_pow = pow(x, y);
    __gb_math_cbrt = cbrt(x);
    __gb_math_hypot = hypot(x, y);
    __gb_math_fdim = fdim(x, y);
    __gb_math_tgamma = tgamma(x);
    __gb_math_erf = erf(x);
    __gb_math_erfc = erfc(x);
}

functions! { f32:
    __gb_math_sinf = sinf(x);
    __gb_math_cosf = cosf(x);
    __gb_math_tanf = tanf(x);
    __gb_math_asinf = asinf(x);
    __gb_math_acosf = acosf(x);
    __gb_math_atanf = atanf(x);
    __gb_math_atan2f = atan2f(y, x);
    __gb_math_sinhf = sinhf(x);
    __gb_math_coshf = coshf(x);
    __gb_math_tanhf = tanhf(x);
    __gb_math_expf = expf(x);
    __gb_math_exp2f = exp2f(x);
    __gb_math_exp10f = exp10f(x);
    __gb_math_expm1f = expm1f(x);
    __gb_math_logf = logf(x);
    __gb_math_log2f = log2f(x);
    __gb_math_log10f = log10f(x);
    __gb_math_log1pf = log1pf(x);
    __gb_math_powf = powf(x, y);
    __gb_math_cbrtf = cbrtf(x);
    __gb_math_hypotf = hypotf(x, y);
    __gb_math_fdimf = fdimf(x, y);
    __gb_math_tgammaf = tgammaf(x);
    __gb_math_erff = erff(x);
    __gb_math_erfcf = erfcf(x);
}

/// `x` to an integer power, by the multiplications of `compiler_builtins`' function, so that host and device agree in every
/// bit.
macro_rules! integer_powers {
    ($($symbol:ident: $ty:ty;)*) => { $(
        // SAFETY: the name belongs to Geobacter, and the signature is that of LLVM's `llvm.powi`.
        #[unsafe(no_mangle)]
        extern "C" fn $symbol(mut x: $ty, power: i32) -> $ty {
            let mut left = power.unsigned_abs();
            let mut product = 1.0;
            loop {
                if left & 1 != 0 {
                    product *= x;
                }
                left >>= 1;
                if left == 0 {
                    break;
                }
                x *= x;
            }
            if power < 0 { 1.0 / product } else { product }
        }
    )* };
}
integer_powers! {
    __gb_math_powi: f64;
    __gb_math_powif: f32;
}
