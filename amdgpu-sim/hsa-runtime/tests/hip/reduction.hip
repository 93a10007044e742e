// Reduces with warp shuffles: sums, a maximum, a scan and votes, for integers, doubles and 64-bit values.
#include "check.h"

template <typename T>
__device__ T warp_sum(T value) {
    for (int step = warpSize / 2; step > 0; step /= 2) value += __shfl_down(value, step);
    return value;
}

template <typename T>
__device__ T warp_max(T value) {
    for (int step = 1; step < warpSize; step *= 2) {
        T other = __shfl_xor(value, step);
        value = other > value ? other : value;
    }
    return value;
}

template <typename T>
__global__ void sum(const T *values, T *result, int n) {
    __shared__ T partial[16];
    T value = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) value += values[i];
    value = warp_sum(value);
    int lane = threadIdx.x % warpSize, warp = threadIdx.x / warpSize;
    if (lane == 0) partial[warp] = value;
    __syncthreads();
    if (warp == 0) {
        value = lane < blockDim.x / warpSize ? partial[lane] : T(0);
        value = warp_sum(value);
        if (lane == 0) result[blockIdx.x] = value;
    }
}

// For each item: the sum of those before it in its warp and its own, the warp's maximum, and how many are odd.
__global__ void warp_facts(const int *values, int *scan, int *largest, int *odd) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % warpSize;
    int value = values[i], inclusive = value;
    for (int step = 1; step < warpSize; step *= 2) {
        int other = __shfl_up(inclusive, step);
        if (lane >= step) inclusive += other;
    }
    scan[i] = inclusive;
    largest[i] = warp_max(value);
    odd[i] = __popcll(__ballot(value & 1)) + 1000 * __any(value == 17) + 10000 * __all(value > -1000)
        + 100000 * (__shfl(value, 3) == __shfl(values[i - lane + 3], 0));
}

template <typename T>
void check_sum(const char *name) {
    const int n = 50000, groups = 24, items = 256;
    std::vector<T> values(n), partial(groups);
    T expected = 0;
    for (int i = 0; i < n; ++i) values[i] = T(i % 1000) - T(300), expected += values[i];
    T *dv, *dr;
    CHECK(hipMalloc(&dv, n * sizeof(T)));
    CHECK(hipMalloc(&dr, groups * sizeof(T)));
    CHECK(hipMemcpy(dv, values.data(), n * sizeof(T), hipMemcpyHostToDevice));
    sum<T><<<groups, items>>>(dv, dr, n);
    CHECK(hipGetLastError());
    CHECK(hipMemcpy(partial.data(), dr, groups * sizeof(T), hipMemcpyDeviceToHost));
    T found = 0;
    for (T value : partial) found += value;
    EXPECT(found == expected, name[0]);
    CHECK(hipFree(dv));
    CHECK(hipFree(dr));
}

int main() {
    check_sum<int>("int");
    check_sum<float>("float");
    check_sum<double>("double");
    check_sum<long long>("long long");

    hipDeviceProp_t properties;
    CHECK(hipGetDeviceProperties(&properties, 0));
    const int warp = properties.warpSize, n = 512;
    std::vector<int> values(n), scan(n), largest(n), odd(n);
    for (int i = 0; i < n; ++i) values[i] = i * 37 % 101 - 20;
    int *device[4];
    for (int *&memory : device) CHECK(hipMalloc(&memory, n * sizeof(int)));
    CHECK(hipMemcpy(device[0], values.data(), n * sizeof(int), hipMemcpyHostToDevice));
    warp_facts<<<n / 128, 128>>>(device[0], device[1], device[2], device[3]);
    CHECK(hipGetLastError());
    CHECK(hipMemcpy(scan.data(), device[1], n * sizeof(int), hipMemcpyDeviceToHost));
    CHECK(hipMemcpy(largest.data(), device[2], n * sizeof(int), hipMemcpyDeviceToHost));
    CHECK(hipMemcpy(odd.data(), device[3], n * sizeof(int), hipMemcpyDeviceToHost));
    for (int first = 0; first < n; first += warp) {
        int running = 0, maximum = -1000, count = 0, seventeen = 0;
        for (int i = first; i < first + warp; ++i) {
            maximum = values[i] > maximum ? values[i] : maximum;
            count += values[i] & 1;
            seventeen |= values[i] == 17;
        }
        for (int i = first; i < first + warp; ++i) {
            running += values[i];
            EXPECT(scan[i] == running, i);
            EXPECT(largest[i] == maximum, i);
            EXPECT(odd[i] == count + 1000 * seventeen + 10000 + 100000, i);
        }
    }
    for (int *memory : device) CHECK(hipFree(memory));
    return passed();
}
