// One step of bodies that attract each other: the example nbody. The bodies pass through shared memory, tile by tile.

constexpr unsigned BLOCK = 128;
constexpr float SOFTENING = 1e-3f;

// What one body's pull on another is divided by: exact to the last bit, or by the GPU's approximation of a reciprocal root.
struct Exact {
    static __device__ float strength(float mass, float square) { return mass / (square * sqrtf(square)); }
};
struct Fast {
    static __device__ float strength(float mass, float square) {
        const float inverse = rsqrtf(square);
        return mass * (inverse * inverse * inverse);
    }
};

// A body is its position, and its mass times the constant of gravity.
template <typename Pull>
__device__ __forceinline__ void step(unsigned n, float time, const float4 *__restrict__ bodies, float *__restrict__ velocities,
                                     float4 *__restrict__ moved) {
    __shared__ float4 tile[BLOCK];
    const unsigned i = blockIdx.x * BLOCK + threadIdx.x;
    const float4 body = i < n ? bodies[i] : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    float3 pull = make_float3(0.0f, 0.0f, 0.0f);
    for (unsigned first = 0; first < n; first += BLOCK) {
        // Beyond the last body stand some without mass, which attract nobody.
        const unsigned other = first + threadIdx.x;
        tile[threadIdx.x] = other < n ? bodies[other] : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        __syncthreads();
        for (unsigned k = 0; k < BLOCK; k++) {
            const float4 far = tile[k];
            const float x = far.x - body.x, y = far.y - body.y, z = far.z - body.z;
            const float square = x * x + y * y + z * z + SOFTENING;
            const float strength = Pull::strength(far.w, square);
            pull.x += x * strength;
            pull.y += y * strength;
            pull.z += z * strength;
        }
        __syncthreads();
    }
    if (i < n) {
        float *velocity = velocities + 3 * (size_t)i;
        const float3 v = make_float3(velocity[0] + pull.x * time, velocity[1] + pull.y * time, velocity[2] + pull.z * time);
        moved[i] = make_float4(body.x + v.x * time, body.y + v.y * time, body.z + v.z * time, body.w);
        velocity[0] = v.x;
        velocity[1] = v.y;
        velocity[2] = v.z;
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
nbody(unsigned n, float time, const float4 *__restrict__ bodies, float *__restrict__ velocities, float4 *__restrict__ moved) {
    step<Exact>(n, time, bodies, velocities, moved);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
nbody_fast(unsigned n, float time, const float4 *__restrict__ bodies, float *__restrict__ velocities, float4 *__restrict__ moved) {
    step<Fast>(n, time, bodies, velocities, moved);
}
