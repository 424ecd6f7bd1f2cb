// pix2pix's U-Net (Isola et al. 2017), with the tensor names of its authors' PyTorch version.
#include "models/architectures.h"
#include "models/builder.h"
#include "models/conv_specs.h"

namespace gsx {

namespace {

class UnetBuilder {
 public:
  explicit UnetBuilder(const UnetOptions& o) : o_(o), b_("unet", 3) {}

  Graph build() {
    level(0, "model.model.");
    b_.activation("tanh", Activation::tanh);
    return b_.take();
  }

 private:
  // Channels that level i makes on its way down: as many times the width, eight at most.
  int made(int i) const { return channels(o_.width, 1 << std::min(i, 3)); }

  void norm(const std::string& name, int channels) {
    if (o_.norm == UnetNorm::batch) b_.batch_norm(name, channels);
    else b_.instance_norm(name, channels, o_.affine);
  }

  // Halves what it reads, has the next level work on that, and doubles the result joined with what
  // that level read. Its modules are numbered as PyTorch's Sequential has them.
  void level(int i, const std::string& at) {
    const bool outermost = i == 0, innermost = i + 1 == o_.layers;
    const int read = outermost ? 3 : made(i - 1);
    int module = 0;
    const auto next = [&] { return at + std::to_string(module++); };
    ConvSpec down = filter(read, made(i), 4, 2, Padding::all(1));
    ConvSpec up = filter((innermost ? 1 : 2) * made(i), read, 4, 2, Padding::all(1));
    // A batch norm has a shift, and the authors leave out the biases of all convolutions but the
    // last where norms are such.
    down.bias = o_.norm != UnetNorm::batch;
    up.bias = outermost || o_.norm != UnetNorm::batch;
    if (!outermost) b_.activation(next(), Activation::leaky_relu, 0.2f);
    const std::string conv = next();
    b_.conv(conv, down);
    if (!innermost) {
      if (!outermost) norm(next(), made(i));
      const int skip = b_.last();
      const std::string inner = next();
      level(i + 1, inner + ".model.");
      b_.concat(inner, {skip, b_.last()});
    }
    b_.activation(next(), Activation::relu);
    b_.conv_transpose(next(), up);
    if (!outermost) norm(next(), read);
  }

  const UnetOptions& o_;
  Builder b_;
};

}  // namespace

Graph unet(const UnetOptions& o) {
  check_width("unet", o.width, 0);
  GSX_CHECK(o.layers >= 2 && o.layers <= 12, "unet: layers must lie in [2, 12], got ", o.layers);
  return UnetBuilder(o).build();
}

}  // namespace gsx
