//! Mistakes, and what the compiler says of each.

#[test]
fn kernels_that_do_not_compile() {
    let tests = trybuild::TestCases::new();
    // With a program that must build, trybuild builds instead of checking: only then is it seen that a closure captures.
    tests.pass("pass/*.rs");
    tests.compile_fail("fail/*.rs");
}
