// gsx translate of ONNX files and raw tensors: a second input, channels last, and what is refused.
#include "engine/io/npy.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/golden/golden_file.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

// A case of tests/golden/make_onnx.py as files: model.onnx, 0.npy, 1.npy.
struct OnnxCase {
  explicit OnnxCase(const std::string& case_name) : name(case_name), file("onnx.safetensors") {
    std::ofstream out(dir / "model.onnx", std::ios::binary);
    for (const float b : file.at(name + "/model").values)
      out.put(static_cast<char>(static_cast<int>(b)));
    out.close();
    for (int i = 0; file.has(name + "/in/" + std::to_string(i)); ++i) {
      const golden::Entry& e = file.at(name + "/in/" + std::to_string(i));
      write_npy(dir / (std::to_string(i) + ".npy"), {e.shape.begin(), e.shape.end()}, e.values);
    }
  }
  ProcessResult translate(std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {"translate", "model.onnx", "0.npy", "--out",
                                      "y.npy",     "--threads",  "1"};
    words.insert(words.end(), more.begin(), more.end());
    ProcessOptions options;
    options.folder = dir.path();
    return run_program(words, options);
  }
  void agrees(const std::vector<std::string>& more = {}) const {
    const ProcessResult r = translate(more);
    INFO(name << ": " << r.err);
    REQUIRE(r.exit_code == 0);
    const NpyArray y = read_npy(dir / "y.npy");
    const golden::Entry& want = file.at(name + "/y");
    CHECK(y.shape == std::vector<int64_t>(want.shape.begin(), want.shape.end()));
    CHECK(golden::relative_error(y.values, want.values) <= 1e-5);
  }
  void refuses(const std::string& why, const std::vector<std::string>& more = {}) const {
    const ProcessResult r = translate(more);
    INFO(name << ": " << r.err);
    CHECK(r.exit_code != 0);
    CHECK(r.err.find(why) != std::string::npos);
    CHECK(!std::filesystem::exists(dir / "y.npy"));
  }

  std::string name;
  golden::File file;
  TempDir dir;
};

}  // namespace

TEST_CASE("gsx translate gives ONNX networks raw tensors, as their files have them") {
  OnnxCase("nhwc").agrees();
  OnnxCase("dynamic").agrees();
  OnnxCase("layer_norm").agrees();
  OnnxCase("pixel_shuffles").agrees();
  OnnxCase("label").agrees({"--second-input", "1.npy"});
  OnnxCase("classes").agrees({"--second-input", "1.npy"});
}

TEST_CASE("gsx translate says what a network's inputs are") {
  OnnxCase("label").refuses("takes a second input, label");
  OnnxCase("nhwc").refuses("takes one input, x", {"--second-input", "0.npy"});
  OnnxCase("label").refuses("expected a tensor [N,5]", {"--second-input", "0.npy"});
  OnnxCase("unmapped").refuses("2 of the 4 operations of this ONNX file cannot be read");
}
