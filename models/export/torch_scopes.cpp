// Which nodes become one module; see torch_scopes.h.
#include "models/export/torch_scopes.h"

#include <algorithm>
#include <map>

namespace gsx::torch_export {

namespace {

// Modules lie in one another as deep as this; names that go on are one word from there.
constexpr size_t kDeepest = 16;

// Attributes that modules and their containers have already, Python's words, and names of model.py.
const std::set<std::string>& reserved() {
  static const std::set<std::string> kAll = {"and",
                                             "as",
                                             "assert",
                                             "async",
                                             "await",
                                             "break",
                                             "class",
                                             "continue",
                                             "def",
                                             "del",
                                             "elif",
                                             "else",
                                             "except",
                                             "finally",
                                             "for",
                                             "from",
                                             "global",
                                             "if",
                                             "import",
                                             "in",
                                             "is",
                                             "lambda",
                                             "nonlocal",
                                             "not",
                                             "or",
                                             "pass",
                                             "raise",
                                             "return",
                                             "try",
                                             "while",
                                             "with",
                                             "yield",
                                             "None",
                                             "True",
                                             "False",
                                             "T_destination",
                                             "add_module",
                                             "append",
                                             "apply",
                                             "bfloat16",
                                             "buffers",
                                             "call_super_init",
                                             "children",
                                             "clear",
                                             "compile",
                                             "cpu",
                                             "cuda",
                                             "double",
                                             "dump_patches",
                                             "eval",
                                             "extend",
                                             "extra_repr",
                                             "float",
                                             "forward",
                                             "get_buffer",
                                             "get_parameter",
                                             "get_submodule",
                                             "half",
                                             "insert",
                                             "ipu",
                                             "items",
                                             "keys",
                                             "load_state_dict",
                                             "modules",
                                             "mtia",
                                             "named_buffers",
                                             "named_children",
                                             "named_modules",
                                             "named_parameters",
                                             "parameters",
                                             "pop",
                                             "register_buffer",
                                             "register_module",
                                             "register_parameter",
                                             "requires_grad_",
                                             "self",
                                             "set_submodule",
                                             "share_memory",
                                             "state_dict",
                                             "to",
                                             "to_empty",
                                             "train",
                                             "training",
                                             "type",
                                             "update",
                                             "values",
                                             "xpu",
                                             "zero_grad",
                                             "x"};
  return kAll;
}

std::string joined(const std::vector<std::string>& path, size_t from) {
  std::string text;
  for (size_t i = from; i < path.size(); ++i) text += (i == from ? "" : "_") + path[i];
  return text;
}

std::vector<std::string> place(std::vector<std::string> at, const std::string& word) {
  at.push_back(word);
  return at;
}

// A word as Python takes it for an attribute; numbers stay.
std::string attribute_word(std::string word) {
  const bool number = word.find_first_not_of("0123456789") == word.npos;
  if ((!number && !is_identifier(word)) || word[0] == '_') word = "n" + word;
  if (reserved().count(word)) word += "_";
  return word;
}

class Builder {
 public:
  Builder(const Graph& graph, std::vector<Named>& named) : graph_(graph), named_(named) {
    consumers_ = graph.consumers();
    for (const GraphOutput& o : graph.outputs()) outputs_.insert(o.node);
  }

  Scope run() {
    std::vector<int> nodes;
    for (int i = 0; i < graph_.size(); ++i)
      if (!graph_.node(i).is_input()) nodes.push_back(i);
    Scope scope = scope_of({}, nodes);
    scope.in = graph_.inputs();
    scope.out.clear();
    for (const GraphOutput& o : graph_.outputs()) scope.out.push_back(o.node);
    scope.chain = false;
    return scope;
  }

 private:
  bool has_module(int node) const { return named_[static_cast<size_t>(node)].code.has_module(); }
  std::vector<std::string>& path(int node) { return named_[static_cast<size_t>(node)].path; }

  Scope scope_of(const std::vector<std::string>& at, const std::vector<int>& nodes) {
    Scope scope;
    scope.path = at;
    scope.nodes = nodes;
    for (Part& part : parts_of(at, nodes)) scope.parts.push_back(std::move(part));
    find_ends(scope);
    if (!sort(scope)) {  // groups that wait for each other
      std::vector<Part> flat;
      for (Part& part : scope.parts) dissolve(std::move(part), flat);
      scope.parts = std::move(flat);
      GSX_CHECK(sort(scope), "export: the nodes of ", graph_.architecture(),
                " wait for each other");
    }
    scope.chain = is_chain(scope);
    return scope;
  }

  std::vector<Part> parts_of(const std::vector<std::string>& at, const std::vector<int>& nodes) {
    const size_t depth = at.size();
    std::vector<std::pair<std::string, std::vector<int>>> groups;
    std::vector<Part> parts;
    for (const int node : nodes) {
      if (path(node).size() == depth) {
        parts.push_back({node, nullptr, {}});
        continue;
      }
      const std::string& word = path(node)[depth];
      const auto found = std::find_if(groups.begin(), groups.end(),
                                      [&](const auto& g) { return g.first == word; });
      if (found != groups.end()) found->second.push_back(node);
      else groups.push_back({word, {node}});
    }
    for (const auto& group : groups) words_.insert(place(at, group.first));
    for (const auto& [word, members] : groups) add_group(at, word, members, parts);
    return parts;
  }

  void add_leaf(int node, size_t depth, std::vector<Part>& parts) {
    std::vector<std::string>& own = path(node);
    std::string name = joined(own, depth);
    bool given = own.size() > depth + 1;  // a name that the network's words have not
    const Call& parameter = named_[static_cast<size_t>(node)].code.parameter;
    if (!parameter.type.empty() && !is_identifier(name)) {  // no module, which a number may name
      name = "n" + name;
      given = true;
    }
    own.resize(depth);
    own.push_back(name);
    while (taken_.count(own) || (given && words_.count(own))) {
      own.back() = name += "_";
      given = true;
    }
    taken_.insert(own);
    parts.push_back({node, nullptr, {own.back()}});
  }

  void add_group(const std::vector<std::string>& at, const std::string& word,
                 const std::vector<int>& members, std::vector<Part>& parts) {
    const size_t depth = at.size();
    const auto bears_name = [&](int node) {
      return has_module(node) && path(node).size() == depth + 1;
    };
    const auto deeper = [&](int node) { return has_module(node) && path(node).size() > depth + 1; };
    const bool one = members.size() == 1 && path(members[0]).size() == depth + 1;
    if (one || std::any_of(members.begin(), members.end(), bears_name) ||
        std::none_of(members.begin(), members.end(), deeper)) {
      for (const int node : members)
        if (bears_name(node)) add_leaf(node, depth, parts);
      for (const int node : members)
        if (!bears_name(node)) add_leaf(node, depth, parts);
      return;
    }
    const std::vector<std::string> inner = place(at, word);
    Part part{-1, std::make_unique<Scope>(scope_of(inner, members)), {word}};
    if (can_be_called(*part.scope)) parts.push_back(std::move(part));
    else dissolve(std::move(part), parts);
  }

  // Takes a group's parts for the scope around it.
  void dissolve(Part part, std::vector<Part>& parts) {
    if (!part.scope) {
      parts.push_back(std::move(part));
      return;
    }
    for (Part& inner : part.scope->parts) {
      // What is no module has no place in a container; a parameter neither.
      const bool module =
          inner.scope || (has_module(inner.node) &&
                          named_[static_cast<size_t>(inner.node)].code.parameter.type.empty());
      if (!module) {
        std::vector<std::string>& own = path(inner.node);
        own.resize(part.scope->path.size());
        add_leaf_again(inner, own, part.scope->path.size() - 1, parts);
        continue;
      }
      inner.path.insert(inner.path.begin(), part.path.begin(), part.path.end());
      parts.push_back(std::move(inner));
    }
  }
  void add_leaf_again(Part& inner, std::vector<std::string>& own, size_t depth,
                      std::vector<Part>& parts) {
    for (const std::string& word : inner.path) own.push_back(word);
    add_leaf(inner.node, depth, parts);
  }

  bool inside(const Scope& scope, int node) const {
    return std::binary_search(scope.nodes.begin(), scope.nodes.end(), node);
  }

  void find_ends(Scope& scope) const {
    for (const int node : scope.nodes) {
      for (const int from : named_[static_cast<size_t>(node)].in)
        if (!inside(scope, from) &&
            std::find(scope.in.begin(), scope.in.end(), from) == scope.in.end())
          scope.in.push_back(from);
      const auto& readers = consumers_[static_cast<size_t>(node)];
      const bool asked =
          outputs_.count(node) || std::any_of(readers.begin(), readers.end(),
                                              [&](int reader) { return !inside(scope, reader); });
      if (asked) scope.out.push_back(node);
    }
  }

  // Whether nothing outside stands between nodes inside, and its modules have names for attributes.
  bool can_be_called(const Scope& scope) const {
    if (scope.in.size() > 3 || scope.out.empty() || scope.out.size() > 3) return false;
    std::vector<bool> behind(static_cast<size_t>(graph_.size()), false);
    for (int i = scope.nodes.front(); i < graph_.size(); ++i) {
      const bool mine = inside(scope, i);
      bool later = false;
      for (const int from : named_[static_cast<size_t>(i)].in)
        later = later || behind[static_cast<size_t>(from)] || (!mine && inside(scope, from));
      if (later && mine) return false;
      behind[static_cast<size_t>(i)] = later;
    }
    if (scope.chain) return true;
    return std::all_of(scope.parts.begin(), scope.parts.end(), [&](const Part& part) {
      return !part.scope && part.node >= 0 && !has_module(part.node)
                 ? true
                 : !part.path.empty() && is_identifier(part.path[0]);
    });
  }

  std::vector<int> inputs_of(const Part& part) const {
    return part.scope ? part.scope->in : named_[static_cast<size_t>(part.node)].in;
  }

  // Puts parts in an order in which they can run, near that of the nodes.
  bool sort(Scope& scope) const {
    std::vector<Part> sorted;
    std::set<int> made;
    std::vector<Part> left = std::move(scope.parts);
    const auto first = [](const Part& p) { return p.scope ? p.scope->nodes.front() : p.node; };
    std::sort(left.begin(), left.end(),
              [&](const Part& a, const Part& b) { return first(a) < first(b); });
    while (!left.empty()) {
      const auto ready = std::find_if(left.begin(), left.end(), [&](const Part& part) {
        const std::vector<int> in = inputs_of(part);
        return std::all_of(in.begin(), in.end(),
                           [&](int from) { return !inside(scope, from) || made.count(from); });
      });
      if (ready == left.end()) {
        for (Part& part : left) sorted.push_back(std::move(part));
        scope.parts = std::move(sorted);
        return false;
      }
      if (ready->scope) made.insert(ready->scope->nodes.begin(), ready->scope->nodes.end());
      else made.insert(ready->node);
      sorted.push_back(std::move(*ready));
      left.erase(ready);
    }
    scope.parts = std::move(sorted);
    return true;
  }

  // One value goes through one module after the other.
  bool is_chain(const Scope& scope) const {
    if (scope.in.size() != 1 || scope.out.size() != 1 || scope.parts.empty()) return false;
    int value = scope.in[0];
    for (const Part& part : scope.parts) {
      if (part.path.size() != 1) return false;
      const std::vector<int> in = inputs_of(part);
      if (in.size() != 1 || in[0] != value) return false;
      if (part.scope) {
        if (part.scope->out.size() != 1) return false;
        value = part.scope->out[0];
        continue;
      }
      const NodeCode& code = named_[static_cast<size_t>(part.node)].code;
      if (code.steps.empty()) return false;
      for (const Step& s : code.steps)
        if (s.module.type.empty()) return false;
      value = part.node;
    }
    return value == scope.out[0];
  }

  const Graph& graph_;
  std::vector<Named>& named_;
  std::vector<std::vector<int>> consumers_;
  std::set<int> outputs_;
  std::set<std::vector<std::string>> taken_;  // places of nodes
  std::set<std::vector<std::string>> words_;  // places that the names of nodes speak of
};

}  // namespace

bool is_identifier(const std::string& word) {
  return !word.empty() && !(word[0] >= '0' && word[0] <= '9');
}

std::vector<std::string> path_of(const std::string& node) {
  std::vector<std::string> path;
  std::string word;
  for (const char c : node + ".") {
    const bool separates = c == '.' || c == '/';
    if (!separates) {
      const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      word += fits ? c : '_';
      continue;
    }
    if (word.empty()) continue;
    if (path.size() < kDeepest) path.push_back(std::move(word));
    else path.back() += "_" + word;
    word.clear();
  }
  for (std::string& part : path) part = attribute_word(std::move(part));
  if (path.empty()) path.push_back("node");
  return path;
}

Scope network_scope(const Graph& graph, std::vector<Named>& named) {
  return Builder(graph, named).run();
}

}  // namespace gsx::torch_export
