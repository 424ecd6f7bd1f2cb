// Comparing what a file holds with what networks need; see detect.h.
#include "models/import/detect.h"

#include <algorithm>
#include <sstream>

#include "models/architectures.h"
#include "models/import/words.h"
#include "models/values.h"

namespace gsx {

namespace {

std::string dims_text(const std::vector<int64_t>& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

std::vector<int64_t> dims_of(const Shape& s) { return {s.begin(), s.end()}; }

std::string first_few(const std::vector<std::string>& all) {
  constexpr size_t kShown = 3;
  std::string text;
  for (size_t i = 0; i < std::min(kShown, all.size()); ++i) text += (i ? ", " : "") + all[i];
  if (all.size() > kShown) text += " and " + std::to_string(all.size() - kShown) + " more";
  return text;
}

// Tensors that PyTorch keeps of every batch norm and nothing is computed from.
bool counts_batches(const std::string& name) { return name.ends_with("num_batches_tracked"); }

// The parameter that a norm of weights keeps beside one, as the graph has it.
bool is_singular(const Parameter& p) { return p.role == Role::singular; }

// How much of both sides agrees: 1 where all does.
double likeness(const Candidate& c, const Difference& d, const Weights& weights) {
  const auto parameters = c.graph.parameters().size();
  const auto all = static_cast<double>(parameters + weights.names().size() - d.shared);
  return all > 0 ? static_cast<double>(d.shared) / all : 0;
}

std::string all_names() {
  std::string names;
  for (const KnownArchitecture& a : known_architectures())
    names += (names.empty() ? "" : ", ") + std::string(a.name);
  return names;
}

}  // namespace

std::string Difference::text() const {
  std::string text;
  const auto add = [&](const std::string& word, const std::vector<std::string>& all) {
    if (!all.empty()) text += (text.empty() ? "" : "; ") + word + first_few(all);
  };
  add("missing ", missing);
  add("", misshapen);
  add("unexpected ", unexpected);
  return text;
}

bool is_known_architecture(const std::string& name) {
  const auto& all = known_architectures();
  return std::any_of(all.begin(), all.end(), [&](const auto& a) { return name == a.name; });
}

Difference compare(const Candidate& c, const Weights& weights) {
  Difference d;
  std::set<std::string> used;
  for (const Parameter* p : c.graph.parameters()) {
    if (is_singular(*p) && !weights.has(p->name)) continue;  // part of a weight, see fill()
    const std::string& key = c.key(p->name);
    used.insert(key);
    if (!weights.has(key)) {
      d.missing.push_back(shown_name(key));
      continue;
    }
    std::vector<int64_t> want = dims_of(file_shape(*p));
    if (p->role == Role::constant || p->role == Role::variable) want.insert(want.begin(), 1);
    const std::vector<int64_t>& got = weights.shapes().at(key);
    ++d.shared;
    if (got != want)
      d.misshapen.push_back(shown_name(key) + " has shape " + dims_text(got) + " instead of " +
                            dims_text(want));
  }
  for (const std::string& name : weights.names())
    if (!used.count(name) && !c.spare.count(name) && !counts_batches(name))
      d.unexpected.push_back(shown_name(name));
  return d;
}

namespace {

std::optional<Candidate> detected(const KnownArchitecture& known, const Weights& weights) {
  try {
    return known.detect(weights);
  } catch (const Error&) {  // shapes that fit no layers
    return std::nullopt;
  }
}

// With the sizes that it has where nobody says otherwise.
std::optional<Candidate> by_default(const KnownArchitecture& known) {
  if (!is_built_in(known.name)) return std::nullopt;
  Candidate c;
  c.graph = make_architecture(known.name);
  return c;
}

}  // namespace

std::optional<Nearest> nearest_network(const Weights& weights, const std::string& only) {
  std::optional<Nearest> nearest;
  double most = 0;
  // First by the sizes in the file, then by names alone.
  for (const bool from_file : {true, false}) {
    for (const KnownArchitecture& known : known_architectures()) {
      if (!only.empty() && only != known.name) continue;
      auto candidate = from_file ? detected(known, weights) : by_default(known);
      if (!candidate) continue;
      candidate->architecture = known.name;
      Difference d = compare(*candidate, weights);
      const bool fits = d.none();
      const double like = likeness(*candidate, d, weights);
      if (!fits && like <= most) continue;
      most = like;
      nearest = Nearest{std::move(*candidate), std::move(d)};
      if (fits) return nearest;
    }
    if (nearest) break;
  }
  return nearest;
}

Candidate detect(const Weights& weights) {
  auto nearest = nearest_network(weights, "");
  const std::string path = weights.file().path().string();
  if (nearest && nearest->difference.none()) return std::move(nearest->candidate);
  GSX_CHECK(!nearest, "load: ", path, " does not fit ", nearest->candidate.architecture,
            ", the nearest of the networks that gsx knows: ", nearest->difference.text());
  std::vector<std::string> names;
  for (const std::string& name : weights.names()) names.push_back(shown_name(name));
  fail("load: ", path, " holds no network that gsx knows (", all_names(), "); its tensors are ",
       first_few(names));
}

void fill(Candidate& c, const Weights& weights, const ContextPtr& context, bool prepacked) {
  if (c.check) c.check(weights);
  const NoGrad no_grad;
  const std::string where = "load: " + weights.file().path().string();
  for (int i = 0; i < c.graph.size(); ++i) {
    Node& node = c.graph.node(i);
    const bool normed = node.parameter(Role::singular) != nullptr;
    for (Parameter* p : node.parameters()) {
      const std::string& key = c.key(p->name);
      // A weight that the graph norms itself is read as it is trained, with its vectors.
      if (normed && p->role == Role::weight && !weights.spectral(key)[0].empty()) {
        set_file_values(*p, context, weights.raw(weights.spectral(key)[0]), where);
      } else if (is_singular(*p) && !weights.has(key)) {
        const bool left = key.ends_with("_u");
        const auto parts = weights.spectral(key.substr(0, key.size() - 2));
        set_file_values(*p, context, weights.raw(parts[left ? 1 : 2]), where);
      } else {
        set_file_values(*p, context, weights.floats(key), where);
      }
    }
    if (prepacked) node.prepack();
  }
}

}  // namespace gsx
