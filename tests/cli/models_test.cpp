// gsx inspect, translate and eval as users run them.
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "models/builder.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/data.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

nlohmann::json json_of(const std::vector<std::string>& arguments) {
  const ProcessResult r = run_program(arguments);
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  return nlohmann::json::parse(r.out);
}

// The values of a little-endian float32 .npy file in C order.
std::vector<float> npy_values(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  REQUIRE(all.size() > 10);
  const size_t start = 10 + static_cast<uint8_t>(all[8]) + 256u * static_cast<uint8_t>(all[9]);
  std::vector<float> values((all.size() - start) / sizeof(float));
  std::copy_n(all.data() + start, values.size() * sizeof(float),
              reinterpret_cast<char*>(values.data()));
  return values;
}

// An image [1,3,H,W] of numbers in -1..1 as a .npy file.
void write_image(const fs::path& file, int h, int w) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, " +
                       std::to_string(h) + ", " + std::to_string(w) + "), }";
  header.resize(117, ' ');
  header += '\n';
  std::ofstream out(file, std::ios::binary);
  out << "\x93NUMPY" << '\x01' << '\0' << static_cast<char>(header.size()) << '\0' << header;
  for (int i = 0; i < 3 * h * w; ++i) {
    const float v = static_cast<float>((i * 37) % 101) / 50.0f - 1.0f;
    out.write(reinterpret_cast<const char*>(&v), sizeof v);
  }
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max<double>(most, std::abs(a[i] - b[i]));
  return most;
}

}  // namespace

TEST_CASE("inspect counts the paper's networks") {
  const auto g = json_of({"inspect", "cyclegan", "--size", "256", "--json"});
  CHECK(g.at("params") == 11'383'555);
  CHECK(g.at("macs_paper").get<double>() == 54168.0 * (1 << 20));
  CHECK(g.at("macs_true").get<double>() == 47256.0 * (1 << 20));
  CHECK(g.at("file_bytes").get<int64_t>() > g.at("weight_bytes").get<int64_t>());
  for (const auto& layer : g.at("layers")) CHECK(layer.at("kept") == layer.at("original"));
  const auto cartoon = json_of({"inspect", "cartoongan", "--json"}).at("prunable");
  CHECK(cartoon.at("both").get<int>() - cartoon.at("norm").get<int>() == 576);
  CHECK(json_of({"inspect", "patchgan", "--json"}).at("params") == 2'766'529);
  CHECK(json_of({"inspect", "vgg16", "--json"}).at("params") == 7'635'264);
  const auto half = json_of({"inspect", "cyclegan", "--width", "32", "--size", "256", "--json"});
  CHECK(half.at("weight_bytes") == 4 * 2'847'936);
  CHECK(half.at("macs_paper").get<double>() == 13836.0 * (1 << 20));
}

TEST_CASE("networks with several inputs and outputs are inspected, and refused where one is due") {
  using namespace gsx;
  const TempDir dir;
  const std::string file = (dir / "two.safetensors").string();
  Graph graph("two");
  graph.add(make_input("photo", 3));
  graph.add(make_input("mask", 1));
  graph.add(make_concat("both", {0, 1}));
  graph.add(make_conv("paint", 2, {.in = 4, .out = 3, .options = {.pad = Padding::all(1)}}));
  graph.add(make_conv("score", 2, {.in = 4, .out = 1}));
  graph.set_outputs({{"painted", 3}, {"scores", 4}});
  Rng rng(1);
  graph.initialize(Context::create(), rng, {});
  save_model(graph, file);

  const auto g = json_of({"inspect", file, "--size", "32", "--json"});
  CHECK(g.at("inputs")[1].at("name") == "mask");
  CHECK(g.at("inputs")[1].at("shape") == std::vector<int>{1, 1, 32, 32});
  CHECK(g.at("outputs")[0].at("name") == "painted");
  CHECK(g.at("outputs")[1].at("shape") == std::vector<int>{1, 1, 30, 30});
  const std::string table = run_program({"inspect", file, "--size", "32"}).out;
  CHECK(table.find("takes       photo 3 x 32 x 32, mask 1 x 32 x 32") != std::string::npos);
  CHECK(table.find("gives       painted 3 x 32 x 32, scores 1 x 30 x 30") != std::string::npos);

  write_image(dir / "x.npy", 32, 32);
  const ProcessResult refused =
      run_program({"translate", file, (dir / "x.npy").string(), "--out", (dir / "y.npy").string()});
  INFO(refused.err);
  CHECK(refused.exit_code != 0);
  CHECK(refused.err.find("takes a second input, mask; give a .npy tensor") != std::string::npos);
}

TEST_CASE("translate and eval take a model that train made") {
  const TempDir dir;
  const fs::path run = dir / "run";
  REQUIRE(
      run_program({"train", "--out",        run.string(), "--size",           "16", "--width",
                   "4",     "--blocks",     "1",          "--batch",          "1",  "--dense-steps",
                   "2",     "--slim-steps", "2",          "--finetune-steps", "2",  "--rho",
                   "0.01",  "--threads",    "1"})
          .exit_code == 0);
  const std::string model = (run / "model.safetensors").string();
  fs::path sheet;
  for (const auto& entry : fs::directory_iterator(run / "samples")) sheet = entry.path();

  SECTION("images of any size, damaged ones named") {
    fs::create_directory(dir / "photos");
    fs::copy_file(sheet, dir / "photos/a.png");
    std::ofstream(dir / "photos/b.png") << "not an image";
    const ProcessResult r = run_program(
        {"translate", model, (dir / "photos").string(), "--out", (dir / "out").string()});
    INFO(r.err);
    CHECK(r.exit_code == 1);
    CHECK(r.err.find("b.png") != std::string::npos);
    CHECK(fs::exists(dir / "out/a.png"));
    CHECK_FALSE(fs::exists(dir / "out/b.png"));
    const auto json = json_of(
        {"translate", model, sheet.string(), "--out", (dir / "one.png").string(), "--json"});
    CHECK(json.at("written").size() == 1);
  }
  SECTION("eval against the teacher, with a discriminator as feature network") {
    fs::create_directory(dir / "photos");
    for (const char* name : {"a.png", "b.png", "c.png"})
      fs::copy_file(sheet, dir / "photos" / name);
    const auto json = json_of({"eval", model, "--data", (dir / "photos").string(), "--teacher",
                               (run / "teacher.safetensors").string(), "--json"});
    CHECK(json.at("images") == 3);
    CHECK(json.at("r_c").get<double>() > 1);
    CHECK(json.at("ms_per_image").get<double>() > 0);
    CHECK(json.at("frechet_distance").is_null());
    CHECK(json.at("mean_abs_to_teacher").get<double>() >= 0);
  }
  SECTION("on the emulated device, which every output names") {
    const std::string in = (dir / "in.npy").string();
    write_image(in, 18, 20);
    for (const char* device : {"cpu", "emulated"}) {
      const std::string out = (dir / device).string() + ".npy";
      const ProcessResult r =
          run_program({"translate", model, in, "--out", out, "--device", device, "--json"});
      INFO(r.err);
      REQUIRE(r.exit_code == 0);
      CHECK(nlohmann::json::parse(r.out).at("device") == device);
      const bool noted = r.err.find("emulated") != std::string::npos;
      CHECK(noted == (std::string(device) == "emulated"));
    }
    // The integer program of a GS-8 model has the same bits everywhere.
    CHECK(npy_values(dir / "cpu.npy") == npy_values(dir / "emulated.npy"));
    fs::create_directory(dir / "photos");
    fs::copy_file(sheet, dir / "photos/a.png");
    const auto json = json_of({"eval", model, "--data", (dir / "photos").string(), "--device",
                               "emulated", "--size", "16", "--json"});
    CHECK(json.at("device") == "emulated");
  }
  SECTION("what is not there or not a model") {
    for (const std::string& spec : {(dir / "none.safetensors").string(),
                                    "cyclegan:" + sheet.string(), std::string("nonsense")}) {
      const ProcessResult r =
          run_program({"translate", spec, sheet.string(), "--out", (dir / "x.png").string()});
      INFO(spec << ": " << r.err);
      CHECK(r.exit_code == (spec == "nonsense" ? 2 : 1));
      CHECK_FALSE(r.err.empty());
    }
  }
}

TEST_CASE("translate reproduces the reference tensors of real networks", "[data]") {
  const fs::path data = require_data();
  const TempDir dir;
  const auto check = [&](const std::string& arch, const std::string& folder, double tolerance) {
    const fs::path from = data / "teachers" / folder;
    const fs::path out = dir / (arch + ".npy");
    const ProcessResult r =
        run_program({"translate", arch + ":" + (from / "weights.safetensors").string(),
                     (from / "input_128.npy").string(), "--out", out.string()});
    INFO(r.err);
    REQUIRE(r.exit_code == 0);
    CHECK(largest_difference(npy_values(out), npy_values(from / "output_128.npy")) <= tolerance);
  };
  check("fast_style", "fst_wave", 5e-3);
  check("cartoongan", "cartoongan_hayao", 2e-4);
}

TEST_CASE("eval measures a real network on real photos", "[data]") {
  const fs::path data = require_data();
  const std::string teacher =
      "fast_style:" + (data / "teachers/fst_wave/weights.safetensors").string();
  const std::string features =
      "squeezenet:" + (data / "perceptual/squeezenet1_1/weights.safetensors").string();
  const auto json = json_of({"eval", teacher, "--data", (data / "photos").string(), "--teacher",
                             teacher, "--feature-net", features, "--size", "128", "--json"});
  CHECK(json.at("lpips_to_teacher").get<double>() == 0);
  CHECK(json.at("r_c").get<double>() == 1);
  CHECK(json.at("frechet_name").get<std::string>().find("FID") == std::string::npos);
  CHECK(json.at("feature_net") == features);
}
