// gsx translate and the files of its users: inputs and models are never replaced, results go where
// they were sent, and what cannot be written is known before work.
#include <map>
#include <nlohmann/json.hpp>

#include "engine/io/npy.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

// Every file below a folder with its bytes; links with where they lead.
std::map<std::string, std::string> everything_in(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    std::string& content = all[entry.path().string()];
    if (entry.is_symlink()) content = "-> " + fs::read_symlink(entry.path()).string();
    else if (entry.is_regular_file()) content = read_text(entry.path());
  }
  return all;
}

struct Place {
  Place() {
    fs::create_directory(dir / "photos");
    model = save_generator(dir / "model.safetensors");
    save_image(dir / "photos/a.png", 1);
    save_image(dir / "photos/b.png", 2);
  }
  // Runs translate in the folder, so that tests can speak of short names.
  ProcessResult translate(std::vector<std::string> inputs, const std::string& out,
                          std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {"translate", model};
    words.insert(words.end(), inputs.begin(), inputs.end());
    words.insert(words.end(), {"--out", out, "--threads", "1"});
    words.insert(words.end(), more.begin(), more.end());
    ProcessOptions options;
    options.folder = dir.path();
    return run_program(words, options);
  }
  void refuses(const std::vector<std::string>& inputs, const std::string& out,
               const std::string& why, int code = 1) const {
    const auto before = everything_in(dir.path());
    const ProcessResult r = translate(inputs, out);
    INFO("--out " << out << ": " << r.err);
    CHECK(r.exit_code == code);
    CHECK(r.out.empty());
    CHECK(r.err.find(why) != std::string::npos);
    CHECK(everything_in(dir.path()) == before);
  }
  void makes(const std::vector<std::string>& inputs, const std::string& out,
             const std::vector<std::string>& results) const {
    const ProcessResult r = translate(inputs, out);
    INFO("--out " << out << ": " << r.err);
    CHECK(r.exit_code == 0);
    for (const std::string& result : results) CHECK(gsx::read_image(dir / result).width == 16);
  }

  TempDir dir;
  std::string model;
};

}  // namespace

TEST_CASE("translate never replaces an input or the model, whatever the name") {
  Place p;
  fs::create_directory_symlink("photos", p.dir / "same");
  fs::create_symlink("photos/a.png", p.dir / "link.png");
  fs::create_hard_link(p.dir / "photos/a.png", p.dir / "hard.png");
  gsx::write_npy(p.dir / "t.npy", gsx::Tensor::zeros(gsx::Context::create(), {1, 3, 16, 16}));
  const std::string input = "would replace the input photos/a.png";
  p.refuses({"photos"}, "photos", "--out: photos is a folder of inputs");
  p.refuses({"photos"}, "same", "--out: same is a folder of inputs");
  p.refuses({"photos/a.png"}, "photos", input);
  p.refuses({"photos/a.png"}, "photos/a.png", input);
  p.refuses({"photos/a.png"}, "photos/../same/./a.png", input);
  p.refuses({"photos/a.png"}, "link.png", input);
  p.refuses({"photos/a.png"}, "hard.png", input);
  p.refuses({"link.png"}, "photos/a.png", "would replace the input link.png");
  p.refuses({"photos/a.png", "photos/b.png"}, "same", input);
  p.refuses({"t.npy"}, "t.npy", "would replace the input t.npy");

  fs::copy_file(p.model, p.dir / "model.png");
  p.model = (p.dir / "model.png").string();
  p.refuses({"photos/a.png"}, "model.png", "a file of the model");
}

TEST_CASE("translate keeps results apart from each other and from images nobody named") {
  const Place p;
  fs::create_directory(p.dir / "more");
  save_image(p.dir / "more/a.png", 3);
  p.refuses({"photos", "more"}, "out", "would be written to out/a.png");
  // A result that two names of the folder lead to.
  fs::create_directory(p.dir / "out");
  save_image(p.dir / "out/b.png", 4);
  fs::create_symlink("b.png", p.dir / "out/a.png");
  p.refuses({"photos"}, "out", "would be written to");
  // b.jpeg is given; b.png beside it is somebody's image, too.
  fs::copy_file(p.dir / "photos/a.png", p.dir / "photos/b.jpeg");
  p.refuses({"photos/b.jpeg"}, "photos", "photos/b.png is there already, among the inputs");
}

TEST_CASE("several inputs need a folder, and an image's name is none") {
  const Place p;
  p.refuses({"photos/a.png", "photos/b.png"}, "x.png", "x.png is named as an image", 2);
  p.refuses({"photos"}, "x.webp", "x.webp is named as an image", 2);
  p.refuses({"photos"}, "model.safetensors", "model.safetensors is a file");
  p.refuses({"photos/a.png"}, "x.jpg", "is a .png file, got x.jpg", 2);
  fs::create_directory(p.dir / "folder.png");
  p.makes({"photos"}, "folder.png", {"folder.png/a.png", "folder.png/b.png"});
}

TEST_CASE("translate writes where --out leads: through links, into new folders, in any case") {
  const Place p;
  save_image(p.dir / "old.png", 5, 8, 8);
  fs::create_symlink("old.png", p.dir / "link.png");
  fs::create_directory(p.dir / "elsewhere");
  fs::create_directory_symlink("elsewhere", p.dir / "shelf");
  p.makes({"photos/a.png"}, "link.png", {"old.png"});
  CHECK(fs::is_symlink(p.dir / "link.png"));
  p.makes({"photos"}, "shelf", {"elsewhere/a.png"});
  p.makes({"photos/a.png"}, "X.PNG", {"X.PNG"});
  p.makes({"photos/a.png"}, "one/two/x.png", {"one/two/x.png"});
  p.makes({"photos"}, "three/four", {"three/four/a.png"});
  p.makes({"photos"}, "three/four", {"three/four/a.png"});  // results of an earlier run may go
  fs::create_symlink("circle.png", p.dir / "circle.png");
  p.refuses({"photos/a.png"}, "circle.png", "leads in circles");
}

TEST_CASE("what translate cannot write is refused before work") {
  const Place p;
  p.refuses({"photos"}, "model.safetensors/out", "cannot make the folder");
  p.refuses({"photos/a.png"}, "model.safetensors/x.png", "cannot make the folder");
  p.refuses({"photos/a.png"}, std::string(300, 'x') + ".png", "--out: cannot write");
  p.refuses({std::string(300, 'x')}, "out", "cannot read xxx");
}

TEST_CASE(
    "results of a folder do not go among its images, where they would be inputs the next time") {
  Place p;
  fs::remove_all(p.dir / "photos");
  fs::create_directory(p.dir / "photos");
  fs::create_directory_symlink("photos", p.dir / "same");
  std::string pixels = "P6 16 16 255\n";
  pixels.append(3 * 16 * 16, 'x');
  write_text(p.dir / "photos/a.ppm", pixels);
  for (const char* out : {"photos", "photos/", "./same"})
    p.refuses({"photos"}, out, "is a folder of inputs, among which the results would be");
  p.refuses({"photos/a.ppm", "same"}, "photos", "is a folder of inputs");
  // A single image of it may, as it was named itself.
  p.makes({"photos/a.ppm"}, "photos", {"photos/a.png"});
  write_text(p.dir / "plain", "");
  p.refuses(
      {"photos/a.ppm"}, "plain",
      "plain is a file without the suffix .png of a result; name a folder, or a file that ends "
      "in .png");
}

TEST_CASE("translate names what it leaves out of folders and works with any name") {
  const Place p;
  const fs::path odd = p.dir / "odd";
  fs::create_directories(odd / "deeper.png");
  const std::string latin = "caf\xe9.png", escape = "a\x1b[31mb\n.png";
  save_image(odd / latin, 3);
  write_text(odd / "1.avif", "");
  write_text(odd / "2.AVIF", "");
  write_text(odd / "3.heic", "");
  write_text(odd / escape, "no image");
  write_text(odd / "broken.npy", "no tensor");
  const ProcessResult r = p.translate({"odd"}, "out", {"--json"});
  INFO(r.err);
  CHECK(r.exit_code == 1);
  CHECK(
      r.err.find("warning: left out of odd: 2 .avif, 1 .heic, 1 folder; gsx reads JPEG, PNG, WebP, "
                 "TIFF, BMP and PPM\n") != std::string::npos);
  CHECK(r.err.find("a?[31mb?.png") != std::string::npos);
  CHECK(r.err.find("broken.npy") != std::string::npos);
  CHECK(r.err.find("2 of 3 inputs could not be translated") != std::string::npos);
  CHECK(r.err.find('\x1b') == std::string::npos);
  const auto json = nlohmann::json::parse(r.out);
  CHECK(json.at("written").size() == 1);
  CHECK(fs::exists(p.dir / "out" / latin));
}

TEST_CASE("a folder of tensors alone is translated") {
  const Place p;
  fs::create_directory(p.dir / "tensors");
  gsx::write_npy(p.dir / "tensors/t.NPY",
                 gsx::Tensor::zeros(gsx::Context::create(), {1, 3, 16, 16}));
  const ProcessResult r = p.translate({"tensors"}, "out");
  INFO(r.err);
  CHECK(r.exit_code == 0);
  CHECK(fs::exists(p.dir / "out/t.npy"));
}
