//! Options of LLVM that belong to the process, and are set for each job.
//!
//! The worker compiles one kernel at a time.

/// Lets the AMDGPU back end move private arrays to LDS, or not: for what is compiled after this.
pub fn move_private_arrays_to_lds(allowed: bool) {
    let option = if allowed { c"-disable-promote-alloca-to-lds=0" } else { c"-disable-promote-alloca-to-lds=1" };
    let arguments = [c"geobacter".as_ptr(), option.as_ptr()];
    // SAFETY: two C strings, which live forever; no pass runs meanwhile, since the worker does one thing at a time.
    unsafe { llvm_sys::support::LLVMParseCommandLineOptions(2, arguments.as_ptr(), c"".as_ptr()) };
}
