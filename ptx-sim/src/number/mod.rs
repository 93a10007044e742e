//! Arithmetic as PTX has it: what the host's numbers do not do by themselves.

pub mod float;
pub mod integer;
pub mod round;
