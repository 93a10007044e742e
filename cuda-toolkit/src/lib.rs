//! Where the programs and libraries of NVIDIA's CUDA toolkit are.
//!
//! Nothing that runs kernels needs the toolkit. `cargo geobacter inspect`, the benchmark beside CUDA C++ and tests use it where it is:
//! installed, or fetched from PyPI by `.ci/nvidia-tools`.

use std::{env, path::PathBuf};

/// A program of the toolkit, for example `ptxas`: the file that the variable named like it (`PTXAS`) says; else the one on `PATH`;
/// else the one in [`folders`]. `None` if there is none.
pub fn program(name: &str) -> Option<PathBuf> {
    let named = || env::var_os(name.to_uppercase()).filter(|path| !path.is_empty()).map(PathBuf::from);
    let on_path =
        || env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file());
    let in_toolkit = || folders().map(|toolkit| toolkit.join("bin").join(name)).find(|path| path.is_file());
    named().or_else(on_path).or_else(in_toolkit)
}

/// Folders in which the toolkit may be: those that `CUDA_HOME` and `CUDA_PATH` name, and the usual one.
pub fn folders() -> impl Iterator<Item = PathBuf> {
    let named = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(env::var_os).filter(|folder| !folder.is_empty());
    named.map(PathBuf::from).chain([PathBuf::from("/usr/local/cuda")])
}
