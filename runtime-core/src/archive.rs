//! The kernel archive of this program.
//!
//! The link shim puts archives into the section `geobacter_archive`. The linker defines symbols for a section's begin and end
//! if its name is a C identifier and it exists, which a static of this module sees to: so a program that plain cargo built
//! links too, and its section is empty.

use std::{slice, sync::OnceLock};

use geobacter_spool::archive::{Archive, ArchiveError, Kernel};

#[used]
#[unsafe(link_section = "geobacter_archive")]
static SECTION_EXISTS: [u8; 0] = [];

unsafe extern "C" {
    #[link_name = "__start_geobacter_archive"]
    static START: u8;
    #[link_name = "__stop_geobacter_archive"]
    static STOP: u8;
}

fn section() -> &'static [u8] {
    // Keeps the section: lld drops one that only the begin and end symbols refer to.
    std::hint::black_box(&SECTION_EXISTS);
    let (start, stop) = (&raw const START, &raw const STOP);
    // SAFETY: the linker defines both symbols as begin and end of one section of the program, which nobody writes to.
    unsafe { slice::from_raw_parts(start, stop.offset_from_unsigned(start)) }
}

/// Whether this program carries no archive, because it was built by plain cargo.
pub fn is_empty() -> bool {
    section().iter().all(|&byte| byte == 0)
}

/// The archives of this program, read and checked once.
///
/// # Errors
/// The [`ArchiveError`] of the first time, every time.
pub fn archives() -> Result<&'static [Archive<'static>], &'static ArchiveError> {
    static ARCHIVES: OnceLock<Result<Vec<Archive<'static>>, ArchiveError>> = OnceLock::new();
    ARCHIVES.get_or_init(|| Archive::read_section(section())).as_ref().map(Vec::as_slice)
}

/// The symbol that archives and bundles know an instance by. ThinLTO renames what it makes visible to other modules; they were
/// made before it did.
pub(crate) fn archived_symbol(symbol: &str) -> &str {
    symbol.split(".llvm.").next().unwrap_or(symbol)
}

/// The instance with this entry symbol, as its instance record has it, and the archive that holds it.
pub(crate) fn find<'a>(
    archives: &'a [Archive<'a>],
    symbol: &str,
) -> Result<Option<(&'a Archive<'a>, Kernel)>, ArchiveError> {
    let symbol = archived_symbol(symbol);
    for archive in archives {
        if let Some(kernel) = archive.kernel(symbol)? {
            return Ok(Some((archive, kernel)));
        }
    }
    Ok(None)
}
