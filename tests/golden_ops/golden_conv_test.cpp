// Convolutions of any geometry against PyTorch: values, and gradients of <y, r> for a random r.
#include "engine/ops.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/golden/golden_file.h"

using namespace gsx;
using nlohmann::json;

namespace {

PerAxis per_axis(const json& n) { return {n[0].get<int>(), n[1].get<int>()}; }

ConvOptions options(const json& p) {
  const std::string mode = p.at("mode");
  ConvOptions o;
  o.stride = per_axis(p.at("stride"));
  o.pad = {p.at("pad")[0], p.at("pad")[1], p.at("pad")[2], p.at("pad")[3]};
  o.pad_mode = mode == "reflect"     ? PadMode::reflect
               : mode == "replicate" ? PadMode::replicate
                                     : PadMode::zero;
  o.dilation = per_axis(p.at("dilation"));
  o.groups = p.at("groups");
  return o;
}

void check(const golden::File& file, const json& item, const ContextPtr& context) {
  constexpr double kTolerance = 1e-5;
  const std::string name = item.at("name");
  INFO(name);
  const Tensor x = file.tensor(context, name + "/in/x"), w = file.filter(context, name + "/in/w"),
               bias = file.tensor(context, name + "/in/bias");
  for (const Tensor& t : {x, w, bias}) t.set_requires_grad(true);
  const ConvOptions o = options(item.at("params"));
  const Tensor y =
      item.at("op") == "conv2d" ? conv2d(x, w, bias, o) : conv_transpose2d(x, w, bias, o);
  const auto compare = [&](const std::string& what, const Tensor& got) {
    INFO(what);
    CHECK(got.shape() == file.at(name + "/" + what).shape);
    CHECK(golden::relative_error(got.to_vector(), file.at(name + "/" + what).values) <= kTolerance);
  };
  compare("y", y);
  y.backward(file.tensor(context, name + "/r"));
  compare("grad/x", x.grad());
  compare("grad/w", w.grad());
  compare("grad/bias", bias.grad());
}

}  // namespace

TEST_CASE("convolutions of any geometry agree with PyTorch", "[golden]") {
  const golden::File file("conv_shapes.safetensors");
  CHECK(file.cases().size() == 25);
  golden::on_every_isa([&](std::string_view isa) {
    INFO(isa);
    const ContextPtr context = test::on_device(Device::cpu, 2, isa);
    for (const json& item : file.cases()) check(file, item, context);
  });
}

TEST_CASE("convolutions of any geometry on the emulated device agree with PyTorch",
          "[golden][emulated]") {
  const golden::File file("conv_shapes.safetensors");
  const ContextPtr context = test::on_device(Device::emulated);
  for (const json& item : file.cases()) check(file, item, context);
}
