//! The figures, as a table and as JSON.

use std::{fmt, time::SystemTime};

use geobacter::Device;
use geobacter_beside_cuda::workload::{CudaSide, Work, Workload};
use serde::Serialize;

use crate::{
    bandwidth::Bandwidth,
    launches::Launches,
    measure::{Rounds, Times},
};

/// How fast Geobacter's kernels should be beside those in CUDA C++, at least.
const AIM: f64 = 0.98;
/// The share of the copy bandwidth that BabelStream's kernels should reach, at least.
const SHARE_AIM: f64 = 0.92;
/// BabelStream's kernels.
const STREAM: [&str; 5] = ["copy", "mul", "add", "triad", "dot"];

/// On what was measured, and with what.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    device: String,
    name: String,
    target: String,
    compute_units: u32,
    memory: u64,
    driver: String,
    cuda_driver: Option<String>,
    cuda_compiler: Option<String>,
    rounds: usize,
    quick: bool,
}

impl Machine {
    /// Asks the device.
    pub(crate) fn of(
        device: &Device,
        cuda: Option<&CudaSide>,
        cuda_compiler: Option<String>,
        rounds: &Rounds,
    ) -> anyhow::Result<Self> {
        let info = device.info();
        Ok(Self {
            device: info.id.clone(),
            name: info.name.clone(),
            target: info.isa.clone(),
            compute_units: info.compute_units,
            memory: info.memory,
            driver: info.driver.clone(),
            cuda_driver: cuda.map(|side| side.context.driver_version()).transpose()?,
            cuda_compiler,
            rounds: rounds.number,
            quick: rounds.quick,
        })
    }
}

/// A pair of kernels.
#[derive(Clone, Debug, Serialize)]
struct Kernel {
    name: &'static str,
    size: String,
    /// Bytes or operations in a second, of both sides.
    rate: Option<Rate>,
    /// The largest relative error of one side against the other, and what rounding explains.
    error: Option<f64>,
    tolerance: f64,
    times: Times,
    /// The share of the best copy bandwidth, of BabelStream's kernels.
    share_of_copy: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Rate {
    unit: &'static str,
    rust: f64,
    cuda: Option<f64>,
}

/// All figures of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Seconds since 1970.
    date: u64,
    machine: Machine,
    aim: f64,
    share_aim: f64,
    bandwidth: Option<Bandwidth>,
    kernels: Vec<Kernel>,
    launches: Vec<Launches>,
}

impl Report {
    /// Without figures.
    pub(crate) fn new(machine: Machine, date: SystemTime) -> Self {
        let date = date.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let (kernels, launches) = (Vec::new(), Vec::new());
        Self { date, machine, aim: AIM, share_aim: SHARE_AIM, bandwidth: None, kernels, launches }
    }

    /// Takes over, and prints, how fast the device copies.
    pub(crate) fn set_bandwidth(&mut self, bandwidth: Bandwidth) {
        let gb = |rate: f64| rate / 1e9;
        println!(
            "copy bandwidth in GB/s, read and written: cuMemcpyAsync {:.1}, kernel with 16 bytes for each thread {:.1}, with 4 times 16 bytes past the caches {:.1}",
            gb(bandwidth.driver),
            gb(bandwidth.wide),
            gb(bandwidth.streaming)
        );
        self.bandwidth = Some(bandwidth);
        println!("{KERNEL_HEADER}");
    }

    /// Takes over, and prints, a pair's figures.
    pub(crate) fn add_kernel(&mut self, workload: &Workload, error: Option<f64>, times: Times) {
        let (work, unit) = match workload.work {
            Work::Bytes(bytes) => (Some(bytes), "GB/s"),
            Work::Operations(operations) => (Some(operations), "Gflop/s"),
            Work::None => (None, ""),
        };
        let rate = work.map(|work| {
            let rate = |time: f64| work as f64 / time / 1e9;
            Rate { unit, rust: rate(times.rust.median), cuda: times.cuda.as_ref().map(|times| rate(times.median)) }
        });
        let name = workload.pair.name;
        let stream = STREAM.contains(&name).then_some(self.bandwidth).flatten();
        let share_of_copy = stream.zip(rate).map(|(bandwidth, rate)| rate.rust * 1e9 / bandwidth.best());
        let (size, tolerance) = (workload.size.clone(), workload.tolerance);
        let kernel = Kernel { name, size, rate, error, tolerance, times, share_of_copy };
        print!("{kernel}");
        if !self.machine.quick {
            print!("{}", kernel.verdicts());
        }
        println!();
        self.kernels.push(kernel);
    }

    /// Takes over, and prints, what launches cost.
    pub(crate) fn add_launch(&mut self, launches: Launches) {
        if self.launches.is_empty() {
            println!("{LAUNCH_HEADER}");
        }
        let Times { rust, cuda, ratio, .. } = &launches.times;
        let us = |time: f64| time * 1e6;
        print!("{:<58} {:>10.3}", launches.what, us(rust.median));
        if let Some((cuda, ratio)) = cuda.as_ref().zip(ratio.as_ref()) {
            print!(" {:>10.3} {:>8.3}", us(cuda.median), ratio.median);
            if !self.machine.quick {
                print!(" {}", verdict(ratio.median >= AIM));
            }
        }
        println!();
        self.launches.push(launches);
    }

    /// Whether both sides computed the same everywhere.
    pub(crate) fn is_right(&self) -> bool {
        self.kernels.iter().all(Kernel::is_right)
    }

    /// What came out, in a few lines.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        let wrong: Vec<_> = self.kernels.iter().filter(|kernel| !kernel.is_right()).map(|kernel| kernel.name).collect();
        if !wrong.is_empty() {
            text += &format!("WRONG: the sides do not compute the same: {}\n", wrong.join(", "));
        }
        let ratios = |kernel: &Kernel| kernel.times.ratio.as_ref().map(|ratio| (kernel.name, ratio.median));
        let slow: Vec<_> = self.kernels.iter().filter_map(ratios).filter(|(_, ratio)| *ratio < AIM).collect();
        let shares: Vec<_> = self.kernels.iter().filter_map(|k| Some((k.name, k.share_of_copy?))).collect();
        let below: Vec<_> = shares.into_iter().filter(|(_, share)| *share < SHARE_AIM).collect();
        let list = |figures: &[(&str, f64)]| {
            let texts: Vec<_> = figures.iter().map(|(name, figure)| format!("{name} {figure:.3}")).collect();
            if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
        };
        if self.machine.quick {
            text += "quick: sizes and times say nothing of speed\n";
        } else {
            text += &format!("below {AIM} of CUDA C++: {}\n", list(&slow));
            text += &format!("below {SHARE_AIM} of the copy bandwidth: {}\n", list(&below));
        }
        text
    }
}

const KERNEL_HEADER: &str = "kernel     size                     Geobacter ms    CUDA ms    ratio  (quartiles)        Geobacter       CUDA         of copy   error     aims";
const LAUNCH_HEADER: &str = "one launch, in us                                           Geobacter       CUDA    ratio";

fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "missed" }
}

impl Kernel {
    fn is_right(&self) -> bool {
        // A NaN is no small error.
        self.error.is_none_or(|error| error <= self.tolerance)
    }
}

impl Kernel {
    /// Whether it reached what was aimed at, beside CUDA C++ and beside the copy bandwidth.
    fn verdicts(&self) -> String {
        let beside = self.times.ratio.as_ref().map(|ratio| verdict(ratio.median >= AIM));
        let of_copy = self.share_of_copy.map(|share| verdict(share >= SHARE_AIM));
        let verdicts: Vec<_> = [beside, of_copy].into_iter().flatten().collect();
        format!("   {}", verdicts.join(", "))
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Times { rust, cuda, ratio, .. } = &self.times;
        write!(f, "{:<10} {:<24} {:>12.4}", self.name, self.size, rust.median * 1e3)?;
        if let Some((cuda, ratio)) = cuda.as_ref().zip(ratio.as_ref()) {
            let quartiles = format!("({:.3} to {:.3})", ratio.lower, ratio.upper);
            write!(f, " {:>10.4} {:>8.3}  {quartiles:<17}", cuda.median * 1e3, ratio.median)?;
        }
        if let Some(Rate { unit, rust, cuda }) = self.rate {
            write!(f, " {rust:>10.1}")?;
            if let Some(cuda) = cuda {
                write!(f, " {cuda:>10.1}")?;
            }
            write!(f, " {unit:<8}")?;
        }
        match self.share_of_copy {
            Some(share) => write!(f, " {share:>6.3}")?,
            None => write!(f, " {:>6}", "")?,
        }
        if let Some(error) = self.error {
            write!(f, "  {error:.1e}")?;
            if !self.is_right() {
                f.write_str(" WRONG")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { device, name, target, compute_units, driver, rounds, .. } = &self.machine;
        writeln!(f, "{device}: {name}, {target}, {compute_units} compute units; {driver}")?;
        if let (Some(driver), Some(compiler)) = (&self.machine.cuda_driver, &self.machine.cuda_compiler) {
            writeln!(f, "CUDA side: driver for CUDA {driver}; {compiler}")?;
        } else {
            writeln!(f, "no CUDA side: this device is no NVIDIA GPU")?;
        }
        writeln!(
            f,
            "{rounds} rounds, medians; ratio: how fast Geobacter is beside CUDA C++; aims: {AIM}, and {SHARE_AIM} of the copy bandwidth for BabelStream's kernels"
        )?;
        if self.machine.cuda_driver.is_none() { writeln!(f, "{KERNEL_HEADER}") } else { Ok(()) }
    }
}
