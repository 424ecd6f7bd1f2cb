// The checks that every op goes through; see op_check.h.
#include "tests/ops/op_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "kernels/isa.h"
#include "kernels/runtime/emulated/emulator.h"
#include "tests/devices.h"

namespace op_check {

using gsx::Context;
using gsx::ContextPtr;
namespace emulator = gsx::kernels::emulated::gpu;

namespace {

// More elements than this are differentiated along a few random directions, not one by one.
constexpr int64_t kElementwise = 260;
constexpr int kDirections = 4;

struct Result {
  Tensor y;
  std::vector<Tensor> grads;  // undefined where not asked for
};

Layout layout_of(const Input& in) {
  return in.shape.rank() == 4 && in.layout == Layout::dense ? Layout::image : in.layout;
}

std::vector<Tensor> make_inputs(const ContextPtr& context, const Case& c) {
  std::vector<Tensor> all;
  for (size_t i = 0; i < c.inputs.size(); ++i)
    all.push_back(Tensor::from(context, random_values(c.inputs[i], i + 1), c.inputs[i].shape,
                               layout_of(c.inputs[i])));
  return all;
}

// The seed of the backward pass: fixed random numbers in the result's shape.
Tensor projection(const Tensor& y) {
  Input in{y.shape()};
  in.lo = -1;
  in.hi = 1;
  return Tensor::from(y.context(), random_values(in, 99), y.shape(), y.layout());
}

bool wanted(const Case& c, size_t i, uint64_t mask) {
  return c.inputs[i].differentiable && (mask >> i & 1);
}

Result run(const Case& c, const ContextPtr& context, uint64_t mask = ~uint64_t{0}) {
  const std::vector<Tensor> inputs = make_inputs(context, c);
  std::vector<Tensor> before;
  for (const Tensor& t : inputs) before.push_back(t.clone());
  for (size_t i = 0; i < inputs.size(); ++i)
    if (wanted(c, i, mask)) inputs[i].set_requires_grad(true);
  Result r{c.run(inputs), {}};
  if (r.y.requires_grad()) r.y.backward(projection(r.y));
  for (size_t i = 0; i < inputs.size(); ++i) {
    CHECK(same_bits(inputs[i], before[i]));
    r.grads.push_back(inputs[i].grad());
    CHECK(r.grads[i].defined() == wanted(c, i, mask));
  }
  return r;
}

void check_same(const Result& a, const Result& b) {
  CHECK(same_bits(a.y, b.y));
  for (size_t i = 0; i < a.grads.size(); ++i)
    if (a.grads[i].defined() && b.grads[i].defined()) CHECK(same_bits(a.grads[i], b.grads[i]));
}

double project(const Array& y, const std::vector<float>& r) {
  double sum = 0;
  for (size_t i = 0; i < y.v.size(); ++i) sum += y.v[i] * static_cast<double>(r[i]);
  return sum;
}

// Differences of <reference(x), r> along `direction` of input i.
double difference(const Case& c, Arrays inputs, size_t i, const std::vector<double>& direction,
                  const std::vector<float>& r) {
  const auto& f = c.surrogate ? c.surrogate : c.reference;
  const Array at = inputs[i];
  const auto value = [&](double step) {
    for (size_t j = 0; j < at.v.size(); ++j) inputs[i].v[j] = at.v[j] + step * direction[j];
    return project(f(inputs), r);
  };
  return (value(c.step) - value(-c.step)) / (2 * c.step);
}

void check_gradient(const Case& c, const Arrays& inputs, size_t i, const Tensor& grad,
                    const std::vector<float>& r) {
  INFO("gradient of input " << i);
  const std::vector<float> got = grad.to_vector();
  std::vector<double> direction(got.size());
  if (grad.numel() <= kElementwise) {
    std::vector<double> want(got.size());
    for (size_t j = 0; j < got.size(); ++j) {
      direction.assign(got.size(), 0);
      direction[j] = 1;
      want[j] = difference(c, inputs, i, direction, r);
    }
    CHECK(relative_error(got, want) <= c.gradient_tolerance);
    return;
  }
  double length = 0;
  for (const float g : got) length += static_cast<double>(g) * g;
  for (int k = 0; k < kDirections; ++k) {
    std::mt19937_64 random(1000 + k);
    double slope = 0;
    for (size_t j = 0; j < got.size(); ++j) {
      direction[j] = random() % 2 ? 1 : -1;
      slope += direction[j] * static_cast<double>(got[j]);
    }
    CHECK(std::fabs(slope - difference(c, inputs, i, direction, r)) <=
          c.gradient_tolerance * std::sqrt(length));
  }
}

void check_values(const Case& c, const Result& result, const Arrays& inputs) {
  const Array want = c.reference(inputs);
  CHECK(result.y.shape() == want.shape);
  CHECK(relative_error(result.y.to_vector(), want.v) <= c.tolerance);
  CHECK(padding_is_zero(result.y));
  const std::vector<float> r = projection(result.y).to_vector();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!result.grads[i].defined()) continue;
    CHECK(padding_is_zero(result.grads[i]));
    check_gradient(c, inputs, i, result.grads[i], r);
  }
}

// Two backward passes add up: twice the gradient of one.
void check_accumulation(const Case& c, const ContextPtr& context, const Result& once) {
  const std::vector<Tensor> inputs = make_inputs(context, c);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (wanted(c, i, ~uint64_t{0})) inputs[i].set_requires_grad(true);
  for (int pass = 0; pass < 2; ++pass) {
    const Tensor y = c.run(inputs);
    if (!y.requires_grad()) return;
    y.backward(projection(y));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!once.grads[i].defined()) continue;
    const Tensor twice = gsx::add(once.grads[i].detach(), once.grads[i].detach());
    CHECK(relative_error(inputs[i].grad().to_vector(), to_array(twice).v) <= 1e-6);
  }
}

// Ways to run on one device that must all give the same bits.
struct Variant {
  std::string name;
  std::function<ContextPtr()> context;
};

void check_variants(const Case& c, const std::vector<Variant>& variants) {
  Result first;
  for (const Variant& variant : variants) {
    INFO(variant.name);
    const ContextPtr context = variant.context();
    context->set_poison(true);
    const Result result = run(c, context);
    if (first.y.defined()) {
      check_same(result, first);
      continue;
    }
    first = result;
    Arrays inputs;
    for (const Tensor& t : make_inputs(context, c)) inputs.push_back(to_array(t));
    check_values(c, result, inputs);
    check_same(result, run(c, context));
    for (size_t i = 0; i < c.inputs.size(); ++i)
      if (c.inputs[i].differentiable) check_same(run(c, context, uint64_t{1} << i), result);
    check_accumulation(c, context, result);
  }
}

void check_on_cpu(const Case& c) {
  for (const std::string_view isa : gsx::kernels::isas()) {
    INFO("instruction set " << isa);
    std::vector<Variant> variants;
    for (const int threads : {1, 2, 3}) {
      variants.push_back({"threads " + std::to_string(threads), [=] {
                            return Context::create({.threads = threads, .isa = std::string(isa)});
                          }});
    }
    check_variants(c, variants);
  }
}

void check_emulated(const Case& c) {
  INFO("device " << gsx::test::gpu().device);
  std::vector<Variant> variants;
  for (const emulator::Schedule s : {emulator::Schedule{emulator::Schedule::forward},
                                     {emulator::Schedule::reverse},
                                     {emulator::Schedule::random, 1}}) {
    constexpr const char* kNames[] = {"forward", "reverse", "random"};
    variants.push_back({std::string("threads in order ") + kNames[s.order], [=] {
                          emulator::set_schedule(s);
                          return Context::create(gsx::test::gpu());
                        }});
  }
  check_variants(c, variants);
  emulator::set_schedule({});
}

}  // namespace

std::vector<float> random_values(const Input& in, uint64_t seed) {
  std::mt19937_64 random(seed * 7919 + static_cast<uint64_t>(in.shape.numel()));
  std::vector<float> values(static_cast<size_t>(in.shape.numel()));
  for (float& v : values) {
    double x = 0;
    bool near = true;
    while (near) {
      x = in.lo + (in.hi - in.lo) * (static_cast<double>(random() >> 11) * 0x1p-53);
      near = std::any_of(in.away_from.begin(), in.away_from.end(),
                         [&](double kink) { return std::fabs(x - kink) < 0.05; });
    }
    v = static_cast<float>(x);
  }
  return values;
}

Array to_array(const Tensor& t) {
  Array a(t.shape());
  const std::vector<float> values = t.to_vector();
  std::copy(values.begin(), values.end(), a.v.begin());
  return a;
}

double relative_error(const std::vector<float>& got, const std::vector<double>& want) {
  if (got.size() != want.size()) return HUGE_VAL;
  double largest = 0, error = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    largest = std::max(largest, std::fabs(want[i]));
    const double d = std::fabs(static_cast<double>(got[i]) - want[i]);
    error = d <= error ? error : d;  // a NaN sticks
  }
  return error == 0 ? 0 : error / largest;
}

bool padding_is_zero(const Tensor& t) {
  if (t.storage_size() == t.numel()) return true;
  const int64_t c = t.layout() == Layout::image ? t.dim(1) : t.dim(0);
  const int64_t cs = gsx::kernels::channel_stride(static_cast<int>(c));
  const std::vector<float> all = t.read_storage();
  for (size_t i = 0; i < all.size(); ++i)
    if (static_cast<int64_t>(i) % cs >= c && all[i] != 0) return false;
  return true;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.layout() != b.layout()) return false;
  const std::vector<float> va = a.read_storage(), vb = b.read_storage();
  return std::memcmp(va.data(), vb.data(), va.size() * sizeof(float)) == 0;
}

void check(const Case& c) {
  INFO(c.name);
  check_on_cpu(c);
  check_emulated(c);
}

}  // namespace op_check
