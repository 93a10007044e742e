; Reads a value that an argument of a message refers to. The formatter says how many references to follow (bits 16 and 17)
; and how many bytes the value has (bits 20 to 22: one more than the logarithm): see `geobacter_spool::format::Formatter`.
; It is a constant almost always, and then all of this is one load.

define { i64, i64 } @__gb_capture(ptr %value, i32 %formatter) #0 {
start:
  %bits = lshr i32 %formatter, 16
  %references = and i32 %bits, 3
  %class.bits = lshr i32 %formatter, 20
  %class = and i32 %class.bits, 7
  %one = icmp ugt i32 %references, 0
  br i1 %one, label %follow.1, label %read
follow.1:
  %value.1 = load ptr, ptr %value, align 8
  %two = icmp ugt i32 %references, 1
  br i1 %two, label %follow.2, label %read
follow.2:
  %value.2 = load ptr, ptr %value.1, align 8
  %three = icmp ugt i32 %references, 2
  br i1 %three, label %follow.3, label %read
follow.3:
  %value.3 = load ptr, ptr %value.2, align 8
  br label %read
read:
  %at = phi ptr [ %value, %start ], [ %value.1, %follow.1 ], [ %value.2, %follow.2 ], [ %value.3, %follow.3 ]
  switch i32 %class, label %nothing [
    i32 1, label %read.1
    i32 2, label %read.2
    i32 3, label %read.4
    i32 4, label %read.8
    i32 5, label %read.16
  ]
read.1:
  %v1 = load i8, ptr %at, align 1
  %w1 = zext i8 %v1 to i64
  br label %end
read.2:
  %v2 = load i16, ptr %at, align 2
  %w2 = zext i16 %v2 to i64
  br label %end
read.4:
  %v4 = load i32, ptr %at, align 4
  %w4 = zext i32 %v4 to i64
  br label %end
read.8:
  %v8 = load i64, ptr %at, align 8
  br label %end
read.16:
  %low.16 = load i64, ptr %at, align 8
  %at.high = getelementptr i8, ptr %at, i64 8
  %high.16 = load i64, ptr %at.high, align 8
  br label %end
nothing:
  br label %end
end:
  %low = phi i64 [ %w1, %read.1 ], [ %w2, %read.2 ], [ %w4, %read.4 ], [ %v8, %read.8 ], [ %low.16, %read.16 ], [ poison, %nothing ]
  %high = phi i64 [ poison, %read.1 ], [ poison, %read.2 ], [ poison, %read.4 ], [ poison, %read.8 ], [ %high.16, %read.16 ], [ poison, %nothing ]
  %half = insertvalue { i64, i64 } poison, i64 %low, 0
  %both = insertvalue { i64, i64 } %half, i64 %high, 1
  ret { i64, i64 } %both
}

attributes #0 = { alwaysinline convergent nounwind }
