// ldmatrix, and mma.sync of TF32 and BF16. Fragments lie as the PTX manual draws them. A result is
// c plus the products in order of k, each added by one fma: the emulator does the same; in which
// order and precision a tensor core adds, only a GPU can show.
#include <cmath>

#include "tests/ptx/machine/address.h"
#include "tests/ptx/machine/decoder.h"
#include "tests/ptx/machine/half.h"
#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {
namespace {

void whole_warp(uint32_t mask) {
  if (mask != kAllLanes) throw Fault{"not all lanes of the warp are here", std::countr_zero(~mask)};
}

const uint32_t* element(Warp& w, uint32_t list, int k) {
  return lanes<uint32_t>(w, w.kernel->lists[list + static_cast<uint32_t>(k)]);
}

// count 8x8 matrices of 16 bits; lanes 8m .. 8m+7 hold the addresses of matrix m's rows.
template <bool kTransposed>
void load_matrix(Warp& w, const Instruction& i, uint32_t mask) {
  whole_warp(mask);
  for (int m = 0; m < i.count; ++m) {
    uint16_t matrix[8][8];
    for (int row = 0; row < 8; ++row) {
      const int lane = 8 * m + row;
      const uint64_t address = address_of(w, i, i.b != 0, lane) & ~kSharedWindow;
      std::memcpy(matrix[row], locate(w, Space::shared, Access::read, address, 16, lane), 16);
    }
    uint32_t* d = lanes<uint32_t>(w, w.kernel->lists[i.list + static_cast<uint32_t>(m)]);
    for (int lane = 0; lane < kLanes; ++lane) {
      const int row = lane / 4, column = lane % 4 * 2;
      const uint32_t low = kTransposed ? matrix[column][row] : matrix[row][column];
      const uint32_t high = kTransposed ? matrix[column + 1][row] : matrix[row][column + 1];
      d[lane] = high << 16 | low;
    }
  }
}

void decode_ldmatrix(Decoder& d) {
  d.require(d.take("sync") && d.take("aligned") && d.take("m8n8"));
  d.out.count = d.take("x1") ? 1 : d.take("x2") ? 2 : d.take("x4") ? 4 : 0;
  d.require(d.out.count != 0);
  d.out.run = d.take("trans") ? load_matrix<true> : load_matrix<false>;
  d.require(d.take("shared") || d.take("shared::cta"));
  d.require(d.type() == Type::b16);
  d.out.list = d.targets(d.operand(0));
  bool wide = false;
  d.address(1, Space::shared, wide);
  d.out.b = wide ? 1 : 0;
}

// The element at (row, k) of the 16 x K matrix A and at (k, column) of the K x 8 matrix B.
struct Tf32 {
  static constexpr int kDepth = 8;
  static float value(uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000u); }
  static float a(Warp& w, const Instruction& i, int row, int k) {
    return value(element(w, i.a, row / 8 + k / 4 * 2)[row % 8 * 4 + k % 4]);
  }
  static float b(Warp& w, const Instruction& i, int k, int column) {
    return value(element(w, i.b, k / 4)[column * 4 + k % 4]);
  }
};

struct Brain {
  static constexpr int kDepth = 16;
  static float half(uint32_t bits, int k) {
    return from_bf16(static_cast<uint16_t>(bits >> 16 * (k % 2)));
  }
  static float a(Warp& w, const Instruction& i, int row, int k) {
    return half(element(w, i.a, row / 8 + k / 8 * 2)[row % 8 * 4 + k % 8 / 2], k);
  }
  static float b(Warp& w, const Instruction& i, int k, int column) {
    return half(element(w, i.b, k / 8)[column * 4 + k % 8 / 2], k);
  }
};

template <class Format>
void multiply(Warp& w, const Instruction& i, uint32_t mask) {
  whole_warp(mask);
  float a[16][Format::kDepth], b[Format::kDepth][8], d[16][8];
  for (int k = 0; k < Format::kDepth; ++k) {
    for (int row = 0; row < 16; ++row) a[row][k] = Format::a(w, i, row, k);
    for (int column = 0; column < 8; ++column) b[k][column] = Format::b(w, i, k, column);
  }
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      const uint32_t bits = element(w, i.c, row / 8 * 2 + column % 2)[row % 8 * 4 + column / 2];
      d[row][column] = std::bit_cast<float>(bits);
      for (int k = 0; k < Format::kDepth; ++k) {
        d[row][column] = std::fma(a[row][k], b[k][column], d[row][column]);
      }
    }
  }
  for (int part = 0; part < 4; ++part) {
    uint32_t* to = lanes<uint32_t>(w, w.kernel->lists[i.d + static_cast<uint32_t>(part)]);
    for (int lane = 0; lane < kLanes; ++lane) {
      to[lane] = std::bit_cast<uint32_t>(d[lane / 4 + part / 2 * 8][lane % 4 * 2 + part % 2]);
    }
  }
}

void decode_mma(Decoder& d) {
  d.require(d.take("sync") && d.take("aligned"));
  const bool tf32 = d.take("m16n8k8");
  d.require(tf32 || d.take("m16n8k16"));
  d.require(d.take("row") && d.take("col") && d.type() == Type::f32);
  const Type type = tf32 ? Type::tf32 : Type::bf16;
  d.require(d.type() == type && d.type() == type && d.type() == Type::f32);
  d.out.run = tf32 ? multiply<Tf32> : multiply<Brain>;
  d.out.d = d.targets(d.operand(0));
  d.out.a = d.sources(d.operand(1), Type::b32);
  d.out.b = d.sources(d.operand(2), Type::b32);
  d.out.c = d.sources(d.operand(3), Type::f32);
  d.require(d.operand(0).elements.size() == 4 && d.operand(1).elements.size() == 4 &&
            d.operand(2).elements.size() == 2 && d.operand(3).elements.size() == 4);
}

}  // namespace

void add_matrix(DecodeTable& table) {
  table["ldmatrix"] = decode_ldmatrix;
  table["mma"] = decode_mma;
}

}  // namespace gsx::ptx
