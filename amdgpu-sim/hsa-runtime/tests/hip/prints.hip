// A kernel that prints: by a call to the host, for which the HIP runtime answers.
#include "check.h"

__global__ void hello(int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) printf("item %d of group %d: %s %.2f\n", i, (int)blockIdx.x, i % 2 ? "odd" : "even", i * 0.25);
}

int main() {
    hello<<<2, 4>>>(7);
    CHECK(hipGetLastError());
    return passed();
}
