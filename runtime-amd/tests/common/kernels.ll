; Small kernels for the tests, compiled by llc and linked by ld.lld when they are installed.
; Kernarg layouts are those of the `ptr addrspace(1)` and `i32` parameters, in order.

target triple = "amdgcn-amd-amdhsa"

; The host resolves a fault record's distances against it.
@__geobacter_anchor = protected addrspace(4) constant i8 0

@tile = internal addrspace(3) global [64 x i32] undef

declare i32 @llvm.amdgcn.workitem.id.x()
declare i32 @llvm.amdgcn.workgroup.id.x()
declare ptr addrspace(4) @llvm.amdgcn.implicitarg.ptr()
declare void @llvm.amdgcn.s.barrier()
declare void @llvm.amdgcn.endpgm()

; out[i] = 2 * in[i] + bias, for i < count
define amdgpu_kernel void @affine(ptr addrspace(1) %in, ptr addrspace(1) %out, i32 %bias, i32 %count) #0 {
  %item = call i32 @llvm.amdgcn.workitem.id.x()
  %group = call i32 @llvm.amdgcn.workgroup.id.x()
  %base = mul i32 %group, 64
  %i = add i32 %base, %item
  %inside = icmp ult i32 %i, %count
  br i1 %inside, label %body, label %end
body:
  %wide = zext i32 %i to i64
  %from = getelementptr i32, ptr addrspace(1) %in, i64 %wide
  %x = load i32, ptr addrspace(1) %from
  %double = shl i32 %x, 1
  %y = add i32 %double, %bias
  %to = getelementptr i32, ptr addrspace(1) %out, i64 %wide
  store i32 %y, ptr addrspace(1) %to
  br label %end
end:
  ret void
}

; out[group * 64 + item] = group * 64 + 63 - item, by way of LDS
define amdgpu_kernel void @reverse(ptr addrspace(1) %out) #0 {
  %item = call i32 @llvm.amdgcn.workitem.id.x()
  %group = call i32 @llvm.amdgcn.workgroup.id.x()
  %base = mul i32 %group, 64
  %i = add i32 %base, %item
  %mine = getelementptr [64 x i32], ptr addrspace(3) @tile, i32 0, i32 %item
  store i32 %i, ptr addrspace(3) %mine
  fence syncscope("workgroup") release
  call void @llvm.amdgcn.s.barrier()
  fence syncscope("workgroup") acquire
  %opposite = sub i32 63, %item
  %other = getelementptr [64 x i32], ptr addrspace(3) @tile, i32 0, i32 %opposite
  %x = load i32, ptr addrspace(3) %other
  %wide = zext i32 %i to i64
  %to = getelementptr i32, ptr addrspace(1) %out, i64 %wide
  store i32 %x, ptr addrspace(1) %to
  ret void
}

; Copies what the runtime says of the grid: block counts, group sizes, remainders, dimensions.
define amdgpu_kernel void @hidden(ptr addrspace(1) %out) #0 {
  %implicit = call ptr addrspace(4) @llvm.amdgcn.implicitarg.ptr()
  %cy.at = getelementptr i8, ptr addrspace(4) %implicit, i64 4
  %cz.at = getelementptr i8, ptr addrspace(4) %implicit, i64 8
  %gx.at = getelementptr i8, ptr addrspace(4) %implicit, i64 12
  %gy.at = getelementptr i8, ptr addrspace(4) %implicit, i64 14
  %gz.at = getelementptr i8, ptr addrspace(4) %implicit, i64 16
  %rx.at = getelementptr i8, ptr addrspace(4) %implicit, i64 18
  %dims.at = getelementptr i8, ptr addrspace(4) %implicit, i64 64
  %cx = load i32, ptr addrspace(4) %implicit
  %cy = load i32, ptr addrspace(4) %cy.at
  %cz = load i32, ptr addrspace(4) %cz.at
  %gx16 = load i16, ptr addrspace(4) %gx.at
  %gy16 = load i16, ptr addrspace(4) %gy.at
  %gz16 = load i16, ptr addrspace(4) %gz.at
  %rx16 = load i16, ptr addrspace(4) %rx.at
  %dims16 = load i16, ptr addrspace(4) %dims.at
  %gx = zext i16 %gx16 to i32
  %gy = zext i16 %gy16 to i32
  %gz = zext i16 %gz16 to i32
  %rx = zext i16 %rx16 to i32
  %dims = zext i16 %dims16 to i32
  store i32 %cx, ptr addrspace(1) %out
  %o1 = getelementptr i32, ptr addrspace(1) %out, i64 1
  store i32 %cy, ptr addrspace(1) %o1
  %o2 = getelementptr i32, ptr addrspace(1) %out, i64 2
  store i32 %cz, ptr addrspace(1) %o2
  %o3 = getelementptr i32, ptr addrspace(1) %out, i64 3
  store i32 %gx, ptr addrspace(1) %o3
  %o4 = getelementptr i32, ptr addrspace(1) %out, i64 4
  store i32 %gy, ptr addrspace(1) %o4
  %o5 = getelementptr i32, ptr addrspace(1) %out, i64 5
  store i32 %gz, ptr addrspace(1) %o5
  %o6 = getelementptr i32, ptr addrspace(1) %out, i64 6
  store i32 %rx, ptr addrspace(1) %o6
  %o7 = getelementptr i32, ptr addrspace(1) %out, i64 7
  store i32 %dims, ptr addrspace(1) %o7
  ret void
}

; Item 5 of group 2 claims the fault record: index 12 out of bounds for length 10.
define amdgpu_kernel void @panics(ptr addrspace(1) %out) #0 {
  %item = call i32 @llvm.amdgcn.workitem.id.x()
  %group = call i32 @llvm.amdgcn.workgroup.id.x()
  %implicit = call ptr addrspace(4) @llvm.amdgcn.implicitarg.ptr()
  %slot = getelementptr i8, ptr addrspace(4) %implicit, i64 72
  %record = load ptr addrspace(1), ptr addrspace(4) %slot
  %is.item = icmp eq i32 %item, 5
  %is.group = icmp eq i32 %group, 2
  %chosen = and i1 %is.item, %is.group
  br i1 %chosen, label %claim, label %end
claim:
  %old = atomicrmw xchg ptr addrspace(1) %record, i32 1 syncscope("one-as") monotonic
  %first = icmp eq i32 %old, 0
  br i1 %first, label %fill, label %end
fill:
  %kind = getelementptr i8, ptr addrspace(1) %record, i64 4
  store i32 3, ptr addrspace(1) %kind
  %index = getelementptr i8, ptr addrspace(1) %record, i64 64
  store i64 12, ptr addrspace(1) %index
  %length = getelementptr i8, ptr addrspace(1) %record, i64 88
  store i64 10, ptr addrspace(1) %length
  %group.at = getelementptr i8, ptr addrspace(1) %record, i64 40
  store i32 %group, ptr addrspace(1) %group.at
  %item.at = getelementptr i8, ptr addrspace(1) %record, i64 52
  store i32 %item, ptr addrspace(1) %item.at
  br label %end
end:
  ret void
}

; Writes one word at the address that it gets.
define amdgpu_kernel void @poke(ptr addrspace(1) %at) #0 {
  store i32 1, ptr addrspace(1) %at
  ret void
}

; Runs until the word at the address is not zero, which is never.
define amdgpu_kernel void @endless(ptr addrspace(1) %at) #0 {
entry:
  br label %loop
loop:
  %x = load volatile i32, ptr addrspace(1) %at
  %stop = icmp ne i32 %x, 0
  br i1 %stop, label %end, label %loop
end:
  ret void
}

; 1 + 2 + .. + n, each step with its own frame.
define internal i32 @sum(i32 %n) #1 {
  %frame = alloca [8 x i32], align 4, addrspace(5)
  %place = and i32 %n, 7
  %mine = getelementptr [8 x i32], ptr addrspace(5) %frame, i32 0, i32 %place
  store volatile i32 %n, ptr addrspace(5) %mine
  %done = icmp eq i32 %n, 0
  br i1 %done, label %end, label %step
step:
  %less = sub i32 %n, 1
  %rest = call i32 @sum(i32 %less)
  %own = load volatile i32, ptr addrspace(5) %mine
  %total = add i32 %own, %rest
  ret i32 %total
end:
  ret i32 0
}

; out[item] = 1 + 2 + .. + (depth + item)
define amdgpu_kernel void @recurse(ptr addrspace(1) %out, i32 %depth) #0 {
  %item = call i32 @llvm.amdgcn.workitem.id.x()
  %n = add i32 %depth, %item
  %total = call i32 @sum(i32 %n)
  %wide = zext i32 %item to i64
  %to = getelementptr i32, ptr addrspace(1) %out, i64 %wide
  store i32 %total, ptr addrspace(1) %to
  ret void
}

attributes #0 = { convergent nounwind "amdgpu-flat-work-group-size"="1,64" }
attributes #1 = { convergent nounwind noinline optnone }

!llvm.module.flags = !{!0}
!0 = !{i32 1, !"amdhsa_code_object_version", i32 500}

; The metadata name the slot of the fault record, `hidden_printf_buffer`, only in a module that has this list.
!llvm.printf.fmts = !{}
