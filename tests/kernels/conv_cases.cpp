// Shapes and data; see conv_cases.h.
#include "tests/kernels/conv_cases.h"

#include <limits>
#include <random>
#include <sstream>

namespace conv_cases {

std::string Case::name() const {
  std::ostringstream o;
  o << (transposed ? "transposed " : "") << n << "x" << c << "x" << h << "x" << w << " -> " << k
    << ", " << r << "x" << s << " stride " << stride.y << "," << stride.x << " pad " << top << " "
    << bottom << " " << left << " " << right
    << (mode == PadMode::reflect     ? " reflect"
        : mode == PadMode::replicate ? " replicate"
                                     : "")
    << " dilation " << dilation.y << "," << dilation.x << " groups " << groups;
  return o.str();
}

std::vector<Case> cases() {
  return {
      {1, 3, 16, 17, 32, 9, 9, 1, 4, 4, 4, 4, kReflect},   // fast-style, first
      {2, 32, 15, 14, 3, 9, 9, 1, 4, 4, 4, 4, kReflect},   // fast-style, last
      {2, 3, 9, 11, 8, 7, 7, 1, 3, 3, 3, 3, kZero},        //
      {1, 33, 7, 9, 37, 3, 3, 1, 1, 1, 1, 1, kZero},       // a pruned layer
      {2, 24, 12, 9, 40, 3, 3, 1, 1, 1, 1, 1, kReflect},   //
      {3, 16, 33, 5, 16, 3, 3, 1, 0, 2, 2, 0, kZero},      // asymmetric
      {1, 20, 10, 7, 12, 3, 3, 1, 2, 0, 1, 2, kReflect},   //
      {2, 16, 13, 12, 24, 3, 3, 2, 1, 1, 1, 1, kZero},     // stride 2, odd and even
      {1, 3, 15, 15, 64, 3, 3, 2, 0, 0, 0, 0, kZero},      // SqueezeNet, first
      {2, 3, 14, 15, 24, 4, 4, 2, 1, 1, 1, 1, kZero},      // PatchGAN, first
      {1, 40, 9, 8, 1, 4, 4, 1, 1, 1, 1, 1, kZero},        // PatchGAN, last
      {1, 24, 9, 9, 33, 4, 4, 1, 1, 1, 1, 1, kZero},       //
      {2, 33, 5, 6, 16, 1, 1, 1, 0, 0, 0, 0, kZero},       //
      {5, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, kZero},         //
      {1, 7, 1, 3, 5, 3, 3, 1, 1, 1, 1, 1, kZero},         //
      {1, 4, 9, 10, 2, 2, 3, 3, 1, 0, 2, 1, kZero},        // stride 3, rows lost at the end
      {1, 9, 8, 8, 9, 1, 1, 2, 0, 0, 0, 0, kZero},         // a kernel smaller than its stride
      {1, 2, 20, 21, 4, 5, 3, 2, 2, 2, 1, 1, kReflect},    //
      {1, 16, 7, 6, 9, 3, 3, 2, 1, 0, 1, 0, kZero, true},  // output_padding 1
      {2, 37, 5, 5, 16, 3, 3, 2, 1, 0, 1, 0, kZero, true},
      {1, 16, 6, 7, 3, 4, 4, 2, 1, 1, 1, 1, kZero, true},
      {1, 8, 4, 4, 16, 2, 2, 2, 0, 0, 0, 0, kZero, true},
      {1, 8, 4, 5, 8, 2, 2, 3, 0, -1, 0, -1, kZero, true},  // outputs no input reaches
      {3, 5, 6, 5, 33, 3, 3, 1, 1, 1, 1, 1, kZero, true},
      {1, 3, 3, 3, 1, 5, 4, 3, 3, -2, 1, -1, kZero, true},
  };
}

// What is not plain: strides and dilations of their own along each axis, repeated edges, groups.
std::vector<Case> general_cases() {
  return {
      {1, 3, 9, 11, 5, 1, 7, {1, 2}, 0, 0, 3, 3, kReflect},
      {2, 9, 12, 10, 16, 3, 2, {2, 1}, 1, 1, 0, 1, kZero},
      {1, 24, 13, 9, 17, 3, 3, {3, 2}, 1, 0, 2, 1, kReplicate},
      {2, 5, 3, 4, 3, 5, 5, 1, 4, 3, 2, 7, kReplicate},  // wider than the image
      {1, 16, 12, 13, 24, 3, 3, 1, 2, 2, 2, 2, kZero, false, 2},
      {2, 3, 14, 11, 8, 3, 3, {1, 2}, 2, 2, 3, 3, kReflect, false, {2, 3}},
      {1, 17, 15, 9, 3, 4, 3, 2, 3, 2, 1, 1, kReplicate, false, {3, 1}},
      {1, 4, 11, 12, 2, 3, 2, {2, 3}, 2, 2, 1, 1, kZero, false, {2, 3}},
      {1, 1, 9, 7, 1, 2, 3, 2, 1, 2, 2, 1, kZero, false, 2},
      {1, 16, 7, 6, 9, 3, 3, {2, 1}, 1, 0, 1, 1, kZero, true},
      {2, 9, 5, 6, 17, 3, 4, {3, 2}, 1, -1, 1, 0, kZero, true},
      {1, 8, 6, 5, 8, 3, 3, 2, 2, 1, 2, 1, kZero, true, 2},  // every other row reached
      {1, 5, 6, 7, 24, 3, 2, {4, 2}, 2, 1, 1, 1, kZero, true, {6, 3}},
      {1, 3, 5, 4, 2, 2, 2, 3, 1, 0, 0, -2, kZero, true, {2, 3}},
      // Groups.
      {2, 8, 9, 7, 12, 3, 3, 1, 1, 1, 1, 1, kZero, false, 1, 4},
      {1, 34, 8, 9, 6, 3, 3, 2, 1, 1, 1, 1, kReflect, false, 1, 2},
      {1, 6, 9, 8, 18, 3, 1, {1, 2}, 2, 2, 0, 0, kReplicate, false, {2, 1}, 3},
      {2, 12, 5, 6, 8, 4, 4, 2, 1, 1, 1, 1, kZero, true, 1, 4},
      {1, 5, 7, 8, 15, 3, 3, 1, 1, 1, 1, 1, kZero, false, 1, 5},  // three filters a channel
      {1, 64, 20, 21, 64, 3, 3, 1, 1, 1, 1, 1, kReflect, false, 1, 2},
      // Depthwise.
      {2, 24, 9, 11, 24, 3, 3, 1, 1, 1, 1, 1, kZero, false, 1, 24},
      {1, 3, 12, 7, 3, 5, 5, 2, 2, 2, 2, 2, kReflect, false, 1, 3},
      {1, 37, 13, 10, 37, 3, 3, {2, 1}, 2, 2, 1, 3, kReplicate, false, {2, 1}, 37},
      {2, 16, 5, 4, 16, 7, 7, 1, 3, 3, 3, 3, kZero, false, 1, 16},  // no pixel has every tap
      {1, 40, 33, 30, 40, 3, 3, 1, 1, 1, 1, 1, kZero, false, 1, 40},
      {2, 16, 6, 5, 16, 4, 4, 2, 1, 1, 1, 1, kZero, true, 1, 16},
      {1, 9, 4, 5, 9, 3, 3, {3, 2}, 1, -1, 1, 0, kZero, true, {1, 2}, 9},
      {1, 2, 4, 5, 2, 1, 1, 1, 0, 0, 0, 0, kZero, false, 1, 2},
  };
}

// Larger shapes that the fast paths split over several tasks.
std::vector<Case> large_cases() {
  return {
      {2, 64, 33, 30, 48, 3, 3, 1, 1, 1, 1, 1, kReflect},
      {1, 128, 20, 20, 64, 3, 3, 1, 1, 1, 1, 1, kZero},
      {1, 64, 16, 16, 32, 3, 3, 2, 1, 0, 1, 0, kZero, true},
      // Reflected borders whose gradient few tiles spread: asymmetric, tall taps, wide ones.
      {2, 40, 37, 29, 37, 3, 3, 1, 2, 0, 1, 2, kReflect},
      {1, 16, 30, 31, 24, 4, 4, 1, 1, 2, 3, 1, kReflect},
      {1, 24, 26, 25, 16, 2, 3, 1, 0, 1, 1, 1, kReflect},
      // Winograd's other tiles and phases, whole and overhanging.
      {1, 24, 41, 38, 16, 3, 3, 2, 1, 1, 1, 1, kReflect},
      {2, 16, 34, 37, 24, 4, 4, 2, 1, 1, 1, 1, kZero},
      {2, 24, 21, 18, 40, 4, 4, 1, 1, 1, 1, 1, kZero},
      {1, 16, 29, 30, 24, 5, 5, 2, 2, 2, 2, 2, kReflect},
      {1, 16, 30, 31, 8, 7, 7, 2, 3, 3, 3, 3, kZero},
      {1, 24, 20, 17, 16, 4, 4, 2, 1, 1, 1, 1, kZero, true},
      {1, 40, 13, 14, 33, 3, 3, 2, 1, 0, 1, 0, kZero, true},
      {1, 16, 15, 16, 24, 2, 2, 1, 0, 1, 0, 1, kZero},
      {1, 16, 18, 19, 16, 2, 4, 1, 0, 1, 2, 1, kZero},
      {1, 8, 70, 66, 8, 3, 3, 2, 0, 1, 1, 0, kZero},
      // Blocks of tiles of several images and phases. The last tile of an image, which no phase but
      // the directly computed one reaches, is all that one block has of the first image.
      {3, 8, 26, 23, 8, 4, 4, 2, 1, 1, 1, 1, kZero, true},
      {2, 8, 81, 81, 8, 3, 3, 2, 1, 1, 1, 1, kZero, true},
  };
}

Doubles random_values(size_t size, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  Doubles out(size);
  for (double& v : out) v = static_cast<float>(normal(generator));
  return out;
}

Doubles load(const std::vector<float>& w, const FilterView& f) {
  Doubles out;
  for (size_t row = 0; row < w.size() / static_cast<size_t>(f.ks); ++row) {
    for (int k = 0; k < f.k; ++k) {
      out.push_back(
          static_cast<double>(w[row * static_cast<size_t>(f.ks) + static_cast<size_t>(k)]));
    }
  }
  return out;
}

double largest(const Doubles& a) {
  double m = 0;
  for (double v : a) m = std::max(m, std::abs(v));
  return m;
}

double distance(const Doubles& a, const Doubles& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(a[i] - b[i]);
    worst = d <= worst ? worst : d;  // a NaN replaces worst and stays
  }
  return largest(b) > 0 ? worst / largest(b) : worst;
}

std::vector<float> poisoned(int64_t size) {
  return std::vector<float>(static_cast<size_t>(size), std::numeric_limits<float>::quiet_NaN());
}

Outputs run_all(const Data& d, int threads, ConvAlgo algo, int isa) {
  ThreadPool pool(threads);
  Workspace workspace;
  Exec e{&pool, &workspace, nullptr, algo};
  e.isa = isa;
  const View y = d.shape.y();
  const auto x = store(d.x, d.shape.x), w = store(d.w, d.shape.w), gy = store(d.gy, y);
  const std::vector<float> bias(d.bias.begin(), d.bias.end());
  // Scratch must not be assumed to be zero.
  {
    Workspace::Scope scope(workspace);
    std::memset(workspace.take(size_t{1} << 22), 0xff, size_t{1} << 22);
  }
  const int64_t planes = int64_t{y.n} * y.c;
  Outputs o{poisoned(y.size()), poisoned(planes),           poisoned(planes),
            poisoned(y.size()), poisoned(d.shape.x.size()), poisoned(d.shape.w.size()),
            poisoned(y.c)};
  cpu_conv.forward(e, d.shape, x.data(), w.data(), bias.data(), o.y.data(),
                   {o.mean.data(), o.var.data()});
  auto alone = poisoned(y.size());
  cpu_conv.forward(e, d.shape, x.data(), w.data(), bias.data(), alone.data(), {});
  REQUIRE(same_bits(o.y, alone));
  cpu_conv.forward(e, d.shape, x.data(), w.data(), nullptr, o.y_without_bias.data(), {});
  cpu_conv.backward_input(e, d.shape, gy.data(), w.data(), o.gx.data());
  cpu_conv.backward_weight(e, d.shape, x.data(), gy.data(), false, o.gw.data());
  cpu_conv.backward_bias(e, y, gy.data(), false, o.gbias.data());
  REQUIRE(x == store(d.x, d.shape.x));
  REQUIRE(w == store(d.w, d.shape.w));
  REQUIRE(gy == store(d.gy, y));
  return o;
}

}  // namespace conv_cases
