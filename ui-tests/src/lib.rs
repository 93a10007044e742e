//! Compile-fail and snapshot tests of the kernel language.
