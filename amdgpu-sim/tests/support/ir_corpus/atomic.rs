//! Atomic operations: of each item on memory of its own, and of all items of a work-group on one place.

use super::{
    case::{Case, Compare, Lane, Reference},
    inputs::Domain,
    memory::{PLACES, Place, placed},
    types::{Scalar, Ty},
};

const INTEGER: [&str; 15] = [
    "xchg",
    "add",
    "sub",
    "and",
    "nand",
    "or",
    "xor",
    "max",
    "min",
    "umax",
    "umin",
    "uinc_wrap",
    "udec_wrap",
    "usub_cond",
    "usub_sat",
];
const FLOAT: [&str; 7] = ["xchg", "fadd", "fsub", "fmax", "fmin", "fmaximum", "fminimum"];

pub fn cases(all: &mut Vec<Case>) {
    let integers = [Scalar::I8, Scalar::I16, Scalar::I32, Scalar::I64].map(Ty::scalar);
    let floats = [
        Ty::scalar(Scalar::Half),
        Ty::scalar(Scalar::Bfloat),
        Ty::scalar(Scalar::Float),
        Ty::scalar(Scalar::Double),
        Ty::vector(Scalar::Half, 2),
        Ty::vector(Scalar::Bfloat, 2),
    ];
    for place in PLACES {
        for ty in integers {
            INTEGER.iter().for_each(|name| changes(all, place, name, ty));
            exchanges(all, place, ty);
        }
        for ty in floats {
            // IR exchanges no vectors.
            let known = FLOAT.iter().filter(|name| ty.lanes == 1 || **name != "xchg");
            known.for_each(|name| changes(all, place, name, ty));
        }
    }
    orders(all);
    contended(all);
}

/// The value before, and the value after with nobody asking for the one before.
fn changes(all: &mut Vec<Case>, place: Place, name: &str, ty: Ty) {
    // With what the metadata promises, the hardware's floating-point atomics are used.
    let promises: &[(&str, &str)] = match name {
        "fadd" | "fmin" | "fmax" if ty.scalar.is_float() => &[
            ("", ""),
            (
                "_fast",
                ", !amdgpu.no.fine.grained.memory !0, !amdgpu.no.remote.memory !0, !amdgpu.ignore.denormal.mode !0",
            ),
        ],
        _ => &[("", "")],
    };
    for (suffix, promise) in promises {
        let align = ty.size();
        let operation = |to: &str| {
            format!(
                "store $T %a, $P %m, align {align}\n\
                 {to}atomicrmw {name} $P %m, $T %b syncscope(\"agent\") monotonic, align {align}{promise}\n"
            )
        };
        let after = operation("%old = ") + "LAUNDER(%m, %q)\n%r = load $T, $P %q, align " + &align.to_string();
        let full = format!("atomic_{name}{suffix}_{}", ty.mangled());
        let finish = |case: Case| {
            let case = case.floats(Domain::Quiet);
            match name {
                _ if !ty.scalar.is_float() || name == "xchg" => case,
                "fmax" | "fmin" => case.compared(Compare::AnyZero),
                _ => case.compared(Compare::Float),
            }
        };
        all.push(finish(placed(place, &format!("{full}_before"), &[ty, ty], ty, &operation("%r = "))));
        all.push(finish(placed(place, &format!("{full}_after"), &[ty, ty], ty, &after)));
    }
}

fn exchanges(all: &mut Vec<Case>, place: Place, ty: Ty) {
    let align = ty.size();
    // Half of the items expect what is there.
    let body = format!(
        "store $T %a, $P %m, align {align}\n%one = and $T %c, 1\n%e = xor $T %a, %one\n\
         %p = cmpxchg $P %m, $T %e, $T %b syncscope(\"agent\") acq_rel monotonic, align {align}\n"
    );
    let parts = [
        ("before", "%r = extractvalue { $T, i1 } %p, 0".to_owned(), ty),
        ("success", "%r = extractvalue { $T, i1 } %p, 1".to_owned(), Ty::scalar(Scalar::I1)),
        ("after", format!("LAUNDER(%m, %q)\n%r = load $T, $P %q, align {align}"), ty),
    ];
    for (name, part, result) in parts {
        let name = format!("cmpxchg_{}_{name}", ty.mangled());
        all.push(placed(place, &name, &[ty, ty, ty], result, &(body.clone() + &part)));
    }
}

fn orders(all: &mut Vec<Case>) {
    let ty = Ty::scalar(Scalar::I32);
    for place in [Place::Global, Place::Lds, Place::FlatGlobal] {
        for order in ["acquire", "release", "acq_rel", "seq_cst"] {
            for scope in ["singlethread", "wavefront", "workgroup", "agent", ""] {
                let of = if scope.is_empty() { String::new() } else { format!("syncscope(\"{scope}\") ") };
                let body = format!(
                    "store i32 %a, $P %m\n%r = atomicrmw add $P %m, i32 %b {of}{order}, align 4\nfence {of}{order}\n"
                );
                all.push(placed(place, &format!("atomic_{order}_{scope}"), &[ty, ty], ty, &body));
            }
        }
    }
}

/// Name, what a place holds at first, and what becomes of it with the value of one item. The order of items is open.
type Contended = (&'static str, u32, fn(u32, u32) -> u32);

const CONTENDED: [Contended; 9] = [
    ("add", 0, u32::wrapping_add),
    ("sub", 0, u32::wrapping_sub),
    ("and", u32::MAX, |a, b| a & b),
    ("or", 0, |a, b| a | b),
    ("xor", 0, |a, b| a ^ b),
    ("umax", 0, u32::max),
    ("umin", u32::MAX, u32::min),
    ("max", 0x8000_0000, |a, b| (a as i32).max(b as i32) as u32),
    ("min", 0x7fff_ffff, |a, b| (a as i32).min(b as i32) as u32),
];

macro_rules! models {
    ($( $index:literal )*) => { [$( |lanes: &[Lane]| model($index, lanes) ),*] };
}

/// What each lane finds.
type Model = fn(&[Lane]) -> Vec<u128>;

/// A model for each of them: functions without captures.
const MODELS: [Model; 9] = models!(0 1 2 3 4 5 6 7 8);

fn model(operation: usize, lanes: &[Lane]) -> Vec<u128> {
    let (_, start, apply) = CONTENDED[operation];
    let end = lanes.iter().fold(start, |value, lane| apply(value, lane[0] as u32));
    vec![u128::from(end); lanes.len()]
}

/// LLVM makes one atomic operation of a wave's, by a reduction across its lanes; for one it needs the value before in each.
fn contended(all: &mut Vec<Case>) {
    let ty = Ty::scalar(Scalar::I32);
    for ((name, start, _), model) in CONTENDED.into_iter().zip(MODELS) {
        let start = start as i32;
        let begin = format!(
            "%lane = urem i32 %item, 64\n%first = icmp eq i32 %lane, 0\nbr i1 %first, label %init, label %ready\ninit:\n\
             store i32 {start}, ptr addrspace(3) @lds_$NAME\nbr label %ready\nready:\nfence syncscope(\"workgroup\") release\n\
             call void @llvm.amdgcn.s.barrier()\nfence syncscope(\"workgroup\") acquire\n"
        );
        let end = "fence syncscope(\"workgroup\") release\ncall void @llvm.amdgcn.s.barrier()\n\
             fence syncscope(\"workgroup\") acquire\n";
        let global = "@lds_$NAME = internal addrspace(3) global i32 poison, align 4\n";
        let change =
            format!("atomicrmw {name} ptr addrspace(3) @lds_$NAME, i32 %a syncscope(\"workgroup\") monotonic\n");
        let body = format!("{begin}%old = {change}{end}%r = load i32, ptr addrspace(3) @lds_$NAME");
        let case = Case::new(format!("contended_{name}"), &[ty], ty, &body).with_device_globals(global);
        all.push(case.modelled(Reference::Group(model)));
    }
}
