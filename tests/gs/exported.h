// What tests of exported networks share: the networks, images for them, their results as files, and
// Python that runs what was written.
#pragma once
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "engine/io/npy.h"
#include "engine/io/safetensors.h"
#include "models/import/import.h"
#include "tests/catch.h"
#include "tests/golden/golden_file.h"
#include "tests/gs/graphs.h"
#include "tests/temp_dir.h"

namespace gsx::test {

inline Graph of_others(const golden::File& file, const std::string& name) {
  const TempDir dir;
  SafetensorsWriter writer;
  for (const std::string& key : file.names(name + "/w/")) {
    const golden::Entry& e = file.at(name + "/w/" + key);
    writer.add(key, {e.shape.begin(), e.shape.end()}, e.values);
  }
  writer.write(dir / "w.safetensors");
  return import_model(context(), dir / "w.safetensors").graph;
}

// A network of others as its file holds it, or one of ours, with random values.
inline Graph network_named(const std::string& name) {
  if (name != "animegan2" && name != "rrdb") {
    Graph graph = make_architecture(name, name == "unet" ? Json{{"width", 8}, {"layers", 4}}
                                                         : Json{{"width", 8}, {"blocks", 2}});
    randomize(graph, 7);
    return graph;
  }
  return of_others(golden::File("import.safetensors"), name);
}

inline Tensor images(const Shape& shape, const ImageFormat& f) {
  std::vector<float> values = random_images(shape, 9, {0, 255, false}).to_vector();
  for (float& v : values) v = f.lo + std::nearbyint(v) * (f.hi - f.lo) / 255;
  return Tensor::from(context(), values, shape);
}

// The results for these inputs as files beside the network.
inline void write_results(const Graph& graph, const std::filesystem::path& folder,
                          const std::vector<std::vector<Tensor>>& inputs) {
  const NoGrad no_grad;
  if (graph.quantized()) write_text(folder / "quantized", "");
  for (size_t size = 0; size < inputs.size(); ++size) {
    for (size_t i = 0; i < inputs[size].size(); ++i)
      write_npy(folder / ("in_" + std::to_string(size) + "_" + std::to_string(i) + ".npy"),
                inputs[size][i]);
    write_npy(folder / ("out_" + std::to_string(size) + ".npy"), graph.evaluate(inputs[size])[0]);
  }
}

inline std::vector<std::vector<Tensor>> two_sizes(const Graph& graph) {
  return {{images({4, 3, 32, 32}, graph.input_format)},
          {images({3, 3, 48, 64}, graph.input_format)}};
}

inline const char* const kSix[] = {"cyclegan",   "unet",      "cartoongan",
                                   "fast_style", "animegan2", "rrdb"};

// A network for every kind of node and its options.
std::vector<Case> kind_cases();

// Runs a script of tests/python on every folder of a folder, by python3 or the one that `variable`
// names; a warning where that lacks what the script needs.
inline void check_by_python(const char* variable, const std::string& script,
                            const std::filesystem::path& folder) {
  const char* named = std::getenv(variable);
  const std::string command =
      std::string(named ? named : "python3") + " " + GSX_SOURCE_DIR + "/tests/python/" + script;
  if (std::system((command + " 2> /dev/null").c_str()) != 0) {
    WARN("no python3 with what " << script << " needs: what was written is not run");
    return;
  }
  CHECK(std::system((command + " " + folder.string() + "/*").c_str()) == 0);
}

}  // namespace gsx::test
