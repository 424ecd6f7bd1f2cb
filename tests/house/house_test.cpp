// Walks the source tree and holds every file against the rules; planted offences show that the
// rules see them.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/catch.h"
#include "tests/house/rules.h"

namespace {

namespace fs = std::filesystem;

bool is_text(const fs::path& path) {
  static const std::vector<std::string> kEndings = {".h",  ".cpp", ".cu", ".cmake", ".txt", ".in",
                                                    ".md", ".py",  ".sh", ".json",  ""};
  const auto ending = path.extension().string();
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

SourceFile read(const fs::path& root, const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {path.lexically_relative(root).generic_string(),
          {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}};
}

std::vector<SourceFile> source_tree() {
  const fs::path root = GSX_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (const char* folder : {"kernels", "engine", "models", "optim", "gs", "tools", "tests",
                             "benchmarks", "docs", ".ci"}) {
    if (!fs::is_directory(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.is_regular_file() && is_text(entry.path())) {
        files.push_back(read(root, entry.path()));
      }
    }
  }
  for (const char* name : {"CMakeLists.txt", "CMakePresets.json", "README.md", "gsx"}) {
    if (fs::is_regular_file(root / name)) files.push_back(read(root, root / name));
  }
  return files;
}

void expect_none(Offences (*rule)(const SourceFile&)) {
  const auto files = source_tree();
  REQUIRE(files.size() > 20);
  std::string all;
  for (const SourceFile& file : files) {
    for (const std::string& offence : rule(file)) all += "\n" + offence;
  }
  INFO("offences:" << all);
  CHECK(all.empty());
}

}  // namespace

TEST_CASE("layers see only what is to their right") { expect_none(include_offences); }

TEST_CASE("every source file of gs has its own header") { expect_none(own_header_offences); }

TEST_CASE("the build chooses, not the preprocessor") { expect_none(condition_offences); }

TEST_CASE("files are short, introduced, guarded and free of notes and machine paths") {
  expect_none(text_offences);
}

TEST_CASE("std::filesystem is asked without throwing") { expect_none(filesystem_offences); }

TEST_CASE("the layering rule sees what it forbids") {
  const auto offences = [](const std::string& path, const std::string& include) {
    return include_offences({path, "// A file.\n#include " + include + "\n"}).size();
  };
  CHECK(offences("models/graph.cpp", "\"optim/adam.h\"") == 1);
  CHECK(offences("optim/adam.cpp", "\"models/graph.h\"") == 1);
  CHECK(offences("kernels/cpu/conv.cpp", "\"engine/tensor.h\"") == 1);
  CHECK(offences("engine/tensor.cpp", "\"kernels/cpu/simd.h\"") == 1);
  CHECK(offences("gs/train/trainer.cpp", "\"tools/commands.h\"") == 1);
  CHECK(offences("gs/train/trainer.cpp", "\"tests/data.h\"") == 1);
  CHECK(offences("engine/ops/conv.cpp", "<cuda_runtime.h>") == 1);
  CHECK(offences("engine/ops/conv.cpp", "<hwy/highway.h>") == 1);
  CHECK(offences("engine/linalg.h", "<Eigen/Dense>") == 1);
  CHECK(offences("gs/config.cpp", "<toml++/toml.h>") == 1);
  CHECK(offences("engine/tensor.cpp", "\"tensor.h\"") == 1);
  CHECK(offences("engine/tensor.cpp", "\"gpu.h\"") == 1);

  CHECK(offences("gs/train/trainer.cpp", "\"optim/adam.h\"") == 0);
  CHECK(offences("tools/train.cpp", "<CLI/CLI.hpp>") == 1);
  CHECK(offences("tools/command_line.cpp", "<CLI/CLI.hpp>") == 0);
  CHECK(offences("gs/train/checkpoint.cpp", "<nlohmann/json.hpp>") == 1);
  CHECK(offences("engine/json.cpp", "<nlohmann/json.hpp>") == 0);
  CHECK(offences("tools/config_file.cpp", "<toml++/toml.h>") == 0);
  CHECK(offences("gs/recipe_file.cpp", "<toml++/toml.h>") == 0);
  CHECK(offences("kernels/runtime/nvcc/device.h", "<cuda_runtime.h>") == 0);
  CHECK(offences("kernels/cuda/conv.cu", "\"gpu.h\"") == 0);
  CHECK(offences("engine/linalg.cpp", "<Eigen/Dense>") == 0);
}

TEST_CASE("the rules of the rooms of gs see what they forbid") {
  const auto offences = [](const std::string& path, const std::string& include) {
    return include_offences({path, "// A file.\n#include \"" + include + "\"\n"}).size();
  };
  CHECK(offences("gs/passes/extract.cpp", "gs/train/stage.h") == 1);
  CHECK(offences("gs/passes/quantize.h", "gs/config.h") == 1);
  CHECK(offences("gs/passes/extract.cpp", "gs/losses/image_pool.h") == 1);
  CHECK(offences("gs/losses/distance.h", "gs/passes/channels.h") == 1);
  CHECK(offences("gs/images.h", "gs/losses/distance.h") == 1);
  CHECK(offences("gs/recipe.h", "gs/train/slimming_step.h") == 1);
  CHECK(offences("gs/eval/fidelity.cpp", "gs/train/data.h") == 1);

  CHECK(offences("gs/passes/extract.cpp", "gs/passes/channels.h") == 0);
  CHECK(offences("gs/losses/distance.h", "gs/images.h") == 0);
  CHECK(offences("gs/recipe.h", "gs/config.h") == 0);
  CHECK(offences("gs/train/evaluation.h", "gs/eval/fidelity.h") == 0);

  const auto headless = [](const std::string& path, const std::string& include) {
    return own_header_offences({path, "// A.\n#include " + include + "\n"}).size();
  };
  CHECK(headless("gs/passes/budget.cpp", "<cmath>") == 1);
  CHECK(headless("gs/passes/budget.cpp", "\"gs/passes/channels.h\"") == 1);
  CHECK(headless("gs/passes/budget.cpp", "\"gs/passes/budget.h\"") == 0);
  CHECK(headless("gs/train/data_folder.cpp", "\"gs/train/data.h\"") == 0);
  CHECK(headless("gs/train/database.cpp", "\"gs/train/data.h\"") == 1);
}

TEST_CASE("the text rules see what they forbid") {
  CHECK(condition_offences({"engine/a.cpp", "// A.\n#ifdef NDEBUG\n"}).size() == 1);
  CHECK(condition_offences({"kernels/cpu/a.cpp", "// A.\n#if HWY_ONCE\n"}).empty());
  CHECK(text_offences({"engine/a.cpp", "int a;\n"}).size() == 1);
  CHECK(text_offences({"engine/a.h", "// A.\nint a;\n"}).size() == 1);
  CHECK(text_offences({"engine/a.cpp", std::string("// A TO") + "DO.\n"}).size() == 1);
  CHECK(text_offences({"docs/a.md", std::string("see /ho") + "me/me/a\n"}).size() == 1);
  CHECK(text_offences({"CMakeLists.txt", std::string("add_compile_options(-march=") + "native)"})
            .size() == 1);
  std::string long_file = "// A.\n";
  for (int i = 0; i < 400; ++i) long_file += "int a;\n";
  CHECK(text_offences({"engine/a.cpp", long_file}).size() == 1);
}

TEST_CASE("the filesystem rule sees what it forbids") {
  const auto offences = [](const std::string& text) {
    return filesystem_offences({"gs/a.cpp", "// A.\n" + text}).size();
  };
  CHECK(offences("if (fs::exists(path)) return;") == 1);
  CHECK(offences("std::filesystem::create_directories(a / f(b));") == 1);
  CHECK(offences("for (const auto& e : fs::directory_iterator(path, error)) use(e);") == 1);
  CHECK(offences("fs::directory_iterator it(path);") == 1);
  CHECK(offences("for (fs::directory_iterator it(path, error), end; it != end;)") == 0);
  CHECK(offences("a = b ? c : fs::absolute(path, ignored);") == 0);
  CHECK(offences("return fs::is_directory(f(path),\n                        ignored);") == 0);
}
