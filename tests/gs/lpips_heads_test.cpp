// LPIPS heads as they are found beside a network: fitting, not fitting, damaged, absent.
#include "engine/io/safetensors.h"
#include "gs/eval/lpips.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

using namespace gsx;

TEST_CASE("heads beside a feature network are taken where they fit, else a warning") {
  const TempDir dir;
  Graph net = vgg16({.width = 4});
  Rng rng(1);
  net.initialize(Context::create(), rng, {});
  const std::string weights = (dir / "net.safetensors").string();
  save_model(net, weights);
  std::vector<std::string> warnings;
  const auto open = [&] {
    return open_lpips(net, weights, [&](const std::string& text) { warnings.push_back(text); });
  };
  const auto write_heads = [&](const std::vector<int64_t>& channels) {
    SafetensorsWriter heads;
    for (size_t k = 0; k < channels.size(); ++k)
      heads.add("lin" + std::to_string(k) + ".weight", {channels[k]},
                std::vector<float>(static_cast<size_t>(channels[k]), 1.0f));
    heads.write(dir / "heads.safetensors");
  };
  CHECK_FALSE(open());
  CHECK(warnings.empty());
  write_heads({4, 8, 16, 32});
  CHECK(open());
  CHECK(warnings.empty());
  write_heads({4, 8, 16});
  CHECK_FALSE(open());
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("got 3 heads and 4 feature layers") != std::string::npos);
  write_heads({4, 8, 15, 32});
  CHECK_FALSE(open());
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[1].find("head 2 must have 16 weights") != std::string::npos);
  for (const std::string& warning : warnings) {
    const std::string file = (dir / "heads.safetensors").string();
    const size_t at = warning.find(file);
    CHECK(at != std::string::npos);
    CHECK(warning.find(file, at + 1) == std::string::npos);
  }
}
