// Works on every device at once, copies between them, and says what they are. The argument is how many there must be.
#include "check.h"

#include <cstring>

__global__ void fill(int *values, int n, int first) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) values[i] = first + i;
}

int main(int, char **arguments) {
    const int n = 5000;
    int count = 0;
    CHECK(hipGetDeviceCount(&count));
    EXPECT(count == std::atoi(arguments[1]), count);
    std::vector<int *> device(count), host(count);
    for (int d = 0; d < count; ++d) {
        CHECK(hipSetDevice(d));
        hipDeviceProp_t properties;
        CHECK(hipGetDeviceProperties(&properties, d));
        EXPECT(std::strcmp(properties.gcnArchName, "gfx90a:sramecc+:xnack-") == 0, d);
        EXPECT(properties.warpSize == 64 && properties.multiProcessorCount == 110, d);
        EXPECT(properties.sharedMemPerBlock == 65536 && properties.maxThreadsPerBlock == 1024, d);
        EXPECT(std::strcmp(properties.name, "AMD Instinct MI250X") == 0, d);
        CHECK(hipMalloc(&device[d], n * sizeof(int)));
        fill<<<(n + 63) / 64, 64>>>(device[d], n, d * 1000000);
        CHECK(hipGetLastError());
    }
    std::vector<int> values(n);
    for (int d = 0; d < count; ++d) {
        CHECK(hipSetDevice(d));
        CHECK(hipMemcpy(values.data(), device[d], n * sizeof(int), hipMemcpyDeviceToHost));
        for (int i = 0; i < n; ++i) EXPECT(values[i] == d * 1000000 + i, i);
    }
    // The last one's to the first one.
    int can = 0;
    CHECK(hipDeviceCanAccessPeer(&can, 0, count - 1));
    CHECK(hipMemcpyPeer(device[0], 0, device[count - 1], count - 1, n * sizeof(int)));
    CHECK(hipMemcpy(values.data(), device[0], n * sizeof(int), hipMemcpyDeviceToHost));
    for (int i = 0; i < n; ++i) EXPECT(values[i] == (count - 1) * 1000000 + i, i);
    size_t left = 0, all = 0;
    CHECK(hipMemGetInfo(&left, &all));
    EXPECT(all > 0 && left <= all, left);
    return passed();
}
