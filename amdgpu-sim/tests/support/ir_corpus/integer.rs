//! Operations on integers.

use super::{
    case::{Case, flags},
    inputs::Domain,
    types::{INTEGERS, Scalar, Ty, WIDTHS},
};

/// What keeps the inputs within what IR defines.
#[derive(Clone, Copy, PartialEq)]
enum Guard {
    None,
    /// The second is no 0, and the quotient fits.
    Divide,
    /// The second is less than the number of bits.
    Shift,
    /// The first is not 0.
    NonZero,
}

/// Name, and a body that makes a `$T` of one, two or three of them.
const OPERATIONS: &[(&str, Guard, &str)] = &[
    ("add", Guard::None, "%r = add $T %a, %b"),
    ("sub", Guard::None, "%r = sub $T %a, %b"),
    ("mul", Guard::None, "%r = mul $T %a, %b"),
    ("udiv", Guard::Divide, "%r = udiv $T %a, %b"),
    ("sdiv", Guard::Divide, "%r = sdiv $T %a, %b"),
    ("urem", Guard::Divide, "%r = urem $T %a, %b"),
    ("srem", Guard::Divide, "%r = srem $T %a, %b"),
    ("shl", Guard::Shift, "%r = shl $T %a, %b"),
    ("lshr", Guard::Shift, "%r = lshr $T %a, %b"),
    ("ashr", Guard::Shift, "%r = ashr $T %a, %b"),
    ("and", Guard::None, "%r = and $T %a, %b"),
    ("or", Guard::None, "%r = or $T %a, %b"),
    ("xor", Guard::None, "%r = xor $T %a, %b"),
    ("smin", Guard::None, "%r = call $T @llvm.smin.$M($T %a, $T %b)"),
    ("smax", Guard::None, "%r = call $T @llvm.smax.$M($T %a, $T %b)"),
    ("umin", Guard::None, "%r = call $T @llvm.umin.$M($T %a, $T %b)"),
    ("umax", Guard::None, "%r = call $T @llvm.umax.$M($T %a, $T %b)"),
    ("uadd_sat", Guard::None, "%r = call $T @llvm.uadd.sat.$M($T %a, $T %b)"),
    ("sadd_sat", Guard::None, "%r = call $T @llvm.sadd.sat.$M($T %a, $T %b)"),
    ("usub_sat", Guard::None, "%r = call $T @llvm.usub.sat.$M($T %a, $T %b)"),
    ("ssub_sat", Guard::None, "%r = call $T @llvm.ssub.sat.$M($T %a, $T %b)"),
    ("ushl_sat", Guard::Shift, "%r = call $T @llvm.ushl.sat.$M($T %a, $T %b)"),
    ("sshl_sat", Guard::Shift, "%r = call $T @llvm.sshl.sat.$M($T %a, $T %b)"),
    ("abs", Guard::None, "%r = call $T @llvm.abs.$M($T %a, i1 false)"),
    ("ctpop", Guard::None, "%r = call $T @llvm.ctpop.$M($T %a)"),
    ("ctlz", Guard::None, "%r = call $T @llvm.ctlz.$M($T %a, i1 false)"),
    ("ctlz_of_some", Guard::NonZero, "%r = call $T @llvm.ctlz.$M($T %a, i1 true)"),
    ("cttz", Guard::None, "%r = call $T @llvm.cttz.$M($T %a, i1 false)"),
    ("cttz_of_some", Guard::NonZero, "%r = call $T @llvm.cttz.$M($T %a, i1 true)"),
    ("bitreverse", Guard::None, "%r = call $T @llvm.bitreverse.$M($T %a)"),
    ("fshl", Guard::None, "%r = call $T @llvm.fshl.$M($T %a, $T %b, $T %c)"),
    ("fshr", Guard::None, "%r = call $T @llvm.fshr.$M($T %a, $T %b, $T %c)"),
    ("rotl", Guard::None, "%r = call $T @llvm.fshl.$M($T %a, $T %a, $T %b)"),
    ("smul_fix", Guard::None, "%r = call $T @llvm.smul.fix.$M($T %a, $T %b, i32 3)"),
    ("umul_fix", Guard::None, "%r = call $T @llvm.umul.fix.$M($T %a, $T %b, i32 3)"),
    ("freeze", Guard::None, "%r = freeze $T %a"),
    // What the back end has instructions of its own for.
    ("mul_add", Guard::None, "%p = mul $T %a, %b\n%r = add $T %p, %c"),
    ("add_3", Guard::None, "%p = add $T %a, %b\n%r = add $T %p, %c"),
    ("xor_add", Guard::None, "%p = xor $T %a, %b\n%r = add $T %p, %c"),
    ("or_3", Guard::None, "%p = or $T %a, %b\n%r = or $T %p, %c"),
    ("and_or", Guard::None, "%p = and $T %a, %b\n%r = or $T %p, %c"),
    ("shl_add", Guard::Shift, "%p = shl $T %a, %b\n%r = add $T %p, %c"),
    ("shl_or", Guard::Shift, "%p = shl $T %a, %b\n%r = or $T %p, %c"),
    ("xnor", Guard::None, "%p = xor $T %a, %b\n%r = xor $T %p, splat ($S -1)"),
    ("andn2", Guard::None, "%p = xor $T %b, splat ($S -1)\n%r = and $T %a, %p"),
    ("blend", Guard::None, "%p = xor $T %a, splat ($S -1)\n%q = and $T %a, %b\n%s = and $T %p, %c\n%r = or $T %q, %s"),
    (
        "smed3",
        Guard::None,
        "%l = call $T @llvm.smin.$M($T %a, $T %b)\n%h = call $T @llvm.smax.$M($T %a, $T %b)\n\
        %m = call $T @llvm.smin.$M($T %h, $T %c)\n%r = call $T @llvm.smax.$M($T %l, $T %m)",
    ),
    ("umin3", Guard::None, "%p = call $T @llvm.umin.$M($T %a, $T %b)\n%r = call $T @llvm.umin.$M($T %p, $T %c)"),
    ("smax3", Guard::None, "%p = call $T @llvm.smax.$M($T %a, $T %b)\n%r = call $T @llvm.smax.$M($T %p, $T %c)"),
];

/// Names of intrinsics that give a number and whether it overflowed.
const OVERFLOWS: [&str; 6] = ["uadd", "sadd", "usub", "ssub", "umul", "smul"];
const PREDICATES: [&str; 10] = ["eq", "ne", "ugt", "uge", "ult", "ule", "sgt", "sge", "slt", "sle"];

/// Wide vectors of what takes hundreds of instructions for each element show nothing new.
fn is_sensible(name: &str, ty: Ty) -> bool {
    let bits = ty.scalar.bits() * ty.lanes;
    match name {
        _ if name.contains("div") || name.contains("rem") => bits <= 128,
        _ if name.contains("mul") => bits <= 512,
        _ => true,
    }
}

pub fn cases(all: &mut Vec<Case>) {
    for ty in INTEGERS.into_iter().flat_map(|scalar| WIDTHS.map(|lanes| Ty::vector(scalar, lanes))) {
        if ty.scalar == Scalar::I128 && ty.lanes > 2 {
            continue;
        }
        for (name, guard, body) in OPERATIONS {
            if !is_sensible(name, ty) {
                continue;
            }
            let count = 1 + usize::from(body.contains("%b")) + usize::from(body.contains("%c"));
            let case = Case::new(format!("{name}_{}", ty.mangled()), &vec![ty; count], ty, body);
            all.push(match guard {
                Guard::None => case,
                Guard::Divide => case.domain(1, Domain::Divisor),
                Guard::Shift => case.domain(1, Domain::Below(u128::from(ty.scalar.bits()))),
                Guard::NonZero => case.domain(0, Domain::NonZero),
            });
        }
        if ty.scalar != Scalar::I8 {
            all.push(Case::new(format!("bswap_{}", ty.mangled()), &[ty], ty, "%r = call $T @llvm.bswap.$M($T %a)"));
        }
        for name in OVERFLOWS.into_iter().filter(|name| is_sensible(name, ty)) {
            let both = format!(
                "%p = call {{ $T, {} }} @llvm.{name}.with.overflow.$M($T %a, $T %b)\n%r = extractvalue {{ $T, {} }} %p, ",
                flags(ty).ir(),
                flags(ty).ir()
            );
            let m = ty.mangled();
            all.push(Case::new(format!("{name}_overflow_value_{m}"), &[ty, ty], ty, &format!("{both}0")));
            all.push(Case::new(format!("{name}_overflow_flag_{m}"), &[ty, ty], flags(ty), &format!("{both}1")));
        }
        for predicate in PREDICATES {
            let body = format!("%r = icmp {predicate} $T %a, %b");
            all.push(Case::new(format!("icmp_{predicate}_{}", ty.mangled()), &[ty, ty], flags(ty), &body));
        }
        for name in ["scmp", "ucmp"] {
            let body = format!("%r = call $R @llvm.{name}.$N.$M($T %a, $T %b)");
            let result = ty.with(Scalar::I8);
            all.push(Case::new(format!("{name}_{}", ty.mangled()), &[ty, ty], result, &body));
        }
    }
    for lanes in WIDTHS {
        let ty = Ty::vector(Scalar::I1, lanes);
        for name in ["and", "or", "xor", "add", "sub", "mul"] {
            let body = format!("%r = {name} $T %a, %b");
            all.push(Case::new(format!("{name}_{}", ty.mangled()), &[ty, ty], ty, &body));
        }
    }
    // Selects and freezes of everything.
    for ty in super::types::everything() {
        let m = ty.mangled();
        let each = format!("%r = select {} %c, $T %a, $T %b", flags(ty).ir());
        let moved = |case: Case| case.compared(super::case::Compare::Exact);
        all.push(moved(Case::new(format!("select_{m}"), &[ty, ty, flags(ty)], ty, &each)));
        if ty.lanes > 1 {
            let whole = "%r = select i1 %c, $T %a, $T %b";
            all.push(moved(Case::new(format!("select_whole_{m}"), &[ty, ty, Ty::scalar(Scalar::I1)], ty, whole)));
        }
        if !INTEGERS.contains(&ty.scalar) {
            all.push(moved(Case::new(format!("freeze_{m}"), &[ty], ty, "%r = freeze $T %a")));
        }
    }
}
