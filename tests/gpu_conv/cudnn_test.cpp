// Convolutions by cuDNN, whose place a library of the test takes (fake_cudnn): what it is told, how
// data come to it and back, and what is said where it is missing or refuses.
#include <dlfcn.h>

#include "tests/catch.h"
#include "tests/gpu_conv/conv_cases.h"
#include "tests/library_refusals.h"

using namespace gpu_conv;
using gsx::kernels::Cudnn;
using gsx::kernels::Failure;
using gsx::kernels::Lookup;
using gsx::kernels::QuantizedImage;
using gsx::kernels::QuantizedType;
using gsx::test::Setting;

namespace {

const auto& table = gsx::kernels::emulated::cudnn_conv;

int fake_count(const char* function) {
  void* library = dlopen(GSX_FAKE_CUDNN_LIBRARY, RTLD_NOW);
  REQUIRE(library);
  const int count = reinterpret_cast<int (*)()>(dlsym(library, function))();
  dlclose(library);
  return count;
}

struct Mode {
  MathMode math;
  double bound;
};

}  // namespace

TEST_CASE("cuDNN's passes agree with loops in double") {
  const Setting library("GSX_CUDNN", GSX_FAKE_CUDNN_LIBRARY);
  Cudnn cudnn(nullptr, Lookup::named);
  CHECK(cudnn.version() == "9.1.2");
  for (const Mode mode :
       {Mode{MathMode::fp32, 2e-6}, {MathMode::tf32, 2e-6}, {MathMode::bf16, 8e-3}}) {
    for (const Case& t : cases()) {
      INFO(t.name() << " mode " << static_cast<int>(mode.math));
      const Data d(t);
      const Outputs o = run_all(table, mode.math, d, &cudnn);
      const Reference r(d);
      CHECK(distance(o.y_without_bias, r.y) <= mode.bound);
      CHECK(distance(o.gx, r.gx) <= mode.bound);
      CHECK(distance(o.gw, r.gw) <= mode.bound);
      CHECK(distance(o.gbias, r.gbias) <= 2e-6);
      check_lanes(d, o);
      const size_t cs = static_cast<size_t>(d.shape.y().cs);
      for (size_t i = 0; i < o.y.size(); ++i) {
        const double bias = i % cs < d.bias.size() ? d.bias[i % cs] : 0;
        CHECK(std::abs(o.y[i] - o.y_without_bias[i] - bias) <= 1e-5);
      }
      // BF16 takes place: otherwise its bound tests nothing.
      if (mode.math == MathMode::bf16 && t.c > 4 && t.k > 4) CHECK(distance(o.gx, r.gx) > 1e-5);
    }
  }
}

TEST_CASE("cuDNN's gradients of filters add when asked") {
  const Setting library("GSX_CUDNN", GSX_FAKE_CUDNN_LIBRARY);
  Cudnn cudnn(nullptr, Lookup::named);
  for (const MathMode math : {MathMode::fp32, MathMode::bf16}) {
    for (const Case& t : cases()) {
      INFO(t.name());
      const Data d(t), other(t, round_bf16);
      const Outputs alone = run_all(table, math, d, &cudnn);
      Floats gw = other.w;
      Scratch scratch(math, &cudnn);
      table.backward_weight(scratch.exec, d.shape, d.x.data(), d.gy.data(), true, gw.data());
      for (size_t i = 0; i < gw.size(); ++i) REQUIRE(gw[i] == other.w[i] + alone.gw[i]);
    }
  }
}

TEST_CASE("cuDNN is asked once per shape and gets its descriptors back") {
  const Setting library("GSX_CUDNN", GSX_FAKE_CUDNN_LIBRARY);
  void* keep = dlopen(GSX_FAKE_CUDNN_LIBRARY, RTLD_NOW);  // its counts stay
  const int before = fake_count("fake_cudnn_live");
  {
    Cudnn cudnn(nullptr, Lookup::anywhere);
    const Data d(cases()[0]);
    run_all(table, MathMode::fp32, d, &cudnn);
    const int plans = fake_count("fake_cudnn_plans");
    run_all(table, MathMode::fp32, d, &cudnn);
    CHECK(fake_count("fake_cudnn_plans") == plans);
    CHECK(fake_count("fake_cudnn_live") > before);
  }
  CHECK(fake_count("fake_cudnn_live") == before);
  dlclose(keep);
}

TEST_CASE("integer convolutions stay ours under cuDNN") {
  Scratch scratch(MathMode::fp32);  // without a library
  const ConvShape s = Case{1, 5, 4, 4, 6, 3, 3, 1, 1, 1, 1, 1}.shape();
  const std::vector<int16_t> x(static_cast<size_t>(s.x.size()), 3);
  const std::vector<int8_t> w(static_cast<size_t>(s.w.size()), -2);
  std::vector<int32_t> y(static_cast<size_t>(s.y().size())), ours = y;
  const QuantizedImage quantized{x.data(), QuantizedType::s16, {0, 255}};
  const std::vector<int8_t> packed = table.pack_quantized(s, w.data());
  table.forward_quantized(scratch.exec, s, quantized, packed.data(), y.data(), {});
  emulated_conv.forward_quantized(scratch.exec, s, quantized, packed.data(), ours.data(), {});
  CHECK(y == ours);
}

TEST_CASE("a cuDNN that cannot be used says why and what to do") {
  gsx::test::check_refusals({.name = "cuDNN",
                             .prefix = "cudnn",
                             .variable = "GSX_CUDNN",
                             .flag = "--conv-provider",
                             .versions = "cuDNN 9",
                             .first_function = "cudnnGetVersion",
                             .stand_in = GSX_FAKE_CUDNN_LIBRARY,
                             .stand_in_mode = "GSX_FAKE_CUDNN",
                             .needed = "9.0.0",
                             .old = "8.9.7",
                             .not_started = "CUDNN_STATUS_NOT_INITIALIZED"},
                            [](Lookup lookup) { Cudnn(nullptr, lookup); });
  const Setting library("GSX_CUDNN", GSX_FAKE_CUDNN_LIBRARY);
  const Setting unsure("GSX_FAKE_CUDNN", "unsure");
  Cudnn cudnn(nullptr, Lookup::named);
  CHECK_THROWS_WITH(run_all(table, MathMode::fp32, Data(cases()[0]), &cudnn),
                    "cudnn: choosing how to compute a convolution: of 4 algorithms none gives the "
                    "same bits on every run; compute with --conv-provider gsx");
}
