// gsx inspect: what a model is made of and what it costs.
#include <algorithm>
#include <iostream>
#include <sstream>

#include "gs/passes/insert_scales.h"
#include "gs/translate.h"
#include "tools/commands.h"
#include "tools/inspect_groups.h"
#include "tools/network.h"
#include "tools/numbers.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace gsx::tools {

namespace {

struct InspectOptions {
  NetworkOptions network;
  int size = 256;
  bool groups = false;
  bool json = false;
};

Json layer_json(const LayerCost& layer) {
  Json shape = Json::array();
  for (int64_t d : layer.output) shape.push_back(d);
  return {{"name", layer.name},
          {"kind", layer.kind},
          {"output", shape},
          {"params", layer.params},
          {"weight_bytes", layer.weight_bytes},
          {"weight_bits", layer.weight_bits},
          {"macs_true", layer.macs.true_macs},
          {"macs_paper", layer.macs.paper_macs},
          {"kept", layer.kept},
          {"original", layer.original}};
}

// The values a network takes or gives, by name.
Json ports_json(const std::vector<std::pair<std::string, Shape>>& ports) {
  Json list = Json::array();
  for (const auto& [name, shape] : ports)
    list.push_back({{"name", name}, {"shape", std::vector<int64_t>(shape.begin(), shape.end())}});
  return list;
}

std::string ports_text(const std::vector<std::pair<std::string, Shape>>& ports) {
  std::ostringstream text;
  for (const auto& [name, shape] : ports) {
    text << (text.tellp() > 0 ? ", " : "") << printable(name) << ' ';
    for (int i = 1; i < shape.rank(); ++i) text << (i > 1 ? " x " : "") << shape[i];
  }
  return text.str();
}

// How many sets of tied channels training could prune by the norms' scales, and by inserted ones
// too.
struct Prunable {
  int by_norms = 0, by_both = 0;

  explicit Prunable(const Graph& graph) {
    for (const PruneGroup& g : prune_groups(graph)) by_norms += g.channels();
    Graph scaled = graph;
    insert_scales(scaled);
    for (const PruneGroup& g : prune_groups(scaled)) by_both += g.channels();
  }
};

void run_inspect(const InspectOptions& o) {
  const ContextPtr context = Context::create();
  const Imported model = open_noted_network(context, o.network, false, false);
  const Graph& graph = model.graph;
  const std::vector<Shape> inputs =
      graph.only_height > 0 ? graph.example_inputs() : graph.input_shapes(o.size, o.size);
  const Cost cost = graph.cost(inputs);
  const int64_t bytes = file_bytes(graph);
  const Prunable prunable(graph);
  const std::vector<Shape> shapes = graph.infer_shapes(inputs);
  std::vector<std::pair<std::string, Shape>> takes, gives;
  for (const int i : graph.inputs()) takes.emplace_back(graph.node(i).name, shapes[i]);
  for (const GraphOutput& output : graph.outputs())
    gives.emplace_back(output.name, shapes[output.node]);
  if (o.json) {
    Json json = {{"model", o.network.model},
                 {"architecture", graph.architecture()},
                 {"size", o.size},
                 {"quantized", graph.quantized()},
                 {"params", cost.params},
                 {"macs_true", cost.macs.true_macs},
                 {"macs_paper", cost.macs.paper_macs},
                 {"weight_bytes", cost.weight_bytes},
                 {"file_bytes", bytes},
                 {"prunable", {{"norm", prunable.by_norms}, {"both", prunable.by_both}}},
                 {"inputs", ports_json(takes)},
                 {"outputs", ports_json(gives)},
                 {"format", model.format},
                 {"notes", model.notes},
                 {"layers", Json::array()},
                 {"provenance", graph.provenance}};
    for (const LayerCost& layer : cost.layers) json["layers"].push_back(layer_json(layer));
    if (o.groups) json.update(groups_json(graph, o.size));
    print_json(json);
    return;
  }
  std::istringstream table(o.groups ? groups_text(graph, o.size) : graph.to_string(inputs));
  for (std::string line; std::getline(table, line);) std::cout << printable(line) << '\n';
  const std::string side = std::to_string(o.size);
  const bool of_images =
      std::any_of(inputs.begin(), inputs.end(), [](const Shape& s) { return s.rank() == 4; });
  std::cout << "\ntakes       " << ports_text(takes) << "\ngives       " << ports_text(gives);
  std::cout << "\nparameters  " << cost.params << "\nMACs        " << format_si(cost.macs.true_macs)
            << " true, " << format_si(cost.macs.paper_macs) << " as the paper counts, for "
            << (!of_images ? "an image" : side + " x " + side + " pixels") << "\nweights     "
            << format_bytes(cost.weight_bytes) << "\nfile        " << format_bytes(bytes)
            << "\nprunable    " << prunable.by_norms << " channels by the scales of norms, "
            << prunable.by_both << " with inserted ones" << '\n';
  if (!model.format.empty()) std::cout << "\nread from   " << model.format << '\n';
  for (const std::string& note : model.notes)
    std::cout << "note        " << printable(note) << '\n';
  std::cout << std::flush;
}

}  // namespace

void add_inspect(const Command& app) {
  auto o = std::make_shared<InspectOptions>();
  const Command sub = app.add_subcommand("inspect", "Show a model's layers, channels and cost.");
  sub.footer(R"(Examples:
  gsx inspect runs/gs8-1/model.safetensors --size 128
  gsx inspect cyclegan --json
  gsx inspect net.onnx --groups
  gsx inspect cartoongan,order=rgb,eps=1e-5:weights.safetensors
  gsx inspect latest_net_G.pth
Files of weights (PyTorch's .pth .pt .ckpt .bin, .safetensors, .npz) are told from their tensors; ARCH:FILE
says what one is where that should not be asked of it. Wherever a model is named, what such a file cannot say
is told as ARCH,KEY=VALUE,...:FILE, with `auto` for an ARCH that is told from the file:
  order=rgb|bgr           channel order of the images it takes and gives
  range=LO..HI            its values of black and white, e.g. 0..255, -1..1
  input_range=, output_range=   the same where the two differ
  eps=E                   of its norms
  part=NAME               which of several networks in the file: a/b goes through dictionaries
  width=, blocks=, affine=, layers=, pooled=, in_channels=, latent=   where the architecture has
                          them)");
  sub.add_option("MODEL", o->network.model,
                 "a gsx model, an ONNX file, a file of weights, or an architecture: "
                 "ARCH[,KEY=VALUE...][:FILE]")
      ->required();
  sub.add_option("--size", o->size, "side of the image that MACs are counted for")
      ->check(whole_number(1, 8192))
      ->capture_default_str();
  add_network_options(sub, o->network);
  sub.add_flag(
      "--groups", o->groups,
      "show which channels train prunes together, by which scales, what one of them costs, "
      "and which stay and why, instead of the layers");
  sub.add_flag("--json", o->json, "print one JSON object");
  sub.callback([o] { run_inspect(*o); });
}

}  // namespace gsx::tools
