// One detector per architecture that others' files hold; see detect.h.
#pragma once
#include "models/import/detect.h"
#include "models/import/net_builder.h"

namespace gsx {

std::optional<Candidate> detect_resnet(const Weights&);
std::optional<Candidate> detect_unet(const Weights&);
std::optional<Candidate> detect_discriminator(const Weights&);
std::optional<Candidate> detect_johnson(const Weights&);
std::optional<Candidate> detect_animegan2(const Weights&);
std::optional<Candidate> detect_stargan(const Weights&);
std::optional<Candidate> detect_ugatit(const Weights&);
std::optional<Candidate> detect_whitebox(const Weights&);
std::optional<Candidate> detect_rrdb(const Weights&);
std::optional<Candidate> detect_srvgg(const Weights&);
// Those of make_architecture, with their widths and depths.
std::optional<Candidate> detect_cyclegan(const Weights&);
std::optional<Candidate> detect_cyclegan_official(const Weights&);
std::optional<Candidate> detect_patchgan(const Weights&);
std::optional<Candidate> detect_cartoongan(const Weights&);
std::optional<Candidate> detect_fast_style(const Weights&);
std::optional<Candidate> detect_sngan(const Weights&);
std::optional<Candidate> detect_sngan_discriminator(const Weights&);
std::optional<Candidate> detect_vgg16(const Weights&);
std::optional<Candidate> detect_vgg19(const Weights&);
std::optional<Candidate> detect_squeezenet(const Weights&);
std::optional<Candidate> detect_fid_inception(const Weights&);

}  // namespace gsx
