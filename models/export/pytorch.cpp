// A network as PyTorch code and its values; see pytorch.h.
#include "models/export/pytorch.h"

#include <algorithm>
#include <cmath>

#include "models/export/layer.h"
#include "models/export/sizes.h"
#include "models/export/torch_text.h"
#include "models/nodes.h"

namespace gsx {

namespace torch_export {
namespace {

// What no class may be called.
constexpr const char* kTaken[] = {"None", "True", "False", "Path", "OrderedDict", "F"};

// "residual_block1" to "ResidualBlock"; nothing but letters and digits is left.
std::string class_word(const std::string& word) {
  std::string text;
  bool up = true;
  for (const char c : word) {
    const bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z',
               digit = c >= '0' && c <= '9';
    if (lower || upper || digit) text += lower && up ? static_cast<char>(c - 'a' + 'A') : c;
    up = !(lower || upper || digit);
  }
  while (!text.empty() && text.back() >= '0' && text.back() <= '9') text.pop_back();
  if (text.empty() || !is_identifier(text)) text = "N" + text;
  return text;
}

// The network's classes: blocks that differ in numbers alone are one.
class Classes {
 public:
  Classes(const Graph& graph, const std::vector<Named>& named, const std::set<std::string>& helpers)
      : graph_(graph), body_{named, this, &Classes::use_of} {
    taken_.insert(helpers.begin(), helpers.end());
    for (const char* name : kTaken) taken_.insert(name);
  }

  // All classes but the network's own, then that.
  std::string write(const Scope& network, const std::string& name, const std::string& about) {
    taken_.insert(name);
    const int top = collect(network);
    std::string code;
    for (int height = 1; height < top; ++height) code += blocks(height);
    const std::vector<std::string> arguments = input_names(network);
    Template text;
    body_.modules(network, text);
    return code + class_text(name, "", about, text.filled(values_of(text)),
                             body_.forward(network, arguments), arguments);
  }

 private:
  static const ClassUse& use_of(const void* self, const Scope& scope) {
    return static_cast<const Classes*>(self)->uses_.at(&scope);
  }
  static std::vector<std::string> values_of(const Template& t) {
    std::vector<std::string> values;
    for (const Hole& h : t.holes) values.push_back(h.value);
    return values;
  }

  // How many classes lie in one another here, this one included; blocks by that number.
  int collect(const Scope& scope) {
    int height = 0;
    for (const Part& part : scope.parts)
      if (part.scope) height = std::max(height, collect(*part.scope));
    if (scope.chain) return height;
    by_height_[height + 1].push_back(&scope);
    return height + 1;
  }

  // What the network's forward() calls its inputs: their names as single words.
  std::vector<std::string> input_names(const Scope& network) const {
    if (network.in.size() == 1) return {"x"};
    std::set<std::string> used = taken_;
    used.insert({"self", "torch", "nn"});
    std::vector<std::string> names;
    for (const int input : network.in) {
      std::string name;
      for (const std::string& word : path_of(graph_.node(input).name))
        name += (name.empty() ? "" : "_") + word;
      if (!is_identifier(name)) name = "n" + name;
      while (!used.insert(name).second) name += "_";
      names.push_back(name);
    }
    return names;
  }

  struct Kind {
    Template text;
    std::string forward;
    std::vector<const Scope*> scopes;
    std::vector<std::vector<std::string>> values;  // of each scope
  };

  static std::vector<std::string> argument_names(const Scope& scope) {
    static const char* const kNames[] = {"x", "y", "z"};
    return {kNames, kNames + scope.in.size()};
  }

  std::string blocks(int height) {
    std::vector<Kind> kinds;
    for (const Scope* scope : by_height_[height]) {
      Template text;
      body_.modules(*scope, text);
      const std::string forward = body_.forward(*scope, argument_names(*scope));
      const std::string name = base_name(*scope);
      auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) {
        return k.text.text == text.text && k.forward == forward &&
               base_name(*k.scopes[0]) == name && k.scopes[0]->in.size() == scope->in.size();
      });
      if (kind == kinds.end()) kind = kinds.insert(kinds.end(), {text, forward, {}, {}});
      kind->scopes.push_back(scope);
      kind->values.push_back(values_of(text));
    }
    std::string code;
    for (const Kind& kind : kinds) code += block(kind);
    return code;
  }

  // One class, whose arguments are what differs.
  std::string block(const Kind& kind) {
    std::string name = base_name(*kind.scopes[0]);
    for (int i = 2; !taken_.insert(name).second; ++i)
      name = base_name(*kind.scopes[0]) + std::to_string(i);
    std::vector<std::string> values = kind.values[0], arguments;
    std::map<std::vector<std::string>, std::string> known;  // by what the instances give
    std::map<std::string, int> numbers;
    for (const Scope* scope : kind.scopes) uses_[scope] = {name, {}};
    for (size_t h = 0; h < values.size(); ++h) {
      std::vector<std::string> each;
      for (const auto& of_scope : kind.values) each.push_back(of_scope[h]);
      if (std::all_of(each.begin(), each.end(), [&](const auto& v) { return v == each[0]; }))
        continue;
      auto found = known.find(each);
      if (found == known.end()) {
        const std::string& role = kind.text.holes[h].role;
        const int before = numbers[role]++;
        const std::string word = role == "channels" && before > 0 ? "hidden" : role;
        const int shown = role == "channels" ? before : before + 1;
        found = known.emplace(each, word + (shown > 1 ? std::to_string(shown) : "")).first;
        arguments.push_back(found->second);
        for (size_t s = 0; s < kind.scopes.size(); ++s)
          uses_[kind.scopes[s]].arguments.push_back({each[s], role});
      }
      values[h] = found->second;
    }
    std::string listed;
    for (const std::string& a : arguments) listed += ", " + a;
    return class_text(name, listed, "", kind.text.filled(values), kind.forward,
                      argument_names(*kind.scopes[0]));
  }

  std::string base_name(const Scope& scope) const {
    for (const Part& part : scope.parts) {
      if (!part.path.empty() || part.node < 0) continue;
      const std::string_view kind = graph_.node(part.node).kind();
      if (kind == "add") return "ResidualBlock";
      if (kind == "concat") return "SkipBlock";
    }
    for (size_t i = scope.path.size(); i-- > 0;)
      if (is_identifier(scope.path[i]))
        return class_word(scope.path[i]) + (i + 1 == scope.path.size() ? "" : "Block");
    return "Block";
  }

  static std::string class_text(const std::string& name, const std::string& more,
                                const std::string& about, const std::string& modules,
                                const std::string& forward,
                                const std::vector<std::string>& arguments) {
    std::string code = "class " + name + "(nn.Module):\n";
    if (!about.empty()) code += "    \"\"\"" + about + "\"\"\"\n\n";
    code += "    def __init__(self" + more + "):\n        super().__init__()\n" + modules;
    code += "\n    def forward(self";
    for (const std::string& a : arguments) code += ", " + a;
    return code + "):\n" + forward + "\n\n";
  }

  const Graph& graph_;
  Body body_;
  std::set<std::string> taken_;
  std::map<int, std::vector<const Scope*>> by_height_;
  std::map<const Scope*, ClassUse> uses_;
};

std::string range_words(const ImageFormat& f) {
  return std::string(f.bgr ? "BGR " : "RGB ") + python(static_cast<double>(f.lo)) + " to " +
         python(static_cast<double>(f.hi));
}

bool is_picture(const Shape& s) { return s.rank() == 4 && s[1] == 3; }

std::string translate_code(const Graph& graph) {
  const ImageFormat &in = graph.input_format, &out = graph.output_format;
  const auto number = [](float v) { return python(static_cast<double>(std::abs(v))); };
  const auto plus = [&](float v) {
    return v == 0 ? std::string() : (v < 0 ? " - " : " + ") + number(v);
  };
  std::string code = R"(def translate(network, image):
    """One PIL image through the network."""
    import numpy as np
    from PIL import Image

    pixels = np.array(image.convert("RGB"), dtype=np.float32)
)";
  // As gsx translates, the size of what goes in is one that comes back.
  const KeptSizes sizes = kept_sizes(graph);
  const std::string multiple = std::to_string(sizes.multiple);
  const bool mirrors = sizes.multiple > 1;
  if (mirrors)
    code += "    # Sides that are no multiples of " + multiple +
            " are mirrored up to one, and the result is cut.\n"
            "    height, width = pixels.shape[:2]\n"
            "    more = ((0, -height % " +
            multiple + "), (0, -width % " + multiple +
            "), (0, 0))\n    pixels = np.pad(pixels, more, mode=\"reflect\")\n";
  code += "    x = torch.from_numpy(pixels).permute(2, 0, 1)[None]\n";
  if (in.bgr) code += "    x = x.flip(1)\n";
  code += "    x = x * (" + number(in.hi - in.lo) + " / 255)" + plus(in.lo) + "\n";
  code +=
      "    device = next(network.parameters()).device\n    with torch.no_grad():\n"
      "        y = network(x.to(device))" +
      std::string(graph.outputs().size() > 1 ? "[0]" : "") + ".cpu()\n";
  if (mirrors) {
    const std::string end = sizes.scale > 1 ? " " + std::to_string(sizes.scale) + " * " : "";
    code += "    y = y[:, :, :" + end + "height, :" + end + "width]\n";
  }
  const std::string above = out.lo == 0 ? "y" : "(y" + plus(-out.lo) + ")";
  code += "    y = " + above + " * (255 / " + number(out.hi - out.lo) + ")\n";
  if (out.bgr) code += "    y = y.flip(1)\n";
  return code + R"(    y = y.round().clamp(0, 255).to(torch.uint8)
    return Image.fromarray(y[0].permute(1, 2, 0).contiguous().numpy())
)";
}

constexpr const char* kLoad =
    R"(def load(weights=Path(__file__).with_name("model.safetensors"), device="cpu"):
    """The network with its values, ready to run."""
    from safetensors.torch import load_file

    network = NETWORK()
    network.load_state_dict(load_file(weights))
    return network.to(device).eval()
)";

std::string python_about(const Graph& graph, bool images) {
  std::string text = "The network, of architecture " + class_word(graph.architecture()) + ".";
  if (images)
    text = "Images [N, 3, height, width]: " + range_words(graph.input_format) +
           "; out: " + range_words(graph.output_format) + ".";
  return text;
}

}  // namespace
}  // namespace torch_export

PyTorchFiles pytorch_files(const Graph& graph) {
  using namespace torch_export;
  const NoGrad no_grad;
  check_has_values(graph);
  const std::vector<Shape> shapes = graph.infer_shapes(graph.example_inputs());
  std::set<std::string> helpers;
  std::vector<Named> named;
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    Named entry{{}, path_of(node.name), node.inputs};
    if (!node.is_input()) {
      std::vector<Shape> in;
      for (const int from : node.inputs) in.push_back(shapes[static_cast<size_t>(from)]);
      entry.code =
          code_of({node, in, node.inputs.empty() ? nullptr : &graph.node(node.inputs[0]), helpers});
    }
    named.push_back(std::move(entry));
  }
  const Scope network = network_scope(graph, named);
  const std::vector<int> inputs = graph.inputs();
  const bool images = inputs.size() == 1 && is_picture(shapes[static_cast<size_t>(inputs[0])]) &&
                      is_picture(shapes[static_cast<size_t>(graph.outputs()[0].node)]);
  std::string name = class_word(graph.architecture());
  for (const char* taken : kTaken)
    if (name == taken) name += "Network";
  if (helpers.count(name)) name += "Network";
  std::string classes =
      Classes(graph, named, helpers).write(network, name, python_about(graph, images));
  std::string load = kLoad;
  load.replace(load.find("NETWORK"), 7, name);

  PyTorchFiles files;
  std::string& code = files.code;
  code =
      "\"\"\"Written by gsx export; the values are in model.safetensors.\n\n"
      "    network = model.load()\n";
  if (images) code += "    model.translate(network, Image.open(\"in.jpg\")).save(\"out.png\")\n";
  code += "\"\"\"\n\n";
  if (classes.find("OrderedDict(") != classes.npos) code += "from collections import OrderedDict\n";
  code += "from pathlib import Path\n\nimport torch\n";
  // A forward() says some things by expressions that a chain has modules for.
  std::erase_if(helpers,
                [&](const std::string& n) { return classes.find(n + "(") == classes.npos; });
  const std::string helper = helper_code(helpers);
  if (classes.find("F.") != classes.npos || helper.find("F.") != helper.npos)
    code += "import torch.nn.functional as F\n";
  code += "from torch import nn\n\n\n" + helper + wrapped(classes) + load;
  if (images) code += "\n\n" + translate_code(graph);

  files.weights.metadata["format"] = "pt";
  for (const Named& n : named)
    for (const TorchTensor& tensor : n.code.tensors) {
      std::string key;
      for (const std::string& word : n.path) key += (key.empty() ? "" : ".") + word;
      if (!tensor.suffix.empty()) key += "." + tensor.suffix;
      files.weights.add(key, tensor.shape, tensor.values);
    }
  return files;
}

}  // namespace gsx
