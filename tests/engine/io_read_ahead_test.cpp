// Loading ahead: what comes out is what was asked for, however threads fare; files that change or
// go while a loader runs.
#include "engine/io/read_ahead.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "engine/error.h"
#include "engine/io/dataset.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

// A grey of its own for each number.
Image numbered(size_t i, int side = 4) {
  Image image(side, side);
  std::fill(image.rgb.begin(), image.rgb.end(), static_cast<uint8_t>(i));
  return image;
}

// Waits for what another thread does; false after ten seconds.
template <class F>
bool comes(F&& f) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(10);
  while (!f() && Clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return f();
}

}  // namespace

TEST_CASE("threads: images loaded ahead are those asked for, in any order") {
  std::atomic<int> loads = 0;
  ReadAhead ahead(
      [&](size_t i) {
        ++loads;
        if (i % 7 == 3) fail("image: number ", i, " is cut off");
        return numbered(i);
      },
      1 << 20);
  for (int round = 0; round < 20; ++round) {
    for (size_t i = 0; i < 30; ++i) ahead.want(i);
    for (size_t i = 0; i < 30; ++i) {
      const size_t which = round % 2 ? 29 - i : i;  // against the order too
      if (which % 7 == 3)
        CHECK_THROWS_WITH(ahead.take(which), Contains("number " + std::to_string(which)));
      else CHECK(ahead.take(which) == numbered(which));
    }
  }
  CHECK(loads == 600);
  CHECK(ahead.take(99) == numbered(99));  // never wanted
}

TEST_CASE("threads: no more is loaded ahead than there is room for") {
  std::atomic<int> loads = 0;
  constexpr uint64_t kBytes = 3 * 16 * 16;
  ReadAhead ahead(
      [&](size_t i) {
        ++loads;
        return numbered(i, 16);
      },
      2 * kBytes);
  for (size_t i = 0; i < 20; ++i) ahead.want(i);
  CHECK(comes([&] { return loads >= 2; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  CHECK(loads <= 2 + 3);  // what is under way when there is no more room, with four threads
  for (size_t i = 0; i < 20; ++i) CHECK(ahead.take(i) == numbered(i, 16));
  CHECK(loads == 20);
  // An image larger than the room still comes.
  ReadAhead tight([](size_t i) { return numbered(i, 16); }, 1);
  for (size_t i = 0; i < 5; ++i) tight.want(i);
  for (size_t i = 0; i < 5; ++i) CHECK(tight.take(i) == numbered(i, 16));
}

TEST_CASE("threads: who stops waits for what is being loaded, not for all that is wanted") {
  std::atomic<int> loads = 0;
  {
    ReadAhead ahead(
        [&](size_t i) {
          ++loads;
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
          return numbered(i);
        },
        1 << 30);
    for (size_t i = 0; i < 500; ++i) ahead.want(i);
    CHECK(comes([&] { return loads > 0; }));
  }
  CHECK(loads < 100);
}

TEST_CASE("threads: a loader gives the same with and without images loaded ahead") {
  const auto context = Context::create();
  const TempDir dir;
  for (int i = 0; i < 9; ++i) write_png(dir / (std::to_string(i) + ".png"), numbered(i, 12 + i));
  write_text(dir / "4.png", "no image");
  const auto make = [&](int ahead, uint64_t cache) {
    return std::make_unique<Loader>(
        folder_source(dir.path()),
        LoaderOptions{.batch = 2, .load_size = 12, .size = 8, .cache_bytes = cache, .ahead = ahead},
        Rng(3), nullptr);
  };
  auto plain = make(0, 0), far = make(16, 0), kept = make(5, 1 << 20);
  for (int n = 0; n < 25; ++n) {
    const Batch want = plain->next(context);
    for (Loader* other : {far.get(), kept.get()}) {
      const Batch got = other->next(context);
      REQUIRE(got.images.to_vector() == want.images.to_vector());
      REQUIRE(other->state() == plain->state());
    }
    if (n % 7 == 6) {  // resumed in the middle of what is being loaded
      const Json state = Json::parse(far->state().dump());
      for (int more = 0; more < n % 3; ++more) far->next(context);
      far->restore(state);
      kept = make(3, 0);
      kept->restore(state);
    }
  }
}

TEST_CASE("data: files that change or go while a run reads them are named and left out") {
  const auto context = Context::create();
  const TempDir dir;
  for (int i = 0; i < 4; ++i) write_png(dir / (std::to_string(i) + ".png"), numbered(i, 9));
  std::vector<std::string> warnings;
  Loader loader(folder_source(dir.path()), {.batch = 4, .size = 8, .cache_bytes = 0, .ahead = 0},
                Rng(1), [&](const std::string& text) { warnings.push_back(text); });
  loader.next(context);
  CHECK(warnings.empty());
  write_png(dir / "1.png", numbered(9, 20));
  fs::remove(dir / "2.png");
  for (int n = 0; n < 3; ++n)
    for (const Sample& sample : loader.next(context).samples)
      CHECK((sample.key == "0.png" || sample.key == "3.png"));
  REQUIRE(warnings.size() == 2);
  std::sort(warnings.begin(), warnings.end());
  CHECK_THAT(warnings[0], Contains("1.png has changed since it was first read; skipped"));
  CHECK_THAT(warnings[1], Contains("2.png: No such file or directory; skipped"));
}
