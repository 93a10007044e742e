//! What `cargo geobacter` does with real projects: each kind of crate, each profile, right and wrong kernels.
//!
//! All tests share one workspace and one target folder, so that the dependencies are built once for each profile. cargo's
//! lock on that folder puts the builds in line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, OnceLock},
};

const WORKSPACE: &str = r#"
[workspace]
resolver = "3"
members = ["app", "broken", "changing", "kernels", "refused", "shared"]

# Dependencies are not what is tested, but one that kernels call.
[profile.dev.package."*"]
debug = false
[profile.release.package."*"]
opt-level = 0
[profile.release.package.libm]
opt-level = 3
[profile.thin]
inherits = "release"
lto = "thin"
[profile.fat]
inherits = "release"
lto = "fat"
codegen-units = 1
"#;

const KERNELS: &str = r#"
//! Kernels in a library.
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
pub fn saxpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
    y.set(&item, a * x[&item] + y.get(&item));
}

/// Calls a function of another crate that no compiler inlines.
#[kernel(workgroup = 64)]
pub fn error_function(item: Item<1>, x: In<f64>, y: Out<f64>) {
    y.set(&item, libm::erf(x[&item]));
}

/// Instantiated by whoever uses it.
#[kernel(workgroup = 64)]
pub fn map<T: Element, F: Fn(T) -> T>(item: Item<1>, f: F, x: In<T>, y: Out<T>) {
    y.set(&item, f(x[&item]));
}

pub mod on_every_device {
    use geobacter::Device;

    /// Runs the three, and prints a line for each device on which they are right.
    pub fn run(twice: impl Fn(&Device, &[u32]) -> Vec<u32>) {
        let x: Vec<f32> = (0..200).map(|i| i as f32 / 7.0).collect();
        for device in geobacter::devices().present {
            let input = device.upload(&x).unwrap();
            let mut y = device.upload(&x).unwrap();
            super::saxpy::launch(&device, x.len(), 3.0, &input, &mut y).unwrap();
            assert_eq!(y.download().unwrap(), x.iter().map(|x| 3.0 * x + x).collect::<Vec<_>>());

            let x: Vec<f64> = x.iter().map(|&x| f64::from(x) - 10.0).collect();
            let input = device.upload(&x).unwrap();
            let mut y = device.zeroed(x.len()).unwrap();
            super::error_function::launch(&device, x.len(), &input, &mut y).unwrap();
            assert_eq!(y.download().unwrap(), x.iter().map(|&x| libm::erf(x)).collect::<Vec<_>>());

            let x: Vec<u32> = (0..200).collect();
            assert_eq!(twice(&device, &x), x.iter().map(|x| x * 2).collect::<Vec<_>>());
            println!("right on {}", device.id());
        }
    }
}
"#;

const TWICE: &str = r#"
fn twice(device: &geobacter::Device, x: &[u32]) -> Vec<u32> {
    let input = device.upload(x).unwrap();
    let mut y = device.zeroed(x.len()).unwrap();
    kernels::map::launch(device, x.len(), |x: u32| x * 2, &input, &mut y).unwrap();
    y.download().unwrap()
}
"#;

const APP: &str = r#"
fn main() {
    if let Some(code) = std::env::args().nth(1) {
        std::process::exit(code.parse().unwrap());
    }
    kernels::on_every_device::run(twice);
}

#[test]
fn in_the_unit_tests() {
    kernels::on_every_device::run(twice);
}
"#;

const APP_TEST: &str = r#"
#[test]
fn in_an_integration_test() {
    kernels::on_every_device::run(twice);
}
"#;

const BROKEN: &str = r#"
use geobacter::prelude::*;

fn count(n: usize) -> usize {
    let mut list = Vec::new();
    list.push(n);
    list.len()
}

#[kernel(workgroup = 64)]
fn fill(item: Item<1>, y: Out<u32>) {
    y.set(&item, count(item.id()) as u32);
}

fn main() {
    for device in geobacter::devices().present {
        let mut y = device.zeroed(64).unwrap();
        fill::launch(&device, 64, &mut y).unwrap();
    }
}
"#;

/// One kernel for each thing that the build-time check refuses.
const REFUSED: &str = include_str!("kernels/refused.rs");

const CHANGING: &str = r#"
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn constant(item: Item<1>, y: Out<u32>) {
    y.set(&item, 1111);
}

fn main() {
    for device in geobacter::devices().present {
        let mut y = device.zeroed::<u32>(64).unwrap();
        constant::launch(&device, 64, &mut y).unwrap();
        println!("{}", y.download().unwrap()[7]);
    }
}
"#;

const SHARED: &str = r#"
/// Called from a program in another language.
#[unsafe(no_mangle)]
pub extern "C" fn run_everywhere() {
    kernels::on_every_device::run(twice);
}
"#;

/// Writes a file unless it is there already, with the same content: cargo looks at its time.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        fs::write(path, text).expect("file");
    }
}

fn workspace() -> &'static Path {
    static WORKSPACE_FOLDER: OnceLock<PathBuf> = OnceLock::new();
    WORKSPACE_FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let geobacter = format!("geobacter = {{ path = {:?}, features = [\"sim\"] }}\n", root.join("geobacter"));
        let manifest = |name: &str, more: &str| {
            let text = format!(
                "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}\n[dependencies]\n{geobacter}"
            );
            match name {
                "kernels" => text + "libm = \"0.2\"\n",
                "broken" | "changing" | "refused" => text,
                _ => text + "kernels = { path = \"../kernels\" }\n",
            }
        };
        write(&folder.join("Cargo.toml"), WORKSPACE);
        if !folder.join("Cargo.lock").exists() {
            fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("Cargo.lock");
        }
        for name in ["app", "broken", "changing", "kernels", "refused"] {
            write(&folder.join(name).join("Cargo.toml"), &manifest(name, ""));
        }
        write(&folder.join("shared/Cargo.toml"), &manifest("shared", "[lib]\ncrate-type = [\"cdylib\"]\n"));
        write(&folder.join("kernels/src/lib.rs"), KERNELS);
        write(&folder.join("app/src/main.rs"), &format!("{APP}{TWICE}"));
        write(&folder.join("app/examples/example.rs"), &format!("{APP}{TWICE}"));
        write(&folder.join("app/tests/integration.rs"), &format!("{APP_TEST}{TWICE}"));
        write(&folder.join("broken/src/main.rs"), BROKEN);
        write(&folder.join("changing/src/main.rs"), CHANGING);
        write(&folder.join("refused/src/main.rs"), REFUSED);
        write(&folder.join("shared/src/lib.rs"), &format!("{SHARED}{TWICE}"));
        folder
    })
}

fn prepared(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace()).env("CARGO_TARGET_DIR", workspace().join("target"));
    command.env("CARGO_NET_OFFLINE", "true").env("CARGO_TERM_COLOR", "never").env("AMDGPU_SIM", "gfx942");
    command.env("GEOBACTER_CACHE", workspace().join("cache"));
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "CARGO_BUILD_TARGET", "CARGO_INCREMENTAL"] {
        command.env_remove(name);
    }
    command
}

/// Runs `cargo geobacter`.
fn geobacter(arguments: &[&str]) -> Output {
    let mut command = prepared(env!("CARGO_BIN_EXE_cargo-geobacter"));
    command.arg("geobacter").args(arguments).output().expect("cargo-geobacter starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn good(output: Output) -> String {
    assert!(output.status.success(), "{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Runs `cargo geobacter`, which shall succeed.
#[track_caller]
fn succeed(arguments: &[&str]) -> String {
    good(geobacter(arguments))
}

/// The devices that programs see.
fn devices() -> Vec<String> {
    let json: serde_json::Value = serde_json::from_str(&succeed(&["devices", "--json"])).expect("JSON");
    let devices = json["present"].as_array().expect("a list");
    devices.iter().map(|device| device["id"].as_str().expect("an id").to_owned()).collect()
}

#[track_caller]
fn right_on_every_device(output: &str) {
    let devices = devices();
    assert!(devices.contains(&"host".to_owned()));
    for device in devices {
        assert!(output.contains(&format!("right on {device}")), "{device}: {output}");
    }
}

/// Names of the kernels in a program, after their code was generated.
#[track_caller]
fn kernels(arguments: &[&str]) -> BTreeSet<String> {
    let inspect = ["inspect", "--gpu", "gfx942", "--emit", "resources", "--json"];
    let json: serde_json::Value = serde_json::from_str(&succeed(&[&inspect, arguments].concat())).expect("JSON");
    assert_eq!(json["gpu"], "gfx942");
    let kernels = json["kernels"].as_array().expect("a list");
    for kernel in kernels {
        assert!(kernel["resources"]["vgprs"].as_u64().expect("a number") > 0, "{kernel}");
    }
    kernels.iter().map(|kernel| kernel["kernel"].as_str().expect("a name").to_owned()).collect()
}

#[track_caller]
fn has_the_three_kernels(arguments: &[&str]) {
    let names = kernels(arguments);
    for start in ["kernels::saxpy", "kernels::error_function", "kernels::map::<u32, "] {
        assert!(names.iter().any(|name| name.starts_with(start)), "{arguments:?}: {names:?}");
    }
    assert_eq!(names.len(), 3, "{arguments:?}: {names:?}");
}

#[test]
fn a_program_carries_the_kernels_of_its_libraries_in_every_profile() {
    for profile in ["dev", "release", "thin", "fat"] {
        has_the_three_kernels(&["-p", "app", "--profile", profile]);
        right_on_every_device(&succeed(&["run", "-p", "app", "--profile", profile]));
    }
}

#[test]
fn examples_carry_them_too() {
    has_the_three_kernels(&["-p", "app", "--example", "example"]);
    right_on_every_device(&succeed(&["run", "-p", "app", "--example", "example"]));
}

#[test]
fn tests_run_on_every_device() {
    let output = succeed(&["test", "-p", "app", "--", "--nocapture"]);
    for test in ["in_the_unit_tests", "in_an_integration_test"] {
        assert!(output.contains(test), "{output}");
    }
    right_on_every_device(&output);
}

#[test]
fn shared_libraries_carry_an_archive() {
    succeed(&["build", "-p", "shared"]);
    let library = workspace().join("target/geobacter/debug/libshared.so");
    assert_eq!(archived(&library).len(), 3);
}

/// The entry symbols in the archives of a file.
fn archived(program: &Path) -> Vec<String> {
    use geobacter_spool::archive::{Archive, SECTION};
    use object::{Object, ObjectSection};
    let bytes = fs::read(program).expect("the program");
    let file = object::File::parse(&*bytes).expect("ELF");
    let Some(section) = file.section_by_name(SECTION) else { return Vec::new() };
    let archives = Archive::read_section(section.data().expect("data")).expect("an archive");
    archives.iter().flat_map(|archive| archive.symbols().map(str::to_owned)).collect()
}

#[test]
fn a_second_build_does_nothing_and_nothing_is_left_over() {
    succeed(&["build", "-p", "app"]);
    let output = geobacter(&["build", "-p", "app"]);
    assert!(!text(&output.stderr).contains("Compiling"), "{}", text(&output.stderr));
    let deps = workspace().join("target/geobacter/debug/deps");
    for entry in fs::read_dir(deps).expect("deps") {
        let name = entry.expect("entry").file_name().to_string_lossy().into_owned();
        // Another test's rustc may be at work on its own crate.
        let ours = name.contains("kernels-") || name.contains("app-") || name.contains("geobacter");
        let litter = name.contains(".rcgu.") || name.ends_with(".geobacter-tmp") || name.starts_with("rmeta");
        assert!(!(ours && litter), "{name}");
    }
}

#[test]
fn plain_cargo_is_not_disturbed() {
    succeed(&["build", "-p", "app"]);
    good(prepared("cargo").args(["build", "-p", "app"]).output().expect("cargo starts"));
    assert_eq!(archived(&workspace().join("target/debug/app")), Vec::<String>::new());
    let output = good(prepared("cargo").args(["run", "--quiet", "-p", "app"]).output().expect("cargo starts"));
    assert!(output.contains("right on host"), "{output}");
    let output = geobacter(&["build", "-p", "app"]);
    assert!(!text(&output.stderr).contains("Compiling"), "{}", text(&output.stderr));
}

/// The project whose source changes is for one test at a time.
static CHANGING_PROJECT: Mutex<()> = Mutex::new(());

#[test]
fn a_changed_kernel_is_picked_up() {
    let _alone = CHANGING_PROJECT.lock();
    let inspect = ["inspect", "-p", "changing", "--gpu", "gfx1100", "--emit", "llvm-ir"];
    let source = workspace().join("changing/src/main.rs");
    let before = succeed(&inspect);
    assert!(before.contains("1111") && !before.contains("2222"), "{before}");
    write(&source, &CHANGING.replace("1111", "2222"));
    let after = succeed(&inspect);
    let output = succeed(&["run", "-p", "changing"]);
    write(&source, CHANGING);
    assert!(after.contains("2222") && !after.contains("1111"), "{after}");
    assert!(output.lines().all(|line| line == "2222"), "{output}");
}

#[test]
fn the_floating_point_option_is_shown() {
    let _alone = CHANGING_PROJECT.lock();
    let source = workspace().join("changing/src/main.rs");
    for (option, fp) in [("", "strict"), (", fp(contract)", "contract"), (", fp(fast)", "fast")] {
        write(&source, &CHANGING.replace("workgroup = 64", &format!("workgroup = 64{option}")));
        let inspect = ["inspect", "-p", "changing", "--gpu", "gfx942", "--emit"];
        let outputs = [&["source-ir", "--json"][..], &["source-ir"], &["resources"]]
            .map(|more| succeed(&[&inspect, more].concat()));
        let listed = succeed(&["list", workspace().join("target/geobacter/debug/changing").to_str().expect("UTF-8")]);
        write(&source, CHANGING);
        let [json, text, table] = outputs;
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json[0]["fp"], fp);
        assert!(text.lines().next().is_some_and(|line| line.ends_with(&format!(", fp({fp})"))), "{text}");
        for table in [table, listed] {
            assert!(table.lines().nth(1).is_some_and(|line| line.contains(&format!(" {fp} "))), "{table}");
        }
    }
}

#[test]
fn what_no_device_can_do_is_a_compile_error() {
    let output = geobacter(&["build", "-p", "broken"]);
    assert_eq!(output.status.code(), Some(101));
    let message = text(&output.stderr);
    let line = |what: &str| 1 + BROKEN.lines().position(|line| line.contains(what)).expect("in the source");
    for part in [
        "error: a kernel cannot allocate memory".to_owned(),
        format!("--> broken/src/main.rs:{}:10", line("list.push(n)")),
        "list.push(n);".to_owned(),
        "reached from kernel `broken::fill`".to_owned(),
        format!("`broken::fill` at broken/src/main.rs:{}:", line("y.set(&item, count")),
        "`broken::count`".to_owned(),
        "help: ".to_owned(),
        "could not compile `broken` (bin \"broken\")".to_owned(),
    ] {
        assert!(message.contains(&part), "{part}\n{message}");
    }
    // rustc's own account of a failed link step says nothing that helps.
    assert!(!message.contains("linking with"), "{message}");
}

/// Every message of the build-time check, as a person reads it.
#[test]
fn what_the_build_time_check_says() {
    let output = geobacter(&["build", "-p", "refused"]);
    assert_eq!(output.status.code(), Some(101));
    let message = text(&output.stderr);
    let mut found = BTreeMap::<&str, String>::new();
    for error in message.split("\nerror: ").filter(|error| error.starts_with("a kernel")) {
        let error = error.split("\n\n").next().unwrap_or(error);
        let kernel = error.split("kernel `refused::").nth(1).and_then(|rest| rest.split('`').next());
        let kernel = kernel.unwrap_or_else(|| panic!("no kernel: {error}"));
        *found.entry(kernel).or_default() += &format!("error: {error}\n\n");
    }
    let kernels = REFUSED.split("#[kernel(").skip(1).map(|kernel| {
        let name = kernel.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
        name.expect("a function").to_owned()
    });
    let filters = vec![
        // Geobacter's own sources lie elsewhere for everybody, and their lines move.
        (r"\S*/(geobacter-lang|safe-lds)/src/(\S+?):\d+:\d+", "$1/src/$2:[line]"),
        // The toolchain's sources may be there or not.
        (r"\S*/lib/rustlib/src/rust/", ""),
    ];
    insta::with_settings!({ filters => filters }, {
        for kernel in kernels {
            let said = found.remove(&*kernel).unwrap_or_else(|| panic!("nothing is said of {kernel}\n{message}"));
            insta::assert_snapshot!(kernel, said);
        }
    });
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn compile_errors_reach_editors_as_messages() {
    let output = geobacter(&["build", "-p", "broken", "--message-format=json"]);
    let messages: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let span = messages
        .iter()
        .filter(|message| message["reason"] == "compiler-message" && message["message"]["level"] == "error")
        .flat_map(|message| message["message"]["spans"].as_array().expect("spans"))
        .find(|span| span["text"][0]["text"] == "    list.push(n);")
        .unwrap_or_else(|| panic!("no span: {}", text(&output.stdout)));
    assert_eq!((&span["column_start"], &span["column_end"]), (&10.into(), &14.into()));
}

#[test]
fn exit_codes_pass_through() {
    assert_eq!(geobacter(&["run", "-p", "app", "--", "7"]).status.code(), Some(7));
    assert_eq!(geobacter(&["build", "-p", "no-such-package"]).status.code(), Some(101));
}

#[test]
fn the_configured_linker_is_used() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("folder");
    let (linker, mark) = (folder.path().join("my-linker"), folder.path().join("mark"));
    let script = format!("#!/bin/sh\necho \"$@\" > {}\nexec cc \"$@\"\n", mark.display());
    fs::write(&linker, script).expect("script");
    fs::set_permissions(&linker, fs::Permissions::from_mode(0o755)).expect("executable");
    let _alone = CHANGING_PROJECT.lock();
    // With the option for one crate: a configured linker would build all dependencies once more.
    let wrapper = format!("build.rustc-wrapper={:?}", env!("CARGO_BIN_EXE_cargo-geobacter"));
    let option = format!("-Clinker={}", linker.display());
    let mut cargo = prepared("cargo");
    cargo.args(["rustc", "-p", "changing", "--config", &wrapper, "--target-dir"]);
    good(cargo.arg(workspace().join("target/geobacter")).args(["--", &option]).output().expect("cargo starts"));
    let arguments = fs::read_to_string(mark).expect("the linker was called");
    assert!(arguments.contains("geobacter_archive.o"), "{arguments}");
    assert_eq!(archived(&workspace().join("target/geobacter/debug/changing")).len(), 1);
}

#[test]
fn what_does_not_exist_is_a_usage_error_that_lists_what_does() {
    let gpu = geobacter(&["inspect", "-p", "app", "--gpu", "gfx1", "--emit", "asm"]);
    assert_eq!(gpu.status.code(), Some(2));
    let message = text(&gpu.stderr);
    assert!(message.contains("gfx1") && message.contains("gfx942"), "{message}");

    let kernel = geobacter(&["inspect", "-p", "app", "--gpu", "gfx942", "--emit", "asm", "--kernel", "saxpi"]);
    assert_eq!(kernel.status.code(), Some(2));
    let message = text(&kernel.stderr);
    assert!(message.contains("saxpi") && message.contains("kernels::saxpy"), "{message}");

    assert_eq!(geobacter(&["frobnicate"]).status.code(), Some(2));
}

#[test]
fn inspect_shows_every_form() {
    let inspect = |emit: &str, more: &[&str]| {
        succeed(&[&["inspect", "-p", "app", "--gpu", "gfx942", "--emit", emit], more].concat())
    };
    let assembly = inspect("asm", &[]);
    for part in ["; kernels::saxpy for gfx942", "; kernels::error_function for gfx942", "s_endpgm"] {
        assert!(assembly.contains(part), "{part}");
    }
    assert!(inspect("llvm-ir", &["--kernel", "kernels::saxpy"]).contains("amdgpu_kernel"));
    let table = inspect("resources", &[]);
    assert!(table.starts_with("KERNEL") && table.lines().count() == 4, "{table}");

    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("saxpy.hsaco");
    inspect("obj", &["--kernel", "saxpy", "-o", file.to_str().expect("UTF-8")]);
    assert!(fs::read(file).expect("written").starts_with(b"\x7fELF"));
    let all = geobacter(&["inspect", "-p", "app", "--gpu", "gfx942", "--emit", "obj"]);
    assert_eq!(all.status.code(), Some(2));
}

/// PTX needs nothing; what becomes of it needs NVIDIA's tools.
#[test]
fn inspect_shows_code_for_nvidia_gpus() {
    let inspect = |emit: &str| geobacter(&["inspect", "-p", "app", "--gpu", "sm_90", "--emit", emit]);
    let ptx = inspect("asm");
    let assembly = text(&ptx.stdout);
    assert!(ptx.status.success() && assembly.contains("// kernels::saxpy for sm_90"), "{}", text(&ptx.stderr));
    assert!(assembly.contains(".target sm_90") && assembly.contains(".entry saxpy("), "{assembly}");
    assert!(text(&inspect("obj").stdout).is_empty(), "it has several kernels");
    let resources = text(&inspect("resources").stdout);
    assert!(resources.starts_with("KERNEL") && resources.contains("REGISTERS"), "{resources}");

    let not_nvidia = geobacter(&["inspect", "-p", "app", "--gpu", "gfx942", "--emit", "sass"]);
    assert_eq!(not_nvidia.status.code(), Some(2));
    assert!(text(&not_nvidia.stderr).contains("SASS is machine code of NVIDIA GPUs"), "{}", text(&not_nvidia.stderr));

    let sass = inspect("sass");
    if !sass.status.success() {
        let reason = text(&sass.stderr);
        assert!(std::env::var_os("GEOBACTER_REQUIRE_TOOLS").is_none(), "this test must not skip here: {reason}");
        assert!(reason.contains("nvidia-cuda-nvcc-cu12") && reason.contains("nvidia-cuda-nvdisasm"), "{reason}");
        assert!(
            resources.contains("With NVIDIA's ptxas on PATH, this table says more.") || reason.contains("nvdisasm`")
        );
        eprintln!("skipped in part: {reason}");
        return;
    }
    assert!(text(&sass.stdout).contains("STG.E") && text(&sass.stdout).contains("EXIT"), "{}", text(&sass.stdout));
    assert!(!resources.contains("this table says more"), "{resources}");
}
