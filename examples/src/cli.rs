//! The examples' command line: which devices, which size, and the PASS or FAIL line of each.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::mpsc,
    thread,
    time::Duration,
};

use clap::{CommandFactory, FromArgMatches, Parser, error::ErrorKind};
use geobacter::{Device, Devices};
use indicatif::{ProgressBar, ProgressStyle};

/// Flags that all examples have.
#[derive(Parser, Clone, Debug)]
#[command(version)]
pub struct Flags {
    /// Device to run on (`host`, `sim:gfx942`, `amd:0`), or `all` for every device that is present
    #[arg(long, value_name = "ID", default_value = "all")]
    pub device: String,
    /// Size of the problem
    #[arg(long, value_name = "N")]
    pub n: Option<usize>,
    /// File to write the result to; with several devices, the device's id is put before the extension
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What an example says about itself.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Its name.
    pub name: &'static str,
    /// One line about what it does.
    pub about: &'static str,
    /// What `--n` counts.
    pub size: &'static str,
    /// `--n` where the command line has none.
    pub default_n: usize,
    /// What `--out` writes, if anything.
    pub output: Option<&'static str>,
}

/// One run of an example.
#[derive(Debug)]
pub struct Run<'a> {
    /// The device to run on.
    pub device: &'a Device,
    /// The problem's size.
    pub n: usize,
    /// Where to write the result, if it was asked for.
    pub out: Option<PathBuf>,
}

/// What a run on one device came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The problem's size, as the PASS line has it: `n=1048576`.
    pub size: String,
    /// The largest difference from plain Rust, which must be none.
    pub max_abs_err: f64,
}

/// A number that is compared with plain Rust's.
pub trait Compare: Copy + PartialEq {
    /// The distance between two numbers; 0 only if they are equal.
    fn distance(self, other: Self) -> f64;
}

macro_rules! compare {
    ($($ty:ty),*) => { $(
        impl Compare for $ty {
            fn distance(self, other: Self) -> f64 {
                if self == other { 0.0 } else { (self as f64 - other as f64).abs().max(f64::MIN_POSITIVE) }
            }
        }
    )* };
}
compare!(u8, u32, i32, u64, i64, f32, f64);

/// The largest distance between what was found and what plain Rust says. Not a number if that is what was found.
///
/// # Errors
/// If there are more of the one than of the other.
pub fn max_abs_err<T: Compare>(found: &[T], expected: impl IntoIterator<Item = T>) -> anyhow::Result<f64> {
    let (mut largest, mut count) = (0.0, 0);
    for (index, expected) in expected.into_iter().enumerate() {
        let found = *found.get(index).ok_or_else(|| anyhow::anyhow!("only {index} results"))?;
        let distance = found.distance(expected);
        // `f64::max` would drop a NaN.
        if distance > largest || distance.is_nan() {
            largest = distance;
        }
        if largest.is_nan() {
            return Ok(largest);
        }
        count = index + 1;
    }
    anyhow::ensure!(count == found.len(), "{} results, {count} expected", found.len());
    Ok(largest)
}

/// The largest of several distances. Not a number if one of them is not.
pub fn largest(distances: impl IntoIterator<Item = f64>) -> f64 {
    // `f64::max` would drop a NaN.
    distances
        .into_iter()
        .fold(0.0, |largest, distance| if distance > largest || distance.is_nan() { distance } else { largest })
}

/// Runs an example on the devices that the command line names. The exit code is 1 if a result is wrong or a run fails, 2 if the
/// command line makes no sense.
pub fn run(example: Example, body: impl Fn(&Run<'_>) -> anyhow::Result<Outcome>) -> ExitCode {
    let flags = example.parse();
    let devices = match flags.device.as_str() {
        "all" => {
            let Devices { present, absent, .. } = geobacter::devices();
            if present.len() < 2 {
                absent.iter().for_each(|absence| eprintln!("{absence}"));
            }
            present
        }
        id => match geobacter::device(id) {
            Ok(device) => vec![device],
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::from(2);
            }
        },
    };
    let several = devices.len() > 1;
    let mut failed = false;
    for device in &devices {
        let (name, id) = (example.name, device.id());
        let out = flags.out.as_deref().map(|path| if several { with_device(path, id) } else { path.to_owned() });
        let run = Run { device, n: flags.n.unwrap_or(example.default_n), out };
        match with_progress(name, id, || body(&run)) {
            Ok(Outcome { size, max_abs_err }) => {
                // A NaN is no pass.
                let pass = max_abs_err == 0.0;
                failed |= !pass;
                let verdict = if pass { "PASS" } else { "FAIL" };
                println!("{verdict} {name} device={id} {size} max_abs_err={max_abs_err}");
            }
            Err(error) => {
                failed = true;
                println!("FAIL {name} device={id} error: {error:#}");
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

impl Example {
    fn parse(&self) -> Flags {
        let size = format!("{} [default: {}]", self.size, self.default_n);
        let out = self.output.map(|what| {
            format!("File to write {what} to; with several devices, the device's id is put before the extension")
        });
        let mut command = Flags::command().name(self.name).about(self.about).mut_arg("n", |arg| arg.help(size));
        command = command.mut_arg("out", |arg| match out {
            Some(out) => arg.help(out),
            None => arg.hide(true),
        });
        let flags = command.clone().try_get_matches().and_then(|matches| Flags::from_arg_matches(&matches));
        let flags = flags.unwrap_or_else(|error| error.exit());
        if flags.out.is_some() && self.output.is_none() {
            let message = format!("{} writes no file: leave out --out", self.name);
            command.error(ErrorKind::ArgumentConflict, message).exit()
        }
        flags
    }
}

/// `image.png` for device `sim:gfx942`: `image-sim-gfx942.png`.
fn with_device(path: &Path, id: &str) -> PathBuf {
    let part = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let stem = part(path.file_stem()).unwrap_or_default();
    let mut name = format!("{stem}-{}", id.replace(':', "-"));
    if let Some(extension) = part(path.extension()) {
        name = format!("{name}.{extension}");
    }
    path.with_file_name(name)
}

/// Shows on a terminal that something goes on, once it has gone on for a second.
fn with_progress<R>(name: &str, id: &str, run: impl FnOnce() -> R) -> R {
    if !std::io::stderr().is_terminal() {
        return run();
    }
    let (done, end) = mpsc::channel::<()>();
    let message = format!("{name} on {id}");
    thread::scope(|scope| {
        scope.spawn(move || {
            if end.recv_timeout(Duration::from_secs(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
                let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
                let bar = ProgressBar::new_spinner().with_message(message);
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                bar.enable_steady_tick(Duration::from_millis(100));
                // Ends with the sender, also when the run panics.
                let _ = end.recv();
                bar.finish_and_clear();
            }
        });
        let result = run();
        drop(done);
        result
    })
}
