// Opening what a user names; see network.h.
#include "tools/network.h"

#include <iostream>

#include "models/architectures.h"
#include "tools/numbers.h"
#include "tools/text.h"

namespace gsx::tools {

void add_network_options(const Command& app, NetworkOptions& o) {
  app.add_option("--width", o.width, "of a bare architecture: channels of the first layer")
      ->check(whole_number(1, 4096));
  app.add_option("--blocks", o.blocks, "of a bare architecture: residual blocks")
      ->check(whole_number(1, 256));
  app.add_option("--arch", o.architecture,
                 "of a file of weights: the architecture they are of, where it should not be told "
                 "from them");
}

void check_model(const std::string& flag, const std::string& spec, bool with_weights) {
  if (spec.empty()) return;
  try {
    as_misuse("model: ", [&] { check_model_spec(spec, with_weights); });
  } catch (const Misuse& error) {
    throw flag.empty() ? error : Misuse(flag, error.what());
  }
}

Imported open_noted_network(const ContextPtr& context, const NetworkOptions& o, bool prepacked,
                            bool values) {
  std::string model = o.model;
  if (!o.architecture.empty()) {
    if (!parse_model_spec(model).architecture.empty())
      throw Misuse("--arch", "goes with a file alone, and " + model +
                                 " names an architecture; "
                                 "leave one of them out");
    model = o.architecture + ":" + model;
  }
  check_model("", model, false);
  const ModelSpec spec = parse_model_spec(model);
  if (!spec.file.empty()) {
    for (const auto& [flag, value] : {std::pair{"--width", o.width}, {"--blocks", o.blocks}})
      if (value > 0)
        throw Misuse(flag, "goes with a bare architecture, not with the file " + o.model +
                               ", whose layers are as they are; leave it out");
    return import_named(context, model, prepacked, "model.safetensors", values);
  }
  Json options = spec.options;
  if (o.width > 0) options["width"] = o.width;
  if (o.blocks > 0) options["blocks"] = o.blocks;
  return {as_misuse("", [&] { return make_architecture(spec.architecture, options); }), {}, {}};
}

Graph open_network(const ContextPtr& context, const NetworkOptions& o, bool prepacked) {
  return open_noted_network(context, o, prepacked).graph;
}

Graph open_told(const ContextPtr& context, const std::string& spec, bool prepacked,
                const std::string& in_run) {
  Imported model = import_named(context, spec, prepacked, in_run);
  for (const std::string& note : model.notes) std::cerr << "note: " << printable(note) << '\n';
  return std::move(model.graph);
}

Graph open_runnable_network(const ContextPtr& context, const NetworkOptions& o, bool prepacked) {
  Graph graph = open_network(context, o, prepacked);
  if (graph.context()) return graph;
  Rng rng(0);
  graph.initialize(context, rng, {});
  return graph;
}

Tensor numbered_noise(const ContextPtr& context, int64_t length, uint64_t seed, int64_t i) {
  Rng rng(Rng::State{seed, 0, static_cast<uint64_t>(i) << 32});
  const Tensor z = Tensor::zeros(context, {1, length});
  rng.fill_normal(z, 0, 1);
  return z;
}

}  // namespace gsx::tools
