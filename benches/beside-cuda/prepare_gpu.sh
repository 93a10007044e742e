#!/usr/bin/env bash
# Makes a folder with everything that on_gpu.sh needs on a machine with an NVIDIA GPU and without Rust: the examples and the benchmark as
# programs with PTX inside, and the kernels in CUDA C++ as source and, where nvcc is here, compiled.
#
# prepare_gpu.sh [FOLDER [GPU]]: FOLDER is target/on-gpu, GPU is sm_90 if they are not named. FOLDER.tar.gz is all of it, to be sent.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=${1:-target/on-gpu}
gpu=${2:-sm_90}
here=benches/beside-cuda

cargo geobacter build --release --gpu "$gpu" -p geobacter-examples --examples
cargo geobacter build --release --gpu "$gpu" -p geobacter-beside-cuda --bin beside_cuda

rm -rf "$folder"
mkdir -p "$folder/examples" "$folder/cuda"
for source in examples/examples/*.rs; do
    name=$(basename "$source" .rs)
    strip -o "$folder/examples/$name" "target/geobacter/release/examples/$name"
done
strip -o "$folder/beside_cuda" target/geobacter/release/beside_cuda
cp "$here"/cuda/*.cu "$folder/cuda/"
cp "$here/on_gpu.sh" "$folder/"
if nvcc=${NVCC:-$(command -v nvcc)}; then
    for source in "$here"/cuda/*.cu; do
        name=$(basename "$source" .cu)
        "$nvcc" -O3 -std=c++17 -arch="$gpu" -cubin -o "$folder/cuda/$name.cubin" "$source"
        # For the simulator, on which all of this can be tried.
        "$nvcc" -O3 -std=c++17 -arch="${gpu/sm_/compute_}" -ptx -o "$folder/cuda/$name.ptx" "$source"
    done
    "$nvcc" --version | tail -n 1 >"$folder/cuda/compiled-with"
else
    echo "no nvcc here: on_gpu.sh needs one where it runs" >&2
fi
# The programs have most of their code in common with each other, and pack well.
tar -czf "$folder.tar.gz" -C "$(dirname "$folder")" "$(basename "$folder")"
du -h "$folder.tar.gz"
