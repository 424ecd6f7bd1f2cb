// slice: every step-th channel, row and column of a range. Channels are handed through by
// position; a cut network's slice names those it takes.
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class Slice : public Node {
 public:
  Slice(std::string n, std::vector<int> input_nodes, const SliceRange& channels,
        const SliceRange& rows, const SliceRange& columns, std::vector<int> picked)
      : channels_(channels), rows_(rows), columns_(columns), picked_(std::move(picked)) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "slice"; }
  NodePtr clone() const override { return cloned(*this); }
  bool moves_values() const override { return true; }
  Json attributes() const override {
    Json json = {{"rows", text_of(rows_)}, {"columns", text_of(columns_)}};
    if (picked_.empty()) json["channels"] = text_of(channels_);
    else json["picked"] = picked_;
    return json;
  }
  Shape infer_shape(std::span<const Shape> in) const override {
    const Shape& x = only_input(*this, in);
    GSX_CHECK(x.rank() == 2 || x.rank() == 4, "slice: the input of node ", name,
              " must have 2 or 4 dimensions, got shape ", x);
    const bool image = x.rank() == 4, there = picked_.empty() || picked_.back() < x[1];
    const int64_t channels =
        picked_.empty() ? channels_.count(x[1]) : static_cast<int64_t>(picked_.size());
    const int64_t h = image ? rows_.count(x[2]) : 1, w = image ? columns_.count(x[3]) : 1;
    GSX_CHECK(there && channels > 0 && h > 0 && w > 0, "slice: node ", name,
              " takes nothing of, or more than, its input of shape ", x,
              "; this network may need another image size");
    return image ? Shape{x[0], channels, h, w} : Shape{x[0], channels};
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    if (picked_.empty()) return slice(in[0], channels_, rows_, columns_);
    std::vector<Tensor> runs;
    for (size_t i = 0; i < picked_.size();) {
      const size_t next = run_from(i);
      const int64_t step = next - i > 1 ? picked_[i + 1] - picked_[i] : 1;
      runs.push_back(slice(in[0], {picked_[i], picked_[next - 1] + 1, step}, rows_, columns_));
      i = next;
    }
    return runs.size() == 1 ? runs[0] : concat(runs);
  }
  std::vector<ChannelSource> sources(int c, std::span<const Shape> in) const override {
    if (!picked_.empty()) return {{0, picked_[c]}};
    return {{0, static_cast<int>(channels_.first(in[0][1]) + c * channels_.step)}};
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    return in[0];
  }
  void cut(const ChannelCut& cut) override {
    const auto channels = static_cast<int64_t>(cut.input_constants.at(0).size());
    const std::vector<int>& kept = cut.keep_inputs.at(0);
    std::vector<int> now(channels, -1), picked;
    for (size_t i = 0; i < kept.size(); ++i) now[kept[i]] = static_cast<int>(i);
    for (const int c : cut.keep_output) {
      const int64_t before =
          picked_.empty() ? channels_.first(channels) + c * channels_.step : picked_[c];
      picked.push_back(now.at(before));
    }
    picked_ = std::move(picked);
  }

 private:
  static Json text_of(const SliceRange& r) { return {r.begin, r.end, r.step}; }
  // The end of the longest run of equal steps from i on.
  size_t run_from(size_t i) const {
    size_t next = i + 1;
    while (next < picked_.size() &&
           (next == i + 1 || picked_[next] - picked_[next - 1] == picked_[i + 1] - picked_[i]))
      ++next;
    return next;
  }

  SliceRange channels_, rows_, columns_;
  std::vector<int> picked_;  // ascending; empty: what channels_ says
};

}  // namespace

NodePtr slice_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  const auto range = [&](const char* key) {
    const std::vector<int64_t> r = a.positions(key, 3);
    GSX_CHECK(r[2] >= 1 && r[2] <= kMaxChannels, "model file: node ", name, ": the step of ", key,
              " must lie in [1, ", kMaxChannels, "], got ", r[2]);
    return SliceRange{r[0], r[1], r[2]};
  };
  std::vector<int> picked;
  if (a.has("picked")) {
    const size_t count = a.numbers("picked", 1, kMaxChannels).size();
    picked = a.integers("picked", count, 0, kMaxChannels);
    GSX_CHECK(
        std::adjacent_find(picked.begin(), picked.end(), std::greater_equal<>()) == picked.end(),
        "model file: node ", name, ": picked must ascend");
  }
  const SliceRange channels = picked.empty() ? range("channels") : SliceRange{};
  return std::make_unique<Slice>(name, std::move(inputs), channels, range("rows"), range("columns"),
                                 std::move(picked));
}

}  // namespace nodes

NodePtr make_slice(std::string name, int input, const SliceRange& channels, const SliceRange& rows,
                   const SliceRange& columns) {
  return std::make_unique<nodes::Slice>(std::move(name), std::vector{input}, channels, rows,
                                        columns, std::vector<int>{});
}

}  // namespace gsx
