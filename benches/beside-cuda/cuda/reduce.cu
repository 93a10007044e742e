// The sum of a vector's blocks, one for each thread block: the example reduce. A thread adds up four neighbouring elements at a time.

constexpr unsigned BLOCK = 256;

extern "C" __global__ void __launch_bounds__(BLOCK)
reduce(size_t n, size_t block, const float *__restrict__ x, float *__restrict__ sums) {
    __shared__ float values[BLOCK];
    const unsigned local = threadIdx.x;
    const size_t first = blockIdx.x * block, last = min(first + block, n), wide = (last - first) / 4;
    const float4 *four = reinterpret_cast<const float4 *>(x + first);
    float4 own = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    for (size_t i = local; i < wide; i += BLOCK) {
        const float4 value = four[i];
        own.x += value.x;
        own.y += value.y;
        own.z += value.z;
        own.w += value.w;
    }
    // Up to three elements are left at the vector's end.
    const size_t odd = first + wide * 4 + local;
    values[local] = (odd < last ? x[odd] : 0.0f) + own.x + own.y + own.z + own.w;
    for (unsigned half = BLOCK / 2; half > 0; half /= 2) {
        __syncthreads();
        if (local < half) values[local] += values[local + half];
    }
    if (local == 0) sums[blockIdx.x] = values[0];
}
