//! A launch: its blocks, across the cores.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::{block, code::Code, env::Env};
use crate::{fault::Fault, memory::Memory};

/// A launch that runs.
#[derive(Debug)]
pub struct Dispatch<'l> {
    pub kernel: &'l str,
    pub code: &'l Arc<Code>,
    /// The kernel's first instruction.
    pub entry: u32,
    /// Blocks along x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block along x, y and z.
    pub block: [u32; 3],
    pub params: &'l [u8],
    pub memory: &'l Memory,
    /// Shared memory of a block in bytes.
    pub shared: u32,
    /// What of it was asked for at the launch.
    pub dynamic_shared: u32,
    /// Where each shared variable of the module begins.
    pub shared_offsets: &'l [u32],
    /// Whoever launched it may end it.
    pub stop: Option<&'l AtomicBool>,
    /// A block has ended with a fault.
    pub failed: AtomicBool,
}

/// Runs all blocks to their end.
///
/// # Errors
/// The first fault; no block runs any more when it is given.
pub fn run(dispatch: &Dispatch<'_>) -> Result<(), Box<Fault>> {
    let [x, y, z] = dispatch.grid.map(u64::from);
    let total = x * y * z;
    let worker = || Env {
        view: dispatch.memory.view(),
        shared: vec![0; dispatch.shared as usize],
        dispatch,
        block: [0; 3],
        started: Instant::now(),
    };
    let one = |env: &mut Env<'_>, number: u64| {
        env.block = [number % x, number / x % y, number / x / y].map(|id| id as u32);
        env.shared.fill(0);
        block::run(env)
    };
    // One block is not worth another thread.
    if total == 1 {
        return one(&mut worker(), 0);
    }
    // The fault that came first is the one to report: the others ended because of it.
    let first = OnceLock::new();
    let _ = (0..total).into_par_iter().try_for_each_init(worker, |env, number| {
        one(env, number).map_err(|fault| {
            let _ = first.set(fault);
            dispatch.failed.store(true, Ordering::Relaxed);
        })
    });
    first.into_inner().map_or(Ok(()), Err)
}
