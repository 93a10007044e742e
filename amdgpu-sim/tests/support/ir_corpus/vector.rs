//! Elements of vectors, shuffles, and reductions.

use std::collections::BTreeSet;

use super::{
    case::{Case, Compare},
    inputs::Domain,
    types::{FLOATS, INTEGERS, Scalar, Ty, everything},
};

/// The index in two vectors that an element comes from: of its own index, and of how many there are in one.
type Shuffle = fn(u32, u32) -> u32;

/// Name, and what it does.
const SHUFFLES: [(&str, Shuffle); 5] = [
    ("reverse", |n, lanes| lanes - 1 - n),
    ("splat", |_, lanes| lanes - 1),
    ("interleave", |n, lanes| n / 2 + if n % 2 == 0 { 0 } else { lanes }),
    ("rotate", |n, lanes| (n + 1) % lanes),
    ("splice", |n, lanes| n + lanes / 2 + 1),
];

pub fn cases(all: &mut Vec<Case>) {
    for ty in everything().into_iter().filter(|ty| ty.lanes > 1) {
        let m = ty.mangled();
        let one = Ty::scalar(ty.scalar);
        let mut push = |case: Case| all.push(case.compared(Compare::Exact));
        for index in BTreeSet::from([0, ty.lanes / 2, ty.lanes - 1]) {
            let body = format!("%r = extractelement $T %a, i32 {index}");
            push(Case::new(format!("extract_{index}_{m}"), &[ty], one, &body));
            let body = format!("%r = insertelement $T %a, $U %b, i32 {index}");
            push(Case::new(format!("insert_{index}_{m}"), &[ty, one], ty, &body));
        }
        let index = Ty::scalar(Scalar::I32);
        let below = Domain::Below(u128::from(ty.lanes));
        let body = "%r = extractelement $T %a, i32 %b";
        push(Case::new(format!("extract_any_{m}"), &[ty, index], one, body).domain(1, below));
        let body = "%r = insertelement $T %a, $U %b, i32 %c";
        push(Case::new(format!("insert_any_{m}"), &[ty, one, index], ty, body).domain(2, below));
        for (name, from) in SHUFFLES {
            let mask: Vec<String> = (0..ty.lanes).map(|n| format!("i32 {}", from(n, ty.lanes))).collect();
            let body = format!("%r = shufflevector $T %a, $T %b, <{} x i32> <{}>", ty.lanes, mask.join(", "));
            push(Case::new(format!("shuffle_{name}_{m}"), &[ty, ty], ty, &body));
        }
        if ty.lanes.is_multiple_of(2) && ty.lanes > 2 {
            let half = Ty::vector(ty.scalar, ty.lanes / 2);
            let mask: Vec<String> = (0..half.lanes).map(|n| format!("i32 {}", 2 * n + 1)).collect();
            let body = format!("%r = shufflevector $T %a, $T poison, <{} x i32> <{}>", half.lanes, mask.join(", "));
            push(Case::new(format!("shuffle_odd_{m}"), &[ty], half, &body));
        }
        let (both, flag) = ("{ $T, i32 }", "i32 %b");
        let body = format!(
            "%p = insertvalue {both} poison, $T %a, 0\n%q = insertvalue {both} %p, {flag}, 1\n\
             %s = freeze {both} %q\n%r = extractvalue {both} %s, 0"
        );
        push(Case::new(format!("aggregate_{m}"), &[ty, index], ty, &body));
        reductions(all, ty);
    }
}

fn reductions(all: &mut Vec<Case>, ty: Ty) {
    let (one, m) = (Ty::scalar(ty.scalar), ty.mangled());
    let plain = |name: &str| {
        let body = format!("%r = call $R @llvm.vector.reduce.{name}.$M($T %a)");
        Case::new(format!("reduce_{name}_{m}"), &[ty], one, &body)
    };
    if INTEGERS.contains(&ty.scalar) || ty.scalar == Scalar::I1 {
        all.extend(["add", "mul", "and", "or", "xor", "smin", "smax", "umin", "umax"].map(plain));
    }
    if FLOATS.contains(&ty.scalar) {
        // In order, as without the flag `reassoc`.
        for name in ["fadd", "fmul"] {
            let body = format!("%r = call $R @llvm.vector.reduce.{name}.$M($R %b, $T %a)");
            all.push(Case::new(format!("reduce_{name}_{m}"), &[ty, one], one, &body));
        }
        for (name, compare) in [("fmin", Compare::AnyZero), ("fmax", Compare::AnyZero)] {
            all.push(plain(name).floats(Domain::Quiet).compared(compare));
        }
        for name in ["fminimum", "fmaximum"] {
            all.push(plain(name).floats(Domain::Quiet));
        }
    }
}
