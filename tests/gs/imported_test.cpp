// Networks told from others' files go through pruning groups and extraction as built-in ones do.
#include "engine/io/safetensors.h"
#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "models/import/import.h"
#include "tests/catch.h"
#include "tests/golden/golden_file.h"
#include "tests/gs/graphs.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace gsx::test;

namespace {

Graph imported(const golden::File& file, const std::string& name) {
  const TempDir dir;
  SafetensorsWriter writer;
  for (const std::string& key : file.names(name + "/w/")) {
    const golden::Entry& e = file.at(name + "/w/" + key);
    writer.add(key, {e.shape.begin(), e.shape.end()}, e.values);
  }
  writer.write(dir / "w.safetensors");
  return import_model(context(), dir / "w.safetensors").graph;
}

}  // namespace

TEST_CASE("imported networks are cut without changing what they compute") {
  const golden::File file("import.safetensors");
  for (const std::string name : {"ugatit", "whitebox", "whitebox_reflected", "animegan2", "cut"}) {
    for (const bool quantized : {false, true}) {
      INFO(name << (quantized ? " in 8 bits" : ""));
      Graph graph = imported(file, name);
      insert_scales(graph);
      const std::vector<PruneGroup> groups = prune_groups(graph);
      CHECK(groups.size() >= 3);
      const Shape size{1, 3, 16, 20};
      if (quantized) quantize_graph(graph, size);
      kill_some(graph, prune_groups(graph), 0.4, 3);
      const Graph small = checked_extraction(graph, size, 5);
      CHECK(small.cost(size).params < graph.cost(size).params);
    }
  }
}
