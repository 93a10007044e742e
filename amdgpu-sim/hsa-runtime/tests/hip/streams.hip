// Copies and kernels on several streams, in order by events, with times, call-backs, pinned memory and copies of boxes.
#include "check.h"

#include <atomic>

__global__ void scale(int *values, int factor, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) values[i] = values[i] * factor + 1;
}

__global__ void combine(const int *a, const int *b, int *c, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) c[i] = a[i] - b[i];
}

static std::atomic<int> called{0};

static void call_back(hipStream_t, hipError_t error, void *argument) {
    if (error == hipSuccess) called += *static_cast<int *>(argument);
}

int main() {
    const int n = 30000, rounds = 8;
    const size_t bytes = n * sizeof(int);
    hipStream_t streams[2];
    hipEvent_t ready[2], begin, end;
    int *pinned[2], *device[2], *result, *out;
    for (int s = 0; s < 2; ++s) {
        CHECK(hipStreamCreateWithFlags(&streams[s], hipStreamNonBlocking));
        CHECK(hipEventCreate(&ready[s]));
        CHECK(hipHostMalloc(&pinned[s], bytes, hipHostMallocDefault));
        CHECK(hipMalloc(&device[s], bytes));
        for (int i = 0; i < n; ++i) pinned[s][i] = i * (s + 1);
    }
    CHECK(hipEventCreate(&begin));
    CHECK(hipEventCreate(&end));
    CHECK(hipMalloc(&result, bytes));
    CHECK(hipHostMalloc(&out, bytes, hipHostMallocDefault));

    CHECK(hipEventRecord(begin, streams[0]));
    for (int s = 0; s < 2; ++s) {
        CHECK(hipMemcpyAsync(device[s], pinned[s], bytes, hipMemcpyHostToDevice, streams[s]));
        for (int round = 0; round < rounds; ++round) scale<<<(n + 127) / 128, 128, 0, streams[s]>>>(device[s], 3, n);
        CHECK(hipGetLastError());
        CHECK(hipEventRecord(ready[s], streams[s]));
    }
    CHECK(hipStreamWaitEvent(streams[0], ready[1], 0));
    combine<<<(n + 255) / 256, 256, 0, streams[0]>>>(device[0], device[1], result, n);
    CHECK(hipGetLastError());
    CHECK(hipMemcpyAsync(out, result, bytes, hipMemcpyDeviceToHost, streams[0]));
    static int argument = 5;
    CHECK(hipStreamAddCallback(streams[0], call_back, &argument, 0));
    CHECK(hipEventRecord(end, streams[0]));
    CHECK(hipEventSynchronize(end));
    CHECK(hipStreamSynchronize(streams[0]));
    EXPECT(called == 5, called);
    EXPECT(hipEventQuery(end) == hipSuccess, 0);
    float milliseconds = -1.0f;
    CHECK(hipEventElapsedTime(&milliseconds, begin, end));
    EXPECT(milliseconds > 0.0f, milliseconds);
    int power = 1;
    for (int round = 0; round < rounds; ++round) power *= 3;
    for (int i = 0; i < n; ++i) EXPECT(out[i] == (i - 2 * i) * power, i);

    // A copy within the device, one of a box, and one from memory that is not pinned.
    std::vector<int> pageable(n), box(40 * 25, -1);
    CHECK(hipMemcpyAsync(device[0], result, bytes, hipMemcpyDeviceToDevice, streams[1]));
    CHECK(hipMemcpyAsync(pageable.data(), device[0], bytes, hipMemcpyDeviceToHost, streams[1]));
    CHECK(hipMemcpy2DAsync(box.data(), 40 * sizeof(int), device[0] + 7, 100 * sizeof(int), 30 * sizeof(int), 25,
                           hipMemcpyDeviceToHost, streams[1]));
    CHECK(hipStreamSynchronize(streams[1]));
    for (int i = 0; i < n; ++i) EXPECT(pageable[i] == out[i], i);
    for (int row = 0; row < 25; ++row)
        for (int column = 0; column < 40; ++column)
            EXPECT(box[row * 40 + column] == (column < 30 ? out[7 + row * 100 + column] : -1), row);

    // A kernel that works on the host's own memory.
    int *mapped;
    CHECK(hipHostGetDevicePointer(reinterpret_cast<void **>(&mapped), pinned[0], 0));
    scale<<<(n + 127) / 128, 128, 0, streams[1]>>>(mapped, 2, n);
    CHECK(hipGetLastError());
    CHECK(hipStreamSynchronize(streams[1]));
    for (int i = 0; i < n; ++i) EXPECT(pinned[0][i] == 2 * i + 1, i);

    for (int s = 0; s < 2; ++s) {
        CHECK(hipFree(device[s]));
        CHECK(hipHostFree(pinned[s]));
        CHECK(hipEventDestroy(ready[s]));
        CHECK(hipStreamDestroy(streams[s]));
    }
    CHECK(hipFree(result));
    CHECK(hipHostFree(out));
    return passed();
}
