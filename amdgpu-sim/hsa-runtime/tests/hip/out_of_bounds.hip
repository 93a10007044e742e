// A kernel that writes beyond the end of its buffer. The program sees that something failed, and the simulator says what.
#include "check.h"

__global__ void fill(int *values, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) values[i + n] = i;
}

int main() {
    const int n = 1 << 20;
    int *values;
    CHECK(hipMalloc(&values, n * sizeof(int)));
    fill<<<n / 256, 256>>>(values, n);
    hipError_t error = hipDeviceSynchronize();
    std::printf("%s\n", hipGetErrorName(error));
    return error == hipSuccess ? 0 : 3;
}
