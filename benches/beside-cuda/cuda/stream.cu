// BabelStream's five kernels: one thread for each element, and a dot product whose threads go through the vectors in strides of the grid.
// Any number of elements, as Geobacter's kernels take.

constexpr unsigned BLOCK = 1024;
constexpr double SCALAR = 0.4;

extern "C" __global__ void __launch_bounds__(BLOCK)
copy(unsigned n, const double *__restrict__ a, double *__restrict__ c) {
    const unsigned i = blockIdx.x * BLOCK + threadIdx.x;
    if (i < n) c[i] = a[i];
}

extern "C" __global__ void __launch_bounds__(BLOCK)
mul(unsigned n, double *__restrict__ b, const double *__restrict__ c) {
    const unsigned i = blockIdx.x * BLOCK + threadIdx.x;
    if (i < n) b[i] = SCALAR * c[i];
}

extern "C" __global__ void __launch_bounds__(BLOCK)
add(unsigned n, const double *__restrict__ a, const double *__restrict__ b, double *__restrict__ c) {
    const unsigned i = blockIdx.x * BLOCK + threadIdx.x;
    if (i < n) c[i] = a[i] + b[i];
}

extern "C" __global__ void __launch_bounds__(BLOCK)
triad(unsigned n, double *__restrict__ a, const double *__restrict__ b, const double *__restrict__ c) {
    const unsigned i = blockIdx.x * BLOCK + threadIdx.x;
    if (i < n) a[i] = b[i] + SCALAR * c[i];
}

// One sum for each block.
extern "C" __global__ void __launch_bounds__(BLOCK)
dot(unsigned n, const double *__restrict__ a, const double *__restrict__ b, double *__restrict__ sums) {
    __shared__ double values[BLOCK];
    const unsigned local = threadIdx.x;
    double sum = 0.0;
    for (unsigned i = blockIdx.x * BLOCK + local; i < n; i += gridDim.x * BLOCK) sum += a[i] * b[i];
    values[local] = sum;
    for (unsigned half = BLOCK / 2; half > 0; half /= 2) {
        __syncthreads();
        if (local < half) values[local] += values[local + half];
    }
    if (local == 0) sums[blockIdx.x] = values[0];
}
