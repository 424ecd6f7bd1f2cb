// Small ONNX files, one per pattern that exporters write, against ONNX Runtime's results: read,
// mapped to the nodes that they should become, or refused with the reason.
#include <set>

#include "models/import/import.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/golden/golden_file.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;

namespace {

std::filesystem::path write_case(const golden::File& file, const std::string& name,
                                 const TempDir& dir) {
  const golden::Entry& bytes = file.at(name + "/model");
  const std::filesystem::path path = dir.path() / (name + ".onnx");
  std::ofstream out(path, std::ios::binary);
  for (const float b : bytes.values) out.put(static_cast<char>(static_cast<int>(b)));
  return path;
}

// An input as our networks take it: [N] as [N,1], channels last as [N,C,H,W].
Tensor input_of(const golden::File& file, const ContextPtr& context, const std::string& name,
                bool nhwc) {
  const golden::Entry& e = file.at(name);
  const Tensor x =
      Tensor::from(context, e.values, e.shape.rank() == 1 ? Shape{e.shape[0], 1} : e.shape);
  return nhwc ? transpose(x, {0, 3, 1, 2}) : x;
}

void check_case(const golden::File& file, const nlohmann::json& item, const ContextPtr& context) {
  const std::string name = item.at("name"), refusal = item.at("refusal"), note = item.at("note");
  INFO(name);
  const TempDir dir;
  const std::filesystem::path path = write_case(file, name, dir);
  if (!refusal.empty()) {
    CHECK_THROWS_WITH(import_model(context, path), Contains(refusal));
    return;
  }
  const Imported imported = import_model(context, path);
  const Graph& graph = imported.graph;
  CHECK_THAT(imported.format, Contains("an ONNX file of opset"));
  std::set<std::string> kinds;
  for (int i = 0; i < graph.size(); ++i) kinds.insert(std::string(graph.node(i).kind()));
  for (const std::string kind : item.at("has")) {
    INFO("has " << kind);
    CHECK(kinds.count(kind) == 1);
  }
  for (const std::string kind : item.at("lacks")) {
    INFO("lacks " << kind);
    CHECK(kinds.count(kind) == 0);
  }
  if (!note.empty()) {
    std::string all;
    for (const std::string& n : imported.notes) all += n + '\n';
    CHECK_THAT(all, Contains(note));
  }
  const Json onnx = graph.provenance.at("onnx");
  const bool nhwc = onnx.contains("input_layout");
  std::vector<Tensor> in;
  for (int i = 0; i < item.at("inputs"); ++i)
    in.push_back(input_of(file, context, name + "/in/" + std::to_string(i), nhwc && i == 0));
  const NoGrad no_grad;
  Tensor y = graph.evaluate(in)[0];
  if (onnx.contains("output_layout")) y = transpose(y, {0, 2, 3, 1});
  const golden::Entry& want = file.at(name + "/y");
  CHECK(y.shape() == want.shape);
  CHECK(golden::relative_error(y.to_vector(), want.values) <= item.at("tolerance").get<double>());

  // A model file of it is the same network.
  save_model(graph, dir.path() / "model.safetensors");
  const Graph again = load_model(context, dir.path() / "model.safetensors");
  CHECK(again.provenance == graph.provenance);
  Tensor z = again.evaluate(in)[0];
  if (onnx.contains("output_layout")) z = transpose(z, {0, 2, 3, 1});
  CHECK(z.to_vector() == y.to_vector());
}

}  // namespace

TEST_CASE("ONNX files of every pattern agree with ONNX Runtime", "[golden]") {
  const golden::File file("onnx.safetensors");
  const ContextPtr context = Context::create();
  for (const auto& item : file.cases()) check_case(file, item, context);
}

TEST_CASE("ONNX files of every quantised form agree with ONNX Runtime", "[golden]") {
  const golden::File file("onnx_integers.safetensors");
  const ContextPtr context = Context::create();
  for (const auto& item : file.cases()) check_case(file, item, context);
  CHECK(file.cases().size() == 16);
}

TEST_CASE("ONNX: weights in a file beside it, and nowhere else", "[golden]") {
  const golden::File file("onnx.safetensors");
  const ContextPtr context = Context::create();
  const TempDir dir;
  const std::filesystem::path path = write_case(file, "external", dir);
  const golden::Entry& weights = file.at("external/weights");
  const auto write_weights = [&](const std::filesystem::path& to) {
    std::filesystem::create_directories(to.parent_path());
    std::ofstream out(to, std::ios::binary);
    out.write(reinterpret_cast<const char*>(weights.values.data()),
              static_cast<std::streamsize>(weights.values.size() * sizeof(float)));
  };
  CHECK_THROWS_WITH(import_model(context, path), Contains("beside the model"));
  write_weights(dir.path() / "parts" / "weights.bin");
  const NoGrad no_grad;
  const Tensor y =
      import_model(context, path).graph.evaluate(file.tensor(context, "external/in/0"));
  CHECK(golden::relative_error(y.to_vector(), file.at("external/y").values) <= 1e-5);
  for (const std::string name : {"external_above", "external_root"}) {
    const std::filesystem::path bad = write_case(file, name, dir);
    CHECK_THROWS_WITH(import_model(context, bad), Contains("outside the model's folder"));
  }
}

TEST_CASE("ONNX: cut and garbled files are refused in one sentence", "[golden]") {
  const golden::File file("onnx.safetensors");
  const ContextPtr context = Context::create();
  const TempDir dir;
  const std::filesystem::path whole = write_case(file, "group_norm_21", dir);
  std::ifstream in(whole, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const std::filesystem::path path = dir.path() / "bad.onnx";
  const auto refused = [&](const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
    try {
      import_model(context, path);
      return true;  // what was hit may be a weight
    } catch (const Error& e) {
      const std::string what = e.what();
      INFO(what);
      CHECK_THAT(what, Contains("bad.onnx"));
      return what.find('\n') == std::string::npos;
    }
  };
  for (size_t n = 16; n < bytes.size(); n += 7) CHECK(refused(bytes.substr(0, n)));
  uint32_t x = 1;
  for (int i = 0; i < 2000; ++i) {
    std::string garbled = bytes;
    for (int k = 0; k < 3; ++k) {
      x = x * 1664525u + 1013904223u;
      garbled[2 + (x >> 8) % (garbled.size() - 2)] = static_cast<char>(x >> 3);
    }
    CHECK(refused(garbled));
  }
}
