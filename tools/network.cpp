// Opening what a user names; see network.h.
#include "tools/network.h"

#include "models/architectures.h"
#include "tools/numbers.h"

namespace gsx::tools {

void add_network_options(const Command& app, NetworkOptions& o) {
  app.add_option("--width", o.width, "of a bare architecture: channels of the first layer")
      ->check(whole_number(1, 4096));
  app.add_option("--blocks", o.blocks, "of a bare architecture: residual blocks")
      ->check(whole_number(1, 256));
}

Graph open_network(const ContextPtr& context, const NetworkOptions& o, const std::string& command,
                   bool prepacked) {
  const ModelSpec spec = parse_model_spec(o.model);
  if (!spec.file.empty()) {
    GSX_CHECK(o.width == 0 && o.blocks == 0, command,
              ": --width and --blocks go with a bare architecture name, not with the file ",
              o.model);
    return open_model(context, o.model, prepacked);
  }
  Json options = spec.options;
  if (o.width > 0) options["width"] = o.width;
  if (o.blocks > 0) options["blocks"] = o.blocks;
  return make_architecture(spec.architecture, options);
}

Graph open_runnable_network(const ContextPtr& context, const NetworkOptions& o,
                            const std::string& command, bool prepacked) {
  Graph graph = open_network(context, o, command, prepacked);
  if (graph.context()) return graph;
  Rng rng(0);
  graph.initialize(context, rng, {});
  return graph;
}

}  // namespace gsx::tools
