//! The ring against a fake device that takes packets out by hand.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hsa_rt_sys::{self as hsa, hsa_signal_t};

use geobacter_runtime_core::driver::Priority;

use super::{Queue, QueueFault};
use crate::{
    agent::Agent,
    fake::{self, FakeQueue},
    memory_fault::GRACE,
    packet::{BarrierAnd, KernelDispatch, KernelDispatchFields, Packet, Words},
    session::Session,
    signal::{Fate, SignalPool, WorkSignal},
};

const LONG: Duration = Duration::from_secs(30);

/// A queue with room for `size` packets, and signals for what is put into it.
struct Tested {
    queue: Queue,
    signals: Arc<SignalPool>,
}

fn queue(session: &Arc<Session>, agent: &Agent, size: u32) -> Tested {
    Tested { queue: Queue::new(agent, size, Priority::Normal).unwrap(), signals: SignalPool::new(session) }
}

impl Tested {
    fn device(&self) -> &FakeQueue {
        FakeQueue::behind(&self.queue)
    }

    fn submit(&self, number: u64, limit: Duration) -> Result<Arc<WorkSignal>, QueueFault> {
        let done = self.signals.take(1).unwrap();
        // SAFETY: the fake looks at nothing that a packet names, but the signal, which the queue keeps.
        unsafe { self.queue.submit(&[packet(number, done.handle())], &done, Some(limit)) }?;
        Ok(done)
    }
}

/// A packet whose body says twice who it is.
fn packet(number: u64, completion: hsa_signal_t) -> Words {
    KernelDispatch::new(&KernelDispatchFields {
        dimensions: 1,
        workgroup: [64, 1, 1],
        grid: [64, 1, 1],
        private_segment: 0,
        group_segment: 0,
        kernel_object: number,
        kernarg: !number,
        completion,
    })
    .words()
}

/// The number of a packet, if its body is whole.
fn number(words: Words) -> u64 {
    let double = |at: usize| u64::from(words[at]) | u64::from(words[at + 1]) << 32;
    assert_eq!(words[0] & 0xff, hsa::HSA_PACKET_TYPE_KERNEL_DISPATCH);
    assert_eq!(double(8), !double(10), "the body was not written before the header");
    double(8)
}

#[test]
fn packets_go_round_the_ring_in_order() {
    let (session, agent, _) = fake::start();
    let queue = queue(&session, &agent, 4);
    let device = queue.device();
    for i in 0..50 {
        queue.submit(2 * i, LONG).unwrap();
        queue.submit(2 * i + 1, LONG).unwrap();
        assert_eq!(device.doorbell(), 2 * i as i64 + 1, "the doorbell holds the last packet's index");
        assert_eq!(device.take().map(number), Some(2 * i));
        assert_eq!(device.take().map(number), Some(2 * i + 1));
        assert!(device.take().is_none());
    }
}

#[test]
fn a_full_ring_makes_producers_wait_and_loses_nothing() {
    const PRODUCERS: u64 = 4;
    const EACH: u64 = 2_500;
    let (session, agent, _) = fake::start();
    let queue = queue(&session, &agent, 8);
    let device = queue.device();
    let mut taken = Vec::new();
    thread::scope(|scope| {
        let queue = &queue;
        for producer in 0..PRODUCERS {
            scope.spawn(move || {
                for i in 0..EACH {
                    queue.submit(producer * EACH + i, LONG).unwrap();
                }
            });
        }
        let start = Instant::now();
        while taken.len() < (PRODUCERS * EACH) as usize {
            assert!(start.elapsed() < LONG, "{} of {} packets came", taken.len(), PRODUCERS * EACH);
            // A device that is sometimes slow, so that the ring fills.
            if taken.len() % 1000 == 0 {
                thread::sleep(Duration::from_millis(2));
            }
            match device.take() {
                Some(words) => taken.push(number(words)),
                None => thread::yield_now(),
            }
        }
    });
    assert_eq!(device.deepest(), 8, "the ring was full at some time and never over-full");
    assert_eq!(device.write_index(), PRODUCERS * EACH, "every reserved slot was filled");
    for producer in 0..PRODUCERS {
        let mine: Vec<_> = taken.iter().copied().filter(|number| number / EACH == producer).collect();
        assert!(mine.is_sorted(), "one producer's packets keep their order");
    }
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len(), "no packet came twice");
}

#[test]
fn more_packets_than_the_ring_holds_go_through_it_with_one_call() {
    let (session, agent, _) = fake::start();
    let queue = queue(&session, &agent, 4);
    let done = queue.signals.take(1).unwrap();
    let none = hsa_signal_t { handle: 0 };
    let packets: Vec<_> = (0..10).map(|i| packet(i, if i == 9 { done.handle() } else { none })).collect();
    thread::scope(|scope| {
        // SAFETY: the fake looks at nothing that a packet names, but the signal.
        let submitted = scope.spawn(|| unsafe { queue.queue.submit(&packets, &done, Some(LONG)) });
        let mut taken = Vec::new();
        while taken.len() < 10 {
            taken.extend(queue.device().take().map(number));
        }
        assert_eq!(taken, (0..10).collect::<Vec<_>>());
        submitted.join().unwrap().unwrap();
    });
    assert_eq!((queue.device().doorbell(), done.is_done()), (9, true));
}

#[test]
fn a_barrier_leaves_no_stale_completion_signal() {
    let (session, agent, _) = fake::start();
    let queue = queue(&session, &agent, 1);
    let (first, second) = (queue.signals.take(2).unwrap(), queue.signals.take(1).unwrap());
    // SAFETY: the fake looks at nothing that a packet names, but the signals, which the test keeps.
    unsafe { queue.queue.submit(&[packet(1, first.handle())], &first, Some(LONG)) }.unwrap();
    queue.device().take().unwrap();
    // The barrier takes the slot in which the dispatch's signal still stands.
    let mut wait_for = [hsa_signal_t { handle: 0 }; BarrierAnd::SIGNALS];
    wait_for[0] = first.handle();
    // SAFETY: as above.
    unsafe { queue.queue.submit(&[BarrierAnd::new(wait_for, None).words()], &second, Some(LONG)) }.unwrap();
    let words = queue.device().take().unwrap();
    assert_eq!(words[0] & 0xff, hsa::HSA_PACKET_TYPE_BARRIER_AND);
    assert_eq!(u64::from(words[2]) | u64::from(words[3]) << 32, first.handle().handle);
    assert_eq!(first.signal().load(), 1, "only the dispatch has signalled");
}

#[test]
fn waiting_ends_with_completion() {
    let (session, agent, _) = fake::start();
    let queue = queue(&session, &agent, 4);
    let done = queue.submit(5, LONG).unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| queue.queue.wait(&done, None));
        thread::sleep(Duration::from_millis(5));
        assert!(!waiter.is_finished());
        queue.device().take().unwrap();
        assert_eq!(waiter.join().unwrap(), Fate::Ran);
    });
}

#[test]
fn the_error_callback_wakes_whoever_waits_for_completion_or_for_room() {
    let (session, agent, _) = fake::start();
    let queue = queue(&session, &agent, 2);
    let ended = queue.submit(4, LONG).unwrap();
    queue.device().take().unwrap();
    let (first, second) = (queue.submit(5, LONG).unwrap(), queue.submit(6, LONG).unwrap());
    let expected = QueueFault::Status {
        status: hsa::HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION,
        text: "a kernel executed an illegal instruction".into(),
    };
    thread::scope(|scope| {
        let completions = [&first, &second].map(|done| scope.spawn(|| queue.queue.wait(done, None)));
        let room = scope.spawn(|| queue.submit(7, LONG));
        thread::sleep(Duration::from_millis(20));
        assert!(!completions.iter().any(|waiter| waiter.is_finished()) && !room.is_finished());
        queue.device().fail(hsa::HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION);
        // So that packets of other queues that wait for them go on.
        assert_eq!((first.signal().load(), second.signal().load()), (0, 0), "the signals themselves were touched");
        assert_eq!(completions.map(|waiter| waiter.join().unwrap()), [Fate::Stopped, Fate::Abandoned]);
        assert_eq!(room.join().unwrap().unwrap_err(), expected);
    });
    assert_eq!(queue.queue.fate(&ended), Fate::Ran, "what had ended before has not failed");
    // Stopped for good, and closing is safe from any number of waiters.
    assert_eq!(queue.submit(7, LONG).unwrap_err(), expected);
    thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| queue.queue.close().to_owned()))));
    assert!(queue.queue.address().is_none());
    assert_eq!(queue.submit(8, LONG).unwrap_err(), expected);
}

#[test]
fn a_memory_fault_stops_all_launches_of_its_agent_unless_one_queue_confesses() {
    let (session, agent, memory_fault) = fake::start();
    let launch = || {
        let queue = queue(&session, &agent, 4);
        let done = queue.submit(1, LONG).unwrap();
        (queue, done)
    };
    let wait = |(queue, done): &(Tested, Arc<WorkSignal>), limit| {
        assert_eq!(queue.queue.wait(done, Some(limit)), Fate::Stopped);
        queue.queue.fault().unwrap()
    };
    let text = "memory fault at address 0xdeadb000 (page not present)";
    let short = GRACE / 10;

    let (first, second) = (launch(), launch());
    memory_fault(fake::AGENT.handle + 1, 0xdead_b000);
    assert!(!first.0.queue.is_suspected(), "another agent's");
    memory_fault(fake::AGENT.handle, 0xdead_b000);
    assert!(first.0.queue.is_suspected() && second.0.queue.is_suspected());
    assert_eq!(wait(&first, LONG).to_string(), text);
    assert_eq!(wait(&second, LONG).to_string(), text);

    let (guilty, innocent) = (launch(), launch());
    memory_fault(fake::AGENT.handle, 0xdead_b000);
    guilty.0.device().fail(hsa::HSA_STATUS_ERROR_MEMORY_FAULT);
    assert_eq!(wait(&guilty, LONG).to_string(), text, "the event's address is kept");
    assert!(!innocent.0.queue.is_suspected());
    thread::sleep(GRACE);
    assert_eq!(wait(&innocent, short), QueueFault::Timeout(short), "nothing but its own limit stops it");
}

#[test]
fn a_launch_that_never_ends_and_a_ring_that_never_empties_stop_the_queue() {
    let (session, agent, _) = fake::start();
    let limit = Duration::from_millis(30);
    let never_ends = queue(&session, &agent, 1);
    let done = never_ends.submit(1, LONG).unwrap();
    let start = Instant::now();
    assert_eq!(never_ends.queue.wait(&done, Some(limit)), Fate::Stopped);
    let fault = never_ends.queue.fault().unwrap();
    assert_eq!(fault, QueueFault::Timeout(limit));
    assert!(fault.to_string().contains("GEOBACTER_LAUNCH_TIMEOUT"), "{fault}");
    assert!(start.elapsed() >= limit);

    let never_empties = queue(&session, &agent, 1);
    never_empties.submit(1, LONG).unwrap();
    assert_eq!(never_empties.submit(2, limit).unwrap_err(), QueueFault::Timeout(limit));
}

#[test]
fn the_limit_is_for_each_launch_and_not_for_all_in_the_queue() {
    let (session, agent, _) = fake::start();
    let limit = Duration::from_millis(200);
    let queue = queue(&session, &agent, 8);
    let last = (0..6).map(|number| queue.submit(number, LONG).unwrap()).last().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| queue.queue.wait(&last, Some(limit)));
        for _ in 0..6 {
            thread::sleep(limit / 2);
            queue.device().take().unwrap();
        }
        assert_eq!(waiter.join().unwrap(), Fate::Ran);
    });
}

#[test]
fn a_queue_is_destroyed_once_and_not_under_a_producer() {
    let (session, agent, _) = fake::start();
    let queue = queue(&session, &agent, 2);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = queue.submit(1, LONG);
                }
            });
        }
        thread::sleep(Duration::from_millis(5));
        queue.device().fail(hsa::HSA_STATUS_ERROR_EXCEPTION);
        queue.queue.close();
        thread::sleep(Duration::from_millis(5));
        stop.store(true, Ordering::Relaxed);
    });
    assert!(queue.queue.address().is_none());
}

#[test]
fn a_signal_is_used_again_when_nobody_needs_it_any_more() {
    let (session, agent, _) = fake::start();
    let queue = queue(&session, &agent, 4);
    let first = queue.submit(1, LONG).unwrap();
    let handle = first.handle().handle;
    queue.device().take().unwrap();
    drop(first);
    // The queue still lists it: a stop must not find another's work there.
    assert_ne!(queue.signals.take(1).unwrap().handle().handle, handle);
    let _second = queue.submit(2, LONG).unwrap();
    let handles: Vec<_> = (0..2).map(|_| queue.signals.take(1).unwrap()).map(|signal| signal.handle().handle).collect();
    assert!(handles.contains(&handle));
}
