; Made of remainder.c, which says how.
define float @__gb_remainder_float(float %0, float %1) alwaysinline nounwind {
  %3 = bitcast float %0 to i32
  %4 = tail call float @llvm.fabs.f32(float %1)
  %5 = bitcast float %4 to i32
  %6 = and i32 %3, -2147483648
  %7 = tail call float @llvm.fabs.f32(float %0)
  %8 = bitcast float %7 to i32
  %9 = icmp samesign ugt i32 %8, 2139095039
  %10 = add nsw i32 %5, -2139095041
  %11 = icmp ult i32 %10, -2139095040
  %12 = select i1 %9, i1 true, i1 %11
  br i1 %12, label %13, label %16

13:                                               ; preds = %2
  %14 = fmul float %0, %1
  %15 = fdiv float %14, %14
  br label %75

16:                                               ; preds = %2
  %17 = icmp samesign ult i32 %8, %5
  br i1 %17, label %75, label %18

18:                                               ; preds = %16
  %19 = lshr i32 %8, 23
  %20 = lshr i32 %5, 23
  %21 = and i32 %8, 8388607
  %22 = and i32 %5, 8388607
  %23 = zext nneg i32 %22 to i64
  %24 = icmp eq i32 %19, 0
  %25 = or disjoint i32 %21, 8388608
  %26 = tail call i32 @llvm.umax.i32(i32 %19, i32 1)
  %27 = icmp eq i32 %20, 0
  %28 = or disjoint i64 %23, 8388608
  %29 = tail call i32 @llvm.umax.i32(i32 %20, i32 1)
  %30 = select i1 %27, i64 %23, i64 %28
  %31 = sub nsw i32 %26, %29
  %32 = select i1 %24, i32 %21, i32 %25
  %33 = trunc nuw nsw i64 %30 to i32
  %34 = urem i32 %32, %33
  %35 = zext nneg i32 %34 to i64
  %36 = icmp ne i32 %31, 0
  %37 = icmp ne i32 %34, 0
  %38 = select i1 %36, i1 %37, i1 false
  br i1 %38, label %42, label %39

39:                                               ; preds = %42, %18
  %40 = phi i64 [ %35, %18 ], [ %49, %42 ]
  %41 = phi i1 [ %37, %18 ], [ %51, %42 ]
  br i1 %41, label %53, label %72

42:                                               ; preds = %18, %42
  %43 = phi i64 [ %49, %42 ], [ %35, %18 ]
  %44 = phi i32 [ %48, %42 ], [ %31, %18 ]
  %45 = tail call i32 @llvm.umin.i32(i32 %44, i32 40)
  %46 = zext nneg i32 %45 to i64
  %47 = shl nuw i64 %43, %46
  %48 = sub i32 %44, %45
  %49 = urem i64 %47, %30
  %50 = icmp ne i32 %48, 0
  %51 = icmp ne i64 %49, 0
  %52 = select i1 %50, i1 %51, i1 false
  br i1 %52, label %42, label %39

53:                                               ; preds = %39
  %54 = tail call range(i64 0, 65) i64 @llvm.ctlz.i64(i64 %40, i1 true)
  %55 = trunc nuw nsw i64 %54 to i32
  %56 = add nsw i32 %55, -40
  %57 = icmp samesign ult i32 %56, %29
  br i1 %57, label %58, label %65

58:                                               ; preds = %53
  %59 = sub nuw nsw i32 %29, %56
  %60 = shl nuw nsw i32 %59, 23
  %61 = trunc nuw nsw i64 %40 to i32
  %62 = shl i32 %61, %56
  %63 = add i32 %62, -8388608
  %64 = add i32 %63, %60
  br label %69

65:                                               ; preds = %53
  %66 = trunc nuw nsw i64 %40 to i32
  %67 = add nsw i32 %29, -1
  %68 = shl i32 %66, %67
  br label %69

69:                                               ; preds = %65, %58
  %70 = phi i32 [ %64, %58 ], [ %68, %65 ]
  %71 = or i32 %70, %6
  br label %72

72:                                               ; preds = %39, %69
  %73 = phi i32 [ %71, %69 ], [ %6, %39 ]
  %74 = bitcast i32 %73 to float
  br label %75

75:                                               ; preds = %16, %72, %13
  %76 = phi float [ %15, %13 ], [ %74, %72 ], [ %0, %16 ]
  ret float %76
}

declare i64 @llvm.ctlz.i64(i64, i1 immarg)

define double @__gb_remainder_double(double %0, double %1) alwaysinline nounwind {
  %3 = bitcast double %0 to i64
  %4 = tail call double @llvm.fabs.f64(double %1)
  %5 = bitcast double %4 to i64
  %6 = and i64 %3, -9223372036854775808
  %7 = tail call double @llvm.fabs.f64(double %0)
  %8 = bitcast double %7 to i64
  %9 = icmp samesign ugt i64 %8, 9218868437227405311
  %10 = add nsw i64 %5, -9218868437227405313
  %11 = icmp ult i64 %10, -9218868437227405312
  %12 = select i1 %9, i1 true, i1 %11
  br i1 %12, label %13, label %16

13:                                               ; preds = %2
  %14 = fmul double %0, %1
  %15 = fdiv double %14, %14
  br label %75

16:                                               ; preds = %2
  %17 = icmp samesign ult i64 %8, %5
  br i1 %17, label %75, label %18

18:                                               ; preds = %16
  %19 = lshr i64 %8, 52
  %20 = lshr i64 %5, 52
  %21 = trunc nuw nsw i64 %20 to i32
  %22 = and i64 %8, 4503599627370495
  %23 = and i64 %5, 4503599627370495
  %24 = icmp eq i64 %19, 0
  %25 = trunc nuw nsw i64 %19 to i32
  %26 = or disjoint i64 %22, 4503599627370496
  %27 = select i1 %24, i32 1, i32 %25
  %28 = select i1 %24, i64 %22, i64 %26
  %29 = icmp eq i64 %20, 0
  %30 = or disjoint i64 %23, 4503599627370496
  %31 = select i1 %29, i32 1, i32 %21
  %32 = select i1 %29, i64 %23, i64 %30
  %33 = sub nsw i32 %27, %31
  %34 = urem i64 %28, %32
  %35 = icmp ne i32 %33, 0
  %36 = icmp ne i64 %34, 0
  %37 = select i1 %35, i1 %36, i1 false
  br i1 %37, label %41, label %38

38:                                               ; preds = %41, %18
  %39 = phi i64 [ %34, %18 ], [ %48, %41 ]
  %40 = phi i1 [ %36, %18 ], [ %50, %41 ]
  br i1 %40, label %52, label %72

41:                                               ; preds = %18, %41
  %42 = phi i64 [ %48, %41 ], [ %34, %18 ]
  %43 = phi i32 [ %47, %41 ], [ %33, %18 ]
  %44 = tail call i32 @llvm.umin.i32(i32 %43, i32 11)
  %45 = zext nneg i32 %44 to i64
  %46 = shl nuw i64 %42, %45
  %47 = sub i32 %43, %44
  %48 = urem i64 %46, %32
  %49 = icmp ne i32 %47, 0
  %50 = icmp ne i64 %48, 0
  %51 = select i1 %49, i1 %50, i1 false
  br i1 %51, label %41, label %38

52:                                               ; preds = %38
  %53 = tail call range(i64 0, 65) i64 @llvm.ctlz.i64(i64 %39, i1 true)
  %54 = trunc nuw nsw i64 %53 to i32
  %55 = add nsw i32 %54, -11
  %56 = icmp samesign ult i32 %55, %31
  br i1 %56, label %57, label %65

57:                                               ; preds = %52
  %58 = sub nuw nsw i32 %31, %55
  %59 = zext nneg i32 %58 to i64
  %60 = shl nuw nsw i64 %59, 52
  %61 = zext nneg i32 %55 to i64
  %62 = shl i64 %39, %61
  %63 = add i64 %62, -4503599627370496
  %64 = add i64 %63, %60
  br label %69

65:                                               ; preds = %52
  %66 = add nsw i32 %31, -1
  %67 = zext nneg i32 %66 to i64
  %68 = shl i64 %39, %67
  br label %69

69:                                               ; preds = %65, %57
  %70 = phi i64 [ %64, %57 ], [ %68, %65 ]
  %71 = or i64 %70, %6
  br label %72

72:                                               ; preds = %38, %69
  %73 = phi i64 [ %71, %69 ], [ %6, %38 ]
  %74 = bitcast i64 %73 to double
  br label %75

75:                                               ; preds = %16, %72, %13
  %76 = phi double [ %15, %13 ], [ %74, %72 ], [ %0, %16 ]
  ret double %76
}

declare float @llvm.fabs.f32(float)

declare i32 @llvm.umin.i32(i32, i32)

declare double @llvm.fabs.f64(double)

declare i32 @llvm.umax.i32(i32, i32)
