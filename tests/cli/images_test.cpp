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
