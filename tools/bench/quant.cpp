// Quantisation at the models' shapes: activations in front of convolutions, and their weights.
#include <cmath>
#include <set>
#include <sstream>

#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/backend.h"
#include "tools/bench/kernels.h"

namespace gsx::tools {
namespace {

constexpr int kLooked = 1000;  // elements per case
constexpr kernels::Quantizer kSigned = {2.0f / 127, 127.0f / 2, -127, 127, -2, 2};

// Compares elements picked at random; want(i) is what element i must be, exactly.
template <class T, class Want>
double picked_error(const Tensor& t, const Want& want) {
  const std::vector<T> got = t.read_storage<T>();
  Rng rng(2);
  Difference d;
  for (int i = 0; i < kLooked; ++i) {
    const auto at = static_cast<size_t>(rng.below(static_cast<int64_t>(got.size())));
    d.add(static_cast<double>(got[at]), static_cast<double>(want(at)));
  }
  return d.relative();
}

void visit_activations(const ContextPtr& context, const std::string& layer, const Shape& shape,
                       const VisitCase& visit) {
  Rng rng(1);
  const Tensor x = Tensor::empty(context, shape), y = Tensor::empty_like(x);
  const Tensor gy = Tensor::empty_like(x);
  const Tensor quantized = Tensor::empty(context, shape, DType::s16);
  rng.fill_uniform(x, -3, 3);
  rng.fill_uniform(gy, -1, 1);
  const std::vector<float> host_x = x.read_storage(), host_gy = gy.read_storage();
  const kernels::Backend& backend = context->backend();
  kernels::Exec& e = context->exec();
  const int64_t n = x.storage_size();
  KernelCase c;
  c.layer = layer;
  c.bytes = 8 * static_cast<double>(n);
  c.kernel = "fake_quant forward";
  c.run = [&] { backend.fake_quant.forward(e, n, kSigned, x.device_data(), y.device_data()); };
  c.error = [&] {
    return picked_error<float>(
        y, [&](size_t i) { return kernels::scalar::quantize(host_x[i], kSigned); });
  };
  visit(c);
  c.bytes = 12 * static_cast<double>(n);
  c.kernel = "fake_quant backward";
  c.run = [&] {
    backend.fake_quant.backward(e, n, kSigned, x.device_data(), gy.device_data(), y.device_data());
  };
  c.error = [&] {
    return picked_error<float>(y, [&](size_t i) {
      return host_gy[i] * kernels::scalar::quantize_slope(host_x[i], kSigned);
    });
  };
  visit(c);
  c.bytes = 6 * static_cast<double>(n);
  c.kernel = "integer pass to codes";
  c.run = [&] {
    kernels::FusedPass pass;
    pass.x = x.device_data();
    pass.quantized = quantized.device_data<int16_t>();
    pass.quantized_type = kernels::QuantizedType::s16;
    pass.quantizer = kSigned;
    backend.integer.fused_pass(e, x.view(), pass);
  };
  c.error = [&] {
    return picked_error<int16_t>(
        quantized, [&](size_t i) { return kernels::scalar::quantized_value(host_x[i], kSigned); });
  };
  visit(c);
}

// Filters are [taps * inputs, outputs]: element i belongs to output i modulo their stride.
void visit_weights(const ContextPtr& context, const std::string& layer, const Shape& shape,
                   const VisitCase& visit) {
  Rng rng(1);
  const Tensor w = Tensor::empty(context, shape, Layout::filter), y = Tensor::empty_like(w);
  const Tensor scales = Tensor::empty(context, {shape[0]});
  rng.fill_uniform(w, -1, 1);
  const std::vector<float> host = w.read_storage();
  const kernels::FilterView v = w.filter_view();
  const kernels::ChannelBlocks blocks{int64_t{v.r} * v.s * v.c, v.k, v.ks, 1};
  const kernels::FakeQuantKernels& quant = context->backend().fake_quant;
  kernels::Exec& e = context->exec();
  std::vector<float> want_scales(static_cast<size_t>(v.k), 0);
  for (size_t i = 0; i < host.size(); ++i) {
    const size_t k = i % static_cast<size_t>(v.ks);
    if (k < want_scales.size()) want_scales[k] = std::max(want_scales[k], std::abs(host[i]));
  }
  for (float& s : want_scales) s /= 127;
  KernelCase c;
  c.layer = layer;
  c.bytes = 4 * static_cast<double>(host.size());
  c.kernel = "fake_quant weight_scales";
  c.bound = 1e-6;
  c.run = [&] { quant.weight_scales(e, blocks, 127, true, w.device_data(), scales.device_data()); };
  c.error = [&] { return picked_error<float>(scales, [&](size_t i) { return want_scales[i]; }); };
  visit(c);
  c.bytes = 8 * static_cast<double>(host.size());
  c.kernel = "fake_quant weight_forward";
  scales.copy_from(want_scales);
  c.run = [&] {
    quant.weight_forward(e, blocks, true, w.device_data(), scales.device_data(), y.device_data());
  };
  c.error = [&] {
    return picked_error<float>(y, [&](size_t i) {
      const size_t k = i % static_cast<size_t>(v.ks);
      const float s = k < want_scales.size() ? want_scales[k] : 0;
      return s * kernels::scalar::quantized_weight(host[i], s);
    });
  };
  visit(c);
}

}  // namespace

void for_each_quant_case(const ContextPtr& context, const std::vector<SizedNetwork>& networks,
                         const VisitCase& visit) {
  std::set<std::string> seen;
  const auto fresh = [&](const Shape& shape, const char* what, std::string& text) {
    std::ostringstream out;
    out << what << shape;
    text = out.str();
    return seen.insert(text).second;
  };
  for (const SizedNetwork& net : networks) {
    for (int i = 0; i < net.graph.size(); ++i) {
      const Node& node = net.graph.node(i);
      if (!node.has_weight() || node.inputs[0] == 0) continue;  // images are not quantised
      const Shape& x = net.shapes[static_cast<size_t>(node.inputs[0])];
      const Shape& w = node.parameter(Role::weight)->shape;
      if (x.rank() != 4 || w.rank() != 4) continue;
      std::string text;
      if (fresh(x, "activations ", text))
        visit_activations(context, net.name + ' ' + text, x, visit);
      if (fresh(w, "weights ", text)) visit_weights(context, net.name + ' ' + text, w, visit);
    }
  }
}

}  // namespace gsx::tools
