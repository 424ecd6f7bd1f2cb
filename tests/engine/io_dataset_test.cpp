// Folders, layouts, and the loader: order, augmentation, damaged images, exact continuation.
#include "engine/io/dataset.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "engine/error.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

Image coloured(int w, int h, int seed) {
  Image image(w, h);
  for (size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] = static_cast<uint8_t>(seed * 37 + 7 * i + i / 11);
  return image;
}

// `count` images of growing size; those in `bad` cannot be loaded. Counts loads.
class FakeSource : public ImageSource {
 public:
  explicit FakeSource(size_t count, std::set<size_t> bad = {})
      : count_(count), bad_(std::move(bad)) {}
  size_t count() const override { return count_; }
  std::string key(size_t i) const override { return "image" + std::to_string(i); }
  Image load(size_t i) const override {
    {
      std::lock_guard lock(mutex_);
      ++loads[i];
    }
    if (bad_.count(i)) fail("image: ", key(i), " is cut off");
    return coloured(12 + static_cast<int>(i), 14, static_cast<int>(i));
  }
  mutable std::map<size_t, int> loads;

 private:
  mutable std::mutex mutex_;
  size_t count_;
  std::set<size_t> bad_;
};

std::vector<std::string> keys_of(const Batch& batch) {
  std::vector<std::string> keys;
  for (const Sample& s : batch.samples) keys.push_back(s.key);
  return keys;
}

}  // namespace

TEST_CASE("data: images of a folder") {
  TempDir dir;
  for (const char* name : {"b.png", "a_2.png", "a.2.PNG", "B.jpeg", ".hidden.png", "notes.txt"})
    write_png(dir / name, coloured(3, 2, 1));
  fs::create_directory(dir / "deeper.png");
  std::vector<std::string> names;
  for (const auto& path : list_images(dir.path())) names.push_back(path.filename().string());
  CHECK(names == std::vector<std::string>{"B.jpeg", "a.2.PNG", "a_2.png", "b.png"});
  const auto source = folder_source(dir.path());
  CHECK(source->count() == 4);
  CHECK(source->key(2) == "a_2.png");
  CHECK(source->load(3) == coloured(3, 2, 1));
  CHECK_THROWS_WITH(list_images(dir / "none"), Contains("there is no folder") && Contains("none"));
  fs::create_directory(dir / "empty");
  CHECK_THROWS_WITH(list_images(dir / "empty"), Contains("no images in") && Contains("*.jpg"));
}

TEST_CASE("data: layouts") {
  TempDir dir;
  CHECK_THROWS_WITH(find_layout(dir / "none"), Contains("there is no folder"));
  CHECK_THROWS_WITH(find_layout(dir.path()), Contains("trainA") && Contains("*.png"));
  write_png(dir / "a.png", coloured(3, 2, 1));
  CHECK(find_layout(dir.path()).train_a == dir.path());
  CHECK(find_layout(dir.path()).train_b.empty());
  fs::create_directory(dir / "trainA");
  fs::create_directory(dir / "testB");
  const DataLayout layout = find_layout(dir.path());
  CHECK(layout.train_a == dir / "trainA");
  CHECK(layout.train_b.empty());
  CHECK(layout.test_b == dir / "testB");
}

TEST_CASE("data: images of classes lie in folders of their own") {
  TempDir dir;
  const fs::path train = dir / "train";
  for (const char* kind : {"ship", "cat", "cat/deeper", "none"})
    fs::create_directories(train / kind);
  for (const char* name : {"cat/2.png", "cat/1.png", "ship/1.png", "cat/deeper/3.png"})
    write_png(train / name, coloured(3, 2, 1));
  CHECK(has_classes(train));
  CHECK_FALSE(has_classes(dir / "absent"));
  const auto source = folder_source(train);
  REQUIRE(source->count() == 4);
  CHECK(source->key(0) == "cat/1.png");
  CHECK(source->key(1) == "cat/2.png");
  CHECK(source->key(2) == "cat/deeper/3.png");
  CHECK(source->key(3) == "ship/1.png");
  CHECK(source->load(2) == coloured(3, 2, 1));
  CHECK(left_out_text(open_images(train)).find(": 1 folder;") != std::string::npos);
  CHECK(open_image_folder(train).images.empty());
  CHECK(find_layout(train).train_a == train);
  CHECK(find_layout(dir.path()).train_a == train);
  CHECK(find_layout(dir.path()).test_a.empty());
  fs::create_directory(dir / "test");
  CHECK(find_layout(dir.path()).test_a == dir / "test");
  // A folder with images of its own is none of classes.
  write_png(train / "own.png", coloured(3, 2, 1));
  CHECK_FALSE(has_classes(train));
  CHECK(folder_source(train)->count() == 5);
  CHECK(folder_source(train)->key(0) == "own.png");
}

TEST_CASE("loader: every image once per epoch, in an order given by the seed") {
  const auto context = Context::create();
  const auto source = std::make_shared<FakeSource>(7);
  Loader loader(source, {.batch = 2, .size = 8}, Rng(5), nullptr),
      same(source, {.batch = 2, .size = 8}, Rng(5), nullptr);
  std::vector<std::vector<std::string>> epochs(4);
  for (int n = 0; n < 14; ++n) {
    const Batch batch = loader.next(context), twin = same.next(context);
    CHECK(batch.images.shape() == Shape{2, 3, 8, 8});
    CHECK(batch.images.to_vector() == twin.images.to_vector());
    for (int i = 0; i < 2; ++i) epochs[(2 * n + i) / 7].push_back(keys_of(batch)[i]);
  }
  CHECK(loader.epoch() == 3);
  CHECK(epochs[0] != epochs[1]);
  for (auto& epoch : epochs) {
    std::sort(epoch.begin(), epoch.end());
    CHECK(std::unique(epoch.begin(), epoch.end()) == epoch.end());
    CHECK(epoch.size() == 7);
  }
  for (const auto& [index, loads] : source->loads) CHECK(loads == 2);  // once per loader: cached
}

TEST_CASE("loader: the augmentation it reports makes the pixels it gives") {
  const auto context = Context::create();
  const auto source = std::make_shared<FakeSource>(5);
  const LoaderOptions options{.batch = 3, .load_size = 11, .size = 9, .cache_bytes = 800};
  Loader loader(source, options, Rng(1), nullptr);
  std::set<bool> flips;
  std::set<int> xs, ys;
  std::map<std::string, std::vector<float>> by_id;
  for (int n = 0; n < 30; ++n) {
    const Batch batch = loader.next(context);
    for (int i = 0; i < 3; ++i) {
      const Sample& s = batch.samples[i];
      const Augmentation& a = s.augmentation;
      const Image scaled = resize(source->load(s.index), a.width, a.height);
      CHECK(std::min(a.width, a.height) == 11);
      Image cut = crop(scaled, a.x, a.y, 9, 9);
      if (a.flip) cut = mirror(cut);
      CHECK(to_image(batch.images, i) == cut);
      CHECK(s.key == source->key(s.index));
      const auto values = to_tensor(context, cut).to_vector();
      CHECK(by_id.emplace(s.id(), values).first->second == values);
      flips.insert(a.flip);
      xs.insert(a.x);
      ys.insert(a.y);
    }
  }
  CHECK(flips.size() == 2);
  CHECK(xs.size() >= 3);
  CHECK(ys.size() >= 3);
}

TEST_CASE("loader: sizes") {
  const auto context = Context::create();
  const auto source = std::make_shared<FakeSource>(3);
  // Images below the size are enlarged, others are cut only.
  const Batch large = Loader(source, {.size = 20, .flip = false}, Rng(1), nullptr).next(context);
  CHECK(large.images.shape() == Shape{1, 3, 20, 20});
  CHECK_FALSE(large.samples[0].augmentation.flip);
  const Batch small = Loader(source, {.size = 4}, Rng(1), nullptr).next(context);
  CHECK(small.samples[0].augmentation.height == 14);
  const Batch whole = Loader(source, {}, Rng(1), nullptr).next(context);
  CHECK(whole.images.dim(2) == 14);
  CHECK_THROWS_WITH(Loader(source, {.batch = 3}, Rng(1), nullptr).next(context),
                    Contains("one size"));
  CHECK_THROWS_WITH(Loader(source, {.load_size = 5, .size = 9}, Rng(1), nullptr),
                    Contains("load_size 5"));
  CHECK_THROWS_AS(Loader(source, {.batch = 0}, Rng(1), nullptr), Error);
  CHECK_THROWS_AS(Loader(std::make_shared<FakeSource>(0), {}, Rng(1), nullptr), Error);
  CHECK(fit_square(coloured(40, 20, 1), 10) ==
        crop(resize(coloured(40, 20, 1), 20, 10), 5, 0, 10, 10));
}

TEST_CASE("loader: damaged images are named once, counted and left out") {
  const auto context = Context::create();
  std::vector<std::string> warnings;
  const auto warn = [&](const std::string& text) { warnings.push_back(text); };
  const auto source = std::make_shared<FakeSource>(6, std::set<size_t>{1, 4});
  Loader loader(source, {.batch = 4, .size = 8}, Rng(2), warn);
  std::map<std::string, int> seen;
  for (int n = 0; n < 5; ++n)
    for (const auto& key : keys_of(loader.next(context))) ++seen[key];
  CHECK(seen.size() == 4);
  for (const auto& [key, times] : seen) CHECK(times == 5);
  CHECK(loader.skipped() == 2);
  REQUIRE(warnings.size() == 2);
  CHECK_THAT(warnings[0] + warnings[1],
             Contains("image1") && Contains("image4") && Contains("skipped"));
  CHECK(source->loads[1] == 1);

  Loader hopeless(std::make_shared<FakeSource>(3, std::set<size_t>{0, 1, 2}), {}, Rng(1), nullptr);
  CHECK_THROWS_WITH(hopeless.next(context), Contains("none of the 3 images"));

  // Whole, but too long to be scaled: the error comes from elsewhere and is given the name.
  TempDir dir;
  write_png(dir / "line.png", Image(1, 30'000));
  warnings.clear();
  Loader long_line(folder_source(dir.path()), {.size = 256}, Rng(1), warn);
  CHECK_THROWS_WITH(long_line.next(context), Contains("line.png: resize"));
  CHECK(warnings.size() == 1);
}

TEST_CASE("loader: continues exactly from a saved state") {
  const auto context = Context::create();
  const LoaderOptions options{.batch = 3, .size = 8};
  const auto make = [&](size_t count) {
    return Loader(std::make_shared<FakeSource>(count, std::set<size_t>{2}), options, Rng(9),
                  nullptr);
  };
  for (const int steps : {0, 1, 3, 8}) {
    Loader first = make(7), second = make(7);
    for (int n = 0; n < steps; ++n) first.next(context);
    second.next(context);  // any other position
    second.restore(Json::parse(first.state().dump()));
    CHECK(second.state() == first.state());
    for (int n = 0; n < 6; ++n) {
      const Batch a = first.next(context), b = second.next(context);
      CHECK(keys_of(a) == keys_of(b));
      CHECK(a.images.to_vector() == b.images.to_vector());
    }
    CHECK(first.epoch() == second.epoch());
  }
  Loader loader = make(7);
  auto state = loader.state();
  CHECK_THROWS_WITH(make(8).restore(state), Contains("other images"));
  state["order"][0] = state["order"][1];
  CHECK_THROWS_WITH(loader.restore(state), Contains("damaged"));
  state["order"] = "x";
  CHECK_THROWS_WITH(loader.restore(state), Contains("damaged"));
  CHECK_THROWS_WITH(loader.restore(Json::object()), Contains("damaged"));
}

TEST_CASE("loader: an image that is not kept is loaded once for each time it comes, ahead") {
  const auto context = Context::create();
  const LoaderOptions kept{.batch = 2, .size = 8};
  LoaderOptions not_kept = kept;
  not_kept.cache_bytes = 0;
  const auto source = std::make_shared<FakeSource>(7, std::set<size_t>{3}),
             twin = std::make_shared<FakeSource>(7, std::set<size_t>{3});
  std::vector<std::string> warnings[2];
  {
    Loader loader(source, not_kept, Rng(5), [&](auto& text) { warnings[0].push_back(text); });
    Loader same(twin, kept, Rng(5), [&](auto& text) { warnings[1].push_back(text); });
    for (int n = 0; n < 30; ++n) {
      const Batch batch = loader.next(context), other = same.next(context);
      REQUIRE(keys_of(batch) == keys_of(other));
      REQUIRE(batch.images.to_vector() == other.images.to_vector());
      REQUIRE(loader.state() == same.state());
      CHECK(warnings[0] == warnings[1]);
    }
    CHECK(warnings[0].size() == 1);
  }
  int loads = 0;
  for (const auto& [index, times] : source->loads) loads += times;
  CHECK(loads <= 60 + 1 + 16);  // each that came, the damaged one, and those under way at the end
  CHECK(source->loads[3] == 1);
  // All that is kept is loaded once.
  for (const auto& [index, times] : twin->loads) CHECK(times == 1);
}
