// gsx convert, and files of weights wherever a model is named.
#include <nlohmann/json.hpp>

#include "engine/io/npz.h"
#include "engine/io/safetensors.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/golden/golden_file.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;

namespace {

ProcessResult passes(const std::vector<std::string>& arguments) {
  const ProcessResult r = run_program(arguments);
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  return r;
}

std::string fails(const std::vector<std::string>& arguments, int code) {
  const ProcessResult r = run_program(arguments);
  CHECK(r.exit_code == code);
  return r.err;
}

// The weights of a golden case in an archive of arrays, as any Python would write them.
void write_case(const std::string& name, const std::filesystem::path& path) {
  const golden::File file("import.safetensors");
  std::vector<std::pair<std::string, TypedArray>> arrays;
  for (const std::string& key : file.names(name + "/w/")) {
    const golden::Entry& e = file.at(name + "/w/" + key);
    const auto* start = reinterpret_cast<const uint8_t*>(e.values.data());
    arrays.push_back({"module." + key,
                      {FileDType::f32,
                       {e.shape.begin(), e.shape.end()},
                       {start, start + e.values.size() * sizeof(float)}}});
  }
  write_npz(path, arrays);
}

}  // namespace

TEST_CASE("convert: tensors go from any kind of file to any") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  write_case("johnson", dir / "weights.bin");
  const auto told = nlohmann::json::parse(
      passes({"convert", at("weights.bin"), at("a.safetensors"), "--json"}).out);
  CHECK(told.at("format") == "an archive of NumPy arrays (.npz)");
  passes({"convert", at("a.safetensors"), at("b.npz")});
  const auto a = SafetensorsFile::open(dir / "a.safetensors");
  const NpzFile b(dir / "b.npz");
  CHECK(a.names().size() == told.at("tensors").get<size_t>());
  CHECK(b.names().size() == a.names().size());
  CHECK(a.contains("res1.conv1.conv2d.weight"));
  for (const std::string& name : a.names()) CHECK(b.typed(name).bytes == a.bytes(name));
  // A network of gsx's, whose tensors come out as well.
  const std::string text = passes({"convert", at("b.npz"), at("m.safetensors"), "--model"}).err;
  CHECK_THAT(text, Contains("note: it holds Johnson's fast style transfer"));
  passes({"convert", at("m.safetensors"), at("c.npz")});
  CHECK(NpzFile(dir / "c.npz").contains("deconv3.conv2d.weight"));
}

TEST_CASE("convert: one of several networks, said in front or by --part") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  std::vector<std::pair<std::string, TypedArray>> arrays;
  for (const char* network : {"netG_A", "netG_B"})
    arrays.push_back({std::string(network) + ".model.1.weight", {FileDType::u8, {2}, {1, 2}}});
  write_npz(dir / "two.npz", arrays);
  passes({"convert", "auto,part=netG_A:" + at("two.npz"), at("a.npz")});
  passes({"convert", at("two.npz"), at("b.npz"), "--part", "netG_A"});
  for (const char* name : {"a.npz", "b.npz"})
    CHECK(NpzFile(dir / name).names() == std::vector<std::string>{"model.1.weight"});
  CHECK_THAT(fails({"convert", "auto,part=netG_A:" + at("two.npz"), at("c.npz"), "--part", "x"}, 2),
             Contains("is given twice"));
  CHECK_THAT(fails({"convert", "cyclegan:" + at("two.npz"), at("c.npz")}, 2),
             Contains("is read as tensors, of which only auto,part=NAME:FILE can be said"));
  CHECK_THAT(fails({"convert", "auto,part=netG_A:" + at("two.npz"), at("two.npz")}, 1),
             Contains("would be replaced"));
}

TEST_CASE("convert: what would be replaced or cannot be is refused") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  write_case("srvgg", dir / "w.npz");
  CHECK_THAT(fails({"convert", at("w.npz"), at("w.npz")}, 1), Contains("would be replaced"));
  CHECK_THAT(fails({"convert", at("w.npz"), at("w.pth")}, 2),
             Contains("must name a .safetensors or .npz file"));
  CHECK_THAT(fails({"convert", at("w.npz"), at("o.npz"), "--part", "netG"}, 1),
             Contains("has no part 'netG'"));
  CHECK_THAT(fails({"convert", at("absent.pth"), at("o.npz")}, 1), Contains("absent.pth"));
  CHECK(!std::filesystem::exists(dir / "o.npz"));
}

TEST_CASE("inspect says what a file of weights is and why; --arch overrides it") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  write_case("official", dir / "w.npz");
  const std::string text = passes({"inspect", at("w.npz"), "--size", "32"}).out;
  CHECK_THAT(text, Contains("read from   an archive of NumPy arrays (.npz)"));
  CHECK_THAT(text, Contains("note        it holds CycleGAN's ResNet generator (cyclegan_official): "
                            "model.1.weight has 2 filters"));
  const auto json = nlohmann::json::parse(
      passes({"inspect", at("w.npz"), "--arch", "resnet_generator", "--json"}).out);
  CHECK(json.at("architecture") == "resnet_generator");
  CHECK_THAT(fails({"inspect", at("w.npz"), "--arch", "srvgg"}, 1), Contains("does not fit srvgg"));
  CHECK_THAT(fails({"inspect", "cyclegan:" + at("w.npz"), "--arch", "srvgg"}, 2),
             Contains("names an architecture; leave one of them out"));
  passes({"inspect", "auto,order=bgr:" + at("w.npz")});
}

TEST_CASE("train takes a file of weights as its teacher, without being told what it is") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  write_case("resnet_affine", dir / "w.npz");
  passes({"train", "--teacher", at("w.npz"), "--size", "32", "--batch", "1", "--slim-steps", "2",
          "--finetune-steps", "2", "--discriminator-steps", "2", "--method", "gs32", "--out",
          at("run")});
  const auto json =
      nlohmann::json::parse(passes({"inspect", at("run/model.safetensors"), "--json"}).out);
  CHECK(json.at("architecture") == "resnet_generator");
}
