//! 100,000 launches and copies from eight threads, on many streams, with random dependencies: everything is as if it
//! had run one after the other, and nothing is left behind. On every device.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use geobacter::{Graph, prelude::*};

mod work;
use work::{add, mix};

const THREADS: usize = 8;
const STREAMS: usize = 3;
const BUFFERS: usize = 48;
const LENGTH: usize = 128;
const OPERATIONS: usize = 100_000;

/// Pseudo-random numbers, the same in each run (Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8-14,
/// 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }
}

/// A buffer, and what must be in it when everything that was enqueued is done.
struct Tracked {
    buffer: DeviceBuffer<u32>,
    model: Vec<u32>,
}

impl Tracked {
    fn check(&self) {
        assert_eq!(self.buffer.download().unwrap(), self.model);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Two different buffers, locked in order so that threads cannot wait for each other.
fn two<'b>(buffers: &'b [Mutex<Tracked>], random: &mut Random) -> (MutexGuard<'b, Tracked>, MutexGuard<'b, Tracked>) {
    let first = random.below(BUFFERS);
    let second = (first + 1 + random.below(BUFFERS - 1)) % BUFFERS;
    if first < second {
        let (a, b) = (lock(&buffers[first]), lock(&buffers[second]));
        (a, b)
    } else {
        let (b, a) = (lock(&buffers[second]), lock(&buffers[first]));
        (a, b)
    }
}

/// A graph over a buffer of its own: adds 1 and 2 to it.
struct Looped {
    graph: Graph,
    tracked: Tracked,
}

fn one_thread(device: &Device, buffers: &[Mutex<Tracked>], looped: &Mutex<Looped>, left: &AtomicUsize, seed: u64) {
    let mut random = Random(seed);
    let mut streams: Vec<_> = (0..STREAMS).map(|_| device.stream().unwrap()).collect();
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let stream = &streams[random.below(STREAMS)];
        match random.below(100) {
            0..45 => {
                let (x, mut y) = two(buffers, &mut random);
                mix::enqueue(stream, .., &x.buffer, &mut y.buffer).unwrap();
                for (y, x) in y.model.iter_mut().zip(&x.model) {
                    *y = y.wrapping_mul(3).wrapping_add(*x);
                }
            }
            45..65 => {
                let by = random.below(1000) as u32;
                let y = &mut *lock(&buffers[random.below(BUFFERS)]);
                let half = LENGTH / 2 * random.below(2);
                let range = half..half + LENGTH / 2;
                add::enqueue(stream, .., by, &mut y.buffer.slice_mut(range.clone()).unwrap()).unwrap();
                y.model[range].iter_mut().for_each(|y| *y = y.wrapping_add(by));
            }
            65..85 => {
                let (x, mut y) = two(buffers, &mut random);
                let (from, to, length) = (random.below(LENGTH / 2), random.below(LENGTH / 2), random.below(LENGTH / 2));
                let source = x.buffer.slice(from..from + length).unwrap();
                stream.copy(&*source, &mut *y.buffer.slice_mut(to..to + length).unwrap()).unwrap();
                y.model[to..to + length].copy_from_slice(&x.model[from..from + length]);
            }
            85..90 => {
                let y = &mut *lock(&buffers[random.below(BUFFERS)]);
                let value = random.below(1 << 30) as u32;
                stream.fill(&mut *y.buffer, value).unwrap();
                y.model.fill(value);
            }
            90..94 => {
                let looped = &mut *lock(looped);
                looped.graph.launch(stream).unwrap();
                looped.tracked.model.iter_mut().for_each(|y| *y = y.wrapping_add(3));
            }
            94..96 => lock(&buffers[random.below(BUFFERS)]).check(),
            96..97 => lock(looped).tracked.check(),
            97..98 => {
                // A buffer goes while it is in use, and another one takes its place.
                let y = &mut *lock(&buffers[random.below(BUFFERS)]);
                y.buffer = device.upload(&y.model).unwrap();
            }
            98..99 => {
                let event = stream.marker().unwrap();
                let other = &streams[random.below(STREAMS)];
                other.wait_for(&event);
            }
            _ => {
                // A stream goes with what is in flight on it.
                streams[random.below(STREAMS)] = device.stream().unwrap();
            }
        }
    }
    for stream in &streams {
        stream.wait().unwrap();
    }
}

fn stress(device: &Device) {
    let before = device.memory().statistics();
    {
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        let mut tracked = || {
            let model: Vec<_> = (0..LENGTH).map(|_| random.below(1 << 32) as u32).collect();
            Tracked { buffer: device.upload(&model).unwrap(), model }
        };
        let buffers: Vec<_> = (0..BUFFERS).map(|_| Mutex::new(tracked())).collect();
        let mut of_graph = tracked();
        let mut graph = device.graph();
        add::record(&mut graph, .., 1, &mut of_graph.buffer).unwrap();
        add::record(&mut graph, .., 2, &mut of_graph.buffer).unwrap();
        let looped = Mutex::new(Looped { graph: graph.build().unwrap(), tracked: of_graph });
        let left = AtomicUsize::new(OPERATIONS);
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (buffers, looped, left) = (&buffers, &looped, &left);
                scope.spawn(move || one_thread(device, buffers, looped, left, 0x9e37_79b9_7f4a_7c15 + thread as u64));
            }
        });
        buffers.iter().for_each(|buffer| lock(buffer).check());
        lock(&looped).tracked.check();
    }
    let after = work::settled(device, before);
    assert_eq!(after, (before.in_use, before.live), "memory is left behind on {}", device.id());
}

#[test]
fn threads_streams_and_random_dependencies() {
    for device in geobacter::devices().present {
        let start = Instant::now();
        stress(&device);
        println!("{OPERATIONS} operations on {} in {:.1} s", device.id(), start.elapsed().as_secs_f64());
    }
}
