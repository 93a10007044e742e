//! An AMD GPU in software behind the HSA C ABI.
