; Functions of `fp(fast)` that no GPU has an instruction for, by those that it has: EXP2 and LOG2 stand for the target's
; intrinsics, FAST for the flags of `fp(fast)`. Comparisons and selections have none: they see to special values.

declare float @EXP2(float)
declare float @LOG2(float)
declare float @llvm.fabs.f32(float)
declare float @llvm.trunc.f32(float)
declare float @llvm.copysign.f32(float, float)

; e^x = 2^(x log2 e)
define linkonce_odr float @__gb_fast_exp(float %x) #0 {
  %exponent = fmul FAST float %x, 0x3FF7154760000000
  %power = call FAST float @EXP2(float %exponent)
  ret float %power
}

; 10^x = 2^(x log2 10)
define linkonce_odr float @__gb_fast_exp10(float %x) #0 {
  %exponent = fmul FAST float %x, 0x400A934F00000000
  %power = call FAST float @EXP2(float %exponent)
  ret float %power
}

; ln x = log2 x ln 2
define linkonce_odr float @__gb_fast_log(float %x) #0 {
  %log2 = call FAST float @LOG2(float %x)
  %log = fmul FAST float %log2, 0x3FE62E4300000000
  ret float %log
}

; lg x = log2 x lg 2
define linkonce_odr float @__gb_fast_log10(float %x) #0 {
  %log2 = call FAST float @LOG2(float %x)
  %log = fmul FAST float %log2, 0x3FD3441360000000
  ret float %log
}

; x^y = 2^(y log2 |x|), with x's sign if y is odd. NaN if x is below zero and y is no whole number.
define linkonce_odr float @__gb_fast_pow(float %x, float %y) #0 {
  %magnitude = call float @llvm.fabs.f32(float %x)
  %log = call FAST float @LOG2(float %magnitude)
  %exponent = fmul FAST float %log, %y
  %power = call FAST float @EXP2(float %exponent)
  %integer = call float @llvm.trunc.f32(float %y)
  %is_whole = fcmp oeq float %integer, %y
  %half = fmul float %y, 0.5
  %half_integer = call float @llvm.trunc.f32(float %half)
  %is_half = fcmp une float %half_integer, %half
  %is_odd = and i1 %is_whole, %is_half
  %signed = call float @llvm.copysign.f32(float %power, float %x)
  %with_sign = select i1 %is_odd, float %signed, float %power
  %is_below = fcmp olt float %x, 0.0
  %is_broken = xor i1 %is_whole, true
  %is_no_number = and i1 %is_below, %is_broken
  %with_nan = select i1 %is_no_number, float 0x7FF8000000000000, float %with_sign
  %is_zeroth = fcmp oeq float %y, 0.0
  %result = select i1 %is_zeroth, float 1.0, float %with_nan
  ret float %result
}

; The same for a whole exponent, which LLVM makes of x^(n as f32).
define linkonce_odr float @__gb_fast_powi(float %x, i32 %n) #0 {
  %magnitude = call float @llvm.fabs.f32(float %x)
  %log = call FAST float @LOG2(float %magnitude)
  %y = sitofp i32 %n to float
  %exponent = fmul FAST float %log, %y
  %power = call FAST float @EXP2(float %exponent)
  %is_odd = trunc i32 %n to i1
  %signed = call float @llvm.copysign.f32(float %power, float %x)
  %with_sign = select i1 %is_odd, float %signed, float %power
  %is_zeroth = icmp eq i32 %n, 0
  %result = select i1 %is_zeroth, float 1.0, float %with_sign
  ret float %result
}

attributes #0 = { alwaysinline nounwind willreturn memory(none) }
