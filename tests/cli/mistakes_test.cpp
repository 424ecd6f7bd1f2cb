// What is asked for wrongly at first, and what is said of it.
#include <fstream>

#include "models/builder.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;

namespace {

namespace fs = std::filesystem;

class Mistakes {
 public:
  Mistakes() {
    options_.folder = dir.path();
    save_generator(dir / "m.safetensors");
    save_image(dir / "a.png", 9);
  }
  void told(std::vector<std::string> words, int code, const std::string& what,
            const std::string& not_this = "scanline 4294967295") const {
    const ProcessResult r = run_program(words, options_);
    INFO(r.err);
    CHECK(r.exit_code == code);
    CHECK_THAT(r.err, Contains(what) && !Contains(not_this));
  }
  TempDir dir;

 private:
  ProcessOptions options_;
};

}  // namespace

TEST_CASE("mistakes: a link whose file has the name of another format is not written through") {
  const Mistakes m;
  write_text(m.dir / "photo.jpg", "a photo");
  fs::create_symlink("photo.jpg", m.dir / "out.png");
  m.told({"translate", "m.safetensors", "a.png", "--out", "out.png"}, 1,
         "out.png is a link to photo.jpg, whose name is that of another format");
  fs::create_directory(m.dir / "into");
  fs::create_symlink("../photo.jpg", m.dir / "into" / "a.png");
  m.told({"translate", "m.safetensors", "a.png", "--out", "into"}, 1, "is a link to");
  CHECK(read_text(m.dir / "photo.jpg") == "a photo");
  // Of one format, or without an ending to tell, links are written through.
  write_text(m.dir / "kept.PNG", "");
  fs::create_symlink("kept.PNG", m.dir / "same.png");
  write_text(m.dir / "blob", "");
  fs::create_symlink("blob", m.dir / "bare.png");
  for (const char* out : {"same.png", "bare.png"})
    m.told({"translate", "m.safetensors", "a.png", "--out", out, "--threads", "1"}, 0, "");
  CHECK(fs::file_size(m.dir / "kept.PNG") > 0);
}

TEST_CASE("mistakes: a second input that can be none is misuse, in words that hold") {
  const Mistakes m;
  const std::string drawn = "must be one-hot, normal, numbers with commas between",
                    given = "--second-input: must be numbers with commas between";
  m.told({"translate", "m.safetensors", "a.png", "--second-input", "foo", "--out", "o.png"}, 2,
         given, "one-hot");
  m.told({"eval", "m.safetensors", "--data", ".", "--second-input", "foo"}, 2, drawn);
  m.told({"train", "--teacher", "m.safetensors", "--second-input", "1,x"}, 2, drawn);
}

TEST_CASE("mistakes: networks of a vector and another are told from those of images") {
  const Mistakes m;
  Builder b = Builder::of_vectors("two", "z", 6);
  b.put_node(make_vector_input("y", 2));
  b.linear("of_y", 2, 3 * 64);
  const int of_y = b.last();
  b.go_to(0);
  b.linear("of_z", 6, 3 * 64);
  b.add("sum", of_y, b.last());
  b.reshape("image", 3, 8, 8);
  Graph graph = b.take();
  Rng rng(1);
  graph.initialize(Context::create({.threads = 1}), rng, {});
  save_model(graph, m.dir / "two.safetensors");
  m.told({"sample", "two.safetensors", "--out", "s.png"}, 1,
         "two.safetensors takes 2 inputs, and gsx sample draws one");
  m.told({"translate", "two.safetensors", "a.png", "--out", "o.png"}, 1,
         "with --second-input, and one of z, too");
}

TEST_CASE("mistakes: data that is not there, or no data, is called what it was meant to be") {
  const Mistakes m;
  const std::vector<std::string> train = {"train", "--teacher", "m.safetensors", "--data"};
  const auto with = [&](const std::string& data) {
    std::vector<std::string> words = train;
    words.push_back(data);
    return words;
  };
  m.told(with("nolist.txt"), 1, "data: there is no file or folder");
  m.told(with("nothing"), 1, "data: there is no folder");
  m.told(with("/dev/full"), 1,
         "expected a folder of images or a text file that lists them, got the file /dev/full");
  fs::create_directories(m.dir / "outer" / "inner");
  save_image(m.dir / "outer" / "inner" / "b.png", 3);
  m.told({"translate", "m.safetensors", "outer", "--out", "o"}, 1,
         "outer holds folders alone, and gsx translate looks into none below those given",
         "left out");
}

TEST_CASE("mistakes: a budget that nothing comes near is not told as a size") {
  const Mistakes m;
  Builder b("tied", 3);
  b.conv("same", {.in = 3, .out = 3, .kernel = 1});
  b.add("sum", 0, b.last());
  b.conv("again", {.in = 3, .out = 3, .kernel = 1});
  b.activation("tanh", Activation::tanh);
  Graph graph = b.take();
  Rng rng(1);
  graph.initialize(Context::create({.threads = 1}), rng, {});
  save_model(graph, m.dir / "tied.safetensors");
  m.told({"train", "--teacher", "tied.safetensors", "--target-ratio", "3", "--size", "16"}, 1,
         "nothing that can be left out makes the file smaller than the teacher's", "at most 0.");
  m.told({"train", "--teacher", "tied.safetensors", "--method", "distill", "--size", "16"}, 1,
         "no channel of 'tied' can be left out", "named by gsx inspect");
}

TEST_CASE("mistakes: damaged files are told of without numbers that mean nothing") {
  const Mistakes m;
  write_text(m.dir / "cut.npz", "PK\x03\x04" + std::string(60, '\0'));
  m.told({"inspect", "cut.npz"}, 1, "cut.npz", "torch:");
  const std::string whole = read_text(m.dir / "m.safetensors");
  write_text(m.dir / "short.safetensors", whole.substr(0, whole.size() - 1));
  m.told({"inspect", "short.safetensors"}, 1, "its last byte is missing", "last 1 bytes");
  write_text(m.dir / "bad.tif", std::string("II*\0\x08\0\0\0\0\0", 10));
  m.told({"translate", "m.safetensors", "bad.tif", "--out", "o.png"}, 1, "bad.tif",
         "says: nothing");
}

TEST_CASE("mistakes: a teacher of finite weights that makes infinities is told before any step") {
  const Mistakes m;
  const ContextPtr context = Context::create();
  Graph teacher = load_model(context, m.dir / "m.safetensors");
  for (Parameter* p : teacher.parameters())
    if (p->role == Role::weight) p->value.fill(3e38f);
  save_model(teacher, m.dir / "huge.safetensors");
  m.told({"train", "--teacher", "huge.safetensors", "--size", "16", "--target-ratio", "3", "--out",
          "run"},
         1, "huge.safetensors makes ");
  CHECK_FALSE(fs::exists(m.dir / "run"));
}
