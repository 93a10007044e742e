//! The workloads: what each pair of kernels is launched with.
//!
//! The grids of the CUDA sides are those that Geobacter's launches get, and sizes are below 2^32, for which the kernels in CUDA C++ are
//! written.

use anyhow::ensure;

use super::{Both, Setup, Work, Workload};
use crate::{
    kernels::{contracted, empty, nbody, reduce, stencil2d, stream, transpose},
    pair::{PAIRS, Pair},
};

/// Work-items of BabelStream's kernels in a work-group.
const STREAM_GROUP: usize = 1024;
/// Work-groups of the dot product for each multiprocessor, as in BabelStream.
const DOT_GROUPS_PER_UNIT: usize = 4;
/// Work-groups of the example `reduce` for each multiprocessor.
const REDUCE_GROUPS_PER_UNIT: usize = 64;
/// Work-items of the example `reduce` in a work-group, and elements that one reads at once.
const REDUCE_GROUP: usize = 256;
const REDUCE_WIDE: usize = 4;
/// Tolerances for results in single and double precision: some units in the last place.
const SINGLE: f64 = 1e-5;
const DOUBLE: f64 = 1e-13;

/// How large the data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Elements of BabelStream's vectors.
    pub stream: usize,
    /// Elements of the vectors of saxpy and of the reduction.
    pub vector: usize,
    /// Rows of the matrices.
    pub matrix: usize,
    /// Rows of the matrix that is transposed.
    pub transposed: usize,
    /// Bodies.
    pub bodies: usize,
    /// Rows of the plate.
    pub plate: usize,
}

impl Sizes {
    /// Those by which GPUs are measured.
    pub const FULL: Self =
        Self { stream: 1 << 28, vector: 1 << 28, matrix: 4096, transposed: 1 << 14, bodies: 1 << 16, plate: 1 << 14 };
    /// Small ones, for a simulator. No multiple of anything, so that the kernels' edges are met, too.
    pub const QUICK: Self = Self { stream: 5003, vector: 20_001, matrix: 45, transposed: 77, bodies: 261, plate: 83 };
    /// Of a check before the measurement, on a GPU: no multiples either.
    pub const CHECK: Self =
        Self { stream: 1_000_003, vector: 3_000_001, matrix: 333, transposed: 1001, bodies: 2999, plate: 1011 };
}

/// A pair's workload.
///
/// # Errors
/// If there is no such pair, or what a device says.
pub fn of(name: &str, setup: &Setup<'_>, sizes: Sizes) -> anyhow::Result<Workload> {
    let Some(pair) = Pair::named(name) else {
        let names: Vec<_> = PAIRS.iter().map(|pair| pair.name).collect();
        anyhow::bail!("no kernels `{name}`; there are {}", names.join(", "))
    };
    match name {
        "copy" | "mul" | "add" | "triad" => streaming(pair, setup, sizes.stream),
        "dot" => dot(pair, setup, sizes.stream),
        "saxpy" => saxpy(pair, setup, sizes.vector),
        "matmul" => matmul(pair, setup, sizes.matrix),
        "reduce" => reduction(pair, setup, sizes.vector),
        "transpose" => transposition(pair, setup, sizes.transposed),
        "nbody" | "nbody_fast" => bodies(pair, setup, sizes.bodies),
        "stencil" => stencil(pair, setup, sizes.plate),
        "empty" => nothing(pair, setup),
        _ => anyhow::bail!("`{name}` has no workload"),
    }
}

/// Numbers that are not all alike, between 0 and 1.
fn mixed(index: usize) -> f64 {
    f64::from((index as u32).wrapping_mul(0x9e37_79b9) >> 8) / f64::from(1 << 24)
}

fn small(n: usize) -> anyhow::Result<u32> {
    ensure!(n > 0, "there is nothing to compute");
    Ok(u32::try_from(n)?)
}

fn groups(n: usize, size: usize) -> anyhow::Result<u32> {
    small(n.div_ceil(size))
}

/// BabelStream's kernels that write a vector.
fn streaming(pair: Pair, setup: &Setup<'_>, n: usize) -> anyhow::Result<Workload> {
    let (length, blocks) = (small(n)?, [groups(n, STREAM_GROUP)?, 1]);
    let output = setup.zeroed::<f64>(n)?;
    let first = setup.data(n, mixed)?;
    let second = match pair.name {
        "add" | "triad" => Some(setup.data(n, |i| mixed(i + 17))?),
        _ => None,
    };
    let Both { rust: first, cuda: first_cuda } = first;
    let (second, second_cuda) = second.map_or((None, None), |Both { rust, cuda }| (Some(rust), cuda));
    // SAFETY: the vectors have `n` elements each, and the kernels' parameters stand in this order.
    let launch = unsafe {
        setup.launch(pair, blocks, [STREAM_GROUP as u32, 1], |arguments| {
            let arguments = arguments.value(length);
            let output = output.cuda.as_ref()?;
            let first = first_cuda.as_ref()?;
            Some(match pair.name {
                "copy" => arguments.buffer(first).buffer(output),
                "mul" => arguments.buffer(output).buffer(first),
                "add" => arguments.buffer(first).buffer(second_cuda.as_ref()?).buffer(output),
                _ => arguments.buffer(output).buffer(first).buffer(second_cuda.as_ref()?),
            })
        })
    }?;
    let vectors = if second.is_some() { 3 } else { 2 };
    let work = Work::Bytes(vectors * 8 * n as u64);
    let named = (pair, format!("n={n} f64"));
    Ok(match (pair.name, second) {
        ("copy", _) => Workload::new::<f64, f64>(named, work, 0.0, output, launch, move |on, output| {
            stream::copy::enqueue(on, n, &first, output)
        }),
        ("add", Some(second)) => Workload::new::<f64, f64>(named, work, 0.0, output, launch, move |on, output| {
            stream::add::enqueue(on, n, &first, &second, output)
        }),
        (_, Some(second)) => Workload::new::<f64, f64>(named, work, DOUBLE, output, launch, move |on, output| {
            stream::triad::enqueue(on, n, output, &first, &second)
        }),
        _ => Workload::new::<f64, f64>(named, work, 0.0, output, launch, move |on, output| {
            stream::mul::enqueue(on, n, output, &first)
        }),
    })
}

fn dot(pair: Pair, setup: &Setup<'_>, n: usize) -> anyhow::Result<Workload> {
    let length = small(n)?;
    let groups = setup.device.info().compute_units as usize * DOT_GROUPS_PER_UNIT;
    let (a, b) = (setup.data(n, mixed)?, setup.data(n, |i| mixed(i + 17))?);
    let sums = setup.zeroed::<f64>(groups)?;
    // SAFETY: the vectors have `n` elements, and there is a sum for each block.
    let launch = unsafe {
        setup.launch(pair, [small(groups)?, 1], [STREAM_GROUP as u32, 1], |arguments| {
            Some(arguments.value(length).buffer(a.cuda.as_ref()?).buffer(b.cuda.as_ref()?).buffer(sums.cuda.as_ref()?))
        })
    }?;
    let work = Work::Bytes(2 * 8 * n as u64);
    let (a, b) = (a.rust, b.rust);
    let named = (pair, format!("n={n} f64"));
    Ok(Workload::new::<f64, f64>(named, work, DOUBLE, sums, launch, move |on, sums| {
        stream::dot::enqueue(on, groups * STREAM_GROUP, &a, &b, sums)
    }))
}

fn saxpy(pair: Pair, setup: &Setup<'_>, n: usize) -> anyhow::Result<Workload> {
    /// Work-items of the example in a work-group.
    const GROUP: usize = 256;
    /// Small, so that many launches in a row stay finite.
    const FACTOR: f32 = 1e-3;
    let (x, y) = (setup.data(n, |i| mixed(i) as f32)?, setup.data(n, |i| mixed(i + 17) as f32)?);
    let length = small(n)?;
    // SAFETY: the vectors have `n` elements.
    let launch = unsafe {
        setup.launch(pair, [groups(n, GROUP)?, 1], [GROUP as u32, 1], |arguments| {
            Some(arguments.value(length).value(FACTOR).buffer(x.cuda.as_ref()?).buffer(y.cuda.as_ref()?))
        })
    }?;
    let (work, x) = (Work::Bytes(3 * 4 * n as u64), x.rust);
    let named = (pair, format!("n={n} f32"));
    Ok(Workload::new::<f32, f32>(named, work, SINGLE, y, launch, move |on, y| {
        contracted::saxpy::enqueue(on, n, FACTOR, &x, y)
    }))
}

fn matmul(pair: Pair, setup: &Setup<'_>, n: usize) -> anyhow::Result<Workload> {
    const TILE: usize = 16;
    // Not square, so that rows and columns that were mixed up are noticed.
    let [columns, rows, inner] = if n.is_multiple_of(TILE) { [n; 3] } else { [n, n + 10, n + 4] };
    let (a, b) =
        (setup.data(rows * inner, |i| mixed(i) as f32)?, setup.data(inner * columns, |i| mixed(i + 17) as f32)?);
    let c = setup.zeroed::<f32>(rows * columns)?;
    let [x, y, depth] = [small(columns)?, small(rows)?, small(inner)?];
    // SAFETY: the matrices have as many rows and columns as the kernel is told.
    let launch = unsafe {
        setup.launch(pair, [groups(columns, TILE)?, groups(rows, TILE)?], [TILE as u32; 2], |arguments| {
            let arguments = arguments.value(x).value(y).value(depth);
            Some(arguments.buffer(a.cuda.as_ref()?).buffer(b.cuda.as_ref()?).buffer(c.cuda.as_ref()?))
        })
    }?;
    let work = Work::Operations(2 * (rows * columns * inner) as u64);
    let (a, b) = (a.rust, b.rust);
    let named = (pair, format!("{rows}x{inner}x{columns} f32"));
    Ok(Workload::new::<f32, f32>(named, work, SINGLE, c, launch, move |on, c| {
        contracted::matmul::enqueue(on, [columns, rows], inner, &a, &b, c)
    }))
}

fn reduction(pair: Pair, setup: &Setup<'_>, n: usize) -> anyhow::Result<Workload> {
    let (length, most) = (small(n)?, setup.device.info().compute_units as usize * REDUCE_GROUPS_PER_UNIT);
    let block = n.div_ceil(most).next_multiple_of(REDUCE_GROUP * REDUCE_WIDE);
    let groups = n.div_ceil(block);
    let x = setup.data(n, |i| mixed(i) as f32)?;
    let sums = setup.zeroed::<f32>(groups)?;
    // SAFETY: the vector has `n` elements, and there is a sum for each block; blocks begin at multiples of 16 bytes.
    let launch = unsafe {
        setup.launch(pair, [small(groups)?, 1], [REDUCE_GROUP as u32, 1], |arguments| {
            let arguments = arguments.value(u64::from(length)).value(block as u64);
            Some(arguments.buffer(x.cuda.as_ref()?).buffer(sums.cuda.as_ref()?))
        })
    }?;
    let (work, x) = (Work::Bytes(4 * n as u64), x.rust);
    let plus = |a: f32, b: f32| a + b;
    let named = (pair, format!("n={n} f32"));
    Ok(Workload::new::<f32, f32>(named, work, SINGLE, sums, launch, move |on, sums| {
        reduce::reduce_blocks::enqueue(on, groups * REDUCE_GROUP, 0.0, plus, block, &x, sums)
    }))
}

fn transposition(pair: Pair, setup: &Setup<'_>, n: usize) -> anyhow::Result<Workload> {
    const TILE: usize = 16;
    let [rows, columns] = if n.is_multiple_of(TILE) { [n; 2] } else { [n, n + 11] };
    let matrix = setup.data(rows * columns, |i| mixed(i) as f32)?;
    let transposed = setup.zeroed::<f32>(rows * columns)?;
    let [x, y] = [small(rows)?, small(columns)?];
    // SAFETY: the matrices have as many rows and columns as the kernel is told.
    let launch = unsafe {
        setup.launch(pair, [groups(rows, TILE)?, groups(columns, TILE)?], [TILE as u32; 2], |arguments| {
            Some(arguments.value(x).value(y).buffer(matrix.cuda.as_ref()?).buffer(transposed.cuda.as_ref()?))
        })
    }?;
    let (work, matrix) = (Work::Bytes(2 * 4 * (rows * columns) as u64), matrix.rust);
    let named = (pair, format!("{rows}x{columns} f32"));
    Ok(Workload::new::<f32, f32>(named, work, 0.0, transposed, launch, move |on, transposed| {
        transpose::transpose::enqueue(on, [rows, columns], &matrix, transposed)
    }))
}

fn bodies(pair: Pair, setup: &Setup<'_>, n: usize) -> anyhow::Result<Workload> {
    const GROUP: usize = 128;
    /// What one body's pull on another takes, with a square root and a division as one each.
    const OPERATIONS: u64 = 19;
    let cloud = nbody::cloud(n);
    let bodies = setup.data(n, |i| cloud[i])?;
    let velocities = setup.zeroed::<[f32; 3]>(n)?;
    let moved = setup.zeroed::<nbody::Body>(n)?;
    let length = small(n)?;
    // SAFETY: a body is four numbers on either side, a velocity three, and there are `n` of each.
    let launch = unsafe {
        setup.launch(pair, [groups(n, GROUP)?, 1], [GROUP as u32, 1], |arguments| {
            let arguments = arguments.value(length).value(nbody::TIME).buffer(bodies.cuda.as_ref()?);
            Some(arguments.buffer(velocities.cuda.as_ref()?).buffer(moved.cuda.as_ref()?))
        })
    }?;
    let work = Work::Operations(OPERATIONS * (n * n) as u64);
    let (bodies, mut velocities) = (bodies.rust, velocities.rust);
    let named = (pair, format!("n={n}"));
    let fast = pair.name == "nbody_fast";
    Ok(Workload::new::<nbody::Body, f32>(named, work, SINGLE, moved, launch, move |on, moved| {
        if fast {
            contracted::nbody_fast::enqueue(on, n, nbody::TIME, &bodies, &mut velocities, moved)
        } else {
            contracted::nbody::enqueue(on, n, nbody::TIME, &bodies, &mut velocities, moved)
        }
    }))
}

fn stencil(pair: Pair, setup: &Setup<'_>, n: usize) -> anyhow::Result<Workload> {
    const BLOCK: [usize; 2] = [64, 16];
    let [width, height] = if n.is_multiple_of(BLOCK[0]) { [n; 2] } else { [n, n + 11] };
    let plate = setup.data(width * height, |i| 100.0 * mixed(i) as f32)?;
    let after = setup.zeroed::<f32>(width * height)?;
    let [x, y] = [small(width)?, small(height)?];
    // SAFETY: the plates are as wide and high as the kernel is told.
    let launch = unsafe {
        let blocks = [groups(width, BLOCK[0])?, groups(height, BLOCK[1])?];
        setup.launch(pair, blocks, BLOCK.map(|n| n as u32), |arguments| {
            let arguments = arguments.value(x).value(y).value(stencil2d::RATE);
            Some(arguments.buffer(plate.cuda.as_ref()?).buffer(after.cuda.as_ref()?))
        })
    }?;
    let (work, plate) = (Work::Bytes(2 * 4 * (width * height) as u64), plate.rust);
    let named = (pair, format!("{width}x{height} f32"));
    Ok(Workload::new::<f32, f32>(named, work, SINGLE, after, launch, move |on, after| {
        contracted::stencil::enqueue(on, [width, height], stencil2d::RATE, &plate, after)
    }))
}

fn nothing(pair: Pair, setup: &Setup<'_>) -> anyhow::Result<Workload> {
    const GROUP: u32 = 256;
    let output = setup.zeroed::<f32>(1)?;
    // SAFETY: the kernel does nothing.
    let launch = unsafe { setup.launch(pair, [1, 1], [GROUP, 1], |arguments| Some(arguments.value(GROUP))) }?;
    let named = (pair, "one work-group".to_owned());
    Ok(Workload::new::<f32, f32>(named, Work::None, 0.0, output, launch, |on, _| empty::empty::enqueue(on, GROUP)))
}
