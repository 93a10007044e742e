// `y = a * x + y`: the example saxpy.

constexpr unsigned BLOCK = 256;

extern "C" __global__ void __launch_bounds__(BLOCK)
saxpy(unsigned n, float a, const float *__restrict__ x, float *__restrict__ y) {
    const unsigned i = blockIdx.x * BLOCK + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}
