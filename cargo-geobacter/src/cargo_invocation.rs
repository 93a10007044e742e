//! cargo, run with this program as rustc wrapper and with a target folder of its own.
//!
//! The wrapper goes in as `--config`, not as `RUSTC_WRAPPER`: what `cargo run` starts inherits the environment, and may
//! start a cargo itself. The target folder is `geobacter/` inside of the usual one, so that plain cargo's artifacts and
//! these never replace each other. A checked build has another one, `geobacter-checked/`: the wrapper hands
//! `--cfg geobacter_check` to rustc, which cargo does not see. `RUSTFLAGS` it would see, but setting them would switch off
//! those of the user's configuration.
//!
//! `--gpu` becomes the environment variable that the wrapper reads. cargo does see that one: the wrapper names it in what rustc says
//! of a program's dependencies, so programs are linked again when it changes, and nothing else is.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{self, IsTerminal},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use geobacter_compiler_patch::{
    CHAINED_WRAPPER, GPU_ONLY_VARIABLE, GPU_VARIABLE, PROGRESS_VARIABLE, checked_build, gpu_names, gpus_in_environment,
};
use geobacter_respool::targets;
use geobacter_runtime_amd::SIMULATOR_VARIABLE;
use geobacter_runtime_cuda::SIMULATOR_VARIABLE as PTX_SIMULATOR_VARIABLE;

use crate::{
    UsageError,
    simulated::{Simulated, simulated_devices},
};

/// Which simulated devices `run` and `test` offer unless `AMDGPU_SIM` says otherwise.
pub const SIMULATED: &str = "gfx942";

/// The cargo that started this program, or the one on `PATH`.
pub fn cargo() -> OsString {
    env::var_os("CARGO").filter(|cargo| !cargo.is_empty()).unwrap_or_else(|| "cargo".into())
}

/// cargo, without what another cargo has told this program about itself.
///
/// `cargo geobacter` inside of this workspace is an alias for `cargo run`, which describes its package to the program
/// that it starts; the inner cargo and its build scripts would take that for theirs. The choice of toolchain stays.
pub fn clean_cargo() -> Command {
    let mut command = Command::new(cargo());
    if env::var_os("CARGO_MANIFEST_DIR").is_some() {
        let told = |name: &str| {
            ["CARGO_PKG_", "CARGO_BIN_EXE_"].iter().any(|prefix| name.starts_with(prefix))
                || matches!(
                    name,
                    "CARGO_MANIFEST_DIR"
                        | "CARGO_MANIFEST_PATH"
                        | "CARGO_MANIFEST_LINKS"
                        | "CARGO_CRATE_NAME"
                        | "CARGO_BIN_NAME"
                        | "CARGO_PRIMARY_PACKAGE"
                        | "CARGO_TARGET_TMPDIR"
                        | "OUT_DIR"
                )
        };
        for name in env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| told(name)) {
            command.env_remove(name);
        }
    }
    command
}

/// The arguments of a `run`, `build` or `test`, as far as this program has to understand them.
#[derive(Debug, Default, PartialEq, Eq)]
struct CargoArguments {
    /// What goes on to cargo as it is.
    passed: Vec<OsString>,
    /// `--target-dir`.
    target_dir: Option<PathBuf>,
    /// The names in `--gpu`, if it is there.
    gpus: Option<Vec<String>>,
    /// `--gpu-only`.
    gpu_only: bool,
    /// The names in `--device`, if it is there.
    devices: Option<String>,
    /// What decides which workspace and which configuration is meant.
    selecting: Vec<OsString>,
}

impl CargoArguments {
    fn of(arguments: &[OsString]) -> anyhow::Result<Self> {
        let mut this = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let text = argument.to_str().unwrap_or_default();
            if text == "--" {
                this.passed.push(argument.clone());
                this.passed.extend(rest.cloned());
                break;
            }
            let (option, joined) = match text.split_once('=') {
                Some((option, value)) => (option, Some(OsString::from(value))),
                None => (text, None),
            };
            let mut value = || -> anyhow::Result<OsString> {
                let value = joined.clone().or_else(|| rest.next().cloned());
                value.with_context(|| format!("`{option}` needs a value"))
            };
            match option {
                "--gpu" => {
                    let names = value()?;
                    let names = names.to_str().context("the name of a GPU is not UTF-8")?;
                    this.gpus.get_or_insert_default().extend(gpu_names(names));
                }
                "--gpu-only" => this.gpu_only = true,
                "--device" => {
                    let names = value()?;
                    let names = names.to_str().context("the name of a device is not UTF-8")?;
                    let all = this.devices.get_or_insert_default();
                    all.push_str(if all.is_empty() { "" } else { "," });
                    all.push_str(names);
                }
                "--target-dir" => this.target_dir = Some(value()?.into()),
                "--manifest-path" | "--config" => {
                    let pair = [OsString::from(option), value()?];
                    this.passed.extend(pair.clone());
                    this.selecting.extend(pair);
                }
                "--offline" | "--locked" | "--frozen" => {
                    this.passed.push(argument.clone());
                    this.selecting.push(argument.clone());
                }
                _ => this.passed.push(argument.clone()),
            }
        }
        Ok(this)
    }
}

/// `cargo SUBCOMMAND` with this program as rustc wrapper. `arguments` are cargo's own.
pub fn command(subcommand: &str, arguments: &[OsString]) -> anyhow::Result<Command> {
    let program = env::current_exe().context("cannot find out where this program is")?;
    let arguments = CargoArguments::of(arguments)?;
    let gpus = gpus(&arguments)?;
    let folders = Folders::of(&arguments)?;

    let mut command = clean_cargo();
    if gpus.is_empty() {
        command.env_remove(GPU_VARIABLE);
    } else {
        command.env(GPU_VARIABLE, gpus.join(","));
    }
    if arguments.gpu_only {
        if gpus.is_empty() {
            bail!(UsageError("`--gpu-only` is for programs with device code: name the GPUs with `--gpu`".into()));
        }
        command.env(GPU_ONLY_VARIABLE, "1");
    } else {
        command.env_remove(GPU_ONLY_VARIABLE);
    }
    match io::stderr().is_terminal().then(|| fs::read_link("/proc/self/fd/2")) {
        Some(Ok(terminal)) => command.env(PROGRESS_VARIABLE, terminal),
        _ => command.env_remove(PROGRESS_VARIABLE),
    };
    command.arg(subcommand);
    command.arg("--target-dir").arg(&folders.target);
    command.args(["--config", &setting("build.rustc-wrapper", &program)?]);
    if let Some(build) = &folders.build {
        command.args(["--config", &setting("build.build-dir", build)?]);
    }
    command.args(&arguments.passed);

    // The environment would win over `--config`. The user's own wrapper, for example sccache, stays in use where it can.
    for name in ["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"] {
        if let Some(wrapper) =
            env::var_os(name).filter(|wrapper| !wrapper.is_empty() && *wrapper != *program.as_os_str())
        {
            command.env(CHAINED_WRAPPER, wrapper);
        }
        command.env_remove(name);
    }
    if matches!(subcommand, "run" | "r" | "test" | "t") {
        command.env("GEOBACTER_WORKER", &program);
        match &arguments.devices {
            Some(names) => {
                command.env(geobacter::DEVICE_VARIABLE, names);
                let Simulated { amd, nvidia } = simulated_devices(names)?;
                command.env(SIMULATOR_VARIABLE, amd).env(PTX_SIMULATOR_VARIABLE, nvidia);
            }
            // PTX_SIM stays what it is.
            None => {
                command.env(SIMULATOR_VARIABLE, env::var(SIMULATOR_VARIABLE).unwrap_or_else(|_| SIMULATED.into()));
            }
        }
    } else if arguments.devices.is_some() {
        bail!(UsageError("`--device` is for `run` and `test`; code for a GPU is asked for with `--gpu`".into()));
    }
    Ok(command)
}

/// The GPUs that programs get device code for: those of `--gpu`, or else of the environment.
fn gpus(arguments: &CargoArguments) -> anyhow::Result<Vec<String>> {
    let gpus = arguments.gpus.as_ref().map_or_else(gpus_in_environment, |gpus| gpu_names(&gpus.join(",")));
    for gpu in &gpus {
        if let Err(error) = targets::find(gpu) {
            bail!(UsageError(error.to_string()));
        }
    }
    Ok(gpus)
}

/// Becomes cargo: its exit code, and that of the program that it runs, are this program's.
pub fn become_cargo(subcommand: &str, arguments: &[OsString]) -> anyhow::Result<std::convert::Infallible> {
    let mut command = command(subcommand, arguments)?;
    let error = command.exec();
    Err(error).with_context(|| format!("cannot run `{}`", command.get_program().to_string_lossy()))
}

fn setting(key: &str, path: &Path) -> anyhow::Result<String> {
    let path = path.to_str().with_context(|| format!("the path {} is not UTF-8, which cargo needs", path.display()))?;
    // A TOML string takes the same escapes as a JSON string.
    Ok(format!("{key}={}", serde_json::to_string(path)?))
}

struct Folders {
    target: PathBuf,
    /// Only where it is another one than `target`.
    build: Option<PathBuf>,
}

impl Folders {
    fn of(arguments: &CargoArguments) -> anyhow::Result<Self> {
        #[derive(serde::Deserialize)]
        struct Metadata {
            target_directory: PathBuf,
            build_directory: Option<PathBuf>,
        }
        let output = clean_cargo()
            .args(["metadata", "--no-deps", "--format-version=1", "--quiet"])
            .args(&arguments.selecting)
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run `{}`", cargo().to_string_lossy()))?;
        if !output.status.success() {
            // cargo has said why.
            bail!(CargoFailed(output.status.code().unwrap_or(101)));
        }
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("`cargo metadata` is not understood")?;
        let own = OsStr::new(if checked_build() { "geobacter-checked" } else { "geobacter" });
        let build = metadata.build_directory.filter(|build| *build != metadata.target_directory);
        Ok(Self {
            target: arguments.target_dir.as_ref().unwrap_or(&metadata.target_directory).join(own),
            build: build.map(|build| build.join(own)),
        })
    }
}

/// cargo has failed, and has said why. Its exit code is this program's.
#[derive(Debug, thiserror::Error)]
#[error("cargo failed with exit code {0}")]
pub struct CargoFailed(pub i32);

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> CargoArguments {
        CargoArguments::of(&line.split(' ').map(OsString::from).collect::<Vec<_>>()).expect("well-formed")
    }

    #[test]
    fn only_what_stands_before_the_dashes_is_cargos() {
        let arguments = parse("--release --target-dir=/x --manifest-path m/Cargo.toml --offline -- --target-dir /y");
        assert_eq!(arguments.target_dir.as_deref(), Some(Path::new("/x")));
        assert_eq!(arguments.selecting, ["--manifest-path", "m/Cargo.toml", "--offline"]);
        assert_eq!(
            arguments.passed,
            ["--release", "--manifest-path", "m/Cargo.toml", "--offline", "--", "--target-dir", "/y"]
        );
    }

    #[test]
    fn gpus_are_not_cargos() {
        let arguments = parse("--gpu gfx942,gfx1100 --release --gpu=gfx90a -- --gpu x");
        assert_eq!(arguments.passed, ["--release", "--", "--gpu", "x"]);
        assert_eq!(gpus(&arguments).expect("known"), ["gfx1100", "gfx90a", "gfx942"]);
        let error = gpus(&parse("--gpu gfx942,gfx1")).expect_err("unknown").to_string();
        assert!(error.contains("`gfx1`") && error.contains("gfx942"), "{error}");
    }

    #[test]
    fn a_missing_value_is_an_error() {
        assert!(CargoArguments::of(&["--gpu".into()]).is_err());
        assert!(CargoArguments::of(&["--target-dir".into()]).is_err());
    }
}
