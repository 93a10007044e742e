//! The subcommands that need no project, and the one that makes one.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

fn prepared(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-geobacter"));
    command.arg("geobacter").args(arguments).current_dir(folder);
    command.env("CARGO_NET_OFFLINE", "true").env("NO_COLOR", "1").env("GEOBACTER_CACHE", folder.join("cache"));
    command.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS").env_remove("RUSTC");
    // A gigabyte less on the disk.
    command.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    command
}

fn geobacter(folder: &Path, arguments: &[&str]) -> Output {
    prepared(folder, arguments).output().expect("cargo-geobacter starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_new_project_runs_and_its_tests_pass() {
    let folder = tempfile::tempdir().expect("folder");
    let made = geobacter(folder.path(), &["new", "my-demo"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let project = folder.path().join("my-demo");
    // The versions that this workspace has: newer ones are not there offline.
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    fs::copy(lock, project.join("Cargo.lock")).expect("Cargo.lock");
    // Shared, so that another run of this test is quick.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new");
    let target = target.to_str().expect("UTF-8");

    let run = geobacter(&project, &["run", "--target-dir", target]);
    assert!(run.status.success(), "{}", stderr(&run));
    assert!(stdout(&run).contains("host: [12.0, 24.0, 36.0, 48.0]"), "{}", stdout(&run));
    let results = stdout(&run).lines().filter(|line| line.ends_with(": [12.0, 24.0, 36.0, 48.0]")).count();
    assert_eq!(results, stdout(&run).lines().count());

    let test = geobacter(&project, &["test", "--target-dir", target]);
    assert!(test.status.success(), "{}", stderr(&test));
    assert!(stdout(&test).contains("saxpy_is_the_same_on_every_device ... ok"), "{}", stdout(&test));

    // What it needed is kept, and goes when it shall.
    let list = stdout(&geobacter(&project, &["cache", "list"]));
    assert!(list.contains("code-object") && list.contains("saxpy_") && list.contains(" for gfx942"), "{list}");
    let json: serde_json::Value =
        serde_json::from_slice(&geobacter(&project, &["cache", "list", "--json"]).stdout).expect("JSON");
    let entries = json["entries"].as_array().expect("a list");
    assert!(
        entries.iter().all(|entry| entry["bytes"].as_u64() > Some(0) && entry["used"].as_u64() > Some(0)),
        "{json}"
    );
    let path = stdout(&geobacter(&project, &["cache", "path"]));
    assert_eq!(Path::new(path.trim()), project.join("cache"));
    let clear = stdout(&geobacter(&project, &["cache", "clear"]));
    assert!(clear.contains(&format!("removed {} entries", entries.len())), "{clear}");
    assert!(stdout(&geobacter(&project, &["cache", "clear"])).contains("nothing to remove"));

    let again = geobacter(folder.path(), &["new", "my-demo"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("exists already"), "{}", stderr(&again));
}

#[test]
fn a_name_that_cargo_refuses_is_a_usage_error() {
    let folder = tempfile::tempdir().expect("folder");
    for name in ["1st", "fn", "a b"] {
        let output = geobacter(folder.path(), &["new", name]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stderr(&output).contains("cannot be the name of a package"), "{}", stderr(&output));
    }
    assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 0);
}

#[test]
fn doctor_finds_the_toolchain_and_says_what_to_do_about_the_rest() {
    let folder = tempfile::tempdir().expect("folder");
    let output = geobacter(folder.path(), &["doctor", "--json"]);
    let checks: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let status = |name: &str| {
        let check = checks.as_array().expect("a list").iter().find(|check| check["name"] == name);
        check.unwrap_or_else(|| panic!("no check {name}"))["status"].as_str().expect("a word").to_owned()
    };
    for name in ["toolchain", "libLLVM", "worker", "rust-lld", "linker", "cache"] {
        assert_eq!(status(name), "ok", "{name}: {checks:#}");
    }
    for name in ["HSA library", "AMD driver", "CUDA library", "NVIDIA driver"] {
        assert_ne!(status(name), "fail", "{name}: {checks:#}");
    }
    assert!(output.status.success());

    let text = stdout(&geobacter(folder.path(), &["doctor"]));
    assert!(text.contains("ok    toolchain") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn doctor_fails_without_a_usable_toolchain() {
    let folder = tempfile::tempdir().expect("folder");
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-geobacter"))
        .args(["doctor"])
        .env("RUSTC", "/nowhere/rustc")
        .env("GEOBACTER_CACHE", folder.path())
        .output()
        .expect("cargo-geobacter starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("rustup toolchain install"), "{}", stdout(&output));
}

#[test]
fn a_cache_that_is_off_cannot_be_listed() {
    let program = env!("CARGO_BIN_EXE_cargo-geobacter");
    let output = Command::new(program).args(["cache", "list"]).env("GEOBACTER_CACHE", "off").output().expect("starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("the disk cache is off: unset GEOBACTER_CACHE"), "{}", stderr(&output));
}

#[test]
fn devices_lists_the_host() {
    let folder = tempfile::tempdir().expect("folder");
    let text = stdout(&geobacter(folder.path(), &["devices"]));
    assert!(text.starts_with("DEVICE"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("host ")), "{text}");
    let json: serde_json::Value =
        serde_json::from_slice(&geobacter(folder.path(), &["devices", "--json"]).stdout).expect("JSON");
    assert_eq!(json["present"][0]["id"], "host");
}

#[test]
fn help_teaches_and_a_wrong_command_line_is_a_usage_error() {
    let folder = tempfile::tempdir().expect("folder");
    for arguments in [&["--help"][..], &["run", "--help"], &["inspect", "--help"]] {
        let help = geobacter(folder.path(), arguments);
        assert!(help.status.success() && stdout(&help).contains("Examples:"), "{arguments:?}");
    }
    for arguments in [&[][..], &["frobnicate"], &["inspect", "--emit", "asm"], &["inspect", "--gpu", "gfx942"]] {
        assert_eq!(geobacter(folder.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_folder_without_a_project_is_cargos_error() {
    let folder = tempfile::tempdir().expect("folder");
    let output = geobacter(folder.path(), &["build"]);
    assert_eq!(output.status.code(), Some(101));
    assert!(stderr(&output).contains("Cargo.toml"), "{}", stderr(&output));
}

/// A project that has never heard of kernels, with a library and a program.
fn plain_project(folder: &Path) {
    fs::create_dir_all(folder.join("src")).expect("folder");
    let manifest = "[package]\nname = \"plain\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(folder.join("Cargo.toml"), manifest).expect("manifest");
    fs::write(folder.join("src/lib.rs"), "pub fn answer() -> u32 { 42 }\n").expect("source");
    fs::write(folder.join("src/main.rs"), "fn main() { println!(\"{}\", plain::answer()); }\n").expect("source");
}

fn script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

#[test]
fn the_users_own_rustc_wrapper_stays_in_use() {
    let folder = tempfile::tempdir().expect("folder");
    plain_project(folder.path());
    let (wrapper, log) = (folder.path().join("wrapper"), folder.path().join("log"));
    script(&wrapper, &format!("echo \"$@\" >> {}\nexec \"$@\"", log.display()));
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-geobacter"))
        .arg("run")
        .current_dir(folder.path())
        .env("RUSTC_WRAPPER", &wrapper)
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .expect("cargo-geobacter starts");
    assert_eq!(stdout(&output), "42\n", "{}", stderr(&output));
    let log = fs::read_to_string(log).expect("the wrapper was called");
    assert!(log.contains("--crate-name plain"), "{log}");
    // Kernels may call the library's functions, so its objects carry bitcode.
    assert!(log.contains("-Cembed-bitcode=yes"), "{log}");
}

#[test]
fn a_toolchain_with_another_llvm_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    plain_project(folder.path());
    let rustc = folder.path().join("rustc");
    script(
        &rustc,
        "[ \"$1\" = -vV ] || exec rustc \"$@\"\n\
         echo 'rustc 1.89.0\nhost: x86_64-unknown-linux-gnu\nrelease: 1.89.0\nLLVM version: 20.1.7'",
    );
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-geobacter"))
        .arg("build")
        .current_dir(folder.path())
        .env("RUSTC", &rustc)
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .expect("cargo-geobacter starts");
    assert_eq!(output.status.code(), Some(101));
    for part in ["rustc 1.89.0", "LLVM 20.1.7", "LLVM 22", "1.95.0"] {
        assert!(stderr(&output).contains(part), "{part}: {}", stderr(&output));
    }
}

/// As `cargo geobacter cache list --json | head` leaves it.
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = tempfile::tempdir().expect("folder");
    for arguments in [&["devices"][..], &["devices", "--json"], &["cache", "list"], &["cache", "path"], &["doctor"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = prepared(folder.path(), arguments);
        let output = command.stdout(writer).output().expect("cargo-geobacter starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {}", stderr(&output));
    }
}
