//! Whether this process was forked from the one that opened a device.
//!
//! A child has none of its parent's threads, and HSA's and CUDA's objects do not work in it: waiting would take for
//! ever. The C library tells when a child begins (`pthread_atfork`, POSIX.1-2017); asking for the process's number at
//! each launch would cost a system call.

use std::sync::{
    Once,
    atomic::{AtomicU32, Ordering},
};

/// How many forks lie between this process and the first that asked.
static GENERATION: AtomicU32 = AtomicU32::new(0);

extern "C" fn in_the_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// A number that a forked child has another of.
pub(crate) fn generation() -> u32 {
    static REGISTER: Once = Once::new();
    #[cfg(unix)]
    REGISTER.call_once(|| {
        // SAFETY: the handler does nothing but an atomic addition, which is allowed in the child of a program with
        // threads.
        let error = unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) };
        if error != 0 {
            tracing::warn!(error, "launches from forked children will not be noticed");
        }
    });
    GENERATION.load(Ordering::Relaxed)
}
