//! The two sides of a workload, whatever their output's elements are.

use bytemuck::Pod;
use geobacter::{DeviceBuffer, Element, Event, LaunchError, Stream};

use crate::cuda;

/// Launches a kernel that writes this output.
pub(super) type Enqueue<T> = Box<dyn FnMut(&Stream, &mut DeviceBuffer<T>) -> Result<Event, LaunchError>>;

/// What a kernel writes.
pub(super) trait Output {
    /// Elements.
    fn length(&self) -> usize;

    /// The numbers in so many elements from the first on.
    fn numbers(&self, first: usize, length: usize) -> anyhow::Result<Vec<f64>>;
}

/// Geobacter's kernel and its output.
pub(super) trait RustSide: Output {
    fn enqueue(&mut self, stream: &Stream) -> Result<Event, LaunchError>;
}

struct Rust<T, S> {
    output: DeviceBuffer<T>,
    enqueue: Enqueue<T>,
    /// Of what numbers an element is made.
    numbers: fn(&[T]) -> Vec<S>,
}

struct Cuda<T, S> {
    output: cuda::Buffer<T>,
    numbers: fn(&[T]) -> Vec<S>,
}

/// Geobacter's side. An element of the output is one or several `S`.
pub(super) fn rust_side<T: Element, S: Pod + Into<f64>>(
    output: DeviceBuffer<T>,
    enqueue: Enqueue<T>,
) -> Box<dyn RustSide> {
    Box::new(Rust::<T, S> { output, enqueue, numbers: |elements| bytemuck::cast_slice(elements).to_vec() })
}

/// The output of CUDA's side.
pub(super) fn cuda_output<T: Element, S: Pod + Into<f64>>(output: cuda::Buffer<T>) -> Box<dyn Output> {
    Box::new(Cuda::<T, S> { output, numbers: |elements| bytemuck::cast_slice(elements).to_vec() })
}

impl<T: Element, S: Into<f64>> Output for Rust<T, S> {
    fn length(&self) -> usize {
        self.output.len()
    }

    fn numbers(&self, first: usize, length: usize) -> anyhow::Result<Vec<f64>> {
        let elements = self.output.slice(first..first + length)?.download()?;
        Ok((self.numbers)(&elements).into_iter().map(Into::into).collect())
    }
}

impl<T: Element, S: Into<f64>> RustSide for Rust<T, S> {
    fn enqueue(&mut self, stream: &Stream) -> Result<Event, LaunchError> {
        (self.enqueue)(stream, &mut self.output)
    }
}

impl<T: Element, S: Into<f64>> Output for Cuda<T, S> {
    fn length(&self) -> usize {
        self.output.len()
    }

    fn numbers(&self, first: usize, length: usize) -> anyhow::Result<Vec<f64>> {
        let elements = self.output.download(first, length)?;
        Ok((self.numbers)(&elements).into_iter().map(Into::into).collect())
    }
}
