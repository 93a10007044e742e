//! `new`: a project with one kernel and one test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};

use crate::{UsageError, print};

/// Words that a package cannot have as its name.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "geobacter",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Makes the project.
pub fn new_project(path: &Path) -> anyhow::Result<ExitCode> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Err(reason) = check_name(name) {
        bail!(UsageError(format!("`{name}` cannot be the name of a package: {reason}")));
    }
    if path.exists() {
        bail!(UsageError(format!("{} exists already; choose another name", path.display())));
    }
    for (file, text) in files(name)? {
        let file = path.join(file);
        let folder = file.parent().unwrap_or(path);
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    print::text(&format!(
        "Created `{name}`. Next:\n  cd {}\n  cargo geobacter run\n  cargo geobacter test\n",
        path.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        Err("it must begin with a letter")
    } else if !name.chars().all(allowed) {
        Err("it may hold letters, digits, `-` and `_` only")
    } else if RESERVED.contains(&name) {
        Err("Rust or cargo use that name themselves")
    } else {
        Ok(())
    }
}

/// Where `geobacter` comes from: the checkout that this program was built from, if it is still there.
fn dependency() -> anyhow::Result<String> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../geobacter");
    Ok(match checkout.canonicalize() {
        Ok(checkout) if checkout.join("Cargo.toml").is_file() => {
            let path = checkout.to_str().context("the path of the checkout is not UTF-8, which cargo needs")?;
            format!("geobacter = {{ path = {}, features = [\"sim\"] }}", serde_json::to_string(path)?)
        }
        _ => format!("geobacter = {{ version = \"{}\", features = [\"sim\"] }}", env!("CARGO_PKG_VERSION")),
    })
}

fn files(name: &str) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let fill = |template: &str| template.replace("{name}", name).replace("{crate}", &name.replace('-', "_"));
    let manifest = fill(include_str!("../templates/Cargo.toml.in")).replace("{dependency}", &dependency()?);
    Ok([
        ("Cargo.toml", manifest),
        ("rust-toolchain.toml", include_str!("../templates/rust-toolchain.toml").to_owned()),
        (".gitignore", "/target\n".to_owned()),
        ("src/lib.rs", fill(include_str!("../templates/lib.rs.in"))),
        ("src/main.rs", fill(include_str!("../templates/main.rs.in"))),
        ("tests/every_device.rs", fill(include_str!("../templates/every_device.rs.in"))),
    ]
    .map(|(file, text)| (file.into(), text))
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_cargo_takes() {
        for good in ["demo", "my-kernels", "a1_b"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "1st", "-x", "a b", "größe", "fn", "std", "a.b", "geobacter"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
