// What the HIP programs here share: every call is checked, and a program says PASS once, at its end.
#pragma once
#include <hip/hip_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(call)                                                                                          \
    do {                                                                                                     \
        hipError_t error_ = (call);                                                                          \
        if (error_ != hipSuccess) {                                                                          \
            std::fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, hipGetErrorString(error_));   \
            std::exit(1);                                                                                    \
        }                                                                                                    \
    } while (0)

#define EXPECT(condition, index)                                                                             \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            std::fprintf(stderr, "%s:%d: not so at %lld: %s\n", __FILE__, __LINE__, (long long)(index), #condition); \
            std::exit(1);                                                                                    \
        }                                                                                                    \
    } while (0)

inline int passed() {
    CHECK(hipDeviceSynchronize());
    std::puts("PASS");
    return 0;
}
