// Reads golden files (safetensors written by the scripts beside it) and compares tensors with them.
// Tensors that are merely random are not in the file but drawn again.
// Independent of the engine's own reader on purpose.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "kernels/isa.h"

namespace golden {

struct Entry {
  gsx::Shape shape;
  std::vector<float> values;
};

class File {
 public:
  // `name` is a file in tests/golden.
  explicit File(const std::string& name) {
    std::ifstream in(std::string(GSX_SOURCE_DIR) + "/tests/golden/" + name, std::ios::binary);
    GSX_CHECK(in, "golden: cannot open ", name);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    uint64_t length = 0;
    GSX_CHECK(bytes.size() >= sizeof length, "golden: ", name, " is too short");
    std::memcpy(&length, bytes.data(), sizeof length);
    GSX_CHECK(length <= bytes.size() - sizeof length, "golden: ", name, " is cut off");
    const auto header = nlohmann::json::parse(bytes.substr(sizeof length, length));
    const std::string data = bytes.substr(sizeof length + length);
    for (const auto& [key, item] : header.items()) {
      if (key == "__metadata__") {
        cases_ = nlohmann::json::parse(item.at("cases").get<std::string>());
        draw(nlohmann::json::parse(item.at("drawn").get<std::string>()));
      } else {
        entries_[key] = read(item, data);
      }
    }
  }

  const nlohmann::json& cases() const { return cases_; }
  bool has(const std::string& name) const { return entries_.count(name) != 0; }
  const Entry& at(const std::string& name) const {
    const auto it = entries_.find(name);
    GSX_CHECK(it != entries_.end(), "golden: no tensor named ", name);
    return it->second;
  }
  // The names that start with `prefix`, without it.
  std::vector<std::string> names(const std::string& prefix) const {
    std::vector<std::string> found;
    for (auto it = entries_.lower_bound(prefix);
         it != entries_.end() && it->first.starts_with(prefix); ++it) {
      found.push_back(it->first.substr(prefix.size()));
    }
    return found;
  }
  gsx::Tensor tensor(const gsx::ContextPtr& context, const std::string& name) const {
    const Entry& e = at(name);
    return gsx::Tensor::from(context, e.values, e.shape);
  }
  gsx::Tensor filter(const gsx::ContextPtr& context, const std::string& name) const {
    const Entry& e = at(name);
    return gsx::Tensor::from(context, e.values, e.shape,
                             e.shape.rank() == 4 ? gsx::Layout::filter : gsx::Layout::dense);
  }

 private:
  static Entry read(const nlohmann::json& item, const std::string& data) {
    const auto dims = item.at("shape").get<std::vector<int64_t>>();
    Entry e{gsx::Shape(dims.begin(), dims.end()), {}};
    e.values.resize(static_cast<size_t>(e.shape.numel()));
    const auto offsets = item.at("data_offsets").get<std::vector<size_t>>();
    const bool quantized = item.at("dtype") == "I16";
    const size_t bytes = e.values.size() * (quantized ? sizeof(int16_t) : sizeof(float));
    GSX_CHECK(offsets[1] <= data.size() && offsets[0] + bytes == offsets[1], "golden: bad offsets");
    if (quantized) {
      std::vector<int16_t> integers(e.values.size());
      std::memcpy(integers.data(), data.data() + offsets[0], bytes);
      std::copy(integers.begin(), integers.end(), e.values.begin());
    } else {
      std::memcpy(e.values.data(), data.data() + offsets[0], bytes);
    }
    return e;
  }

  // As uniform() in golden_file.py: a hash of seed and position, then scale and shift.
  void draw(const nlohmann::json& drawn) {
    for (const auto& [key, item] : drawn.items()) {
      const auto dims = item.at("shape").get<std::vector<int64_t>>();
      Entry e{gsx::Shape(dims.begin(), dims.end()), {}};
      const uint32_t seed = item.at("seed").get<uint32_t>() * 0x9E3779B9u;
      const float scale = item.at("scale"), shift = item.at("shift");
      for (uint32_t i = 0; i < e.shape.numel(); ++i) {
        uint32_t x = seed + i;
        x = (x ^ (x >> 16)) * 0x7FEB352Du;
        x = (x ^ (x >> 15)) * 0x846CA68Bu;
        x ^= x >> 16;
        e.values.push_back((static_cast<float>(x >> 8) * 0x1p-23f - 1.0f) * scale + shift);
      }
      entries_[key] = std::move(e);
    }
  }

  std::map<std::string, Entry> entries_;
  nlohmann::json cases_;
};

// max|got - want| / max|want|; infinite for NaN or sizes that differ. `floor` keeps a reference
// that is zero in exact arithmetic from being divided by.
inline double relative_error(const std::vector<float>& got, const std::vector<float>& want,
                             double floor = 0) {
  if (got.size() != want.size()) return INFINITY;
  double difference = 0, scale = floor;
  for (size_t i = 0; i < got.size(); ++i) {
    const double d = std::abs(static_cast<double>(got[i]) - want[i]);
    if (std::isnan(d)) return INFINITY;
    difference = std::max(difference, d);
    scale = std::max(scale, std::abs(static_cast<double>(want[i])));
  }
  return scale > 0 ? difference / scale : (difference > 0 ? INFINITY : 0);
}

// Calls check(name) once for every instruction set this machine has.
template <class Check>
void on_every_isa(const Check& check) {
  for (const std::string_view isa : gsx::kernels::isas()) check(isa);
}

}  // namespace golden
