//! One operation on one type, as LLVM IR for device and host.

use super::{
    inputs::Domain,
    types::{Scalar, Ty},
};

/// How a device's result is held against the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Compare {
    /// Bit for bit.
    Exact,
    /// Bit for bit, but all NaNs are one: LLVM leaves their bits open.
    Float,
    /// As `Float`, and both zeros are one.
    AnyZero,
    /// Within this many units in the last place, or this far.
    Near(f64, f64),
}

/// What the results are compared with.
#[derive(Clone, Copy)]
pub enum Reference {
    /// The same operation compiled for the host.
    Host,
    /// A model of what a wave does: arguments of each lane to its result. All lanes are active.
    Wave(Model),
    /// The same for a work-group of 64.
    Group(Model),
}

/// The results of lanes with these arguments.
pub type Model = fn(&[Lane]) -> Vec<u128>;

/// First elements of the arguments that a lane has.
pub type Lane = [u128; 3];

/// One operation on one type. Its body uses `%a`, `%b` and `%c`, and defines `%r`. In device code `%d` is memory of the
/// item alone (512 bytes of global memory), and `%item` its number.
pub struct Case {
    /// Unique, and fit for a symbol.
    pub name: String,
    pub arguments: Vec<(Ty, Domain)>,
    pub result: Ty,
    pub device: Body,
    pub host: Body,
    pub compare: Compare,
    pub reference: Reference,
    /// Whether inputs that are the same for all items make sense.
    pub uniform: bool,
    /// Whether it is compiled alone: LLVM's back end ends with an error on some targets.
    pub alone: bool,
}

/// A body, and the globals and functions that it needs.
#[derive(Clone, Default)]
pub struct Body {
    pub code: String,
    pub globals: String,
}

impl Case {
    /// A case for which device and host have the same body. In it stand
    ///
    /// | | for |
    /// |---|---|
    /// | `$T`, `$U`, `$V` | types of `%a`, `%b`, `%c` |
    /// | `$R` | type of `%r` |
    /// | `$S` | scalar of `%a`'s type |
    /// | `$M`, `$N` | `$T`, `$R` in names of intrinsics |
    /// | `$NAME` | name of the case |
    /// | `$P3`, `$P5` | type of a pointer to LDS and to the stack; on the host those are generic |
    /// | `$A5` | how an `alloca` ends |
    /// | `splat ($S 1)` | a constant of type `$T` |
    pub fn new(name: impl Into<String>, arguments: &[Ty], result: Ty, body: &str) -> Self {
        let name = name.into();
        let arguments: Vec<_> = arguments.iter().map(|ty| (*ty, Domain::Any)).collect();
        let body = |device| Body { code: substitute(body, &name, &arguments, result, device), globals: String::new() };
        let alone = is_refused(&name);
        let compare = if result.scalar.is_float() { Compare::Float } else { Compare::Exact };
        Self {
            device: body(true),
            host: body(false),
            name,
            arguments,
            result,
            compare,
            reference: Reference::Host,
            uniform: true,
            alone,
        }
    }

    /// The same with another body on the host.
    pub fn on_host(mut self, body: &str) -> Self {
        self.host.code = substitute(body, &self.name, &self.arguments, self.result, false);
        self
    }

    /// The same with globals and functions.
    pub fn with_globals(mut self, text: &str) -> Self {
        self.device.globals = substitute(text, &self.name, &self.arguments, self.result, true);
        self.host.globals = substitute(text, &self.name, &self.arguments, self.result, false);
        self
    }

    /// The same with globals and functions on the device alone.
    pub fn with_device_globals(mut self, text: &str) -> Self {
        self.device.globals = substitute(text, &self.name, &self.arguments, self.result, true);
        self
    }

    /// The same with values of this domain for an argument.
    pub fn domain(mut self, argument: usize, domain: Domain) -> Self {
        if let Some((_, all)) = self.arguments.get_mut(argument) {
            *all = domain;
        }
        self
    }

    /// The same with values of this domain for all floating-point arguments.
    pub fn floats(mut self, domain: Domain) -> Self {
        for (ty, all) in &mut self.arguments {
            if ty.scalar.is_float() {
                *all = domain;
            }
        }
        self
    }

    pub fn compared(mut self, compare: Compare) -> Self {
        self.compare = compare;
        self
    }

    /// The same with another reference than the host, for items that each have inputs of their own.
    pub fn modelled(mut self, reference: Reference) -> Self {
        self.reference = reference;
        self.uniform = false;
        self
    }

    /// The same without the variant in which all items have the same inputs.
    pub fn divergent(mut self) -> Self {
        self.uniform = false;
        self
    }

    /// Whether two results agree.
    pub fn agrees(&self, device: &[u128], reference: &[u128]) -> bool {
        device.iter().zip(reference).all(|(device, reference)| self.agrees_in(*device, *reference))
    }

    fn agrees_in(&self, device: u128, reference: u128) -> bool {
        let scalar = self.result.scalar;
        if device == reference {
            return true;
        }
        if self.compare == Compare::Exact || !scalar.is_float() {
            // Some ways of the host to move a float make a signalling NaN quiet.
            let quiet = if scalar.is_nan(reference) { 1 << (scalar.mantissa() - 1) } else { 0 };
            return device | quiet == reference;
        }
        if scalar.is_nan(device) || scalar.is_nan(reference) {
            return scalar.is_nan(device) && scalar.is_nan(reference);
        }
        match self.compare {
            Compare::Exact | Compare::Float => false,
            Compare::AnyZero => (device | reference) & (scalar.sign() - 1) == 0,
            Compare::Near(ulps, distance) => {
                let rank = |bits: u128| {
                    let magnitude = (bits & (scalar.sign() - 1)) as i128;
                    if bits & scalar.sign() == 0 { magnitude } else { -magnitude }
                };
                let apart = (scalar.to_f64(device) - scalar.to_f64(reference)).abs();
                (rank(device) - rank(reference)).unsigned_abs() as f64 <= ulps || apart <= distance
            }
        }
    }
}

/// Whether LLVM's back end ends with an error for a case of this name, on some target. (If it does for another one, too,
/// what was compiled with it is compiled again.)
fn is_refused(name: &str) -> bool {
    let starts = ["lrint", "lround", "llrint", "llround"];
    let wide = ["exp", "exp2", "exp10", "log", "log2", "log10", "sin", "cos"];
    let of_wide = |name: &str| wide.iter().any(|of| name.strip_prefix(of).is_some_and(|ty| ty.starts_with('_')));
    let parts = ["split_barrier", "permlane16_var", "atomic_usub"];
    starts.iter().any(|start| name.starts_with(start))
        || parts.iter().any(|part| name.contains(part))
        || name.contains("_sat_") && name.ends_with("i128")
        || name.starts_with("fpto") && name.ends_with("i1")
        || of_wide(name) && (name.ends_with("f64") || name.ends_with("bf16"))
        || name.starts_with("frem") && name.ends_with("bf16")
}

fn substitute(text: &str, name: &str, arguments: &[(Ty, Domain)], result: Ty, device: bool) -> String {
    let ty = |n: usize| arguments.get(n).map_or_else(String::new, |(ty, _)| ty.ir());
    let first = arguments.first().map_or(result, |(ty, _)| *ty);
    let in_space = |space: u32| if device { format!("ptr addrspace({space})") } else { "ptr".to_owned() };
    let text = if first.lanes > 1 { text.to_owned() } else { without_splats(text) };
    text.replace("$NAME", name)
        .replace("$P3", &in_space(3))
        .replace("$P5", &in_space(5))
        .replace("$A5", if device { ", addrspace(5)" } else { "" })
        .replace("$T", &ty(0))
        .replace("$U", &ty(1))
        .replace("$V", &ty(2))
        .replace("$R", &result.ir())
        .replace("$S", first.scalar.ir())
        .replace("$M", &first.mangled())
        .replace("$N", &result.mangled())
}

/// A constant for all elements of a vector is plain for a scalar.
fn without_splats(text: &str) -> String {
    let mut parts = text.split("splat (");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (constant, rest) = part.split_once(')').unwrap_or_default();
        plain += constant.split_once(' ').map_or("", |(_, value)| value);
        plain += rest;
    }
    plain
}

/// A type of one-bit elements.
pub fn flags(ty: Ty) -> Ty {
    ty.with(Scalar::I1)
}
