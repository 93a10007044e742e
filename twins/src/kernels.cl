// The kernels in OpenCL C, with the compiler's builtins in place of a device library. Arguments lie where a Geobacter launch
// puts them: the grid in the first 16 bytes.

typedef struct { uint x, y, z, zero; } extent_t;

#define GROUP_X __builtin_amdgcn_workgroup_id_x()
#define GROUP_Y __builtin_amdgcn_workgroup_id_y()
#define LOCAL_X __builtin_amdgcn_workitem_id_x()
#define LOCAL_Y __builtin_amdgcn_workitem_id_y()

static inline void wait_for_group(void) {
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}

static inline float read_or_zero(const global float *x, ulong length, ulong index) {
    return index < length ? x[index] : 0.0f;
}

// What the lane has whose number differs by the mask.
#define INT(x) __builtin_bit_cast(int, x)
#define FLOAT(x) __builtin_bit_cast(float, x)
#define DPP(x, control) FLOAT(__builtin_amdgcn_mov_dpp(INT(x), control, 15, 15, 1))
#define SWIZZLE(x, mask) FLOAT(__builtin_amdgcn_ds_swizzle(INT(x), (mask) << 10 | 31))
#define XOR_1(x) DPP(x, 0xb1)
#define XOR_2(x) DPP(x, 0x4e)
#define XOR_8(x) DPP(x, 0x128)
#ifdef __GFX9__
#define WAVE 64
#define XOR_4(x) SWIZZLE(x, 4)
#define XOR_16(x) SWIZZLE(x, 16)
#else
#define WAVE 32
#define XOR_4(x) DPP(x, 0x164)
#define XOR_16(x) FLOAT(__builtin_amdgcn_permlanex16(0, INT(x), 0x76543210, 0xfedcba98, 0, 1))
#endif

// In the first lane of each 32.
static inline float sum_of_block(float x) {
    x += XOR_16(x);
    x += XOR_8(x);
    x += XOR_4(x);
    x += XOR_2(x);
    x += XOR_1(x);
    return x;
}

kernel __attribute__((reqd_work_group_size(256, 1, 1)))
void saxpy(extent_t extent, float a, const global float *x, ulong xn, global float *y, ulong yn) {
    uint i = GROUP_X * 256 + LOCAL_X;
    if (i < extent.x) y[i] = a * x[i] + y[i];
}

kernel __attribute__((reqd_work_group_size(16, 16, 1)))
void matmul_tiled(extent_t extent, uint n32, const global float *a, ulong an, const global float *b, ulong bn,
                  global float *c, ulong cn) {
    local float tile_a[16][16], tile_b[16][16];
    ulong n = n32, lx = LOCAL_X, ly = LOCAL_Y, x = GROUP_X * 16 + lx, y = GROUP_Y * 16 + ly;
    float sum = 0.0f;
    for (ulong tile = 0; tile < n / 16; tile++) {
        wait_for_group();
        tile_a[ly][lx] = read_or_zero(a, an, y * n + tile * 16 + lx);
        tile_b[ly][lx] = read_or_zero(b, bn, (tile * 16 + ly) * n + x);
        wait_for_group();
        for (uint k = 0; k < 16; k++) sum += tile_a[ly][k] * tile_b[k][lx];
    }
    if (x < extent.x && y < extent.y) c[y * extent.x + x] = sum;
}

kernel __attribute__((reqd_work_group_size(256, 1, 1)))
void reduce(extent_t extent, const global float *x, ulong xn, global float *sums, ulong sn) {
    local float values[8];
    uint l = LOCAL_X, i = GROUP_X * 256 + l, lane = l % WAVE;
    float sum = sum_of_block(i < extent.x ? x[i] : 0.0f);
    if (l % 32 == 0) values[l / 32] = sum;
    wait_for_group();
    sum = values[lane < 8 ? lane : 0];
    sum += XOR_4(sum);
    sum += XOR_2(sum);
    sum += XOR_1(sum);
    sum = FLOAT(__builtin_amdgcn_readfirstlane(INT(sum)));
    if (l == 0) sums[GROUP_X] = sum;
}

kernel __attribute__((reqd_work_group_size(256, 1, 1)))
void wave_sums(extent_t extent, const global float *x, ulong xn, global float *sums, ulong sn) {
    uint l = LOCAL_X, i = GROUP_X * 256 + l;
    float sum = sum_of_block(i < extent.x ? x[i] : 0.0f);
#if WAVE == 64
    sum += FLOAT(__builtin_amdgcn_ds_bpermute((l % WAVE ^ 32) * 4, INT(sum)));
#endif
    sum = FLOAT(__builtin_amdgcn_readfirstlane(INT(sum)));
    if (i < extent.x) sums[i] = l % WAVE == 0 ? sum : 0.0f;
}

kernel __attribute__((reqd_work_group_size(16, 16, 1)))
void transpose(extent_t extent, uint columns, const global float *x, ulong xn, global float *y, ulong yn) {
    local float tile[16][16];
    uint lx = LOCAL_X, ly = LOCAL_Y, column = GROUP_Y * 16, row = GROUP_X * 16;
    tile[ly][lx] = read_or_zero(x, xn, ((ulong)row + ly) * columns + column + lx);
    wait_for_group();
    uint ox = row + lx, oy = column + ly;
    if (ox < extent.x && oy < extent.y) y[(ulong)oy * extent.x + ox] = tile[lx][ly];
}

kernel __attribute__((reqd_work_group_size(16, 16, 1)))
void stencil2d(extent_t extent, const global float *x, ulong xn, global float *y, ulong yn) {
    local float tile[18 * 18];
    uint lx = LOCAL_X, ly = LOCAL_Y, left = GROUP_X * 16, top = GROUP_Y * 16;
    for (uint i = ly * 16 + lx; i < 18 * 18; i += 256) {
        uint ix = left + i % 18 - 1, iy = top + i / 18 - 1;
        tile[i] = ix < extent.x && iy < extent.y ? x[(ulong)iy * extent.x + ix] : 0.0f;
    }
    wait_for_group();
    uint ox = left + lx, oy = top + ly;
    if (ox < extent.x && oy < extent.y) {
        const local float *at = &tile[(ly + 1) * 18 + lx + 1];
        y[(ulong)oy * extent.x + ox] = (at[0] + at[-18] + at[18] + at[-1] + at[1]) * 0.2f;
    }
}
