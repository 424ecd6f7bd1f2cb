// Moments of images from parts of their pixels, which tasks sum up while they have them at hand: up
// to 64 pixels in float around the first of them, then in double. Parts are cut and merged by shape
// alone, so threads change no bit; a plane of equal values has exactly that mean and no variance.
#pragma once
#include "kernels/exec.h"
#include "kernels/moments.h"
#include "kernels/view.h"

namespace gsx::kernels {

constexpr int kChunkPixels = 64;  // summed in float before double takes over

// Of some pixels of one image: each channel's mean and sum of squared deviations, then how many.
struct PartialMoments {
  double* values = nullptr;  // none: nobody asked
  int channels = 0;

  // Doubles, in whole cache lines: tasks do not share any.
  static constexpr int64_t size(int channels) { return (2 * int64_t{channels} + 8) / 8 * 8; }

  double* mean() const { return values; }
  double* squares() const { return values + channels; }
  double& count() const { return values[2 * channels]; }
};

// What `added` pixels change about the moments of `before` others (Chan et al.).
struct MergedPixels {
  double share, both;

  MergedPixels(double before, double added)
      : share(added / (before + added)), both(before * share) {}
  [[gnu::always_inline]] void merge(double mean, double squares, double& all_mean,
                                    double& all_squares) const {
    const double delta = mean - all_mean;
    all_mean += delta * share;
    all_squares += squares + delta * delta * both;
  }
};

// Adds at most kChunkPixels pixels.
void add_pixels(const float* const* pixels, int count, const PartialMoments& to);

// Gathers the pixels of one part; what `add` is given must stay until the end.
class PixelMoments {
 public:
  explicit PixelMoments(const PartialMoments& to) : to_(to) {}
  PixelMoments(const PixelMoments&) = delete;
  PixelMoments& operator=(const PixelMoments&) = delete;
  ~PixelMoments() { flush(); }

  explicit operator bool() const { return to_.values != nullptr; }  // whether anybody asked
  void add(const float* pixel) {
    pixels_[count_++] = pixel;
    if (count_ == kChunkPixels) flush();
  }

 private:
  void flush() {
    if (count_ > 0) add_pixels(pixels_, count_, to_);
    count_ = 0;
  }

  const PartialMoments to_;
  int count_ = 0;
  const float* pixels_[kChunkPixels];
};

// One PartialMoments per task, at first of no pixels.
class MomentParts {
 public:
  MomentParts() = default;  // none: nobody asked
  MomentParts(Workspace& space, int64_t count, int channels);
  PartialMoments operator[](int64_t index) const { return at(index, channels_); }
  // For a task with fewer channels.
  PartialMoments at(int64_t index, int channels) const {
    return {values_ == nullptr ? nullptr : values_ + index * PartialMoments::size(channels_),
            channels};
  }

 private:
  double* values_ = nullptr;
  int channels_ = 0;
};

// Of whole images.
class ImageMoments {
 public:
  ImageMoments(Workspace& space, const View& v) : view_(v), images_(space, v.n, v.cs) {}
  // Merges a part that begins at channel k. The parts of the same pixels follow each other, the one
  // with the last channels at the end.
  void add(int image, int k, const PartialMoments& part) const;
  void write(Moments) const;

 private:
  const View view_;
  const MomentParts images_;
};

}  // namespace gsx::kernels
