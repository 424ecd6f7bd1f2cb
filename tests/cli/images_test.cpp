// What translate, eval and train make of images with transparency, and of too large ones.
#include <fstream>
#include <iterator>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/png_bytes.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

// 16 x 16 pixels of RGBA, of which the left half is transparent red.
std::string transparent_png() {
  std::string rows;
  for (int y = 0; y < 16; ++y) {
    rows += '\0';
    for (int x = 0; x < 16; ++x)
      rows += x < 8 ? std::string("\xff\0\0\0", 4) : std::string("\0\x40\x80\xff", 4);
  }
  const auto bytes = png(16, 16, 8, 6, stored(rows));
  return {bytes.begin(), bytes.end()};
}

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// 2: RGB, 6: RGBA.
int colour_type(const fs::path& png) { return read_text(png).at(25); }

}  // namespace

TEST_CASE("the same pixels give the same result, whatever the format of their file") {
  const TempDir dir;
  const std::string run = (dir / "run").string();
  REQUIRE(run_program({"train", "--out", run, "--method", "dense", "--size", "16", "--width", "4",
                       "--blocks", "1", "--dense-steps", "1", "--threads", "1"})
              .exit_code == 0);
  constexpr int kSide = 16;
  std::string down, up, png_rows;  // rows as TIFF, PPM and PNG have them; as BMP does
  for (int y = 0; y < kSide; ++y) {
    std::string rgb, bgr;
    for (int x = 0; x < kSide; ++x) {
      const char r = static_cast<char>(16 * x), g = static_cast<char>(255 - 9 * y), b = 77;
      rgb += {r, g, b};
      bgr += {b, g, r};
    }
    down += rgb;
    up = bgr + up;
    png_rows += '\0' + rgb;
  }
  const auto n = [](uint32_t v, int bytes) {
    std::string s;
    for (int i = 0; i < bytes; ++i) s += static_cast<char>(v >> 8 * i);
    return s;
  };
  const auto made = png(kSide, kSide, 8, 2, stored(png_rows));
  fs::create_directory(dir / "in");
  write_text(dir / "in/a.png", {made.begin(), made.end()});
  write_text(dir / "in/b.ppm", "P6 16 16 255\n" + down);
  write_text(dir / "in/c.bmp", "BM" + n(54 + 768, 4) + n(0, 4) + n(54, 4) + n(40, 4) + n(kSide, 4) +
                                   n(kSide, 4) + n(1, 2) + n(24, 2) + n(0, 24) + up);
  std::string entries;
  for (const auto& [tag, value] : {std::pair{256, kSide},
                                   {257, kSide},
                                   {258, 8},
                                   {259, 1},
                                   {262, 2},
                                   {273, 8},
                                   {277, 3},
                                   {278, kSide},
                                   {279, 768}})
    entries +=
        n(static_cast<uint32_t>(tag), 2) + n(3, 2) + n(1, 4) + n(static_cast<uint32_t>(value), 4);
  write_text(dir / "in/d.tif",
             "II*" + n(0, 1) + n(8 + 768, 4) + down + n(9, 2) + entries + n(0, 4));
  const ProcessResult r = run_program({"translate", run + "/model.safetensors",
                                       (dir / "in").string(), "--out", (dir / "out").string()});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  for (const char* name : {"b.png", "c.png", "d.png"})
    CHECK(read_text(dir / "out" / name) == read_text(dir / "out/a.png"));
}

TEST_CASE("transparent and too large images") {
  const TempDir dir;
  const std::string run = (dir / "run").string(), sources = (dir / "photos").string();
  const std::vector<std::string> tiny = {
      "train", "--out",    run, "--method",      "dense", "--size",    "16", "--width",
      "4",     "--blocks", "1", "--dense-steps", "1",     "--threads", "1"};
  REQUIRE(run_program(tiny).exit_code == 0);
  const std::string model = (dir / "run/model.safetensors").string();
  fs::create_directory(sources);
  write_text(dir / "photos/a.png", transparent_png());
  write_text(dir / "photos/b.png", transparent_png());

  const auto translate = [&](const std::string& out, std::vector<std::string> flags) {
    std::vector<std::string> command = {"translate", model, sources, "--out", (dir / out).string()};
    command.insert(command.end(), flags.begin(), flags.end());
    const ProcessResult r = run_program(command);
    INFO(r.err);
    CHECK(r.exit_code == 0);
    CHECK(count(r.err, "transparent parts of") == 1);
    return r.err;
  };
  CHECK(count(translate("white", {}), "laid on white") == 1);
  CHECK(count(translate("hex", {"--background", "#FFffFF"}), "laid on #FFffFF") == 1);
  translate("black", {"--background", "black"});
  translate("kept", {"--keep-alpha"});
  CHECK(read_text(dir / "white/a.png") == read_text(dir / "hex/a.png"));
  CHECK(read_text(dir / "white/a.png") != read_text(dir / "black/a.png"));
  CHECK(colour_type(dir / "white/a.png") == 2);
  CHECK(colour_type(dir / "kept/a.png") == 6);
  for (const char* colour : {"whitish", "#12345", "#12345g", "#-12345", "123456", ""}) {
    const ProcessResult r = run_program(
        {"translate", model, sources, "--out", (dir / "x").string(), "--background", colour});
    CHECK(r.exit_code == 2);
    const char* said = *colour ? "white, black or #rrggbb" : "expected a value, got an empty one";
    CHECK(count(r.err, said) == 1);
  }

  std::vector<std::string> train = {"train", "--data", sources, "--out", (dir / "second").string()};
  train.insert(train.end(), tiny.begin() + 3, tiny.end());
  for (std::vector<std::string> command :
       {std::vector<std::string>{"translate", model, sources, "--out", (dir / "y").string()},
        {"eval", model, "--data", sources},
        train}) {
    INFO(command[0]);
    command.insert(command.end(), {"--max-pixels", "255"});
    const ProcessResult r = run_program(command);
    CHECK(r.exit_code == 1);
    CHECK(count(r.err, "a.png has 16 x 16 pixels") >= 1);
    command.back() = "0";
    CHECK(run_program(command).exit_code == 2);
  }
}

TEST_CASE("a large image goes by bands of rows where --max-memory asks for it, or is refused") {
  const TempDir dir;
  const std::string run = (dir / "run").string(), image = (dir / "large.png").string();
  REQUIRE(run_program({"train", "--out",        run,  "--method",         "gs8", "--size",
                       "16",    "--width",      "16", "--blocks",         "1",   "--dense-steps",
                       "1",     "--slim-steps", "1",  "--finetune-steps", "1",   "--target-ratio",
                       "4.1",   "--threads",    "1"})
              .exit_code == 0);
  constexpr int kWidth = 2000, kHeight = 1000;
  std::string rows;
  for (int y = 0; y < kHeight; ++y) {
    rows += '\0';
    for (int x = 0; x < kWidth; ++x) rows += {char(x * y), char(x / 9), char(y / 7)};
  }
  const auto bytes = png(kWidth, kHeight, 8, 2, stored(rows));
  std::ofstream(image, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto translate = [&](const std::string& in, const std::string& out,
                             const std::vector<std::string>& flags) {
    std::vector<std::string> command = {"translate", run + "/model.safetensors", in, "--out",
                                        (dir / out).string()};
    command.insert(command.end(), flags.begin(), flags.end());
    return run_program(command);
  };
  REQUIRE(translate(image, "whole.png", {}).exit_code == 0);

  const ProcessResult refused = translate(image, "none.png", {"--max-memory", "20M"});
  CHECK(refused.exit_code == 1);
  CHECK(!fs::exists(dir / "none.png"));
  const auto needed = [](const std::string& error) {  // megabytes
    const std::string needs = "2000 x 1000 needs about ";
    const size_t at = error.find(needs);
    INFO(error);
    REQUIRE(at != std::string::npos);
    return std::stoi(error.substr(at + needs.size()));
  };
  CHECK(count(refused.err, "and --max-memory leaves ") == 1);

  // What bands need, what the program takes by itself, and the image.
  const std::string most = std::to_string(needed(refused.err) + 40) + "M";
  const ProcessResult r = translate(image, "bands.png", {"--max-memory", most});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  CHECK(count(r.err, "by bands of rows") == 1);
  CHECK(read_text(dir / "bands.png") == read_text(dir / "whole.png"));
  CHECK(translate(image, "x.png", {"--max-memory", "0"}).exit_code == 2);

  // Tensors alike.
  const std::string tensor = (dir / "large.npy").string();
  {
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 1000, 2000), }";
    header.resize(118 - 1, ' ');
    std::ofstream out(tensor, std::ios::binary);
    out << std::string("\x93NUMPY\x01\x00\x76\x00", 10) << header << '\n';
    const std::vector<float> row(kWidth, 0.25f);
    for (int i = 0; i < 3 * kHeight; ++i)
      out.write(reinterpret_cast<const char*>(row.data()), kWidth * sizeof(float));
  }
  const ProcessResult all = translate(tensor, "whole.npy", {});
  INFO(all.err);
  REQUIRE(all.exit_code == 0);
  const ProcessResult few = translate(tensor, "none.npy", {"--max-memory", "20M"});
  CHECK(few.exit_code == 1);
  const std::string most_of_it = std::to_string(needed(few.err) + 30) + "M";
  const ProcessResult banded = translate(tensor, "bands.npy", {"--max-memory", most_of_it});
  INFO(banded.err);
  REQUIRE(banded.exit_code == 0);
  CHECK(count(banded.err, "by bands of rows") == 1);
  CHECK(read_text(dir / "bands.npy") == read_text(dir / "whole.npy"));
}
