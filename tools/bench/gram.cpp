// The Gram matrices of style losses, at the taps of the models that have some.
#include <sstream>

#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/gram.h"
#include "tools/bench/kernels.h"

namespace gsx::tools {
namespace {

constexpr int kLooked = 24;  // elements compared per case

struct Data {
  Data(const ContextPtr& context, const kernels::View& v)
      : view(v),
        x(Tensor::empty(context, {v.n, v.c, v.h, v.w})),
        gx(Tensor::empty_like(x)),
        y(Tensor::empty(context, {v.n, v.c, v.c})),
        gy(Tensor::empty_like(y)) {}

  void prepare() {
    if (!host_x.empty()) return;
    Rng rng(1);
    rng.fill_uniform(x, -1, 1);
    rng.fill_uniform(gy, -1, 1);
    host_x = x.read_storage();
    host_gy = gy.read_storage();
  }
  double value(int n, int64_t pixel, int c) const {
    return host_x[static_cast<size_t>(n * view.image() + pixel * view.cs + c)];
  }
  size_t entry(int n, int c, int d) const {
    return static_cast<size_t>((int64_t{n} * view.c + c) * view.c + d);
  }
  double gradient(int n, int c, int d) const { return host_gy[entry(n, c, d)]; }
  double divisor() const { return static_cast<double>(view.plane()) * view.c; }

  kernels::View view;
  Tensor x, gx, y, gy;
  std::vector<float> host_x, host_gy;
};

// Sums of squares exceed all others by far, so they are measured by themselves.
double forward_error(const Data& d) {
  const std::vector<float> got = d.y.read_storage();
  Rng rng(2);
  Difference squares, others;
  const auto compare = [&](Difference& difference, int n, int c, int k) {
    double sum = 0;
    for (int64_t p = 0; p < d.view.plane(); ++p) sum += d.value(n, p, c) * d.value(n, p, k);
    difference.add(got[d.entry(n, c, k)], sum / d.divisor());
  };
  for (int i = 0; i < kLooked; ++i) {
    const auto pick = [&](int below) { return static_cast<int>(rng.below(below)); };
    const int n = pick(d.view.n), c = pick(d.view.c), k = pick(d.view.c);
    compare(squares, n, c, c);
    if (k != c) compare(others, n, c, k);
  }
  return std::max(squares.relative(), others.relative());
}

double backward_error(const Data& d) {
  const std::vector<float> got = d.gx.read_storage();
  Rng rng(3);
  Difference difference;
  for (int i = 0; i < kLooked; ++i) {
    const auto n = static_cast<int>(rng.below(d.view.n)), c = static_cast<int>(rng.below(d.view.c));
    const int64_t p = rng.below(d.view.plane());
    double sum = 0;
    for (int k = 0; k < d.view.c; ++k)
      sum += (d.gradient(n, c, k) + d.gradient(n, k, c)) * d.value(n, p, k);
    difference.add(got[static_cast<size_t>(n * d.view.image() + p * d.view.cs + c)],
                   sum / d.divisor());
  }
  return difference.relative();
}

void visit_passes(const ContextPtr& context, const std::string& layer, const kernels::View& v,
                  const VisitCase& visit) {
  Data d(context, v);
  const double matrices = static_cast<double>(v.n) * v.c * v.c;
  const auto size = static_cast<double>(v.size());
  KernelCase c;
  c.layer = layer;
  c.shape = {{"n", v.n}, {"h", v.h}, {"w", v.w}, {"c", v.c}};
  // Both halves of a matrix: neither side's kernels leave one out.
  c.flops = 2 * matrices * static_cast<double>(v.plane());
  c.bound = bound_of(context->exec().math);
  c.prepare = [&] { d.prepare(); };

  c.kernel = "gram forward";
  c.bytes = 4 * (size + matrices);
  c.set_run(context, d.y, [&](Context& by) {
    by.gram().forward(by.exec(), v, d.x.device_data(), d.y.device_data());
  });
  c.error = [&] { return forward_error(d); };
  visit(c);

  c.kernel = "gram backward";
  c.bytes = 4 * (2 * size + matrices);
  c.set_run(context, d.gx, [&](Context& by) {
    by.gram().backward(by.exec(), v, d.x.device_data(), d.gy.device_data(), d.gx.device_data());
  });
  c.error = [&] { return backward_error(d); };
  visit(c);
}

}  // namespace

void for_each_gram_case(const ContextPtr& context, const std::vector<SizedNetwork>& networks,
                        const VisitCase& visit) {
  for (const SizedNetwork& net : networks) {
    for (const std::string& feature : net.graph.feature_layers) {
      const Shape& x = net.shapes[static_cast<size_t>(net.graph.find(feature))];
      const auto dim = [&](int i) { return static_cast<int>(x[i]); };
      std::ostringstream layer;
      layer << net.name << ' ' << feature << ' ' << x[2] << 'x' << x[3] << ' ' << x[1];
      if (x[0] != 1) layer << " batch " << x[0];
      visit_passes(context, layer.str(), kernels::View::of(dim(0), dim(2), dim(3), dim(1)), visit);
    }
  }
}

}  // namespace gsx::tools
