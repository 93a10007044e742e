#!/usr/bin/env bash
# Regenerates src/bindings.rs from Debian's HSA headers.
# Needs: apt-get install bindgen libclang-14-dev libhsa-runtime-dev   (bindgen 0.60.1, headers 5.2.3-3 made what is checked in)
# This bindgen cannot read what a newer libclang says: LIBCLANG_PATH=/usr/lib/llvm-14/lib where there are several.
set -euo pipefail
cd "$(dirname "$0")"
bindgen wrapper.h \
    --allowlist-function '^hsa_.*' --allowlist-type '^(hsa|amd)_.*' --allowlist-var '^(HSA|AMD)_.*' \
    --use-core --ctypes-prefix core::ffi --default-enum-style consts --no-prepend-enum-name \
    --with-derive-default --no-doc-comments --size_t-is-usize \
    -o src/bindings.rs
# This bindgen predates edition 2024, which wants extern blocks to say that they are unsafe.
sed -i 's/^extern "C" {/unsafe extern "C" {/' src/bindings.rs
rustfmt --edition 2024 src/bindings.rs
