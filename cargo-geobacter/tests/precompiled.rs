//! `--gpu`: a program with device code inside runs where there is no worker, no cargo, no rustc and no LLVM.
//!
//! Each test has its own copy of this program, so that it can be taken away from the programs that it has built: their archives
//! name it as their worker. All share the target folder of the other tests, where the dependencies are built already.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, MutexGuard, PoisonError},
};

const MANIFEST: &str = r#"
[workspace]
resolver = "3"
members = ["carrier", "plain"]

[profile.dev.package."*"]
debug = false
"#;

const CARRIER: &str = r#"
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn saxpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
    y.set(&item, a * x[&item] + y.get(&item));
}

/// A private array with an index that only the data knows: LLVM may move it to LDS, unless accesses are checked.
#[kernel(workgroup = 64)]
fn pick<T: Element + Default>(item: Item<1>, at: In<u32>, y: Out<T>, one: T) {
    let mut values = [T::default(); 8];
    values[at[&item] as usize % 8] = one;
    y.set(&item, values[at[&item] as usize / 8 % 8]);
}

/// Code that was made at build time knows no value of the constant.
#[kernel(workgroup = 64)]
fn times(item: Item<1>, factor: Spec<u32>, y: InOut<u32>) {
    y.set(&item, *factor * y.get(&item));
}

fn main() {
    let device = match geobacter::device(&std::env::args().nth(1).unwrap()) {
        Ok(device) => device,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    };
    let x: Vec<f32> = (0..200).map(|i| i as f32 / 7.0).collect();
    let input = device.upload(&x).unwrap();
    let mut y = device.upload(&x).unwrap();
    saxpy::launch(&device, x.len(), 3.0, &input, &mut y).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(y.download().unwrap(), x.iter().map(|x| 3.0 * x + x).collect::<Vec<_>>());

    let at: Vec<u32> = (0..64).collect();
    let input = device.upload(&at).unwrap();
    let mut y = device.zeroed::<u64>(64).unwrap();
    pick::launch(&device, 64, &input, &mut y, 7u64).unwrap();
    let expected: Vec<u64> = at.iter().map(|at| if at % 8 == at / 8 % 8 { 7 } else { 0 }).collect();
    assert_eq!(y.download().unwrap(), expected);
    for factor in [3, 5, 3] {
        let mut y = device.upload(&[1u32, 2]).unwrap();
        times::launch(&device, 2, factor, &mut y).unwrap();
        assert_eq!(y.download().unwrap(), [factor, 2 * factor]);
    }
    println!("right on {}", device.id());
}
"#;

const PLAIN: &str = "fn main() { println!(\"{}\", geobacter::devices().present.len()); }\n";

/// The workspace is for one test at a time: what one builds, another would build again with other GPUs.
static ALONE: Mutex<()> = Mutex::new(());

struct Workshop {
    _alone: MutexGuard<'static, ()>,
    /// Where the copy of this program is, and the programs that are run.
    folder: tempfile::TempDir,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("precompiled")
}

/// The folder that tests of projects build in.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects/target")
}

fn write(path: &str, text: &str) {
    let path = workspace().join(path);
    if fs::read_to_string(&path).ok().as_deref() != Some(text) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        fs::write(path, text).expect("file");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

impl Workshop {
    fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let geobacter = format!("geobacter = {{ path = {:?}, features = [\"sim\"] }}\n", root().join("geobacter"));
        write("Cargo.toml", MANIFEST);
        if !workspace().join("Cargo.lock").exists() {
            fs::copy(root().join("Cargo.lock"), workspace().join("Cargo.lock")).expect("Cargo.lock");
        }
        for (name, source) in [("carrier", CARRIER), ("plain", PLAIN)] {
            let manifest = format!(
                "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{geobacter}"
            );
            write(&format!("{name}/Cargo.toml"), &manifest);
            write(&format!("{name}/src/main.rs"), source);
        }
        let folder = tempfile::tempdir().expect("a folder");
        fs::copy(env!("CARGO_BIN_EXE_cargo-geobacter"), folder.path().join("cargo-geobacter")).expect("a copy");
        Self { _alone: alone, folder }
    }

    fn geobacter(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(self.folder.path().join("cargo-geobacter"));
        command.arg("geobacter").args(arguments).current_dir(workspace());
        command.env("CARGO_TARGET_DIR", target()).env("CARGO_NET_OFFLINE", "true").env("CARGO_TERM_COLOR", "never");
        command.env("GEOBACTER_CACHE", target().join("../cache"));
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "CARGO_BUILD_TARGET", "GEOBACTER_GPU"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied()).output().expect("cargo-geobacter starts")
    }

    /// Builds a program, and gives where it is: not in the target folder, which a machine that only runs it has not.
    fn build(&self, name: &str, more: &[&str], variables: &[(&str, &str)]) -> PathBuf {
        good(&self.geobacter(&[&["build", "-p", name], more].concat(), variables));
        let program = self.folder.path().join(format!("{name}-{}", more.join("")));
        fs::copy(target().join("geobacter/debug").join(name), &program).expect("the program");
        program
    }

    /// What the program does where there is nothing else: not the program that built it, and nothing on `PATH`.
    fn run_alone(&self, program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let (tool, hidden) = (self.folder.path().join("cargo-geobacter"), self.folder.path().join("hidden"));
        fs::rename(&tool, &hidden).expect("moved");
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("PATH", "").env("AMDGPU_SIM", "gfx942").env("GEOBACTER_CACHE", "off");
        let output = command.envs(variables.iter().copied()).current_dir("/").output().expect("it starts");
        fs::rename(hidden, tool).expect("moved back");
        output
    }

    /// Kernel, GPU and mode of all device code in a program, whose kernels shall be in its archive or not.
    fn carried(&self, program: &Path, archived: bool) -> Vec<(String, String, bool)> {
        let output = good(&self.geobacter(&["list", "--json", program.to_str().expect("UTF-8")], &[]));
        let all: serde_json::Value = serde_json::from_str(&output).expect("JSON");
        let mut carried = Vec::new();
        for kernel in all["kernels"].as_array().expect("a list") {
            assert_eq!(kernel["archived"], archived, "{kernel}");
            for code in kernel["code"].as_array().expect("a list") {
                assert!(code["bytes"].as_u64().expect("a number") > 0 && code["resources"]["vgprs"].is_u64(), "{code}");
                let name = kernel["kernel"].as_str().expect("a name").to_owned();
                let gpu = code["gpu"].as_str().expect("a name").to_owned();
                carried.push((name, gpu, code["checked"].as_bool().expect("a mode")));
            }
        }
        carried
    }
}

#[test]
fn a_program_with_device_code_runs_where_nothing_else_is() {
    let workshop = Workshop::new();
    let program = workshop.build("carrier", &["--gpu", "gfx942,gfx1100"], &[]);
    let kernels = ["carrier::pick::<u64>", "carrier::saxpy", "carrier::times"];
    let expected: Vec<_> = kernels
        .iter()
        .flat_map(|kernel| {
            [("gfx1100", false), ("gfx1100", true), ("gfx942", false), ("gfx942", true)].map(|key| (kernel, key))
        })
        .map(|(kernel, (gpu, checked))| ((*kernel).to_owned(), gpu.to_owned(), checked))
        .collect();
    assert_eq!(workshop.carried(&program, true), expected);
    let table = good(&workshop.geobacter(&["list", program.to_str().expect("UTF-8")], &[]));
    assert!(table.starts_with("KERNEL") && table.lines().count() == 13, "{table}");
    for variables in [&[][..], &[("GEOBACTER_CHECK", "1")], &[("GEOBACTER_CHECK", "0")]] {
        for device in ["sim:gfx942", "host"] {
            let output = good(&workshop.run_alone(&program, &[device], variables));
            assert_eq!(output, format!("right on {device}\n"), "{variables:?}");
        }
    }
    // The same GPUs again, in other words: nothing to do.
    let again = workshop.geobacter(&["build", "-p", "carrier", "--gpu=gfx1100", "--gpu", "gfx942"], &[]);
    assert!(!text(&again.stderr).contains("Compiling"), "{}", text(&again.stderr));
}

#[test]
fn a_program_without_device_code_says_what_to_type() {
    let workshop = Workshop::new();
    for (arguments, variables, said) in [
        (&[][..], &[][..], "it carries none at all"),
        (&["--gpu", "gfx1100,gfx90a"], &[], "it carries code for gfx1100, gfx90a"),
        (&[], &[("GEOBACTER_GPU", "gfx1100")], "it carries code for gfx1100"),
    ] {
        let program = workshop.build("carrier", arguments, variables);
        let output = workshop.run_alone(&program, &["sim:gfx942"], &[]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
        let error = text(&output.stderr);
        for part in ["there is no device `sim:gfx942`", "no device code for gfx942", said, "build --gpu gfx942"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert_eq!(good(&workshop.run_alone(&program, &["host"], &[])), "right on host\n");
        // With a worker the same program makes the code where it runs.
        let mut command = Command::new(&program);
        command.arg("sim:gfx942").env("AMDGPU_SIM", "gfx942").env("GEOBACTER_CACHE", "off");
        assert_eq!(good(&command.output().expect("it starts")), "right on sim:gfx942\n");
    }
}

#[test]
fn a_program_with_nothing_but_device_code_runs_on_its_gpus_and_the_host() {
    let workshop = Workshop::new();
    let program = workshop.build("carrier", &["--gpu", "gfx942", "--gpu-only"], &[]);
    assert_eq!(workshop.carried(&program, false).len(), 6);
    for device in ["sim:gfx942", "host"] {
        assert_eq!(good(&workshop.run_alone(&program, &[device], &[])), format!("right on {device}\n"));
    }
    // A worker does not help.
    let program = workshop.build("carrier", &["--gpu", "gfx1100", "--gpu-only"], &[]);
    let mut command = Command::new(&program);
    let output = command.arg("sim:gfx942").env("AMDGPU_SIM", "gfx942").output().expect("it starts");
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    for part in ["--gpu-only", "no device code for gfx942", "it carries code for gfx1100", "build --gpu gfx942"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let output = workshop.geobacter(&["build", "--gpu-only"], &[]);
    assert_eq!((output.status.code(), text(&output.stderr).contains("`--gpu`")), (Some(2), true));
}

#[test]
fn code_for_an_nvidia_gpu_runs_on_newer_ones() {
    let workshop = Workshop::new();
    let cards = ("PTX_SIM", "sm_70,sm_75,sm_80,sm_90");
    for more in [&["--gpu", "sm_75,sm_80"][..], &["--gpu", "sm_75,sm_80", "--gpu-only"]] {
        let program = workshop.build("carrier", more, &[]);
        for device in ["sim:sm_75", "sim:sm_80", "sim:sm_90"] {
            assert_eq!(good(&workshop.run_alone(&program, &[device], &[cards])), format!("right on {device}\n"));
        }
        let output = workshop.run_alone(&program, &["sim:sm_70"], &[cards]);
        let error = text(&output.stderr);
        for part in ["no device code for sm_70", "it carries code for sm_75, sm_80", "build --gpu sm_70"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn a_damaged_bundle_is_named() {
    use object::{Object, ObjectSection};
    let workshop = Workshop::new();
    let program = workshop.build("carrier", &["--gpu", "gfx942"], &[]);
    let mut bytes = fs::read(&program).expect("the program");
    let file = object::File::parse(&*bytes).expect("ELF");
    let section = file.section_by_name("geobacter_bundle").expect("a bundle");
    let (start, length) = section.file_range().expect("in the file");
    bytes[(start + length / 2) as usize] ^= 1;
    fs::write(&program, bytes).expect("written");
    let output = Command::new(&program).arg("sim:gfx942").env("AMDGPU_SIM", "gfx942").output().expect("it starts");
    let error = text(&output.stderr);
    assert!(error.contains("device code bundle is damaged") && error.contains("cargo geobacter build"), "{error}");
}

#[test]
fn an_unknown_gpu_is_an_error_that_lists_those_that_are_known() {
    let workshop = Workshop::new();
    for (arguments, variables) in [
        (&["build", "-p", "plain", "--gpu", "gfx942,gfx9999"][..], &[][..]),
        (&["run"], &[("GEOBACTER_GPU", "gfx9999")]),
    ] {
        let output = workshop.geobacter(arguments, variables);
        assert_eq!(output.status.code(), Some(2));
        let error = text(&output.stderr);
        for part in ["`gfx9999`", "gfx90a", "gfx942", "gfx1201"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn a_program_without_kernels_takes_the_option_too() {
    let workshop = Workshop::new();
    let program = workshop.build("plain", &["--gpu", "gfx942"], &[]);
    assert!(workshop.carried(&program, false).is_empty());
    let output = good(&workshop.geobacter(&["list", program.to_str().expect("UTF-8")], &[]));
    assert!(output.contains("carries no kernels"), "{output}");
    assert_eq!(good(&workshop.run_alone(&program, &[], &[])), "1\n");
}
