//! Whole kernels against the host.

mod support;

use support::{Gpu, numbers};

/// How long points of a line take to leave the Mandelbrot set: lanes that part in a loop.
#[test]
fn mandelbrot() {
    const POINTS: usize = 4096;
    const STEP: f32 = 1.0 / 8192.0;
    let gpu = Gpu::of(
        "sm_70",
        ".visible .entry k(.param .u64 out)
        { .reg .pred %p<4>; .reg .b32 %r<20>; .reg .f32 %f<20>; .reg .b64 %rd<4>;
          ld.param.u64 %rd1, [out]; mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; mov.u32 %r3, %tid.x; mad.lo.s32 %r4, %r1, %r2, %r3;
          cvt.rn.f32.u32 %f1, %r4; mul.f32 %f1, %f1, 0f39000000; mov.f32 %f2, 0f00000000; mov.f32 %f3, 0f00000000; mov.u32 %r5, 0;
        L: mul.f32 %f4, %f2, %f2; mul.f32 %f5, %f3, %f3; add.f32 %f6, %f4, %f5; setp.gt.f32 %p1, %f6, 0f40800000; @%p1 bra E;
          sub.f32 %f7, %f4, %f5; add.f32 %f8, %f7, %f1; mul.f32 %f9, %f2, %f3; fma.rn.f32 %f3, %f9, 0f40000000, %f1; mov.f32 %f2, %f8;
          add.s32 %r5, %r5, 1; setp.lt.s32 %p2, %r5, 500; @%p2 bra L;
        E: mul.wide.u32 %rd2, %r4, 4; add.s64 %rd3, %rd1, %rd2; st.global.u32 [%rd3], %r5; ret; }",
    );
    let out = gpu.buffer(&[0; 4 * POINTS]);
    gpu.launch("k", POINTS as u32 / 128, 128, &[out]).unwrap_or_else(|fault| panic!("{fault}"));
    for (number, got) in numbers(&gpu.read(out, 4 * POINTS), 4).into_iter().enumerate() {
        let c = number as f32 * STEP;
        let (mut x, mut y, mut steps) = (0_f32, 0_f32, 0);
        while steps < 500 {
            let (xx, yy) = (x * x, y * y);
            if xx + yy > 4.0 {
                break;
            }
            let next = xx - yy + c;
            y = (x * y).mul_add(2.0, c);
            x = next;
            steps += 1;
        }
        assert_eq!(got, steps, "point {number}");
    }
}
