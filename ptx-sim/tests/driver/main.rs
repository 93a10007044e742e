//! The driver in software, called as a C program calls a driver.

mod contexts;
mod copies;
mod devices;
mod events;
mod faults;
mod graphs;
mod kernels;
mod memory;
mod modules;
mod ptx;
mod streams;
mod support;
