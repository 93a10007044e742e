//! How fast the device copies within its memory: by the driver's copy, and by the fastest plain copies in CUDA C++.

use geobacter_beside_cuda::{
    cuda::{Arguments, Buffer, Launch},
    pair::BANDWIDTH,
    workload::CudaSide,
};
use serde::Serialize;

use crate::measure::{self, Rounds};

/// What was measured, in bytes read and written in a second.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Bandwidth {
    /// `cuMemcpyAsync`, from device to device.
    pub(crate) driver: f64,
    /// A kernel with one load of 16 bytes for each thread.
    pub(crate) wide: f64,
    /// A kernel with four such loads, past the caches.
    pub(crate) streaming: f64,
}

impl Bandwidth {
    /// The best of them.
    pub(crate) fn best(&self) -> f64 {
        self.driver.max(self.wide).max(self.streaming)
    }
}

/// Measures it on so many `f64`.
pub(crate) fn measure(side: &CudaSide, n: usize, rounds: &Rounds) -> anyhow::Result<Bandwidth> {
    /// Threads of a block, and what each of them copies.
    const BLOCK: usize = 1024;
    const EACH: usize = 4;
    let (from, to) = (Buffer::<f64>::zeroed(&side.context, n)?, Buffer::<f64>::zeroed(&side.context, n)?);
    let pairs = n / 2;
    let bytes = (4 * size_of::<f64>() * pairs) as f64;
    let kernel = |name: &str, each: usize| {
        let arguments = Arguments::default().value(pairs as u64).buffer(&from).buffer(&to);
        let blocks = u32::try_from(pairs.div_ceil(BLOCK * each))?;
        // SAFETY: the buffers have as many pairs of numbers as the kernel is told.
        let launch =
            unsafe { Launch::new(side.function(BANDWIDTH, name)?, [blocks.max(1), 1], [BLOCK as u32, 1], arguments) };
        anyhow::Ok(bytes / measure::cuda_alone(side, rounds, |stream| Ok(launch.enqueue(stream)?))?)
    };
    Ok(Bandwidth {
        driver: bytes / measure::cuda_alone(side, rounds, |stream| Ok(to.enqueue_copy(&from, stream)?))?,
        wide: kernel("copy_wide", 1)?,
        streaming: kernel("copy_streaming", EACH)?,
    })
}
