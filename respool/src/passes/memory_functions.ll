; C's memory functions, one byte at a time. LLVM's loop idiom recognition is off for them ("no-builtins"), or memcpy
; would become a call of itself.

define linkonce_odr i32 @memcmp(ptr %a, ptr %b, i64 %n) #0 {
entry:
  %empty = icmp eq i64 %n, 0
  br i1 %empty, label %equal, label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %more ]
  %pa = getelementptr i8, ptr %a, i64 %i
  %pb = getelementptr i8, ptr %b, i64 %i
  %ca = load i8, ptr %pa, align 1
  %cb = load i8, ptr %pb, align 1
  %same = icmp eq i8 %ca, %cb
  br i1 %same, label %more, label %differ
more:
  %next = add nuw i64 %i, 1
  %done = icmp eq i64 %next, %n
  br i1 %done, label %equal, label %loop
differ:
  %wa = zext i8 %ca to i32
  %wb = zext i8 %cb to i32
  %difference = sub nsw i32 %wa, %wb
  ret i32 %difference
equal:
  ret i32 0
}

define linkonce_odr i32 @bcmp(ptr %a, ptr %b, i64 %n) #0 {
  %r = call i32 @memcmp(ptr %a, ptr %b, i64 %n)
  ret i32 %r
}

define linkonce_odr ptr @memcpy(ptr %to, ptr %from, i64 %n) #0 {
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %n, i1 false)
  ret ptr %to
}

define linkonce_odr ptr @memmove(ptr %to, ptr %from, i64 %n) #0 {
  call void @llvm.memmove.p0.p0.i64(ptr %to, ptr %from, i64 %n, i1 false)
  ret ptr %to
}

define linkonce_odr ptr @memset(ptr %to, i32 %value, i64 %n) #0 {
  %byte = trunc i32 %value to i8
  call void @llvm.memset.p0.i64(ptr %to, i8 %byte, i64 %n, i1 false)
  ret ptr %to
}

define linkonce_odr i64 @strlen(ptr %text) #0 {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %p = getelementptr i8, ptr %text, i64 %i
  %c = load i8, ptr %p, align 1
  %end = icmp eq i8 %c, 0
  %next = add nuw i64 %i, 1
  br i1 %end, label %out, label %loop
out:
  ret i64 %i
}

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

attributes #0 = { nounwind "no-builtins" }
