//! Loads and stores in each address space, and LLVM's memory functions.

use super::{
    case::{Case, Compare},
    inputs::Domain,
    types::{Scalar, Ty, everything},
};

/// Bytes of memory that an item has in each address space.
const SLOT: u32 = 512;
/// Items of a work-group.
const ITEMS: u32 = 64;

/// Where memory lies.
#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    Global,
    Lds,
    Stack,
    /// Reached through generic pointers.
    FlatGlobal,
    FlatLds,
    FlatStack,
}

pub const PLACES: [Place; 6] =
    [Place::Global, Place::Lds, Place::Stack, Place::FlatGlobal, Place::FlatLds, Place::FlatStack];

impl Place {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Lds => "lds",
            Self::Stack => "stack",
            Self::FlatGlobal => "flat_global",
            Self::FlatLds => "flat_lds",
            Self::FlatStack => "flat_stack",
        }
    }

    /// The type of pointers to it.
    pub const fn pointer(self) -> &'static str {
        match self {
            Self::Global => "ptr addrspace(1)",
            Self::Lds => "ptr addrspace(3)",
            Self::Stack => "ptr addrspace(5)",
            Self::FlatGlobal | Self::FlatLds | Self::FlatStack => "ptr",
        }
    }

    /// Its name in names of intrinsics.
    pub const fn mangled(self) -> &'static str {
        match self {
            Self::Global => "p1",
            Self::Lds => "p3",
            Self::Stack => "p5",
            Self::FlatGlobal | Self::FlatLds | Self::FlatStack => "p0",
        }
    }

    /// Device code that makes `%m` a pointer to the item's slot, as one of which the optimiser knows nothing.
    pub fn slot(self) -> String {
        let (make, from) = match self {
            Self::Global | Self::FlatGlobal => ("%slot = freeze ptr addrspace(1) %d\n".to_owned(), "ptr addrspace(1)"),
            Self::Lds | Self::FlatLds => (
                format!(
                    "%lane = urem i32 %item, {ITEMS}\n\
                     %slot = getelementptr [{SLOT} x i8], ptr addrspace(3) @lds_$NAME, i32 %lane\n"
                ),
                "ptr addrspace(3)",
            ),
            Self::Stack | Self::FlatStack => {
                (format!("%slot = alloca [{SLOT} x i8], align 16, addrspace(5)\n"), "ptr addrspace(5)")
            }
        };
        let convert = if self.pointer() == "ptr" { "addrspacecast" } else { "bitcast" };
        format!("{make}%m = {convert} {from} %slot to {}\n", self.pointer())
    }

    /// The globals that the slot needs.
    pub fn globals(self) -> String {
        if matches!(self, Self::Lds | Self::FlatLds) {
            format!("@lds_$NAME = internal addrspace(3) global [{ITEMS} x [{SLOT} x i8]] poison, align 16\n")
        } else {
            String::new()
        }
    }

    /// A pointer that is equal to another one, and LLVM does not know it.
    pub fn launder(self, from: &str, to: &str) -> String {
        let p = self.pointer();
        format!("{to} = call {p} asm sideeffect \"\", \"=v,0\"({p} {from})\n")
    }
}

/// A case that uses `%m`, a pointer to 512 bytes of memory of the item in this place. In the body `$P` stands for the
/// pointer's type, `$Q` for it in names of intrinsics. On the host it is the stack.
pub fn placed(place: Place, name: &str, arguments: &[Ty], result: Ty, body: &str) -> Case {
    // The launderings say which pointers are equal; the host takes the same one.
    let mut device = place.slot() + &body.replace("$P ", &format!("{} ", place.pointer()));
    let mut host = format!("%m = alloca [{SLOT} x i8], align 16\n") + &body.replace("$P ", "ptr ");
    while let Some(at) = device.find("LAUNDER(") {
        let end = at + device[at..].find(')').unwrap_or(0);
        let (from, to) = device[at + 8..end].split_once(", ").unwrap_or_default();
        let text = place.launder(from, to);
        device.replace_range(at..=end, text.trim_end());
    }
    while let Some(at) = host.find("LAUNDER(") {
        let end = at + host[at..].find(')').unwrap_or(0);
        let (from, to) = host[at + 8..end].split_once(", ").unwrap_or_default();
        let text = format!("{to} = getelementptr i8, ptr {from}, i32 0");
        host.replace_range(at..=end, &text);
    }
    let device = device.replace("$Q", place.mangled());
    let case = Case::new(format!("{name}_{}", place.name()), arguments, result, &device);
    let case = case.on_host(&host.replace("$Q", "p0")).with_device_globals(&place.globals());
    case.compared(Compare::Exact).divergent()
}

pub fn cases(all: &mut Vec<Case>) {
    for ty in everything() {
        for place in PLACES {
            for align in [1, 2, 4, 8, 16] {
                all.push(store_and_load(place, ty, align, false));
            }
        }
        for place in [Place::Global, Place::Lds, Place::FlatGlobal, Place::Stack] {
            all.push(store_and_load(place, ty, ty.align() as u32, true));
        }
    }
    for place in PLACES {
        narrow(all, place);
        functions(all, place);
        atomic_accesses(all, place);
    }
}

/// A pointer to a bit, or to bits, holds a byte for each.
fn store_and_load(place: Place, ty: Ty, align: u32, volatile: bool) -> Case {
    let volatile_word = if volatile { "volatile " } else { "" };
    let body = format!(
        "%p = getelementptr i8, $P %m, i32 {align}\nstore {volatile_word}$T %a, $P %p, align {align}\n\
         LAUNDER(%p, %q)\n%r = load {volatile_word}$T, $P %q, align {align}"
    );
    let kind = if volatile { "volatile".to_owned() } else { format!("align{align}") };
    placed(place, &format!("memory_{kind}_{}", ty.mangled()), &[ty], ty, &body)
}

/// Loads that extend, stores that cut off, and loads of one half of a register.
fn narrow(all: &mut Vec<Case>, place: Place) {
    let (wide, pair) = (Ty::scalar(Scalar::I32), Ty::vector(Scalar::I16, 2));
    for from in ["i8", "i16"] {
        for extend in ["zext", "sext"] {
            let body = format!(
                "%t = trunc i32 %a to {from}\nstore {from} %t, $P %m, align 2\nLAUNDER(%m, %q)\n\
                 %v = load {from}, $P %q, align 2\n%r = {extend} {from} %v to i32"
            );
            all.push(placed(place, &format!("narrow_{extend}_{from}"), &[wide], wide, &body));
            for half in [0, 1] {
                let body = format!(
                    "%x = extractelement $T %a, i32 0\n%t = trunc i16 %x to {}\nstore {from} %t, $P %m, align 2\n\
                     LAUNDER(%m, %q)\n%v = load {from}, $P %q, align 2\n%e = {} {from} %v to i16\n\
                     %r = insertelement $T %b, i16 %e, i32 {half}",
                    if from == "i8" { "i8\n" } else { "i16\n" }.trim_end(),
                    extend,
                );
                let body = match from {
                    "i16" => body
                        .replace("%t = trunc i16 %x to i16", "%t = freeze i16 %x")
                        .replace(&format!("%e = {extend} i16 %v to i16"), "%e = freeze i16 %v"),
                    _ => body,
                };
                let name = format!("half{half}_{extend}_{from}");
                all.push(placed(place, &name, &[pair, pair], pair, &body));
            }
        }
    }
    for (part, shift) in [("low", 0), ("high", 1)] {
        for kept in ["i8", "i16"] {
            let body = format!(
                "store i32 0, $P %m, align 4\n%x = extractelement $T %a, i32 {shift}\n%t = {} {kept}\n\
                 store {kept} %t, $P %m, align 2\nLAUNDER(%m, %q)\n%r = load i32, $P %q, align 4",
                if kept == "i8" { "trunc i16 %x to" } else { "bitcast i16 %x to" }
            );
            all.push(placed(place, &format!("store_{part}_{kept}"), &[pair], wide, &body));
        }
    }
}

fn functions(all: &mut Vec<Case>, place: Place) {
    let ty = Ty::vector(Scalar::I32, 16);
    let length = Ty::scalar(Scalar::I32);
    let copies: [(&str, u32); 2] = [("memcpy", 128), ("memmove", 24)];
    for (name, to) in copies {
        for bytes in [1, 3, 4, 8, 16, 33, 63] {
            let body = format!(
                "store $T %a, $P %m, align 16\n%p = getelementptr i8, $P %m, i32 {to}\nstore $T %b, $P %p, align 8\n\
                 %f = getelementptr i8, $P %m, i32 1\nLAUNDER(%p, %q)\n\
                 call void @llvm.{name}.$Q.$Q.i32($P %q, $P %f, i32 {bytes}, i1 false)\nLAUNDER(%q, %s)\n\
                 %r = load $T, $P %s, align 8"
            );
            all.push(placed(place, &format!("{name}_{bytes}"), &[ty, ty], ty, &body));
        }
        let body = format!(
            "store $T %a, $P %m, align 16\n%p = getelementptr i8, $P %m, i32 {to}\nstore $T %b, $P %p, align 8\n\
             LAUNDER(%p, %q)\ncall void @llvm.{name}.$Q.$Q.i32($P %q, $P %m, i32 %c, i1 false)\nLAUNDER(%q, %s)\n\
             %r = load $T, $P %s, align 8"
        );
        let case = placed(place, &format!("{name}_any"), &[ty, ty, length], ty, &body);
        all.push(case.domain(2, Domain::Below(65)));
    }
    for bytes in ["1", "7", "16", "61", "%c"] {
        let body = format!(
            "store $T %a, $P %m, align 16\n%v = trunc $U %b to i8\nLAUNDER(%m, %q)\n\
             call void @llvm.memset.$Q.i32($P %q, i8 %v, i32 {bytes}, i1 false)\nLAUNDER(%q, %s)\n\
             %r = load $T, $P %s, align 16"
        );
        let name = format!("memset_{}", if bytes == "%c" { "any" } else { bytes });
        let arguments = if bytes == "%c" { vec![ty, length, length] } else { vec![ty, length] };
        all.push(placed(place, &name, &arguments, ty, &body).domain(2, Domain::Below(65)));
    }
}

fn atomic_accesses(all: &mut Vec<Case>, place: Place) {
    let types =
        [Scalar::I8, Scalar::I16, Scalar::I32, Scalar::I64, Scalar::Half, Scalar::Float, Scalar::Double, Scalar::Ptr];
    for scalar in types {
        let ty = Ty::scalar(scalar);
        for (order, store, load) in
            [("relaxed", "monotonic", "monotonic"), ("ordered", "release", "acquire"), ("strict", "seq_cst", "seq_cst")]
        {
            for (scope, of) in
                [("group", "syncscope(\"workgroup\") "), ("agent", "syncscope(\"agent\") "), ("system", "")]
            {
                let align = ty.size();
                let body = format!(
                    "store atomic $T %a, $P %m {of}{store}, align {align}\nLAUNDER(%m, %q)\n\
                     %r = load atomic $T, $P %q {of}{load}, align {align}"
                );
                all.push(placed(place, &format!("atomic_access_{order}_{scope}_{}", ty.mangled()), &[ty], ty, &body));
            }
        }
    }
}
