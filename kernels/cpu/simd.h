// Which instruction sets the kernels are compiled for. Every file that uses Highway includes this
// before any Highway header, so that all of them agree and none is compiled six times over.
#pragma once

// Of the x86 sets (bits 0 to 14) only AVX-512, AVX2 and the SSE2 baseline; of the Arm ones NEON
// (scalable vectors, bits 15 to 27, cannot be held in arrays).
#define HWY_DISABLED_TARGETS ((0x7fffLL & ~(HWY_AVX3 | HWY_AVX2 | HWY_SSE2)) | (0x1fffLL << 15))
