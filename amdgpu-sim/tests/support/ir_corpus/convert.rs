//! Conversions.

use super::{
    case::{Case, Compare},
    inputs::Domain,
    types::{FLOATS, INTEGERS, Scalar, Ty, everything},
};

const LANES: [u32; 4] = [1, 2, 3, 8];

pub fn cases(all: &mut Vec<Case>) {
    for lanes in LANES {
        let integers = [Scalar::I1].into_iter().chain(INTEGERS).collect::<Vec<_>>();
        for from in &integers {
            for to in integers.iter().filter(|to| to.bits() != from.bits()) {
                let names: &[&str] = if to.bits() < from.bits() { &["trunc"] } else { &["zext", "sext"] };
                names.iter().for_each(|name| all.push(cast(name, *from, *to, lanes)));
            }
        }
        for (n, from) in FLOATS.into_iter().enumerate() {
            for to in FLOATS.into_iter().skip(n + 1).filter(|to| to.bits() > from.bits()) {
                all.push(cast("fpext", from, to, lanes));
                all.push(cast("fptrunc", to, from, lanes));
            }
        }
        if lanes > 3 {
            continue;
        }
        for float in FLOATS {
            for integer in &integers {
                numbers(all, *integer, float, lanes);
            }
        }
    }
    bitcasts(all);
}

fn cast(name: &str, from: Scalar, to: Scalar, lanes: u32) -> Case {
    let (from, to) = (Ty::vector(from, lanes), Ty::vector(to, lanes));
    let name_of_case = format!("{name}_{}_{}", from.mangled(), to.mangled());
    Case::new(name_of_case, &[from], to, &format!("%r = {name} $T %a to $R"))
}

fn numbers(all: &mut Vec<Case>, integer: Scalar, float: Scalar, lanes: u32) {
    let bits = integer.bits() as i32;
    // Larger than this no float of the format is.
    let largest = float.to_f64(float.infinity() - 1);
    let below = |power: i32| {
        // The largest float below.
        let limit = 2_f64.powi(power);
        if largest < limit { largest } else { float.to_f64(float.of_f64(limit) - 1) }
    };
    for (name, sign) in [("sitofp", bits - 1), ("uitofp", bits)] {
        let case = cast(name, integer, float, lanes);
        // To halves LLVM goes by way of float, on some targets for all widths.
        let twice = float.bits() == 16 && sign > 24;
        all.push(if twice { case.compared(Compare::Near(1.0, 0.0)) } else { case });
    }
    let low = if largest < 2_f64.powi(bits - 1) { -largest } else { -2_f64.powi(bits - 1) };
    let signed = cast("fptosi", float, integer, lanes).domain(0, Domain::Within(low, below(bits - 1)));
    // One bit holds 0 and -1.
    all.push(if integer == Scalar::I1 { signed.domain(0, Domain::Within(-1.0, 0.5)) } else { signed });
    // To one bit the back end goes by comparing with 1.
    let high = if integer == Scalar::I1 { 1.0 } else { below(bits) };
    let unsigned = cast("fptoui", float, integer, lanes).domain(0, Domain::Within(0.0, high));
    all.push(unsigned);
    let (from, to) = (Ty::vector(float, lanes), Ty::vector(integer, lanes));
    for name in ["fptosi", "fptoui"] {
        let body = format!("%r = call $R @llvm.{name}.sat.$N.$M($T %a)");
        all.push(Case::new(format!("{name}_sat_{}_{}", from.mangled(), to.mangled()), &[from], to, &body));
    }
    if matches!(integer, Scalar::I32 | Scalar::I64) {
        let within = Domain::Within(low.max(-1e9), below(bits - 1).min(1e9));
        for name in ["lrint", "lround", "llrint", "llround"] {
            let body = format!("%r = call $R @llvm.{name}.$N.$M($T %a)");
            let name = format!("{name}_{}_{}", from.mangled(), to.mangled());
            // What the C library gives is as wide as `long`; halves it does not know.
            let round = if name.contains("rint") { "roundeven" } else { "round" };
            let host = format!("%q = call $T @llvm.{round}.$M($T %a)\n%r = fptosi $T %q to $R");
            all.push(Case::new(name, &[from], to, &body).on_host(&host).domain(0, within));
        }
    }
}

fn bitcasts(all: &mut Vec<Case>) {
    let types: Vec<Ty> = everything()
        .into_iter()
        .filter(|ty| !matches!(ty.scalar, Scalar::I1 | Scalar::Ptr) && ty.scalar.bits() * ty.lanes <= 128)
        .collect();
    for from in &types {
        for to in types.iter().filter(|to| to.scalar != from.scalar && to.size() == from.size()) {
            // Through memory they are compared anyway; here a bit flips between.
            let integer = from.scalar.bits() * from.lanes;
            let body = format!(
                "%p = bitcast $T %a to i{integer}\n%q = xor i{integer} %p, 5\n%s = bitcast i{integer} %q to $T\n\
                 %r = bitcast $T %s to $R"
            );
            let name = format!("bitcast_{}_{}", from.mangled(), to.mangled());
            all.push(Case::new(name, &[*from], *to, &body).compared(Compare::Exact));
        }
    }
    for lanes in [1, 2, 4] {
        let (pointer, number) = (Ty::vector(Scalar::Ptr, lanes), Ty::vector(Scalar::I64, lanes));
        let narrow = Ty::vector(Scalar::I32, lanes);
        let m = pointer.mangled();
        let both = [
            (format!("ptrtoint_{m}"), pointer, number, "%r = ptrtoint $T %a to $R"),
            (format!("ptrtoint_narrow_{m}"), pointer, narrow, "%r = ptrtoint $T %a to $R"),
            (format!("inttoptr_{m}"), number, pointer, "%r = inttoptr $T %a to $R"),
            (format!("inttoptr_narrow_{m}"), narrow, pointer, "%r = inttoptr $T %a to $R"),
        ];
        for (name, from, to, body) in both {
            all.push(Case::new(name, &[from], to, body));
        }
        for predicate in ["eq", "ult", "sgt"] {
            let body = format!("%r = icmp {predicate} $T %a, %b");
            let result = pointer.with(Scalar::I1);
            all.push(Case::new(format!("icmp_{predicate}_{m}"), &[pointer, pointer], result, &body));
        }
        let body = "%r = getelementptr i32, $T %a, $U %b";
        all.push(Case::new(format!("getelementptr_{m}"), &[pointer, narrow], pointer, body));
        let body = format!("%r = call $R @llvm.ptrmask.{m}.{}($T %a, $U %b)", number.mangled());
        all.push(Case::new(format!("ptrmask_{m}"), &[pointer, number], pointer, &body));
    }
}
