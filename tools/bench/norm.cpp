// The instance norms of the models, with what is fused into them.
#include <cmath>
#include <set>
#include <sstream>

#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/backend.h"
#include "tools/bench/kernels.h"

namespace gsx::tools {
namespace {

constexpr int kLooked = 4;  // channels compared per case

struct Data {
  Data(const ContextPtr& context, const kernels::View& v) : view(v) {
    Rng rng(1);
    x = Tensor::empty(context, {v.n, v.c, v.h, v.w});
    gy = Tensor::empty_like(x);
    y = Tensor::empty_like(x);
    gx = Tensor::empty_like(x);
    gamma = Tensor::empty(context, {v.c});
    beta = Tensor::empty_like(gamma);
    mean = Tensor::empty(context, {v.n, v.c});
    var = Tensor::empty_like(mean);
    ggamma = Tensor::empty_like(gamma);
    gbeta = Tensor::empty_like(gamma);
    rng.fill_uniform(x, -1, 3);
    rng.fill_uniform(gy, -1, 1);
    rng.fill_uniform(gamma, 0.5f, 1.5f);
    rng.fill_uniform(beta, -0.5f, 0.5f);
    host_x = x.read_storage();
    host_gy = gy.read_storage();
    host_gamma = gamma.to_vector();
    host_beta = beta.to_vector();
  }

  kernels::View view;
  Tensor x, gy, y, gx, gamma, beta, mean, var, ggamma, gbeta;
  std::vector<float> host_x, host_gy, host_gamma, host_beta;
};

// One image's channel, normalised in double precision.
struct Channel {
  Channel(const Data& d, const kernels::NormEpilogue& o, int image, int channel)
      : data(d), n(image), c(channel) {
    const int64_t count = d.view.plane();
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; ++i) sum += d.host_x[at(i)];
    const double mean = sum / static_cast<double>(count);
    for (int64_t i = 0; i < count; ++i) squares += std::pow(d.host_x[at(i)] - mean, 2);
    inverse = 1 / std::sqrt(squares / static_cast<double>(count) + o.eps);
    gamma = d.host_gamma[static_cast<size_t>(c)];
    beta = d.host_beta[static_cast<size_t>(c)];
    for (int64_t i = 0; i < count; ++i) hat.push_back((d.host_x[at(i)] - mean) * inverse);
  }
  size_t at(int64_t pixel) const {
    return static_cast<size_t>((n * data.view.plane() + pixel) * data.view.cs + c);
  }
  double before_relu(size_t pixel) const { return gamma * hat[pixel] + beta; }

  const Data& data;
  int n, c;
  double inverse = 0, gamma = 1, beta = 0;
  std::vector<double> hat;
};

template <class Compare>
double channels_error(const Data& d, const kernels::NormEpilogue& o, const Compare& compare) {
  Rng rng(2);
  Difference difference;
  for (int i = 0; i < kLooked; ++i) {
    const int n = static_cast<int>(rng.below(d.view.n)), c = static_cast<int>(rng.below(d.view.c));
    compare(Channel(d, o, n, c), difference);
  }
  return difference.relative();
}

double forward_error(const Data& d, const kernels::NormEpilogue& o) {
  const std::vector<float> got = d.y.read_storage();
  return channels_error(d, o, [&](const Channel& channel, Difference& difference) {
    for (size_t i = 0; i < channel.hat.size(); ++i) {
      const double relu = std::max(0.0, channel.before_relu(i));
      const double y = got[channel.at(static_cast<int64_t>(i))];
      if (!o.quantized) {
        difference.add(y, relu);
        continue;
      }
      // Quantised values are half a step away at most.
      const double want = std::min<double>(relu, o.quantizer.clamp_hi);
      const double beyond = std::max(0.0, std::abs(y - want) - o.quantizer.scale / 2);
      difference.add(want + beyond, want);
    }
  });
}

double backward_error(const Data& d, const kernels::NormEpilogue& o) {
  const std::vector<float> got = d.gx.read_storage();
  return channels_error(d, o, [&](const Channel& channel, Difference& difference) {
    const size_t count = channel.hat.size();
    std::vector<double> g(count);
    double sum = 0, sum_hat = 0;
    for (size_t i = 0; i < count; ++i) {
      const bool passes = channel.before_relu(i) > 0 &&
                          (!o.quantized || channel.before_relu(i) <= o.quantizer.clamp_hi);
      g[i] = passes ? d.host_gy[channel.at(static_cast<int64_t>(i))] : 0;
      sum += g[i];
      sum_hat += g[i] * channel.hat[i];
    }
    const double n = static_cast<double>(count);
    for (size_t i = 0; i < count; ++i) {
      // Either side of a kink is right.
      if (std::abs(channel.before_relu(i)) < 1e-4) continue;
      if (o.quantized && std::abs(channel.before_relu(i) - o.quantizer.clamp_hi) < 1e-4) continue;
      const double want =
          channel.gamma * channel.inverse * (g[i] - sum / n - channel.hat[i] * sum_hat / n);
      difference.add(got[channel.at(static_cast<int64_t>(i))], want);
    }
  });
}

void visit_passes(const ContextPtr& context, const std::string& layer, const kernels::View& v,
                  const VisitCase& visit) {
  const Data d(context, v);
  const kernels::InstanceNormKernels& norm = context->backend().instance_norm;
  kernels::Exec& e = context->exec();
  const auto size = static_cast<double>(v.size());
  kernels::NormEpilogue plain, quantized;
  plain.activation = quantized.activation = kernels::Activation::relu;
  quantized.quantized = true;
  quantized.quantizer = {4.0f / 255, 255.0f / 4, 0, 255, 0, 4};
  const auto forward = [&](const kernels::NormEpilogue& o) {
    norm.forward(e, v, o,
                 {d.x.device_data(),
                  d.gamma.device_data(),
                  d.beta.device_data(),
                  nullptr,
                  {d.mean.device_data(), d.var.device_data()},
                  d.y.device_data()});
  };
  KernelCase c;
  c.layer = layer;
  c.shape = {{"n", v.n}, {"h", v.h}, {"w", v.w}, {"c", v.c}};
  c.bound = 1e-4;
  c.bytes = 8 * size;
  c.kernel = "instance_norm forward relu";
  c.run = [&] { forward(plain); };
  c.error = [&] { return forward_error(d, plain); };
  visit(c);
  c.kernel = "instance_norm forward relu quantize";
  c.run = [&] { forward(quantized); };
  c.error = [&] { return forward_error(d, quantized); };
  visit(c);
  c.bytes = 12 * size;
  for (const kernels::NormEpilogue* o : {&plain, &quantized}) {
    c.kernel = std::string("instance_norm backward relu") + (o->quantized ? " quantize" : "");
    forward(*o);  // mean and var
    c.run = [&, o] {
      norm.backward(
          e, v, *o,
          {d.x.device_data(), d.gamma.device_data(), d.beta.device_data(), d.mean.device_data(),
           d.var.device_data(), d.gy.device_data(), d.gx.device_data(), d.ggamma.device_data(),
           d.gbeta.device_data(), false, false});
    };
    c.error = [&, o] { return backward_error(d, *o); };
    visit(c);
  }
}

}  // namespace

void for_each_norm_case(const ContextPtr& context, const std::vector<SizedNetwork>& networks,
                        const VisitCase& visit) {
  std::set<std::string> seen;
  for (const SizedNetwork& net : networks) {
    for (int i = 0; i < net.graph.size(); ++i) {
      if (net.graph.node(i).kind() != "instance_norm") continue;
      const Shape& x = net.shapes[static_cast<size_t>(i)];
      const auto dim = [&](int k) { return static_cast<int>(x[k]); };
      std::ostringstream text;
      text << x[2] << 'x' << x[3] << ' ' << x[1];
      if (x[0] != 1) text << " batch " << x[0];
      if (seen.insert(text.str()).second)
        visit_passes(context, net.name + ' ' + text.str(),
                     kernels::View::of(dim(0), dim(2), dim(3), dim(1)), visit);
    }
  }
}

}  // namespace gsx::tools
