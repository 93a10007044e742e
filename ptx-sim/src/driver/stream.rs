//! Streams: work that is done one after the other, by a thread for each stream.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, PoisonError, Weak},
    thread,
};

use geobacter_cuda_driver::sys::CUresult::CUDA_ERROR_OPERATING_SYSTEM;

use super::{
    completion::Completion,
    context::Context,
    operation::Operation,
    state::{Outcome, fail, lock},
};

/// How a stream stands to the default stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The legacy default stream of its context.
    Default,
    /// Its work and that of the default stream wait for each other, in the order in which they were submitted.
    Blocking,
    /// It has nothing to do with the default stream.
    NonBlocking,
}

/// A stream.
#[derive(Debug)]
pub struct Stream {
    /// The context that it belongs to.
    pub context: Weak<Context>,
    /// How it stands to the default stream.
    pub kind: Kind,
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Debug)]
struct Queue {
    tasks: VecDeque<Task>,
    /// The end of what was submitted last.
    last: Arc<Completion>,
    /// Whether nothing more will come.
    closed: bool,
    has_thread: bool,
}

/// A piece of work in a stream.
#[derive(Debug)]
struct Task {
    /// Keeps the context while it has work.
    context: Arc<Context>,
    /// What must have ended before. All of it was submitted before this, so nothing waits in a circle.
    waits: Vec<Arc<Completion>>,
    operation: Operation,
    end: Arc<Completion>,
}

impl Stream {
    /// A stream without work.
    pub fn new(context: Weak<Context>, kind: Kind) -> Arc<Self> {
        let last = Completion::ended_already();
        let queue = Mutex::new(Queue { tasks: VecDeque::new(), last, closed: false, has_thread: false });
        Arc::new(Self { context, kind, queue, arrived: Condvar::new() })
    }

    /// The end of what was submitted last.
    pub fn last(&self) -> Arc<Completion> {
        Arc::clone(&lock(&self.queue).last)
    }

    /// Puts work at the end. The context sees to the order among streams: see [`Context::submit`].
    pub fn push(
        self: &Arc<Self>,
        context: &Arc<Context>,
        waits: Vec<Arc<Completion>>,
        operation: Operation,
    ) -> Outcome<Arc<Completion>> {
        let mut queue = lock(&self.queue);
        if !queue.has_thread {
            let stream = Arc::clone(self);
            let thread = thread::Builder::new().name("ptx-sim stream".to_owned()).spawn(move || stream.work());
            thread.map_err(|error| {
                fail(CUDA_ERROR_OPERATING_SYSTEM, format!("cannot start a thread for a stream: {error}"))
            })?;
            queue.has_thread = true;
        }
        let end = Completion::pending();
        queue.last = Arc::clone(&end);
        queue.tasks.push_back(Task { context: Arc::clone(context), waits, operation, end: Arc::clone(&end) });
        self.arrived.notify_one();
        Ok(end)
    }

    /// Nothing more will come. What is in the stream is still done.
    pub fn close(&self) {
        lock(&self.queue).closed = true;
        self.arrived.notify_one();
    }

    /// Does what comes, until the stream is closed.
    fn work(&self) {
        while let Some(task) = self.next() {
            for end in &task.waits {
                end.wait();
            }
            task.context.run(&task.operation);
            // What the work held is free when somebody hears of its end.
            let Task { context, operation, end, .. } = task;
            drop((operation, context));
            end.end();
        }
    }

    fn next(&self) -> Option<Task> {
        let queue = lock(&self.queue);
        let is_idle = |queue: &mut Queue| queue.tasks.is_empty() && !queue.closed;
        // The queue is consistent between statements, and no statement that changes it panics.
        self.arrived.wait_while(queue, is_idle).unwrap_or_else(PoisonError::into_inner).tasks.pop_front()
    }
}
