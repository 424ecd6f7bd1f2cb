// Devices: their names, what is said when there is none, and tensors in memory the host cannot
// reach.
#include "engine/device.h"

#include <cmath>
#include <numeric>
#include <sstream>

#include "engine/ops.h"
#include "engine/random.h"
#include "kernels/backend.h"
#include "kernels/runtime/emulated/emulator.h"
#include "tests/catch.h"

using namespace gsx;

namespace {

std::string name_of(const Device& d) {
  std::ostringstream text;
  text << d;
  return text.str();
}

ContextPtr emulated() {
  const auto context = Context::create({.device = {Device::emulated}, .threads = 1});
  context->set_poison(true);
  return context;
}

std::vector<float> counting(int64_t n) {
  std::vector<float> v(static_cast<size_t>(n));
  std::iota(v.begin(), v.end(), 1.0f);
  return v;
}

}  // namespace

TEST_CASE("devices are read and written by name") {
  for (const char* name : {"cpu", "cuda:0", "cuda:12", "emulated"})
    CHECK(name_of(parse_device(name)) == name);
  CHECK(parse_device("cuda") == Device{Device::cuda, 0});
  for (const char* wrong : {"", "gpu", "cuda:", "cuda:-1", "cuda:1x", "emulated:0", "CPU"})
    CHECK_THROWS_WITH(parse_device(wrong),
                      std::string("device: expected cpu, cuda, cuda:N or emulated, got ") + wrong);
}

TEST_CASE("every device is reported, and one that is not there says why") {
  const auto all = report_devices();
  REQUIRE(all.size() >= 3);
  CHECK(all.front().name == "cpu");
  CHECK(all.back().name == "emulated");
  CHECK_FALSE(all.back().real);
  if (all[1].available) return;  // a machine with a GPU
  CHECK(all[1].name == "cuda");
  CHECK_THROWS_WITH(
      Context::create({.device = {Device::cuda}}),
      "device cuda:0 is not available: " + all[1].description + "; compute on the cpu instead");
}

TEST_CASE("lower precision needs a device that has it") {
  CHECK_THROWS_WITH(Context::create({.device = {}, .math = kernels::MathMode::tf32}),
                    "context: tf32 and bf16 need a GPU of compute capability 8.0, device cpu is "
                    "cpu; compute in fp32");
  CHECK(Context::create({.device = {Device::emulated}, .math = kernels::MathMode::bf16})
            ->exec()
            .math == kernels::MathMode::bf16);
}

TEST_CASE("the host does not follow pointers of a device, only copies") {
  const auto context = emulated();
  const Tensor t = Tensor::full(context, {1, 5, 2, 2}, 3.0f);
  CHECK_THROWS_WITH(t.f32(),
                    "tensor: the host cannot reach memory of device emulated; copy it with "
                    "to_vector()");
  CHECK_THROWS_AS(t.mutable_data<float>(), Error);
  CHECK(t.to_vector() == std::vector<float>(20, 3.0f));
  const std::vector<float> all = t.read_storage();
  REQUIRE(all.size() == 32);
  CHECK(std::accumulate(all.begin(), all.end(), 0.0f) == 60);  // padding lanes are zero
}

TEST_CASE("tensors on a device keep values in every layout") {
  const auto context = emulated();
  for (const Shape& s : {Shape{}, Shape{7}, Shape{3, 5}, Shape{2, 3, 4, 5}, Shape{1, 9, 2, 3}}) {
    const auto values = counting(s.numel());
    const Tensor x = Tensor::from(context, values, s);
    CHECK(x.to_vector() == values);
    CHECK(x.clone().to_vector() == values);
    const auto cpu = Context::create({.device = {}, .threads = 1});
    CHECK(x.to(cpu).to_vector() == values);
    CHECK(x.to(cpu).to(context).read_storage() == x.read_storage());
    CHECK_THROWS_WITH(x.copy_from(x.to(cpu)), "tensor: cannot copy from cpu to emulated; use to()");
    CHECK(Tensor::zeros(context, s).to_vector() == std::vector<float>(values.size(), 0.0f));
    if (s.rank() == 4)
      CHECK(Tensor::from(context, values, s, Layout::filter).to_vector() == values);
  }
  for (const DType type : {DType::u8, DType::s8, DType::s16, DType::i32}) {
    const Tensor x = Tensor::zeros(context, {1, 5, 1, 2}, type);
    x.copy_from(counting(10));
    CHECK(x.to_vector() == counting(10));
  }
}

TEST_CASE("single elements are read and set on a device") {
  const auto context = emulated();
  const Tensor x = Tensor::from(context, counting(4), {4});
  CHECK(x.at(2) == 3);
  x.put(2, 9);
  CHECK(x.to_vector() == std::vector<float>{1, 2, 9, 4});
  CHECK_THROWS_AS(x.at(4), Error);
  CHECK(Tensor::full(context, {}, 5).item() == 5);
}

TEST_CASE("memory of a device is poisoned, counted and given back") {
  const auto context = emulated();
  {
    const Tensor t = Tensor::empty(context, {3});
    for (const float v : t.to_vector()) CHECK(std::isnan(v));
    CHECK(context->memory().current_bytes >= 12);
  }
  CHECK(context->memory().current_bytes == 0);
}

TEST_CASE("a device without memory left says what is held and what helps") {
  const auto context = emulated();
  const Tensor held = Tensor::zeros(context, {1000});
  kernels::emulated::gpu::set_memory_bytes(1 << 20);
  std::string message;
  try {
    Tensor::empty(context, {1 << 20});
  } catch (const Error& error) {
    message = error.what();
  }
  kernels::emulated::gpu::set_memory_bytes(size_t{64} << 30);
  INFO(message);
  CHECK_THAT(message, Catch::Contains("out of memory: tensors hold 1 MB and need another 5 MB") &&
                          Catch::Contains("; smaller images or batches need less"));
  CHECK(held.at(999) == 0);
}

TEST_CASE("random numbers have the same bits on every device") {
  const auto cpu = Context::create({.device = {}, .threads = 2}), device = emulated();
  for (const Shape& s : {Shape{1}, Shape{1003}, Shape{2, 5, 3, 3}}) {
    Rng a(7, 3), b(7, 3);
    const Tensor x = Tensor::empty(cpu, s), y = Tensor::empty(device, s);
    a.fill_uniform(x, -2, 3);
    b.fill_uniform(y, -2, 3);
    CHECK(x.to_vector() == y.to_vector());
    a.fill_normal(x, 1, 2);
    b.fill_normal(y, 1, 2);
    CHECK(x.to_vector() == y.to_vector());
    CHECK(a.state() == b.state());
  }
}

TEST_CASE("values cross devices through copies only") {
  const auto cpu = Context::create({.device = {}, .threads = 1}), device = emulated();
  const Tensor a = Tensor::full(cpu, {3}, 1), b = Tensor::full(device, {3}, 1);
  CHECK_THROWS_WITH(add(a, b), "add: b must be on the device of a, cpu, got emulated");
  CHECK_THROWS_WITH(mul(b, a), "mul: b must be on the device of a, emulated, got cpu");
  const Tensor x = Tensor::full(device, {1, 3, 4, 4}, 1);
  const Tensor w = Tensor::zeros(cpu, {2, 3, 3, 3}, Layout::filter);
  CHECK_THROWS_WITH(conv2d(x, w, {}), "conv2d: w must be on the device of x, emulated, got cpu");
}
