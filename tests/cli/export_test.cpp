// gsx export, as users call it.
#include <filesystem>

#include "engine/io/npy.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

const std::string kQuantized =
    std::string(GSX_SOURCE_DIR) + "/tests/fixtures/0.1.0/model.safetensors";  // of 8 bits

std::string fails(const std::vector<std::string>& arguments, int code) {
  const ProcessResult r = run_program(arguments);
  CHECK(r.exit_code == code);
  return r.err;
}

}  // namespace

TEST_CASE("export: what is written computes the same, also by another size") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  const std::string model = save_generator(dir / "model.safetensors");
  REQUIRE(run_program({"export", model, at("model.onnx")}).exit_code == 0);
  std::vector<float> values;
  for (int i = 0; i < 3 * 24 * 16; ++i) values.push_back(static_cast<float>(i * 37 % 256));
  write_npy(dir / "in.npy", Tensor::from(Context::create(), values, {1, 3, 24, 16}));
  for (const char* from : {"model.safetensors", "model.onnx"}) {
    const ProcessResult r =
        run_program({"translate", at(from), at("in.npy"), "--out", at(from) + std::string(".npy")});
    INFO(r.err);
    REQUIRE(r.exit_code == 0);
  }
  const std::vector<float> a =
      read_npy(Context::create(), dir / "model.safetensors.npy").to_vector();
  const std::vector<float> b = read_npy(Context::create(), dir / "model.onnx.npy").to_vector();
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) < 0.05f);
}

TEST_CASE("export: 8-bit models have three forms, others one") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  for (const std::string format : {"onnx", "onnx-qdq", "onnx-int8"}) {
    INFO(format);
    const std::string file = at((format + ".onnx").c_str());
    REQUIRE(run_program({"export", kQuantized, file, "--format", format}).exit_code == 0);
    const std::string content = read_text(file);
    CHECK((content.find("QuantizeLinear") != std::string::npos) == (format != "onnx"));
    CHECK((content.find("ConvInteger") != std::string::npos) == (format == "onnx-int8"));
  }
  const std::string model = save_generator(dir / "model.safetensors");
  CHECK_THAT(fails({"export", model, at("x.onnx"), "--format", "onnx-qdq"}, 2),
             Contains("is for 8-bit models"));
}

TEST_CASE("export: what cannot be is told before anything is written") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  const std::string model = save_generator(dir / "model.safetensors");
  const std::string before = read_text(model);
  CHECK_THAT(fails({"export", model, at("x.png")}, 2), Contains("must name a .onnx file"));
  CHECK_THAT(fails({"export", model, model}, 2), Contains("must name a .onnx file"));
  CHECK_THAT(fails({"export", model, at("x.onnx"), "--opset", "9"}, 2), Contains("--opset"));
  CHECK_THAT(fails({"export", model, at("x.onnx"), "--size", "8by8"}, 2), Contains("--size"));
  CHECK_THAT(fails({"export", model, at("none/x.onnx")}, 1), Contains("there is no folder"));
  CHECK_THAT(fails({"export", at("none.safetensors"), at("x.onnx")}, 1), Contains("none.safetens"));
  fs::copy_file(model, dir / "odd.onnx");
  CHECK_THAT(fails({"export", at("odd.onnx"), at("odd.onnx")}, 1), Contains("would be replaced"));
  CHECK(read_text(model) == before);
  CHECK_FALSE(fs::exists(at("x.onnx")));
}
