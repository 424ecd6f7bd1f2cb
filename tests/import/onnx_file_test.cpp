// ONNX files written byte by byte: what functions are written out to, and files that are small and
// would take much memory.
#include <cmath>
#include <set>

#include "engine/error.h"
#include "models/import/import.h"
#include "models/import/onnx_file.h"
#include "tests/catch.h"
#include "tests/import/onnx_bytes.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace onnx_bytes;
using Catch::Matchers::Contains;

namespace {

onnx_import::OnnxModel read(const TempDir& dir, const std::string& bytes) {
  write_text(dir / "m.onnx", bytes);
  return onnx_import::read_onnx_file(dir / "m.onnx");
}

}  // namespace

TEST_CASE("onnx: defaults of a function's attributes hold where a call gives none") {
  const TempDir dir;
  // F(a) = LeakyRelu(a), alpha: its attribute slope, 0.5 by default; G calls F and gives nothing.
  const std::string f = part(1, "F") + part(4, "a") + part(5, "b") + part(6, "none") +
                        part(7, node("LeakyRelu", {"a"}, "m", {reference("alpha", "slope")})) +
                        part(7, node("LeakyRelu", {"m"}, "b", {reference("alpha", "none")})) +
                        part(10, "own") + part(11, attribute("slope", 0.5f));
  const std::string g = part(1, "G") + part(4, "a") + part(5, "b") +
                        part(7, node("F", {"a"}, "b", {reference("slope", "of_g")}, "own")) +
                        part(10, "own") + part(11, attribute("of_g", 0.75f));
  const auto model =
      read(dir, onnx_bytes::model({node("F", {"x"}, "u", {}, "own"),
                                   node("F", {"u"}, "v", {attribute("slope", 0.25f)}, "own"),
                                   node("G", {"v"}, "y", {}, "own")},
                                  {f, g}));
  REQUIRE(model.nodes.size() == 6);
  const float want[] = {0.5f, 0.25f, 0.75f};
  for (size_t i = 0; i < 3; ++i) {
    CHECK(model.nodes[2 * i].attributes.at("alpha").reals == std::vector<float>{want[i]});
    CHECK(model.nodes[2 * i + 1].attributes.count("alpha") == 0);  // LeakyRelu's own default
  }
  const auto context = Context::create();
  const Graph graph = import_model(context, dir / "m.onnx").graph;
  const Tensor x = Tensor::from(context, std::vector<float>(192, -1.0f), {1, 3, 8, 8});
  const float want_value = -0.5f * 0.01f * 0.25f * 0.01f * 0.75f * 0.01f;
  const float got = graph.evaluate(std::vector<Tensor>{x})[0].to_vector()[0];
  CHECK(std::abs(got / want_value - 1) < 1e-5f);
}

TEST_CASE("onnx: a constant in a function is decoded once, however often it is called") {
  const TempDir dir;
  const std::string constant =
      part(1, "value") + part(5, tensor("", {1000}, std::vector<float>(1000, 2))) + number(20, 4);
  const std::string f = part(1, "F") + part(4, "a") + part(5, "b") +
                        part(7, node("Constant", {}, "c", {constant})) +
                        part(7, node("Add", {"a", "a"}, "b")) + part(10, "own");
  std::vector<std::string> calls;
  for (int i = 0; i < 500; ++i)
    calls.push_back(node("F", {"x"}, "y" + std::to_string(i), {}, "own"));
  const auto model = read(dir, onnx_bytes::model(calls, {f}));
  std::set<const onnx_import::Array*> arrays;
  for (const auto& n : model.nodes)
    if (n.op == "Constant") arrays.insert(n.attributes.at("value").array.get());
  CHECK(arrays.size() == 1);
}

TEST_CASE("onnx: calls that write out to many times the file's size are refused") {
  const TempDir dir;
  std::string list;
  for (int i = 0; i < 200'000; ++i) list += varint(1);
  const std::string numbers = part(1, "value_ints") + part(8, list) + number(20, 7);
  const std::string f = part(1, "F") + part(4, "a") + part(5, "b") +
                        part(7, node("Constant", {}, "c", {numbers})) + part(10, "own");
  std::vector<std::string> calls(300, node("F", {"x"}, "y", {}, "own"));
  CHECK_THROWS_WITH(read(dir, onnx_bytes::model(calls, {f})),
                    Contains("written out at every call, take many times the file's size"));
}

TEST_CASE("onnx: small parts are counted wherever the schema holds them") {
  const TempDir dir;
  const std::string empty = times(600'000, part(1, ""));
  const std::string shape = part(2, part(1, part(2, empty)));  // type, tensor_type, shape
  const std::string sparse = times(600'000, part(15, ""));
  const std::string names = times(600'000, part(1, "")), relu = node("Relu", {"x"}, "y");
  const auto refused = [&](const std::string& more, const std::string& behind = "",
                           const std::vector<std::string>& functions = {}) {
    CHECK_THROWS_WITH(read(dir, onnx_bytes::model({relu}, functions, more, behind)),
                      Contains("made of so many small parts"));
  };
  refused(part(13, part(1, "v") + shape));
  refused(part(13, part(1, "v") + part(2, part(4, part(1, part(1, part(2, empty)))))));  // a list's
  refused(part(14, times(600'000, part(2, ""))));
  refused(sparse);
  refused("", part(20, part(2, times(600'000, part(1, "")))));
  refused("", "", {part(1, "F") + part(11, times(600'000, part(9, "")))});
  const std::string typed = part(1, "t") + part(14, part(1, part(2, empty)));
  CHECK_THROWS_WITH(read(dir, onnx_bytes::model({node("Relu", {"x"}, "y", {typed})})),
                    Contains("made of so many small parts"));
}

TEST_CASE("onnx: what stands in front of a file is honoured or refused") {
  const TempDir dir;
  const std::string path = (dir / "m.onnx").string();
  write_text(path, onnx_bytes::model({node("Relu", {"x"}, "y")}));
  const auto context = Context::create();
  const auto notes = [](const Imported& i) {
    std::string all;
    for (const auto& note : i.notes) all += note + '\n';
    return all;
  };
  const Imported plain = import_named(context, path);
  CHECK(plain.graph.output_format.lo == -1);
  CHECK_THAT(notes(plain), Contains("-1 and 1, unless others are told"));
  const Imported told = import_named(context, "auto,range=0..255,order=bgr:" + path);
  for (const ImageFormat& f : {told.graph.input_format, told.graph.output_format}) {
    CHECK(f.lo == 0);
    CHECK(f.hi == 255);
    CHECK(f.bgr);
  }
  CHECK_THAT(notes(told), !Contains("unless others are told"));
  const Imported two = import_named(context, "auto,input_range=0..1,output_range=0..255:" + path);
  CHECK(two.graph.input_format.hi == 1);
  CHECK(two.graph.output_format.hi == 255);
  const auto refused = [&](const std::string& front, const std::string& got) {
    CHECK_THROWS_WITH(
        import_named(context, front + ":" + path),
        Contains("is an ONNX file, which holds its own network, got " + got + "; give it alone"));
  };
  refused("cyclegan", "the architecture cyclegan");
  refused("auto,part=netG_A", "the option part");
  refused("auto,eps=1e-3", "the option eps");
  refused("cyclegan,width=8", "the architecture cyclegan");
  CHECK_THROWS_WITH(import_model(context, path, {"", {{"width", 8}}}),
                    Contains("the option width"));
  CHECK_THROWS_WITH(import_model(context, path, {"", {{"size", 8}}}), Contains("the option size"));
}

TEST_CASE("onnx: quantised files of many moves are read in one go, and odd scales refused") {
  const TempDir dir;
  const auto context = Context::create();
  const auto import = [&](const std::vector<std::string>& nodes, const std::string& more) {
    write_text(dir / "m.onnx", onnx_bytes::model(nodes, {}, more));
    import_model(context, dir / "m.onnx");
  };
  const std::string step = part(5, tensor("k", {}, {0.1f}));
  const std::string w = part(5, tensor("w", {3, 3, 1, 1}, std::vector<float>(9, 1)));
  std::vector<std::string> nodes = {node("QuantizeLinear", {"x", "k"}, "q0")};
  for (int i = 0; i < 60; ++i) {
    const std::string from = "q" + std::to_string(i), pair = "p" + std::to_string(i);
    nodes.push_back(
        node("Concat", {from, from}, pair, {part(1, "axis") + number(3, 2) + number(20, 2)}));
    nodes.push_back(node("MaxPool", {pair}, "q" + std::to_string(i + 1),
                         {part(1, "kernel_shape") + number(8, 2) + number(8, 1) + number(20, 7),
                          part(1, "strides") + number(8, 2) + number(8, 1) + number(20, 7)}));
  }
  nodes.push_back(node("DequantizeLinear", {"q60", "k"}, "d"));
  nodes.push_back(node("Conv", {"d", "w"}, "y"));
  // Whether its operations are mapped or not, it is answered.
  try {
    import(nodes, step + w);
  } catch (const Error& e) {
    CHECK_THAT(e.what(), Contains("m.onnx"));
  }
  // Of a scale and zero point that are found in each image, both must be used.
  const std::string w8 = part(5, number(1, 3) + number(1, 3) + number(1, 1) + number(1, 1) +
                                     number(2, 3) + part(8, "w8") + part(9, std::string(9, 1)));
  std::string found = node("DynamicQuantizeLinear", {"x"}, "q");
  found += part(2, "s") + part(2, "z");
  const auto sums = [&](const std::vector<std::string>& inputs) {
    return std::vector<std::string>{
        found, node("ConvInteger", inputs, "i"),
        node("Cast", {"i"}, "f", {part(1, "to") + number(3, 1) + number(20, 2)})};
  };
  auto whole = sums({"q", "w8", "z"});
  whole.push_back(node("Mul", {"f", "s"}, "y"));
  CHECK_NOTHROW(import(whole, w8));
  auto without = sums({"q", "w8"});
  without.push_back(node("Mul", {"f", "s"}, "y"));
  CHECK_THROWS_WITH(import(without, w8), Contains("its zero point is not that of its input"));
  auto unscaled = sums({"q", "w8", "z"});
  unscaled.push_back(node("Identity", {"f"}, "y"));
  CHECK_THROWS_WITH(import(unscaled, w8), Contains("lacks a scale that each image has of its own"));
  const std::string two = part(5, tensor("two", {2}, {0.1f, 0.2f})),
                    none = part(5, tensor("none", {0}, {}));
  const std::vector<std::string> conv = {node("QuantizeLinear", {"x", "k"}, "q"),
                                         node("DequantizeLinear", {"q", "k"}, "d"),
                                         node("Conv", {"d", "r"}, "y")};
  for (const std::string scale : {"two", "none"}) {
    auto all = conv;
    all.insert(all.begin(), {node("QuantizeLinear", {"w", scale}, "i"),
                             node("DequantizeLinear", {"i", scale}, "r")});
    CHECK_THROWS_AS(import(all, step + w + two + none), Error);
  }
}
