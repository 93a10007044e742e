/* The remainder of floating-point numbers, exact, as IEEE 754's division of integers by steps gives it: the C function fmod.
 *
 * `remainder.ll` is made of it:
 *     clang-22 --target=nvptx64 -O2 -fno-vectorize -fno-unroll-loops -S -emit-llvm -o - remainder.c
 * without the lines for attributes, metadata and the source's name.
 */
typedef unsigned int u32;
typedef unsigned long u64;

/* A number is m * 2^(e - bias): m and e of a finite number that is not negative; a subnormal one has the exponent 1. STEP bits can be
 * put behind a remainder and still fit into 64. */
#define REMAINDER(NAME, FLOAT, BITS, MANTISSA, STEP)                                                     \
    FLOAT NAME(FLOAT x, FLOAT y) {                                                                       \
        const BITS hidden = (BITS)1 << MANTISSA, sign_bit = (BITS)1 << (8 * sizeof(BITS) - 1);           \
        const BITS infinity = (sign_bit - 1) & ~(hidden - 1);                                            \
        BITS a = __builtin_bit_cast(BITS, x), b = __builtin_bit_cast(BITS, y) & ~sign_bit;               \
        BITS sign = a & sign_bit;                                                                        \
        a ^= sign;                                                                                       \
        if (a >= infinity || b > infinity || b == 0)                                                     \
            return (x * y) / (x * y);                                                                    \
        if (a < b)                                                                                       \
            return x;                                                                                    \
        u32 ea = a >> MANTISSA, eb = b >> MANTISSA;                                                      \
        u64 ma = a & (hidden - 1), mb = b & (hidden - 1);                                                \
        if (ea)                                                                                          \
            ma |= hidden;                                                                                \
        else                                                                                             \
            ea = 1;                                                                                      \
        if (eb)                                                                                          \
            mb |= hidden;                                                                                \
        else                                                                                             \
            eb = 1;                                                                                      \
        u64 rest = ma % mb;                                                                              \
        for (u32 left = ea - eb; left && rest;) {                                                        \
            u32 step = left < STEP ? left : STEP;                                                        \
            rest = (rest << step) % mb;                                                                  \
            left -= step;                                                                                \
        }                                                                                                \
        if (!rest)                                                                                       \
            return __builtin_bit_cast(FLOAT, sign);                                                      \
        u32 shift = __builtin_clzl(rest) - (63 - MANTISSA);                                              \
        BITS result;                                                                                     \
        if (shift < eb)                                                                                  \
            result = ((BITS)(eb - shift) << MANTISSA) + ((BITS)rest << shift) - hidden;                  \
        else                                                                                             \
            result = (BITS)rest << (eb - 1);                                                             \
        return __builtin_bit_cast(FLOAT, result | sign);                                                 \
    }

REMAINDER(__gb_remainder_float, float, u32, 23, 40)
REMAINDER(__gb_remainder_double, double, u64, 52, 11)
