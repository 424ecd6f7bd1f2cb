// Optimiser and proximal steps against PyTorch, after each of four steps; zeros must be the same.
#include "optim/adam.h"
#include "optim/prox.h"
#include "optim/sgd.h"
#include "tests/catch.h"
#include "tests/golden/golden_file.h"

using namespace gsx;
using nlohmann::json;

namespace {

void compare(const Tensor& p, const golden::Entry& want) {
  const auto got = p.to_vector();
  CHECK(golden::relative_error(got, want.values) <= 1e-5);
  for (size_t i = 0; i < got.size(); ++i) CHECK((got[i] == 0) == (want.values[i] == 0));
}

template <class Optimizer, class After>
void run(const golden::File& file, const json& item, const Tensor& p, Optimizer optimizer,
         const After& after_step) {
  const std::string name = item.at("name");
  for (int step = 0; step < item.at("params").at("steps"); ++step) {
    INFO("step " << step);
    const golden::Entry& gradient = file.at(name + "/grad/" + std::to_string(step));
    p.set_grad(Tensor::from(p.context(), gradient.values, gradient.shape, p.layout()));
    optimizer.step();
    after_step();
    compare(p, file.at(name + "/after/" + std::to_string(step)));
  }
}

void check_case(const golden::File& file, const json& item) {
  const std::string name = item.at("name"), op = item.at("op");
  INFO(name);
  const json& p = item.at("params");
  const auto context = Context::create({.device = {}, .threads = 2});
  const Tensor w = file.filter(context, name + "/start");
  w.set_requires_grad(true);
  if (op == "adam") {
    const Adam adam({w}, {.lr = p.at("lr"),
                          .beta1 = p.at("beta1"),
                          .beta2 = p.at("beta2"),
                          .eps = p.at("eps"),
                          .weight_decay = p.at("weight_decay")});
    return run(file, item, w, adam, [] {});
  }
  const Sgd sgd({w}, {.lr = p.at("lr"), .momentum = p.at("momentum")});
  if (op == "sgd") return run(file, item, w, sgd, [] {});
  REQUIRE(op == "sgd_prox");
  const float threshold = p.at("rho").get<float>() * p.at("lr").get<float>();
  run(file, item, w, sgd, [&] { soft_threshold(w, threshold); });
}

}  // namespace

TEST_CASE("optimisers agree with PyTorch", "[golden]") {
  const golden::File file("optim.safetensors");
  CHECK(file.cases().size() == 6);
  for (const json& item : file.cases()) check_case(file, item);
}
