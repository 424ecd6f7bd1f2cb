// Files that gsx 0.1.0 wrote (tests/fixtures/0.1.0): its models load and compute the same bits, and
// its runs go on to the model they would have become.
#include <filesystem>
#include <map>

#include "engine/io/image.h"
#include "kernels/isa.h"
#include "models/graph.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;
using namespace gsx;

namespace {

const fs::path kFiles = fs::path(GSX_SOURCE_DIR) / "tests" / "fixtures" / "0.1.0";

// Bits depend on the instruction set, so everything here was and is computed on this one.
bool has_instruction_set() {
  for (const std::string_view isa : kernels::isas())
    if (isa == "avx2") return true;
  WARN("the files of 0.1.0 were computed with AVX2, which this machine lacks");
  return false;
}

std::vector<std::string> on_it(std::vector<std::string> words) {
  words.insert(words.end(), {"--isa", "avx2", "--threads", "1"});
  return words;
}

// Every parameter's values by name.
std::map<std::string, std::vector<float>> values(const fs::path& model) {
  Graph graph = load_model(Context::create({.threads = 1}), model);
  std::map<std::string, std::vector<float>> all;
  for (const Parameter* p : graph.parameters())
    if (p->value.defined()) all[p->name] = p->value.to_vector();
  return all;
}

}  // namespace

TEST_CASE("0.1.0: runs that were stopped while slimming and finetuning end with the same model") {
  if (!has_instruction_set()) return;
  for (const char* stopped : {"slim", "finetune"}) {
    INFO(stopped);
    const TempDir dir;
    const fs::path run = dir / "run";
    fs::copy(kFiles / stopped, run, fs::copy_options::recursive);
    for (const char* network : {"teacher.safetensors", "discriminator.safetensors"})
      fs::copy_file(kFiles / network, run / network);
    const auto resumed = run_program(on_it({"train", "--resume", run.string()}));
    INFO(resumed.err);
    CHECK(resumed.exit_code == 0);
    CHECK(values(run / "model.safetensors") == values(kFiles / "model.safetensors"));
  }
}

TEST_CASE("0.1.0: models make the same images, in full precision and as integer programs") {
  if (!has_instruction_set()) return;
  const TempDir dir;
  for (const std::string model : {"teacher", "model"}) {
    INFO(model);
    const fs::path made = dir / (model + ".png");
    const auto translated =
        run_program(on_it({"translate", (kFiles / (model + ".safetensors")).string(),
                           (kFiles / "image.png").string(), "--out", made.string()}));
    INFO(translated.err);
    REQUIRE(translated.exit_code == 0);
    CHECK(read_image(made).rgb == read_image(kFiles / ("image-" + model + ".png")).rgb);
  }
}
