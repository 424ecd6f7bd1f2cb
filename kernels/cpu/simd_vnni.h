// As simd.h, and AVX-512 with integer dot products: for the convolution of quantised values, and
// for whoever lists the sets.
#pragma once

#define HWY_WANT_AVX3_DL
#define HWY_DISABLED_TARGETS \
  ((0x3fffLL & ~(HWY_AVX3_DL | HWY_AVX3 | HWY_AVX2)) | (0x1fffLL << 15) | GSX_SETS_LEFT_OUT)
