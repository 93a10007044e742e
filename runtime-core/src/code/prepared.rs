//! Device code before it is needed: all kernels of the program at once.

use std::{
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
};

use geobacter_codegen_client::{CodeRequest, Worker, in_parallel};
use geobacter_spool::{
    archive::{Archive, KernelSummary},
    bundle::{Bundle, BundleKey},
    job::{CompileJob, CompiledKernel},
};

use super::{CACHE, CodeError, DeviceCode, archives_for, cached, new_worker};
use crate::{bundle, device::Device, driver::CodeTarget, launch::LaunchError, preparation::Preparation};

/// What [`prepare_all`] has made, for the first launches to load. It stays: another device of the same kind may want it.
static PREPARED: LazyLock<RwLock<HashMap<BundleKey, DeviceCode>>> = LazyLock::new(RwLock::default);

/// The code that was prepared for this instance.
pub(super) fn find(key: &BundleKey) -> Option<DeviceCode> {
    PREPARED.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

/// Makes device code for every kernel of this program and this device, on all cores, and keeps it until it is launched: from
/// then on a first launch loads code and compiles nothing. Devices that need no code (the host) are ready as they are.
///
/// A kernel with specialisation constants has code for each of their values: that is made by its own `prepare`, which is given them.
///
/// Code that the program carries, or that is in the disk cache, is not made again.
///
/// # Errors
/// [`LaunchError::Driver`] with the first kernel that has no code, and why.
pub fn prepare_all(device: &Device) -> Result<(), LaunchError> {
    let Some(target) = device.driver().code_target() else { return Ok(()) };
    let failed = |kernel, error: CodeError| LaunchError::Driver {
        kernel,
        device: device.id().to_owned(),
        error: Box::new(error.into()),
    };
    prepare(target).map_err(|(kernel, error)| failed(kernel, error))
}

/// [`prepare_all`] on a thread of its own.
pub fn prepare_all_async(device: &Device) -> Preparation {
    let device = device.clone();
    Preparation::start(move || prepare_all(&device))
}

fn prepare(target: CodeTarget<'_>) -> Result<(), (&'static str, CodeError)> {
    let of_all = |error| ("(all of the program)", error);
    let archives = match archives_for(target.isa) {
        // What was built with `--gpu-only` has all that there is.
        Err(CodeError::GpuOnly { .. }) if bundle::targets().contains(&target.isa) => return Ok(()),
        archives => archives.map_err(of_all)?,
    };
    let bundles = bundle::bundles().map_err(|error| of_all(error.clone().into()))?;
    archives.iter().try_for_each(|archive| {
        prepare_archive(archive, bundles, target, |worker: &mut Option<Worker>, job| {
            let worker = match worker {
                Some(worker) => worker,
                none => none.insert(new_worker(archive.producer(), target.isa)?),
            };
            Ok(worker.compile(job)?)
        })
    })
}

/// Makes what neither a bundle nor an earlier call has, with a state for each thread. The error comes with its kernel.
pub(super) fn prepare_archive<'a, S: Default>(
    archive: &'a Archive<'_>,
    bundles: &[Bundle<'_>],
    target: CodeTarget<'_>,
    compile: impl Fn(&mut S, CompileJob) -> Result<CompiledKernel, CodeError> + Sync,
) -> Result<(), (&'a str, CodeError)> {
    let CodeTarget { isa, checked } = target;
    let key = |symbol: &str| BundleKey { symbol: symbol.to_owned(), target: isa.to_owned(), checked };
    let is_missing = |kernel: &KernelSummary<'_>| {
        let key = key(kernel.symbol);
        !bundles.iter().any(|bundle| bundle.contains(&key)) && find(&key).is_none()
    };
    let missing: Vec<_> = archive.summaries().filter(is_missing).collect();
    in_parallel(&missing, |state, summary| {
        let failed = |error| (summary.display_name, error);
        let kernel = archive.kernel(summary.symbol).map_err(|error| failed(error.into()))?;
        let Some(kernel) = kernel else { return Ok(()) };
        let request = CodeRequest::new(kernel, isa, checked, &[]);
        let code = cached(archive.producer(), &request, CACHE.as_ref(), |job| compile(state, job)).map_err(failed)?;
        PREPARED.write().unwrap_or_else(PoisonError::into_inner).insert(key(summary.symbol), code);
        Ok(())
    })
    .map(drop)
}
