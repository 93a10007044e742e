//! A stream on the host: a thread of its own, which starts launches in order. The launches themselves use all threads,
//! as those that a program waits for do.

use std::{any::Any, sync::Arc};

use geobacter_runtime_core::{
    completion::HostCompletion,
    driver::{Completion, DriverError, DriverGraph, DriverStream, GraphStep, Work, WorkError},
    lane::Lane,
};

use crate::launch::Launcher;

/// Work that may wait in a stream: one who enqueues more waits as well.
const CAPACITY: usize = 1024;

#[derive(Debug)]
pub(crate) struct HostStream {
    lane: Lane,
    launcher: Arc<Launcher>,
}

impl HostStream {
    pub(crate) fn new(launcher: Arc<Launcher>) -> Self {
        Self { lane: Lane::new("geobacter-stream", CAPACITY), launcher }
    }
}

impl DriverStream for HostStream {
    unsafe fn submit(&self, work: Work, after: &[Arc<dyn Completion>]) -> Result<Arc<dyn Completion>, DriverError> {
        let completion = Arc::new(HostCompletion::default());
        let (done, launcher, after) = (Arc::clone(&completion), Arc::clone(&self.launcher), after.to_vec());
        self.lane.push(Box::new(move || {
            for earlier in after {
                // Whether it failed is for the layer above to consider.
                let _outcome = earlier.wait();
            }
            // SAFETY: this function's contract, which lasts until the completion is done.
            done.run(|| unsafe { run(&launcher, work) });
        }));
        Ok(completion)
    }
}

/// A graph on the host: there is nothing to make ready.
#[derive(Debug)]
pub(crate) struct HostGraph(pub(crate) Vec<GraphStep>);

impl DriverGraph for HostGraph {}

/// # Safety
/// As [`DriverStream::submit`], until the function returns.
unsafe fn run(launcher: &Launcher, work: Work) -> Result<(), WorkError> {
    match work {
        // SAFETY: this function's contract.
        Work::Kernel(dispatch) => unsafe { launcher.run(&dispatch) },
        // SAFETY: as above.
        Work::Copy(copy) => unsafe { copy.by_host() }.map_err(DriverError::into_work_error),
        Work::Fill(fill) => fill.by_host().map_err(DriverError::into_work_error),
        Work::Graph(graph) => {
            let graph: &dyn Any = graph.as_ref();
            let graph = graph
                .downcast_ref::<HostGraph>()
                .ok_or_else(|| WorkError::Device("the graph was made for another device".into()))?;
            for (number, step) in graph.0.iter().enumerate() {
                let done = match step {
                    // SAFETY: this function's contract.
                    GraphStep::Kernel(dispatch) => unsafe { launcher.run(dispatch) },
                    // SAFETY: as above.
                    GraphStep::Copy(copy) => unsafe { copy.by_host() }.map_err(DriverError::into_work_error),
                    GraphStep::Fill(fill) => fill.by_host().map_err(DriverError::into_work_error),
                    _ => Err(WorkError::Device("the host does not run steps of this kind".into())),
                };
                done.map_err(|error| WorkError::Step { step: number, error: Box::new(error) })?;
            }
            Ok(())
        }
        Work::Call(call) => call(),
        Work::Marker => Ok(()),
        _ => Err(WorkError::Device("the host does not run work of this kind".into())),
    }
}
