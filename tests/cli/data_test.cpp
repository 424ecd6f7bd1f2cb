// Folders and lists of images as users hold them, through the program: what is read, what is told,
// and what is lost to nobody.
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Four photos, two of them deeper.
struct Photos {
  Photos() {
    fs::create_directories(dir / "photos/x/y");
    int number = 0;
    for (const char* name : {"a.png", "b.png", "x/c.png", "x/y/d.png"})
      save_image(dir / "photos" / name, ++number);
    model = save_generator(dir / "model.safetensors");
    options.folder = dir.path();
  }
  ProcessResult run(const std::vector<std::string>& words) const {
    return run_program(words, options);
  }
  ProcessResult train(const std::string& data, const std::string& out) const {
    return run({"train", "--teacher", model, "--data", data, "--out", out, "--size", "16",
                "--target-ratio", "3", "--slim-steps", "3", "--finetune-steps", "2",
                "--discriminator-steps", "2", "--threads", "1"});
  }
  TempDir dir;
  std::string model;
  ProcessOptions options;
};

}  // namespace

TEST_CASE("a list of a folder's images trains the same student as the folder") {
  const Photos p;
  write_text(p.dir / "list.txt",
             "# in the folder's order\nphotos/a.png\n\nphotos/b.png\n"
             "photos/x/../x/c.png\nphotos/x/y/d.png\nphotos/b.png\n");
  const ProcessResult folder = p.train("photos", "one"), list = p.train("list.txt", "two");
  INFO(folder.err << list.err);
  REQUIRE(folder.exit_code == 0);
  REQUIRE(list.exit_code == 0);
  CHECK(contains(folder.err, "4 images in 3 folders"));
  CHECK(contains(list.err, "left out of " + (p.dir / "list.txt").string() +
                               ": 1 name of what is read already"));
  CHECK(read_text(p.dir / "one/model.safetensors") == read_text(p.dir / "two/model.safetensors"));

  const auto scores = [&](const std::string& data) {
    const ProcessResult r =
        p.run({"eval", p.model, "--data", data, "--teacher", p.model, "--json"});
    INFO(r.err);
    REQUIRE(r.exit_code == 0);
    return nlohmann::json::parse(r.out);
  };
  CHECK(scores("photos").at("images") == 4);
  CHECK(scores("list.txt").at("images") == 4);
}

TEST_CASE("what is wrong with a list is told at the start, and nothing is begun") {
  const Photos p;
  write_text(p.dir / "list.txt", "photos/a.png\nphotos/gone.png\n");
  const ProcessResult r = p.train("list.txt", "run");
  CHECK(r.exit_code == 1);
  CHECK(contains(r.err, "line 2 names photos/gone.png, which is not there; correct the list"));
  CHECK_FALSE(fs::exists(p.dir / "run/teacher.safetensors"));
  CHECK(p.run({"eval", p.model, "--data", "list.txt"}).exit_code == 1);
  // A list of what lies in the run's own folder.
  fs::create_directory(p.dir / "run2");
  save_image(p.dir / "run2/a.png", 1);
  save_image(p.dir / "run2/b.png", 1);
  write_text(p.dir / "list.txt", "run2/a.png\nrun2/b.png\n");
  const ProcessResult own = p.train("list.txt", "run2");
  CHECK(own.exit_code == 1);
  CHECK(contains(own.err, "would lie among the photos in"));
  CHECK(contains(own.err, "choose another --out"));
}

TEST_CASE("a disk that is full is told in one sentence, and half a result is none") {
  const Photos p;
  const ProcessResult r = run_process(
      {"sh", "-c", "ulimit -f 0; exec \"$0\" translate \"$1\" photos/a.png --out out/a.png",
       GSX_PROGRAM, p.model},
      p.options);
  INFO(r.err);
  CHECK(r.exit_code == 1);
  CHECK(contains(r.err, "out"));
  CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
  CHECK_FALSE(fs::exists(p.dir / "out/a.png"));
}
