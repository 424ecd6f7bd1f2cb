// Layers out of shapes; see net_builder.h.
#include "models/import/net_builder.h"

#include <algorithm>

namespace gsx {

int NetBuilder::conv(const std::string& name, int stride, const Padding& pad, PadMode mode,
                     int groups) {
  const std::string w = name + ".weight";
  ConvSpec spec;
  spec.out = weights.dim(w, 0);
  spec.in = weights.dim(w, 1) * groups;
  spec.kernel = PerAxis{weights.dim(w, 2), weights.dim(w, 3)};
  spec.options = {stride, pad, mode};
  spec.options.groups = groups;
  spec.bias = has(name + ".bias");
  ok = ok && weights.rank(w) == 4 && spec.out > 0 && spec.in > 0 && spec.out <= kMostChannels &&
       spec.in <= kMostChannels && spec.kernel.y > 0 && spec.kernel.y < 32 && spec.kernel.x > 0 &&
       spec.kernel.x < 32;
  if (ok) b.conv(name, spec);
  return spec.out;
}

int NetBuilder::conv_transpose(const std::string& name, int stride, int pad, int output_pad) {
  const std::string w = name + ".weight";
  ConvSpec spec;
  spec.in = weights.dim(w, 0);
  spec.out = weights.dim(w, 1);
  spec.kernel = PerAxis{weights.dim(w, 2), weights.dim(w, 3)};
  spec.options.stride = stride;
  spec.options.pad = {pad, pad - output_pad, pad, pad - output_pad};
  spec.bias = has(name + ".bias");
  ok = ok && weights.rank(w) == 4 && spec.out > 0 && spec.in > 0 && spec.out <= kMostChannels &&
       spec.in <= kMostChannels && spec.kernel.y > 0 && spec.kernel.y < 32;
  if (ok) b.conv_transpose(name, spec);
  return spec.out;
}

int NetBuilder::linear(const std::string& name) {
  const std::string w = name + ".weight";
  const int out = weights.dim(w, 0), in = weights.dim(w, 1);
  ok = ok && weights.rank(w) == 2 && out > 0 && in > 0;
  if (ok) b.linear(name, in, out, has(name + ".bias"));
  return out;
}

void NetBuilder::norm(const std::string& name, int channels, float eps) {
  const bool affine = has(name + ".weight"), running = has(name + ".running_mean");
  if (!affine || !running) return instance_norm(name, channels, eps);
  if (ok) b.batch_norm(name, channels, eps);
}

void NetBuilder::instance_norm(const std::string& name, int channels, float eps) {
  if (!ok) return;
  b.instance_norm(name, channels, has(name + ".weight"), eps);
  if (!has(name + ".running_mean")) return;
  // Before PyTorch 0.4 instance norms kept statistics that they did not use.
  found.spare.insert({name + ".running_mean", name + ".running_var"});
  add_note(
      "the running statistics of its instance norms are left out: the code that it is of uses each "
      "image's own");
}

void NetBuilder::add_note(const std::string& note) {
  if (std::find(found.notes.begin(), found.notes.end(), note) == found.notes.end())
    found.notes.push_back(note);
}

void NetBuilder::layer_norm(const std::string& name, int channels, float eps) {
  if (ok) node(make_group_norm(name, b.last(), channels, 1, true, eps));
}

void NetBuilder::resize(const std::string& name, const ResizeOptions& options) {
  if (ok) node(make_resize(name, b.last(), options));
}

std::optional<Candidate> NetBuilder::take(std::string why) {
  if (!ok) return std::nullopt;
  found.graph = b.take();
  found.why = std::move(why);
  return std::move(found);
}

}  // namespace gsx
