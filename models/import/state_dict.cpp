// Entering dictionaries and taking off prefixes; see state_dict.h.
#include "models/import/state_dict.h"

#include <algorithm>
#include <array>
#include <set>

#include "engine/io/problem.h"
#include "models/import/words.h"

namespace gsx {

namespace {

constexpr int kMostWrappers = 32;  // that are taken off

using NamedTensors = std::vector<std::pair<std::string, size_t>>;

// Entered in this order: averaged weights, generators, then whatever wraps weights.
constexpr std::array kContainers = {"params_ema",
                                    "params-ema",
                                    "g_ema",
                                    "G_ema",
                                    "netG_ema",
                                    "generator_ema",
                                    "model_ema",
                                    "ema_model",
                                    "ema",
                                    "ema_state_dict",
                                    "state_dict_ema",
                                    "netG",
                                    "net_g",
                                    "net_G",
                                    "generator",
                                    "gen",
                                    "G",
                                    "g",
                                    "generator_state_dict",
                                    "G_state_dict",
                                    "gen_state_dict",
                                    "state_dict",
                                    "model_state_dict",
                                    "model_state",
                                    "model",
                                    "params",
                                    "net",
                                    "network",
                                    "weights"};

// Prefixes of names that say that what follows is a generator, in this order.
constexpr std::array kGeneratorPrefixes = {"generator_ema", "netG_ema", "g_ema",    "G_ema",
                                           "generator",     "netG",     "net_g",    "net_G",
                                           "gen",           "G",        "ema_model"};

std::string quoted(const std::string& key) { return "'" + shown_name(key) + "'"; }

bool is_optimiser(const std::string& key) {
  return key.find("optim") != std::string::npos || key.starts_with("opt_") ||
         key.find("scheduler") != std::string::npos || key == "opt";
}

const TensorGroup* child(const TensorGroup& group, std::string_view key) {
  for (const TensorGroup& g : group.groups)
    if (g.key == key && g.count() > 0) return &g;
  return nullptr;
}

// `bytes`: of all names so far.
void flatten(const TensorGroup& group, const std::string& prefix, NamedTensors& to, size_t& bytes) {
  for (const auto& [key, tensor] : group.tensors) {
    bytes += check_joined_name(prefix, key);
    check_name_bytes(bytes);
    to.emplace_back(prefix + key, tensor);
  }
  for (const TensorGroup& g : group.groups) {
    check_joined_name(prefix, g.key);
    flatten(g, prefix + g.key + ".", to, bytes);
  }
}

// Whether the groups are layers of one network: {"conv1": {"weight": ...}}.
bool are_layers(const TensorGroup& group) {
  for (const TensorGroup& g : group.groups)
    for (const auto& [key, tensor] : g.tensors)
      if (key != "weight" && key != "bias" && !key.starts_with("running_") && key != "kernel" &&
          key != "gamma" && key != "beta" && key != "num_batches_tracked")
        return false;
  return true;
}

// part: what a user named and is not among the groups; or nothing.
const TensorGroup* enter(const TensorGroup& group, const std::string& part,
                         std::vector<std::string>& notes) {
  for (size_t i = 0; i < kContainers.size(); ++i) {
    const TensorGroup* found = child(group, kContainers[i]);
    if (!found) continue;
    std::string beside;
    for (const TensorGroup& g : group.groups)
      if (&g != found && g.count() > 0) beside += (beside.empty() ? "" : ", ") + quoted(g.key);
    notes.push_back("the weights are those under " + quoted(found->key) +
                    (beside.empty() ? "" : ", not under " + beside));
    return found;
  }
  if (!group.tensors.empty()) return nullptr;
  std::vector<const TensorGroup*> possible;
  for (const TensorGroup& g : group.groups)
    if (g.count() > 0 && !is_optimiser(g.key)) possible.push_back(&g);
  if (possible.size() == 1 && !are_layers(group)) return possible[0];
  if (possible.empty() || are_layers(group)) return nullptr;
  std::string all;
  for (const TensorGroup* g : possible) all += (all.empty() ? "" : ", ") + quoted(g->key);
  require(part.empty(), "has no part ", quoted(part), "; it holds several networks, ", all);
  require(false, "holds several networks, ", all, "; say which as part=NAME");
  return nullptr;
}

// What lies under "a/b"; null where there is no such thing.
const TensorGroup* enter_part(const TensorGroup& from, std::string part) {
  const TensorGroup* at = &from;
  while (at && !part.empty()) {
    const size_t slash = std::min(part.find('/'), part.size());
    at = child(*at, part.substr(0, slash));
    part.erase(0, slash + 1);
  }
  return at;
}

std::string first_part(const std::string& key) { return key.substr(0, key.find('.')); }

// Takes `prefix` and a dot off the names that have it and drops the others.
void keep_under(NamedTensors& tensors, const std::string& prefix) {
  NamedTensors kept;
  for (const auto& [key, tensor] : tensors)
    if (key.starts_with(prefix + ".")) kept.emplace_back(key.substr(prefix.size() + 1), tensor);
  tensors = std::move(kept);
}

bool all_under(const NamedTensors& tensors, const std::string& prefix) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [&](const auto& t) { return t.first.starts_with(prefix + "."); });
}

// What wrappers of PyTorch put in front, in any order: DataParallel, compile, AveragedModel.
bool unwrap(NamedTensors& tensors) {
  bool changed = std::erase_if(tensors, [](const auto& t) { return t.first == "n_averaged"; }) > 0;
  constexpr std::string_view kCompiled = "_orig_mod.";
  for (auto& [key, tensor] : tensors)
    for (size_t at;
         (at = key.find(kCompiled)) != std::string::npos && (at == 0 || key[at - 1] == '.');) {
      key.erase(at, kCompiled.size());
      changed = true;
    }
  if (!tensors.empty() && all_under(tensors, "module")) {
    keep_under(tensors, "module");
    changed = true;
  }
  return changed;
}

// The names' first parts under which a generator stands beside other networks, or alone.
bool keep_generator(NamedTensors& tensors, std::vector<std::string>& notes) {
  std::set<std::string> parts;
  for (const auto& [key, tensor] : tensors)
    if (key.find('.') != std::string::npos) parts.insert(first_part(key));
  for (const char* prefix : kGeneratorPrefixes) {
    if (!parts.count(prefix)) continue;
    std::string others;
    for (const std::string& p : parts)
      if (p != prefix) others += (others.empty() ? "" : ", ") + quoted(p);
    notes.push_back("the weights are those whose names begin with " + quoted(prefix) +
                    (others.empty() ? "" : ", not with " + others));
    keep_under(tensors, prefix);
    return true;
  }
  return false;
}

void check_names(const NamedTensors& tensors) {
  std::set<std::string> seen;
  for (const auto& [key, tensor] : tensors)
    require(seen.insert(key).second, "holds two tensors that are called ", quoted(key),
            " once their wrappers' prefixes are gone");
}

// The part that a user named, among names' first parts.
void keep_part(NamedTensors& tensors, const std::string& part) {
  NamedTensors kept = tensors;
  keep_under(kept, part);
  std::set<std::string> parts;
  for (const auto& [key, tensor] : tensors) parts.insert(first_part(key));
  std::string some;
  for (const std::string& p : parts) {
    if (some.size() > 200) break;
    some += (some.empty() ? "" : ", ") + quoted(p);
  }
  require(!kept.empty(), "has no part ", quoted(part), "; the first parts of its names are ", some);
  tensors = std::move(kept);
}

}  // namespace

size_t check_joined_name(const std::string& prefix, const std::string& key) {
  const size_t letters = prefix.size() + key.size();
  require(letters <= 4096, "nests its names to more than 4096 letters");
  return letters;
}

void check_name_bytes(size_t bytes) {
  require(bytes <= size_t{1} << 24, "names its tensors with more than 16 MB of letters");
}

size_t TensorGroup::count() const {
  size_t n = tensors.size();
  for (const TensorGroup& g : groups) n += g.count();
  return n;
}

StateDict choose_state_dict(const TensorGroup& root, const std::string& part) {
  require(root.count() > 0, "holds no tensors");
  StateDict result;
  const TensorGroup* at = &root;
  bool found = part.empty();
  for (const TensorGroup* next = at; next;) {
    at = next;
    next = found ? nullptr : enter_part(*at, part);
    found = found || next;
    if (!next) next = enter(*at, found ? "" : part, result.notes);
  }
  // Beside tensors, what is nested belongs to something else: states of generators of numbers.
  NamedTensors tensors;
  size_t bytes = 0;
  if (at->tensors.empty()) flatten(*at, "", tensors, bytes);
  else tensors = at->tensors;
  for (int i = 0; i < kMostWrappers && unwrap(tensors); ++i) {
  }
  if (!found) keep_part(tensors, part);
  bool changed = true;
  for (int i = 0; i < kMostWrappers && changed && !tensors.empty(); ++i) {
    changed = keep_generator(tensors, result.notes);
    changed = unwrap(tensors) || changed;
  }
  require(!tensors.empty(), "holds no tensors of a network");
  check_names(tensors);
  result.tensors = std::move(tensors);
  return result;
}

}  // namespace gsx
