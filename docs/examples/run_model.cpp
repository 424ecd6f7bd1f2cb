// Runs a model on an image: run_model MODEL IMAGE.png OUT.png. MODEL is a gsx model file or
// ARCHITECTURE:weights.safetensors, as for gsx translate; without arguments, a fresh network on a
// black image.
#include <gsx/gsx.h>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) try {
  const gsx::ContextPtr context = gsx::Context::create();  // the processor, all its threads
  gsx::Graph network;
  gsx::Image image(64, 48);
  if (argc == 4) {
    network = gsx::open_model(context, argv[1]);
    image = gsx::read_image(argv[2]);
  } else {
    network = gsx::fast_style({.width = 8, .blocks = 1});
    gsx::Rng rng(1);
    network.initialize(context, rng, {});
  }
  network.freeze();  // parameters will not change

  const gsx::Tensor x = gsx::to_tensor(context, image, network.input_format);
  const gsx::Image result = gsx::to_image(gsx::translate(network, x), 0, network.output_format);
  if (argc == 4) gsx::write_png(argv[3], result);
  std::printf("%d x %d pixels, %.3g MACs\n", result.width, result.height,
              network.cost(x.shape()).macs.true_macs);
  return result.width == image.width && result.height == image.height ? 0 : 1;
} catch (const gsx::Error& error) {  // one sentence that says what to do
  std::fprintf(stderr, "run_model: %s\n", error.what());
  return 1;
}
