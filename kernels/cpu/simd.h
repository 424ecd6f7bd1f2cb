// Which instruction sets the kernels are compiled for. Every file that uses Highway includes this
// (or simd_vnni.h) before any Highway header, so that none is compiled six times over.
#pragma once

// Of the x86 sets only AVX-512, AVX2 and the baseline (emulated in Highway 1.0, SSE2, bit 14, in
// later ones); of the Arm sets only NEON: scalable vectors, bits 15 to 27, cannot be held in
// arrays.
// GSX_SETS_LEFT_OUT: what the build leaves out besides, 0 but where compiling takes long.
#define HWY_DISABLED_TARGETS \
  ((0x3fffLL & ~(HWY_AVX3 | HWY_AVX2)) | (0x1fffLL << 15) | GSX_SETS_LEFT_OUT)
