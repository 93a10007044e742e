//! Kernels that LLVM made, from load to result.

mod support;

use support::{Buffer, Program, Shape, compile, have_llvm};

const SAXPY: &str = r#"
define amdgpu_kernel void @saxpy(float %a, ptr addrspace(1) %x, ptr addrspace(1) %y, i32 %n) {
  %l = call i32 @llvm.amdgcn.workitem.id.x()
  %g = call i32 @llvm.amdgcn.workgroup.id.x()
  %g2 = mul i32 %g, 256
  %i = add i32 %g2, %l
  %c = icmp ult i32 %i, %n
  br i1 %c, label %t, label %e
t:
  %i64 = zext i32 %i to i64
  %px = getelementptr float, ptr addrspace(1) %x, i64 %i64
  %py = getelementptr float, ptr addrspace(1) %y, i64 %i64
  %vx = load float, ptr addrspace(1) %px
  %vy = load float, ptr addrspace(1) %py
  %m = fmul float %a, %vx
  %s = fadd float %m, %vy
  store float %s, ptr addrspace(1) %py
  br label %e
e:
  ret void
}
declare i32 @llvm.amdgcn.workitem.id.x()
declare i32 @llvm.amdgcn.workgroup.id.x()
"#;

#[test]
fn saxpy_gives_what_the_host_computes() {
    if !have_llvm() {
        return;
    }
    let program = Program::new(&compile(SAXPY, &[]));
    let n = 1_000_003_u32;
    let x: Vec<f32> = (0..n).map(|i| (i as f32).sin()).collect();
    let y: Vec<f32> = (0..n).map(|i| i as f32 * 0.25).collect();
    let (dx, dy) = (Buffer::new(&x), Buffer::new(&y));
    let a = 2.5_f32;
    let args = [u64::from(a.to_bits()), dx.address as u64, dy.address as u64, u64::from(n)];
    let start = std::time::Instant::now();
    program.launch("saxpy", &args, Shape::linear(n.next_multiple_of(256), 256)).unwrap();
    eprintln!("saxpy of {n} items: {:?}", start.elapsed());
    let expected: Vec<f32> = x.iter().zip(&y).map(|(x, y)| a * x + y).collect();
    assert!(dy.read() == expected);
}

const MANDELBROT: &str = r#"
define amdgpu_kernel void @mandelbrot(ptr addrspace(1) %out, i32 %width) "amdgpu-flat-work-group-size"="256,256" {
  %lx = call range(i32 0, 16) i32 @llvm.amdgcn.workitem.id.x()
  %ly = call range(i32 0, 16) i32 @llvm.amdgcn.workitem.id.y()
  %gx = call i32 @llvm.amdgcn.workgroup.id.x()
  %gy = call i32 @llvm.amdgcn.workgroup.id.y()
  %bx = mul i32 %gx, 16
  %by = mul i32 %gy, 16
  %x = add i32 %bx, %lx
  %y = add i32 %by, %ly
  %fx = uitofp i32 %x to float
  %fy = uitofp i32 %y to float
  %sx = fmul float %fx, 0x3F78000000000000
  %sy = fmul float %fy, 0x3F70000000000000
  %cx = fsub float %sx, 2.0
  %cy = fsub float %sy, 1.0
  br label %loop
loop:
  %zx = phi float [ 0.0, %0 ], [ %nx, %next ]
  %zy = phi float [ 0.0, %0 ], [ %ny, %next ]
  %n = phi i32 [ 0, %0 ], [ %m, %next ]
  %xx = fmul float %zx, %zx
  %yy = fmul float %zy, %zy
  %r = fadd float %xx, %yy
  %in = fcmp ole float %r, 4.0
  %more = icmp ult i32 %n, 256
  %go = and i1 %in, %more
  br i1 %go, label %next, label %done
next:
  %d = fsub float %xx, %yy
  %nx = fadd float %d, %cx
  %xy = fmul float %zx, %zy
  %xy2 = fmul float %xy, 2.0
  %ny = fadd float %xy2, %cy
  %m = add i32 %n, 1
  br label %loop
done:
  %row = mul i32 %y, %width
  %at = add i32 %row, %x
  %at64 = zext i32 %at to i64
  %p = getelementptr i32, ptr addrspace(1) %out, i64 %at64
  store i32 %n, ptr addrspace(1) %p
  ret void
}
declare i32 @llvm.amdgcn.workitem.id.x()
declare i32 @llvm.amdgcn.workitem.id.y()
declare i32 @llvm.amdgcn.workgroup.id.x()
declare i32 @llvm.amdgcn.workgroup.id.y()
"#;

#[test]
fn a_divergent_loop_in_two_dimensions_gives_the_hosts_image() {
    if !have_llvm() {
        return;
    }
    let program = Program::new(&compile(MANDELBROT, &[]));
    let (width, height) = (512_u32, 512_u32);
    let out = Buffer::new(&vec![0_u32; (width * height) as usize]);
    let start = std::time::Instant::now();
    let shape = Shape { grid: [width, height, 1], group: [16, 16, 1], ..Shape::linear(1, 1) };
    program.launch("mandelbrot", &[out.address as u64, u64::from(width)], shape).unwrap();
    eprintln!("mandelbrot {width}x{height}: {:?}", start.elapsed());
    let expected: Vec<u32> = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .map(|(x, y)| {
            let (cx, cy) = (x as f32 * (3.0 / 512.0) - 2.0, y as f32 * (2.0 / 512.0) - 1.0);
            let (mut zx, mut zy, mut n) = (0.0_f32, 0.0_f32, 0);
            while zx * zx + zy * zy <= 4.0 && n < 256 {
                (zx, zy) = (zx * zx - zy * zy + cx, zx * zy * 2.0 + cy);
                n += 1;
            }
            n
        })
        .collect();
    assert!(out.read() == expected);
}

const REDUCTION: &str = r#"
@tile = internal addrspace(3) global [256 x i32] undef, align 16
define amdgpu_kernel void @reduce(ptr addrspace(1) %in, ptr addrspace(1) %out) "amdgpu-flat-work-group-size"="256,256" {
  %l = call range(i32 0, 256) i32 @llvm.amdgcn.workitem.id.x()
  %g = call i32 @llvm.amdgcn.workgroup.id.x()
  %b = mul i32 %g, 256
  %i = add i32 %b, %l
  %i64 = zext i32 %i to i64
  %p = getelementptr i32, ptr addrspace(1) %in, i64 %i64
  %v = load i32, ptr addrspace(1) %p
  %slot = getelementptr [256 x i32], ptr addrspace(3) @tile, i32 0, i32 %l
  store i32 %v, ptr addrspace(3) %slot
  br label %loop
loop:
  %s = phi i32 [ 128, %0 ], [ %half, %join ]
  fence syncscope("workgroup") release
  call void @llvm.amdgcn.s.barrier()
  fence syncscope("workgroup") acquire
  %c = icmp ult i32 %l, %s
  br i1 %c, label %add, label %join
add:
  %o = add i32 %l, %s
  %other = getelementptr [256 x i32], ptr addrspace(3) @tile, i32 0, i32 %o
  %x = load i32, ptr addrspace(3) %slot
  %y = load i32, ptr addrspace(3) %other
  %sum = add i32 %x, %y
  store i32 %sum, ptr addrspace(3) %slot
  br label %join
join:
  %half = lshr i32 %s, 1
  %again = icmp ne i32 %half, 0
  br i1 %again, label %loop, label %done
done:
  %first = icmp eq i32 %l, 0
  br i1 %first, label %write, label %end
write:
  %total = load i32, ptr addrspace(3) @tile
  %old = atomicrmw add ptr addrspace(1) %out, i32 %total syncscope("agent") monotonic
  br label %end
end:
  ret void
}
declare i32 @llvm.amdgcn.workitem.id.x()
declare i32 @llvm.amdgcn.workgroup.id.x()
declare void @llvm.amdgcn.s.barrier()
"#;

#[test]
fn lds_barriers_and_atomics_work_together() {
    if !have_llvm() {
        return;
    }
    let program = Program::new(&compile(REDUCTION, &[]));
    let values: Vec<u32> = (0..256 * 100_u32).map(|i| i.wrapping_mul(2_654_435_761) >> 7).collect();
    let (input, out) = (Buffer::new(&values), Buffer::new(&[0_u32]));
    let args = [input.address as u64, out.address as u64];
    program.launch("reduce", &args, Shape::linear(values.len() as u32, 256)).unwrap();
    assert_eq!(out.read(), [values.iter().fold(0, |sum: u32, x| sum.wrapping_add(*x))]);
}
