// Seeds, by the tests' own writers and gsx's; see seeds.h.
#include "tests/fuzz/seeds.h"

#include <webp/encode.h>

#include <algorithm>
#include <array>
#include <map>

#include "engine/context.h"
#include "engine/io/npz.h"
#include "engine/io/safetensors.h"
#include "gs/config.h"
#include "gs/passes/quantize.h"
#include "gs/train/checkpoint.h"
#include "models/architectures.h"
#include "models/export/onnx.h"
#include "tests/engine/jpeg_bytes.h"
#include "tests/fuzz/target.h"
#include "tests/import/onnx_bytes.h"
#include "tests/import/torch_writer.h"
#include "tests/png_bytes.h"
#include "tests/sealed_file.h"
#include "tests/temp_dir.h"

namespace fuzz {

namespace {

using Seeds = std::vector<std::string>;
using gsx::FileDType;
using torch_writer::Codes;

std::string text(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

const gsx::ContextPtr& context() {
  static const gsx::ContextPtr one = gsx::Context::create();
  return one;
}

// The pickles of a state dict, of one in another beside an optimiser's, of a whole module and of
// tensors in wrappers.
Seeds pickles() {
  Seeds all;
  for (const int protocol : {2, 4}) {
    const Codes c(protocol);
    const std::string f = c.storage("FloatStorage", "0", 16), h = c.storage("HalfStorage", "1", 32);
    const std::string t = c.tensor(f, 2, {2, 3}, {3, 1}), turned = c.tensor(h, 0, {3, 2}, {1, 3});
    const std::string weights = c.ordered({{"module.a.weight", t}, {"module.a.bias", turned}});
    all.push_back(c.pickle(weights));
    all.push_back(c.pickle(c.dict({{"state_dict", weights},
                                   {"netG_B", weights},
                                   {"epoch", c.integer(300)},
                                   {"optimizer", c.dict({{"state", c.dict({})}})}})));
    const std::string parameter =
        c.call(c.global("torch._utils", "_rebuild_parameter"), c.tuple(t + "\x88" + c.ordered({})));
    const std::string module = c.call(c.global("own.net", "Net"), ")") +
                               c.dict({{"_parameters", c.ordered({{"weight", parameter}})},
                                       {"_buffers", c.ordered({{"running_mean", t}})},
                                       {"_modules", c.ordered({})}}) +
                               "b";
    all.push_back(c.pickle(module));
  }
  return all;
}

Seeds torch_files() {
  const Codes c(2);
  const std::string numbers(64, 'x');
  Seeds all;
  for (const std::string& p : pickles()) {
    all.push_back(torch_writer::zip_file(p, {{"0", numbers}, {"1", numbers}},
                                         {{"archive/byteorder", "little"}}));
    all.push_back(torch_writer::stream_file(c, p, {{{"0", numbers}, 16}, {{"1", numbers}, 32}}));
  }
  return all;
}

std::string npy(const std::string& header, const std::string& data, int version = 1) {
  const auto length = static_cast<uint32_t>(header.size() + 1);
  return "\x93NUMPY" + std::string(1, static_cast<char>(version)) + '\0' +
         torch_writer::raw(length).substr(0, version == 1 ? 2 : 4) + header + "\n" + data;
}

Seeds npy_files() {
  return {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", std::string(24, 'x')),
          npy("{'descr': '>f8', 'fortran_order': True, 'shape': (3,), }", std::string(24, 'x')),
          npy("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", "x", 2),
          npy("{'descr': '<i8', 'fortran_order': False, 'shape': (0, 4), }", "", 3)};
}

Seeds npz_files() {
  const TempDir dir;
  const std::vector<std::pair<std::string, gsx::TypedArray>> arrays = {
      {"a.weight", {FileDType::u8, {2, 3}, {1, 2, 3, 4, 5, 6}}},
      {"netG_A.b.weight", {FileDType::f16, {1}, {0, 60}}}};
  gsx::write_npz(dir / "x", arrays);
  Seeds all = {read_text(dir / "x")};
  std::vector<torch_writer::Member> members;
  for (const std::string& array : npy_files())
    members.push_back({"a" + std::to_string(members.size()) + ".npy", array});
  all.push_back(torch_writer::zip(members));
  return all;
}

// Small networks with values, some of them of 8 bits.
std::vector<gsx::Graph> networks() {
  std::vector<gsx::Graph> all = {gsx::cyclegan({.width = 2, .blocks = 1}),
                                 gsx::fast_style({.width = 2, .blocks = 1}),
                                 gsx::unet({.width = 2, .layers = 3})};
  gsx::Rng rng(1);
  for (gsx::Graph& g : all) g.initialize(context(), rng, gsx::Init());
  gsx::Graph eight = all[0];
  gsx::insert_quantizers(eight, {});
  all.push_back(eight);
  return all;
}

Seeds onnx_files() {
  using namespace onnx_bytes;
  Seeds all;
  for (const gsx::Graph& g : networks()) {
    // Numbers of layers matter, not their values: what is too large for fuzzing is left out.
    gsx::OnnxOptions options;
    options.numbers = gsx::OnnxNumbers::fp32;
    const std::string file = gsx::onnx_file(g, options);
    if (file.size() <= 8192) all.push_back(file);
  }
  const std::string w = part(5, tensor("w", {3, 3, 1, 1}, std::vector<float>(9, 1)));
  all.push_back(
      onnx_bytes::model({node("Conv", {"x", "w"}, "c"), node("Relu", {"c"}, "y")}, {}, w));
  all.push_back(onnx_bytes::model(
      {node("InstanceNormalization", {"x", "s", "b"}, "n"),
       node("LeakyRelu", {"n"}, "l", {attribute("alpha", 0.2f)}), node("Tanh", {"l"}, "y")},
      {}, part(5, tensor("s", {3}, {1, 2, 3})) + part(5, tensor("b", {3}, {1, 2, 3}))));
  all.push_back(
      onnx_bytes::model({node("Shape", {"x"}, "s"), node("Slice", {"s"}, "t"),
                         node("Concat", {"t", "t"}, "u"), node("Reshape", {"x", "u"}, "y")}));
  all.push_back(onnx_bytes::model({node("Own", {"x"}, "y", {}, "own")},
                                  {part(1, "Own") + part(4, "a") + part(5, "b") + part(10, "own") +
                                   part(7, node("Sigmoid", {"a"}, "b"))}));
  all.push_back(
      onnx_bytes::model({node("QuantizeLinear", {"x", "k"}, "q"),
                         node("DequantizeLinear", {"q", "k"}, "d"), node("Conv", {"d", "w"}, "y")},
                        {}, w + part(5, tensor("k", {}, {0.1f}))));
  return all;
}

Seeds safetensors_files() {
  const TempDir dir;
  gsx::SafetensorsWriter writer;
  writer.metadata["format"] = "pt";
  writer.add("a", FileDType::bf16, {2, 2}, std::vector<uint8_t>(8));
  writer.add("b", {3}, std::vector<float>{1, 2, 3});
  writer.write(dir / "x");
  return {gsx::unsealed(read_text(dir / "x")), read_text(dir / "x")};
}

Seeds models() {
  const TempDir dir;
  Seeds all;
  for (const gsx::Graph& g : networks()) {
    gsx::save_model(g, dir / "x");
    all.push_back(gsx::unsealed(read_text(dir / "x")));
    gsx::SafetensorsWriter bare;
    for (const gsx::Parameter* p : g.parameters()) bare.add(p->name, p->value);
    bare.write(dir / "y");
    all.push_back(gsx::unsealed(read_text(dir / "y")));
  }
  return all;
}

Seeds graphs() {
  Seeds all;
  for (const gsx::Graph& g : networks()) all.push_back(gsx::graph_to_json(g).dump());
  return all;
}

std::string le(uint64_t value, int bytes) {
  return torch_writer::raw(value).substr(0, static_cast<size_t>(bytes));
}

// 2 x 2 pixels of 24 bits, rows of 8 bytes.
std::string bmp() {
  return "BM" + le(70, 4) + le(0, 4) + le(54, 4) + le(40, 4) + le(2, 4) + le(2, 4) + le(1, 2) +
         le(24, 2) + std::string(24, '\0') + std::string(16, 'x');
}

// 2 x 2 grey bytes: nine entries of tag, type, count and value, which numbers of 16 bits stand in.
std::string tiff() {
  const std::vector<std::array<int, 2>> entries = {{256, 2}, {257, 2}, {258, 8}, {259, 1}, {262, 1},
                                                   {273, 8}, {277, 1}, {278, 2}, {279, 4}};
  std::string file = std::string("II*\0", 4) + le(12, 4) + "abcd" + le(entries.size(), 2);
  for (const auto& [tag, value] : entries) file += le(tag, 2) + le(3, 2) + le(1, 4) + le(value, 4);
  return file + le(0, 4);
}

// Lossless.
std::string webp() {
  const std::vector<uint8_t> rgb(size_t{3} * 4 * 4, 90);
  uint8_t* bytes = nullptr;
  const size_t size = WebPEncodeLosslessRGB(rgb.data(), 4, 4, 12, &bytes);
  const std::string file(reinterpret_cast<const char*>(bytes), size);
  WebPFree(bytes);
  return file;
}

Seeds images() {
  Seeds all;
  const auto lines = [](size_t height, size_t bytes) {
    std::string raw;
    for (size_t y = 0; y < height; ++y) raw += '\1' + std::string(bytes, static_cast<char>(y));
    return stored(raw);
  };
  all.push_back(text(png(3, 2, 8, 2, lines(2, 9))));
  all.push_back(text(png(3, 2, 16, 6, lines(2, 24))));
  all.push_back(text(png(9, 2, 1, 0, lines(2, 2), chunk("tRNS", std::string(2, '\0')))));
  all.push_back(text(png(4, 2, 4, 3, lines(2, 2), chunk("PLTE", std::string(48, 'p')))));
  for (const JpegKind& kind : {JpegKind{.width = 9, .height = 8},
                               {.width = 8, .height = 9, .components = 1},
                               {.width = 9, .height = 9, .progressive = true},
                               {.width = 8, .height = 8, .components = 4, .restart_every = 1}})
    all.push_back(text(jpeg(kind)));
  all.insert(all.end(), {bmp(), tiff(), webp()});
  all.push_back("P6 2 2 255\n" + std::string(12, 'x'));
  return all;
}

Seeds recipes() {
  Seeds all;
  for (const char* name : {"gs8", "cp+d", "cec", "sngan"})
    all.push_back(read_text(std::string(GSX_SOURCE_DIR "/gs/recipes/") + name + ".toml"));
  return all;
}

Seeds checkpoints() {
  const TempDir dir;
  gsx::StateWriter state;
  state.meta["step"] = 3;
  state.meta["rng"] = gsx::to_json(gsx::Rng(1));
  state.add("student", networks()[3]);
  state.write(dir / "x");
  return {gsx::unsealed(read_text(dir / "x"))};
}

// Choices, of which any do.
Seeds choices() {
  Seeds all;
  gsx::Rng rng(1);
  for (const int length : {1, 9, 40}) {
    all.emplace_back();
    for (int i = 0; i < length; ++i) all.back() += static_cast<char>(rng.below(256));
  }
  return all;
}

}  // namespace

std::vector<std::string> seeds(const std::string& target) {
  static const std::map<std::string, Seeds (*)()> makers = {
      {"torch", torch_files},
      {"torch_pickle", pickles},
      {"torch_stream", pickles},
      {"npz", npz_files},
      {"npy", npy_files},
      {"onnx", onnx_files},
      {"safetensors", safetensors_files},
      {"model", models},
      {"graph", graphs},
      {"image", images},
      {"config", [] { return Seeds{gsx::TrainConfig().to_json().dump()}; }},
      {"recipe", recipes},
      {"checkpoint", checkpoints},
      {"differential", choices}};
  Seeds all = makers.at(target)();
  const auto is = [&](const Target& t) { return t.name == target; };
  const size_t longest = std::find_if(targets().begin(), targets().end(), is)->longest;
  std::erase_if(all, [&](const std::string& seed) { return seed.size() > longest; });
  return all;
}

}  // namespace fuzz
