//! What a launch costs: waited for, enqueued, and as a part of a graph; on the host, and on AMD's path up to the doorbell. And what a kernel's loop
//! costs on the host beside a plain one.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use geobacter::prelude::*;
use geobacter_benches::measure;

/// Launches that are in flight at once: fewer than a queue has room for.
const BATCH: u32 = 200;
/// How often a batch is measured; the best counts.
const ROUNDS: u32 = 200;

#[kernel(workgroup = 256)]
fn saxpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
    y.set(&item, a * x[&item] + y.get(&item));
}

fn main() -> anyhow::Result<()> {
    println!("{:<12} {:<62} {:>10}", "device", "one launch of one group of 256 items, two buffers", "us");
    for device in geobacter::devices().present {
        let x = device.upload(&[1.0f32; 256])?;
        let mut y = device.upload(&[2.0f32; 256])?;
        let row = |what: &str, time: f64| println!("{:<12} {what:<62} {time:>10.3}", device.id());

        saxpy::launch(&device, 256u32, 0.5, &x, &mut y)?;
        let waited = measure(20, || {
            for _ in 0..BATCH {
                saxpy::launch(&device, 256u32, 0.5, &x, &mut y).expect("the kernel runs");
            }
        });
        row("launched and waited for", waited.minimum.as_secs_f64() * 1e6 / f64::from(BATCH));

        let stream = device.stream()?;
        let through = measure(20, || {
            for _ in 0..BATCH {
                saxpy::enqueue(&stream, 256u32, 0.5, &x, &mut y).expect("the stream takes it");
            }
            stream.wait().expect("the kernels run");
        });
        row("enqueued, to the end of all", through.minimum.as_secs_f64() * 1e6 / f64::from(BATCH));

        // The device holds still meanwhile, so that the processor's side alone is measured.
        let enqueued = best(|| {
            let release = hold(&stream);
            let start = Instant::now();
            for _ in 0..BATCH {
                saxpy::enqueue(&stream, 256u32, 0.5, &x, &mut y).expect("the stream takes it");
            }
            let time = start.elapsed();
            drop(release);
            stream.wait().expect("the kernels run");
            time
        });
        let one = enqueued.as_secs_f64() * 1e6 / f64::from(BATCH);
        row("enqueued: from the call to its return, doorbell rung", one);

        let mut graph = device.graph();
        for _ in 0..BATCH {
            saxpy::record(&mut graph, 256u32, 0.5, &x, &mut y)?;
        }
        let graph = graph.build()?;
        graph.launch(&stream)?.wait()?;
        let launched = best(|| {
            let release = hold(&stream);
            let start = Instant::now();
            graph.launch(&stream).expect("the stream takes it");
            let time = start.elapsed();
            drop(release);
            stream.wait().expect("the kernels run");
            time
        });
        let in_graph = launched.as_secs_f64() * 1e6 / f64::from(BATCH);
        row("in a graph of 200: from the call to its return, for each", in_graph);
        row("  the graph's share of as many single ones", in_graph / one);
    }

    let device = geobacter::device("host")?;
    let n = 1 << 22;
    let x_values: Vec<f32> = (0..n).map(|i| i as f32).collect();
    let mut y_values = vec![2.0f32; n];
    let x = device.upload(&x_values)?;
    let mut y = device.upload(&y_values)?;
    let kernel = measure(20, || saxpy::launch(&device, n, 0.5, &x, &mut y).expect("the kernel runs"));
    let plain = measure(20, || {
        for (y, x) in y_values.iter_mut().zip(&x_values) {
            *y += 0.5 * x;
        }
        std::hint::black_box(&mut y_values);
    });
    println!(
        "saxpy of {n} f32 on host, all cores: {:.3} ms; plain vectorised loop, one core: {:.3} ms; ratio {:.2}",
        kernel.minimum.as_secs_f64() * 1e3,
        plain.minimum.as_secs_f64() * 1e3,
        plain.minimum.as_secs_f64() / kernel.minimum.as_secs_f64(),
    );
    Ok(())
}

/// Nothing that is enqueued on the stream from now on begins until the value is dropped.
fn hold(stream: &Stream) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    stream
        .call(move || {
            let _released = held.recv();
        })
        .expect("the stream takes it");
    release
}

fn best(run: impl FnMut() -> Duration) -> Duration {
    std::iter::repeat_with(run).take(ROUNDS as usize).min().unwrap_or_default()
}
