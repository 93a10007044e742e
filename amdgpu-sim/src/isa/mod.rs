//! The instruction set: text to steps. One table per instruction class; each states the semantics of its instructions
//! once, as Rust closures. References are to AMD's *CDNA 3 Instruction Set Architecture Reference Guide*.

pub mod arithmetic;
pub mod atomic;
pub mod decode;
pub mod dpp;
pub mod flow;
pub mod lane;
pub mod lds;
pub mod matrix;
pub mod minifloat;
pub mod mubuf;
pub mod narrow;
pub mod salu;
pub mod sdwa;
pub mod smem;
pub mod step;
pub mod text;
pub mod transfer;
pub mod valu;
pub mod valu_table;
pub mod vcmp;
pub mod vmem;
pub mod vop3p;
