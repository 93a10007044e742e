//! The instance record: one mutable record for each monomorphised kernel, found without a compiler change.
//!
//! `instance_record!` (in the output of `#[kernel]`) writes the record with inline assembly: a `sym` operand gives the mangled
//! name of the instance's entry function, and beside it stands a word that the runtime uses as its in-process cache.
//! The assembly is emitted once for each inlined copy of the function that holds it, so that function is
//! `#[inline(never)]`, and two records for one instance (two crates that instantiate it) hold the same name.

use core::{ffi::c_void, fmt, slice, str, sync::atomic::AtomicPtr};

use crate::InstanceId;

/// One kernel instance of this binary.
#[repr(C)]
pub struct InstanceRecord {
    symbol: *const u8,
    symbol_length: usize,
    cache: AtomicPtr<c_void>,
}

// SAFETY: Rust's own: the symbol is constant data of the binary, and the cache word is atomic.
unsafe impl Sync for InstanceRecord {}

impl InstanceRecord {
    /// What names the instance.
    pub fn id(&self) -> InstanceId {
        // SAFETY: contract of `instance_record!`: it is the entry function's symbol.
        unsafe { InstanceId::from_symbol(self.symbol()) }
    }

    /// Mangled name of the instance's entry function: the key of its archive entry.
    pub fn symbol(&self) -> &'static str {
        // SAFETY: contract of `instance_record!`: the assembly that makes the record writes pointer and length of a string in constant data; rustc's
        // mangled names are ASCII.
        unsafe { str::from_utf8_unchecked(slice::from_raw_parts(self.symbol, self.symbol_length)) }
    }
}

impl InstanceRecord {
    /// The runtime's word: null, or what it has cached for this instance.
    ///
    /// # Safety
    /// For `geobacter-runtime-core` alone, which believes what stands there; others only read it.
    #[doc(hidden)]
    pub unsafe fn cache(&self) -> &AtomicPtr<c_void> {
        &self.cache
    }
}

impl fmt::Debug for InstanceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InstanceRecord").field(&self.symbol()).finish()
    }
}

/// The record of a kernel instance, given the path of its entry function with all generic arguments. For `#[kernel]` only:
/// the function that holds it must be `#[inline(never)]` and generic over exactly what the entry function is.
#[doc(hidden)]
#[macro_export]
macro_rules! instance_record {
    ($($entry:tt)*) => {{
        let record: *const $crate::InstanceRecord;
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        // SAFETY: Rust's own: the assembly reads and changes nothing; it defines constant data and the record, and takes its address.
        unsafe {
            ::core::arch::asm!(
                ".pushsection .rodata.geobacter.instance,\"a\",@progbits",
                "777: .ascii \"{symbol}\"",
                "778: .popsection",
                ".pushsection .data.geobacter.instance,\"aw\",@progbits",
                ".balign 8",
                "779: .quad 777b, 778b - 777b, 0",
                ".popsection",
                "lea {record}, [rip + 779b]",
                symbol = sym $($entry)*,
                record = out(reg) record,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        #[cfg(all(target_os = "linux", target_arch = "aarch64"))]
        // SAFETY: as above.
        unsafe {
            ::core::arch::asm!(
                ".pushsection .rodata.geobacter.instance,\"a\",@progbits",
                "777: .ascii \"{symbol}\"",
                "778: .popsection",
                ".pushsection .data.geobacter.instance,\"aw\",@progbits",
                ".balign 8",
                "779: .quad 777b, 778b - 777b, 0",
                ".popsection",
                "adrp {record}, 779b",
                "add {record}, {record}, :lo12:779b",
                symbol = sym $($entry)*,
                record = out(reg) record,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
        ::core::compile_error!("geobacter kernels can be built on x86_64 and aarch64 Linux only");
        // SAFETY: Rust's own: the assembly above made the record, in the layout of `InstanceRecord`; it lives as long as the program.
        unsafe { &*record }
    }};
}
