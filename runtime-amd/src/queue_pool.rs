//! The queues of one GPU, and the launch slots of each.
//!
//! A launch takes a queue that nobody else uses, as long as there are few enough: when a kernel stops its queue, no other
//! launch suffers. Beyond [`MAX_QUEUES`] launches at once, queues are shared.

use std::{
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use geobacter_runtime_core::output::OutputSink;
use geobacter_spool::fault::FaultRecord;

use crate::{
    agent::Agent,
    error::Error,
    info,
    memory_pool::{HostAllocation, Pools},
    output::OutputBuffer,
    queue::Queue,
    signal::Signal,
};

/// The most queues of one GPU. More than a GPU's hardware slots would only take turns.
pub(crate) const MAX_QUEUES: usize = 8;

/// Alignment of fault record and kernarg segment: a cache line of the device.
const LINE: usize = 128;

/// The queues of one GPU.
#[derive(Default)]
pub(crate) struct QueuePool(Mutex<Vec<Arc<PooledQueue>>>);

/// A queue, its free launch slots, and how many launches use it.
pub(crate) struct PooledQueue {
    /// First, so that it is destroyed before the memory that its packets name.
    queue: Queue,
    users: AtomicUsize,
    slots: Mutex<Vec<Slot>>,
}

impl QueuePool {
    /// A queue with room for `size` packets, as far as the agent allows: an idle one, or a new one, or the least used.
    pub(crate) fn acquire(&self, agent: &Agent, size: u32) -> Result<QueueUse, Error> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // An idle queue under suspicion is not worth the doubt.
        queues.retain(|queue| queue.queue.fault().is_none() && !(queue.users() == 0 && queue.queue.is_suspected()));
        let least = queues.iter().min_by_key(|queue| queue.users()).cloned();
        let queue = match least {
            Some(queue) if queue.users() == 0 || queues.len() >= MAX_QUEUES => queue,
            least => match (Self::create(agent, size), least) {
                (Ok(queue), _) => {
                    queues.push(queue.clone());
                    queue
                }
                // No resources for one more: share.
                (Err(error), Some(queue)) => {
                    tracing::debug!(%error, "no further queue; launches share one");
                    queue
                }
                (Err(error), None) => return Err(error),
            },
        };
        queue.users.fetch_add(1, Ordering::Relaxed);
        Ok(QueueUse(queue))
    }

    fn create(agent: &Agent, size: u32) -> Result<Arc<PooledQueue>, Error> {
        let limits = (agent.info(&info::AGENT_QUEUE_MIN_SIZE)?, agent.info(&info::AGENT_QUEUE_MAX_SIZE)?);
        // Both limits are powers of two.
        let size = size.min(limits.1).max(limits.0).next_power_of_two();
        let queue = Queue::new(agent, size)?;
        Ok(Arc::new(PooledQueue { queue, users: AtomicUsize::new(0), slots: Mutex::default() }))
    }
}

impl PooledQueue {
    fn users(&self) -> usize {
        self.users.load(Ordering::Relaxed)
    }
}

/// The use of a queue by one launch.
pub(crate) struct QueueUse(Arc<PooledQueue>);

impl QueueUse {
    /// A launch slot of this queue whose kernarg segment has at least `kernarg` bytes.
    pub(crate) fn slot(&self, pools: &Pools, agent: &Agent, kernarg: usize) -> Result<Slot, Error> {
        let free = self.0.slots.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut slot = match free {
            Some(slot) => slot,
            None => Slot::new(self, pools, agent, kernarg)?,
        };
        if slot.kernarg.size() < kernarg {
            slot.kernarg = pools.kernarg.allocate(round_up(kernarg), agent)?;
        }
        Ok(slot)
    }

    /// Gives a slot back. The launch that used it must have completed, or never have been submitted.
    pub(crate) fn give_back(&self, slot: Slot) {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
    }
}

impl Deref for QueueUse {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.0.queue
    }
}

impl Drop for QueueUse {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one launch in flight needs beside its packet.
pub(crate) struct Slot {
    /// Decremented by the device when the kernel has ended.
    pub(crate) completion: Arc<Signal>,
    /// The kernarg segment.
    pub(crate) kernarg: HostAllocation,
    record: HostAllocation,
    /// Where a kernel prints; none before the slot's first launch of one that does.
    output: Option<OutputBuffer>,
}

impl Slot {
    fn new(queue: &Queue, pools: &Pools, agent: &Agent, kernarg: usize) -> Result<Self, Error> {
        let completion = Arc::new(Signal::new(agent.session(), 0)?);
        let slot = Self {
            completion: completion.clone(),
            kernarg: pools.kernarg.allocate(round_up(kernarg), agent)?,
            record: pools.shared.allocate(round_up(FaultRecord::SIZE), agent)?,
            output: None,
        };
        queue.wake_on_stop(&completion);
        Ok(slot)
    }

    /// Address of the buffer for printed lines, with room for so many bytes.
    pub(crate) fn output_address(&mut self, pools: &Pools, agent: &Agent, bytes: u32) -> Result<u64, Error> {
        let buffer = match self.output.take() {
            Some(buffer) => buffer,
            None => OutputBuffer::new(pools, agent, bytes)?,
        };
        Ok(self.output.insert(buffer).address())
    }

    /// Hands on what the launch has printed.
    pub(crate) fn deliver_output(&mut self, kernel: &str, code_object: &[u8], sink: &OutputSink) {
        if let Some(output) = &mut self.output {
            output.deliver(kernel, code_object, sink);
        }
    }

    /// Address of the fault record, for the kernel.
    pub(crate) fn record_address(&self) -> u64 {
        self.record.address()
    }

    /// Clears the fault record for the next launch.
    pub(crate) fn clear_record(&mut self) {
        self.record.bytes_mut()[..FaultRecord::SIZE].copy_from_slice(&FaultRecord::CLEAR.to_bytes());
    }

    /// The fault record that the launch left.
    pub(crate) fn record(&self) -> FaultRecord {
        let mut bytes = [0; FaultRecord::SIZE];
        bytes.copy_from_slice(&self.record.bytes()[..FaultRecord::SIZE]);
        FaultRecord::from_bytes(&bytes)
    }
}

fn round_up(bytes: usize) -> usize {
    bytes.max(1).next_multiple_of(LINE)
}

#[cfg(test)]
mod tests {
    use hsa_rt_sys as hsa;

    use super::*;
    use crate::fake::{self, FakeQueue};

    fn addresses(uses: &[QueueUse]) -> Vec<u64> {
        uses.iter().map(|queue| queue.address().unwrap().as_ptr() as u64).collect()
    }

    fn distinct(addresses: &[u64]) -> usize {
        addresses.iter().collect::<std::collections::BTreeSet<_>>().len()
    }

    #[test]
    fn launches_at_once_have_queues_of_their_own_up_to_a_limit() {
        let (_session, agent, _) = fake::start();
        let pool = QueuePool::default();
        let mut uses: Vec<_> = (0..MAX_QUEUES).map(|_| pool.acquire(&agent, 64).unwrap()).collect();
        assert_eq!(distinct(&addresses(&uses)), MAX_QUEUES);
        uses.extend((0..MAX_QUEUES).map(|_| pool.acquire(&agent, 64).unwrap()));
        let all = addresses(&uses);
        assert_eq!(distinct(&all), MAX_QUEUES);
        assert!(all.iter().all(|one| all.iter().filter(|other| *other == one).count() == 2), "shared evenly: {all:?}");
        drop(uses);
        let first = addresses(&[pool.acquire(&agent, 64).unwrap()]);
        assert_eq!(addresses(&[pool.acquire(&agent, 64).unwrap()]), first, "an idle queue is used again");
        assert!(all.contains(&first[0]));
    }

    #[test]
    fn a_stopped_queue_is_not_given_again() {
        let (_session, agent, memory_fault) = fake::start();
        let pool = QueuePool::default();
        let stopped = pool.acquire(&agent, 64).unwrap();
        FakeQueue::behind(&stopped).fail(hsa::HSA_STATUS_ERROR_EXCEPTION);
        let next = pool.acquire(&agent, 64).unwrap();
        assert_ne!(next.address(), stopped.address());
        assert!(next.fault().is_none());
        drop((stopped, next));

        memory_fault(fake::AGENT.handle, 0x1000);
        assert!(!pool.acquire(&agent, 64).unwrap().is_suspected(), "an idle queue under suspicion is replaced");
    }

    #[test]
    fn launches_share_a_queue_when_the_device_has_no_more() {
        let (_session, agent, _) = fake::start();
        let pool = QueuePool::default();
        let first = pool.acquire(&agent, 64).unwrap();
        fake::FAILING.set(Some("hsa_queue_create"));
        assert_eq!(pool.acquire(&agent, 64).unwrap().address(), first.address());
        let error = QueuePool::default().acquire(&agent, 64).err().unwrap().to_string();
        assert!(error.starts_with("hsa_queue_create failed: "), "{error}");
    }

    #[test]
    fn a_queues_size_keeps_to_the_agents_limits() {
        let (_session, agent, _) = fake::start();
        let size = |asked| FakeQueue::behind(&QueuePool::default().acquire(&agent, asked).unwrap()).size();
        assert_eq!([0, 65, 1024, u32::MAX].map(size), [64, 128, 1024, 1024]);
    }
}
