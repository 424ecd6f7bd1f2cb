// ONNX files of the newest exporters and of ONNX Runtime's quantisation, against their reference
// outputs ([data]: only where those files are). One row per file.
#include <algorithm>
#include <cmath>
#include <fstream>

#include "engine/io/npy.h"
#include "models/import/import.h"
#include "tests/data.h"
#include "tests/models/helpers.h"

using namespace gsx;

namespace {

struct Row {
  const char* file;         // without .onnx
  const char* reference;    // what its input and output are called
  double tolerance = 1e-4;  // of the output's range, at worst
  double rms = 1;           // the same, root mean square: where single roundings may fall otherwise
};

// The quantised ones: a value next to a rounding boundary falls to the other side with any other
// order of a sum, and that is one step of a grid at a place. Of the root mean square nothing shows.
constexpr double kStep = 2e-2, kQuiet = 1e-3;

const Row kRows[] = {
    {"animegan2.dynamo", "animegan2"},
    {"animegan2.ts", "animegan2"},
    {"biggan.dynamo", "biggan"},
    {"cartoongan.dynHW.dynamo", "cartoongan"},
    {"cartoongan.dynHW.ts", "cartoongan"},
    {"cartoongan.dynamo", "cartoongan"},
    {"cartoongan.ts", "cartoongan"},
    {"convnext.ts", "convnext"},
    {"cut.dynamo", "cut"},
    {"cut.ts", "cut"},
    {"cyclegan.dynHW.dynamo", "cyclegan"},
    {"cyclegan.dynHW.ts", "cyclegan"},
    {"cyclegan.dynamo", "cyclegan"},
    {"cyclegan.ts", "cyclegan"},
    {"cyclegan.q_default", "cyclegan", kStep, kQuiet},
    {"cyclegan.q_perch", "cyclegan", kStep, kQuiet},
    {"cyclegan.q_reduce", "cyclegan", kStep, kQuiet},
    {"cyclegan.q_s16", "cyclegan", kStep, kQuiet},
    {"cyclegan_affine.dynamo", "cyclegan_affine"},
    {"cyclegan_affine.fp16", "cyclegan_affine.fp16", 5e-3},
    {"cyclegan_affine.opset18", "cyclegan_affine"},
    {"cyclegan_affine.opset21", "cyclegan_affine"},
    {"cyclegan_affine.opset23", "cyclegan_affine"},
    {"cyclegan_affine.ts", "cyclegan_affine"},
    {"cyclegan_affine.ts_nofold", "cyclegan_affine"},
    {"cyclegan_affine.ts_opset11", "cyclegan_affine"},
    {"cyclegan_affine.ts_opset13", "cyclegan_affine"},
    {"cyclegan_affine.ts_opset17", "cyclegan_affine"},
    {"cyclegan_bn.dynamo", "cyclegan_bn"},
    {"cyclegan_bn.ts", "cyclegan_bn"},
    {"cyclegan_drop_eval.dynamo", "cyclegan_drop_eval"},
    {"cyclegan_drop_eval.ts", "cyclegan_drop_eval"},
    {"esrgan.dynamo", "esrgan"},
    {"esrgan.ts", "esrgan"},
    {"ext_data", "cyclegan_affine"},
    {"fast_style.dynamo", "fast_style"},
    {"fast_style.ts", "fast_style"},
    {"pix2pix.dynHW.dynamo", "pix2pix"},
    {"pix2pix.dynHW.ts", "pix2pix"},
    {"pix2pix.dynamo", "pix2pix"},
    {"pix2pix.ts", "pix2pix"},
    {"pix2pix.q_default", "pix2pix", kStep, kQuiet},
    {"pix2pix.q_reduce", "pix2pix", kStep, kQuiet},
    {"pixelnorm.dynamo", "pixelnorm"},
    {"pixelnorm.ts", "pixelnorm"},
    {"sngan.dynamo", "sngan"},
    {"stargan.dynamo", "stargan"},
    {"stargan.ts", "stargan"},
    {"ugatit.dynamo", "ugatit"},
    {"ugatit.ts", "ugatit"},
    {"whitebox.dynamo", "whitebox"},
    {"whitebox.ts", "whitebox"},
};

Tensor input_of(const ContextPtr& context, const std::filesystem::path& path) {
  NpyArray array = read_npy(path);
  if (array.shape.size() == 1) array.shape.push_back(1);
  return Tensor::from(context, array.values, Shape(array.shape.begin(), array.shape.end()));
}

}  // namespace

TEST_CASE("ONNX: every shared file gives its reference output", "[data]") {
  const auto folder = require_data() / "onnx";
  const ContextPtr context = Context::create();
  const NoGrad no_grad;
  for (const Row& row : kRows) {
    const std::string file = row.file, reference = row.reference;
    INFO(file);
    const std::filesystem::path exact = folder / (file + ".exact.npy");
    const bool quantised = std::filesystem::exists(exact);
    const NpyArray want = read_npy(quantised ? exact : folder / (reference + ".output.npy"));
    std::vector<Tensor> in = {input_of(context, folder / (reference + ".input.npy"))};
    ImportOptions options;
    if (in[0].shape().rank() == 4) options.options["size"] = {in[0].dim(2), in[0].dim(3)};
    const Imported imported = import_model(context, folder / (file + ".onnx"), options);
    if (imported.graph.inputs().size() == 2)
      in.push_back(input_of(context, folder / (reference + ".input1.npy")));
    const std::vector<float> got = imported.graph.evaluate(in)[0].to_vector();
    REQUIRE(got.size() == want.values.size());
    const auto [lo, hi] = std::minmax_element(want.values.begin(), want.values.end());
    const double range = double{*hi} - *lo;
    double worst = 0, squares = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      const double d = std::abs(double{got[i]} - want.values[i]);
      worst = std::isnan(d) ? INFINITY : std::max(worst, d);
      squares += d * d;
    }
    CHECK(worst / range <= row.tolerance);
    CHECK(std::sqrt(squares / static_cast<double>(got.size())) / range <= row.rms);
  }
}

TEST_CASE("ONNX: an epsilon in 32 bits is the number that was meant", "[data]") {
  const Graph graph =
      import_model(Context::create(), require_data() / "onnx" / "cyclegan_affine.dynamo.onnx")
          .graph;
  int norms = 0;
  for (int i = 0; i < graph.size(); ++i) {
    if (graph.node(i).kind() != "instance_norm") continue;
    CHECK(graph.node(i).attributes().at("eps").dump() == "1e-05");
    ++norms;
  }
  CHECK(norms == 9);
}

TEST_CASE("ONNX: quantised files run on the integer program, or say that they do not", "[data]") {
  const auto folder = require_data() / "onnx";
  const ContextPtr context = Context::create();
  const auto of = [&](const std::string& file) {
    return import_model(context, folder / (file + ".onnx"));
  };
  for (const std::string file : {"cyclegan.q_default", "cyclegan.q_perch", "cyclegan.q_reduce",
                                 "cyclegan.q_qop", "pix2pix.q_default", "pix2pix.q_qop"}) {
    INFO(file);
    CHECK(of(file).graph.quantized());
  }
  const Imported real = of("cyclegan.q_s16");
  CHECK(!real.graph.quantized());
  std::string notes;
  for (const std::string& note : real.notes) notes += note;
  CHECK(notes.find("whose grids the integer program cannot run on") != std::string::npos);
}

// ONNX Runtime has no exact result of these; they are held to the network that was quantised.
TEST_CASE("ONNX: graphs of quantised operators are near the network they are of", "[data]") {
  const auto folder = require_data() / "onnx";
  const ContextPtr context = Context::create();
  const NoGrad no_grad;
  for (const std::string name : {"cyclegan", "pix2pix"}) {
    INFO(name);
    const Imported imported = import_model(context, folder / (name + ".q_qop.onnx"));
    const Tensor x = input_of(context, folder / (name + ".input.npy"));
    const std::vector<float> got = imported.graph.evaluate(x).to_vector();
    const NpyArray want = read_npy(folder / (name + ".output.npy"));
    double squares = 0;
    for (size_t i = 0; i < got.size(); ++i) squares += std::pow(got[i] - want.values[i], 2);
    CHECK(std::sqrt(squares / static_cast<double>(got.size())) <= 0.05);
  }
}
