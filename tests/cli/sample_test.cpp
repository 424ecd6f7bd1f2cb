// gsx sample as users run it, and what other commands say of networks that take noise.
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

std::string tiny_sngan(const fs::path& folder) {
  return save_network(folder / "sngan.safetensors", "sngan",
                      {{"width", 4}, {"latent", 6}, {"blocks", 2}});
}

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void refused(const std::vector<std::string>& command, int code, const std::string& text) {
  const ProcessResult r = run_program(command);
  INFO(r.err);
  CHECK(r.exit_code == code);
  CHECK(r.err.find(text) != std::string::npos);
}

}  // namespace

TEST_CASE("sample: a sheet, the same for the same seed") {
  const TempDir dir;
  const std::string model = tiny_sngan(dir.path());
  const auto draw = [&](const std::string& name, const std::string& seed) {
    const fs::path out = dir.path() / name;
    const ProcessResult r =
        run_program({"sample", model, "--out", out.string(), "--count", "5", "--seed", seed});
    INFO(r.err);
    REQUIRE(r.exit_code == 0);
    return out;
  };
  const fs::path one = draw("one.png", "7");
  const gsx::Image sheet = gsx::read_image(one);
  CHECK(sheet.width == 3 * 16 + 4 * 4);  // three columns, two rows, gaps of four pixels
  CHECK(sheet.height == 2 * 16 + 3 * 4);
  CHECK(bytes_of(draw("two.png", "7")) == bytes_of(one));
  CHECK(bytes_of(draw("three.png", "8")) != bytes_of(one));
}

TEST_CASE("sample: a folder gets a file for each image, the same whatever their count") {
  const TempDir dir;
  const std::string model = tiny_sngan(dir.path());
  const auto draw = [&](const std::string& name, const std::string& count) {
    const ProcessResult r = run_program(
        {"sample", model, "--out", (dir.path() / name).string(), "--count", count, "--json"});
    INFO(r.err);
    REQUIRE(r.exit_code == 0);
    CHECK(nlohmann::json::parse(r.out).at("count") == std::stoi(count));
  };
  draw("few", "2");
  draw("more", "4");
  CHECK(bytes_of(dir.path() / "few/000001.png") == bytes_of(dir.path() / "more/000001.png"));
  CHECK(gsx::read_image(dir.path() / "more/000003.png").width == 16);
  CHECK_FALSE(fs::exists(dir.path() / "few/000002.png"));

  // What lies there is not replaced, and nothing else is written then.
  const std::string before = bytes_of(dir.path() / "few/000001.png");
  refused({"sample", model, "--out", (dir.path() / "few").string(), "--count", "4", "--seed", "9"},
          1, "000000.png is there already; remove it or choose another folder");
  CHECK(bytes_of(dir.path() / "few/000001.png") == before);
  CHECK_FALSE(fs::exists(dir.path() / "few/000003.png"));
}

TEST_CASE("sample and translate say which of them a network is for") {
  const TempDir dir;
  const std::string noise = tiny_sngan(dir.path());
  const std::string images = save_generator(dir.path() / "style.safetensors");
  const std::string photo = save_image(dir.path() / "photo.png", 3);
  const std::string out = (dir.path() / "out.png").string();
  refused({"sample", images, "--out", out}, 1, "gsx translate sends images through it");
  refused({"translate", noise, photo, "--out", out}, 1,
          "makes images of 6 random numbers, not of images");
  refused({"eval", images, "--data", dir.path().string(), "--teacher", noise}, 1,
          "--teacher: " + noise + " must take what " + images +
              " takes, images, got one that takes "
              "6 random numbers");
  refused({"sample", noise, "--out", noise}, 2, "must name a .png file");
  refused({"sample", noise, "--out", out.substr(0, out.size() - 4) + ".jpg"}, 2,
          "must name a .png file");
  const std::string odd = (dir.path() / "odd.png").string();
  fs::copy_file(noise, odd);
  refused({"sample", odd, "--out", odd}, 1, "is a file of the model and would be replaced");
  refused({"sample", noise, "--out", out, "--count", "0"}, 2, "--count");
  refused({"sample", noise, "--out", out, "--count", "10001"}, 2, "up to 10000");
  CHECK_FALSE(fs::exists(out));
}

TEST_CASE("inspect and train know networks that take noise") {
  const ProcessResult r = run_program({"inspect", "sngan", "--json"});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  const auto g = nlohmann::json::parse(r.out);
  CHECK(g.at("params") == 4276739);
  CHECK(g.at("macs_paper") == 1680605184.0);
  // Inside the blocks, as the paper's figures say, and of the last sum.
  CHECK(g.at("prunable").at("norm") == 3 * 256 + 256);
  CHECK(run_program({"train", "--help"}).out.find("sngan") != std::string::npos);
}
