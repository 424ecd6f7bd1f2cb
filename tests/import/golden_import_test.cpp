// Networks told from files of weights against PyTorch: each file of the golden cases is recognised
// as what it is and gives what the original code gives.
#include <cstdio>

#include "engine/io/npz.h"
#include "engine/io/safetensors.h"
#include "models/architectures.h"
#include "models/import/import.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/devices.h"
#include "tests/golden/golden_file.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;

namespace {

// The file of a case's weights, `prefix` in front of every name.
void write_weights(const golden::File& file, const std::string& name,
                   const std::filesystem::path& path, const std::string& prefix = "",
                   const std::string& without = "") {
  SafetensorsWriter writer;
  for (const std::string& key : file.names(name + "/w/")) {
    if (key == without) continue;
    const golden::Entry& e = file.at(name + "/w/" + key);
    writer.add(prefix + key, {e.shape.begin(), e.shape.end()}, e.values);
  }
  writer.write(path);
}

std::string refusal(const ContextPtr& c, const std::filesystem::path& path,
                    const ImportOptions& o = {}) {
  try {
    import_model(c, path, o);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("import: networks are recognised and give what PyTorch gives") {
  const golden::File file("import.safetensors");
  const ContextPtr context = Context::create();
  const TempDir dir;
  for (const auto& item : file.cases()) {
    const std::string name = item.at("name");
    INFO(name);
    write_weights(file, name, dir / "weights.bin");
    const Imported model = import_model(context, dir / "weights.bin");
    INFO((model.notes.empty() ? "" : model.notes.back()));
    CHECK(model.graph.architecture() == item.at("architecture").get<std::string>());
    std::vector<Tensor> inputs;
    for (int i = 0; i < item.at("inputs"); ++i)
      inputs.push_back(file.tensor(context, name + "/x/" + std::to_string(i)));
    const std::vector<Tensor> got = model.graph.run(inputs);
    const golden::Entry& want = file.at(name + "/y");
    REQUIRE(got.size() == 1);
    CHECK(got[0].shape() == want.shape);
    CHECK(golden::relative_error(got[0].to_vector(), want.values) < 2e-5);
    // As a model of gsx it is the same network.
    save_model(model.graph, dir / "model.safetensors");
    const Graph again = load_model(context, dir / "model.safetensors");
    CHECK(again.run(inputs)[0].to_vector() == got[0].to_vector());
  }
  CHECK(file.cases().size() == 24);
}

TEST_CASE("import: layers that ports name in their own way are told by shapes and order") {
  const golden::File file("import.safetensors");
  const ContextPtr context = Context::create();
  const TempDir dir;
  const Tensor x = file.tensor(context, "whitebox/x/0");
  // One name is a beginning of the next; blocks come before or behind the rest.
  for (const std::string theirs : {"Conv", "c", "a"}) {
    const std::string ours = "conv";
    SafetensorsWriter writer;
    for (const std::string& key : file.names("whitebox/w/")) {
      const golden::Entry& e = file.at("whitebox/w/" + key);
      const std::string name = key.starts_with(ours) ? theirs + key.substr(ours.size()) : key;
      writer.add(name, {e.shape.begin(), e.shape.end()}, e.values);
    }
    writer.write(dir / "w.safetensors");
    const Graph graph = import_model(context, dir / "w.safetensors").graph;
    CHECK(graph.architecture() == "whitebox");
    CHECK(golden::relative_error(graph.run(x).to_vector(), file.at("whitebox/y").values) < 2e-5);
  }
}

TEST_CASE("import: values are looked at, and kept only where they are wanted") {
  const golden::File file("import.safetensors");
  const ContextPtr context = Context::create();
  const TempDir dir;
  write_weights(file, "ugatit", dir / "w.safetensors", "genA2B.");
  ImportOptions look;
  look.values = false;
  const Graph graph = import_model(context, dir / "w.safetensors", look).graph;
  CHECK(graph.architecture() == "ugatit");
  CHECK(graph.context() == nullptr);
  SafetensorsWriter writer;
  for (const std::string& key : file.names("whitebox/w/")) {
    golden::Entry e = file.at("whitebox/w/" + key);
    if (key == "conv_4.bias") e.values[0] = NAN;
    writer.add(key, {e.shape.begin(), e.shape.end()}, e.values);
  }
  writer.write(dir / "w.safetensors");
  CHECK_THAT(refusal(context, dir / "w.safetensors", look),
             Contains("conv_4.bias must hold finite numbers"));
}

TEST_CASE("import: wrappers' names, named architectures and options") {
  const golden::File file("import.safetensors");
  const ContextPtr context = Context::create();
  const TempDir dir;
  const auto path = dir / "w.safetensors";
  write_weights(file, "unet_batch", path, "model.netG.module.");
  CHECK(import_model(context, path).graph.architecture() == "unet_generator");
  write_weights(file, "johnson", path, "network.");
  CHECK(import_model(context, path).graph.architecture() == "johnson");
  write_weights(file, "official", path);
  CHECK(import_model(context, path, {"resnet_generator"}).graph.architecture() ==
        "resnet_generator");
  const Graph named = open_model(context, "cyclegan_official:" + path.string());
  CHECK(named.architecture() == "cyclegan_official");
  const Graph bgr = open_model(context, "auto,order=bgr,range=0..255:" + path.string());
  CHECK(bgr.input_format.bgr);
  CHECK(bgr.output_format.hi == 255);
  CHECK_THAT(refusal(context, path, {"", {{"colour", "red"}}}), Contains("has no option 'colour'"));
  CHECK_THAT(refusal(context, path, {"rrdb"}),
             Contains("does not fit rrdb: it has none of its tensors"));
  CHECK_THROWS_WITH(open_model(context, "cyclegan_official,width=64:" + path.string()),
                    Contains("does not fit cyclegan_official: missing model.12.") &&
                        Contains("model.1.weight has shape [2, 3, 7, 7] instead of [64, 3, 7, 7]"));
  CHECK_THROWS_WITH(check_model_spec("rrdb", false),
                    Contains("rrdb has the sizes that its weights have; give rrdb:FILE"));
}

TEST_CASE("import: what is no known network is said, with the nearest and what differs") {
  const golden::File file("import.safetensors");
  const ContextPtr context = Context::create();
  const TempDir dir;
  const auto path = dir / "w.safetensors";
  write_weights(file, "resnet_affine", path, "", "model.11.conv_block.5.weight");
  CHECK_THAT(refusal(context, path),
             Contains("does not fit resnet_generator, the nearest of the networks that gsx knows: "
                      "missing model.11.conv_block.5.weight"));
  SafetensorsWriter writer;
  writer.add("encoder.weight", {2, 2}, std::vector<float>(4));
  writer.write(path);
  const std::string unknown = refusal(context, path);
  CHECK_THAT(unknown, Contains("holds no network that gsx knows (cyclegan, "));
  CHECK_THAT(unknown, Contains("its tensors are encoder.weight"));
  // Sampling that is blurred by another filter.
  SafetensorsWriter other;
  for (const std::string& key : file.names("cut/w/")) {
    golden::Entry e = file.at("cut/w/" + key);
    if (key == "model.7.filt") e.values[0] += 0.01f;
    other.add(key, {e.shape.begin(), e.shape.end()}, e.values);
  }
  other.write(path);
  CHECK_THAT(refusal(context, path),
             Contains("model.7.filt is not the filter of CUT's blurred sampling"));
}

TEST_CASE("import: several networks in one flat file are answered with their names") {
  const golden::File file("import.safetensors");
  const ContextPtr context = Context::create();
  const TempDir dir;
  const auto weights_of = [&](const std::string& name, const std::string& prefix) {
    std::vector<std::pair<std::string, TypedArray>> arrays;
    for (const std::string& key : file.names(name + "/w/")) {
      const golden::Entry& e = file.at(name + "/w/" + key);
      const auto* start = reinterpret_cast<const uint8_t*>(e.values.data());
      arrays.push_back({prefix + key,
                        {FileDType::f32,
                         {e.shape.begin(), e.shape.end()},
                         {start, start + 4 * e.values.size()}}});
    }
    return arrays;
  };
  const auto write = [&](const std::vector<std::pair<std::string, std::string>>& networks) {
    std::vector<std::pair<std::string, TypedArray>> all;
    for (const auto& [name, prefix] : networks)
      for (auto& array : weights_of(name, prefix)) all.push_back(std::move(array));
    write_npz(dir / "two.npz", all);
    return dir / "two.npz";
  };
  for (const std::string outer : {"", "model."}) {
    const auto path = write({{"official", outer + "netG_A."}, {"unet_batch", outer + "netG_B."}});
    CHECK_THAT(refusal(context, path),
               Contains("holds several networks, '" + outer + "netG_A', '" + outer +
                        "netG_B'; say which: auto,part=" + outer + "netG_A:" + path.string()));
    CHECK(open_model(context, "auto,part=" + outer + "netG_B:" + path.string()).architecture() ==
          "unet_generator");
  }
  const auto path = write({{"official", "netG_A."}, {"unet_batch", "netG_B."}});
  CHECK_THAT(refusal(context, path, {"", {{"part", "netG_C"}}}),
             Contains("has no part 'netG_C'; the first parts of its names are 'netG_A', 'netG_B'"));
  // One network beside what is none.
  auto arrays = weights_of("official", "painter.");
  for (int i = 0; i < 5; ++i)
    arrays.push_back({"other.layer" + std::to_string(i) + ".weight", {FileDType::u8, {2}, {1, 2}}});
  write_npz(dir / "one.npz", arrays);
  const Imported one = import_model(context, dir / "one.npz");
  CHECK(one.graph.architecture() == "cyclegan_official");
  CHECK(one.notes.back() ==
        "the weights are those whose names begin with 'painter', not with 'other'");
}

TEST_CASE("import: a bias that only one convolution lacks is noted") {
  const golden::File file("import.safetensors");
  const ContextPtr context = Context::create();
  const TempDir dir;
  const auto path = dir / "w.safetensors";
  int lost = 0;
  for (const auto& item : file.cases()) {
    const std::string name = item.at("name");
    INFO(name);
    write_weights(file, name, path);
    const auto warned = [&] {
      const Imported model = import_model(context, path);
      for (const std::string& note : model.notes)
        if (note.find("the file has no bias for ") != std::string::npos) return note;
      return std::string();
    };
    CHECK(warned().empty());
    if (name != "official" && name != "resnet_affine") continue;
    // The last convolution, which no norm follows.
    std::string last;
    int highest = -1;
    for (const std::string& key : file.names(name + "/w/"))
      if (int number = 0;
          std::sscanf(key.c_str(), "model.%d.bias", &number) == 1 && number > highest) {
        highest = number;
        last = key;
      }
    write_weights(file, name, path, "", last);
    CHECK_THAT(warned(),
               Contains("no bias for model." + std::to_string(highest) + ", while others"));
    ++lost;
  }
  CHECK(lost == 2);
}

TEST_CASE("import: the shared checkpoints are recognised", "[data]") {
  const auto folder = require_data() / "checkpoints";
  const ContextPtr context = Context::create();
  for (const char* name : {"plain_zip.pth", "plain_legacy.pth", "half.pth", "bf16.pth", "fp8.pth",
                           "double.pth", "lightning_plain.ckpt", "whole_module.pth",
                           "params_ema.pth", "st_file.safetensors", "channels_last_model.pth"}) {
    INFO(name);
    CHECK(import_model(context, folder / name).graph.architecture() == "resnet_generator");
  }
  CHECK(import_model(context, folder / "jit_trace.pt").graph.architecture() == "cyclegan_official");
  CHECK(import_model(context, folder / "pix2pix_bn.pth").graph.architecture() == "unet_generator");
  CHECK_THAT(refusal(context, folder / "mixed_dtypes.pth"), Contains("no network that gsx knows"));
}
