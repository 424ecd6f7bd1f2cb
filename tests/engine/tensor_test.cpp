// Tensors: layouts, conversions, sharing.
#include <numeric>

#include "engine/tensor.h"
#include "tests/catch.h"

using namespace gsx;

namespace {

std::vector<float> counting(int64_t n) {
  std::vector<float> v(static_cast<size_t>(n));
  std::iota(v.begin(), v.end(), 1.0f);
  return v;
}

}  // namespace

TEST_CASE("every layout gives back its values in logical order") {
  const auto context = Context::create();
  context->set_poison(true);
  for (const Shape& s : {Shape{}, Shape{7}, Shape{3, 5}, Shape{2, 3, 4}, Shape{2, 3, 4, 5},
                         Shape{1, 9, 2, 3}, Shape{3, 33, 1, 1}}) {
    const auto values = counting(s.numel());
    CHECK(Tensor::from(context, values, s).to_vector() == values);
    if (s.rank() == 4)
      CHECK(Tensor::from(context, values, s, Layout::filter).to_vector() == values);
  }
}

TEST_CASE("images lie NHWC with padded channels, filters R S C K") {
  const auto context = Context::create();
  const Tensor image = Tensor::from(context, counting(2 * 5 * 2 * 3), {2, 5, 2, 3});
  CHECK(image.view().cs == 8);
  CHECK(image.storage_size() == 2 * 2 * 3 * 8);
  // Element (n 1, c 2, h 1, w 0) is number 1 * 30 + 2 * 6 + 1 * 3.
  CHECK(image.f32()[image.view().offset(1, 1, 0) + 2] == 1 + 45);
  for (int64_t i = 0; i < image.storage_size(); ++i)
    if (i % 8 >= 5) CHECK(image.f32()[i] == 0);
  const Tensor rgb = Tensor::zeros(context, {1, 3, 2, 2});
  CHECK(rgb.view().cs == 3);
  const Tensor filter =
      Tensor::from(context, counting(6 * 2 * 3 * 3), {6, 2, 3, 3}, Layout::filter);
  CHECK(filter.filter_view().ks == 8);
  // Element (k 4, c 1, r 2, s 0) is number 4 * 18 + 1 * 9 + 6.
  CHECK(filter.f32()[filter.filter_view().offset(2, 0, 1) + 4] == 1 + 87);
  CHECK_THROWS_WITH(image.filter_view(),
                    "tensor: expected a filter tensor K C R S, got another layout");
  CHECK_THROWS_WITH(filter.view(), "tensor: expected an image tensor N C H W, got another layout");
}

TEST_CASE("copies share, clones do not, detach shares without history") {
  const auto context = Context::create();
  const Tensor a = Tensor::full(context, {3}, 1.0f), shared = a, cloned = a.clone();
  a.set_requires_grad(true);
  const Tensor detached = a.detach();
  a.fill(2.0f);
  CHECK(shared.same(a));
  CHECK(shared.to_vector()[0] == 2);
  CHECK(detached.to_vector()[0] == 2);
  CHECK(cloned.to_vector()[0] == 1);
  CHECK(shared.requires_grad());
  CHECK_FALSE(detached.requires_grad());
  CHECK_FALSE(cloned.requires_grad());
}

TEST_CASE("fill keeps padding lanes zero") {
  const auto context = Context::create();
  context->set_poison(true);
  const Tensor t = Tensor::full(context, {1, 5, 2, 2}, 3.0f);
  double sum = 0;
  for (int64_t i = 0; i < t.storage_size(); ++i) sum += t.f32()[i];
  CHECK(sum == 3.0 * 20);
}

TEST_CASE("integer tensors convert") {
  const auto context = Context::create();
  for (const DType t : {DType::u8, DType::s8, DType::s16, DType::i32}) {
    const Tensor x = Tensor::zeros(context, {1, 5, 1, 2}, t);
    x.copy_from(counting(10));
    CHECK(x.to_vector() == counting(10));
    CHECK_THROWS_WITH(x.set_requires_grad(true), "requires_grad: only f32 tensors carry gradients");
  }
}

TEST_CASE("tensors say what is wrong") {
  const auto context = Context::create();
  CHECK_THROWS_WITH(Tensor().shape(), "tensor: used before it was given a value");
  CHECK_THROWS_WITH(Tensor::from(context, counting(5), {2, 3}),
                    "tensor: shape [2, 3] needs 6 values, got 5");
  CHECK_THROWS_WITH(Tensor::zeros(context, {2}).item(),
                    "item: expected a tensor of one element, got shape [2]");
  CHECK_THROWS_WITH(Tensor::zeros(context, {2, 2}, Layout::filter),
                    "tensor: image and filter layouts need 4 dimensions, got shape [2, 2]");
  CHECK_THROWS_WITH(Tensor::zeros(nullptr, {2}), "tensor: needs a context, got none");
  CHECK_THROWS_WITH(Tensor::zeros(context, {2}).copy_from(Tensor::zeros(context, {3})),
                    "tensor: cannot copy shape [3] into shape [2]");
  CHECK_THROWS_WITH((Shape{1, -2}), "shape: dimension 1 must not be negative, got -2");
}
