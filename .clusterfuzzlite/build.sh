#!/bin/bash -eu
# SPDX-License-Identifier: Apache-2.0
# ClusterFuzzLite and OSS-Fuzz run this: builds every fuzz target with the given compilers, flags and engine into $OUT.
# Without $SRC/deps (see Dockerfile) the libraries of the system are used: scripts/test_clusterfuzzlite does that.

deps=$WORK/deps
export PKG_CONFIG_PATH=$deps/lib/pkgconfig

# CMake takes the compilers and CFLAGS, CXXFLAGS from the environment; a build type would add flags of its own.
configure() { cmake -G Ninja -DCMAKE_BUILD_TYPE= -DCMAKE_PREFIX_PATH="$deps" "$@"; }

for library in fmt expected json tomlplusplus CLI11 xxHash/cmake_unofficial zycore zydis; do
  [[ -d $SRC/deps/$library ]] || continue
  configure -S "$SRC/deps/$library" -B "$WORK/$library" --no-warn-unused-cli -DBUILD_SHARED_LIBS=OFF \
    -DCMAKE_INSTALL_PREFIX="$deps" -DCMAKE_INSTALL_LIBDIR=lib -DFMT_TEST=OFF -DFMT_DOC=OFF -DEXPECTED_BUILD_TESTS=OFF \
    -DJSON_BuildTests=OFF -DCLI11_BUILD_TESTS=OFF -DCLI11_BUILD_EXAMPLES=OFF -DXXHASH_BUILD_XXHSUM=OFF \
    -DZYAN_ZYCORE_PATH="$SRC/deps/zycore" -DZYDIS_BUILD_EXAMPLES=OFF -DZYDIS_BUILD_TOOLS=OFF
  cmake --build "$WORK/$library" --target install
done

configure -S "$SRC/diffvisor" -B "$WORK/build" -DDIFFVISOR_ENGINE=oss-fuzz -DDIFFVISOR_TESTS=OFF
cmake --build "$WORK/build" --target fuzz_targets
cmake --install "$WORK/build" --component fuzz_targets --prefix "$OUT"
