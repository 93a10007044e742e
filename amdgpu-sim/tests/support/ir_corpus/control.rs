//! Control flow, calls and the stack.

use super::{
    case::Case,
    inputs::Domain,
    types::{Scalar, Ty},
};

/// Name, highest value of `%a` and 1, body, and functions. Arguments are three `i32`, so is the result.
const FLOWS: &[(&str, u32, &str, &str)] = &[
    (
        "branch",
        u32::MAX,
        "%odd = trunc i32 %a to i1\nbr i1 %odd, label %then, label %else\nthen:\n%x = mul i32 %b, 3\nbr label %join\n\
         else:\n%y = xor i32 %c, %b\nbr label %join\njoin:\n%r = phi i32 [ %x, %then ], [ %y, %else ]",
        "",
    ),
    (
        "nested_branches",
        u32::MAX,
        "%p = icmp ult i32 %a, %b\nbr i1 %p, label %one, label %two\none:\n%q = icmp slt i32 %b, %c\n\
         br i1 %q, label %three, label %four\ntwo:\n%s = icmp eq i32 %a, %c\nbr i1 %s, label %four, label %join\n\
         three:\n%x = add i32 %a, 7\nbr label %join\nfour:\n%f = phi i32 [ %b, %one ], [ %c, %two ]\n%y = shl i32 %f, 2\n\
         br label %join\njoin:\n%r = phi i32 [ %a, %two ], [ %x, %three ], [ %y, %four ]",
        "",
    ),
    (
        "switch",
        12,
        "switch i32 %a, label %other [ i32 0, label %zero i32 1, label %one i32 2, label %two i32 3, label %one \
         i32 5, label %five i32 6, label %two i32 9, label %zero ]\nzero:\nbr label %join\none:\n%x = add i32 %b, 11\n\
         br label %join\ntwo:\n%y = mul i32 %b, %c\nbr label %join\nfive:\n%z = sub i32 %c, %b\nbr label %join\nother:\n\
         %w = xor i32 %b, 99\nbr label %join\njoin:\n\
         %r = phi i32 [ 77, %zero ], [ %x, %one ], [ %y, %two ], [ %z, %five ], [ %w, %other ]",
        "",
    ),
    (
        "loop",
        50,
        "br label %again\nagain:\n%i = phi i32 [ 0, %entry ], [ %n, %again ]\n%s = phi i32 [ %b, %entry ], [ %t, %again ]\n\
         %u = mul i32 %s, 1664525\n%t = add i32 %u, %i\n%n = add i32 %i, 1\n%go = icmp ult i32 %n, %a\n\
         br i1 %go, label %again, label %done\ndone:\n%r = xor i32 %t, %c",
        "",
    ),
    (
        "loop_with_breaks",
        60,
        "br label %again\nagain:\n%i = phi i32 [ 0, %entry ], [ %n, %next ]\n%s = phi i32 [ %b, %entry ], [ %t, %next ]\n\
         %over = icmp uge i32 %i, %a\nbr i1 %over, label %done, label %body\nbody:\n%m = and i32 %s, 31\n\
         %hit = icmp eq i32 %m, 5\nbr i1 %hit, label %found, label %more\nmore:\n%bit = and i32 %s, 1\n\
         %odd = icmp ne i32 %bit, 0\nbr i1 %odd, label %shrink, label %grow\nshrink:\n%x = lshr i32 %s, 1\nbr label %next\n\
         grow:\n%y0 = mul i32 %s, 5\n%y = add i32 %y0, 3\nbr label %next\nnext:\n\
         %t = phi i32 [ %x, %shrink ], [ %y, %grow ]\n%n = add i32 %i, 1\nbr label %again\nfound:\n%f = add i32 %i, 1000\n\
         br label %done\ndone:\n%r = phi i32 [ %s, %again ], [ %f, %found ]",
        "",
    ),
    (
        "nested_loops",
        9,
        "br label %outer\nouter:\n%i = phi i32 [ 0, %entry ], [ %in, %latch ]\n%s = phi i32 [ %b, %entry ], [ %t, %latch ]\n\
         br label %inner\ninner:\n%j = phi i32 [ 0, %outer ], [ %jn, %inner ]\n%u = phi i32 [ %s, %outer ], [ %v, %inner ]\n\
         %w = xor i32 %u, %j\n%v = mul i32 %w, 69069\n%jn = add i32 %j, 1\n%jgo = icmp ult i32 %jn, %i\n\
         br i1 %jgo, label %inner, label %latch\nlatch:\n%t = add i32 %v, %c\n%in = add i32 %i, 1\n\
         %igo = icmp ult i32 %in, %a\nbr i1 %igo, label %outer, label %done\ndone:\n%r = freeze i32 %t",
        "",
    ),
    (
        "call",
        u32::MAX,
        "%x = call i32 @f_$NAME(i32 %a, i32 %b)\n%y = call i32 @f_$NAME(i32 %x, i32 %c)\n%r = add i32 %x, %y",
        "define internal i32 @f_$NAME(i32 %p, i32 %q) noinline {\n%x = mul i32 %p, 31\n%y = xor i32 %x, %q\nret i32 %y\n}\n",
    ),
    (
        "call_with_many_arguments",
        u32::MAX,
        "%r = call i32 @f_$NAME(i32 %a, i32 %b, i32 %c, i32 %a, i32 %b, i32 %c, i32 %a, i32 %b, i32 %c, i32 %a, i32 %b, \
         i32 %c, i32 %a, i32 %b, i32 %c, i32 %a, i32 %b, i32 %c, i32 %a, i32 %b, i32 %c, i32 %a, i32 %b, i32 %c, i32 %a, \
         i32 %b, i32 %c, i32 %a, i32 %b, i32 %c, i32 %a, i32 %b, i64 77, <4 x i32> <i32 1, i32 2, i32 3, i32 4>)",
        "define internal i32 @f_$NAME(i32 %p0, i32 %p1, i32 %p2, i32 %p3, i32 %p4, i32 %p5, i32 %p6, i32 %p7, i32 %p8, \
         i32 %p9, i32 %p10, i32 %p11, i32 %p12, i32 %p13, i32 %p14, i32 %p15, i32 %p16, i32 %p17, i32 %p18, i32 %p19, \
         i32 %p20, i32 %p21, i32 %p22, i32 %p23, i32 %p24, i32 %p25, i32 %p26, i32 %p27, i32 %p28, i32 %p29, i32 %p30, \
         i32 %p31, i64 %w, <4 x i32> %v) noinline {\n%x = mul i32 %p0, %p31\n%y = sub i32 %x, %p29\n\
         %n = trunc i64 %w to i32\n%z = xor i32 %y, %n\n%e = extractelement <4 x i32> %v, i32 3\n%s = shl i32 %z, %e\n\
         ret i32 %s\n}\n",
    ),
    (
        "recursion",
        11,
        "%x = call i32 @f_$NAME(i32 %a)\n%y = add i32 %x, %b\n%r = xor i32 %y, %c",
        "define internal i32 @f_$NAME(i32 %n) noinline {\nentry:\n%small = icmp ult i32 %n, 2\n\
         br i1 %small, label %base, label %step\nbase:\nret i32 %n\nstep:\n%p = sub i32 %n, 1\n\
         %x = call i32 @f_$NAME(i32 %p)\n%q = sub i32 %n, 2\n%y = call i32 @f_$NAME(i32 %q)\n%s = add i32 %x, %y\n\
         ret i32 %s\n}\n",
    ),
    (
        "tail_call",
        40,
        "%r = call i32 @f_$NAME(i32 %a, i32 %b)",
        "define internal i32 @f_$NAME(i32 %n, i32 %s) noinline {\nentry:\n%end = icmp eq i32 %n, 0\n\
         br i1 %end, label %base, label %step\nbase:\nret i32 %s\nstep:\n%p = sub i32 %n, 1\n%t = mul i32 %s, 3\n\
         %u = add i32 %t, %n\n%x = tail call i32 @f_$NAME(i32 %p, i32 %u)\nret i32 %x\n}\n",
    ),
    (
        "indirect_call",
        u32::MAX,
        "%even = trunc i32 %a to i1\n%f = select i1 %even, ptr @f_$NAME, ptr @g_$NAME\n%r = call i32 %f(i32 %b, i32 %c)",
        "define internal i32 @f_$NAME(i32 %p, i32 %q) noinline {\n%x = mul i32 %p, %q\nret i32 %x\n}\n\
         define internal i32 @g_$NAME(i32 %p, i32 %q) noinline {\n%x = sub i32 %p, %q\nret i32 %x\n}\n",
    ),
    (
        "stack_by_reference",
        u32::MAX,
        "%s = alloca [4 x i32], align 4$A5\nstore i32 %a, $P5 %s\n%t = getelementptr i32, $P5 %s, i32 3\n\
         store i32 %b, $P5 %t\ncall void @f_$NAME($P5 %s, i32 %c)\n%x = load i32, $P5 %s\n%y = load i32, $P5 %t\n\
         %r = sub i32 %x, %y",
        "define internal void @f_$NAME($P5 %p, i32 %v) noinline {\n%x = load i32, $P5 %p\n%y = add i32 %x, %v\n\
         store i32 %y, $P5 %p\n%q = getelementptr i32, $P5 %p, i32 3\nstore i32 %v, $P5 %q\nret void\n}\n",
    ),
    (
        "struct_by_value_and_returned",
        u32::MAX,
        "%i = alloca { i32, i64, i8 }, align 8$A5\n%o = alloca { i32, i32 }, align 8$A5\nstore i32 %a, $P5 %i\n\
         %j = getelementptr { i32, i64, i8 }, $P5 %i, i32 0, i32 1\n%w = zext i32 %b to i64\nstore i64 %w, $P5 %j\n\
         call void @f_$NAME($P5 sret({ i32, i32 }) align 8 %o, $P5 byval({ i32, i64, i8 }) align 8 %i)\n\
         %k = getelementptr { i32, i32 }, $P5 %o, i32 0, i32 1\n%x = load i32, $P5 %o\n%y = load i32, $P5 %k\n\
         %z = xor i32 %x, %y\n%r = add i32 %z, %c",
        "define internal void @f_$NAME($P5 sret({ i32, i32 }) align 8 %o, $P5 byval({ i32, i64, i8 }) align 8 %i) noinline {\n\
         %x = load i32, $P5 %i\n%j = getelementptr { i32, i64, i8 }, $P5 %i, i32 0, i32 1\n%w = load i64, $P5 %j\n\
         %n = trunc i64 %w to i32\n%s = mul i32 %n, 7\nstore i32 %s, $P5 %o\n\
         %k = getelementptr { i32, i32 }, $P5 %o, i32 0, i32 1\nstore i32 %x, $P5 %k\nret void\n}\n",
    ),
    (
        "stack_indexed",
        16,
        "%s = alloca [16 x i32], align 4$A5\nbr label %fill\nfill:\n%i = phi i32 [ 0, %entry ], [ %n, %fill ]\n\
         %p = getelementptr i32, $P5 %s, i32 %i\n%v = mul i32 %i, %b\nstore volatile i32 %v, $P5 %p\n%n = add i32 %i, 1\n\
         %go = icmp ult i32 %n, 16\nbr i1 %go, label %fill, label %read\nread:\n%m = and i32 %a, 15\n\
         %q = getelementptr i32, $P5 %s, i32 %m\n%x = load volatile i32, $P5 %q\n%r = xor i32 %x, %c",
        "",
    ),
    (
        "dynamic_stack",
        40,
        "%n = add i32 %a, 1\n%s = alloca i32, i32 %n, align 4$A5\n%p = getelementptr i32, $P5 %s, i32 %a\n\
         store volatile i32 %b, $P5 %s\nstore volatile i32 %c, $P5 %p\n%x = load volatile i32, $P5 %s\n\
         %y = load volatile i32, $P5 %p\n%r = sub i32 %x, %y",
        "",
    ),
    (
        "saved_stack",
        30,
        "%k = call $P5 @llvm.stacksave.$KP()\n%n = add i32 %a, 1\n%s = alloca i32, i32 %n, align 4$A5\n\
         store volatile i32 %b, $P5 %s\n%x = load volatile i32, $P5 %s\ncall void @llvm.stackrestore.$KP($P5 %k)\n\
         %r = add i32 %x, %c",
        "",
    ),
    (
        "constant_table",
        8,
        "%m = and i32 %a, 7\n%p = getelementptr [8 x i32], $P4 @t_$NAME, i32 0, i32 %m\n%x = load i32, $P4 %p\n\
         %y = mul i32 %x, %b\n%r = add i32 %y, %c",
        "@t_$NAME = internal $G4 [8 x i32] [i32 3, i32 1, i32 4, i32 1, i32 5, i32 9, i32 2, i32 6], align 4\n",
    ),
    (
        "long_jump_table",
        20,
        "switch i32 %a, label %other [ i32 0, label %c0 i32 1, label %c1 i32 2, label %c2 i32 3, label %c3 i32 4, label %c4 \
         i32 5, label %c5 i32 6, label %c6 i32 7, label %c7 ]\nc0:\nbr label %join\nc1:\nbr label %join\nc2:\nbr label %join\n\
         c3:\nbr label %join\nc4:\nbr label %join\nc5:\nbr label %join\nc6:\nbr label %join\nc7:\nbr label %join\nother:\n\
         br label %join\njoin:\n%r = phi i32 [ 5, %c0 ], [ 8, %c1 ], [ %b, %c2 ], [ 2, %c3 ], [ %c, %c4 ], [ 19, %c5 ], \
         [ 1, %c6 ], [ 0, %c7 ], [ %a, %other ]",
        "",
    ),
];

pub fn cases(all: &mut Vec<Case>) {
    let ty = Ty::scalar(Scalar::I32);
    for (name, bound, body, functions) in FLOWS {
        let device = |text: &str| {
            text.replace("$P4", "ptr addrspace(4)").replace("$G4", "addrspace(4) constant").replace("$KP", "p5")
        };
        let host = |text: &str| text.replace("$P4", "ptr").replace("$G4", "constant").replace("$KP", "p0");
        let case = Case::new(format!("flow_{name}"), &[ty, ty, ty], ty, &device(body));
        let mut case = case.on_host(&host(body)).with_globals(&host(functions)).with_device_globals(&device(functions));
        if *bound != u32::MAX {
            case = case.domain(0, Domain::Below(u128::from(*bound)));
        }
        all.push(case);
    }
    // Values of each type through a call, a loop and a branch.
    for ty in super::types::everything() {
        let m = ty.mangled();
        let call = Case::new(
            format!("flow_call_{m}"),
            &[ty, ty],
            ty,
            "%r = call $T @f_$NAME($T %a, $T %b, i1 true)",
        )
        .with_globals(
            "define internal $T @f_$NAME($T %p, $T %q, i1 %c) noinline {\n%x = select i1 %c, $T %q, $T %p\nret $T %x\n}\n",
        );
        all.push(call.compared(super::case::Compare::Exact));
        let loops = Case::new(
            format!("flow_swap_{m}"),
            &[ty, ty, Ty::scalar(Scalar::I32)],
            ty,
            "br label %again\nagain:\n%x = phi $T [ %a, %entry ], [ %y, %again ]\n%y = phi $T [ %b, %entry ], [ %x, %again ]\n\
             %i = phi i32 [ 0, %entry ], [ %n, %again ]\n%n = add i32 %i, 1\n%go = icmp ult i32 %i, %c\n\
             br i1 %go, label %again, label %done\ndone:\n%r = freeze $T %x",
        );
        all.push(loops.domain(2, Domain::Below(6)).compared(super::case::Compare::Exact));
    }
}
