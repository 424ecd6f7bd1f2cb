// A new run writes over nothing in its folder, and begins anew where a killed one had begun.
#include "gs/train/run_folder.h"

#include "engine/io/image_folder.h"
#include "engine/io/procedural.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace fs = std::filesystem;

namespace {

const char* const kNames[] = {"teacher.safetensors",
                              "discriminator.safetensors",
                              "reverse.safetensors",
                              "reverse_discriminator.safetensors",
                              "reverse_model.safetensors",
                              "model.safetensors",
                              "checkpoint.safetensors",
                              "checkpoint.previous.safetensors",
                              "config.toml",
                              "log.jsonl",
                              "figures.json",
                              "samples"};

size_t entries(const fs::path& folder) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// A beginning that is killed: nothing is cleared away.
void begin_and_die(const TrainConfig& c) {
  auto* beginning = new RunBeginning(c);
  write_text(beginning->folder() / "teacher.safetensors", "the run's");
  write_text(beginning->folder() / "config.toml", "the run's");
  fs::create_directory(beginning->folder() / "rehearsal");
  beginning->place();
  static std::vector<RunBeginning*> dead;  // reachable, so that no checker of leaks complains
  dead.push_back(beginning);
}

}  // namespace

TEST_CASE("run folder: files, folders and links of a run's names are refused and left alone") {
  for (const std::string name : kNames) {
    INFO(name);
    const TempDir dir;
    const fs::path outside = dir / "precious", run = dir / "run";
    write_text(outside, "mine");
    fs::create_directory(run);
    const TrainConfig c = tiny_config(run);
    const auto refused = [&] {
      CHECK_THROWS_WITH(run_tiny(c), Catch::Contains("choose another --out"));
      CHECK(entries(run) == 1);
    };
    write_text(run / name, "mine");
    refused();
    CHECK(read_text(run / name) == "mine");
    fs::remove(run / name);
    fs::create_symlink(outside, run / name);
    refused();
    CHECK(read_text(outside) == "mine");
    fs::remove(run / name);
    fs::create_symlink(dir / "nothing", run / name);
    refused();
    CHECK_FALSE(fs::exists(dir / "nothing"));
    fs::remove(run / name);
    fs::create_directory(run / name);
    refused();
  }
}

TEST_CASE("run folder: what a killed beginning left makes room, the user's files do not") {
  const TempDir dir;
  const TrainConfig c = tiny_config(dir.path());
  begin_and_die(c);
  CHECK(read_text(dir / "config.toml") == "the run's");
  begin_and_die(c);  // killed again
  // Somebody puts a file of a run's name there before the third try.
  write_text(dir / "mine", "mine");
  fs::rename(dir / "mine", dir / "teacher.safetensors");
  CHECK_THROWS_WITH(RunBeginning(c), Catch::Contains("holds teacher.safetensors already"));
  CHECK(read_text(dir / "teacher.safetensors") == "mine");
  CHECK_FALSE(fs::exists(dir / "config.toml"));
  fs::remove(dir / "teacher.safetensors");
  CHECK(run_tiny(c).finished);
  CHECK_FALSE(fs::exists(dir / ".gsx-start"));
}

TEST_CASE("run folder: a name that is taken while a run begins is refused, and nothing is left") {
  const TempDir dir;
  const TrainConfig c = tiny_config(dir.path());
  {
    RunBeginning beginning(c);
    write_text(beginning.folder() / "config.toml", "the run's");
    write_text(beginning.folder() / "teacher.safetensors", "the run's");
    write_text(dir / "teacher.safetensors", "mine");
    CHECK_THROWS_WITH(beginning.place(), Catch::Contains("File exists"));
  }
  CHECK(read_text(dir / "teacher.safetensors") == "mine");
  CHECK(entries(dir.path()) == 1);
  fs::remove(dir / "teacher.safetensors");
  fs::create_symlink(dir / "nowhere", dir / ".gsx-start");
  CHECK_THROWS_WITH(RunBeginning(c), Catch::Contains(".gsx-start"));
}

TEST_CASE("run folder: a run cannot lie among its photos, but beside their folders") {
  const TempDir dir;
  for (const char* domain : {"trainA", "trainB"}) {
    fs::create_directories(dir / "data" / domain / "deeper");
    for (int i = 0; i < 2; ++i)
      write_png(dir / "data" / domain / (std::to_string(i) + ".png"),
                procedural_image(ProceduralDomain::plain, i, 20, 5).image);
  }
  fs::create_directories(dir / "data" / "run");
  fs::create_directory_symlink(dir / "data" / "trainB", dir / "link");
  TrainConfig c;
  c.data = (dir / "data").string();
  for (const char* out : {"data", "data/trainA", "link"}) {
    INFO(out);
    c.run_dir = dir / out;
    CHECK_THROWS_WITH(RunBeginning(c), Catch::Contains("would lie among the photos in"));
  }
  c.run_dir = dir / "data" / "run";
  CHECK_NOTHROW(RunBeginning(c));
  c.data = (dir / "data" / "trainA").string();
  CHECK_NOTHROW(RunBeginning(c));
  c.run_dir = dir / "data" / "trainA" / "deeper";  // no image is read from there
  CHECK_NOTHROW(RunBeginning(c));
}

TEST_CASE("run folder: a run cannot lie where listed or nested photos are") {
  const TempDir dir;
  for (const char* folder : {"photos/deep", "other"}) {
    fs::create_directories(dir / folder);
    for (const char* name : {"1.png", "2.png"}) write_png(dir / folder / name, Image(20, 20));
  }
  write_text(dir / "list.txt", "other/1.png\nother/2.png\n");
  TrainConfig c;
  for (const auto& [data, out] : {std::pair{"photos", "photos/deep"}, {"list.txt", "other"}}) {
    c.data = (dir / data).string();
    c.run_dir = dir / out;
    CHECK_THROWS_WITH(RunBeginning(c), Catch::Contains("would lie among the photos in " + c.data));
  }
  c.run_dir = dir / "photos/deep";
  CHECK_NOTHROW(RunBeginning(c));
}

TEST_CASE("run folder: the images of a run that lies below its photos are none of them") {
  const TempDir dir;
  const fs::path run = dir / "photos/run";
  fs::create_directories(run / run_files::kSamples);
  for (const fs::path& folder : {dir / "photos", run / run_files::kSamples})
    write_png(folder / "1.png", Image(20, 20));
  CHECK(open_images(dir / "photos").images.size() == 2);
  write_text(run / run_files::kCheckpoint, "");
  CHECK(open_images(dir / "photos").images.size() == 1);
}

TEST_CASE("run folder: a folder without a checkpoint cannot be resumed, and it is said why") {
  const TempDir dir;
  TrainConfig c;
  c.run_dir = dir.path();
  StopAfter observer;
  CHECK_THROWS_WITH(train(c, true, observer, observer.stop),
                    Catch::Contains("holds no checkpoint to go on from; start a run with --out"));
  write_text(dir / "checkpoint.previous.safetensors", "");
  CHECK_THROWS_WITH(train(c, true, observer, observer.stop),
                    Catch::Contains("to checkpoint.safetensors to go on from the one before it"));
}
