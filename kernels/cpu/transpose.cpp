// Turning a matrix over, four by four in registers.
#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/transpose.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
constexpr int kSide = 1;

void transpose_block(const float* from, int64_t, float* to, int64_t) { *to = *from; }
#else
constexpr int kSide = 4;

void transpose_block(const float* from, int64_t from_row, float* to, int64_t to_row) {
  const hn::Full128<float> d;
  const auto a = hn::LoadU(d, from), b = hn::LoadU(d, from + from_row),
             c = hn::LoadU(d, from + 2 * from_row), e = hn::LoadU(d, from + 3 * from_row);
  const auto ac_low = hn::InterleaveLower(d, a, c), ac_high = hn::InterleaveUpper(d, a, c);
  const auto be_low = hn::InterleaveLower(d, b, e), be_high = hn::InterleaveUpper(d, b, e);
  hn::StoreU(hn::InterleaveLower(d, ac_low, be_low), d, to);
  hn::StoreU(hn::InterleaveUpper(d, ac_low, be_low), d, to + to_row);
  hn::StoreU(hn::InterleaveLower(d, ac_high, be_high), d, to + 2 * to_row);
  hn::StoreU(hn::InterleaveUpper(d, ac_high, be_high), d, to + 3 * to_row);
}
#endif

void Transpose(const float* from, int64_t from_row, int rows, int columns, float* to,
               int64_t to_row) {
  const int whole_rows = rows / kSide * kSide, whole_columns = columns / kSide * kSide;
  for (int i = 0; i < whole_rows; i += kSide) {
    for (int j = 0; j < whole_columns; j += kSide)
      transpose_block(from + i * from_row + j, from_row, to + j * to_row + i, to_row);
  }
  for (int i = 0; i < rows; ++i) {
    for (int j = i < whole_rows ? whole_columns : 0; j < columns; ++j)
      to[j * to_row + i] = from[i * from_row + j];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(Transpose);
void transpose(const float* from, int64_t from_row, int rows, int columns, float* to,
               int64_t to_row) {
  GSX_DISPATCH(Transpose)(from, from_row, rows, columns, to, to_row);
}
}  // namespace gsx::kernels
#endif
