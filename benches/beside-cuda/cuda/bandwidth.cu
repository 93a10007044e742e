// The fastest plain copies, by which a card's copy bandwidth is measured: 16 bytes for each load, one or several of them for each thread.

constexpr unsigned BLOCK = 1024;

// One load for each thread.
extern "C" __global__ void __launch_bounds__(BLOCK)
copy_wide(size_t n, const double2 *__restrict__ from, double2 *__restrict__ to) {
    const size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i < n) to[i] = from[i];
}

// Four loads in flight for each thread; what is copied is used by nobody soon, and need not displace what the caches hold.
extern "C" __global__ void __launch_bounds__(BLOCK)
copy_streaming(size_t n, const double2 *__restrict__ from, double2 *__restrict__ to) {
    constexpr unsigned EACH = 4;
    const size_t first = (size_t)blockIdx.x * (BLOCK * EACH) + threadIdx.x;
    double2 values[EACH];
#pragma unroll
    for (unsigned k = 0; k < EACH; k++)
        if (first + k * BLOCK < n) values[k] = __ldcs(&from[first + k * BLOCK]);
#pragma unroll
    for (unsigned k = 0; k < EACH; k++)
        if (first + k * BLOCK < n) __stcs(&to[first + k * BLOCK], values[k]);
}
