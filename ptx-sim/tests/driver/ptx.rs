//! Kernels in PTX, as the tests need them.

/// Adds a number to each element of a buffer of `u32`.
pub const ADD: &str = "
.version 7.0
.target sm_70
.address_size 64

.visible .entry add(
    .param .u64 add_param_0,
    .param .u32 add_param_1
)
{
    .reg .b32 %r<6>;
    .reg .b64 %rd<5>;
    ld.param.u64 %rd1, [add_param_0];
    ld.param.u32 %r1, [add_param_1];
    cvta.to.global.u64 %rd2, %rd1;
    mov.u32 %r2, %ctaid.x;
    mov.u32 %r3, %ntid.x;
    mov.u32 %r4, %tid.x;
    mad.lo.s32 %r5, %r2, %r3, %r4;
    mul.wide.u32 %rd3, %r5, 4;
    add.s64 %rd4, %rd2, %rd3;
    ld.global.u32 %r2, [%rd4];
    add.u32 %r2, %r2, %r1;
    st.global.u32 [%rd4], %r2;
    ret;
}
";

/// What goes wrong in different ways: a store anywhere, a trap, and a loop without an end.
pub const FAULTS: &str = "
.version 7.0
.target sm_70
.address_size 64
.file 1 \"poke.rs\"

.visible .entry poke(.param .u64 poke_param_0)
{
    .reg .b32 %r<2>;
    .reg .b64 %rd<2>;
    ld.param.u64 %rd1, [poke_param_0];
    mov.u32 %r1, 77;
    .loc 1 42 7
    st.global.u32 [%rd1], %r1;
    ret;
}

.visible .entry stop()
{
    trap;
}

.visible .entry forever()
{
    .reg .b32 %r<2>;
    mov.u32 %r1, 0;
AGAIN:
    add.u32 %r1, %r1, 1;
    bra.uni AGAIN;
}
";

/// Variables, and kernels with shared memory: one writes its threads' numbers backwards through launch-sized shared
/// memory; one declares some itself and needs blocks of 64 threads.
pub const SHARED: &str = "
.version 7.0
.target sm_70
.address_size 64

.visible .global .align 4 .u32 counter = 5;
.visible .const .align 8 .u64 limits[2] = {11, 12};
.shared .align 16 .b8 fixed[512];
.extern .shared .align 16 .b8 sized[];

.visible .entry count()
{
    .reg .b32 %r<2>;
    atom.global.add.u32 %r1, [counter], 1;
    ret;
}

.visible .entry reverse(.param .u64 reverse_param_0)
{
    .reg .b32 %r<8>;
    .reg .b64 %rd<5>;
    ld.param.u64 %rd1, [reverse_param_0];
    mov.u32 %r1, %tid.x;
    mov.u32 %r2, %ntid.x;
    shl.b32 %r3, %r1, 2;
    mov.u32 %r4, sized;
    add.u32 %r5, %r4, %r3;
    st.shared.u32 [%r5], %r1;
    bar.sync 0;
    sub.u32 %r6, %r2, %r1;
    add.u32 %r6, %r6, -1;
    shl.b32 %r6, %r6, 2;
    add.u32 %r6, %r4, %r6;
    ld.shared.u32 %r7, [%r6];
    mul.wide.u32 %rd2, %r1, 4;
    add.s64 %rd3, %rd1, %rd2;
    st.global.u32 [%rd3], %r7;
    ret;
}

.visible .entry of_64()
.reqntid 64, 1, 1
{
    .reg .b32 %r<3>;
    mov.u32 %r1, fixed;
    mov.u32 %r2, %tid.x;
    st.shared.u32 [%r1], %r2;
    ret;
}
";

/// A kernel with so many values of 64 bits at once that no 1024 threads of it have registers.
pub fn greedy() -> String {
    let loads: String =
        (0..60).map(|at| format!("ld.volatile.global.u64 %rd{}, [%rd1+{}];\n", at + 3, at * 8)).collect();
    let sums: String = (0..60).map(|at| format!("add.u64 %rd2, %rd2, %rd{};\n", at + 3)).collect();
    format!(
        "
.version 7.0
.target sm_70
.address_size 64
.visible .entry greedy(.param .u64 greedy_param_0)
{{
    .reg .b64 %rd<64>;
    ld.param.u64 %rd1, [greedy_param_0];
    mov.u64 %rd2, 0;
    {loads}
    {sums}
    st.global.u64 [%rd1], %rd2;
    ret;
}}
"
    )
}
