//! Links a code object with the toolchain's `rust-lld`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::error::Error;

/// The `rust-lld` of the toolchain at this sysroot: it lies in the folder of the host's triple.
pub fn find_linker(sysroot: &Path) -> PathBuf {
    let rustlib = sysroot.join("lib/rustlib");
    let hosts = fs::read_dir(&rustlib).into_iter().flatten().filter_map(Result::ok);
    hosts
        .map(|host| host.path().join("bin/rust-lld"))
        .find(|path| path.is_file())
        .unwrap_or_else(|| rustlib.join("HOST/bin/rust-lld"))
}

pub fn link(kernel: &str, target: &str, object: &[u8], sysroot: &Path) -> Result<Vec<u8>, Error> {
    let linker = find_linker(sysroot);
    let failed = |reason: String| Error::Link {
        kernel: kernel.to_owned(),
        target: target.to_owned(),
        linker: linker.clone(),
        reason,
    };
    let io_failed = |error: io::Error| failed(error.to_string());
    let folder = tempfile::tempdir().map_err(io_failed)?;
    let (input, output) = (folder.path().join("kernel.o"), folder.path().join("kernel.hsaco"));
    fs::write(&input, object).map_err(io_failed)?;
    let result = Command::new(&linker)
        .args(["-flavor", "gnu", "-shared", "--no-undefined", "-o"])
        .args([&output, &input])
        .output()
        .map_err(io_failed)?;
    if !result.status.success() {
        return Err(failed(String::from_utf8_lossy(&result.stderr).trim().to_owned()));
    }
    fs::read(&output).map_err(io_failed)
}
