// The convolutions of the models, pass by pass.
#include <cmath>
#include <set>
#include <sstream>

#include "engine/integer.h"
#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/backend.h"
#include "tools/bench/conv_reference.h"
#include "tools/bench/kernels.h"

namespace gsx::tools {
namespace {

constexpr int kLooked = 24;  // elements compared per case

kernels::PerAxis per_axis(const Json& n) {
  if (n.is_array()) return {n[0].get<int>(), n[1].get<int>()};
  return n.get<int>();
}

kernels::ConvShape shape_of(const Node& node, const Shape& x) {
  const Json a = node.attributes();
  const auto dim = [&](int i) { return static_cast<int>(x[i]); };
  kernels::ConvShape s;
  const kernels::PerAxis kernel = per_axis(a.at("kernel"));
  s.x = kernels::View::of(dim(0), dim(2), dim(3), dim(1));
  s.groups = a.value("groups", 1);
  s.w = kernels::FilterView::of(a.at("out"), dim(1) / s.groups, kernel.y, kernel.x);
  s.stride = per_axis(a.at("stride"));
  s.dilation = per_axis(a.value("dilation", Json(1)));
  s.top = a.at("pad")[0];
  s.bottom = a.at("pad")[1];
  s.left = a.at("pad")[2];
  s.right = a.at("pad")[3];
  const std::string mode = a.at("pad_mode");
  s.pad_mode = mode == "reflect"     ? kernels::PadMode::reflect
               : mode == "replicate" ? kernels::PadMode::replicate
                                     : kernels::PadMode::zero;
  s.transposed = node.kind() == "conv_transpose";
  return s;
}

std::string text(const kernels::PerAxis& n) {
  return n.y == n.x ? std::to_string(n.y) : std::to_string(n.y) + 'x' + std::to_string(n.x);
}

std::string text(const kernels::ConvShape& s) {
  std::ostringstream out;
  out << s.x.h << 'x' << s.x.w << ' ' << s.x.c << "->" << s.w.k << ' ' << s.w.r << 'x' << s.w.s;
  if (s.stride != kernels::PerAxis(1)) out << " stride " << text(s.stride);
  if (s.dilation != kernels::PerAxis(1)) out << " dilation " << text(s.dilation);
  if (s.groups != 1) out << (s.depthwise() ? " depthwise" : " groups " + std::to_string(s.groups));
  if (s.transposed) out << " transposed";
  if (s.pad_mode == kernels::PadMode::reflect) out << " reflect";
  if (s.pad_mode == kernels::PadMode::replicate) out << " replicate";
  if (s.x.n != 1) out << " batch " << s.x.n;
  return out.str();
}

Json to_json(const kernels::PerAxis& n) { return n.y == n.x ? Json(n.y) : Json::array({n.y, n.x}); }

Json to_json(const kernels::ConvShape& s) {
  return {{"n", s.x.n},
          {"h", s.x.h},
          {"w", s.x.w},
          {"c", s.x.c},
          {"k", s.w.k},
          {"kernel", to_json(kernels::PerAxis(s.w.r, s.w.s))},
          {"stride", to_json(s.stride)},
          {"dilation", to_json(s.dilation)},
          {"groups", s.groups},
          {"pad", {s.top, s.bottom, s.left, s.right}},
          {"reflect", s.pad_mode == kernels::PadMode::reflect},
          {"replicate", s.pad_mode == kernels::PadMode::replicate},
          {"transposed", s.transposed}};
}

// A layer's data on the device and, for comparing, on the host.
struct Data {
  Data(const ContextPtr& context, const kernels::ConvShape& s) : shape(s), reference(s) {
    const kernels::View yv = s.y();
    Rng rng(1);
    x = Tensor::empty(context, {s.x.n, s.x.c, s.x.h, s.x.w});
    gx = Tensor::empty_like(x);
    gy = Tensor::empty(context, {yv.n, yv.c, yv.h, yv.w});
    y = Tensor::empty_like(gy);
    w = Tensor::empty(context, {s.w.k, s.w.c, s.w.r, s.w.s}, Layout::filter);
    gw = Tensor::empty_like(w);
    for (const Tensor& t : {x, gy, w}) rng.fill_uniform(t, -1, 1);
    host_x = x.read_storage();
    host_gy = gy.read_storage();
    host_w = w.read_storage();
    // Quantised values of images have a sign, those of activations have none.
    integer_range = {s.x.c == 3 ? -255 : 0, 255};
    for (const float v : host_x) {
      quantized_x.push_back(static_cast<int16_t>(255 * (integer_range.lo < 0 ? v : std::abs(v))));
    }
    for (const float v : host_w) quantized_w.push_back(static_cast<int8_t>(v * 127));
    x_quantized = Tensor::empty(context, x.shape(), dtype_of(integer_range.type()));
    kernels::with_quantized_type(integer_range.type(), [&]<class T>() {
      x_quantized.write_storage<T>(std::vector<T>(quantized_x.begin(), quantized_x.end()));
    });
    const Tensor filter = Tensor::empty(context, w.shape(), Layout::filter, DType::s8);
    filter.write_storage<int8_t>(quantized_w);
    w_quantized = prepack(filter, s);
    sums = Tensor::empty(context, gy.shape(), DType::i32);
  }

  kernels::ConvShape shape;
  ConvReference reference;
  Tensor x, w, gy, y, gx, gw, x_quantized, sums;
  PrepackedWeights w_quantized;
  std::vector<float> host_x, host_w, host_gy;
  std::vector<int16_t> quantized_x;
  kernels::IntegerRange integer_range;
  std::vector<int8_t> quantized_w;
};

// Compares `kLooked` elements of an image; want(n, row, column, channel).
template <class T, class Want>
double image_error(const Tensor& t, const Want& want) {
  const std::vector<T> got = t.read_storage<T>();
  const kernels::View v = t.view();
  Rng rng(2);
  Difference d;
  for (int i = 0; i < kLooked; ++i) {
    const auto pick = [&](int below) { return static_cast<int>(rng.below(below)); };
    const int n = pick(v.n), row = pick(v.h), column = pick(v.w), c = pick(v.c);
    d.add(static_cast<double>(got[static_cast<size_t>(v.offset(n, row, column) + c)]),
          want(n, row, column, c));
  }
  return d.relative();
}

double weight_error(const Data& d) {
  const std::vector<float> got = d.gw.read_storage();
  Rng rng(3);
  Difference difference;
  for (int i = 0; i < kLooked; ++i) {
    const auto pick = [&](int below) { return static_cast<int>(rng.below(below)); };
    const kernels::FilterView& w = d.shape.w;
    const int r = pick(w.r), s = pick(w.s), c = pick(w.c), k = pick(w.k);
    difference.add(got[static_cast<size_t>(w.offset(r, s, c) + k)],
                   d.reference.weight_gradient(d.host_x.data(), d.host_gy.data(), r, s, c, k));
  }
  return difference.relative();
}

void visit_passes(const ContextPtr& context, const std::string& layer, const kernels::ConvShape& s,
                  const VisitCase& visit) {
  const Data d(context, s);
  const kernels::View yv = s.y();
  const double pixels = static_cast<double>(s.transposed ? s.x.pixels() : yv.pixels());
  KernelCase c;
  c.layer = layer;
  c.shape = to_json(s);
  c.flops = 2 * pixels * s.w.r * s.w.s * s.w.c * s.w.k;
  c.bytes = 4 * static_cast<double>(s.x.size() + s.w.size() + yv.size());
  c.bound = bound_of(context->exec().math);

  c.kernel = "conv forward";
  c.set_run(context, d.y, [&](Context& by) {
    by.conv().forward(by.exec(), s, d.x.device_data(), d.w.device_data(), nullptr,
                      d.y.device_data(), {});
  });
  c.error = [&] {
    return image_error<float>(d.y, [&](int n, int p, int q, int k) {
      return d.reference.output(d.host_x.data(), d.host_w.data(), n, p, q, k);
    });
  };
  visit(c);

  c.kernel = "conv backward_input";
  c.set_run(context, d.gx, [&](Context& by) {
    by.conv().backward_input(by.exec(), s, d.gy.device_data(), d.w.device_data(),
                             d.gx.device_data());
  });
  c.error = [&] {
    return image_error<float>(d.gx, [&](int n, int h, int v, int k) {
      return d.reference.input_gradient(d.host_gy.data(), d.host_w.data(), n, h, v, k);
    });
  };
  visit(c);

  c.kernel = "conv backward_weight";
  c.set_run(context, d.gw, [&](Context& by) {
    by.conv().backward_weight(by.exec(), s, d.x.device_data(), d.gy.device_data(), false,
                              d.gw.device_data());
  });
  c.error = [&] { return weight_error(d); };
  visit(c);

  c.kernel = "conv forward_codes";
  c.bytes = static_cast<double>(size_of(d.x_quantized.dtype())) * static_cast<double>(s.x.size()) +
            static_cast<double>(s.w.size()) + 4.0 * static_cast<double>(yv.size());
  c.bound = 0;  // exact
  c.run_by = nullptr;
  c.run = [&] {
    context->conv().forward_quantized(
        context->exec(), s,
        {d.x_quantized.device_data<void>(), d.integer_range.type(), d.integer_range},
        d.w_quantized.data.device_data<int8_t>(), d.sums.device_data<int32_t>(), {});
  };
  c.error = [&] {
    return image_error<int32_t>(d.sums, [&](int n, int p, int q, int k) {
      return d.reference.output(d.quantized_x.data(), d.quantized_w.data(), n, p, q, k);
    });
  };
  visit(c);
}

// Layers as pruning leaves them, with numbers of channels that no vector divides, and the same with
// the next multiple of eight, which should cost no less.
std::vector<kernels::ConvShape> pruned_shapes(const Shape& images) {
  const auto batch = static_cast<int>(images[0]), size = static_cast<int>(images[2]);
  std::vector<kernels::ConvShape> shapes;
  const auto add = [&](int side, bool from_image, bool to_image, int kernel, int stride,
                       bool transposed) {
    for (const int c : {37, 40}) {
      kernels::ConvShape s;
      s.x = kernels::View::of(batch, side, side, from_image ? 3 : c);
      s.w = kernels::FilterView::of(to_image ? 3 : c, s.x.c, kernel, kernel);
      s.stride = stride;
      s.top = s.left = (kernel - 1) / 2;
      s.bottom = s.right = transposed ? s.top - 1 : s.top;
      s.pad_mode = stride == 1 ? kernels::PadMode::reflect : kernels::PadMode::zero;
      s.transposed = transposed;
      shapes.push_back(s);
    }
  };
  add(size, true, false, 7, 1, false);
  add(size, false, false, 3, 2, false);
  add(size / 4, false, false, 3, 1, false);
  add(size / 2, false, false, 3, 2, true);
  add(size / 2, false, false, 4, 2, false);
  add(size / 4, false, false, 1, 1, false);
  add(size, false, true, 7, 1, false);
  return shapes;
}

// What the networks above have none of, but those of others do: a depthwise layer and a dilated
// one.
std::vector<kernels::ConvShape> other_shapes(const Shape& images) {
  const auto batch = static_cast<int>(images[0]), side = static_cast<int>(images[2]) / 4;
  kernels::ConvShape depthwise;
  depthwise.x = kernels::View::of(batch, side, side, 192);
  depthwise.w = kernels::FilterView::of(192, 1, 3, 3);
  depthwise.top = depthwise.bottom = depthwise.left = depthwise.right = 1;
  depthwise.groups = 192;
  kernels::ConvShape dilated = depthwise;
  dilated.x = kernels::View::of(batch, side, side, 64);
  dilated.w = kernels::FilterView::of(64, 64, 3, 3);
  dilated.top = dilated.bottom = dilated.left = dilated.right = 2;
  dilated.groups = 1;
  dilated.dilation = 2;
  return {depthwise, dilated};
}

}  // namespace

void for_each_conv_case(const ContextPtr& context, const std::vector<SizedNetwork>& networks,
                        const VisitCase& visit) {
  std::set<std::string> seen;
  for (const SizedNetwork& net : networks) {
    for (int i = 0; i < net.graph.size(); ++i) {
      const Node& node = net.graph.node(i);
      if (node.kind() != "conv" && node.kind() != "conv_transpose") continue;
      const kernels::ConvShape s = shape_of(node, net.shapes[static_cast<size_t>(node.inputs[0])]);
      if (seen.insert(text(s)).second) visit_passes(context, net.name + ' ' + text(s), s, visit);
    }
  }
  for (const kernels::ConvShape& s : pruned_shapes(networks[0].shapes[0]))
    visit_passes(context, "pruned " + text(s), s, visit);
  for (const kernels::ConvShape& s : other_shapes(networks[0].shapes[0]))
    visit_passes(context, "other " + text(s), s, visit);
}

}  // namespace gsx::tools
