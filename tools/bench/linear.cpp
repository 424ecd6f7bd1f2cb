// Fully connected layers, pass by pass. No model here has a large one, so they are VGG16's own,
// which classify; our vgg16 ends before them.
#include <sstream>

#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/backend.h"
#include "tools/bench/kernels.h"

namespace gsx::tools {
namespace {

constexpr int kLooked = 24;  // elements compared per case

struct Layer {
  int in, out;
};
constexpr Layer kClassifier[] = {{25088, 4096}, {4096, 4096}, {4096, 1000}};

struct Data {
  Data(const ContextPtr& context, const kernels::LinearShape& s)
      : shape(s),
        x(Tensor::empty(context, {s.n, s.f})),
        gx(Tensor::empty_like(x)),
        w(Tensor::empty(context, {s.o, s.f})),
        gw(Tensor::empty_like(w)),
        bias(Tensor::empty(context, {s.o})),
        gbias(Tensor::empty_like(bias)),
        y(Tensor::empty(context, {s.n, s.o})),
        gy(Tensor::empty_like(y)) {}

  void prepare() {
    if (!host_x.empty()) return;
    Rng rng(1);
    for (const Tensor& t : {x, w, bias, gy}) rng.fill_uniform(t, -1, 1);
    host_x = x.read_storage();
    host_w = w.read_storage();
    host_bias = bias.read_storage();
    host_gy = gy.read_storage();
  }
  double input(int64_t n, int64_t i) const { return host_x[static_cast<size_t>(n * shape.f + i)]; }
  double weight(int64_t o, int64_t i) const { return host_w[static_cast<size_t>(o * shape.f + i)]; }
  double gradient(int64_t n, int64_t o) const {
    return host_gy[static_cast<size_t>(n * shape.o + o)];
  }

  // The passes by their definition.
  double output(int64_t n, int64_t o) const {
    double sum = host_bias[static_cast<size_t>(o)];
    for (int i = 0; i < shape.f; ++i) sum += input(n, i) * weight(o, i);
    return sum;
  }
  double input_gradient(int64_t n, int64_t i) const {
    double sum = 0;
    for (int o = 0; o < shape.o; ++o) sum += gradient(n, o) * weight(o, i);
    return sum;
  }
  double weight_gradient(int64_t o, int64_t i) const {
    double sum = 0;
    for (int n = 0; n < shape.n; ++n) sum += gradient(n, o) * input(n, i);
    return sum;
  }
  double bias_gradient(int64_t o) const {
    double sum = 0;
    for (int n = 0; n < shape.n; ++n) sum += gradient(n, o);
    return sum;
  }

  kernels::LinearShape shape;
  Tensor x, gx, w, gw, bias, gbias, y, gy;
  std::vector<float> host_x, host_w, host_bias, host_gy;
};

// Compares elements of a matrix; want(row, column). They are fetched one by one: matrices of
// weights are too large to copy for a few of them.
template <class Want>
double matrix_error(const Tensor& t, const Want& want) {
  const int64_t columns = t.dim(t.shape().rank() - 1), rows = t.numel() / columns;
  Rng rng(2);
  Difference d;
  for (int i = 0; i < kLooked; ++i) {
    const int64_t row = rng.below(rows), column = rng.below(columns);
    float got = 0;
    t.context()->download(t.device_data() + row * columns + column, &got, sizeof(got));
    d.add(got, want(row, column));
  }
  return d.relative();
}

void visit_passes(const ContextPtr& context, const std::string& layer,
                  const kernels::LinearShape& s, const VisitCase& visit) {
  Data d(context, s);
  KernelCase c;
  c.layer = layer;
  c.shape = {{"n", s.n}, {"in", s.f}, {"out", s.o}};
  const auto n = static_cast<double>(s.n), in = static_cast<double>(s.f),
             out = static_cast<double>(s.o);
  c.flops = 2 * n * in * out;
  c.bytes = 4 * (n * in + in * out + n * out);
  c.bound = bound_of(kernels::MathMode::fp32);  // whatever is asked for
  c.prepare = [&] { d.prepare(); };

  c.kernel = "linear forward";
  c.set_run(context, d.y, [&](Context& by) {
    by.linear().forward(by.exec(), s, d.x.device_data(), d.w.device_data(), d.bias.device_data(),
                        d.y.device_data());
  });
  c.error = [&] {
    return matrix_error(d.y, [&](int64_t row, int64_t o) { return d.output(row, o); });
  };
  visit(c);

  c.kernel = "linear backward_input";
  c.set_run(context, d.gx, [&](Context& by) {
    by.linear().backward_input(by.exec(), s, d.gy.device_data(), d.w.device_data(),
                               d.gx.device_data());
  });
  c.error = [&] {
    return matrix_error(d.gx, [&](int64_t row, int64_t i) { return d.input_gradient(row, i); });
  };
  visit(c);

  c.kernel = "linear backward_weight";
  c.set_run(context, d.gw, [&](Context& by) {
    by.linear().backward_weight(by.exec(), s, d.x.device_data(), d.gy.device_data(), false,
                                d.gw.device_data());
  });
  c.error = [&] {
    return matrix_error(d.gw, [&](int64_t o, int64_t i) { return d.weight_gradient(o, i); });
  };
  visit(c);

  c.kernel = "linear backward_bias";
  c.flops = 0;
  c.bytes = 4 * (n * out + out);
  c.run_by = nullptr;  // no product
  c.run = [&] {
    context->linear().backward_bias(context->exec(), s, d.gy.device_data(), false,
                                    d.gbias.device_data());
  };
  c.error = [&] {
    return matrix_error(d.gbias, [&](int64_t, int64_t o) { return d.bias_gradient(o); });
  };
  visit(c);
}

}  // namespace

void for_each_linear_case(const ContextPtr& context, const std::vector<SizedNetwork>& networks,
                          const VisitCase& visit) {
  const int batch = static_cast<int>(networks.front().shapes.front()[0]);
  for (const Layer& l : kClassifier) {
    std::ostringstream layer;
    layer << "vgg16 " << l.in << "->" << l.out;
    if (batch != 1) layer << " batch " << batch;
    visit_passes(context, layer.str(), {batch, l.in, l.out}, visit);
  }
}

}  // namespace gsx::tools
