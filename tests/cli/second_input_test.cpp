// Networks of two inputs through the commands: told once while training, remembered in the file.
#include <nlohmann/json.hpp>

#include "models/builder.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

namespace fs = std::filesystem;

// The vector `style`, spread over the image, behind its channels.
std::string save_labelled(const fs::path& file) {
  constexpr int kStyle = 3, kWidth = 24;
  Builder b("labelled", 3);
  b.put_node(make_vector_input("style", kStyle));
  const int style = b.reshape("style.image", kStyle, 1, 1);
  b.put_node(make_slice("first", 0, {0, 1, 1}));
  const int zeros = b.affine("zeros", {0.0f}, {0.0f});
  b.put_node(make_arithmetic("spread", Arithmetic::add, zeros, style));
  b.concat("joined", {0, b.last()});
  b.conv("enter", {.in = 3 + kStyle, .out = kWidth, .same_pad = true});
  b.activation("act", Activation::relu);
  b.conv("leave", {.in = kWidth, .out = 3, .same_pad = true});
  b.activation("tanh", Activation::tanh);
  Graph graph = b.take();
  Rng rng(3);
  graph.initialize(Context::create({.threads = 1}), rng, {.deviation = 0.3f});
  save_model(graph, file);
  return file.string();
}

std::string succeeded(const ProcessResult& r) {
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  return r.out;
}

std::string refused(const ProcessResult& r) {
  CHECK(r.exit_code != 0);
  CHECK_FALSE(r.timed_out);
  return r.err;
}

}  // namespace

TEST_CASE("second input: translate and eval take numbers, or what a student was trained with") {
  using Catch::Matchers::Contains;
  const TempDir dir;
  const std::string teacher = save_labelled(dir / "teacher.safetensors");
  fs::create_directory(dir / "photos");
  const std::string photo = save_image(dir / "photos" / "1.png", 3);
  save_image(dir / "photos" / "2.png", 90);
  const auto translate = [&](const std::string& model, const std::vector<std::string>& more) {
    std::vector<std::string> command = {"translate", model, photo, "--out",
                                        (dir / "out.png").string()};
    command.insert(command.end(), more.begin(), more.end());
    return run_program(command);
  };
  const auto image_of = [&](const std::string& model, const std::vector<std::string>& more) {
    succeeded(translate(model, more));
    return read_text(dir / "out.png");
  };
  CHECK_THAT(refused(translate(teacher, {})),
             Contains("takes a second input, style of 3 numbers; give it with --second-input, as "
                      "0,1,0 or as a .npy file of 3 numbers"));
  CHECK_THAT(refused(translate(teacher, {"--second-input", "1,0"})),
             Contains("--second-input: style takes 3 numbers, got 2: 1,0"));
  CHECK_THAT(refused(translate(teacher, {"--second-input", "normal"})),
             Contains("must be numbers here"));
  CHECK(image_of(teacher, {"--second-input", "1,0,0"}) !=
        image_of(teacher, {"--second-input", "0,1,0"}));

  const std::vector<std::string> train = {"train",
                                          "--teacher",
                                          teacher,
                                          "--out",
                                          (dir / "run").string(),
                                          "--data",
                                          (dir / "photos").string(),
                                          "--size",
                                          "16",
                                          "--slim-steps",
                                          "2",
                                          "--finetune-steps",
                                          "1",
                                          "--discriminator-steps",
                                          "1",
                                          "--target-ratio",
                                          "1.3",
                                          "--method",
                                          "gs32",
                                          "--threads",
                                          "1"};
  CHECK_THAT(refused(run_program(train)), Contains("give --second-input one-hot or normal"));
  CHECK_FALSE(fs::exists(dir / "run"));
  auto told = train;
  told.insert(told.end(), {"--second-input", "0,1,0"});
  succeeded(run_program(told));
  const std::string student = (dir / "run" / "model.safetensors").string();
  CHECK(image_of(student, {}) == image_of(student, {"--second-input", "0,1,0"}));
  CHECK(image_of(student, {}) != image_of(student, {"--second-input", "1,0,0"}));

  const auto eval = [&](const std::string& model, const std::vector<std::string>& more) {
    std::vector<std::string> command = {"eval",   model,       "--data", (dir / "photos").string(),
                                        "--json", "--threads", "1"};
    command.insert(command.end(), more.begin(), more.end());
    return run_program(command);
  };
  const auto remembered = nlohmann::json::parse(succeeded(eval(student, {"--teacher", teacher})));
  CHECK(remembered.at("images") == 2);
  CHECK_THAT(refused(eval(teacher, {})), Contains("takes a second input, style of 3 numbers"));
  succeeded(eval(teacher, {"--second-input", "one-hot"}));
}

TEST_CASE("second input: a run's settings make the same run from any folder") {
  using Catch::Matchers::Contains;
  const TempDir dir;
  const std::string teacher = save_labelled(dir / "teacher.safetensors");
  fs::create_directory(dir / "photos");
  for (int i = 0; i < 4; ++i) save_image(dir / "photos" / (std::to_string(i) + ".png"), 40 * i);
  const auto train = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"train", "--threads", "1"});
    return run_program(more);
  };
  const std::vector<std::string> first = {"--teacher",
                                          teacher,
                                          "--data",
                                          (dir / "photos").string(),
                                          "--size",
                                          "16",
                                          "--slim-steps",
                                          "1",
                                          "--finetune-steps",
                                          "1",
                                          "--discriminator-steps",
                                          "1",
                                          "--target-ratio",
                                          "3",
                                          "--second-input",
                                          "0,1,0",
                                          "--input-range",
                                          "0..1",
                                          "--out",
                                          (dir / "a").string()};
  succeeded(train(first));
  succeeded(
      train({"--config", (dir / "a" / "config.toml").string(), "--out", (dir / "b").string()}));
  CHECK(read_text(dir / "a" / "model.safetensors") == read_text(dir / "b" / "model.safetensors"));
  auto other = first;
  other[other.size() - 3] = "0-1";
  const ProcessResult wrong = train(other);
  CHECK(wrong.exit_code == 2);
  CHECK_THAT(wrong.err, Contains("--input-range: must be the values of black and white"));
}
