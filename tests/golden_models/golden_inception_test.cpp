// FID's Inception against pytorch-fid's own, on drawn weights.
#include "models/architectures.h"
#include "tests/devices.h"
#include "tests/golden/golden_graph.h"

using namespace gsx;

TEST_CASE("FID's Inception sees as pytorch-fid's", "[golden]") {
  const golden::File file("inception.safetensors");
  const std::string name = "fid_inception";
  const ContextPtr context = test::on_device(Device::cpu, 2);
  Graph graph = fid_inception();
  for (Parameter* p : graph.parameters()) {
    INFO(p->name);
    const golden::Entry& e = file.at(name + "/param/" + p->name);
    REQUIRE(e.shape == p->shape);
    p->value = Tensor::from(context, e.values, e.shape,
                            e.shape.rank() == 4 ? Layout::filter : Layout::dense);
  }
  CHECK(graph.parameters().size() == file.names(name + "/param/").size());
  const NoGrad no_grad;
  const auto ys = graph.run_layers(file.tensor(context, name + "/x"), {"pool3", "fc"});
  const std::vector<float> pool3 = ys[0].to_vector(), logits = ys[1].to_vector();
  CHECK(ys[0].shape() == Shape{2, 2048});
  CHECK(golden::relative_error(pool3, file.at(name + "/y/pool3").values) <= 2e-5);
  CHECK(golden::relative_error(logits, file.at(name + "/y/logits").values) <= 2e-5);
}
