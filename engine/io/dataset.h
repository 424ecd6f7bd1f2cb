// Images for training: where they come from, and a loader that shuffles, cuts and mirrors them in
// an order that depends on a seed only and can be saved and continued exactly.
#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/io/image.h"
#include "engine/io/image_folder.h"
#include "engine/io/read_ahead.h"
#include "engine/json.h"
#include "engine/random.h"

namespace gsx {

// How many pixels an image has across and down, as it is stored: perhaps not yet upright.
struct ImageSides {
  int width = 0, height = 0;
};

// Images by number. Numbers are an order only: what belongs to an image is filed under its key.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  virtual size_t count() const = 0;
  virtual std::string key(
      size_t i) const = 0;  // unique: the file's path below the folder, or made up
  // Error when the image is damaged. Several threads may load at once.
  virtual Image load(size_t i) const = 0;
  // What can be told without decoding; nothing where that is nothing.
  virtual std::optional<ImageSides> sides(size_t) const { return {}; }
};
// Images of a folder's tree or of a list. Error when there are none. One whose file has changed
// since it was first read is not loaded.
std::shared_ptr<const ImageSource> folder_source(const std::filesystem::path& folder_or_list,
                                                 const ReadOptions& = {});

// How an image was prepared: scaled to width x height, cut at x, y to the size of the batch, then
// perhaps mirrored.
struct Augmentation {
  int width = 0, height = 0;
  int x = 0, y = 0;
  bool flip = false;
  friend bool operator==(const Augmentation&, const Augmentation&) = default;
};

struct Sample {
  size_t index = 0;  // in the source
  std::string key;
  Augmentation augmentation;
  // Names this very cut of this image: equal ids mean equal pixels (of one source and batch
  // size).
  std::string id() const;
};

struct Batch {
  Tensor images;  // [N,3,H,W]
  std::vector<Sample> samples;
};

struct LoaderOptions {
  int batch = 1;
  int load_size = 0;  // scale the short side to this first; 0: only where it is below `size`
  int size = 0;  // side of the random square cut; 0: the whole image (a batch must have one size)
  bool flip = true;  // mirror half of the images
  PixelFormat format = {};
  uint64_t cache_bytes = uint64_t{512} << 20;  // scaled images kept in memory
  int ahead = 16;                              // images to load ahead of the batch worked on
  uint64_t ahead_bytes = uint64_t{64} << 20;   // of those loaded ahead, at most (or one)
};

// An endless stream of batches. Every image comes once per epoch, in a fresh random order each; a
// batch may reach into the next epoch. An image that cannot be loaded is reported once, counted
// and left out from then on. Each is decoded once and kept, scaled, as long as there is room; while
// a batch is worked on, the next images of the epoch that are not kept are loaded by threads of
// their own. What comes in which order knows nothing of it.
class Loader {
 public:
  using Warning = std::function<void(const std::string&)>;
  Loader(std::shared_ptr<const ImageSource> source, LoaderOptions options, Rng rng,
         Warning warning);

  Batch next(const ContextPtr&);  // Error when no image at all can be loaded

  // The images that come next, up to options.ahead of this epoch; some may turn out not to load.
  std::vector<size_t> upcoming() const;

  int64_t epoch() const { return epoch_; }  // completed ones
  size_t skipped() const { return bad_.size(); }
  const ImageSource& source() const { return *source_; }

  // Everything that decides what comes next. restore() continues bit-exactly in a loader with an
  // equal source and equal options; Error when the state is of another source.
  Json state() const;
  void restore(const Json& state);

 private:
  struct Drawn {
    size_t index;
    const Image& image;  // until the next call
  };
  Drawn draw();  // the next loadable image of this or the next epoch
  const Image& scaled(size_t index);
  void load_ahead();
  void read_anew();  // forgets what is being loaded
  void shuffle();
  uint64_t source_mark() const;

  std::shared_ptr<const ImageSource> source_;
  LoaderOptions options_;
  Rng rng_;
  Warning warning_;
  std::vector<size_t> order_;
  size_t position_ = 0;  // in order_
  int64_t epoch_ = 0;
  std::set<size_t> bad_;
  std::map<size_t, Image> cache_;
  uint64_t cached_bytes_ = 0;
  Image uncached_;
  std::unique_ptr<ReadAhead> ahead_;  // being loaded, or ready
};

// For images not trained on: short side scaled to `size`, centre square cut.
Image fit_square(const Image&, int size);

}  // namespace gsx
