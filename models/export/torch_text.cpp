// Modules of a class and what its forward() does; see torch_text.h.
#include "models/export/torch_text.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace gsx::torch_export {

namespace {

const NodeCode& code(const std::vector<Named>& named, const Part& part) {
  return named[static_cast<size_t>(part.node)].code;
}

bool makes_module(const std::vector<Named>& named, const Part& part) {
  return part.scope || code(named, part).has_module();
}

// An entry of an nn.Sequential: a module without values under its own name, or a part.
struct Entry {
  std::string name;
  const Part* part = nullptr;
  const Call* call = nullptr;
};

bool number(const std::string& word, int64_t& value) {
  if (word.empty() || word.size() > 9 || word.find_first_not_of("0123456789") != word.npos)
    return false;
  value = std::stoll(word);
  return word == std::to_string(value);
}

std::vector<Entry> entries_of(const std::vector<Named>& named, const Scope& scope) {
  std::vector<Entry> entries;
  std::set<std::string> taken;
  for (const Part& part : scope.parts) taken.insert(part.path[0]);
  int64_t last = -1;  // number of the entry before
  for (const Part& part : scope.parts) {
    int64_t mine = -1;
    const bool numbered = number(part.path[0], mine);
    if (part.scope) {
      entries.push_back({part.path[0], &part, nullptr});
      last = numbered ? mine : last;
      continue;
    }
    const std::vector<Step>& steps = code(named, part).steps;
    const auto bearer =
        std::find_if(steps.begin(), steps.end(), [](const Step& s) { return s.named; });
    const size_t main =
        bearer == steps.end() ? steps.size() - 1 : static_cast<size_t>(bearer - steps.begin());
    for (size_t i = 0; i < steps.size(); ++i) {
      std::string name = part.path[0];
      // The borders of networks by hand stand in front, under a number that is free.
      const std::string in_front = std::to_string(mine - 1);
      if (i + 1 == main && numbered && mine - 1 > last && !taken.count(in_front)) name = in_front;
      else if (i < main) name += "_before" + (i > 0 ? std::to_string(i) : "");
      else if (i > main) name += "_behind" + (i > main + 1 ? std::to_string(i) : "");
      while (i != main && !taken.insert(name).second) name += "_";
      entries.push_back({name, nullptr, &steps[i].module});
    }
    last = numbered ? mine : last;
  }
  return entries;
}

// Fills gaps of entries numbered from 0 on by modules that do nothing; false where names are no
// numbers, or the gaps are many.
bool close_gaps(std::vector<Entry>& entries) {
  static const Call kNothing{"nn.Identity", {}};
  std::vector<Entry> closed;
  int64_t next = 0, gaps = 0;
  for (const Entry& e : entries) {
    int64_t at = 0;
    if (!number(e.name, at) || at < next) return false;
    for (; next < at; ++next) {
      if (++gaps > 2 + static_cast<int64_t>(entries.size()) / 4) return false;
      closed.push_back({std::to_string(next), nullptr, &kNothing});
    }
    closed.push_back(e);
    ++next;
  }
  entries = std::move(closed);
  return true;
}

// Of forward() and all other code.
constexpr size_t kColumns = 100;

// What a character does to the number of open brackets.
int bracket(char c) {
  if (c == '(' || c == '[' || c == '{') return 1;
  return c == ')' || c == ']' || c == '}' ? -1 : 0;
}

std::string quoted(const std::string& word) { return "\"" + word + "\""; }

std::string attribute(const std::vector<std::string>& path) {
  std::string text =
      is_identifier(path[0]) ? "self." + path[0] : "self.get_submodule(" + quoted(path[0]) + ")";
  for (size_t i = 1; i < path.size(); ++i) text += "[" + quoted(path[i]) + "]";
  return text;
}

struct Value {
  std::string text;
  bool atomic = true;
  int depth = 0;  // of what is called in it
};

std::string substitute(const std::string& pattern, const std::vector<Value>& in) {
  std::string text;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if ((pattern[i] != '$' && pattern[i] != '%') || i + 1 >= pattern.size()) {
      text += pattern[i];
      continue;
    }
    const bool operand = pattern[i] == '%';
    size_t which = 0;
    while (i + 1 < pattern.size() && pattern[i + 1] >= '0' && pattern[i + 1] <= '9')
      which = which * 10 + static_cast<size_t>(pattern[++i] - '0');
    const Value& v = in.at(which);
    text += operand && !v.atomic ? "(" + v.text + ")" : v.text;
  }
  return text;
}

std::string comma(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& w : words) text += (text.empty() ? "" : ", ") + w;
  return text;
}

// A forward() while it is written: which values have which names.
class Forward {
 public:
  Forward(const std::vector<Named>& named, const Scope& scope) : named_(named), scope_(scope) {
    for (size_t i = 0; i < scope.parts.size(); ++i)
      for (const int v : inputs(i)) uses_[v].push_back(i);
    for (const int v : scope.out) uses_[v].push_back(scope.parts.size());
  }

  std::string write(const std::vector<std::string>& arguments) {
    for (size_t i = 0; i < scope_.in.size(); ++i) {
      values_[scope_.in[i]] = {arguments[i], true, 0};
      holds_[arguments[i]] = scope_.in[i];
    }
    for (size_t i = 0; i < scope_.parts.size(); ++i) part(i);
    std::vector<std::string> results;
    for (const int v : scope_.out) results.push_back(values_.at(v).text);
    const std::string all = comma(results);
    const bool in_brackets = results.size() > 1 && all.size() > kColumns - 15;
    return lines_ + "        return " + (in_brackets ? "(" + all + ")" : all) + "\n";
  }

 private:
  std::vector<int> inputs(size_t i) const {
    const Part& p = scope_.parts[i];
    return p.scope ? p.scope->in : named_[static_cast<size_t>(p.node)].in;
  }

  void part(size_t i) {
    const Part& p = scope_.parts[i];
    std::vector<Value> in;
    int depth = 0;
    for (const int v : inputs(i)) {
      in.push_back(values_.at(v));
      depth = std::max(depth, in.back().depth);
    }
    if (p.scope) {
      std::vector<std::string> words;
      for (const Value& v : in) words.push_back(v.text);
      const std::string call = attribute(p.path) + "(" + comma(words) + ")";
      if (p.scope->out.size() == 1) return put(i, p.scope->out[0], {call, true, depth + 1});
      std::vector<std::string> names;
      for (const int v : p.scope->out) names.push_back(name_for(i, v));
      lines_ += "        " + comma(names) + " = " + call + "\n";
      return;
    }
    const NodeCode& c = code(named_, p);
    if (!c.parameter.type.empty()) return put(i, p.node, {attribute(p.path), true, 0});
    if (!c.expression.empty())
      return put(i, p.node, {substitute(c.expression, in), c.atomic, depth + (c.atomic ? 1 : 0)});
    Value v = in.at(0);
    for (const Step& s : c.steps) {
      const std::string pattern = s.expression.empty() ? attribute(p.path) + "($0)" : s.expression;
      const bool same = pattern == "$0";
      v = {substitute(pattern, {v}), same ? v.atomic : true, v.depth + (same ? 0 : 1)};
    }
    put(i, p.node, v);
  }

  // Keeps a value as text where only what comes next reads it, else under a name.
  void put(size_t i, int node, const Value& v) {
    const std::vector<size_t>& uses = uses_[node];
    const bool once = uses.size() == 1 && uses[0] == i + 1;
    const bool returned = once && i + 1 == scope_.parts.size() && scope_.out.size() == 1;
    if (once && v.text.size() < 72 && (v.depth < 3 || returned)) {
      values_[node] = v;
      return;
    }
    const std::string name = name_for(i, node);
    if (name != v.text) lines_ += "        " + name + " = " + v.text + "\n";
  }

  // A name that nothing which is still read has.
  std::string name_for(size_t i, int node) {
    const auto free = [&](const std::string& name) {
      const auto found = holds_.find(name);
      if (found == holds_.end()) return true;
      const std::vector<size_t>& uses = uses_[found->second];
      return uses.empty() || uses.back() <= i;
    };
    std::string name;
    for (const char* candidate : {"x", "y", "z", "u", "v", "w"})
      if (name.empty() && free(candidate)) name = candidate;
    for (int n = 1; name.empty(); ++n)
      if (free("x" + std::to_string(n))) name = "x" + std::to_string(n);
    holds_[name] = node;
    values_[node] = {name, true, 0};
    return name;
  }

  const std::vector<Named>& named_;
  const Scope& scope_;
  std::map<int, std::vector<size_t>> uses_;  // the parts that read a value, the return being last
  std::map<int, Value> values_;
  std::map<std::string, int> holds_;  // variables
  std::string lines_;
};

}  // namespace

void Template::add(const Call& call) {
  add(call.type + "(");
  bool first = true;
  for (const Argument& a : call.arguments) {
    if (!first) add(", ");
    first = false;
    if (!a.keyword.empty()) add(a.keyword + "=");
    if (a.role.empty()) add(a.text);
    else add(Hole{a.text, a.role});
  }
  add(")");
}

std::string Template::filled(const std::vector<std::string>& values) const {
  std::string result;
  size_t next = 0;
  for (const char c : text) {
    if (c == kMark) result += values.at(next++);
    else result += c;
  }
  return result;
}

void Body::module(const Part& part, const std::string& indent, Template& to) const {
  if (!part.scope) {
    const std::vector<Step>& steps = code(named, part).steps;
    const auto bearer = std::find_if(steps.begin(), steps.end(),
                                     [](const Step& s) { return s.expression.empty(); });
    to.add(bearer->module);
  } else if (part.scope->chain) {
    sequential(*part.scope, indent, to);
  } else {
    const ClassUse& called = use(self, *part.scope);
    to.add(called.name + "(");
    for (size_t i = 0; i < called.arguments.size(); ++i) {
      if (i > 0) to.add(", ");
      to.add(called.arguments[i]);
    }
    to.add(")");
  }
}

void Body::sequential(const Scope& scope, const std::string& indent, Template& to) const {
  std::vector<Entry> entries = entries_of(named, scope);
  const bool numbered = close_gaps(entries);
  to.add(numbered ? "nn.Sequential(\n" : "nn.Sequential(OrderedDict([\n");
  const std::string deeper = indent + "    ";
  for (const Entry& e : entries) {
    to.add(deeper);
    if (!numbered) to.add("(" + quoted(e.name) + ", ");
    if (e.part) module(*e.part, deeper, to);
    else to.add(*e.call);
    to.add(numbered ? ",\n" : "),\n");
  }
  to.add(indent + (numbered ? ")" : "]))"));
}

void Body::modules(const Scope& scope, Template& to) const {
  const std::string indent(8, ' ');
  std::map<std::string, bool> done;  // whether it is a dictionary
  const auto check_place = [](bool free, const std::string& word) {
    GSX_CHECK(free, "export: two layers would be called ", word,
              " in model.py; rename one of them");
  };
  // Of parts whose paths begin alike, the ones from `from` on, as a dictionary of dictionaries.
  const auto dictionary = [&](const auto& again, const std::vector<std::string>& at,
                              const std::string& in) -> void {
    to.add("nn.ModuleDict({\n");
    std::map<std::string, bool> entries;  // whether it is a dictionary
    for (const Part& part : scope.parts) {
      if (part.path.size() <= at.size() || !std::equal(at.begin(), at.end(), part.path.begin()))
        continue;
      if (!makes_module(named, part)) continue;
      const std::string& word = part.path[at.size()];
      const bool nested = part.path.size() > at.size() + 1;
      const auto [place, fresh] = entries.emplace(word, nested);
      check_place(fresh || (nested && place->second), word);
      if (!fresh) continue;
      to.add(in + "    " + quoted(word) + ": ");
      std::vector<std::string> inner = at;
      inner.push_back(word);
      if (nested) again(again, inner, in + "    ");
      else module(part, in + "    ", to);
      to.add(",\n");
    }
    to.add(in + "})");
  };
  for (const Part& part : scope.parts) {
    if (!makes_module(named, part)) continue;
    const std::string& word = part.path[0];
    const bool nested = part.path.size() > 1;
    const auto [place, fresh] = done.emplace(word, nested);
    check_place(fresh || (nested && place->second), word);
    if (!fresh) continue;
    const Call* parameter = part.scope ? nullptr : &code(named, part).parameter;
    if (parameter && !parameter->type.empty()) {
      const bool buffer = parameter->type == "buffer";
      to.add(indent + (buffer ? "self.register_buffer(" + quoted(word) + ", "
                              : "self." + word + " = nn.Parameter("));
      to.add(Call{"torch.empty", parameter->arguments});
      to.add(")\n");
      continue;
    }
    if (is_identifier(word)) to.add(indent + "self." + word + " = ");
    else to.add(indent + "self.add_module(" + quoted(word) + ", ");
    if (nested) dictionary(dictionary, {word}, indent);
    else module(part, indent, to);
    to.add(is_identifier(word) ? "\n" : ")\n");
  }
}

std::string Body::forward(const Scope& scope, const std::vector<std::string>& arguments) const {
  return Forward(named, scope).write(arguments);
}

std::string wrapped(const std::string& code) {
  std::string result;
  int open = 0;  // brackets, outside of which no line may break
  std::istringstream lines(code);
  for (std::string line; std::getline(lines, line);) {
    const size_t indent = line.find_first_not_of(' ');
    const bool words = line.find("\"\"\"") != line.npos;
    while (line.size() > kColumns && !words) {
      size_t at = 0;
      int depth = open, depth_there = open;
      for (size_t i = 0; i < kColumns; ++i) {
        depth += bracket(line[i]);
        if (depth > 0 && line.compare(i, 2, ", ") == 0) {
          at = i;
          depth_there = depth;
        }
      }
      if (at <= indent + 8) break;
      open = depth_there;
      result += line.substr(0, at + 1) + "\n";
      line = std::string(indent + 8, ' ') + line.substr(at + 2);
    }
    if (!words)
      for (const char c : line) open += bracket(c);
    result += line + "\n";
  }
  return result;
}

}  // namespace gsx::torch_export
