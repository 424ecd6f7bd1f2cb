// Training and held-out images; see data.h.
#include "gs/train/data.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <sstream>

#include "engine/io/dataset.h"
#include "engine/io/procedural.h"
#include "gs/losses/image_pool.h"
#include "gs/train/image_sides.h"
#include "gs/train/pairs.h"
#include "gs/train/random_streams.h"

namespace gsx {

namespace {

constexpr size_t kBuiltInTraining = 400, kBuiltInHeldOut = 100;
constexpr uint64_t kBuiltInSeed = 20;  // the same images for every training seed
constexpr size_t kHoldOutEvery = 10;

// Every tenth image of a folder, or the others.
class Part : public ImageSource {
 public:
  Part(std::shared_ptr<const ImageSource> whole, bool held_out) : whole_(std::move(whole)) {
    for (size_t i = 0; i < whole_->count(); ++i)
      if ((i % kHoldOutEvery == kHoldOutEvery - 1) == held_out) indices_.push_back(i);
  }
  size_t count() const override { return indices_.size(); }
  std::string key(size_t i) const override { return whole_->key(indices_.at(i)); }
  Image load(size_t i) const override { return whole_->load(indices_.at(i)); }
  std::optional<ImageSides> sides(size_t i) const override { return whole_->sides(indices_.at(i)); }

 private:
  std::shared_ptr<const ImageSource> whole_;
  std::vector<size_t> indices_;
};

using Source = std::shared_ptr<const ImageSource>;

// What a user may not expect of the files found.
void tell_of_files(const DataLayout& layout, TrainObserver& observer) {
  for (const auto& folder : {layout.train_a, layout.train_b, layout.test_a, layout.test_b}) {
    if (folder.empty()) continue;
    const ImageFolder found = open_images(folder);
    const std::string left_out = left_out_text(found), folders = folders_text(found);
    if (!left_out.empty()) observer.warning(left_out);
    if (!folders.empty()) observer.message(folders);
  }
}

struct Split {
  Source training, held_out;
};

// Every tenth image held out.
Split part_of(const Source& whole) {
  Split split = {std::make_shared<Part>(whole, false), std::make_shared<Part>(whole, true)};
  if (split.held_out->count() == 0) split.held_out = split.training;
  return split;
}

Split split_folder(const std::filesystem::path& train, const std::filesystem::path& test,
                   const ReadOptions& options) {
  if (train.empty()) return {};
  const Source whole = folder_source(train, options);
  if (!test.empty()) return {whole, folder_source(test, options)};
  return part_of(whole);
}

Split split_built_in(ProceduralDomain domain, int size) {
  return {procedural_source(domain, kBuiltInTraining, size, kBuiltInSeed),
          procedural_source(domain, kBuiltInHeldOut, size, kBuiltInSeed, kBuiltInTraining)};
}

Split halves(const SideBySide& pairs, Half half, const ReadOptions& options) {
  const Source whole = half_source(pairs.train, half, options);
  if (!pairs.test.empty()) return {whole, half_source(pairs.test, half, options)};
  return part_of(whole);
}

}  // namespace

struct TrainData::Impl {
  Split split[2];  // by domain
  std::unique_ptr<Loader> loaders[2];
  bool built_in = false, repeats = false;
  int size = 0;
  ContextPtr context;
  TrainObserver& observer;
  std::string folder;
  size_t limit = std::numeric_limits<size_t>::max();
  mutable std::set<std::string> told = {};  // warnings
  int64_t noise = 0, drawn = 0;             // length of vectors, and how many were given
  uint64_t noise_seed = 0;
  int64_t scale = 1;  // of images of domain b
  uint64_t seed = 0;
  LoaderOptions loading = {};
  std::unique_ptr<Partners> partners = {};  // of the training images of domain a

  // Looks for partners of the training images.
  void pair(Source source) {
    if (!split[0].training) return;
    partners = std::make_unique<Partners>(*split[0].training, std::move(source));
  }
  // An image's partner, cut as the image was; nullopt when there is none that can be read.
  std::optional<Image> partner_of(const Sample& sample) const {
    std::string why = "has no partner";
    try {
      if (partners->has(sample.index)) return partners->cut(sample, size);
    } catch (const Error& e) {
      why = std::string("has no partner: ") + e.what();
    }
    if (told.insert(sample.key).second) observer.warning(sample.key + ": " + why + "; skipped");
    return {};
  }
  const Split& of(Domain d) const { return split[static_cast<int>(d)]; }
  // Numbers of up to `most` images, evenly over the source.
  std::vector<size_t> spread(const Source& source, int most) const {
    const size_t count = source ? source->count() : 0;
    const size_t n = std::min(count, static_cast<size_t>(most));
    std::vector<size_t> out;
    for (size_t i = 0; i < n; ++i) out.push_back(i * count / n);
    return out;
  }
  std::optional<Image> image(const Source& source, size_t i) const {
    const bool target = source == split[1].training || source == split[1].held_out;
    try {
      return fit_square(source->load(i), target ? size * static_cast<int>(scale) : size);
    } catch (const Error& e) {
      const std::string why = naming(source->key(i), e.what());
      if (told.insert(why).second) observer.warning(why + "; skipped");
      return {};
    }
  }
  std::vector<Tensor> images(const Source& source, int most) const {
    std::vector<Tensor> out;
    for (const size_t i : spread(source, most)) {
      if (out.size() == limit) break;
      if (const auto read = image(source, i)) out.push_back(to_tensor(context, *read));
    }
    return out;
  }
  // Number i of the vectors to train on, or of the held-out ones.
  Tensor vector(int64_t i, bool held_out) const {
    Rng rng({noise_seed, held_out ? kHeldOutNoiseStream : kNoiseStream,
             static_cast<uint64_t>(i) << 32});
    const Tensor z = Tensor::zeros(context, {1, noise});
    rng.fill_normal(z, 0, 1);
    return z;
  }
  std::vector<Tensor> vectors(int most, bool held_out) const {
    std::vector<Tensor> out;
    for (int i = 0; i < most && out.size() < limit; ++i) out.push_back(vector(i, held_out));
    return out;
  }
  bool gives_noise(Domain d) const { return noise > 0 && d == Domain::a; }
  void open_loader(int d) {
    if (!split[d].training) return;
    LoaderOptions options = loading;
    if (d == 1) {
      options.size *= static_cast<int>(scale);
      options.load_size *= static_cast<int>(scale);
    }
    loaders[d] = std::make_unique<Loader>(
        split[d].training, options, Rng(seed, kDataStream + static_cast<uint64_t>(d)),
        [&to = observer](const std::string& text) { to.warning(text); });
  }
  // Reads images until `enough` could be read; Error when fewer than `least` can.
  void check(const Source& source, const char* what, int most, int least, int enough) const {
    int readable = 0;
    for (const size_t i : spread(source, most))
      if (readable < enough && image(source, i)) ++readable;
    GSX_CHECK(readable >= least, "--data: ", folder, " must hold at least ", least, " ", what,
              " that can be read, got ", readable);
  }
};

TrainData::TrainData(const TrainConfig& config, int size, int load_size, const ContextPtr& context,
                     TrainObserver& observer)
    : impl_(new Impl{
          {}, {}, config.data.empty(), load_size == size, size, context, observer, config.data}) {
  if (impl_->built_in) {
    impl_->split[0] = split_built_in(ProceduralDomain::plain, load_size);
    impl_->split[1] = split_built_in(ProceduralDomain::striped, load_size);
    impl_->pair(
        procedural_source(ProceduralDomain::twin, kBuiltInTraining, load_size, kBuiltInSeed));
  } else if (const auto pairs = find_side_by_side(config.data)) {
    const ReadOptions reading{.max_pixels = config.max_pixels};
    impl_->split[0] = halves(*pairs, Half::left, reading);
    impl_->split[1] = halves(*pairs, Half::right, reading);
    impl_->pair(half_source(pairs->train, Half::right, reading));
  } else {
    const DataLayout layout = find_layout(config.data);
    GSX_CHECK(!layout.train_a.empty(), "train: there are no photos to train on in ", config.data,
              "; it has a folder testA, give it a folder trainA too");
    tell_of_files(layout, observer);
    const ReadOptions reading{.max_pixels = config.max_pixels};
    impl_->split[0] = split_folder(layout.train_a, layout.test_a, reading);
    impl_->split[1] = split_folder(layout.train_b, layout.test_b, reading);
    if (!layout.train_b.empty()) impl_->pair(folder_source(layout.train_b, reading));
  }
  impl_->seed = config.seed;
  impl_->loading.size = size;
  impl_->loading.load_size = load_size;
  impl_->loading.flip = config.flip;
  for (const int d : {0, 1}) {
    const Source& source = impl_->split[d].training;
    const std::string small = source ? small_images_text(*source, config.data, load_size) : "";
    if (!small.empty()) observer.warning(small);
    impl_->open_loader(d);
  }
}

TrainData::TrainData(TrainData&&) noexcept = default;
TrainData::~TrainData() = default;

bool TrainData::has_targets() const { return impl_->loaders[1] != nullptr; }
bool TrainData::built_in() const { return impl_->built_in; }
bool TrainData::repeats() const { return impl_->noise > 0 || impl_->repeats; }

void TrainData::take_noise(int64_t length, uint64_t seed) {
  if (impl_->noise == 0) {
    impl_->split[1] = std::move(impl_->split[0]);
    impl_->loaders[1] = std::move(impl_->loaders[0]);
    impl_->split[0] = {};
  }
  impl_->noise = length;
  impl_->noise_seed = seed;
}

int64_t TrainData::noise() const { return impl_->noise; }

void TrainData::refuse_without_targets() const {
  const std::string larger =
      scale() > 1 ? ", " + std::to_string(scale()) + " times as large as --size" : "";
  fail("train: needs real images of the target domain", larger,
       "; give --data a folder with trainA and trainB");
}

void TrainData::take_scale(int64_t scale) {
  if (scale == impl_->scale) return;
  impl_->scale = scale;
  // An upscaler's targets are what it enlarges, not stripes.
  if (impl_->built_in)
    impl_->split[1] =
        split_built_in(ProceduralDomain::plain, impl_->loading.load_size * static_cast<int>(scale));
  impl_->open_loader(1);
}

int64_t TrainData::scale() const { return impl_->scale; }

ImageBatch TrainData::next(Domain domain, int n) {
  if (impl_->gives_noise(domain)) {
    ImageBatch out;
    std::vector<Tensor> all;
    for (int i = 0; i < n; ++i, ++impl_->drawn) {
      const int64_t which = impl_->drawn % kNoises;
      all.push_back(impl_->vector(which, false));
      out.keys.push_back("z" + std::to_string(which));
    }
    out.images = n == 1 ? all[0] : concat_batch(all);
    return out;
  }
  Loader* loader = impl_->loaders[static_cast<int>(domain)].get();
  if (!loader) refuse_without_targets();
  ImageBatch out;
  std::vector<Tensor> images;
  for (int i = 0; i < n; ++i) {
    const Batch one = loader->next(impl_->context);
    images.push_back(one.images);
    out.keys.push_back(one.samples[0].id());
  }
  out.images = n == 1 ? images[0] : concat_batch(images);
  return out;
}

ImagePairs TrainData::next_pairs(int n) {
  std::vector<Tensor> a, b;
  size_t in_vain = 0;
  const size_t count = impl_->partners ? impl_->partners->count() : 0;
  GSX_CHECK(count > 0, "--data: ", impl_->folder, " holds no pairs");
  while (static_cast<int>(a.size()) < n) {
    const Batch one = impl_->loaders[0]->next(impl_->context);
    const auto partner = impl_->partner_of(one.samples[0]);
    for (const size_t i : impl_->loaders[0]->upcoming()) impl_->partners->want(i);
    GSX_CHECK(partner || ++in_vain < count, "--data: none of the partners in ", impl_->folder,
              " can be read");
    if (!partner) continue;
    a.push_back(one.images);
    b.push_back(to_tensor(impl_->context, *partner));
  }
  return {n == 1 ? a[0] : concat_batch(a), n == 1 ? b[0] : concat_batch(b)};
}

void TrainData::check_pairs() const {
  const size_t count = impl_->partners ? impl_->partners->count() : 0;
  size_t without = 0;
  for (size_t i = 0; i < count; ++i) without += impl_->partners->has(i) ? 0 : 1;
  GSX_CHECK(without < count, "--data: ", impl_->folder,
            " holds no pairs, expected folders trainA and trainB with files of equal names, or a "
            "folder train of images that hold both side by side");
  if (without == 0) return;
  std::ostringstream text;
  text << without << " of the " << count << " images in trainA have no partner in trainB";
  std::string first;
  for (size_t i = 0; i < count; ++i) {
    if (impl_->partners->has(i)) continue;
    const std::string key = impl_->split[0].training->key(i);
    if (first.empty()) first = key;
    impl_->told.insert(key);
  }
  text << ", the first is " << first << "; they are left out";
  if (impl_->told.insert(text.str()).second) impl_->observer.warning(text.str());
}

Json TrainData::state() const {
  Json j = Json::array();
  for (const auto& loader : impl_->loaders) j.push_back(loader ? Json(loader->state()) : Json());
  if (impl_->noise > 0)
    j.at(0) = {{"noise", impl_->noise}, {"seed", impl_->noise_seed}, {"drawn", impl_->drawn}};
  if (impl_->scale > 1) j.push_back({{"scale", impl_->scale}});
  return j;
}

void TrainData::restore(const Json& j) {
  if (const Json& first = j.at(0); first.is_object() && first.contains("noise")) {
    take_noise(first.at("noise").get<int64_t>(), first.at("seed").get<uint64_t>());
    impl_->drawn = first.at("drawn").get<int64_t>();
  }
  if (j.size() > 2) take_scale(j.at(2).at("scale").get<int64_t>());
  for (size_t d = 0; d < 2; ++d)
    if (impl_->loaders[d]) impl_->loaders[d]->restore(j.at(d));
}

void TrainData::look_at_most(int images) { impl_->limit = static_cast<size_t>(images); }

void TrainData::check() const {
  if (impl_->built_in) return;
  if (impl_->noise > 0)
    return impl_->check(impl_->of(Domain::b).training, "images to train on", kLooked, 2, 2);
  // Two, because the distance is normalised by how much images differ.
  impl_->check(impl_->of(Domain::a).training, "images to train on", kLooked, 2, 2);
  if (has_targets())
    impl_->check(impl_->of(Domain::b).training, "images of the target domain",
                 std::numeric_limits<int>::max(), 1, 1);
  impl_->check(impl_->of(Domain::a).held_out, "held-out images", kEvaluated, 1, kEvaluated);
}

std::vector<Tensor> TrainData::training(Domain d, int most) const {
  if (impl_->gives_noise(d)) return impl_->vectors(most, false);
  return impl_->images(impl_->of(d).training, most);
}

std::vector<Tensor> TrainData::held_out(Domain d, int most) const {
  if (impl_->gives_noise(d)) return impl_->vectors(most, true);
  return impl_->images(impl_->of(d).held_out, most);
}

std::vector<Tensor> TrainData::larger(Domain d, int most) const {
  std::vector<Tensor> out;
  const Source& source = impl_->of(d).training;
  const int size = impl_->size;
  for (const size_t i : impl_->spread(source, most)) {
    try {
      Image image = source->load(i);
      const int side = std::min(image.width, image.height);
      if (side <= size) continue;
      if (out.size() % 2 == 0 || impl_->scale > 1) {
        image = fit_square(image, std::min(side, 2 * size));
      } else {
        constexpr int kMost = 4;  // of the short side; the long one may be twice that
        if (side > kMost * size) image = resize_short_side(image, kMost * size);
        const int w = std::min(image.width, 2 * kMost * size);
        const int h = std::min(image.height, 2 * kMost * size);
        image = crop(image, (image.width - w) / 2, (image.height - h) / 2, w, h);
      }
      out.push_back(to_tensor(impl_->context, image));
    } catch (const Error&) {  // told of when the image's turn comes in training
    }
  }
  return out;
}

std::vector<std::vector<uint8_t>> TrainData::held_out_masks(int most) const {
  GSX_CHECK(impl_->built_in, "masks: only the built-in images have them");
  std::vector<std::vector<uint8_t>> masks;
  for (const size_t i : impl_->spread(impl_->of(Domain::a).held_out, most)) {
    if (masks.size() == impl_->limit) break;
    masks.push_back(
        procedural_image(ProceduralDomain::plain, kBuiltInTraining + i, impl_->size, kBuiltInSeed)
            .mask);
  }
  return masks;
}

}  // namespace gsx
