// Image files that are odd but whole, that lie, or that announce more than they hold: what they
// decode to, what is refused, and how much memory that takes.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <string>

#include "engine/error.h"
#include "engine/io/image.h"
#include "tests/catch.h"
#include "tests/engine/jpeg_bytes.h"
#include "tests/png_bytes.h"

using namespace gsx;
using Catch::Matchers::Contains;

namespace {

using Bytes = std::vector<uint8_t>;

std::string refusal(const Bytes& bytes, const ReadOptions& options = {}) {
  try {
    decode_image(bytes, "bad", options);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

Bytes rgb_of(const Bytes& file, const ReadOptions& options = {}) {
  return decode_image(file, "x", options).rgb;
}

std::string text(std::initializer_list<int> bytes) {
  std::string s;
  for (const int b : bytes) s += static_cast<char>(b);
  return s;
}

void insert(Bytes& into, size_t at, const std::string& what) {
  into.insert(into.begin() + static_cast<ptrdiff_t>(at), what.begin(), what.end());
}

// Whether `work` succeeds in a process that may take this much more address space than it has.
bool within(uint64_t bytes, const std::function<bool()>& work) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  (void)bytes;
  return work();  // a sanitizer's shadow memory knows no such limit
#else
  const pid_t child = fork();
  if (child == 0) {
    uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t most = pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) + bytes;
    const rlimit limit{most, most};
    int result = 2;
    try {
      if (setrlimit(RLIMIT_AS, &limit) == 0) result = work() ? 0 : 1;
    } catch (const std::exception&) {
    }
    _exit(result);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
#endif
}

}  // namespace

TEST_CASE("image files: a palette index beyond the palette is black, every time") {
  const std::string colours = chunk("PLTE", text({10, 20, 30}));
  const Bytes want = {10, 20, 30, 0, 0, 0, 0, 0, 0};
  for (const int depth : {2, 4, 8}) {
    INFO(depth);
    const std::string row = depth == 8   ? text({0, 0, 1, 3})
                            : depth == 4 ? text({0, 0x01, 0x30})
                                         : text({0, 0x1c});  // indices 0, 1, 3
    const std::string transparent = chunk("tRNS", text({255}));
    for (const std::string& extra : {colours, colours + transparent})
      for (int round = 0; round < 3; ++round)
        CHECK(rgb_of(png(3, 1, depth, 3, stored(row), extra)) == want);
  }
}

TEST_CASE("image files: what is transparent is laid over the background") {
  const auto v16 = [](int v) { return text({v, v}); };
  const std::string key = text({0, 0, 0, 100, 0, 150, 0, 200});
  struct Case {
    const char* what;
    Bytes file;      // one pixel of 100, 150, 200 (or grey 100), seen through, and one opaque
    Bytes on_white;  // the first pixel
    uint8_t alpha;
  };
  const Case cases[] = {
      {"RGBA",
       png(2, 1, 8, 6, stored(text({0, 100, 150, 200, 51, 1, 2, 3, 255}))),
       {224, 234, 244},
       51},
      {"RGBA, 16 bits",
       png(2, 1, 16, 6,
           stored(text({0}) + v16(100) + v16(150) + v16(200) + v16(51) + v16(1) + v16(2) + v16(3) +
                  v16(255))),
       {224, 234, 244},
       51},
      {"grey and alpha", png(2, 1, 8, 4, stored(text({0, 100, 51, 9, 255}))), {224, 224, 224}, 51},
      {"palette",
       png(2, 1, 8, 3, stored(text({0, 1, 0})),
           chunk("PLTE", text({1, 2, 3, 100, 150, 200})) + chunk("tRNS", text({255, 51}))),
       {224, 234, 244},
       51},
      {"a transparent grey",
       png(2, 1, 8, 0, stored(text({0, 100, 9})), chunk("tRNS", text({0, 100}))),
       {255, 255, 255},
       0},
      {"a transparent grey of 1 bit",
       png(2, 1, 1, 0, stored(text({0, 0x40})), chunk("tRNS", text({0, 0}))),
       {255, 255, 255},
       0},
      {"a transparent colour",
       png(2, 1, 8, 2, stored(text({0, 100, 150, 200, 1, 2, 3})), chunk("tRNS", key.substr(2))),
       {255, 255, 255},
       0},
      {"a transparent colour of 16 bits",
       png(2, 1, 16, 2, stored(text({0, 0, 100, 0, 150, 0, 200, 1, 1, 2, 2, 3, 3})),
           chunk("tRNS", key.substr(2))),
       {255, 255, 255},
       0}};
  for (const Case& c : cases) {
    INFO(c.what);
    const ImageAndAlpha read = decode_image_and_alpha(c.file, "x");
    CHECK(Bytes(read.image.pixel(0, 0), read.image.pixel(1, 0)) == c.on_white);
    REQUIRE(read.alpha.rgb.size() == 6);
    CHECK(Bytes(read.alpha.rgb) == Bytes{c.alpha, c.alpha, c.alpha, 255, 255, 255});
    // The opaque pixel is the same on any background, the other takes its part of it.
    const Image red = decode_image(c.file, "x", {.background = {200, 0, 0}});
    CHECK(std::equal(red.pixel(1, 0), red.pixel(1, 0) + 3, read.image.pixel(1, 0)));
    CHECK(red.pixel(0, 0)[1] == read.image.pixel(0, 0)[1] - (255 - c.alpha));
  }
  // Opaque files have no alpha, whether they could or not.
  CHECK(decode_image_and_alpha(png(1, 1, 8, 6, stored(text({0, 1, 2, 3, 255}))), "x")
            .alpha.rgb.empty());
  // What does not fit is no transparency.
  const Bytes bad = png(1, 1, 8, 2, stored(text({0, 1, 2, 3})), chunk("tRNS", text({0, 1})));
  CHECK(rgb_of(bad) == Bytes{1, 2, 3});
}

TEST_CASE("image files: alpha is turned upright with its image, and written") {
  const std::string quarter_turn =
      std::string("II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0", 26);
  const ImageAndAlpha read = decode_image_and_alpha(
      png(2, 1, 8, 4, stored(text({0, 100, 0, 7, 255})), chunk("eXIf", quarter_turn)), "x");
  CHECK(read.alpha.width == 1);
  CHECK(read.alpha.rgb == Bytes{0, 0, 0, 255, 255, 255});

  Image image(3, 2), alpha(3, 2);
  for (size_t i = 0; i < image.rgb.size(); ++i) {
    image.rgb[i] = static_cast<uint8_t>(13 * i);
    alpha.rgb[i] = static_cast<uint8_t>(50 * (i / 3));
  }
  const ImageAndAlpha back = decode_image_and_alpha(encode_png(image, alpha), "x");
  CHECK(back.alpha == alpha);
  CHECK(encode_png(image, Image()) == encode_png(image));
  CHECK_THROWS_WITH(encode_png(image, Image(2, 3)), Contains("alpha of 3 x 2, got 2 x 3"));
  Image lying(3, 2);
  lying.width = 1 << 30;
  lying.height = 1 << 30;
  CHECK_THROWS_WITH(encode_png(lying), Contains("1073741824 x 1073741824"));
}

TEST_CASE("image files: padding around the pixels of a PNG does no harm") {
  const std::string pixels = stored(text({0, 1, 2, 3}));
  const Bytes want = {1, 2, 3}, plain = png(1, 1, 8, 2, pixels);
  CHECK(rgb_of(png(1, 1, 8, 2, pixels + std::string(200'000, '\0'))) == want);
  CHECK(rgb_of(png(1, 1, 8, 2, pixels + "anything")) == want);
  Bytes file = plain;
  insert(file, file.size(), "anything");
  CHECK(rgb_of(file) == want);
  // Pixels in many chunks, empty ones and one of only padding among them.
  std::string pieces;
  for (const char c : pixels) pieces += chunk("IDAT", std::string(1, c)) + chunk("IDAT", "");
  CHECK(rgb_of(png(1, 1, 8, 2, "padding", pieces)) == want);
  CHECK_THAT(refusal(png(1, 1, 8, 2, pixels.substr(0, pixels.size() - 1))),
             Contains("missing pixel data"));
}

TEST_CASE("image files: too many pixels are refused by a limit that can be raised") {
  const Bytes file = png(4, 3, 1, 0, stored(text({0, 0, 0, 0, 0, 0})));
  CHECK(refusal(file, {.max_pixels = 12}).empty());
  CHECK_THAT(refusal(file, {.max_pixels = 11}),
             Contains("bad has 4 x 3 pixels") && Contains("--max-pixels"));
  CHECK_THAT(refusal(png(9999, 9999, 8, 2, stored("x"))), Contains("has 9999 x 9999 pixels"));
  CHECK_THAT(refusal(jpeg({.width = 24, .height = 16}), {.max_pixels = 100}),
             Contains("has 24 x 16 pixels"));
}

TEST_CASE("image files: memory goes by what a file holds, not by what it announces") {
  constexpr uint64_t kMiB = 1 << 20;
  const ReadOptions any{.max_pixels = kMostImagePixels};
  const auto refused = [&](const Bytes& file) {
    return within(8 * kMiB, [&] { return !refusal(file, any).empty(); });
  };
  CHECK(refused(png(9999, 9999, 8, 2, stored("x"))));
  CHECK(refused(png(9999, 9999, 16, 6, stored(std::string(70'000, '\0')))));
  CHECK(refused(png(15'000, 15'000, 8, 3, stored("x"), chunk("PLTE", "abc"))));
  for (const bool progressive : {false, true}) {
    Bytes file = jpeg({.width = 64, .height = 64, .progressive = progressive});
    announce(file, 15'000, 15'000);
    CHECK(refused(file));
  }
  // A whole image takes a few times its own size.
  const std::string rows = std::string(1 + 2048 / 8, '\0');
  std::string all;
  for (int i = 0; i < 2048; ++i) all += rows;
  const Bytes large = png(2048, 2048, 1, 0, stored(all));
  CHECK(within(24 * kMiB, [&] { return rgb_of(large).size() == 12 * kMiB; }));
  const Bytes source = jpeg({.width = 2048, .height = 2048});
  CHECK(within(20 * kMiB, [&] { return rgb_of(source).size() == 12 * kMiB; }));
}

TEST_CASE("image files: jpeg of every kind that cameras and Photoshop write") {
  struct Case {
    const char* what;
    JpegKind kind;
  };
  for (const Case& c : {Case{"colour", {}},
                        {"grey", {.components = 1}},
                        {"inks", {.components = 4}},
                        {"progressive", {.progressive = true}},
                        {"restart markers", {.restart_every = 2}},
                        {"scans apart", {.apart = true}}}) {
    INFO(c.what);
    Bytes file = jpeg(c.kind);
    const Image image = decode_image(file, "x");
    CHECK(image.width == c.kind.width);
    CHECK(image.height == c.kind.height);
    // The middle of the flat left half; see jpeg_bytes.h.
    const uint8_t* p = image.pixel(3, 7);
    const Bytes want = c.kind.components == 1   ? Bytes{180, 180, 180}
                       : c.kind.components == 4 ? Bytes{141, 71, 31}
                                                : Bytes{180, 90, 40};
    for (int i = 0; i < 3; ++i) CHECK(std::abs(p[i] - want[i]) <= 3);
    // Markers nobody knows, fill bytes, and what stands before and behind the image.
    insert(file, 2, text({0xff, 0xff, 0xff, 0xeb, 0, 4, 1, 2, 0xff, 0xfe, 0, 3, 'c'}));
    for (const std::string before : {"", "\r\n", "\xef\xbb\xbf", "\xff", "some junk"}) {
      Bytes odd = file;
      insert(odd, 0, before);
      insert(odd, odd.size(), "more");
      CHECK(rgb_of(odd) == image.rgb);
    }
  }
}

TEST_CASE("image files: a jpeg cut in mid-scan is refused, also with an end put behind") {
  for (const JpegKind& kind : {JpegKind{}, {.restart_every = 2}, {.progressive = true}}) {
    const Bytes whole = jpeg(kind);
    const size_t scan = scan_start(whole);
    for (size_t n = scan; n + 4 < whole.size(); ++n) {
      Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n));
      INFO(n << " of " << whole.size());
      CHECK_THAT(refusal(cut), Contains("libjpeg says"));
      insert(cut, cut.size(), "\xff\xd9");
      CHECK_THAT(refusal(cut), Contains("libjpeg says") || Contains("lacks a scan"));
    }
  }
  Bytes one_scan = jpeg({.apart = true});
  one_scan.resize(next_scan(one_scan));
  insert(one_scan, one_scan.size(), "\xff\xd9");
  CHECK_THAT(refusal(one_scan), Contains("lacks a scan"));
}

TEST_CASE("image files: jpeg that nothing here decodes") {
  CHECK_THAT(refusal(jpeg({.arithmetic = true})), Contains("arithmetic"));
  Bytes two = jpeg({.components = 2});
  CHECK_THAT(refusal(two), Contains("2 colour components"));
  CHECK_THAT(refusal({0xff, 0xd8}), Contains("bad is"));
  CHECK_THAT(refusal({0xff, 0xd8, 0xff, 0xd9}), Contains("libjpeg says"));
}
