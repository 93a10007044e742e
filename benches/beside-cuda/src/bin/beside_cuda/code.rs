//! Where the code of the kernels in CUDA C++ comes from, and the driver that takes it.

use std::{
    any::Any,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use geobacter::{Device, DeviceKind};
use geobacter_beside_cuda::{
    compiler::{Contraction, Output, nvcc::Nvcc, nvrtc::Nvrtc},
    pair::CudaFile,
};
use geobacter_cuda_driver::{CudaApi, sys::CUdevice};
use geobacter_runtime_cuda::Gpu;

/// Where code comes from.
pub(crate) struct Code {
    source: Source,
    /// Machine code is for hardware; a simulator takes PTX.
    output: Output,
}

enum Source {
    /// Somebody compiled it.
    Folder(PathBuf),
    /// CUDA's compiler.
    Nvcc(Nvcc),
    /// The same as a library.
    Nvrtc(Nvrtc),
}

impl Code {
    /// A folder, if one is given; otherwise a compiler that is here.
    pub(crate) fn find(folder: Option<&Path>, device: &Device) -> anyhow::Result<Self> {
        let output = if device.info().kind == DeviceKind::Simulator { Output::Ptx } else { Output::Cubin };
        let source = match folder {
            Some(folder) => Source::Folder(folder.to_owned()),
            None => match Nvcc::find() {
                Ok(nvcc) => Source::Nvcc(nvcc),
                Err(no_nvcc) => match Nvrtc::load() {
                    Ok(nvrtc) => Source::Nvrtc(nvrtc),
                    Err(no_nvrtc) => bail!("nothing compiles CUDA C++ here: {no_nvcc}; {no_nvrtc}"),
                },
            },
        };
        Ok(Self { source, output })
    }

    /// What a file became.
    pub(crate) fn of(&self, file: CudaFile, capability: u32) -> anyhow::Result<Vec<u8>> {
        match &self.source {
            Source::Folder(folder) => from_folder(folder, file, self.output),
            Source::Nvcc(nvcc) => {
                let folder = tempfile::tempdir().context("no temporary folder")?;
                let path = folder.path().join(format!("{}.cu", file.name));
                fs::write(&path, file.source).with_context(|| format!("cannot write {}", path.display()))?;
                Ok(nvcc.compile(&path, capability, Contraction::Joined, self.output)?)
            }
            Source::Nvrtc(nvrtc) => {
                let name = format!("{}.cu", file.name);
                Ok(nvrtc.compile(&name, file.source, capability, Contraction::Joined, self.output)?)
            }
        }
    }

    /// In words.
    pub(crate) fn description(&self) -> String {
        match &self.source {
            Source::Folder(folder) => format!("compiled before, in {}", folder.display()),
            Source::Nvcc(nvcc) => format!("nvcc -O3, {}", nvcc.version()),
            Source::Nvrtc(nvrtc) => nvrtc.version(),
        }
    }
}

fn from_folder(folder: &Path, file: CudaFile, output: Output) -> anyhow::Result<Vec<u8>> {
    let outputs: &[Output] = match output {
        Output::Ptx => &[Output::Ptx],
        Output::Cubin => &[Output::Cubin, Output::Ptx],
    };
    for output in outputs {
        let path = folder.join(format!("{}.{}", file.name, output.extension()));
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            read => return read.with_context(|| format!("cannot read {}", path.display())),
        }
    }
    bail!("{} holds no code of {}.cu", folder.display(), file.name)
}

/// The driver's functions and the device's number there; `None` for what is no NVIDIA GPU.
pub(crate) fn driver_of(device: &Device) -> Option<(CudaApi, CUdevice)> {
    let driver: &dyn Any = device.driver();
    let (api, number) = driver.downcast_ref::<Gpu>()?.driver_api();
    Some((*api, number))
}
