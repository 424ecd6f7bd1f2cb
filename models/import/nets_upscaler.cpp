// Networks that enlarge images, told from a file: ESRGAN's RRDB under its three sets of names, and
// Real-ESRGAN's compact SRVGG.
#include <cmath>

#include "models/import/nets.h"
#include "models/import/words.h"

namespace gsx {

namespace {

// What the layers are called in one of the three.
struct Names {
  std::string first, body, dense, inner_end,
      trunk;  // body + i + dense + j + ".conv" + k + inner_end
  std::vector<std::string> ups;
  std::string before_last, last;
};

std::optional<Names> names_of(const Weights& w) {
  if (w.has("body.0.rdb1.conv1.weight"))
    return Names{"conv_first", "body.",    ".rdb", "", "conv_body", {"conv_up1", "conv_up2"},
                 "conv_hr",    "conv_last"};
  if (w.has("RRDB_trunk.0.RDB1.conv1.weight")) {
    Names n{"conv_first", "RRDB_trunk.", ".RDB", "", "trunk_conv", {}, "HRconv", "conv_last"};
    for (int i = 1; w.has(numbered("upconv", i) + ".weight"); ++i)
      n.ups.push_back(numbered("upconv", i));
    return n;
  }
  if (!w.has("model.1.sub.0.RDB1.conv1.0.weight")) return std::nullopt;
  Names n{"model.0", "model.1.sub.", ".RDB", ".0", "", {}, "", ""};
  int blocks = 0;
  while (w.has(numbered(n.body, blocks) + ".RDB1.conv1.0.weight")) ++blocks;
  n.trunk = numbered(n.body, blocks);
  for (int i = 2; i < 40; ++i)
    if (w.has(numbered("model.", i) + ".weight")) n.ups.push_back(numbered("model.", i));
  if (n.ups.size() < 2) return std::nullopt;
  n.last = n.ups.back();
  n.ups.pop_back();
  n.before_last = n.ups.back();
  n.ups.pop_back();
  return n;
}

class Rrdb {
 public:
  Rrdb(const Weights& w, Names names, int in_channels, int unshuffle)
      : names_(std::move(names)), unshuffle_(unshuffle), n_(w, "rrdb", in_channels) {}

  std::optional<Candidate> run() {
    if (unshuffle_ > 1) n_.node(make_pixel_unshuffle("unshuffled", n_.b.last(), unshuffle_));
    const int width = n_.same_conv(names_.first), features = n_.b.last();
    int blocks = 0;
    while (n_.ok && n_.has(conv_name(blocks, 1, 1) + ".weight")) block(blocks++);
    n_.same_conv(names_.trunk);
    if (n_.ok) n_.b.add("features", features, n_.b.last());
    for (const std::string& up : names_.ups) {
      if (!n_.ok) break;
      n_.b.upsample(up + ".up", 2);
      n_.same_conv(up);
      if (n_.ok) n_.leaky(up + ".act");
    }
    n_.same_conv(names_.before_last);
    if (n_.ok) n_.leaky(names_.before_last + ".act");
    n_.same_conv(names_.last);
    const int scale = (1 << names_.ups.size()) / unshuffle_;
    auto found =
        n_.take(names_.first + ".weight has " + std::to_string(width) + " filters, " +
                std::to_string(blocks) + " blocks of three dense ones follow; it enlarges " +
                std::to_string(scale) + " times");
    if (found) found->graph.input_format = found->graph.output_format = {0, 1, false};
    return found;
  }

 private:
  std::string conv_name(int block, int dense, int conv) const {
    return numbered(numbered(names_.body, block) + names_.dense, dense) + ".conv" +
           std::to_string(conv) + names_.inner_end;
  }
  // What is added is multiplied by 0.2 first, in a dense block and around three of them.
  void add_fifth(const std::string& name, int to) {
    if (!n_.ok) return;
    n_.b.affine(name + ".fifth", {0.2f}, {0.0f});
    n_.b.add(name, to, n_.b.last());
  }
  void block(int i) {
    const int in = n_.b.last();
    for (int j = 1; j <= 3; ++j) {
      const int start = n_.b.last();
      std::vector<int> joined = {start};
      for (int k = 1; k <= 5 && n_.ok; ++k) {
        const std::string name = conv_name(i, j, k);
        if (k > 1) n_.b.concat(name + ".in", joined);
        n_.same_conv(name);
        if (k < 5 && n_.ok) n_.leaky(name + ".act");
        joined.push_back(n_.b.last());
      }
      add_fifth(numbered(numbered(names_.body, i) + names_.dense, j) + ".sum", start);
    }
    add_fifth(numbered(names_.body, i) + ".sum", in);
  }

  Names names_;
  int unshuffle_;
  NetBuilder n_;
};

}  // namespace

std::optional<Candidate> detect_rrdb(const Weights& w) {
  const auto names = names_of(w);
  if (!names) return std::nullopt;
  const int in = w.dim(names->first + ".weight", 1), out = w.dim(names->last + ".weight", 0);
  // Below four times, BasicSR packs r x r pixels into channels first.
  const int unshuffle = in == 4 * out ? 2 : in == 16 * out ? 4 : 1;
  return Rrdb(w, *names, in / (unshuffle * unshuffle), unshuffle).run();
}

std::optional<Candidate> detect_srvgg(const Weights& w) {
  const int in = w.dim("body.0.weight", 1);
  if (w.rank("body.0.weight") != 4 || w.rank("body.1.weight") != 1) return std::nullopt;
  int last = 0;
  while (w.has(numbered("body.", last + 1) + ".weight")) ++last;
  const int out = w.dim(numbered("body.", last) + ".weight", 0);
  const int scale = static_cast<int>(std::lround(std::sqrt(out / std::max(1, in))));
  NetBuilder n(w, "srvgg", in);
  n.ok = n.ok && last >= 2 && scale >= 1 && scale * scale * in == out;
  const int width = n.same_conv("body.0");
  for (int i = 1; i < last && n.ok; i += 2) {
    const std::string slope = numbered("body.", i);
    n.node(make_prelu(slope, n.b.last(), w.dim(slope + ".weight", 0)));
    n.same_conv(numbered("body.", i + 1));
  }
  if (!n.ok) return std::nullopt;
  const int shuffled =
      scale > 1 ? n.node(make_pixel_shuffle("upsampler", n.b.last(), scale)) : n.b.last();
  n.b.go_to(0);
  const int base = scale > 1 ? n.b.upsample("base", scale) : 0;
  n.b.add("sum", shuffled, base);
  auto found = n.take(
      "body.0.weight has " + std::to_string(width) + " filters, " + std::to_string((last + 2) / 2) +
      " convolutions with slopes between enlarge " + std::to_string(scale) + " times");
  if (found) found->graph.input_format = found->graph.output_format = {0, 1, false};
  return found;
}

}  // namespace gsx
