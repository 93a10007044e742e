//! The instance record: one mutable record for each monomorphised kernel, found without a compiler change.
//!
//! `instance_record!` (in the macro's output) writes the record with inline assembly: a `sym` operand gives the mangled
//! name of the instance's entry function, and beside it stands a word that the runtime uses as its in-process cache.
//! The assembly is emitted once for each inlined copy of the function that holds it, so that function is
//! `#[inline(never)]`, and two records for one instance (two crates that instantiate it) hold the same name.

use core::{ffi::c_void, fmt, slice, str, sync::atomic::AtomicPtr};

/// One kernel instance of this binary.
#[repr(C)]
pub struct InstanceRecord {
    symbol: *const u8,
    symbol_length: usize,
    /// For the runtime: null, or what it has cached for this instance.
    pub cache: AtomicPtr<c_void>,
}

// SAFETY: the symbol is constant data of the binary, and the cache word is atomic.
unsafe impl Sync for InstanceRecord {}

impl InstanceRecord {
    /// Mangled name of the instance's entry function: the key of its archive entry.
    pub fn symbol(&self) -> &'static str {
        // SAFETY: the assembly that makes the record writes pointer and length of a string in constant data; rustc's
        // mangled names are ASCII.
        unsafe { str::from_utf8_unchecked(slice::from_raw_parts(self.symbol, self.symbol_length)) }
    }
}

impl fmt::Debug for InstanceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InstanceRecord").field(&self.symbol()).finish()
    }
}
