#![forbid(unsafe_code)]
use geobacter::{
    __private::lang::{
        entry::Scope,
        param::{KernelParam, kind},
    },
    descriptor::ParamKind,
};

/// The launch writes a number, the kernel reads a reference.
struct Forged;

impl KernelParam for Forged {
    type Repr = &'static u64;
    type Loaded<'k> = &'static u64;
    type Kind = kind::Scalar<u64>;
    const KIND: ParamKind = ParamKind::Scalar;
    const ELEMENT_SIZE: u32 = 0;

    fn load(repr: &'static u64, _: &Scope) -> &'static u64 {
        repr
    }
}

fn main() {}
