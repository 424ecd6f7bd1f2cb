// Every differentiable op against PyTorch: values, and gradients of <y, r> for a random r.
#include <functional>
#include <map>

#include "engine/ops.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/golden/golden_file.h"

using namespace gsx;
using nlohmann::json;

namespace {

using Inputs = std::map<std::string, Tensor>;

// The input of that name, or an undefined tensor when the case has none.
Tensor get(const Inputs& in, const std::string& name) {
  const auto it = in.find(name);
  return it == in.end() ? Tensor() : it->second;
}

Padding padding(const json& p) {
  return {p.at("pad")[0], p.at("pad")[1], p.at("pad")[2], p.at("pad")[3]};
}

PadMode mode(const json& p) { return p.at("mode") == "reflect" ? PadMode::reflect : PadMode::zero; }

Activation activation(const std::string& name) {
  static const std::map<std::string, Activation> all = {{"none", Activation::none},
                                                        {"relu", Activation::relu},
                                                        {"leaky_relu", Activation::leaky_relu},
                                                        {"tanh", Activation::tanh},
                                                        {"sigmoid", Activation::sigmoid}};
  return all.at(name);
}

QuantGrid grid(const json& p) {
  static const std::map<std::string, QuantGrid> all = {
      {"int8", QuantGrid::int8}, {"official", QuantGrid::official}, {"paper", QuantGrid::paper}};
  return all.at(p.at("grid"));
}

QuantRange range(const json& p) { return activation_range(grid(p), p.at("p"), p.at("signed")); }

Hinge hinge(const std::string& kind) {
  return kind == "real" ? Hinge::real : kind == "fake" ? Hinge::fake : Hinge::generator;
}

PoolOptions pool(const json& p) {
  return {.size = p.at("size"),
          .stride = p.at("stride"),
          .pad = p.at("pad"),
          .ceil_mode = p.at("ceil_mode"),
          .count_include_pad = p.value("count_include_pad", false)};
}

NormOptions norm_options(const json& p) {
  NormOptions o{.eps = p.at("eps"),
                .activation = activation(p.at("activation")),
                .slope = p.at("slope"),
                .quantize = {}};
  if (p.contains("quantize")) o.quantize = range(p.at("quantize"));
  return o;
}

using Run = std::function<Tensor(const Inputs&, const json&)>;

const std::map<std::string, Run>& layer_ops() {
  static const std::map<std::string, Run> ops = {
      {"conv2d",
       [](const Inputs& in, const json& p) {
         return conv2d(
             get(in, "x"), get(in, "w"), get(in, "bias"),
             {.stride = p.at("stride").get<int>(), .pad = padding(p), .pad_mode = mode(p)});
       }},
      {"conv_transpose2d",
       [](const Inputs& in, const json& p) {
         return conv_transpose2d(get(in, "x"), get(in, "w"), get(in, "bias"),
                                 {.stride = p.at("stride").get<int>(), .pad = padding(p)});
       }},
      {"linear", [](const Inputs& in,
                    const json&) { return linear(get(in, "x"), get(in, "w"), get(in, "bias")); }},
      {"activate",
       [](const Inputs& in, const json& p) {
         return activate(get(in, "x"), activation(p.at("kind")), p.at("slope"));
       }},
      {"fake_quantize",
       [](const Inputs& in, const json& p) { return fake_quantize(get(in, "x"), range(p)); }},
      {"fake_quantize_weight",
       [](const Inputs& in, const json& p) {
         return fake_quantize_weight(get(in, "w"),
                                     {.grid = grid(p), .per_channel = p.at("per_channel")});
       }},
      {"instance_norm",
       [](const Inputs& in, const json& p) {
         return instance_norm(get(in, "x"), get(in, "gamma"), get(in, "beta"), norm_options(p),
                              get(in, "residual"));
       }},
      {"batch_norm",
       [](const Inputs& in, const json& p) {
         return batch_norm(
             get(in, "x"), get(in, "gamma"), get(in, "beta"), get(in, "running_mean"),
             get(in, "running_var"),
             {.eps = p.at("eps"), .momentum = p.at("momentum"), .training = p.at("training")});
       }},
      {"max_pool", [](const Inputs& in, const json& p) { return max_pool(get(in, "x"), pool(p)); }},
      {"avg_pool", [](const Inputs& in, const json& p) { return avg_pool(get(in, "x"), pool(p)); }},
      {"global_avg_pool",
       [](const Inputs& in, const json&) { return global_avg_pool(get(in, "x")); }},
      {"upsample_nearest",
       [](const Inputs& in, const json& p) {
         return upsample_nearest(get(in, "x"), p.at("factor"));
       }},
      {"pad2d",
       [](const Inputs& in, const json& p) { return pad2d(get(in, "x"), padding(p), mode(p)); }},
  };
  return ops;
}

const std::map<std::string, Run>& plain_ops() {
  static const std::map<std::string, Run> ops = {
      {"add", [](const Inputs& in, const json&) { return add(get(in, "a"), get(in, "b")); }},
      {"sub", [](const Inputs& in, const json&) { return sub(get(in, "a"), get(in, "b")); }},
      {"mul", [](const Inputs& in, const json&) { return mul(get(in, "a"), get(in, "b")); }},
      {"dot", [](const Inputs& in, const json&) { return dot(get(in, "a"), get(in, "b")); }},
      {"affine", [](const Inputs& in,
                    const json& p) { return affine(get(in, "x"), p.at("scale"), p.at("shift")); }},
      {"channel_affine",
       [](const Inputs& in, const json&) {
         return channel_affine(get(in, "x"), get(in, "scale"), get(in, "shift"));
       }},
      {"sum", [](const Inputs& in, const json&) { return sum(get(in, "x")); }},
      {"mean", [](const Inputs& in, const json&) { return mean(get(in, "x")); }},
      {"reshape",
       [](const Inputs& in, const json& p) {
         const auto dims = p.at("shape").get<std::vector<int64_t>>();
         return reshape(get(in, "x"), Shape(dims.begin(), dims.end()));
       }},
      {"concat",
       [](const Inputs& in, const json&) {
         std::vector<Tensor> xs;
         for (const auto& [name, x] : in) xs.push_back(x);
         return concat(xs);
       }},
      {"gram", [](const Inputs& in, const json&) { return gram(get(in, "x")); }},
      {"l1_loss",
       [](const Inputs& in, const json&) { return l1_loss(get(in, "a"), get(in, "b")); }},
      {"mse_loss",
       [](const Inputs& in, const json&) { return mse_loss(get(in, "a"), get(in, "b")); }},
      {"mse_to",
       [](const Inputs& in, const json& p) { return mse_to(get(in, "x"), p.at("target")); }},
      {"bce_with_logits",
       [](const Inputs& in, const json& p) {
         return bce_with_logits(get(in, "x"), p.at("target"));
       }},
      {"hinge_loss", [](const Inputs& in,
                        const json& p) { return hinge_loss(get(in, "x"), hinge(p.at("kind"))); }},
  };
  return ops;
}

// An image where storage has channels, checks that the lanes that pad them hold zero.
bool padding_lanes_zero(const Tensor& t) {
  if (!t.defined() || t.layout() != Layout::image) return true;
  const auto v = t.view();
  const std::vector<float> all = t.read_storage();
  for (int64_t i = 0; i < v.pixels(); ++i) {
    for (int64_t c = v.c; c < v.cs; ++c) {
      if (all[i * v.cs + c] != 0) return false;
    }
  }
  return true;
}

struct Checker {
  const golden::File& file;
  const json& item;
  std::string name = item.at("name");

  void compare(const std::string& what, const Tensor& got, double tolerance) const {
    INFO(name << "/" << what);
    REQUIRE(got.defined());
    const auto& want = file.at(name + "/" + what);
    CHECK(got.shape() == want.shape);
    CHECK(golden::relative_error(got.to_vector(), want.values) <= tolerance);
    CHECK(padding_lanes_zero(got));
  }

  void run(const ContextPtr& context) const {
    const auto found = layer_ops().find(item.at("op"));
    const Run& op = found != layer_ops().end() ? found->second : plain_ops().at(item.at("op"));
    Inputs in;
    for (const std::string input : item.at("inputs")) {
      const std::string full = name + "/in/" + input;
      in[input] = input == "w" ? file.filter(context, full) : file.tensor(context, full);
    }
    for (const std::string g : item.at("grads")) in[g].set_requires_grad(true);
    const Tensor y = op(in, item.at("params"));
    compare("y", y, kTolerance);
    y.backward(y.layout() == Layout::filter ? file.filter(context, name + "/r")
                                            : file.tensor(context, name + "/r"));
    for (const std::string g : item.at("grads")) {
      compare("grad/" + g, in[g].grad(), kTolerance * item.at("factors").value(g, 1.0));
    }
    if (file.has(name + "/running_mean_after")) {
      const double bound = item.at("params").at("training") ? kTolerance : 0.0;
      compare("running_mean_after", in["running_mean"], bound);
      compare("running_var_after", in["running_var"], bound);
    }
    if (file.has(name + "/scales")) {
      const json& p = item.at("params");
      compare("scales",
              weight_scales(in["w"], {.grid = grid(p), .per_channel = p.at("per_channel")}),
              kTolerance);
    }
  }

  static constexpr double kTolerance = 1e-5;
};

}  // namespace

TEST_CASE("ops agree with PyTorch", "[golden]") {
  const golden::File file("ops.safetensors");
  CHECK(file.cases().size() > 150);
  golden::on_every_isa([&](std::string_view isa) {
    for (const auto algo :
         {kernels::ConvAlgo::automatic, kernels::ConvAlgo::direct, kernels::ConvAlgo::winograd}) {
      const auto context =
          Context::create({.threads = 2, .isa = std::string(isa), .conv_algo = algo});
      context->set_poison(true);
      for (const json& item : file.cases()) {
        const std::string op = item.at("op");
        const bool convolution = op == "conv2d" || op == "conv_transpose2d";
        if (algo != kernels::ConvAlgo::automatic && !convolution) continue;
        INFO(isa << ", conv algorithm " << static_cast<int>(algo));
        Checker{file, item}.run(context);
      }
    }
  });
}

TEST_CASE("ops on the emulated device agree with PyTorch", "[golden][emulated]") {
  const golden::File file("ops.safetensors");
  const ContextPtr context = test::on_device(Device::emulated);
  for (const json& item : file.cases()) Checker{file, item}.run(context);
}
