// Networks that take noise in gsx eval and gsx bench, and what gsx train refuses of methods that
// make teachers.
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

std::string noise_network(const fs::path& file, int width) {
  return save_network(file, "sngan", {{"width", width}, {"latent", 6}, {"blocks", 2}});
}

nlohmann::json json_of(std::vector<std::string> words) {
  words.push_back("--json");
  const ProcessResult r = run_program(words);
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  return nlohmann::json::parse(r.out);
}

void refused(const std::vector<std::string>& words, int code, const std::string& text) {
  const ProcessResult r = run_program(words);
  INFO(r.err);
  CHECK(r.exit_code == code);
  CHECK(r.err.find(text) != std::string::npos);
}

}  // namespace

TEST_CASE("eval of networks that take noise: to the teacher, and to a folder of real images") {
  const TempDir dir;
  const std::string small = noise_network(dir / "small.safetensors", 3),
                    teacher = noise_network(dir / "teacher.safetensors", 5),
                    net = save_network(dir / "vgg.safetensors", "vgg16", {{"width", 4}});
  fs::create_directories(dir / "real");
  for (int i = 0; i < 4; ++i)
    save_image(dir / "real" / (std::to_string(i) + ".png"), 11 * i, 32, 24);
  const std::vector<std::string> words = {"eval",     small, "--teacher",     teacher,
                                          "--images", "5",   "--feature-net", net};
  const auto alone = json_of(words);
  CHECK(alone.at("images") == 5);
  CHECK(alone.at("input") == nlohmann::json({1, 6}));
  CHECK(alone.at("r_s") > 1);
  CHECK(alone.at("mean_abs_to_teacher") > 0);
  CHECK(alone.at("frechet_reference") == "the teacher's images");
  auto with_data = words;
  with_data.insert(with_data.end(), {"--data", (dir / "real").string()});
  const auto real = json_of(with_data);
  CHECK(real.at("frechet_reference") == "real images");
  CHECK(real.at("mean_abs_to_teacher") == alone.at("mean_abs_to_teacher"));
  auto seeded = words;
  seeded.insert(seeded.end(), {"--seed", "9"});
  CHECK(json_of(seeded).at("mean_abs_to_teacher") != alone.at("mean_abs_to_teacher"));

  const std::string photos = save_generator(dir / "style.safetensors");
  refused({"eval", small, "--size", "32"}, 2, "--size: must be 16, the side of the images");
  refused({"eval", photos}, 2, "--data: must name a folder of images");
  refused({"eval", small, "--teacher", photos}, 1, "takes, 6 random numbers, got one that takes");
}

TEST_CASE("eval gives the Inception Score of what a network makes of noise") {
  const TempDir dir;
  const std::string model = noise_network(dir / "small.safetensors", 3),
                    inception = save_network(dir / "inception.safetensors", "fid_inception",
                                             gsx::Json::object());
  const auto r = json_of({"eval", model, "--images", "10", "--feature-net", inception,
                          "--fid-protocol", "torch-fidelity"});
  CHECK(r.at("fid_protocol") == "torch-fidelity");
  CHECK(r.at("inception_score") > 0.999);     // fresh weights tell images apart hardly
  CHECK(r.at("frechet_distance").is_null());  // there are no real images
}

TEST_CASE("bench infer times networks that take noise at the size they make") {
  const TempDir dir;
  const std::string model = noise_network(dir / "small.safetensors", 3);
  for (const bool quantized : {false, true}) {
    std::vector<std::string> words = {"bench",   "infer", "--model",   model,
                                      "--batch", "3",     "--samples", "1"};
    if (quantized) words.push_back("--quantized");
    const auto r = json_of(words);
    CHECK(r.at("size") == 16);
    CHECK(r.at("batch") == 3);
    CHECK(r.at("macs_true") > 0);
    CHECK(r.at("quantized") == quantized);
  }
  refused({"bench", "infer", "--model", model, "--size", "64"}, 2, "--size: must be 16");
  refused({"bench", "step", "--model", model}, 1, "makes its images of noise");
}

TEST_CASE("train refuses what a teacher's method cannot do before it makes anything") {
  const TempDir dir;
  const std::string out = (dir / "run").string();
  const auto train = [&](std::vector<std::string> words, const std::string& text) {
    words.insert(words.begin(), {"train", "--out", out, "--method"});
    refused(words, 2, text);
    CHECK_FALSE(fs::exists(out));
  };
  train({"cartoongan"}, "gsx train: --feature-net: must name a network");
  train({"sngan", "--blocks", "1"}, "gsx train: --blocks: has no effect on a network whose depth");
  train({"sngan", "--size", "50"}, "gsx train: --size: must be a power of two from 16 to 1024");
  train({"pix2pix", "--generator", "unet", "--size", "50"}, "--size: must be a multiple of 16");
  train({"pix2pix", "--generator", "unet", "--blocks", "2"}, "--blocks: has no effect");
  train({"style-aware", "--generator", "unet"}, "expected a run of --method pix2pix");
  const std::string help = run_program({"train", "--help"}).out;
  for (const char* word : {"sngan: one that makes images from", "style-aware: one that paints"})
    CHECK(help.find(word) != std::string::npos);
}
