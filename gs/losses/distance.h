// The distance d between the images of a student and those of its teacher (Eq. 4).
#pragma once
#include "gs/images.h"

namespace gsx {

enum class DistanceKind : uint8_t { perceptual, features, mse, l1, none };
// `discriminator` is `features` of a discriminator.
DistanceKind parse_distance(const std::string& name);

// perceptual: w_content * mean |F1(a) - F1(b)| on the first feature layer + sum over feature layers
// l of w_style * mean (Gram_l(a) - Gram_l(b))^2 (PAPER.md 1.2). features: mean |a - b| on
// images in -1..1 + sum over feature layers of mean |F_l(a) - F_l(b)|, which asks for each feature
// where the teacher has it, as LPIPS does, and is GD's where F is the teacher's discriminator
// (PAPER.md 4.1). mse, l1: on images. none: no term.
struct DistanceOptions {
  DistanceKind kind = DistanceKind::perceptual;
  float content_weight = 1, style_weight = 1e5f;
  // Content is compared on the images themselves instead of on the first feature layer: for
  // networks whose first layer strides, such as discriminators, and so is blind to some patterns of
  // single pixels.
  bool content_on_images = false;
};

class Distance {
 public:
  // `features` and its feature layers may be empty for kinds that look through none; the graph must
  // outlive this. `images` is what target() and operator() are given.
  Distance(const Graph* features, std::vector<std::string> layers, const ImageFormat& images,
           const DistanceOptions&);

  // What must be known of the teacher's images [N,3,H,W]: computed without gradient.
  struct Target {
    Tensor content;  // first feature layer, or the images themselves
    // Per feature layer its Gram matrices [N,C,C]; of the kind `features` its values [N,C,H,W].
    std::vector<Tensor> layers;
  };
  Target target(const Tensor& y) const;
  // Its parts apart, for those who remember one of them.
  Tensor content(const Tensor& y) const;
  std::vector<Tensor> layers(const Tensor& y) const;

  struct Value {
    Tensor total;  // scalar, with gradient; undefined of the kind none
    std::vector<Tensor>
        parts;  // what it is the sum of, weighted: content, then the feature layers' styles
  };
  Value operator()(const Tensor& y, const Target&) const;

  // Divides every term by its mean value between unrelated images of the teacher (neighbours in
  // this list of [1,3,H,W]), and weighs all of content as much as all of style (or features), so
  // that d is about 2 (mse, l1: 1) between such images, on any network. A style is also compared
  // with that of the photos the images were made from, and the larger value counts: the images of a
  // style transfer teacher are all of one style, and dividing by how little they differ would drown
  // everything else.
  void normalize(const std::vector<Tensor>& images, const std::vector<Tensor>& sources);
  // The factor of each term: content, then the feature layers' styles. For checkpoints.
  const std::vector<float>& weights() const { return weights_; }
  void set_weights(std::vector<float> weights);

 private:
  std::vector<Tensor> terms(const Tensor& y, const Target&) const;
  // Values of the feature network's first `count` feature layers; none where the distance has no
  // use for them.
  std::vector<Tensor> layer_values(const Tensor& y, size_t count) const;
  Tensor content_of(const Tensor& y, const std::vector<Tensor>& values) const;
  std::vector<Tensor> compared(std::vector<Tensor> values) const;

  const Graph* features_;
  std::vector<std::string> names_;  // of its feature layers
  ImageFormat images_;
  DistanceKind kind_;
  bool on_images_;  // content
  std::vector<float> weights_;
};

}  // namespace gsx
