// A histogram, counters of several types, a lock-free list and a ticket for each item: by atomic operations on memory and
// on `__shared__` memory.
#include "check.h"

constexpr int BINS = 64;

__global__ void histogram(const unsigned *values, unsigned *bins, int n) {
    __shared__ unsigned local[BINS];
    if (threadIdx.x < BINS) local[threadIdx.x] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        atomicAdd(&local[values[i] % BINS], 1u);
    __syncthreads();
    if (threadIdx.x < BINS) atomicAdd(&bins[threadIdx.x], local[threadIdx.x]);
}

struct Counters {
    int add, sub, least, most, bits_and, bits_or, bits_xor, swaps;
    unsigned wrapped_up, wrapped_down;
    float real;
    double large;
    unsigned long long wide;
};

__global__ void count(Counters *counters, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    atomicAdd(&counters->add, i);
    atomicSub(&counters->sub, 3);
    atomicMin(&counters->least, i - 50);
    atomicMax(&counters->most, i * 2);
    atomicAnd(&counters->bits_and, ~(1 << i % 8));
    atomicOr(&counters->bits_or, 1 << i % 16);
    atomicXor(&counters->bits_xor, i);
    atomicInc(&counters->wrapped_up, 9u);
    atomicDec(&counters->wrapped_down, 6u);
    atomicAdd(&counters->real, 0.5f);
    atomicAdd(&counters->large, 0.25);
    atomicAdd(&counters->wide, 1ull << 33);
    // One more, by compare and swap.
    int seen = counters->swaps, before;
    do {
        before = seen;
        seen = atomicCAS(&counters->swaps, before, before + 1);
    } while (seen != before);
}

// Each item puts itself in front of a list, and takes a ticket.
__global__ void push(int *head, int *next, int *tickets, int *counter) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    next[i] = atomicExch(head, i);
    tickets[i] = atomicAdd(counter, 1);
}

int main() {
    const int n = 20000;
    std::vector<unsigned> values(n), bins(BINS), expected(BINS);
    unsigned state = 1;
    for (unsigned &value : values) state = state * 1664525u + 1013904223u, value = state >> 16;
    for (unsigned value : values) ++expected[value % BINS];
    unsigned *dv, *db;
    CHECK(hipMalloc(&dv, n * sizeof(unsigned)));
    CHECK(hipMalloc(&db, BINS * sizeof(unsigned)));
    CHECK(hipMemcpy(dv, values.data(), n * sizeof(unsigned), hipMemcpyHostToDevice));
    CHECK(hipMemset(db, 0, BINS * sizeof(unsigned)));
    histogram<<<16, 128>>>(dv, db, n);
    CHECK(hipGetLastError());
    CHECK(hipMemcpy(bins.data(), db, BINS * sizeof(unsigned), hipMemcpyDeviceToHost));
    for (int i = 0; i < BINS; ++i) EXPECT(bins[i] == expected[i], i);

    const int items = 3000;
    Counters host = {}, *dc;
    host.least = 1 << 30;
    host.bits_and = 0xffff;
    CHECK(hipMalloc(&dc, sizeof host));
    CHECK(hipMemcpy(dc, &host, sizeof host, hipMemcpyHostToDevice));
    count<<<(items + 255) / 256, 256>>>(dc, items);
    CHECK(hipGetLastError());
    CHECK(hipMemcpy(&host, dc, sizeof host, hipMemcpyDeviceToHost));
    int bits = 0;
    for (int i = 0; i < items; ++i) bits ^= i;
    EXPECT(host.add == items * (items - 1) / 2, 0);
    EXPECT(host.sub == -3 * items, 1);
    EXPECT(host.least == -50, 2);
    EXPECT(host.most == 2 * (items - 1), 3);
    EXPECT(host.bits_and == 0xff00, 4);
    EXPECT(host.bits_or == 0xffff, 5);
    EXPECT(host.bits_xor == bits, 6);
    EXPECT(host.wrapped_up == items % 10, 7);
    EXPECT(host.wrapped_down == (7 - items % 7) % 7, 8);
    EXPECT(host.real == items * 0.5f, 9);
    EXPECT(host.large == items * 0.25, 10);
    EXPECT(host.wide == (unsigned long long)items << 33, 11);
    EXPECT(host.swaps == items, 12);

    const int members = 1024;
    std::vector<int> next(members), tickets(members);
    int head = -1, *dh, *dn, *dt, *counter;
    CHECK(hipMalloc(&dh, sizeof(int)));
    CHECK(hipMalloc(&dn, members * sizeof(int)));
    CHECK(hipMalloc(&dt, members * sizeof(int)));
    CHECK(hipMalloc(&counter, sizeof(int)));
    CHECK(hipMemcpy(dh, &head, sizeof head, hipMemcpyHostToDevice));
    CHECK(hipMemset(counter, 0, sizeof(int)));
    push<<<members / 64, 64>>>(dh, dn, dt, counter);
    CHECK(hipGetLastError());
    CHECK(hipMemcpy(&head, dh, sizeof head, hipMemcpyDeviceToHost));
    CHECK(hipMemcpy(next.data(), dn, members * sizeof(int), hipMemcpyDeviceToHost));
    CHECK(hipMemcpy(tickets.data(), dt, members * sizeof(int), hipMemcpyDeviceToHost));
    std::vector<int> seen(members), taken(members);
    int length = 0;
    for (int i = head; i != -1; i = next[i]) EXPECT(seen[i]++ == 0 && ++length <= members, i);
    EXPECT(length == members, length);
    for (int ticket : tickets) EXPECT(ticket >= 0 && ticket < members && taken[ticket]++ == 0, ticket);
    return passed();
}
