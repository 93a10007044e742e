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

use super::{Deadline, Queue, QueueFault};
use crate::{
    fake::{self, FakeQueue},
    memory_fault::GRACE,
    packet::{BarrierAnd, KernelDispatch, KernelDispatchFields},
    signal::Signal,
};

const LONG: Duration = Duration::from_secs(30);

/// A packet whose body says twice who it is.
fn packet(number: u64, completion: Option<&Signal>) -> KernelDispatch {
    KernelDispatch::new(&KernelDispatchFields {
        dimensions: 1,
        workgroup: [64, 1, 1],
        grid: [64, 1, 1],
        private_segment: 0,
        group_segment: 0,
        kernel_object: number,
        kernarg: !number,
        completion: completion.map_or(hsa_signal_t { handle: 0 }, Signal::handle),
    })
}

/// The number of a packet, if its body is whole.
fn number(words: crate::packet::Words) -> u64 {
    let double = |at: usize| u64::from(words[at]) | u64::from(words[at + 1]) << 32;
    assert_eq!(words[0] & 0xff, hsa::HSA_PACKET_TYPE_KERNEL_DISPATCH);
    assert_eq!(double(8), !double(10), "the body was not written before the header");
    double(8)
}

fn submit(queue: &Queue, number: u64, completion: Option<&Signal>, limit: Duration) -> Result<(), QueueFault> {
    // SAFETY: the fake looks at nothing that a packet names, but the signal, which the test keeps.
    unsafe { queue.submit(&packet(number, completion), Deadline::after(Some(limit))) }
}

#[test]
fn packets_go_round_the_ring_in_order() {
    let (_session, agent, _) = fake::start();
    let queue = Queue::new(&agent, 4).unwrap();
    let device = FakeQueue::behind(&queue);
    for i in 0..50 {
        submit(&queue, 2 * i, None, LONG).unwrap();
        submit(&queue, 2 * i + 1, None, LONG).unwrap();
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
    let (_session, agent, _) = fake::start();
    let queue = Queue::new(&agent, 8).unwrap();
    let device = FakeQueue::behind(&queue);
    let mut taken = Vec::new();
    thread::scope(|scope| {
        let queue = &queue;
        for producer in 0..PRODUCERS {
            scope.spawn(move || {
                for i in 0..EACH {
                    submit(queue, producer * EACH + i, None, LONG).unwrap();
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
fn a_barrier_leaves_no_stale_completion_signal() {
    let (session, agent, _) = fake::start();
    let queue = Queue::new(&agent, 1).unwrap();
    let device = FakeQueue::behind(&queue);
    let done = Signal::new(&session, 2).unwrap();
    submit(&queue, 1, Some(&done), LONG).unwrap();
    device.take().unwrap();
    // The barrier takes the slot in which the dispatch's signal still stands.
    let barrier = BarrierAnd::new(&[done.handle()], None).unwrap();
    // SAFETY: the fake looks at nothing that a packet names, but the signal, which the test keeps.
    unsafe { queue.submit(&barrier, Deadline::after(Some(LONG))).unwrap() };
    let words = device.take().unwrap();
    assert_eq!(words[0] & 0xff, hsa::HSA_PACKET_TYPE_BARRIER_AND);
    assert_eq!(u64::from(words[2]) | u64::from(words[3]) << 32, done.handle().handle);
    assert_eq!(done.wait_below(3, Duration::ZERO, false), 1, "only the dispatch has signalled");
}

#[test]
fn waiting_ends_with_completion() {
    let (session, agent, _) = fake::start();
    let queue = Queue::new(&agent, 4).unwrap();
    let done = Signal::new(&session, 1).unwrap();
    submit(&queue, 5, Some(&done), LONG).unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| queue.wait(&done, Deadline::after(None)));
        thread::sleep(Duration::from_millis(5));
        assert!(!waiter.is_finished());
        FakeQueue::behind(&queue).take().unwrap();
        waiter.join().unwrap().unwrap();
    });
}

#[test]
fn the_error_callback_wakes_whoever_waits_for_completion_or_for_room() {
    let (session, agent, _) = fake::start();
    let queue = Queue::new(&agent, 1).unwrap();
    let done = Arc::new(Signal::new(&session, 1).unwrap());
    queue.wake_on_stop(&done);
    submit(&queue, 5, Some(&done), LONG).unwrap();
    let expected = QueueFault::Status {
        status: hsa::HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION,
        text: "a kernel executed an illegal instruction".into(),
    };
    thread::scope(|scope| {
        let completion = scope.spawn(|| queue.wait(&done, Deadline::after(None)));
        let room = scope.spawn(|| submit(&queue, 6, None, LONG));
        thread::sleep(Duration::from_millis(20));
        assert!(!completion.is_finished() && !room.is_finished());
        FakeQueue::behind(&queue).fail(hsa::HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION);
        assert_eq!(done.wait_below(1, Duration::ZERO, false), -1, "the signal itself was touched");
        assert_eq!(completion.join().unwrap().unwrap_err(), expected);
        assert_eq!(room.join().unwrap().unwrap_err(), expected);
    });
    // Stopped for good, and closing is safe from any number of waiters.
    assert_eq!(submit(&queue, 7, None, LONG).unwrap_err(), expected);
    thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| queue.close().to_owned()))));
    assert!(queue.address().is_none());
    assert_eq!(submit(&queue, 8, None, LONG).unwrap_err(), expected);
}

#[test]
fn a_memory_fault_stops_all_launches_of_its_agent_unless_one_queue_confesses() {
    let (session, agent, memory_fault) = fake::start();
    let launch = || {
        let (queue, done) = (Queue::new(&agent, 4).unwrap(), Signal::new(&session, 1).unwrap());
        submit(&queue, 1, Some(&done), LONG).unwrap();
        (queue, done)
    };
    let wait = |(queue, done): &(Queue, Signal), limit| queue.wait(done, Deadline::after(Some(limit))).unwrap_err();
    let text = "memory fault at address 0xdeadb000 (page not present)";
    let short = GRACE / 10;

    let (first, second) = (launch(), launch());
    memory_fault(fake::AGENT.handle + 1, 0xdead_b000);
    assert!(!first.0.is_suspected(), "another agent's");
    memory_fault(fake::AGENT.handle, 0xdead_b000);
    assert!(first.0.is_suspected() && second.0.is_suspected());
    assert_eq!(wait(&first, LONG).to_string(), text);
    assert_eq!(wait(&second, LONG).to_string(), text);

    let (guilty, innocent) = (launch(), launch());
    memory_fault(fake::AGENT.handle, 0xdead_b000);
    FakeQueue::behind(&guilty.0).fail(hsa::HSA_STATUS_ERROR_MEMORY_FAULT);
    assert_eq!(wait(&guilty, LONG).to_string(), text, "the event's address is kept");
    assert!(!innocent.0.is_suspected());
    thread::sleep(GRACE);
    assert_eq!(wait(&innocent, short), QueueFault::Timeout(short), "nothing but its own limit stops it");
}

#[test]
fn a_launch_that_never_ends_and_a_ring_that_never_empties_stop_the_queue() {
    let (session, agent, _) = fake::start();
    let limit = Duration::from_millis(30);
    let queue = Queue::new(&agent, 1).unwrap();
    let done = Signal::new(&session, 1).unwrap();
    submit(&queue, 1, Some(&done), LONG).unwrap();
    let start = Instant::now();
    let fault = queue.wait(&done, Deadline::after(Some(limit))).unwrap_err();
    assert_eq!(fault, QueueFault::Timeout(limit));
    assert!(fault.to_string().contains("GEOBACTER_LAUNCH_TIMEOUT"), "{fault}");
    assert!(start.elapsed() >= limit);

    let queue = Queue::new(&agent, 1).unwrap();
    submit(&queue, 1, None, LONG).unwrap();
    assert_eq!(submit(&queue, 2, None, limit).unwrap_err(), QueueFault::Timeout(limit));
}

#[test]
fn a_queue_is_destroyed_once_and_not_under_a_producer() {
    let (_session, agent, _) = fake::start();
    let queue = Queue::new(&agent, 2).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = submit(&queue, 1, None, LONG);
                }
            });
        }
        thread::sleep(Duration::from_millis(5));
        FakeQueue::behind(&queue).fail(hsa::HSA_STATUS_ERROR_EXCEPTION);
        queue.close();
        thread::sleep(Duration::from_millis(5));
        stop.store(true, Ordering::Relaxed);
    });
    assert!(queue.address().is_none());
}
