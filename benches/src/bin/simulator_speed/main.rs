//! How fast the simulator is: lane operations in a second on each core, for kernels of the examples, small and large.
//!
//! A lane operation is one active lane of one vector instruction; scalar instructions come on top. How many there are, the
//! simulator's counters say, in a process of their own: counting takes time.

mod examples;

use std::{collections::HashMap, env, process::Command};

use amdgpu_sim::counters::COUNTERS_VARIABLE;
use anyhow::{Context, ensure};
use geobacter::{Device, DeviceKind};
use geobacter_benches::measure;

use examples::{mandelbrot, matmul_tiled, saxpy};

/// The argument with which this program counts.
const COUNT: &str = "--count";
/// Runs of which the fastest counts.
const RUNS: usize = 5;

/// What a workload executes: lane operations, and instructions of waves.
#[derive(Clone, Copy, Debug)]
struct Work {
    lane_operations: u64,
    instructions: u64,
}

fn main() -> anyhow::Result<()> {
    let devices = geobacter::devices().present;
    let devices: Vec<Device> =
        devices.into_iter().filter(|device| device.info().kind == DeviceKind::Simulator).collect();
    ensure!(!devices.is_empty(), "no simulated device: type `cargo geobacter run --release --device sim ..`");
    if env::args().nth(1).as_deref() == Some(COUNT) {
        return each(&devices, |name, size, device, launch| {
            amdgpu_sim::take_counters();
            launch();
            let mut work = Work { lane_operations: 0, instructions: 0 };
            for dispatch in amdgpu_sim::take_counters() {
                work.lane_operations += dispatch.counts.lane_operations;
                work.instructions += dispatch.counts.instructions.total();
            }
            println!("{name} {size} {} {} {}", device.id(), work.lane_operations, work.instructions);
        });
    }

    let counted = count()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "{cores} cores, the fastest of {RUNS} runs; aim: 50 M lane operations/s/core for matmul_tiled, 200 M for mandelbrot"
    );
    println!(
        "{:<14} {:<14} {:<12} {:>12} {:>14} {:>10} {:>16} {:>14}",
        "kernel", "size", "device", "instructions", "lane ops", "ms", "M lane ops/s/core", "ns/instruction"
    );
    each(&devices, |name, size, device, launch| {
        let time = measure(RUNS, launch).minimum.as_secs_f64();
        let Some(work) = counted.get(&(name.to_owned(), size.to_owned(), device.id().to_owned())) else { return };
        let core_seconds = time * cores as f64;
        println!(
            "{name:<14} {size:<14} {:<12} {:>12} {:>14} {:>10.2} {:>16.0} {:>14.1}",
            device.id(),
            work.instructions,
            work.lane_operations,
            time * 1e3,
            work.lane_operations as f64 / core_seconds / 1e6,
            core_seconds * 1e9 / work.instructions as f64,
        );
    })
}

/// Runs this program to count.
fn count() -> anyhow::Result<HashMap<(String, String, String), Work>> {
    let program = env::current_exe().context("cannot find out where this program is")?;
    let output = Command::new(program).arg(COUNT).env(COUNTERS_VARIABLE, "1").output()?;
    ensure!(output.status.success(), "counting failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    text.lines()
        .map(|line| {
            let [name, size, device, lanes, instructions] = line.split(' ').collect::<Vec<_>>()[..] else {
                anyhow::bail!("not understood: {line}")
            };
            let work = Work { lane_operations: lanes.parse()?, instructions: instructions.parse()? };
            Ok(((name.to_owned(), size.to_owned(), device.to_owned()), work))
        })
        .collect()
}

/// Hands every workload on every device to `run`.
fn each(devices: &[Device], mut run: impl FnMut(&str, &str, &Device, &mut dyn FnMut())) -> anyhow::Result<()> {
    for device in devices {
        for size @ [width, height] in [[128, 96], [512, 384]] {
            let view = mandelbrot::View { left: -2.25, top: 1.125, step: 3.0 / width as f32 };
            let mut image = device.zeroed(width * height)?;
            run("mandelbrot", &format!("{width}x{height}"), device, &mut || {
                let limit = mandelbrot::MAX_ITERATIONS;
                mandelbrot::mandelbrot::launch(device, size, view.left, view.top, view.step, limit, &mut image)
                    .expect("the kernel runs");
            });
        }
        for n in [96, 256] {
            let a = device.upload(&vec![0.5_f32; n * n])?;
            let b = device.upload(&vec![0.25_f32; n * n])?;
            let mut c = device.zeroed(n * n)?;
            run("matmul_tiled", &format!("{n}x{n}x{n}"), device, &mut || {
                matmul_tiled::matmul::launch(device, [n, n], n, &a, &b, &mut c).expect("the kernel runs");
            });
        }
        for n in [1 << 14, 1 << 20] {
            let (x, mut y) = (device.upload(&vec![1.0_f32; n])?, device.upload(&vec![2.0_f32; n])?);
            run("saxpy", &n.to_string(), device, &mut || {
                saxpy::saxpy::launch(device, n, 3.0, &x, &mut y).expect("the kernel runs");
            });
        }
    }
    Ok(())
}
