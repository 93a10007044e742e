//! What a launch costs on the host device, and what a kernel's loop costs beside a plain one.

use geobacter::prelude::*;
use geobacter_benches::measure;

#[kernel(workgroup = 256)]
fn saxpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
    y.set(&item, a * x[&item] + y.get(&item));
}

fn main() -> anyhow::Result<()> {
    let device = geobacter::device("host")?;

    let x = device.upload(&[1.0f32; 256])?;
    let mut y = device.upload(&[2.0f32; 256])?;
    let launches = 10_000u32;
    let batch = measure(20, || {
        for _ in 0..launches {
            saxpy::launch(&device, 256u32, 0.5, &x, &mut y).expect("the kernel runs");
        }
    });
    println!(
        "cached launch of one group of 256 items on host: {:.3} us (median {:.3} us; aim: under 5 us)",
        batch.minimum.as_secs_f64() * 1e6 / f64::from(launches),
        batch.median.as_secs_f64() * 1e6 / f64::from(launches),
    );

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
