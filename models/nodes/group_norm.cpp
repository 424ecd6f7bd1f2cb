// group_norm: statistics per image over groups of neighbouring channels; one group is layer norm
// over C, H, W. A channel counts in its group's statistics even where its gamma is zero, so it may
// only go when what comes in is constant: the cut node remembers that constant's share.
#include <algorithm>
#include <numeric>

#include "models/nodes/norms.h"

namespace gsx {
namespace nodes {
namespace {

using Rest = GroupNormOptions::Rest;

class GroupNorm : public Norm {
 public:
  GroupNorm(std::string n, std::vector<int> input_nodes, int channels, bool affine,
            GroupNormOptions options)
      : Norm(std::move(n), std::move(input_nodes), channels, affine, false),
        options_(std::move(options)) {}
  std::string_view kind() const override { return "group_norm"; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override {
    Json json = norm_attributes(options_.eps);
    json["groups"] = options_.groups;
    if (options_.rests.empty()) return json;
    for (const char* key : {"kept", "count", "lost_mean", "lost_squares"})
      json[key] = Json::array();
    for (const Rest& r : options_.rests) {
      json["kept"].push_back(r.kept);
      json["count"].push_back(r.count);
      json["lost_mean"].push_back(shortest(r.lost_mean));
      json["lost_squares"].push_back(shortest(r.lost_squares));
    }
    return json;
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    const Tensor& x = in[0];
    const int64_t each =
        options_.rests.empty() ? channels() / options_.groups : options_.rests[0].count;
    const NormSpec s =
        by_biased_variance(spec(options_.eps), x, each * (x.numel() / x.dim(0) / x.dim(1)));
    GroupNormOptions options = options_;
    options.eps = s.eps;
    return group_norm(x, s.gamma, s.beta, options);
  }
  bool counts_channels() const override { return true; }
  std::optional<float> constant(int c, std::span<const std::optional<float>>,
                                bool gamma_zero) const override {
    if (gamma_zero || gamma_is_zero(c)) return beta_of(c);
    return std::nullopt;
  }
  void cut(const ChannelCut& cut) override {
    std::vector<Rest> rests = options_.rests;
    if (rests.empty()) {
      const int each = channels() / options_.groups;
      rests.assign(options_.groups, {each, each, 0, 0});
    }
    std::vector<bool> kept(channels(), false);
    for (const int c : cut.keep_inputs.at(0)) kept[c] = true;
    int c = 0;
    for (Rest& r : rests) {
      Lost lost(r);
      const int end = c + r.kept;
      for (; c < end; ++c)
        if (!kept[c]) lost.add(cut.input_constants.at(0).at(c));
      lost.store(r);
    }
    options_.rests = std::move(rests);
    Norm::cut(cut);
  }
  // As many groups as divide the channels that are left; one of each channel stays that.
  void forget_lost() override {
    if (options_.rests.empty()) return;
    const bool each_alone = std::all_of(options_.rests.begin(), options_.rests.end(),
                                        [](const Rest& r) { return r.count == 1; });
    options_.groups = each_alone ? channels() : std::gcd(options_.groups, channels());
    options_.rests.clear();
  }

 private:
  // The constants a group has lost, one more at a time (Welford).
  struct Lost {
    explicit Lost(const Rest& r)
        : count(r.count - r.kept), mean(r.lost_mean), squares(r.lost_squares) {}
    void add(double v) {
      const double before = v - mean;
      mean += before / ++count;
      squares += before * (v - mean);
    }
    void store(Rest& r) const {
      r.kept = r.count - count;
      r.lost_mean = static_cast<float>(mean);
      r.lost_squares = static_cast<float>(squares);
    }
    int count;
    double mean, squares;
  };

  GroupNormOptions options_;
};

std::vector<Rest> read_rests(const std::string& name, const Attributes& a, int channels,
                             int groups) {
  if (!a.has("kept")) {
    GSX_CHECK(channels % groups == 0, "model file: node ", name, ": groups must divide the ",
              channels, " channels, got ", groups);
    return {};
  }
  const size_t n = static_cast<size_t>(groups);
  const std::vector<int> kept = a.integers("kept", n, 0, kMaxChannels);
  const std::vector<int> count = a.integers("count", n, 1, kMaxChannels);
  const std::vector<float> mean = a.numbers("lost_mean", n, n);
  const std::vector<float> squares = a.numbers("lost_squares", n, n);
  std::vector<Rest> rests;
  int total = 0;
  for (size_t g = 0; g < n; ++g) {
    GSX_CHECK(kept[g] <= count[g] && squares[g] >= 0, "model file: node ", name,
              ": a group must have had the channels it has, got ", kept[g], " of ", count[g]);
    rests.push_back({kept[g], count[g], mean[g], squares[g]});
    total += kept[g];
  }
  GSX_CHECK(total == channels, "model file: node ", name, ": groups must have ", channels,
            " channels together, got ", total);
  return rests;
}

}  // namespace

NodePtr group_norm_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  const int channels = a.integer("channels", 1, kMaxChannels);
  const int groups = a.integer("groups", 1, kMaxChannels);
  auto node = std::make_unique<GroupNorm>(
      name, std::move(inputs), channels, a.boolean("affine"),
      GroupNormOptions{groups, a.positive("eps"), read_rests(name, a, channels, groups)});
  node->read_inserted(a);
  node->read_unbiased(a);
  return node;
}

}  // namespace nodes

NodePtr make_group_norm(std::string name, int input, int channels, int groups, bool affine,
                        float eps, bool unbiased) {
  GSX_CHECK(groups >= 1 && channels % groups == 0, "group_norm: the groups of node ", name,
            " must divide its ", channels, " channels, got ", groups);
  auto node = std::make_unique<nodes::GroupNorm>(std::move(name), std::vector{input}, channels,
                                                 affine, GroupNormOptions{groups, eps, {}});
  if (unbiased) node->set_unbiased();
  return node;
}

}  // namespace gsx
