// gsx eval on the folders people have: test domains alone, bad images among good ones, LPIPS
// heads of another network beside.
#include <nlohmann/json.hpp>

#include "engine/io/safetensors.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("eval takes testA and testB without trainA, and skips and counts bad images") {
  const TempDir dir;
  const std::string model = save_generator(dir / "model.safetensors");
  const fs::path a = dir / "data/testA", b = dir / "data/testB";
  fs::create_directories(a / "folder.png");
  fs::create_directories(b);
  save_image(a / "1.png", 1, 24, 16);
  save_image(a / "2.png", 2, 24, 16);
  write_text(a / "bad.png", "no image");
  write_text(a / "other.gif", "GIF89a");
  save_image(b / "1.png", 3);
  const std::vector<std::string> words = {"eval", model, "--data", (dir / "data").string()};
  std::vector<std::string> with_json = words;
  with_json.push_back("--json");
  const ProcessResult r = run_program(with_json);
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  const auto json = nlohmann::json::parse(r.out);
  CHECK(json.at("images") == 2);
  CHECK(json.at("skipped") == 1);
  CHECK(contains(r.err, "warning: left out of " + a.string() + ": 1 .gif, 1 folder; gsx reads"));
  CHECK(contains(r.err, "bad.png"));
  // People say width first.
  CHECK(contains(run_program(words).out, " at 24 x 16\n"));

  const ProcessResult trained =
      run_program({"train", "--data", (dir / "data").string(), "--out", (dir / "run").string()});
  CHECK(trained.exit_code == 1);
  CHECK(contains(trained.err, "it has a folder testA, give it a folder trainA too"));
  fs::copy(b, dir / "data/trainA");
  write_text(dir / "data/trainA/x.avif", "");
  const std::string left_out = run_program({"train", "--data", (dir / "data").string(), "--teacher",
                                            "none.safetensors", "--out", (dir / "run").string()})
                                   .err;
  CHECK(contains(left_out, "trainA: 1 .avif; gsx reads JPEG, PNG, WebP, TIFF, BMP and PPM"));
  CHECK(contains(left_out, "testA: 1 .gif, 1 folder; gsx reads JPEG, PNG, WebP"));
}

TEST_CASE("eval fails when no image can be used, and says why the last one could not") {
  const TempDir dir;
  const std::string model = save_generator(dir / "model.safetensors");
  fs::create_directory(dir / "photos");
  write_text(dir / "photos/bad.png", "no image");
  const ProcessResult r =
      run_program({"eval", model, "--data", (dir / "photos").string(), "--json"});
  INFO(r.err);
  CHECK(r.exit_code == 1);
  CHECK(r.out.empty());
  CHECK(contains(r.err, "none of the 1 images"));
  CHECK(contains(r.err, "bad.png is not a JPEG, PNG, WebP, TIFF, BMP or PPM image"));
}

TEST_CASE("eval tells how far each colour moved against the teacher") {
  const TempDir dir;
  const std::string model = save_generator(dir / "model.safetensors");
  fs::create_directories(dir / "photos");
  for (int i = 0; i < 2; ++i) save_image(dir / "photos" / (std::to_string(i) + ".png"), i, 32, 32);
  std::vector<std::string> words = {"eval", model, "--data", (dir / "photos").string()};
  words.push_back("--json");
  CHECK(nlohmann::json::parse(run_program(words).out).at("shift").is_null());
  words.insert(words.end(), {"--teacher", model});
  const auto shift = nlohmann::json::parse(run_program(words).out).at("shift");
  for (const char* part : {"red", "green", "blue", "largest"})
    CHECK(shift.at(part).get<double>() == 0);
  words.erase(words.begin() + 4);
  CHECK(
      contains(run_program(words).out,
               "\nbrighter           0 at most, red 0, green 0, blue 0 grey levels on average\n"));
}

TEST_CASE("LPIPS heads of another network are a warning") {
  const TempDir dir;
  const std::string model = save_generator(dir / "model.safetensors");
  fs::create_directories(dir / "photos");
  for (int i = 0; i < 3; ++i) save_image(dir / "photos" / (std::to_string(i) + ".png"), i, 32, 32);
  fs::create_directories(dir / "nets");
  const std::string features = save_network(dir / "nets/vgg.safetensors", "vgg16", {{"width", 4}});
  gsx::SafetensorsWriter heads;
  for (const char* name : {"lin0.weight", "lin1.weight"})
    heads.add(name, {3}, std::vector<float>{1, 2, 3});
  heads.write(dir / "nets/heads.safetensors");
  const ProcessResult r = run_program({"eval", model, "--data", (dir / "photos").string(),
                                       "--teacher", model, "--feature-net", features, "--json"});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  CHECK(contains(r.err, "warning: no LPIPS is measured, its heads do not fit: "));
  CHECK(contains(r.err, "got 2 heads and 4 feature layers"));
  const auto json = nlohmann::json::parse(r.out);
  CHECK(json.at("lpips_to_teacher").is_null());
  CHECK(json.at("frechet_distance").get<double>() == Approx(0).margin(1e-6));
}
