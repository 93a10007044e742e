#!/usr/bin/env bash
# Shows on a machine with an NVIDIA GPU what cannot be shown without: that every example passes on it, and how fast Geobacter is beside
# CUDA C++. It lies in the folder that prepare_gpu.sh made, and needs CUDA's driver, but no Rust.
#
# on_gpu.sh RESULTS: writes what came out into the folder RESULTS. What fails is reported, and the rest goes on; the exit code says
# whether all went well. It is done within eight minutes.
set -uo pipefail

if [ $# -ne 1 ]; then
    echo "usage: $0 RESULTS" >&2
    exit 2
fi
mkdir -p "$1"
results=$(cd "$1" && pwd)
cd "$(dirname "$0")" || exit 2
device=${GEOBACTER_ON_GPU_DEVICE:-cuda:0}
# What is beside the point is left out when it gets late.
deadline=${GEOBACTER_ON_GPU_SECONDS:-480}
failed=()

# Runs a step with what time it may take; what it prints is shown and kept.
step() {
    local name=$1 seconds=$2 left=$((deadline - SECONDS))
    shift 2
    if [ "$left" -lt 10 ]; then
        failed+=("$name (no time was left)")
        return 1
    fi
    [ "$seconds" -gt "$left" ] && seconds=$left
    printf '\n== %s\n' "$name"
    timeout --kill-after=5 "$seconds" "$@" 2>&1 | tee "$results/$name.txt"
    local code=${PIPESTATUS[0]}
    if [ "$code" -ne 0 ]; then
        failed+=("$name (exit code $code)")
        return 1
    fi
}

machine() {
    date --utc
    uname -a
    nvidia-smi || echo "no nvidia-smi"
    cat /proc/driver/nvidia/version 2>/dev/null
    "${NVCC:-nvcc}" --version || echo "no nvcc"
}
machine >"$results/machine.txt" 2>&1
cat "$results/machine.txt"

# CUDA's compiler of this machine if there is one, otherwise what was compiled where the programs were built.
code=("--cuda-code" "cuda")
if nvcc=${NVCC:-$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null)}; then
    mkdir -p "$results/cuda"
    compile() {
        for source in cuda/*.cu; do
            "$1" -O3 -std=c++17 -arch=native -cubin -o "$2/$(basename "$source" .cu).cubin" "$source" || return 1
        done
        "$1" --version
    }
    export -f compile
    step compile 60 bash -c 'compile "$@"' _ "$nvcc" "$results/cuda" && code=("--cuda-code" "$results/cuda")
fi
[ "${code[1]}" = cuda ] && cat cuda/compiled-with

for example in examples/*; do
    step "example-$(basename "$example")" 40 "$example" --device "$device"
done

step quick 60 ./beside_cuda --device "$device" --quick "${code[@]}" --json "$results/quick.json"
step beside_cuda 240 ./beside_cuda --device "$device" "${code[@]}" --json "$results/beside_cuda.json"
GEOBACTER_PROFILE=1 step with-time-stamps 120 ./beside_cuda --device "$device" --rounds 7 "${code[@]}" \
    --json "$results/with-time-stamps.json"

printf '\n== summary after %s s\n' "$SECONDS"
{
    grep -h '^PASS\|^FAIL' "$results"/example-*.txt | sort
    echo "examples: $(cat "$results"/example-*.txt | grep -c '^PASS') of $(ls examples | wc -l) pass"
    grep -h '^WRONG\|^below' "$results/beside_cuda.txt"
    for failure in "${failed[@]+"${failed[@]}"}"; do
        echo "FAILED $failure"
    done
} | tee "$results/summary.txt"
[ ${#failed[@]} -eq 0 ]
