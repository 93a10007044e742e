//! Writes a trampoline for every function of the LLVM C API that the toolchain's libLLVM exports.

use std::{env, error::Error, fmt::Write, fs, path::Path, process::Command};

use object::{Object, ObjectSymbol};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let rustc = env::var("RUSTC")?;
    let sysroot = Command::new(rustc).args(["--print", "sysroot"]).output()?;
    let sysroot = String::from_utf8(sysroot.stdout)?;
    let lib = Path::new(sysroot.trim()).join("lib");
    let library = fs::read_dir(&lib)?
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().starts_with("libLLVM.so"))
        .ok_or_else(|| format!("no libLLVM.so* in {}", lib.display()))?;
    println!("cargo:rerun-if-changed={}", library.path().display());

    let bytes = fs::read(library.path())?;
    let file = object::File::parse(&*bytes)?;
    let mut names: Vec<&str> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition() && symbol.kind() == object::SymbolKind::Text)
        .filter_map(|symbol| symbol.name().ok())
        .filter(|name| name.starts_with("LLVM") && name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Err(format!("{} exports no LLVM C API", library.path().display()).into());
    }

    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("trampolines.s"), trampolines(&names, &env::var("CARGO_CFG_TARGET_ARCH")?)?)?;
    fs::write(Path::new(&out).join("names.rs"), format!("&{names:?}"))?;
    Ok(())
}

/// Each name jumps through its word of a table, which holds [`not_loaded`](src/lib.rs) until the library is loaded.
fn trampolines(names: &[&str], arch: &str) -> Result<String, Box<dyn Error>> {
    let mut text = String::from(".text\n");
    for (index, name) in names.iter().enumerate() {
        let slot = format!("geobacter_llvm_table+{}", 8 * index);
        let jump = match arch {
            "x86_64" => format!("jmpq *{slot}(%rip)"),
            "aarch64" => format!("adrp x16, {slot}\n ldr x16, [x16, :lo12:{slot}]\n br x16"),
            other => {
                return Err(
                    format!("no trampolines for {other}: only x86_64 and aarch64 hosts can run the worker").into()
                );
            }
        };
        write!(text, ".globl {name}\n.hidden {name}\n.type {name}, @function\n{name}:\n {jump}\n")?;
    }
    text.push_str(".section .data.rel.geobacter_llvm,\"aw\",@progbits\n.balign 8\n");
    text.push_str(".globl geobacter_llvm_table\n.hidden geobacter_llvm_table\ngeobacter_llvm_table:\n");
    for _ in names {
        text.push_str(" .quad geobacter_llvm_not_loaded\n");
    }
    text.push_str(".text\n");
    Ok(text)
}
