//! The device code that this program carries beside its archive: what `cargo geobacter build --gpu` put there.
//!
//! The section `geobacter_bundle` is found as [the archive's](crate::archive) is. What is in it needs no worker, no LLVM and no
//! toolchain on the machine that runs the program.

use std::{collections::BTreeSet, slice, sync::OnceLock};

use geobacter_spool::{
    archive::ArchiveError,
    bundle::{Bundle, BundleKey},
    job::Instruction,
};

use crate::code::DeviceCode;

#[used]
#[unsafe(link_section = "geobacter_bundle")]
static SECTION_EXISTS: [u8; 0] = [];

unsafe extern "C" {
    #[link_name = "__start_geobacter_bundle"]
    static START: u8;
    #[link_name = "__stop_geobacter_bundle"]
    static STOP: u8;
}

fn section() -> &'static [u8] {
    // Keeps the section: lld drops one that only the begin and end symbols refer to.
    std::hint::black_box(&SECTION_EXISTS);
    let (start, stop) = (&raw const START, &raw const STOP);
    // SAFETY: the linker defines both symbols as begin and end of one section of the program, which nobody writes to.
    unsafe { slice::from_raw_parts(start, stop.offset_from_unsigned(start)) }
}

/// Whether this program carries no device code.
pub fn is_empty() -> bool {
    section().iter().all(|&byte| byte == 0)
}

/// The bundles of this program, read and checked once.
///
/// # Errors
/// The [`ArchiveError`] of the first time, every time.
pub fn bundles() -> Result<&'static [Bundle<'static>], &'static ArchiveError> {
    static BUNDLES: OnceLock<Result<Vec<Bundle<'static>>, ArchiveError>> = OnceLock::new();
    BUNDLES.get_or_init(|| Bundle::read_section(section())).as_ref().map(Vec::as_slice)
}

/// The targets for which this program carries device code, in order. None if the bundle cannot be read: those who need code
/// from it get the error.
pub fn targets() -> Vec<&'static str> {
    let entries = bundles().unwrap_or_default().iter().flat_map(Bundle::entries);
    let targets: BTreeSet<&str> = entries.map(|entry| entry.key.target.as_str()).collect();
    targets.into_iter().collect()
}

/// The code that the bundles hold under this key.
pub(crate) fn find(bundles: &[Bundle<'_>], key: &BundleKey) -> Result<Option<DeviceCode>, ArchiveError> {
    for bundle in bundles {
        if let Some((code_object, resources)) = bundle.code(key)? {
            return Ok(Some(DeviceCode { code_object: code_object.into(), resources: resources.clone() }));
        }
    }
    Ok(None)
}

/// The text of this machine code, if this program carries it.
///
/// # Errors
/// An [`ArchiveError`] of [`bundles`].
pub fn text(target: &str, code: &[u8]) -> Result<Option<Vec<Instruction>>, ArchiveError> {
    for bundle in bundles().map_err(Clone::clone)? {
        if let Some(text) = bundle.text(target, code)? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}
