// Sizes of files, from shapes alone: what save_model writes, whatever the graph has for values.
#include "tests/models/helpers.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

int64_t saved_bytes(const Graph& graph) {
  const TempDir folder;
  save_model(graph, folder / "m.safetensors");
  return static_cast<int64_t>(std::filesystem::file_size(folder / "m.safetensors"));
}

}  // namespace

TEST_CASE("a graph without values has the size of its file") {
  const auto c = test::context();
  for (const char* name : {"cyclegan", "cartoongan", "fast_style", "patchgan", "vgg16"}) {
    Json options = {{"width", 3}};
    if (std::string(name) != "patchgan" && std::string(name) != "vgg16") options["blocks"] = 1;
    for (const auto& quant : {std::optional<WeightQuant>(),
                              {{QuantGrid::int8, true}},
                              {{QuantGrid::int8, false}},
                              {{QuantGrid::official, false}}}) {
      INFO(name << (quant ? " quantised" : ""));
      Graph graph = make_architecture(name, options);
      if (quant) test::quantize(graph, *quant, 4, false);
      const int64_t without = file_bytes(graph);
      CHECK_FALSE(graph.context());
      test::randomize(graph, c, 1);
      CHECK(without == file_bytes(graph));
      CHECK(without == saved_bytes(graph));
    }
  }
}

TEST_CASE("sizes of networks no memory holds are counted from their shapes") {
  Graph graph = make_architecture("cyclegan", {{"width", 4096}});
  const Cost cost = graph.cost({1, 3, 64, 64});
  CHECK(cost.params > 46'000'000'000);
  CHECK(file_bytes(graph) > 4 * cost.params);
  test::quantize(graph, {QuantGrid::int8, true}, 4, false);
  CHECK(file_bytes(graph) > cost.params);
  CHECK(file_bytes(graph) < cost.params + cost.params / 100);
}
