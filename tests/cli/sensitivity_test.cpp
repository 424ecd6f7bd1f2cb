// gsx sensitivity: what it measures, prints and writes, and what it refuses before it works.
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

using Catch::Matchers::Contains;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Setup {
  TempDir dir;
  std::string model, photos;

  explicit Setup(int images = 2)
      : model(save_network(dir / "m.safetensors", "cyclegan", {{"width", 6}, {"blocks", 2}})),
        photos((dir / "photos").string()) {
    fs::create_directory(photos);
    for (int i = 0; i < images; ++i)
      save_image(fs::path(photos) / ("p" + std::to_string(i) + ".png"), 40 * i, 24, 20);
  }
  ProcessResult run(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {"sensitivity", model, "--data", photos, "--size", "16"};
    words.insert(words.end(), more.begin(), more.end());
    return run_program(words);
  }
};

}  // namespace

TEST_CASE("sensitivity: fewer bits and fewer channels cost more, layer by layer") {
  const Setup s;
  const ProcessResult r = s.run({"--json"});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  const json told = json::parse(r.out);
  CHECK(told.at("measure") == "signal to noise, dB");
  CHECK(told.at("more_is_better") == true);
  CHECK(told.at("images") == 2);
  int with_tenths = 0;
  for (const json& layer : told.at("layers")) {
    INFO(layer.dump());
    const double eight = layer.at("bits").at("8"), four = layer.at("bits").at("4");
    CHECK(eight > four + 10);  // 24 dB where nothing saturates
    CHECK(std::isfinite(four));
    const json& tenths = layer.at("tenths");
    if (tenths.empty()) {
      CHECK(layer.at("prunable") == 0);
      continue;
    }
    ++with_tenths;
    REQUIRE(tenths.size() == 9);
    CHECK(tenths[0].get<double>() >= tenths[8].get<double>());
  }
  CHECK(with_tenths > 2);
  CHECK(told.at("layers").back().at("tenths").empty());  // it makes the image
  const ProcessResult again = s.run({"--json", "--threads", "1"});
  CHECK(again.out == r.out);
}

TEST_CASE("sensitivity: layers of a residual stream lose their channels together") {
  const Setup s;
  const std::string model = save_generator(s.dir / "fast.safetensors");
  const ProcessResult r =
      run_program({"sensitivity", model, "--data", s.photos, "--size", "16", "--json"});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  const json layers = json::parse(r.out).at("layers");
  int tied = 0;
  for (const json& layer : layers) {
    if (!layer.contains("tied_to")) continue;
    ++tied;
    for (const json& other : layers)
      if (other.at("name") == layer.at("tied_to")) CHECK(other.at("tenths") == layer.at("tenths"));
  }
  CHECK(tied > 0);
}

TEST_CASE("sensitivity: a table, and a page that loads nothing; one image will do") {
  const Setup s(1);
  const std::string page = (s.dir / "page.html").string();
  const ProcessResult r = s.run({"--out", page});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  CHECK_THAT(r.out, Contains("more is better; 1 image"));
  CHECK_THAT(r.out, Contains("8 bits") && Contains("-90%") && Contains("model.10.conv_block.1"));
  const std::string text = read_text(page);
  CHECK_THAT(text, Contains("<svg") && Contains("model.10.conv_block.1") &&
                       Contains("fewer channels in one layer"));
  CHECK_THAT(text, !Contains("http:") && !Contains("https:") && !Contains("<script"));
}

TEST_CASE("sensitivity: what cannot work is said before the work") {
  const Setup s;
  const auto refused = [&](const std::vector<std::string>& words, int code,
                           const std::string& said) {
    const ProcessResult r = run_program(words);
    INFO(r.err);
    CHECK(r.exit_code == code);
    CHECK(r.out.empty());
    CHECK_THAT(r.err, Contains(said));
  };
  refused({"sensitivity", s.model}, 2, "--data: must name a folder of images");
  refused({"sensitivity", s.model, "--data", (s.dir / "none").string()}, 1, "none");
  fs::create_directory(s.dir / "empty");
  refused({"sensitivity", s.model, "--data", (s.dir / "empty").string()}, 1, "empty");
  refused({"sensitivity", s.model, "--data", s.photos, "--out", (s.dir / "no/p.html").string()}, 1,
          "there is no folder");
  refused({"sensitivity", s.model, "--data", s.photos, "--out", s.model}, 2, "must name a .html");
  refused({"sensitivity", s.model, "--data", s.photos, "--size", "3"}, 1, "--size 3 does not fit");
  refused({"sensitivity", s.model, "--data", s.photos, "--images", "0"}, 2, "--images");
  const std::string judge = save_network(s.dir / "d.safetensors", "patchgan", {{"width", 4}});
  refused({"sensitivity", judge, "--data", s.photos}, 1, "measured of generators of colour images");
  const std::string noise = save_network(s.dir / "n.safetensors", "sngan", {{"width", 4}});
  refused({"sensitivity", noise, "--size", "32"}, 2, "--size: has no effect on " + noise);
  std::ofstream(fs::path(s.photos) / "p0.png") << "no image";
  std::ofstream(fs::path(s.photos) / "p1.png") << "nor this";
  refused({"sensitivity", s.model, "--data", s.photos}, 1, "can be used; the last one");
}

TEST_CASE("sensitivity: the page replaces no input") {
  const Setup s(1);
  const std::string list = (s.dir / "list.html").string(), image = (s.dir / "image.html").string();
  fs::copy_file(fs::path(s.photos) / "p0.png", image);
  write_text(list, image + "\n");
  const std::string before = read_text(image);
  for (const std::string& out : {list, image}) {
    const ProcessResult r =
        run_program({"sensitivity", s.model, "--data", list, "--size", "16", "--out", out});
    CHECK(r.exit_code == 1);
    CHECK_THAT(r.err, Contains("--out: " + out + " is an input"));
  }
  CHECK(read_text(list) == image + "\n");
  CHECK(read_text(image) == before);
}

TEST_CASE("sensitivity: a network of broken weights is refused") {
  const Setup s;
  gsx::Graph graph = gsx::make_architecture("cyclegan", {{"width", 6}, {"blocks", 1}});
  gsx::Rng rng(1);
  graph.initialize(gsx::Context::create(), rng, {});
  for (gsx::Parameter* p : graph.parameters())
    if (p->shape.rank() == 1) p->value.put(0, NAN);
  const std::string broken = (s.dir / "broken.safetensors").string();
  gsx::save_model(graph, broken);
  const ProcessResult r = run_program({"sensitivity", broken, "--data", s.photos});
  CHECK(r.exit_code == 1);
  CHECK_THAT(r.err, Contains("must hold finite numbers"));
}
