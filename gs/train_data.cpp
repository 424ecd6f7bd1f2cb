// Training and held-out pictures; see train_data.h.
#include "gs/train_data.h"

#include "engine/io/dataset.h"
#include "engine/io/procedural.h"
#include "gs/image_pool.h"
#include "gs/stage.h"

namespace gsx {

namespace {

constexpr size_t kBuiltInTraining = 400, kBuiltInHeldOut = 100;
constexpr uint64_t kBuiltInSeed = 20;  // the same pictures for every training seed
constexpr size_t kHoldOutEvery = 10;

// Every tenth picture of a folder, or the others.
class Part : public ImageSource {
 public:
  Part(std::shared_ptr<const ImageSource> whole, bool held_out) : whole_(std::move(whole)) {
    for (size_t i = 0; i < whole_->count(); ++i)
      if ((i % kHoldOutEvery == kHoldOutEvery - 1) == held_out) indices_.push_back(i);
  }
  size_t count() const override { return indices_.size(); }
  std::string key(size_t i) const override { return whole_->key(indices_.at(i)); }
  Image load(size_t i) const override { return whole_->load(indices_.at(i)); }

 private:
  std::shared_ptr<const ImageSource> whole_;
  std::vector<size_t> indices_;
};

using Source = std::shared_ptr<const ImageSource>;

struct Split {
  Source training, held_out;
};

Split split_folder(const std::filesystem::path& train, const std::filesystem::path& test,
                   const ReadOptions& options) {
  if (train.empty()) return {};
  const Source whole = folder_source(train, options);
  if (!test.empty()) return {whole, folder_source(test, options)};
  Split split = {std::make_shared<Part>(whole, false), std::make_shared<Part>(whole, true)};
  if (split.held_out->count() == 0) split.held_out = split.training;
  return split;
}

Split split_built_in(ProceduralDomain domain, int size) {
  return {procedural_source(domain, kBuiltInTraining, size, kBuiltInSeed),
          procedural_source(domain, kBuiltInHeldOut, size, kBuiltInSeed, kBuiltInTraining)};
}

}  // namespace

struct TrainData::Impl {
  Split split[2];  // by domain
  std::unique_ptr<Loader> loaders[2];
  bool built_in = false, repeats = false;
  int size = 0;
  ContextPtr context;
  TrainObserver& observer;

  const Split& of(Domain d) const { return split[static_cast<int>(d)]; }
  // Numbers of up to `most` pictures, evenly over the source.
  static std::vector<size_t> spread(const Source& source, int most) {
    const size_t count = source ? source->count() : 0;
    const size_t n = std::min(count, static_cast<size_t>(most));
    std::vector<size_t> out;
    for (size_t i = 0; i < n; ++i) out.push_back(i * count / n);
    return out;
  }
  std::vector<Tensor> pictures(const Source& source, int most) const {
    std::vector<Tensor> out;
    for (const size_t i : spread(source, most)) {
      try {
        out.push_back(to_tensor(context, fit_square(source->load(i), size)));
      } catch (const Error& e) {
        observer.warning(naming(source->key(i), e) + "; skipped");
      }
    }
    return out;
  }
};

TrainData::TrainData(const TrainConfig& config, int size, int load_size, const ContextPtr& context,
                     TrainObserver& observer)
    : impl_(new Impl{{}, {}, config.data.empty(), load_size == size, size, context, observer}) {
  if (impl_->built_in) {
    impl_->split[0] = split_built_in(ProceduralDomain::plain, load_size);
    impl_->split[1] = split_built_in(ProceduralDomain::striped, load_size);
  } else {
    const DataLayout layout = find_layout(config.data);
    const ReadOptions reading{.max_pixels = config.max_pixels};
    impl_->split[0] = split_folder(layout.train_a, layout.test_a, reading);
    impl_->split[1] = split_folder(layout.train_b, layout.test_b, reading);
  }
  LoaderOptions options;
  options.size = size;
  options.load_size = load_size;
  options.flip = config.flip;
  for (int d = 0; d < 2; ++d) {
    if (!impl_->split[d].training) continue;
    impl_->loaders[d] = std::make_unique<Loader>(
        impl_->split[d].training, options, Rng(config.seed, kDataStream + static_cast<uint64_t>(d)),
        [&observer](const std::string& text) { observer.warning(text); });
  }
}

TrainData::TrainData(TrainData&&) noexcept = default;
TrainData::~TrainData() = default;

bool TrainData::has_targets() const { return impl_->loaders[1] != nullptr; }
bool TrainData::built_in() const { return impl_->built_in; }
bool TrainData::repeats() const { return impl_->repeats; }

PictureBatch TrainData::next(Domain domain, int n) {
  Loader* loader = impl_->loaders[static_cast<int>(domain)].get();
  GSX_CHECK(loader,
            "train: needs real pictures of the target domain; give --data a folder with "
            "trainA and trainB");
  PictureBatch out;
  std::vector<Tensor> pictures;
  for (int i = 0; i < n; ++i) {
    const Batch one = loader->next(impl_->context);
    pictures.push_back(one.images);
    out.keys.push_back(one.samples[0].id());
  }
  out.pictures = n == 1 ? pictures[0] : concat_batch(pictures);
  return out;
}

Json TrainData::state() const {
  Json j = Json::array();
  for (const auto& loader : impl_->loaders) j.push_back(loader ? Json(loader->state()) : Json());
  return j;
}

void TrainData::restore(const Json& j) {
  for (size_t d = 0; d < 2; ++d)
    if (impl_->loaders[d]) impl_->loaders[d]->restore(nlohmann::json(j.at(d)));
}

std::vector<Tensor> TrainData::training(Domain d, int most) const {
  return impl_->pictures(impl_->of(d).training, most);
}

std::vector<Tensor> TrainData::held_out(Domain d, int most) const {
  return impl_->pictures(impl_->of(d).held_out, most);
}

std::vector<std::vector<uint8_t>> TrainData::held_out_masks(int most) const {
  GSX_CHECK(impl_->built_in, "masks: only the built-in pictures have them");
  std::vector<std::vector<uint8_t>> masks;
  for (const size_t i : Impl::spread(impl_->of(Domain::a).held_out, most))
    masks.push_back(
        procedural_picture(ProceduralDomain::plain, kBuiltInTraining + i, impl_->size, kBuiltInSeed)
            .mask);
  return masks;
}

}  // namespace gsx
