// The moments of a correlation's outputs from those of its warps' pieces; see conv_moments.h.
#include "kernels/cuda/conv_moments.h"

#include "kernels/cuda/conv_launch.h"
#include "kernels/cuda/instance_norm.h"

namespace gsx::kernels::GSX_BACKEND::convolution {
namespace {

constexpr int kColumns = 8, kRows = 32, kThreads = kColumns * kRows;  // channels; parts at a time
static_assert(kThreads == kMergeThreads);                             // what MergeShared holds
constexpr int kRun = 8;  // parts of a thread added in float before double takes over

// One image's parts of one phase: pixels [begin, end) of the phase, `rows` of them to a piece.
struct ImageParts {
  int64_t begin, end;
  int first, count, rows;

  __device__ ImageParts(const Phase& f, int image, int piece_rows) : rows(piece_rows) {
    const int64_t plane = int64_t{f.y.count} * f.x.count;
    begin = image * plane;
    end = begin + plane;
    first = static_cast<int>(begin / rows);
    count = plane > 0 ? static_cast<int>((end - 1) / rows) - first + 1 : 0;
  }
  __device__ float pixels(int part) const {
    const int64_t head = int64_t{first + part} * rows, tail = head + rows;
    return static_cast<float>((tail < end ? tail : end) - (head > begin ? head : begin));
  }
};

// Adds parts k, k + kRows, ... of at most kRun. In float around the mean of the first, of which
// none can lie far; moving the sums to `origin` happens in double, where all digits survive.
__device__ __forceinline__ void add_run(const ImageParts& parts, int k, const float* from,
                                        int64_t cs, float origin, double& s1, double& s2) {
  float value[kRun][3], pixels[kRun];
#pragma unroll
  for (int j = 0; j < kRun; ++j) {
    const bool inside = k + j * kRows < parts.count;
    const int part = inside ? k + j * kRows : k;
    pixels[j] = inside ? parts.pixels(part) : 0.0f;
#pragma unroll
    for (int i = 0; i < 3; ++i) value[j][i] = from[(int64_t{3} * part + i) * cs];
  }
  const float centre = value[0][0] + value[0][1];
  float r1 = 0, r2 = 0, count = 0;
#pragma unroll
  for (int j = 0; j < kRun; ++j) {
    // Beyond the end: no pixels, and no spread.
    const float mean = value[j][0] - centre + value[j][1], sum = pixels[j] * mean;
    r1 += sum;
    r2 += fmaf(sum, mean, pixels[j] > 0 ? value[j][2] : 0.0f);
    count += pixels[j];
  }
  const double move = static_cast<double>(centre) - origin, moved = count * move;
  s1 += r1 + moved;
  s2 += r2 + move * (2.0 * r1 + moved);
}

}  // namespace

// The moments of a block's eight channels in one image; thread (c, r) adds up every 32nd part of
// channel c. Reads 12 bytes per part and channel.
__global__ void __launch_bounds__(kThreads)
    merge_moments_kernel(const MomentCorrelation p, const int piece_rows, const Moments out) {
  const int image = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  const int c = static_cast<int>(blockIdx.y) * kColumns + thread % kColumns;
  const int64_t plane = int64_t{p.out.h} * p.out.w;
  double s1 = 0, s2 = 0;
  float origin = 0;
  if (c < p.out.c) {
    origin = p.out.data[image * plane * p.out.cs + c];
    for (int index = 0; index < p.plan.phases(); ++index) {
      const ImageParts parts(p.plan.phase(index), image, piece_rows);
      const int64_t slot = int64_t{index} * p.slots + parts.first + image;
      const float* from = p.moments + slot * 3 * p.out.cs + c;
#pragma unroll 1
      for (int k = thread / kColumns; k < parts.count; k += kRun * kRows) {
        add_run(parts, k, from, p.out.cs, origin, s1, s2);
      }
    }
  }
  auto& shared = gpu::dynamic_shared<norm::MergeShared>();
  shared.sum[0][thread] = s1;
  shared.sum[1][thread] = s2;
  add_piece_rows(shared, thread, kRows, kColumns);
  if (thread >= kColumns || c >= p.out.c) return;
  norm::store_moments(out, int64_t{image} * p.out.c + c, origin, shared.sum[0][thread],
                      shared.sum[1][thread], plane);
}

bool takes_moments(const FloatCorrelation& c) {
  const int step_y = c.plan.spread ? c.plan.y.stride : 1,
            step_x = c.plan.spread ? c.plan.x.stride : 1;
  const int64_t smallest = int64_t{c.plan.y.out / step_y} * (c.plan.x.out / step_x);
  return c.out.c > 4 && (c.plan.images == 1 || smallest >= kMostPieceRows);
}

MomentPieces::MomentPieces(Exec& exec, const FloatCorrelation& c, int pieces_of_tile,
                           int piece_rows)
    : e(exec), scope(*exec.workspace), correlation{c}, rows(piece_rows) {
  const int64_t pieces = int64_t{c.tiles_m} * pieces_of_tile;
  correlation.slots = checked_count(pieces + c.plan.images - 1);
  correlation.moments =
      e.workspace->take<float>(int64_t{c.plan.phases()} * correlation.slots * 3 * c.out.cs);
}

void MomentPieces::merge(Moments out) const {
  const FloatCorrelation& c = correlation;
  gpu::launch("conv_moments", merge_moments_kernel, {c.plan.images, tiles(c.out.c, kColumns)},
              {kThreads}, sizeof(norm::MergeShared), e.stream, correlation, rows, out);
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
