// The C interface, by its C++ wrapper and bare, against the library that it is made of.
#include <cstring>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "engine/io/image.h"
#include "engine/json.h"
#include "gs/translate.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"
#include "tools/c/gsx.hpp"

using namespace gsx;

namespace {

const std::string kSource = GSX_SOURCE_DIR;
const std::string kModel = kSource + "/tests/fixtures/0.1.0/model.safetensors";

// Every pixel differs from its neighbours.
gsxc::Image an_image(int width, int height) {
  gsxc::Image image{width, height, {}};
  for (int i = 0; i < 3 * width * height; ++i)
    image.rgb.push_back(static_cast<uint8_t>(i * 37 % 251));
  return image;
}

std::vector<uint8_t> by_library(const Graph& graph, const gsxc::Image& given) {
  Image image(given.width, given.height);
  image.rgb = given.rgb;
  const Tensor x = to_tensor(graph.context(), image, graph.input_format);
  return to_image(translate(graph, x), 0, graph.output_format).rgb;
}

gsx_status failed_run(const gsx_model* model, int width, int height, size_t stride) {
  uint8_t pixels[300] = {};
  return gsx_run_u8(model, pixels, width, height, stride, pixels + 150, 0);
}

}  // namespace

TEST_CASE("images through the C interface are those of the library, bit for bit") {
  const Graph graph = open_model(Context::create({.threads = 2}), kModel, true);
  const gsxc::Model model(kModel, {2, "cpu", {}});
  const std::string content = read_text(kModel);
  const gsxc::Model from_memory(content.data(), content.size(), {1, {}, {}});
  for (const auto& [width, height] : {std::pair{32, 32}, {53, 17}, {1, 1}}) {
    INFO(width << " x " << height);
    const gsxc::Image image = an_image(width, height), result = model(image);
    CHECK(result.width == width);
    CHECK(result.height == height);
    CHECK(result.rgb == by_library(graph, image));
    CHECK(from_memory(image).rgb == result.rgb);
  }
}

TEST_CASE("rows may lie apart, and what lies between them is left alone") {
  const gsxc::Model model(kModel);
  const gsxc::Image image = an_image(20, 16);
  const std::vector<uint8_t> expected = model(image).rgb;
  constexpr size_t kStride = 77, kOut = 64;
  std::vector<uint8_t> rows(kStride * 16, 9), out(kOut * 16, 7);
  for (size_t y = 0; y < 16; ++y) std::copy_n(&image.rgb[y * 60], 60, &rows[y * kStride]);
  gsx_model* bare = gsx_open(kModel.c_str(), nullptr);
  REQUIRE(bare != nullptr);
  CHECK(gsx_run_u8(bare, rows.data(), 20, 16, kStride, out.data(), kOut) == GSX_OK);
  gsx_close(bare);
  for (size_t y = 0; y < 16; ++y) {
    CHECK(std::equal(&expected[y * 60], &expected[y * 60] + 60, &out[y * kOut]));
    CHECK(std::count(&out[y * kOut + 60], &out[y * kOut] + kOut, 7) == 4);
  }
}

TEST_CASE("several threads run one model with the bits of one") {
  const gsxc::Model model(kModel);
  const gsxc::Image image = an_image(40, 24);
  const std::vector<uint8_t> expected = model(image).rgb;
  std::vector<gsxc::Image> results(4);
  std::vector<std::thread> threads;
  for (gsxc::Image& result : results) threads.emplace_back([&] { result = model(image); });
  for (std::thread& thread : threads) thread.join();
  for (const gsxc::Image& result : results) CHECK(result.rgb == expected);
}

TEST_CASE("a model says what it is") {
  const Json about = Json::parse(gsxc::Model(kModel, {1, {}, {}}).describe());
  CHECK(about["architecture"] == "cyclegan");
  CHECK(about["scale"] == 1);
  CHECK(about["threads"] == 1);
  CHECK(about["inputs"][0]["shape"].size() == 4);
  CHECK(about["outputs"].size() == 1);
  CHECK(about["bytes"].get<int64_t>() > 1000);
}

TEST_CASE("raw values go through networks of one number a pixel and of vectors") {
  TempDir dir;
  const ContextPtr context = Context::create({.threads = 1});
  Graph noise = make_architecture("sngan", {{"width", 4}});
  Rng rng(1);
  noise.initialize(context, rng, {});
  save_model(noise, dir / "noise.safetensors");
  gsx_model* model = gsx_open((dir / "noise.safetensors").c_str(), nullptr);
  REQUIRE(model != nullptr);
  const Shape in = noise.example_input();
  std::vector<float> z(static_cast<size_t>(2 * in[1]));
  for (float& v : z) v = rng.normal();
  gsx_tensor input = {z.data(), {2, in[1], 1, 1}, 2}, output = {};
  REQUIRE(gsx_run_f32(model, &input, 1, &output, nullptr, 1) == GSX_OK);
  REQUIRE(output.rank == 4);
  CHECK(output.shape[0] == 2);
  CHECK(output.shape[1] == 3);
  std::vector<float> values(static_cast<size_t>(2 * 3 * output.shape[2] * output.shape[3]));
  output.values = values.data();
  size_t room = values.size() - 1;
  CHECK(gsx_run_f32(model, &input, 1, &output, &room, 1) == GSX_MISUSED);
  CHECK_THAT(gsx_error(), Catch::Contains("room for"));
  room = values.size();
  REQUIRE(gsx_run_f32(model, &input, 1, &output, &room, 1) == GSX_OK);
  const NoGrad no_grad;
  CHECK(values == noise.evaluate(Tensor::from(context, z, {2, in[1]})).to_vector());

  uint8_t pixel[3] = {};
  CHECK(gsx_run_u8(model, pixel, 1, 1, 0, pixel, 0) == GSX_FAILED);
  CHECK_THAT(gsx_error(), Catch::Contains("gsx_run_f32"));
  gsx_close(model);
}

TEST_CASE("what C callers get wrong is a status and a sentence") {
  CHECK(gsx_open(nullptr, nullptr) == nullptr);
  CHECK_THAT(gsx_error(), Catch::Contains("must not be null"));
  CHECK(gsx_open("nowhere.safetensors", nullptr) == nullptr);
  CHECK_THAT(gsx_error(), Catch::Contains("No such file"));
  CHECK(gsx_open_memory("abc", 3, nullptr) == nullptr);
  CHECK_THAT(gsx_error(), Catch::Contains("a model in memory"));
  gsx_options options = {};
  CHECK(gsx_open(kModel.c_str(), &options) == nullptr);
  CHECK_THAT(gsx_error(), Catch::Contains("sizeof(gsx_options)"));
  options = {sizeof options, -1, nullptr, nullptr};
  CHECK(gsx_open(kModel.c_str(), &options) == nullptr);
  options = {sizeof options, 0, "toaster", nullptr};
  CHECK(gsx_open(kModel.c_str(), &options) == nullptr);
  CHECK_THAT(gsx_error(), Catch::Contains("toaster"));
  CHECK(gsx_describe(nullptr) == nullptr);
  CHECK(failed_run(nullptr, 1, 1, 0) == GSX_MISUSED);

  options = {offsetof(gsx_options, device), 1, "not read: of a later version", nullptr};
  gsx_model* model = gsx_open(kModel.c_str(), &options);
  REQUIRE(model != nullptr);
  CHECK(std::string(gsx_error()).empty());
  CHECK(failed_run(model, 0, 5, 0) == GSX_MISUSED);
  CHECK(failed_run(model, 5, -1, 0) == GSX_MISUSED);
  CHECK(failed_run(model, 1 << 30, 1 << 30, 0) == GSX_MISUSED);
  CHECK(failed_run(model, 5, 5, 14) == GSX_MISUSED);
  CHECK_THAT(gsx_error(), Catch::Contains("stride must be 0 or at least 15, got 14"));
  std::string other;
  std::thread([&] { other = gsx_error(); }).join();
  CHECK(other.empty());  // every thread has its own
  gsx_close(model);
  gsx_close(nullptr);
  gsx_free(nullptr);
}

TEST_CASE("a compression tells its progress, stops on request and resumes") {
  TempDir dir;
  const std::string out = (dir / "run").string();
  const std::string settings =
      R"({"method": "gs8", "size": 16, "width": 6, "blocks": 1, "batch": 1, "threads": 1,
          "dense_steps": 3, "slim_steps": 3, "finetune_steps": 2, "target_ratio": 3.2, "out": ")" +
      out + "\"}";
  int last = 0, messages = 0;
  std::string stages;
  const auto progress = [&](const gsx_progress& p) {
    if (p.message != nullptr) return ++messages > 0;
    if (stages.find(p.stage) == std::string::npos) stages += std::string(p.stage) + " ";
    last = p.total_step;
    return last < 4;
  };
  try {
    gsxc::compress(settings, progress);
    FAIL("was not stopped");
  } catch (const gsxc::Error& error) {
    CHECK(error.status == GSX_STOPPED);
  }
  CHECK(last == 4);
  CHECK(messages > 0);
  CHECK(stages.find("dense") == 0);
  const Json result =
      Json::parse(gsxc::compress(R"({"resume": true, "threads": 1, "out": ")" + out + "\"}"));
  CHECK(result["r_c"].get<double>() > 1);
  CHECK(gsxc::Model(result["model"].get<std::string>())(an_image(16, 16)).width == 16);

  const auto thrown = [&](const std::string& what) {
    try {
      gsxc::compress(what);
    } catch (const gsxc::Error& error) {
      CHECK(error.status == GSX_MISUSED);
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(thrown("{"), Catch::Contains("JSON object"));
  CHECK_THAT(thrown("{}"), Catch::Contains("out is required"));
  CHECK_THAT(thrown(R"({"out": "x", "sead": 1})"), Catch::Contains("did you mean seed"));
  CHECK_THAT(thrown(R"({"out": "x", "size": 3})"), Catch::Contains("size must be"));
  CHECK_THAT(thrown(R"({"out": "x", "seed": "one"})"), Catch::Contains("seed"));
  CHECK_THAT(thrown(R"({"out": "x", "device": "toaster"})"), Catch::Contains("toaster"));
  CHECK_THAT(thrown(R"({"out": "x", "method": "dense", "target_ratio": 3})"),
             Catch::Contains("no effect"));
  CHECK_THAT(thrown(R"({"out": "x", "resume": true, "seed": 1})"),
             Catch::Contains("leave out seed"));
}

TEST_CASE("what a progress function throws comes out of the compression") {
  TempDir dir;
  const std::string settings =
      R"({"size": 16, "width": 4, "blocks": 1, "target_ratio": 3.2, "out": ")" +
      (dir / "run").string() + "\"}";
  CHECK_THROWS_WITH(
      gsxc::compress(settings, [](const gsx_progress&) -> bool { throw std::logic_error("mine"); }),
      "mine");
}

TEST_CASE("the header, the list of symbols and the version agree") {
  const auto names_in = [](const std::string& text, const std::string& pattern) {
    std::set<std::string> names;
    const std::regex name(pattern);
    for (std::sregex_iterator i(text.begin(), text.end(), name), end; i != end; ++i)
      names.insert((*i)[1]);
    return names;
  };
  const std::set<std::string> declared = names_in(read_text(kSource + "/tools/c/gsx.h"),
                                                  R"(\n[a-z][a-z0-9_ *]*[ *](gsx_[a-z0-9_]+)\()");
  const std::set<std::string> listed =
      names_in(read_text(kSource + "/tools/c/gsx.map"), R"(\n\s+(gsx_[a-z0-9_]+);)");
  CHECK(declared.size() == 12);
  CHECK(declared == listed);
  CHECK(gsx_abi() == GSX_ABI);
  CHECK(std::regex_match(gsx_version(), std::regex(R"(\d+\.\d+\.\d+)")));
}
