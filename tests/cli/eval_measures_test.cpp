// gsx eval by FID's names, its references, statistics in files and intervals; translate
// --match-colours.
#include <nlohmann/json.hpp>

#include "engine/io/npz.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Four images in testA, three in testB, five in trainB.
std::string save_data(const TempDir& dir) {
  const std::pair<const char*, int> folders[] = {{"testA", 4}, {"testB", 3}, {"trainB", 5}};
  int shade = 0;
  for (const auto& [name, count] : folders) {
    fs::create_directories(dir / "data" / name);
    for (int i = 0; i < count; ++i)
      save_image(dir / "data" / name / (std::to_string(i) + ".png"), 11 * ++shade, 32, 24);
  }
  return (dir / "data").string();
}

nlohmann::json eval_json(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  words.push_back("--json");
  const ProcessResult r = run_program(words);
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  return nlohmann::json::parse(r.out);
}

}  // namespace

TEST_CASE("eval keeps statistics of real images, and takes them in their place") {
  const TempDir dir;
  const std::string model = save_generator(dir / "model.safetensors");
  const std::string net = save_network(dir / "vgg.safetensors", "vgg16", {{"width", 4}});
  const std::string stats = (dir / "real.npz").string();
  const std::vector<std::string> words = {"eval",         model,           "--data",
                                          save_data(dir), "--feature-net", net};
  const auto of_test = eval_json(words, {"--reference", "test", "--save-stats", stats});
  CHECK(of_test == [&] {
    auto same = eval_json(words, {});
    for (const char* changing : {"ms_per_image", "ms_least", "command"})
      same[changing] = of_test[changing];
    return same;
  }());
  CHECK(of_test.at("frechet_name") == "Frechet distance on vgg16 relu4_3");
  CHECK(of_test.at("fid_protocol").is_null());
  const auto& interval = of_test.at("intervals").at("frechet_distance");
  CHECK(interval.at(0) <= of_test.at("frechet_distance"));
  CHECK(interval.at(1) >= of_test.at("frechet_distance"));
  CHECK(gsx::NpzFile(stats).read("mu").values.size() == 32);
  // Statistics replace no file of another kind, such as the weights that made them.
  auto over = words;
  over.insert(over.end(), {"--save-stats", net});
  const ProcessResult refused = run_program(over);
  CHECK(refused.exit_code == 2);
  CHECK(contains(refused.err, "--save-stats: must name a .npz file"));

  const auto by_stats = eval_json(words, {"--stats", stats, "--bootstrap", "0"});
  CHECK(by_stats.at("frechet_distance").get<double>() ==
        Approx(of_test.at("frechet_distance").get<double>()).epsilon(1e-6).margin(1e-9));
  CHECK(by_stats.at("frechet_reference") == "the images of " + stats);
  CHECK(by_stats.at("intervals").empty());

  const auto of_train = eval_json(words, {"--reference", "train"}),
             of_both = eval_json(words, {"--reference", "both"});
  CHECK(of_train.at("frechet_distance") != of_test.at("frechet_distance"));
  CHECK(of_both.at("frechet_distance") != of_test.at("frechet_distance"));
  CHECK(eval_json(words, {"--images", "3"}).at("images") == 3);

  std::vector<std::string> all = words;
  all.insert(all.end(), {"--stats", stats, "--reference", "both"});
  CHECK(contains(run_program(all).err, "--stats: stands for the real images"));
  all = words;
  all.insert(all.end(), {"--fid-protocol", "clean-fid"});
  CHECK(contains(run_program(all).err, "--fid-protocol: goes with --feature-net fid_inception:"));
  fs::remove_all(dir / "data/trainB");
  all = words;
  all.insert(all.end(), {"--reference", "both"});
  CHECK(contains(run_program(all).err, "must have the folders trainB and testB"));
}

TEST_CASE("on FID's Inception eval has FID, KID and IS, under the names of a tool's conventions") {
  const TempDir dir;
  const std::string model = save_generator(dir / "model.safetensors");
  const std::string net =
      save_network(dir / "inception.safetensors", "fid_inception", gsx::Json::object());
  const std::vector<std::string> words = {"eval",         model,           "--data",
                                          save_data(dir), "--feature-net", net};
  std::vector<std::string> tool = words;
  tool.insert(tool.end(), {"--fid-protocol", "torch-fidelity", "--kid-subset", "3", "--json"});
  const ProcessResult r = run_program(tool);
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  CHECK(contains(r.err, "warning: IS needs 10 images, and there are 4"));
  const auto json = nlohmann::json::parse(r.out);
  CHECK(json.at("frechet_name") == "FID");
  CHECK(json.at("fid_protocol") == "torch-fidelity");
  CHECK(json.at("kid").is_number());
  CHECK(json.at("intervals").contains("kid"));
  CHECK(json.at("inception_score").is_null());
  std::vector<std::string> plain = words;
  plain.insert(plain.end(), {"--images", "2", "--bootstrap", "0"});
  CHECK(contains(run_program(plain).out, " to real images (pytorch-fid)\n"));
}

TEST_CASE("translate gives results the colours of their inputs or of an image") {
  const TempDir dir;
  const std::string model = save_generator(dir / "model.safetensors");
  const std::string in = save_image(dir / "in.png", 3, 32, 24);
  const auto translated = [&](const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> words = {"translate", model, in, "--out", (dir / name).string()};
    words.insert(words.end(), more.begin(), more.end());
    const ProcessResult r = run_program(words);
    INFO(r.err);
    REQUIRE(r.exit_code == 0);
    return gsx::read_image(dir / name);
  };
  const auto mean = [](const gsx::Image& image, size_t channel) {
    double sum = 0;
    for (size_t i = channel; i < image.rgb.size(); i += 3) sum += image.rgb[i];
    return 3 * sum / static_cast<double>(image.rgb.size());
  };
  gsx::Image two(8, 2);
  for (size_t i = 0; i < two.rgb.size(); ++i)
    two.rgb[i] = static_cast<uint8_t>(i * 5 % 7 * 6 + i % 3 * 40 + 60);
  gsx::write_png(dir / "two.png", two);
  const std::string other = (dir / "two.png").string();
  const gsx::Image plain = translated("plain.png", {});
  CHECK(translated("other.png", {"--match-colours", other}) != plain);
  for (size_t c = 0; c < 3; ++c)
    CHECK(mean(translated("other.png", {"--match-colours", other}), c) ==
          Approx(mean(two, c)).margin(1));
  CHECK(translated("own.png", {"--match-colours", "input"}) != plain);

  const ProcessResult refused =
      run_program({"translate", model, in, "--out", other, "--match-colours", other});
  CHECK(refused.exit_code != 0);
  CHECK(contains(refused.err, "whose colours it takes; choose another --out"));
  CHECK(run_program({"translate", model, in, "--out", (dir / "x.png").string(), "--match-colours",
                     (dir / "none.png").string()})
            .exit_code != 0);
  CHECK(run_program({"translate", model, in, "--out", (dir / "folder").string(), "--match-colours",
                     (dir / "none.png").string()})
            .exit_code != 0);
  CHECK_FALSE(fs::exists(dir / "folder"));
}
