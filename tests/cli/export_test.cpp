// gsx export, as users call it.
#include <cstdlib>
#include <filesystem>

#include "engine/io/npy.h"
#include "models/nodes.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/import/onnx_bytes.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
namespace fs = std::filesystem;

namespace {

const std::string kQuantized =
    std::string(GSX_SOURCE_DIR) + "/tests/fixtures/0.1.0/model.safetensors";  // of 8 bits

// python3, or the one that GSX_TORCH_PYTHON or GSX_NCNN_PYTHON names, where it has these packages;
// else empty.
std::string python_with(const std::string& packages) {
  const bool ncnn = packages.find("ncnn") != std::string::npos;
  const char* named = std::getenv(ncnn ? "GSX_NCNN_PYTHON" : "GSX_TORCH_PYTHON");
  const std::string python = named ? named : "python3";
  const std::string asked = python + " -c 'import " + packages + "' 2> /dev/null";
  return std::system(asked.c_str()) == 0 ? python : "";
}

// Runs the Python of the card in a folder on an image.
void check_card(const std::string& packages, const fs::path& folder, const std::string& image,
                const fs::path& wanted) {
  const std::string python = python_with("numpy, PIL, " + packages);
  if (python.empty()) {
    WARN("no python3 with " << packages << ": a model card is not run");
    return;
  }
  CHECK(std::system((python + " " + GSX_SOURCE_DIR + "/tests/python/card_check.py " +
                     folder.string() + " " + image + " " + wanted.string())
                        .c_str()) == 0);
}

std::string fails(const std::vector<std::string>& arguments, int code) {
  const ProcessResult r = run_program(arguments);
  CHECK(r.exit_code == code);
  return r.err;
}

}  // namespace

TEST_CASE("export: what is written computes the same, also by another size") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  const std::string model = save_generator(dir / "model.safetensors");
  REQUIRE(run_program({"export", model, at("model.onnx")}).exit_code == 0);
  std::vector<float> values;
  for (int i = 0; i < 3 * 24 * 16; ++i) values.push_back(static_cast<float>(i * 37 % 256));
  write_npy(dir / "in.npy", Tensor::from(Context::create(), values, {1, 3, 24, 16}));
  for (const char* from : {"model.safetensors", "model.onnx"}) {
    const ProcessResult r =
        run_program({"translate", at(from), at("in.npy"), "--out", at(from) + std::string(".npy")});
    INFO(r.err);
    REQUIRE(r.exit_code == 0);
  }
  const std::vector<float> a =
      read_npy(Context::create(), dir / "model.safetensors.npy").to_vector();
  const std::vector<float> b = read_npy(Context::create(), dir / "model.onnx.npy").to_vector();
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) < 0.05f);
}

TEST_CASE("export: 8-bit models have three forms, others one") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  for (const std::string format : {"onnx", "onnx-qdq", "onnx-int8"}) {
    INFO(format);
    const std::string file = at((format + ".onnx").c_str());
    REQUIRE(run_program({"export", kQuantized, file, "--format", format}).exit_code == 0);
    const std::string content = read_text(file);
    CHECK((content.find("QuantizeLinear") != std::string::npos) == (format != "onnx"));
    CHECK((content.find("ConvInteger") != std::string::npos) == (format == "onnx-int8"));
  }
  const std::string model = save_generator(dir / "model.safetensors");
  CHECK_THAT(fails({"export", model, at("x.onnx"), "--format", "onnx-qdq"}, 2),
             Contains("is for 8-bit models"));
}

TEST_CASE("export: what cannot be is told before anything is written") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  const std::string model = save_generator(dir / "model.safetensors");
  const std::string before = read_text(model);
  CHECK_THAT(fails({"export", model, at("x.png")}, 2), Contains("must name a .onnx file"));
  CHECK_THAT(fails({"export", model, model}, 2), Contains("must name a .onnx file"));
  CHECK_THAT(fails({"export", model, at("x.onnx"), "--opset", "9"}, 2), Contains("--opset"));
  CHECK_THAT(fails({"export", model, at("x.onnx"), "--size", "8by8"}, 2), Contains("--size"));
  CHECK_THAT(fails({"export", model, at("none/x.onnx")}, 1), Contains("there is no folder"));
  CHECK_THAT(fails({"export", at("none.safetensors"), at("x.onnx")}, 1), Contains("none.safetens"));
  fs::copy_file(model, dir / "odd.onnx");
  CHECK_THAT(fails({"export", at("odd.onnx"), at("odd.onnx")}, 1), Contains("would be replaced"));
  CHECK(read_text(model) == before);
  CHECK_FALSE(fs::exists(at("x.onnx")));
}

TEST_CASE("export: what holds a model's values beside it is not replaced") {
  const TempDir dir;
  using namespace onnx_bytes;
  std::string weight;
  for (const int d : {3, 3, 1, 1}) weight += number(1, d);
  weight += number(2, 1) + part(8, "w") + number(14, 1) +
            part(13, part(1, "location") + part(2, "values.onnx"));
  write_text(dir / "m.onnx", model({node("Conv", {"x", "w"}, "y")}, {}, part(5, weight)));
  const std::string values(36, '\0');
  write_text(dir / "values.onnx", values);
  CHECK_THAT(fails({"export", (dir / "m.onnx").string(), (dir / "values.onnx").string()}, 1),
             Contains("values.onnx is a file of the model and would be replaced"));
  CHECK(read_text(dir / "values.onnx") == values);
}

TEST_CASE("export: PyTorch's form is a folder") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  const std::string model = save_generator(dir / "model.safetensors");
  for (int i = 0; i < 2; ++i) {  // what it wrote itself it may replace
    const ProcessResult r = run_program({"export", model, at("torch"), "--format", "pytorch"});
    CHECK(r.err == "");
    REQUIRE(r.exit_code == 0);
  }
  CHECK_THAT(read_text(dir / "torch" / "model.py"), Contains("class FastStyle(nn.Module):"));
  // Any size goes through translate(), as through gsx's.
  CHECK_THAT(read_text(dir / "torch" / "model.py"),
             Contains("-height % 4), (0, -width % 4)") && Contains("y[:, :, :height, :width]"));
  CHECK_THAT(read_text(dir / "torch" / "README.md"), Contains("multiples of 4 (`translate`"));
  // gsx reads its own values back.
  CHECK(run_program({"inspect", at("torch/model.safetensors")}).exit_code == 0);
  CHECK_THAT(fails({"export", model, at("torch"), "--format", "pytorch", "--opset", "17"}, 2),
             Contains("--opset: has no effect on the form pytorch"));
  CHECK_THAT(fails({"export", model, dir.path().string(), "--format", "pytorch"}, 1),
             Contains("is a file of the model and would be replaced"));
  CHECK(fails({"export", at("none.pth"), at("fresh"), "--format", "pytorch"}, 1) != "");
  CHECK_FALSE(fs::exists(dir / "fresh"));
  CHECK_THAT(fails({"export", model, model, "--format", "pytorch"}, 1),
             Contains("cannot make the folder"));
}

TEST_CASE("export: ncnn's form is a folder, or nothing") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  const std::string model = save_generator(dir / "model.safetensors");
  REQUIRE(run_program({"export", model, at("ncnn"), "--format", "ncnn"}).exit_code == 0);
  CHECK_THAT(read_text(dir / "ncnn" / "model.param"), StartsWith("7767517\n"));
  CHECK(fs::file_size(dir / "ncnn" / "model.bin") > 1000);
  CHECK_THAT(read_text(dir / "ncnn" / "README.md"), Contains("library_name: ncnn\n"));

  Graph graph("two_groups");  // cut, as ncnn's norm of groups cannot be
  graph.add(make_input("input", 4));
  graph.add(make_node("group_norm", "norm", {0},
                      {{"channels", 4},
                       {"affine", false},
                       {"eps", 1e-5},
                       {"groups", 1},
                       {"kept", {4}},
                       {"count", {6}},
                       {"lost_mean", {0.5}},
                       {"lost_squares", {0.0}}}));
  graph.add(make_conv("conv", 1, {.in = 4, .out = 3, .kernel = 1}));
  Rng rng(1);
  graph.initialize(Context::create(), rng, {});
  save_model(graph, dir / "odd.safetensors");
  CHECK(
      fails({"export", at("odd.safetensors"), at("none"), "--format", "ncnn"}, 1) ==
      "gsx export: ncnn has no layers for 1 node of two_groups: norm (group_norm); export ONNX or "
      "PyTorch instead\n");
  CHECK_FALSE(fs::exists(dir / "none"));
}

TEST_CASE("export: a folder's files replace an earlier export's alone") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  const std::string model = save_generator(dir / "model.safetensors");
  fs::create_directory(dir / "run");
  const std::string others = save_generator(dir / "run" / "model.safetensors");
  const std::string before = read_text(others);
  CHECK(fails({"export", model, at("run"), "--format", "pytorch"}, 1) ==
        "gsx export: OUT: " + others +
            " is there, not as gsx export writes it, and would be replaced; choose another "
            "folder\n");
  write_text(dir / "run" / "model.py", "import torch\n");
  CHECK_THAT(fails({"export", model, at("run"), "--format", "pytorch"}, 1),
             Contains("model.py is there, not as gsx export writes it"));
  CHECK(read_text(others) == before);
  CHECK(read_text(dir / "run" / "model.py") == "import torch\n");

  for (int i = 0; i < 2; ++i)  // forms do not stand in each other's way
    REQUIRE(run_program({"export", model, at("run"), "--format", "ncnn"}).exit_code == 0);
  write_text(dir / "run" / "model.param", "7767517\n1 1\nInput data 0 1 data\n");
  CHECK_THAT(fails({"export", model, at("run"), "--format", "ncnn"}, 1),
             Contains("model.param is there, not as gsx export writes it"));
  fs::remove(dir / "run" / "model.param");
  write_text(dir / "run" / "model.bin", "another's");
  CHECK_THAT(fails({"export", model, at("run"), "--format", "ncnn"}, 1),
             Contains("model.bin is there, not as gsx export writes it"));
  fs::remove(dir / "run" / "model.bin");
  CHECK(run_program({"export", model, at("run"), "--format", "ncnn"}).exit_code == 0);

  // An export that was cut off between its files is made again.
  const std::string wide = save_network(dir / "wide.safetensors", "fast_style", {{"width", 24}});
  REQUIRE(run_program({"export", model, at("cut"), "--format", "pytorch"}).exit_code == 0);
  const std::string weights = read_text(dir / "cut" / "model.safetensors");
  const ProcessResult full =
      run_process({"sh", "-c", "ulimit -f 128; exec \"$0\" \"$@\"", GSX_PROGRAM, "export", wide,
                   at("cut"), "--format", "pytorch"});
  CHECK(full.exit_code == 1);
  CHECK_THAT(full.err, Contains("model.safetensors: File too large"));
  CHECK(read_text(dir / "cut" / "model.safetensors") == weights);
  CHECK(run_program({"export", wide, at("cut"), "--format", "pytorch"}).exit_code == 0);

  // Also what was put into an exported folder later.
  REQUIRE(run_program({"export", model, at("code"), "--format", "pytorch"}).exit_code == 0);
  fs::copy_file(kQuantized, dir / "code" / "model.safetensors",
                fs::copy_options::overwrite_existing);
  CHECK_THAT(fails({"export", model, at("code"), "--format", "pytorch"}, 1),
             Contains("model.safetensors is there, not as gsx export writes it"));
  CHECK(read_text(dir / "code" / "model.safetensors") == read_text(kQuantized));
}

TEST_CASE("export: the card of another file stays") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  const std::string model = save_generator(dir / "model.safetensors");
  fs::create_directory(dir / "out");
  REQUIRE(run_program({"export", model, at("out/a.onnx")}).exit_code == 0);
  const std::string card = read_text(dir / "out" / "README.md");
  const ProcessResult r = run_program({"export", model, at("out/b.onnx")});
  CHECK(r.exit_code == 0);
  CHECK_THAT(r.err, Contains("README.md is the card of another file; it was left as it is"));
  CHECK(read_text(dir / "out" / "README.md") == card);
  CHECK(run_program({"export", model, at("out/a.onnx")}).err == "");
}

TEST_CASE("export: a card says what is known, and never replaces a user's README") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  const std::string model = save_generator(dir / "model.safetensors");
  fs::create_directory(dir / "out");
  REQUIRE(run_program({"export", model, at("out/a.onnx"), "--license", "cc-by-4.0"}).exit_code ==
          0);
  const std::string card = read_text(dir / "out" / "README.md");
  CHECK_THAT(card, StartsWith("---\nlibrary_name: onnx\npipeline_tag: image-to-image\n"
                              "license: cc-by-4.0\ntags:\n- gsx\n---\n"));
  CHECK_THAT(card, Contains("| `a.onnx` |") && Contains("RGB, black 0, white 255"));
  CHECK_THAT(card, !Contains("r_s") && !Contains("milliseconds"));  // nobody measured them
  REQUIRE(run_program({"export", model, at("out/a.onnx")}).exit_code == 0);
  CHECK_THAT(read_text(dir / "out" / "README.md"), !Contains("license:"));

  write_text(dir / "out" / "README.md", card + "My words.\n");
  const ProcessResult r = run_program({"export", model, at("out/b.onnx")});
  CHECK(r.exit_code == 0);
  CHECK_THAT(r.err, Contains("README.md is there and not as gsx wrote it"));
  CHECK(read_text(dir / "out" / "README.md") == card + "My words.\n");
  CHECK(run_program({"export", model, at("out/b.onnx"), "--no-card"}).err == "");

  // So does an edit of what the Hub reads, above the mark.
  REQUIRE(card.find("tags:\n") != std::string::npos);
  std::string edited = card;
  edited.replace(card.find("tags:\n"), 6, "base_model: me/mine\ntags:\n- art\n");
  write_text(dir / "out" / "README.md", edited);
  CHECK_THAT(run_program({"export", model, at("out/a.onnx")}).err,
             Contains("README.md is there and not as gsx wrote it"));
  CHECK(read_text(dir / "out" / "README.md") == edited);

  fs::create_directory(dir / "none");
  REQUIRE(run_program({"export", model, at("none/a.onnx"), "--no-card"}).exit_code == 0);
  CHECK_FALSE(fs::exists(dir / "none" / "README.md"));
  for (const char* license : {"GPL v2", "null", "yes", "1.0", ".5"})
    CHECK_THAT(fails({"export", model, at("out/b.onnx"), "--license", license}, 2),
               Contains("expected a licence as the Hub spells it"));
}

TEST_CASE("export: a card says by which method a model was made, and which numbers it has") {
  const TempDir dir;
  Graph graph = load_model(Context::create(), kQuantized);
  fs::create_directory(dir / "out");
  const auto card_of = [&](const std::string& method, const std::string& format) {
    graph.provenance["made_by"] = "gsx train";
    graph.provenance["method"] = method;
    save_model(graph, dir / "made.safetensors");
    REQUIRE(run_program({"export", (dir / "made.safetensors").string(),
                         (dir / "out/a.onnx").string(), "--format", format})
                .exit_code == 0);
    return read_text(dir / "out" / "README.md");
  };
  CHECK_THAT(card_of("gs8", "onnx-qdq"), Contains("- gan-slimming\n") &&
                                             Contains("its weights and activations in 8 bits") &&
                                             Contains("Compressed by GAN Slimming (method `gs8`)"));
  CHECK_THAT(card_of("gs8", "onnx"), !Contains("its weights and activations in 8 bits") &&
                                         Contains("here activations are real numbers"));
  CHECK_THAT(card_of("dense", "onnx-qdq"),
             !Contains("gan-slimming") && Contains("Made by `gsx train` (method `dense`)"));
}

TEST_CASE("export: a run's figures stand in the card of its own model alone") {
  const TempDir dir;
  const std::string model = save_generator(dir / "model.safetensors");
  const auto bytes = std::to_string(fs::file_size(model));
  const auto card_with = [&](const std::string& size) {
    write_text(dir / "figures.json", R"({"size": 64, "r_c": 12.5, "r_s": 4.25,
      "compressed": {"file_bytes": )" + size +
                                         R"(, "ms_per_image": 3.5},
      "distance_to_teacher": {"name": "LPIPS, squeeze", "value": 0.0625}})");
    fs::create_directories(dir / "out");
    REQUIRE(run_program({"export", model, (dir / "out/a.onnx").string()}).exit_code == 0);
    return read_text(dir / "out" / "README.md");
  };
  CHECK_THAT(card_with(bytes), Contains("(r_c) | 12.50 |") && Contains("(r_s) | 4.25 |") &&
                                   Contains("64 x 64 in gsx, on the processor of the run | 3.50") &&
                                   Contains("LPIPS, squeeze | 0.0625 |"));
  CHECK_THAT(card_with("1" + bytes), !Contains("r_c"));
}

TEST_CASE("export: a card gives every input what it takes") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  Graph two("two");
  two.add(make_input("first", 3));
  two.add(make_conv("conv", 0, {.in = 3, .out = 3, .kernel = 1}));
  two.add(make_input("second", 3));
  two.add(make_add("sum", 1, 2));
  Rng rng(1);
  two.initialize(Context::create(), rng, {});
  save_model(two, dir / "two.safetensors");
  REQUIRE(run_program({"export", at("two.safetensors"), at("two"), "--format", "ncnn"}).err == "");
  const std::string card = read_text(dir / "two" / "README.md");
  CHECK_THAT(card, Contains("Inputs: `data` [3, ") && Contains(", `second` [3, ") &&
                       Contains("run.input(\"data\", ncnn.Mat(x).clone()); "
                                "run.input(\"second\", ncnn.Mat(x1).clone()); "));

  Graph one("one");  // of one size
  one.only_height = 24;
  one.only_width = 32;
  one.add(make_input("x", 3));
  one.add(make_conv("conv", 0, {.in = 3, .out = 3, .kernel = 1}));
  one.initialize(Context::create(), rng, {});
  save_model(one, dir / "one.safetensors");
  for (const char* format : {"ncnn", "pytorch"}) {
    INFO(format);
    REQUIRE(run_program({"export", at("one.safetensors"), at(format), "--format", format}).err ==
            "");
    CHECK_THAT(read_text(dir / format / "README.md"),
               Contains("of 24 x 32 pixels") && Contains(".resize((32, 24))"));
  }
}

TEST_CASE("export: the lines of Python in a card run") {
  const TempDir dir;
  const auto at = [&](const std::string& name) { return (dir / name).string(); };
  const std::string ours = save_generator(dir / "rgb.safetensors");
  const std::string bgr =
      save_network(dir / "bgr.safetensors", "cartoongan", {{"width", 4}, {"blocks", 1}});
  const std::string image = save_image(dir / "in.png", 30, 32, 24);
  for (const auto& [name, model] : {std::pair{"rgb", ours}, {"bgr", bgr}}) {
    INFO(name);
    const std::string wanted = at(name + std::string(".png"));
    REQUIRE(run_program({"translate", model, image, "--out", wanted}).exit_code == 0);
    const auto form = [&](const char* format, const std::string& folder,
                          const std::vector<std::string>& more) {
      fs::create_directories(dir / name / folder);
      const bool onnx = std::string(format) == "onnx";
      std::vector<std::string> words = {
          "export", model, at(name + ("/" + folder) + (onnx ? "/m.onnx" : "")), "--format", format};
      words.insert(words.end(), more.begin(), more.end());
      REQUIRE(run_program(words).exit_code == 0);
      check_card(onnx                            ? "onnxruntime"
                 : std::string(format) == "ncnn" ? "ncnn"
                                                 : "torch, safetensors",
                 dir / name / folder, image, wanted);
    };
    form("pytorch", "torch", {});
    form("ncnn", "ncnn", {});
    form("onnx", "onnx", {"--size", "24x32"});
    form("onnx", "nchw", {"--embed-scaling", "nchw"});
    form("onnx", "nhwc", {"--embed-scaling", "nhwc"});
  }
}
