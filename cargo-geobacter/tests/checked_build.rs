//! `GEOBACTER_CHECK=1`: which crates see it, beside which flags, and in which folder.

use std::{fs, path::Path, process::Command};

/// Runs the program in `folder` with these variables, and gives what it prints.
fn run(folder: &Path, variables: &[(&str, &str)]) -> String {
    let mut cargo = Command::new(env!("CARGO_BIN_EXE_cargo-geobacter"));
    cargo.args(["run", "--release", "--quiet"]).current_dir(folder);
    for name in
        ["GEOBACTER_CHECK", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"]
    {
        cargo.env_remove(name);
    }
    let output = cargo.envs(variables.iter().copied()).output().expect("cargo-geobacter starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

#[test]
fn every_crate_is_checked_and_the_users_flags_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        fs::write(path, text).expect("file");
    };
    write(
        "Cargo.toml",
        "[package]\nname = \"app\"\nedition = \"2024\"\n[dependencies]\nlibrary = { path = \"library\" }\n[workspace]\n",
    );
    write("library/Cargo.toml", "[package]\nname = \"library\"\nedition = \"2024\"\n");
    let seen = "#![allow(unexpected_cfgs)]\npub fn seen() -> [bool; 2] { [cfg!(geobacter_check), cfg!(mine)] }\n";
    write("library/src/lib.rs", seen);
    write("src/main.rs", &format!("{seen}fn main() {{ println!(\"{{:?}} {{:?}}\", seen(), library::seen()); }}\n"));

    let (check, mine) = (("GEOBACTER_CHECK", "1"), ("RUSTFLAGS", "--cfg mine"));
    assert_eq!(run(folder.path(), &[]), "[false, false] [false, false]");
    assert_eq!(run(folder.path(), &[check]), "[true, false] [true, false]");
    assert_eq!(run(folder.path(), &[check, mine]), "[true, true] [true, true]");
    assert_eq!(run(folder.path(), &[mine]), "[false, true] [false, true]");
    for off in ["0", ""] {
        assert_eq!(run(folder.path(), &[("GEOBACTER_CHECK", off)]), "[false, false] [false, false]");
    }

    // Flags of the configuration count, too.
    write(".cargo/config.toml", "[build]\nrustflags = [\"--cfg\", \"mine\"]\n");
    assert_eq!(run(folder.path(), &[check]), "[true, true] [true, true]");

    for name in ["geobacter", "geobacter-checked"] {
        assert!(folder.path().join("target").join(name).join("release/app").is_file(), "{name}");
    }
}
