// The built-in architectures, as functions that build their graphs (parameters undefined until
// initialised or loaded). The generators' width counts the channels of the first layer; it may be a
// fraction, and every layer rounds its own multiple of it.
#pragma once
#include <filesystem>
#include <optional>

#include "models/graph.h"

namespace gsx {

struct CycleGanOptions {
  double width = 64;
  int blocks = 9;
  // The paper's selective-affine norms (PAPER.md 2.1); false: the official CycleGAN.
  bool affine = true;
};
Graph cyclegan(const CycleGanOptions& = {});

struct PatchGanOptions {
  int width = 64, layers = 3;
  bool affine = true;
  bool pooled = false;  // spatial mean at the end, as the GS code uses it
  int in_channels = 3;
};
Graph patchgan(const PatchGanOptions& = {});

struct CartoonGanOptions {
  double width = 64;
  int blocks = 8;
};
Graph cartoongan(const CartoonGanOptions& = {});

struct FastStyleOptions {
  double width = 32;
  int blocks = 5;
};
Graph fast_style(const FastStyleOptions& = {});

// The U-Net of pix2pix (Isola et al. 2017), without its dropout: images, whose sides must be
// multiples of 2^layers, are halved so often and doubled again, every doubling beside what the
// halving read. Layer i makes min(2^i, 8) times as many channels as the first.
enum class UnetNorm : uint8_t { batch, instance };
struct UnetOptions {
  double width = 64;
  int layers = 8;
  UnetNorm norm = UnetNorm::batch;
  bool affine = false;  // of instance norms; batch norms have gamma and beta
};
Graph unet(const UnetOptions& = {});

// Style-aware transfer (PAPER.md 2.6). Sides of images must be multiples of 16.
struct StyleAwareOptions {
  double width = 32;
  int blocks = 9;
};
Graph style_aware(const StyleAwareOptions& = {});
// The last node of its encoder, where a photo and its result are compared: [N, 8 width, H/16,
// W/16].
inline constexpr const char* kStyleAwareEncoding = "encoder.g_e5.relu";
// Judges images at five scales: the outputs scale_0, 1, 3, 5 and 6 [N,1,.,.] are maps behind that
// and one more halvings. With fewer layers than 7 the coarser ones are left out.
struct StyleAwareDiscriminatorOptions {
  int width = 64;
  int layers = 7;
};
Graph style_aware_discriminator(const StyleAwareDiscriminatorOptions& = {});

// The ResNets of SNGAN (PAPER.md 2.4). The generator takes vectors [N,latent] of normal numbers and
// makes images whose side is 4, doubled by each block; the discriminator, whose weights are under
// spectral norms, gives [N,1].
struct SnganOptions {
  double width = 256;
  int latent = 128;
  int blocks = 3;
};
Graph sngan(const SnganOptions& = {});
struct SnganDiscriminatorOptions {
  int width = 128;
};
Graph sngan_discriminator(const SnganDiscriminatorOptions& = {});

struct VggOptions {
  int width = 64;  // channels of the first stage
};
// To relu4_3; feature layers relu1_2 relu2_2 relu3_3 relu4_3; input in [0,1].
Graph vgg16(const VggOptions& = {});
// To relu4_4, CartoonGAN's content layer; feature layers relu1_2 relu2_2 relu3_4 relu4_4; input in
// [0,1].
Graph vgg19(const VggOptions& = {});

// SqueezeNet 1.1 to its 1000 logits. Takes RGB in [0,1]; its first node normalises as torchvision
// does. Taps: LPIPS' seven.
Graph squeezenet();

// Inception v3 as FID uses it: RGB in [-1,1], 299 x 299 there, but any size from 75 x 75 on.
// Feature layer pool3 [N,2048]; gives the 1008 logits with their bias [N,1008].
Graph fid_inception();

// By the name used on the command line, "cyclegan_official" being cyclegan without the paper's
// affine norms. Options by their names above ("width", "blocks", ...), and what weights of others
// may differ in: "order" (rgb or bgr), "range", "input_range", "output_range" (the values of black
// and white, "0..255"), "eps" (of every norm). Unknown ones are an Error.
Graph make_architecture(const std::string& name, const Json& options = Json::object());
std::vector<std::string> architecture_names();
bool is_built_in(const std::string& name);
// The options of make_architecture that say what a file of weights cannot: "order", "range",
// "input_range", "output_range", "eps". Others are an Error that names `name`.
void apply_format_options(Graph&, const std::string& name, const Json& options);
// "LO..HI", the values of black and white; nothing where a text is none.
std::optional<std::pair<float, float>> value_range(const std::string& text);
// For messages: what to write instead of a name that is none, the nearest one or all.
std::string instead_of(const std::string& name);

// A model as users name it: FILE, or ARCH[,KEY=VALUE...][:FILE]. ARCH may be one that only files
// hold (models/import/detect.h), or `auto`, which stands for whatever the file holds.
struct ModelSpec {
  std::string architecture;  // empty: the file tells
  Json options = Json::object();
  std::filesystem::path file;  // empty: a bare architecture
};
ModelSpec parse_model_spec(const std::string&);
// Error for a name that no file can be behind: of no architecture, with options that it has not or
// cannot have, or `with_weights` and without a file.
void check_model_spec(const std::string&, bool with_weights);
// The file that a model's name stands for: what follows the colon, or the name itself.
std::filesystem::path model_path(const std::string& spec);

}  // namespace gsx
