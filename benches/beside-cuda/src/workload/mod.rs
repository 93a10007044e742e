//! Both kernels of a pair at work on data of the same content.
//!
//! A [`Workload`] launches either side as often as asked, and shows what each has written. [`cases`] says what is launched with
//! which data; `side` holds the two sides.

pub mod cases;
mod side;

use std::{collections::HashMap, fmt::Debug};

use anyhow::Context as _;
use bytemuck::Pod;
use geobacter::{Device, DeviceBuffer, Element, Event, Stream};

use crate::{
    cuda::{self, Arguments, Launch},
    pair::{CudaFile, Pair},
};
use side::{Enqueue, Output, RustSide};

/// The devices' two faces: Geobacter's, and the CUDA driver's, of which there need not be one.
#[derive(Debug)]
pub struct Setup<'a> {
    /// Where Geobacter's kernels run.
    pub device: &'a Device,
    /// Where those in CUDA C++ run.
    pub cuda: Option<&'a CudaSide>,
}

/// Kernels in CUDA C++, loaded.
#[derive(Debug)]
pub struct CudaSide {
    /// The device.
    pub context: cuda::Context,
    modules: HashMap<&'static str, cuda::Module>,
}

impl CudaSide {
    /// Loads all files, of which `code` gives what a compiler made.
    ///
    /// # Errors
    /// If a file has no code, or the driver refuses it.
    pub fn load(
        context: cuda::Context,
        files: &[CudaFile],
        code: impl Fn(CudaFile) -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<Self> {
        let load = |file: &CudaFile| {
            let image = code(*file)?;
            // SAFETY: it is a compiler's output.
            let module = unsafe { cuda::Module::load(&context, &image) };
            anyhow::Ok((file.name, module.with_context(|| format!("code of {}.cu", file.name))?))
        };
        let modules = files.iter().map(load).collect::<anyhow::Result<_>>()?;
        Ok(Self { context, modules })
    }

    /// A kernel of a file.
    ///
    /// # Errors
    /// If there is none.
    pub fn function(&self, file: CudaFile, name: &str) -> anyhow::Result<cuda::Function> {
        let module = self.modules.get(file.name).with_context(|| format!("{}.cu is not loaded", file.name))?;
        module.function(name).with_context(|| format!("kernel `{name}` of {}.cu", file.name))
    }
}

/// Data on both sides, with the same content.
struct Both<T> {
    rust: DeviceBuffer<T>,
    cuda: Option<cuda::Buffer<T>>,
}

/// Elements of data before its content repeats, so that large data is quickly made. Not a power of two, lest neighbours in a
/// column be equal.
const PERIOD: usize = (1 << 20) - 3;

impl Setup<'_> {
    /// Zeros.
    fn zeroed<T: Element>(&self, length: usize) -> anyhow::Result<Both<T>> {
        let cuda = self.cuda.map(|side| cuda::Buffer::zeroed(&side.context, length)).transpose()?;
        Ok(Both { rust: self.device.zeroed(length)?, cuda })
    }

    /// What the function gives for each index below [`PERIOD`], again and again.
    fn data<T: Element>(&self, length: usize, value: impl Fn(usize) -> T) -> anyhow::Result<Both<T>> {
        let mut both = self.zeroed(length)?;
        let period: Vec<T> = (0..length.min(PERIOD)).map(value).collect();
        for first in (0..length).step_by(PERIOD) {
            let part = &period[..period.len().min(length - first)];
            both.rust.slice_mut(first..first + part.len())?.upload(part)?;
            if let Some(cuda) = &both.cuda {
                cuda.upload(first, part)?;
            }
        }
        Ok(both)
    }

    /// The kernel in CUDA C++ with its arguments.
    ///
    /// # Safety
    /// As for [`Launch::new`].
    unsafe fn launch(
        &self,
        pair: Pair,
        blocks: [u32; 2],
        threads: [u32; 2],
        arguments: impl FnOnce(Arguments) -> Option<Arguments>,
    ) -> anyhow::Result<Option<Launch>> {
        let Some(cuda) = self.cuda else { return Ok(None) };
        let function = cuda.function(pair.file, pair.function)?;
        let arguments = arguments(Arguments::default()).context("a buffer of CUDA's is missing")?;
        // SAFETY: this function's contract.
        Ok(Some(unsafe { Launch::new(function, blocks, threads, arguments) }))
    }
}

/// What one launch does, by which its speed is expressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// Bytes of memory read and written.
    Bytes(u64),
    /// Operations of floating point.
    Operations(u64),
    /// Nothing.
    None,
}

/// A pair of kernels with data.
pub struct Workload {
    /// The kernels.
    pub pair: Pair,
    /// The data's size, in words.
    pub size: String,
    /// What a launch does.
    pub work: Work,
    /// The largest relative error that rounding explains: additions in another order, and multiplications that were joined
    /// with an addition.
    pub tolerance: f64,
    rust: Box<dyn RustSide>,
    cuda: Option<(Launch, Box<dyn Output>)>,
}

impl Debug for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workload").field("pair", &self.pair.name).field("size", &self.size).finish_non_exhaustive()
    }
}

/// Elements that are compared at either end of an output.
const COMPARED: usize = 1 << 20;

impl Workload {
    fn new<T: Element, S: Pod + Into<f64>>(
        (pair, size): (Pair, String),
        work: Work,
        tolerance: f64,
        output: Both<T>,
        launch: Option<Launch>,
        enqueue: impl FnMut(&Stream, &mut DeviceBuffer<T>) -> Result<Event, geobacter::LaunchError> + 'static,
    ) -> Self {
        let enqueue: Enqueue<T> = Box::new(enqueue);
        let cuda = launch.zip(output.cuda.map(|buffer| side::cuda_output::<T, S>(buffer)));
        Self { pair, size, work, tolerance, rust: side::rust_side::<T, S>(output.rust, enqueue), cuda }
    }

    /// Whether there is a CUDA side.
    pub fn has_cuda(&self) -> bool {
        self.cuda.is_some()
    }

    /// Puts one launch of Geobacter's kernel into a stream.
    ///
    /// # Errors
    /// What the launch says.
    pub fn enqueue(&mut self, stream: &Stream) -> Result<Event, geobacter::LaunchError> {
        self.rust.enqueue(stream)
    }

    /// Puts one launch of the kernel in CUDA C++ into a stream.
    ///
    /// # Errors
    /// What the driver says, or that there is no CUDA side.
    pub fn enqueue_cuda(&self, stream: &cuda::Stream) -> anyhow::Result<()> {
        let (launch, _) = self.cuda.as_ref().context("there is no CUDA side")?;
        Ok(launch.enqueue(stream)?)
    }

    /// The largest relative error of what Geobacter's kernel wrote against what the one in CUDA C++ wrote, at either end of the
    /// output. Both must have been launched equally often. `None` if there is no CUDA side.
    ///
    /// # Errors
    /// What a device says.
    pub fn difference(&self) -> anyhow::Result<Option<f64>> {
        let Some((_, cuda)) = &self.cuda else { return Ok(None) };
        let length = self.rust.length();
        let part = length.min(COMPARED);
        let mut largest = 0.0_f64;
        for first in [0, length - part] {
            let (found, expected) = (self.rust.numbers(first, part)?, cuda.numbers(first, part)?);
            for (found, expected) in found.into_iter().zip(expected) {
                let scale = found.abs().max(expected.abs()).max(f64::MIN_POSITIVE);
                let error = if found == expected { 0.0 } else { (found - expected).abs() / scale };
                // `f64::max` would drop a NaN.
                largest = if error.is_nan() || largest.is_nan() { f64::NAN } else { largest.max(error) };
            }
        }
        Ok(Some(largest))
    }
}
