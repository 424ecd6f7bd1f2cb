// Norms of weights, undone; see weights.h.
#include "models/import/weights.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/error.h"

namespace gsx {

Weights::Weights(const TensorFile& file) : file_(file) {
  for (const TensorEntry& e : file.entries()) {
    sources_[e.name] = {Kind::plain, {e.name, "", ""}};
    shapes_[e.name] = e.shape;
    names_.push_back(e.name);
  }
  join("weight_orig", {"weight_orig", "weight_u", "weight_v"}, Kind::spectral);
  const std::string p = "parametrizations.weight.";
  join(p + "original", {p + "original", p + "0._u", p + "0._v"}, Kind::spectral);
  join(p + "original0", {p + "original0", p + "original1", ""}, Kind::weight_norm);
  join("weight_g", {"weight_g", "weight_v", ""}, Kind::weight_norm);
}

// Wherever a name ends in `suffix` and the other parts are beside it, they become "...weight".
void Weights::join(const std::string& suffix, const std::array<std::string, 3>& parts, Kind kind) {
  const std::vector<std::string> names = names_;
  std::set<std::string> gone;
  for (const std::string& name : names) {
    if (!name.ends_with(suffix)) continue;
    const std::string layer = name.substr(0, name.size() - suffix.size());
    if (!layer.empty() && layer.back() != '.') continue;
    Source source{kind, {}};
    bool all = true;
    for (size_t i = 0; i < parts.size(); ++i) {
      source.parts[i] = parts[i].empty() ? "" : layer + parts[i];
      all = all && (parts[i].empty() || has(source.parts[i]));
    }
    if (!all || has(layer + "weight")) continue;
    const std::string weight = layer + "weight";
    sources_[weight] = source;
    shapes_[weight] = shapes_.at(source.parts[kind == Kind::weight_norm ? 1 : 0]);
    *std::find(names_.begin(), names_.end(), source.parts[0]) = weight;
    for (const std::string& part : source.parts) gone.insert(part);
  }
  for (const std::string& name : gone) {
    shapes_.erase(name);
    sources_.erase(name);
  }
  std::erase_if(names_, [&](const std::string& name) { return gone.count(name) != 0; });
}

int Weights::dim(const std::string& name, size_t d) const {
  const auto found = shapes_.find(name);
  if (found == shapes_.end() || d >= found->second.size()) return 0;
  return static_cast<int>(std::min<int64_t>(found->second[d], 1 << 24));
}

size_t Weights::rank(const std::string& name) const {
  const auto found = shapes_.find(name);
  return found == shapes_.end() ? 0 : found->second.size();
}

std::vector<float> Weights::raw(const std::string& file_name) const {
  const TensorEntry* entry = file_.find(file_name);
  GSX_CHECK(entry, "load: ", file_.path().string(), " has no tensor ", file_name);
  GSX_CHECK(entry->dtype != FileDType::c64, "load: ", file_.path().string(), ": ", file_name,
            " holds complex numbers, which are no weights of a network");
  return file_.floats(*entry);
}

std::vector<int64_t> Weights::raw_shape(const std::string& file_name) const {
  const TensorEntry* entry = file_.find(file_name);
  return entry ? entry->shape : std::vector<int64_t>{};
}

std::array<std::string, 3> Weights::spectral(const std::string& name) const {
  const auto found = sources_.find(name);
  if (found == sources_.end() || found->second.kind != Kind::spectral) return {};
  return found->second.parts;
}

std::vector<float> Weights::floats(const std::string& name) const {
  const Source& source = sources_.at(name);
  return source.kind == Kind::plain ? raw(source.parts[0]) : normed(source);
}

std::vector<float> Weights::normed(const Source& source) const {
  const bool spectral = source.kind == Kind::spectral;
  const std::string& of = source.parts[spectral ? 0 : 1];
  std::vector<float> w = raw(of);
  const std::vector<int64_t> shape = raw_shape(of);
  const std::vector<float> u = raw(source.parts[spectral ? 1 : 0]);
  const std::vector<float> v = spectral ? raw(source.parts[2]) : std::vector<float>();
  // The dimension that the norm leaves: the first, or of transposed convolutions the second.
  const auto n = static_cast<int64_t>(u.size());
  const bool second = shape.size() == 4 && shape[0] != n && shape[1] == n;
  GSX_CHECK(shape.size() >= 2 && n > 0 && (second || shape[0] == n) &&
                (!spectral || v.size() * u.size() == w.size()),
            "load: ", file_.path().string(), ": the norm of ", of, " does not fit its shape");
  // Element (a, b, i) of [A, B, inner] stands in row a, or b where the norm leaves the second.
  const int64_t columns = shape[1], inner = static_cast<int64_t>(w.size()) / shape[0] / columns;
  const auto row = [&](int64_t i) { return second ? i / inner % columns : i / inner / columns; };
  const auto column = [&](int64_t i) {
    return second ? i / inner / columns * inner + i % inner : i % (columns * inner);
  };
  const auto count = static_cast<int64_t>(w.size());
  if (spectral) {
    double sigma = 0;
    for (int64_t i = 0; i < count; ++i)
      sigma += static_cast<double>(u[row(i)]) * w[i] * v[column(i)];
    for (float& x : w) x = static_cast<float>(x / sigma);
    return w;
  }
  std::vector<double> squares(u.size(), 0);
  for (int64_t i = 0; i < count; ++i) squares[row(i)] += static_cast<double>(w[i]) * w[i];
  for (int64_t i = 0; i < count; ++i)
    w[i] = static_cast<float>(w[i] * u[row(i)] / std::sqrt(squares[row(i)]));
  return w;
}

}  // namespace gsx
