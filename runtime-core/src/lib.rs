//! Devices, buffers, launches and caches: what every back end of Geobacter shares.

pub mod driver;
pub mod code;
mod fault;
