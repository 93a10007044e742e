//! Operations on floating-point numbers.

use super::{
    case::{Case, Compare, flags},
    inputs::Domain,
    types::{FLOATS, Scalar, Ty, WIDTHS},
};

/// Operations of which IEEE 754 or LLVM says the result to the last bit.
const EXACT: &[(&str, &str)] = &[
    ("fadd", "%r = fadd $T %a, %b"),
    ("fsub", "%r = fsub $T %a, %b"),
    ("fmul", "%r = fmul $T %a, %b"),
    ("fdiv", "%r = fdiv $T %a, %b"),
    ("frem", "%r = frem $T %a, %b"),
    ("sqrt", "%r = call $T @llvm.sqrt.$M($T %a)"),
    ("floor", "%r = call $T @llvm.floor.$M($T %a)"),
    ("ceil", "%r = call $T @llvm.ceil.$M($T %a)"),
    ("trunc_float", "%r = call $T @llvm.trunc.$M($T %a)"),
    ("rint", "%r = call $T @llvm.rint.$M($T %a)"),
    ("nearbyint", "%r = call $T @llvm.nearbyint.$M($T %a)"),
    ("roundeven", "%r = call $T @llvm.roundeven.$M($T %a)"),
    ("round", "%r = call $T @llvm.round.$M($T %a)"),
    ("canonicalize", "%r = call $T @llvm.canonicalize.$M($T %a)"),
    ("fma", "%r = call $T @llvm.fma.$M($T %a, $T %b, $T %c)"),
    ("fma_negated", "%n = fneg $T %a\n%m = fneg $T %c\n%r = call $T @llvm.fma.$M($T %n, $T %b, $T %m)"),
    ("fadd_of_abs", "%n = call $T @llvm.fabs.$M($T %a)\n%m = fneg $T %b\n%r = fadd $T %n, %m"),
    ("fadd_constant", "%r = fadd $T %a, splat ($S 4.0)"),
    ("fmul_constant", "%r = fmul $T %a, splat ($S 0.5)"),
    ("fmul_odd_constant", "%r = fmul $T %a, splat ($S 10.5)"),
];

/// Minimum and maximum, which leave open what becomes of a signalling NaN.
const EXTREMES: &[(&str, Compare)] = &[
    ("minnum", Compare::AnyZero),
    ("maxnum", Compare::AnyZero),
    ("minimum", Compare::Float),
    ("maximum", Compare::Float),
    ("minimumnum", Compare::Float),
    ("maximumnum", Compare::Float),
];

/// Operations on the bits.
const BITS: &[(&str, &str)] = &[
    ("fneg", "%r = fneg $T %a"),
    ("fabs", "%r = call $T @llvm.fabs.$M($T %a)"),
    ("fneg_fabs", "%p = call $T @llvm.fabs.$M($T %a)\n%r = fneg $T %p"),
    ("copysign", "%r = call $T @llvm.copysign.$M($T %a, $T %b)"),
];

const PREDICATES: [&str; 14] =
    ["oeq", "ogt", "oge", "olt", "ole", "one", "ord", "ueq", "ugt", "uge", "ult", "ule", "une", "uno"];

/// Masks of `llvm.is.fpclass`: each class, and a few together.
const CLASSES: [u32; 14] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 3, 0x204, 0x90, 0x1f8];

/// Approximations: name, domain, and in units in the last place of a float, and as a distance, how far off LLVM's or the
/// device's may be. The reference is the C library's in double precision.
const NEAR: &[(&str, (f64, f64), f64, f64)] = &[
    ("exp2", (-120.0, 120.0), 2.0, 0.0),
    ("exp", (-80.0, 80.0), 3.0, 0.0),
    ("exp10", (-35.0, 35.0), 3.0, 0.0),
    ("log2", (1e-30, 1e30), 2.0, 2e-7),
    ("log", (1e-30, 1e30), 3.0, 2e-7),
    ("log10", (1e-30, 1e30), 3.0, 2e-7),
    ("sin", (-200.0, 200.0), 2.0, 4e-5),
    ("cos", (-200.0, 200.0), 2.0, 4e-5),
];

fn is_sensible(name: &str, ty: Ty) -> bool {
    match name {
        "frem" => ty.lanes <= 2,
        "fdiv" | "sqrt" => ty.lanes <= 4,
        _ => true,
    }
}

pub fn cases(all: &mut Vec<Case>) {
    for ty in FLOATS.into_iter().flat_map(|scalar| WIDTHS.map(|lanes| Ty::vector(scalar, lanes))) {
        let m = ty.mangled();
        for (name, body) in EXACT {
            if is_sensible(name, ty) {
                all.push(exact(name, ty, body));
            }
        }
        for (name, compare) in EXTREMES {
            let body = format!("%r = call $T @llvm.{name}.$M($T %a, $T %b)");
            let case = Case::new(format!("{name}_{m}"), &[ty, ty], ty, &body);
            all.push(case.floats(Domain::Quiet).compared(*compare));
        }
        for (name, body) in BITS {
            let count = 1 + usize::from(body.contains("%b"));
            let case = Case::new(format!("{name}_{m}"), &vec![ty; count], ty, body);
            // CDNA negates pairs of floats by an addition, which makes signalling NaNs quiet.
            let pairs = ty.scalar == Scalar::Float && ty.lanes > 1;
            all.push(case.compared(if pairs { Compare::Float } else { Compare::Exact }));
        }
        for predicate in PREDICATES {
            let body = format!("%r = fcmp {predicate} $T %a, %b");
            all.push(Case::new(format!("fcmp_{predicate}_{m}"), &[ty, ty], flags(ty), &body));
        }
        for class in CLASSES.into_iter().take(if ty.lanes == 1 { CLASSES.len() } else { 3 }) {
            let body = format!("%r = call $R @llvm.is.fpclass.$M($T %a, i32 {class})");
            all.push(Case::new(format!("is_fpclass_{class}_{m}"), &[ty], flags(ty), &body));
        }
        let exponents = ty.with(Scalar::I32);
        let body = "%r = call $T @llvm.ldexp.$M.$UM($T %a, $U %b)".replace("$UM", &exponents.mangled());
        all.push(ldexp(ty, exponents, &body));
        let both = format!("{{ $T, {} }}", exponents.ir());
        let body =
            format!("%p = call {both} @llvm.frexp.$M.{}($T %a)\n%r = extractvalue {both} %p, ", exponents.mangled());
        let host = |part: u32, result: &str| {
            let (s, suffix) = (ty.scalar.ir(), ty.scalar.mangled());
            let each = elementwise(ty, result, |n| {
                format!(
                    "%a{n} = extractelement $T %v, i32 {n}\n\
                     %p{n} = call {{ {s}, i32 }} @llvm.frexp.{suffix}.i32({s} %a{n})\n\
                     %r{n} = extractvalue {{ {s}, i32 }} %p{n}, {part}\n"
                )
            });
            vectors(ty, ty).0 + &each
        };
        let fraction = Case::new(format!("frexp_fraction_{m}"), &[ty], ty, &format!("{body}0"));
        all.push(fraction.on_host(&host(0, ty.scalar.ir())).floats(Domain::Quiet));
        let exponent = Case::new(format!("frexp_exponent_{m}"), &[ty], exponents, &format!("{body}1"));
        // Of what is no number the exponent is open.
        all.push(exponent.on_host(&host(1, "i32")).domain(0, Domain::Within(-1e300, 1e300)));
        if ty.lanes <= 4 {
            approximations(all, ty);
        }
    }
}

fn exact(name: &str, ty: Ty, body: &str) -> Case {
    let count = 1 + usize::from(body.contains("%b")) + usize::from(body.contains("%c"));
    let case = Case::new(format!("{name}_{}", ty.mangled()), &vec![ty; count], ty, body);
    match (name, ty.scalar) {
        // NaNs are one when results are compared, and denormals stay: nothing is to be done.
        ("canonicalize", _) => case.on_host("%r = freeze $T %a"),
        // The host rounds to float first; in quadruple precision products and sums of this format are exact.
        ("fma" | "fma_negated", Scalar::Half) => case.on_host(&in_quadruple(name, ty)),
        _ => case,
    }
}

fn in_quadruple(name: &str, ty: Ty) -> String {
    let wide = ty.ir().replace("half", "fp128");
    let sign = if name == "fma_negated" { "fneg" } else { "freeze" };
    format!(
        "%x = fpext $T %a to {wide}\n%y = fpext $T %b to {wide}\n%z = fpext $T %c to {wide}\n\
         %nx = {sign} {wide} %x\n%nz = {sign} {wide} %z\n%p = fmul {wide} %nx, %y\n%s = fadd {wide} %p, %nz\n\
         %r = fptrunc {wide} %s to $T"
    )
}

/// Scaling on the host: by the C library, element by element, in double precision, where each result is exact before it is
/// rounded once. (Of doubles the C library rounds once.)
fn ldexp(ty: Ty, exponents: Ty, body: &str) -> Case {
    let host = elementwise(ty, ty.scalar.ir(), |n| {
        let s = ty.scalar.ir();
        let (widen, narrow) = widening(ty.scalar);
        format!(
            "%a{n} = extractelement $T %v, i32 {n}\n%e{n} = extractelement $U %w, i32 {n}\n\
             %w{n} = {widen} {s} %a{n} to double\n%l{n} = call double @ldexp(double %w{n}, i32 %e{n})\n\
             %r{n} = {narrow} double %l{n} to {s}\n"
        )
    });
    let (first, second) = vectors(ty, exponents);
    let domain = Domain::Below(4000);
    let bias = format!("%e = sub $U %b, splat (i32 2000)\n{}", body.replace("$U %b", "$U %e"));
    let host = format!("%e = sub $U %b, splat (i32 2000)\n{first}{}{host}", second.replace("%b", "%e"));
    Case::new(format!("ldexp_{}", ty.mangled()), &[ty, exponents], ty, &bias).on_host(&host).domain(1, domain)
}

fn vectors(ty: Ty, exponents: Ty) -> (String, String) {
    let wrap = |from: &str, to: &str, ty: Ty| match ty.lanes {
        1 => format!("%{to} = insertelement <1 x {}> poison, {} %{from}, i32 0\n", ty.scalar.ir(), ty.ir()),
        _ => format!("%{to} = freeze {} %{from}\n", ty.ir()),
    };
    (wrap("a", "v", ty), wrap("b", "w", exponents))
}

/// `each` for every element; it takes one of `%v` and makes `%rN` of it, a `result`.
fn elementwise(ty: Ty, result: &str, each: impl Fn(u32) -> String) -> String {
    let mut text = String::new();
    for n in 0..ty.lanes {
        text += &each(n);
    }
    if ty.lanes == 1 {
        // Vectors of one element are written out.
        return text.replace("$T %v", &format!("<1 x {}> %v", ty.scalar.ir())).replace("$U %w", "<1 x i32> %w")
            + &format!("%r = freeze {result} %r0\n");
    }
    for n in 0..ty.lanes {
        let before = if n == 0 { "poison".to_owned() } else { format!("%i{}", n - 1) };
        let name = if n + 1 == ty.lanes { "%r".to_owned() } else { format!("%i{n}") };
        text += &format!("{name} = insertelement $R {before}, {result} %r{n}, i32 {n}\n");
    }
    text
}

/// The conversions from a float to double and back; freezing does nothing.
fn widening(scalar: Scalar) -> (&'static str, &'static str) {
    if scalar == Scalar::Double { ("bitcast", "bitcast") } else { ("fpext", "fptrunc") }
}

fn approximations(all: &mut Vec<Case>, ty: Ty) {
    let m = ty.mangled();
    // The device computes halves as floats: a unit in the last place is what double rounding costs.
    let slack = if ty.scalar == Scalar::Float { 0.0 } else { 1.0 };
    let (widen, narrow) = widening(ty.scalar);
    for (name, (low, high), ulps, distance) in NEAR {
        let host = elementwise(ty, ty.scalar.ir(), |n| {
            let s = ty.scalar.ir();
            format!(
                "%a{n} = extractelement $T %v, i32 {n}\n%w{n} = {widen} {s} %a{n} to double\n\
                 %l{n} = call double @{name}(double %w{n})\n%r{n} = {narrow} double %l{n} to {s}\n"
            )
        });
        let (first, _) = vectors(ty, ty);
        let half = ty.scalar == Scalar::Half;
        let fits = if half { (low.max(-10.0), high.min(10.0)) } else { (*low, *high) };
        // Angles are in revolutions: of a half, what is left of ten bits after the product with 1 / 2 pi.
        let distance = if half && matches!(*name, "sin" | "cos") { 8e-3 } else { *distance };
        let device = format!("%r = call $T @llvm.{name}.$M($T %a)");
        all.push(
            Case::new(format!("{name}_{m}"), &[ty], ty, &device)
                .on_host(&(first + &host))
                .domain(0, Domain::Within(fits.0, fits.1))
                .compared(Compare::Near(ulps + slack, distance)),
        );
    }
    let fast: [(&str, &str, f64); 5] = [
        ("fast_fdiv", "%r = fdiv fast $T %a, %b", 4.0),
        ("fast_reciprocal", "%r = fdiv fast $T splat ($S 1.0), %a", 3.0),
        ("fast_sqrt", "%r = call fast $T @llvm.sqrt.$M($T %a)", 4.0),
        ("fast_rsqrt", "%q = call fast $T @llvm.sqrt.$M($T %a)\n%r = fdiv fast $T splat ($S 1.0), %q", 4.0),
        ("fmuladd", "%r = call $T @llvm.fmuladd.$M($T %a, $T %a, $T %b)", 2.0),
    ];
    for (name, body, ulps) in fast {
        let count = 1 + usize::from(body.contains("%b"));
        let host = body.replace(" fast", "").replace("llvm.fmuladd", "llvm.fma");
        all.push(
            Case::new(format!("{name}_{m}"), &vec![ty; count], ty, body)
                .on_host(&host)
                .floats(Domain::Within(0.01, 100.0))
                .compared(Compare::Near(ulps, 0.0)),
        );
    }
}
