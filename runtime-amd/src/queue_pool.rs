//! The queues of one GPU.
//!
//! A stream, and a launch that somebody waits for, takes a queue that nobody else uses, as long as there are few
//! enough: when a kernel stops its queue, nothing else suffers. Beyond [`MAX_QUEUES`] users at once, queues are shared.

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use geobacter_runtime_core::driver::Priority;

use crate::{agent::Agent, error::Error, info, queue::Queue};

/// The most queues of one GPU, of each priority. More than a GPU's hardware slots would only take turns.
pub(crate) const MAX_QUEUES: usize = 8;

/// The queues of one GPU.
#[derive(Debug, Default)]
pub(crate) struct QueuePool {
    queues: Mutex<Vec<Arc<PooledQueue>>>,
    /// Whether the device writes down when work began and ended.
    times: bool,
}

/// A queue, and how many use it.
#[derive(Debug)]
pub(crate) struct PooledQueue {
    queue: Queue,
    priority: Priority,
    users: AtomicUsize,
}

impl QueuePool {
    /// `times`: whether the device writes down when work began and ended.
    pub(crate) fn new(times: bool) -> Self {
        Self { queues: Mutex::default(), times }
    }

    /// A queue with room for `size` packets, as far as the agent allows: an idle one, or a new one, or the least used.
    pub(crate) fn acquire(&self, agent: &Agent, size: u32, priority: Priority) -> Result<QueueUse, Error> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        // An idle queue under suspicion is not worth the doubt.
        queues.retain(|queue| queue.fault().is_none() && !(queue.users() == 0 && queue.is_suspected()));
        let alike = queues.iter().filter(|queue| queue.priority == priority);
        let (count, least) = (alike.clone().count(), alike.min_by_key(|queue| queue.users()).cloned());
        let queue = match least {
            Some(queue) if queue.users() == 0 || count >= MAX_QUEUES => queue,
            least => match (self.create(agent, size, priority), least) {
                (Ok(queue), _) => {
                    queues.push(queue.clone());
                    queue
                }
                // No resources for one more: share.
                (Err(error), Some(queue)) => {
                    tracing::debug!(%error, "no further queue; streams share one");
                    queue
                }
                (Err(error), None) => return Err(error),
            },
        };
        queue.users.fetch_add(1, Ordering::Relaxed);
        Ok(QueueUse(queue))
    }

    fn create(&self, agent: &Agent, size: u32, priority: Priority) -> Result<Arc<PooledQueue>, Error> {
        let limits = (agent.info(&info::AGENT_QUEUE_MIN_SIZE)?, agent.info(&info::AGENT_QUEUE_MAX_SIZE)?);
        // Both limits are powers of two.
        let size = size.min(limits.1).max(limits.0).next_power_of_two();
        let queue = Queue::new(agent, size, priority)?;
        if self.times
            && let Err(error) = queue.write_times()
        {
            tracing::warn!(%error, "the device does not say when kernels began and ended");
        }
        Ok(Arc::new(PooledQueue { queue, priority, users: AtomicUsize::new(0) }))
    }
}

impl PooledQueue {
    fn users(&self) -> usize {
        self.users.load(Ordering::Relaxed)
    }
}

impl Deref for PooledQueue {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.queue
    }
}

/// The use of a queue by one stream or launch.
pub(crate) struct QueueUse(Arc<PooledQueue>);

impl QueueUse {
    /// The queue, for work that stays in it when this use has ended.
    pub(crate) fn queue(&self) -> &Arc<PooledQueue> {
        &self.0
    }
}

impl Drop for QueueUse {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for QueueUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use hsa_rt_sys as hsa;

    use super::*;
    use crate::fake::{self, FakeQueue};

    fn addresses(uses: &[QueueUse]) -> Vec<u64> {
        uses.iter().map(|queue| queue.queue().address().unwrap().as_ptr() as u64).collect()
    }

    fn distinct(addresses: &[u64]) -> usize {
        addresses.iter().collect::<std::collections::BTreeSet<_>>().len()
    }

    #[test]
    fn launches_at_once_have_queues_of_their_own_up_to_a_limit() {
        let (_session, agent, _) = fake::start();
        let pool = QueuePool::default();
        let mut uses: Vec<_> = (0..MAX_QUEUES).map(|_| pool.acquire(&agent, 64, Priority::Normal).unwrap()).collect();
        assert_eq!(distinct(&addresses(&uses)), MAX_QUEUES);
        uses.extend((0..MAX_QUEUES).map(|_| pool.acquire(&agent, 64, Priority::Normal).unwrap()));
        let all = addresses(&uses);
        assert_eq!(distinct(&all), MAX_QUEUES);
        assert!(all.iter().all(|one| all.iter().filter(|other| *other == one).count() == 2), "shared evenly: {all:?}");
        drop(uses);
        let first = addresses(&[pool.acquire(&agent, 64, Priority::Normal).unwrap()]);
        assert_eq!(
            addresses(&[pool.acquire(&agent, 64, Priority::Normal).unwrap()]),
            first,
            "an idle queue is used again"
        );
        assert!(all.contains(&first[0]));
    }

    #[test]
    fn a_stopped_queue_is_not_given_again() {
        let (_session, agent, memory_fault) = fake::start();
        let pool = QueuePool::default();
        let stopped = pool.acquire(&agent, 64, Priority::Normal).unwrap();
        FakeQueue::behind(stopped.queue()).fail(hsa::HSA_STATUS_ERROR_EXCEPTION);
        let next = pool.acquire(&agent, 64, Priority::Normal).unwrap();
        assert_ne!(next.queue().address(), stopped.queue().address());
        assert!(next.queue().fault().is_none());
        drop((stopped, next));

        memory_fault(fake::AGENT.handle, 0x1000);
        assert!(
            !pool.acquire(&agent, 64, Priority::Normal).unwrap().queue().is_suspected(),
            "an idle queue under suspicion is replaced"
        );
    }

    #[test]
    fn launches_share_a_queue_when_the_device_has_no_more() {
        let (_session, agent, _) = fake::start();
        let pool = QueuePool::default();
        let first = pool.acquire(&agent, 64, Priority::Normal).unwrap();
        fake::FAILING.set(Some("hsa_queue_create"));
        assert_eq!(pool.acquire(&agent, 64, Priority::Normal).unwrap().queue().address(), first.queue().address());
        let error = QueuePool::default().acquire(&agent, 64, Priority::Normal).err().unwrap().to_string();
        assert!(error.starts_with("hsa_queue_create failed: "), "{error}");
    }

    #[test]
    fn a_queues_size_keeps_to_the_agents_limits() {
        let (_session, agent, _) = fake::start();
        let size = |asked| {
            FakeQueue::behind(QueuePool::default().acquire(&agent, asked, Priority::Normal).unwrap().queue()).size()
        };
        assert_eq!([0, 65, 1024, u32::MAX].map(size), [64, 128, 1024, 1024]);
    }
}
