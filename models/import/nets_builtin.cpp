// The built-in architectures, their widths and depths read from a file.
#include <cstdio>

#include "models/architectures.h"
#include "models/import/nets.h"

namespace gsx {

namespace {

template <class Name>
int count(const Weights& w, const Name& name) {
  int n = 0;
  while (n < 1000 && w.has(name(n))) ++n;
  return n;
}

std::optional<Candidate> candidate(Graph graph, std::string why) {
  Candidate c;
  c.graph = std::move(graph);
  c.why = std::move(why);
  return c;
}

std::optional<Candidate> cyclegan_with(const Weights& w, bool affine) {
  CycleGanOptions o;
  o.width = w.dim("model.1.weight", 0);
  o.blocks =
      count(w, [](int i) { return "model." + std::to_string(10 + i) + ".conv_block.1.weight"; });
  o.affine = affine;
  if (o.width < 1 || o.blocks < 1) return std::nullopt;
  return candidate(cyclegan(o), "model.1.weight has " + std::to_string(w.dim("model.1.weight", 0)) +
                                    " filters; blocks: " + std::to_string(o.blocks) + ", with " +
                                    (affine ? "an affine on the norms that the paper prunes by"
                                            : "no affine on any norm"));
}

}  // namespace

std::optional<Candidate> detect_cyclegan(const Weights& w) { return cyclegan_with(w, true); }
std::optional<Candidate> detect_cyclegan_official(const Weights& w) {
  return cyclegan_with(w, false);
}

std::optional<Candidate> detect_patchgan(const Weights& w) {
  PatchGanOptions o;
  o.width = w.dim("model.0.weight", 0);
  o.in_channels = w.dim("model.0.weight", 1);
  o.layers = count(w, [](int i) { return "model." + std::to_string(2 + 3 * i) + ".weight"; }) - 1;
  o.affine = w.has("model.3.weight");
  if (o.width < 1 || o.in_channels < 1 || o.layers < 1 || w.dim("model.0.weight", 2) != 4)
    return std::nullopt;
  return candidate(patchgan(o), "model.0.weight has " + std::to_string(o.width) +
                                    " filters of 4 x 4, and " + std::to_string(o.layers) +
                                    " more layers have norms");
}

std::optional<Candidate> detect_cartoongan(const Weights& w) {
  CartoonGanOptions o;
  o.width = w.dim("conv01_1.weight", 0);
  o.blocks = count(w, [](int i) {
    char name[32];
    std::snprintf(name, sizeof name, "conv%02d_1.weight", 4 + i);
    return std::string(name);
  });
  if (o.width < 1) return std::nullopt;
  auto c = candidate(cartoongan(o), "conv01_1.weight has " +
                                        std::to_string(w.dim("conv01_1.weight", 0)) +
                                        " filters; residual blocks: " + std::to_string(o.blocks));
  // The first port's own norm calls gamma and beta so.
  for (const Parameter* p : c->graph.parameters()) {
    const std::string layer = p->name.substr(0, p->name.rfind('.') + 1);
    if (p->role == Role::gamma && w.has(layer + "scale")) c->renamed[p->name] = layer + "scale";
    if (p->role == Role::beta && w.has(layer + "shift")) c->renamed[p->name] = layer + "shift";
  }
  return c;
}

std::optional<Candidate> detect_fast_style(const Weights& w) {
  FastStyleOptions o;
  o.width = w.dim("conv1.weight", 0);
  o.blocks = count(w, [](int i) { return "res" + std::to_string(i + 1) + ".conv1.weight"; });
  if (o.width < 1 || w.dim("conv1.weight", 2) != 9) return std::nullopt;
  return candidate(fast_style(o),
                   "conv1.weight has " + std::to_string(w.dim("conv1.weight", 0)) +
                       " filters of 9 x 9; residual blocks: " + std::to_string(o.blocks));
}

std::optional<Candidate> detect_sngan(const Weights& w) {
  SnganOptions o;
  o.width = w.dim("l1.weight", 0) / 16;
  o.latent = w.dim("l1.weight", 1);
  o.blocks = count(w, [](int i) { return "block" + std::to_string(2 + i) + ".c1.weight"; });
  if (o.width < 1 || o.latent < 1 || o.blocks < 1) return std::nullopt;
  return candidate(sngan(o), "l1.weight reads " + std::to_string(o.latent) +
                                 " numbers; blocks: " + std::to_string(o.blocks));
}

std::optional<Candidate> detect_sngan_discriminator(const Weights& w) {
  SnganDiscriminatorOptions o;
  o.width = w.dim("block1.c1.weight", 0);
  if (o.width < 1) return std::nullopt;
  return candidate(sngan_discriminator(o),
                   "block1.c1.weight has " + std::to_string(o.width) + " filters");
}

namespace {

std::optional<Candidate> feature_network(Graph graph, const Weights& w) {
  const auto parameters = graph.parameters();
  size_t there = 0;
  for (const Parameter* p : parameters) there += w.has(p->name) ? 1 : 0;
  if (there == 0) return std::nullopt;
  return candidate(std::move(graph), "it has " + std::to_string(there) + " of its tensors' names");
}

VggOptions vgg_options(const Weights& w) {
  VggOptions o;
  const int width = w.dim("features.0.weight", 0);
  if (width > 0 && width <= 4096) o.width = width;
  return o;
}

}  // namespace

std::optional<Candidate> detect_vgg16(const Weights& w) {
  return feature_network(vgg16(vgg_options(w)), w);
}
std::optional<Candidate> detect_vgg19(const Weights& w) {
  return feature_network(vgg19(vgg_options(w)), w);
}
std::optional<Candidate> detect_squeezenet(const Weights& w) {
  return feature_network(squeezenet(), w);
}
std::optional<Candidate> detect_fid_inception(const Weights& w) {
  return feature_network(fid_inception(), w);
}

const std::vector<KnownArchitecture>& known_architectures() {
  static const std::vector<KnownArchitecture> kAll = {
      {"cyclegan", "CycleGAN with the paper's affine norms", detect_cyclegan},
      {"cyclegan_official", "CycleGAN's ResNet generator", detect_cyclegan_official},
      {"cartoongan", "CartoonGAN's generator", detect_cartoongan},
      {"fast_style", "fast style transfer as gsx trains it", detect_fast_style},
      {"sngan", "SNGAN's generator", detect_sngan},
      {"sngan_discriminator", "SNGAN's discriminator", detect_sngan_discriminator},
      {"patchgan", "the PatchGAN discriminator with instance norms", detect_patchgan},
      {"resnet_generator",
       "a ResNet generator as of CycleGAN, pix2pix, pix2pixHD, CUT or "
       "gan-compression",
       detect_resnet},
      {"unet_generator", "pix2pix's U-Net generator", detect_unet},
      {"patch_discriminator", "a PatchGAN discriminator with any norm", detect_discriminator},
      {"johnson", "Johnson's fast style transfer as PyTorch's examples have it", detect_johnson},
      {"animegan2", "AnimeGANv2's generator for PyTorch", detect_animegan2},
      {"stargan", "StarGAN's generator", detect_stargan},
      {"ugatit", "U-GAT-IT's light generator", detect_ugatit},
      {"whitebox", "White-box cartoonization's U-Net", detect_whitebox},
      {"rrdb", "ESRGAN or Real-ESRGAN (RRDB)", detect_rrdb},
      {"srvgg", "Real-ESRGAN's compact network (SRVGG)", detect_srvgg},
      {"vgg16", "VGG-16 to relu4_3", detect_vgg16},
      {"vgg19", "VGG-19 to relu4_4", detect_vgg19},
      {"squeezenet", "SqueezeNet 1.1", detect_squeezenet},
      {"fid_inception", "FID's Inception v3", detect_fid_inception}};
  return kAll;
}

}  // namespace gsx
