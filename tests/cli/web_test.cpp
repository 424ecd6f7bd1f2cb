// Models in browsers: gsx export --format web, its module under Node.js and its page in chromium,
// where the build has made them.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/models/helpers.h"
#include "tests/temp_dir.h"

using namespace gsx;
namespace fs = std::filesystem;

namespace {

// Where tests/CMakeLists.txt says that something is absent, it is also named among what is not run.
bool lacks(const char* program, const char* what) {
  if (*program == 0) WARN("not run here: there is no " << what);
  return *program == 0;
}
bool no_web() { return lacks(GSX_WEB, "build for browsers"); }

// The program of this build that has the folder `web` beside it.
ProcessResult run_released(const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {GSX_RELEASED_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_process(command, {.timeout = std::chrono::minutes(3)});
}

std::string save_8_bits(const fs::path& file, const std::string& name, const Json& options) {
  Graph graph = make_architecture(name, options);
  const ContextPtr context = ::test::context();
  ::test::randomize(graph, context, 7);
  ::test::quantize(graph, {QuantGrid::int8, true}, 4, true);
  save_model(graph, file);
  return file.string();
}

Image noise(int width, int height) {
  Image image(width, height);
  Rng rng(static_cast<uint64_t>(width * 1000 + height));
  for (uint8_t& byte : image.rgb) byte = static_cast<uint8_t>(rng.below(256));
  return image;
}

void export_web(const std::string& model, const fs::path& folder) {
  const ProcessResult r = run_released({"export", model, folder.string(), "--format", "web"});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
}

Image translated(const std::string& model, const fs::path& png) {
  const fs::path out = png.parent_path() / "translated.png";
  const ProcessResult r = run_released({"translate", model, png.string(), "--out", out.string()});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  return read_image(out);
}

// The same by the module under Node.js.
std::vector<uint8_t> by_module(const fs::path& folder, const Image& image, const TempDir& dir) {
  const fs::path in = dir / "in.rgb", out = dir / "out.rgb";
  std::ofstream(in, std::ios::binary)
      .write(reinterpret_cast<const char*>(image.rgb.data()),
             static_cast<std::streamsize>(image.rgb.size()));
  const ProcessResult r =
      run_process({GSX_NODE, GSX_SOURCE_DIR "/tests/web/translate.js", folder.string(), in.string(),
                   std::to_string(image.width), std::to_string(image.height), out.string()},
                  {.timeout = std::chrono::minutes(2)});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  std::ifstream file(out, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("export: a gsx without what runs in browsers says so") {
  const TempDir dir;
  fs::copy_file(GSX_RELEASED_PROGRAM, dir / "gsx");
  const std::string model = save_generator(dir / "model.safetensors");
  const ProcessResult r = run_process(
      {(dir / "gsx").string(), "export", model, (dir / "page").string(), "--format", "web"});
  CHECK(r.exit_code == 1);
  CHECK_THAT(r.err, Contains("was built without what runs in browsers") &&
                        Contains("apt-get install emscripten"));
  CHECK_FALSE(fs::exists(dir / "page"));
}

TEST_CASE("export: a page for browsers is a folder of at most 1.5 MB beside its model") {
  if (no_web()) return;
  const TempDir dir;
  const std::string model = save_generator(dir / "model.safetensors");
  const fs::path page = dir / "a <b> & \"c\"";
  for (int i = 0; i < 2; ++i) export_web(model, page);  // what it wrote itself it may replace
  uintmax_t bytes = 0;
  for (const char* part : {"index.html", "page.css", "page.js", "gsx.js", "gsx.wasm"}) {
    INFO(part);
    REQUIRE(fs::is_regular_file(page / part));
    bytes += fs::file_size(page / part);
  }
  CHECK(bytes <= 1'500'000);
  CHECK(read_text(page / "model.safetensors") == read_text(model));
  const std::string html = read_text(page / "index.html"), card = read_text(page / "README.md");
  CHECK_THAT(html, Contains("<title>a &lt;b&gt; &amp; &quot;c&quot;</title>"));
  CHECK_THAT(html, !Contains("@title@") && !Contains("http://") && !Contains("https://"));
  CHECK_THAT(card, Contains("python3 -m http.server") && !Contains("```python"));

  const auto refused = [&](const std::vector<std::string>& words, const std::string& why) {
    const ProcessResult r = run_released(words);
    CHECK(r.exit_code != 0);
    CHECK_THAT(r.err, Contains(why));
  };
  refused({"export", model, page.string(), "--format", "web", "--opset", "17"},
          "--opset: has no effect on the form web");
  fs::create_directory(dir / "site");
  write_text(dir / "site" / "index.html", "<h1>mine</h1>\n");
  refused({"export", model, (dir / "site").string(), "--format", "web"},
          "index.html is there, not as gsx export writes it");
  CHECK(read_text(dir / "site" / "index.html") == "<h1>mine</h1>\n");
  refused({"export", model, dir.path().string(), "--format", "web"},
          "is a file of the model and would be replaced");
  const std::string two = save_network(dir / "sngan.safetensors", "sngan", {{"width", 8}});
  refused({"export", two, (dir / "none").string(), "--format", "web"},
          "the page gives a network one image");
  CHECK_FALSE(fs::exists(dir / "none"));
}

TEST_CASE("export: 8-bit models have the desktop's bits as WebAssembly") {
  if (no_web() || lacks(GSX_NODE, "node")) return;
  const TempDir dir;
  struct Case {
    const char* name;
    Json options;
    std::vector<std::pair<int, int>> sizes;  // some no multiple of what the strides multiply to
  };
  const Case cases[] = {
      {"cyclegan", {{"width", 10}, {"blocks", 2}}, {{64, 48}, {37, 51}, {5, 3}, {1, 1}}},
      {"cartoongan", {{"width", 8}, {"blocks", 2}}, {{40, 40}, {33, 50}}},
      {"fast_style", {{"width", 6}, {"blocks", 2}}, {{61, 47}, {128, 96}}},
      {"unet", {{"width", 6}}, {{64, 64}, {70, 33}}}};
  for (const Case& c : cases) {
    INFO(c.name);
    const std::string model = save_8_bits(dir / "model.safetensors", c.name, c.options);
    const fs::path page = dir / c.name;
    export_web(model, page);
    for (const auto& [width, height] : c.sizes) {
      INFO(width << " x " << height);
      const Image image = noise(width, height);
      write_png(dir / "in.png", image);
      const Image wanted = translated(model, dir / "in.png");
      CHECK(by_module(page, image, dir) == wanted.rgb);
    }
  }
}

TEST_CASE("export: real numbers come close to the desktop's as WebAssembly") {
  if (no_web() || lacks(GSX_NODE, "node")) return;
  const TempDir dir;
  const std::string model = save_generator(dir / "model.safetensors");
  export_web(model, dir / "page");
  const Image image = noise(45, 38);
  write_png(dir / "in.png", image);
  const Image wanted = translated(model, dir / "in.png");
  const std::vector<uint8_t> got = by_module(dir / "page", image, dir);
  REQUIRE(got.size() == wanted.rgb.size());
  for (size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - wanted.rgb[i]) <= 1);
}

TEST_CASE("export: the page paints in a browser what gsx translate does") {
  if (no_web() || lacks(GSX_NODE, "node") || lacks(GSX_BROWSER, "chromium")) return;
  const TempDir dir;
  const std::string model =
      save_8_bits(dir / "model.safetensors", "cyclegan", {{"width", 10}, {"blocks", 2}});
  export_web(model, dir / "page");
  write_png(dir / "in.png", noise(70, 51));
  translated(model, dir / "in.png");
  const auto opened = [&](const char* profile) {  // which a browser that is ending still holds
    const ProcessResult r = run_process(
        {GSX_NODE, GSX_SOURCE_DIR "/tests/web/browser.js", GSX_BROWSER, (dir / "page").string(),
         (dir / "in.png").string(), (dir / "translated.png").string(), (dir / profile).string()},
        {.timeout = std::chrono::minutes(3)});
    INFO(r.out << r.err);
    REQUIRE(r.exit_code == 0);
    return nlohmann::json::parse(r.out);
  };
  const nlohmann::json painted = opened("first");
  INFO(painted.dump());
  CHECK(painted.at("state") == "done");
  CHECK(painted.at("differ") == 0);
  CHECK(painted.at("bytes") == 4 * 70 * 51);
  CHECK_THAT(painted.at("status").get<std::string>(), Contains("70 × 51 pixels in "));
  CHECK(painted.at("problem") == "");
  CHECK(painted.at("asked").dump() ==
        R"(["gsx.js","gsx.wasm","image.png","index.html","model.safetensors","page.css","page.js",)"
        R"("wanted.png"])");

  // What is no model is told in the page.
  write_text(dir / "page" / "model.safetensors", "<!doctype html><p>not here");
  const nlohmann::json broken = opened("second");
  CHECK(broken.at("state") == "failed");
  CHECK_THAT(broken.at("problem").get<std::string>(),
             Contains("The network cannot be opened: ") && Contains("an HTML page"));
}
