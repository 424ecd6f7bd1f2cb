// The image pool hands on what the official code's would.
#include "gs/losses/image_pool.h"

#include <set>

#include "engine/ops.h"
#include "tests/catch.h"

using namespace gsx;

namespace {

Tensor numbered(const ContextPtr& context, int first, int n) {
  std::vector<float> values;
  for (int i = 0; i < n; ++i) values.insert(values.end(), 3 * 2 * 2, static_cast<float>(first + i));
  return Tensor::from(context, values, {n, 3, 2, 2});
}
float number_of(const Tensor& batch, int64_t i) { return slice_batch(batch, i, 1).to_vector()[0]; }

}  // namespace

TEST_CASE("image pool: stores and hands on until full, then swaps half of the images") {
  const auto context = Context::create();
  ImagePool pool(4, Rng(3));
  CHECK(pool.query(numbered(context, 0, 3)).to_vector() == numbered(context, 0, 3).to_vector());
  int swapped = 0, next = 3;
  std::multiset<float> in, out;
  for (int i = 0; i < 400; ++i, ++next) {
    const Tensor fresh = numbered(context, next, 1);
    const float got = number_of(pool.query(fresh), 0);
    if (i > 0) swapped += got != static_cast<float>(next);
    CHECK(pool.images().size() == 4);
    CHECK(got <= static_cast<float>(next));
  }
  CHECK(swapped > 160);
  CHECK(swapped < 240);
}

TEST_CASE("image pool: nothing is kept with capacity 0") {
  const auto context = Context::create();
  ImagePool pool(0, Rng(3));
  const Tensor batch = numbered(context, 0, 2);
  CHECK(pool.query(batch).to_vector() == batch.to_vector());
  CHECK(pool.images().empty());
}

TEST_CASE("image pool: a restored pool goes on as the saved one would have") {
  const auto context = Context::create();
  ImagePool pool(3, Rng(9));
  for (int i = 0; i < 10; ++i) pool.query(numbered(context, i, 1));
  std::vector<Tensor> copies;
  for (const Tensor& t : pool.images()) copies.push_back(t.clone());
  ImagePool restored(3, Rng(0));
  restored.restore(copies, pool.rng());
  for (int i = 10; i < 30; ++i)
    CHECK(number_of(restored.query(numbered(context, i, 1)), 0) ==
          number_of(pool.query(numbered(context, i, 1)), 0));
}
