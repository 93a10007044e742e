//! Each example's algorithm on the host device, beside a straightforward version of it with rayon.
//!
//! The examples' own files are modules here, so what is measured is what they show.
//!
//! `host_ratio [--rounds N] [NAME..]`: only examples whose name contains one of the names.

mod examples;
mod plain;

use std::{env, time::Duration};

use anyhow::{Context, ensure};
use geobacter::{Device, Element};
use geobacter_benches::interleaved;

use examples::{
    game_of_life, histogram, mandelbrot, map, matmul_naive, matmul_tiled, nbody, reduce, saxpy, scan, sort, stencil2d,
    transpose,
};

/// Measures pairs of programs and prints a line for each.
struct Table {
    rounds: usize,
    names: Vec<String>,
}

impl Table {
    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| name.contains(&**wanted))
    }

    fn compare(&self, name: &str, size: &str, kernel: impl FnMut(), plain: impl FnMut()) {
        let [kernel, plain] = interleaved(self.rounds, kernel, plain).map(|timing| timing.median);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let ratio = kernel.as_secs_f64() / plain.as_secs_f64();
        println!("{name:<14} {size:<16} {:>10.3} {:>10.3} {ratio:>8.2}", ms(kernel), ms(plain));
    }
}

fn main() -> anyhow::Result<()> {
    let mut table = Table { rounds: 15, names: Vec::new() };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => {
                let rounds = arguments.next().context("--rounds needs a number")?;
                table.rounds = rounds.parse().context("--rounds needs a number")?;
            }
            _ => table.names.push(argument),
        }
    }
    let device = geobacter::device("host")?;
    println!("{}, {} rounds, median; aim: a ratio of 1.1 or less", device.info().name, table.rounds);
    println!("{:<14} {:<16} {:>10} {:>10} {:>8}", "example", "size", "kernel ms", "rayon ms", "ratio");
    type Bench = fn(&Device, &Table) -> anyhow::Result<()>;
    let benches: [(&str, Bench); 13] = [
        ("saxpy", bench_saxpy),
        ("map", bench_map),
        ("mandelbrot", bench_mandelbrot),
        ("matmul_naive", bench_matmul_naive),
        ("matmul_tiled", bench_matmul_tiled),
        ("reduce", bench_reduce),
        ("scan", bench_scan),
        ("histogram", bench_histogram),
        ("transpose", bench_transpose),
        ("stencil2d", bench_stencil2d),
        ("nbody", bench_nbody),
        ("sort", bench_sort),
        ("game_of_life", bench_game_of_life),
    ];
    for (name, bench) in benches {
        if table.wants(name) {
            bench(&device, &table).with_context(|| name.to_owned())?;
        }
    }
    Ok(())
}

fn same<T: Element + PartialEq>(kernel: &[T], plain: &[T]) -> anyhow::Result<()> {
    ensure!(kernel == plain, "kernel and plain version differ: this compares two different things");
    Ok(())
}

fn floats(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i % 1000) as f32 * 0.25 - 100.0).collect()
}

fn words(n: usize) -> Vec<u32> {
    (0..n as u32).map(|i| i.wrapping_mul(0x9e37_79b9)).collect()
}

fn bench_saxpy(device: &Device, table: &Table) -> anyhow::Result<()> {
    let n = 1 << 22;
    let (x, mut y) = (floats(n), vec![1.0; n]);
    let (x_buffer, mut y_buffer) = (device.upload(&x)?, device.upload(&y)?);
    table.compare(
        "saxpy",
        &n.to_string(),
        || saxpy::saxpy::launch(device, n, 0.5, &x_buffer, &mut y_buffer).expect("the kernel runs"),
        || plain::saxpy(0.5, &x, &mut y),
    );
    same(&y_buffer.download()?, &y)
}

fn bench_map(device: &Device, table: &Table) -> anyhow::Result<()> {
    let n = 1 << 22;
    let f = |v: f32| v * v - 2.0 * v + 1.0;
    let (x, mut y) = (floats(n), vec![0.0; n]);
    let (x_buffer, mut y_buffer) = (device.upload(&x)?, device.zeroed(n)?);
    table.compare(
        "map",
        &n.to_string(),
        || map::map::launch(device, n, f, &x_buffer, &mut y_buffer).expect("the kernel runs"),
        || plain::map(f, &x, &mut y),
    );
    same(&y_buffer.download()?, &y)
}

fn bench_mandelbrot(device: &Device, table: &Table) -> anyhow::Result<()> {
    let size @ [width, height] = [641, 479];
    let limit = mandelbrot::MAX_ITERATIONS;
    let view = mandelbrot::View { left: -2.25, top: 1.125, step: 3.0 / width as f32 };
    let mut image = vec![0; width * height];
    let mut buffer = device.zeroed(width * height)?;
    table.compare(
        "mandelbrot",
        &format!("{width} x {height}"),
        || {
            mandelbrot::mandelbrot::launch(device, size, view.left, view.top, view.step, limit, &mut buffer)
                .expect("the kernel runs");
        },
        || plain::mandelbrot(view, size, limit, &mut image),
    );
    same(&buffer.download()?, &image)
}

fn bench_matmul_naive(device: &Device, table: &Table) -> anyhow::Result<()> {
    let shape @ [rows, inner, columns] = [301, 203, 307];
    let (a, b) = (floats(rows * inner), floats(inner * columns));
    let (a_buffer, b_buffer) = (device.upload(&a)?, device.upload(&b)?);
    let mut c = vec![0.0; rows * columns];
    let mut c_buffer = device.zeroed(rows * columns)?;
    table.compare(
        "matmul_naive",
        &format!("{rows} x {inner} x {columns}"),
        || {
            matmul_naive::matmul::launch(device, [columns, rows], inner, &a_buffer, &b_buffer, &mut c_buffer)
                .expect("the kernel runs");
        },
        || plain::matmul_naive(shape, &a, &b, &mut c),
    );
    same(&c_buffer.download()?, &c)
}

fn bench_matmul_tiled(device: &Device, table: &Table) -> anyhow::Result<()> {
    let shape @ [rows, inner, columns] = [515, 421, 509];
    let (a, b) = (floats(rows * inner), floats(inner * columns));
    let (a_buffer, b_buffer) = (device.upload(&a)?, device.upload(&b)?);
    let mut c = vec![0.0; rows * columns];
    let mut c_buffer = device.zeroed(rows * columns)?;
    table.compare(
        "matmul_tiled",
        &format!("{rows} x {inner} x {columns}"),
        || {
            matmul_tiled::matmul::launch(device, [columns, rows], inner, &a_buffer, &b_buffer, &mut c_buffer)
                .expect("the kernel runs");
        },
        || plain::matmul_tiled(shape, &a, &b, &mut c),
    );
    same(&c_buffer.download()?, &c)
}

fn bench_reduce(device: &Device, table: &Table) -> anyhow::Result<()> {
    let n = (1 << 22) + 1;
    let x = words(n);
    let x_buffer = device.upload(&x)?;
    let (mut kernel, mut plain) = (0, 0);
    table.compare(
        "reduce",
        &n.to_string(),
        || kernel = reduce::reduce(device, 0, |a: u32, b| a.wrapping_add(b), &x_buffer).expect("the kernel runs"),
        || plain = plain::reduce(0, |a, b| a.wrapping_add(b), &x),
    );
    same(&[kernel], &[plain])
}

fn bench_scan(device: &Device, table: &Table) -> anyhow::Result<()> {
    let n = (1 << 22) + 1;
    let x = words(n);
    let x_buffer = device.upload(&x)?;
    let (mut kernel, mut plain) = (None, Vec::new());
    table.compare(
        "scan",
        &n.to_string(),
        || kernel = Some(scan::scan(device, &x_buffer).expect("the kernel runs")),
        || plain = plain::scan(&x),
    );
    same(&kernel.context("no result")?.download()?[..n], &plain)
}

fn bench_histogram(device: &Device, table: &Table) -> anyhow::Result<()> {
    let n = (1 << 23) + 1;
    let bytes: Vec<u8> = words(n).iter().map(|x| (x >> 24) as u8).collect();
    let buffer = device.upload(&bytes)?;
    let (mut kernel, mut plain) = (vec![0; 256], [0; 256]);
    let groups = n.div_ceil(histogram::BLOCK);
    table.compare(
        "histogram",
        &n.to_string(),
        || {
            let mut counts = device.zeroed(256).expect("there is memory");
            histogram::histogram::launch(device, groups * 256, &buffer, &mut counts).expect("the kernel runs");
            kernel = counts.download().expect("the device answers");
        },
        || plain = plain::histogram(&bytes),
    );
    same(&kernel, &plain)
}

fn bench_transpose(device: &Device, table: &Table) -> anyhow::Result<()> {
    let shape @ [rows, columns] = [1501, 1303];
    let matrix = floats(rows * columns);
    let buffer = device.upload(&matrix)?;
    let mut plain = vec![0.0; rows * columns];
    let mut kernel = device.zeroed(rows * columns)?;
    table.compare(
        "transpose",
        &format!("{rows} x {columns}"),
        || transpose::transpose::launch(device, shape, &buffer, &mut kernel).expect("the kernel runs"),
        || plain::transpose(shape, &matrix, &mut plain),
    );
    same(&kernel.download()?, &plain)
}

fn bench_stencil2d(device: &Device, table: &Table) -> anyhow::Result<()> {
    let size @ [width, height] = [1501, 1303];
    let plate = floats(width * height);
    let buffer = device.upload(&plate)?;
    let mut plain = vec![0.0; width * height];
    let mut kernel = device.zeroed(width * height)?;
    table.compare(
        "stencil2d",
        &format!("{width} x {height}"),
        || {
            stencil2d::step::launch(device, size, stencil2d::RATE, &buffer, &mut kernel).expect("the kernel runs");
        },
        || plain::stencil2d(stencil2d::RATE, size, &plate, &mut plain),
    );
    same(&kernel.download()?, &plain)
}

fn bench_nbody(device: &Device, table: &Table) -> anyhow::Result<()> {
    let n = 2003;
    let bodies = nbody::cloud(n);
    let mut velocities = vec![[0.0; 3]; n];
    let mut plain = bodies.clone();
    let buffer = device.upload(&bodies)?;
    let mut velocity_buffer = device.upload(&velocities)?;
    let mut kernel = device.upload(&bodies)?;
    table.compare(
        "nbody",
        &n.to_string(),
        || {
            nbody::step::launch(device, n, nbody::TIME, &buffer, &mut velocity_buffer, &mut kernel)
                .expect("the kernel runs");
        },
        || plain::nbody(nbody::TIME, &bodies, &mut velocities, &mut plain),
    );
    same(velocity_buffer.download()?.as_flattened(), velocities.as_flattened())
}

fn bench_sort(device: &Device, table: &Table) -> anyhow::Result<()> {
    let n = (1 << 18) + 1001;
    let x = words(n);
    let (mut kernel, mut plain) = (None, Vec::new());
    table.compare(
        "sort",
        &n.to_string(),
        || {
            let mut buffer = device.upload(&x).expect("there is memory");
            sort::sort(device, &mut buffer).expect("the kernel runs");
            kernel = Some(buffer);
        },
        || {
            plain = x.clone();
            plain::sort(&mut plain);
        },
    );
    same(&kernel.context("no result")?.download()?, &plain)
}

fn bench_game_of_life(device: &Device, table: &Table) -> anyhow::Result<()> {
    let size @ [width, height] = [1501, 1303];
    let world = game_of_life::soup(size);
    let buffer = device.upload(&world)?;
    let mut plain = vec![0; width * height];
    let mut kernel = device.zeroed(width * height)?;
    table.compare(
        "game_of_life",
        &format!("{width} x {height}"),
        || game_of_life::generation::launch(device, size, &buffer, &mut kernel).expect("the kernel runs"),
        || plain::game_of_life(size, &world, &mut plain),
    );
    same(&kernel.download()?, &plain)
}
