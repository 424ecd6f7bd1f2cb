// The commands and their inputs; see scenarios.h.
#include "tests/faults/scenarios.h"

#include <stdexcept>

#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

namespace faults {

namespace fs = std::filesystem;

namespace {

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void run_whole(const Words& words, const fs::path& folder) {
  ProcessOptions options;
  options.folder = folder;
  const ProcessResult r = run_program(words, options);
  if (r.exit_code != 0) throw std::runtime_error("test: " + r.err);
}

const Words kTrain = {"train", "--out",
                      "run",   "--size",
                      "16",    "--width",
                      "4",     "--blocks",
                      "1",     "--batch",
                      "1",     "--threads",
                      "1",     "--rho",
                      "0.3",   "--dense-steps",
                      "3",     "--slim-steps",
                      "4",     "--finetune-steps",
                      "3",     "--sample-every",
                      "4",     "--seed",
                      "7",     "--checkpoint-every",
                      "2"};

// A model, photos, and files of the user's that no command is told of.
void prepare_inputs(const fs::path& folder) {
  save_generator(folder / "model.safetensors");
  save_image(folder / "photo.png", 3);
  fs::create_directories(folder / "photos" / "deep");
  save_image(folder / "photos" / "a.png", 20);
  save_image(folder / "photos" / "b.png", 50, 21, 17);
  save_image(folder / "photos" / "deep" / "c.png", 90);
  write_text(folder / "mine.txt", "not to be touched\n");
}

void prepare_image(const fs::path& folder) {
  prepare_inputs(folder);
  save_image(folder / "out.png", 200, 5, 5);
}

void prepare_images(const fs::path& folder) {
  prepare_inputs(folder);
  fs::create_directories(folder / "out");
  save_image(folder / "out" / "a.png", 200, 5, 5);
  write_text(folder / "out" / "mine.txt", "not to be touched\n");
}

void prepare_file(const fs::path& folder) {
  prepare_inputs(folder);
  write_text(folder / "out.onnx", "an older file");
  write_text(folder / "out.npz", "an older file");
  write_text(folder / "page.html", "<html>an older page</html>\n");
}

// What an older model was exported as.
void prepare_export(const fs::path& folder) {
  prepare_inputs(folder);
  run_whole({"export", "model.safetensors", "torch", "--format", "pytorch"}, folder);
  run_whole({"export", "model.safetensors", "ncnn", "--format", "ncnn"}, folder);
  save_network(folder / "model.safetensors", "fast_style", {{"width", 5}, {"blocks", 1}});
  write_text(folder / "torch" / "mine.txt", "not to be touched\n");
}

void prepare_run(const fs::path& folder) {
  prepare_inputs(folder);
  run_whole(kTrain, folder);
  write_text(folder / "page.html", "<html>an older page</html>\n");
}

// A run that was killed amid slimming.
void prepare_resume(const fs::path& folder) {
  prepare_inputs(folder);
  const TempDir whole;
  const int64_t calls = run_shaken(kTrain, whole.path(), {}).calls;
  run_shaken(kTrain, folder, {Kind::kill, Calls::writing, calls / 2});
  if (!fs::exists(folder / "run" / "checkpoint.safetensors"))
    throw std::runtime_error("test: the run that is to go on has no checkpoint");
  write_text(folder / "run" / "mine.txt", "not to be touched\n");
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
      {"translate an image",
       {"translate", "model.safetensors", "photo.png", "--out", "out.png"},
       prepare_image},
      {"translate a folder",
       {"translate", "model.safetensors", "photos", "--out", "out"},
       prepare_images},
      {"translate into a new folder",
       {"translate", "model.safetensors", "photos", "--out", "new/results", "--json"},
       prepare_inputs},
      {"export ONNX", {"export", "model.safetensors", "out.onnx"}, prepare_file},
      {"export PyTorch",
       {"export", "model.safetensors", "torch", "--format", "pytorch"},
       prepare_export},
      {"export ncnn", {"export", "model.safetensors", "ncnn", "--format", "ncnn"}, prepare_export},
      {"convert", {"convert", "model.safetensors", "out.npz"}, prepare_file},
      {"sensitivity",
       {"sensitivity", "model.safetensors", "--data", "photos", "--size", "16", "--images", "1",
        "--out", "page.html"},
       prepare_file},
      {"report", {"report", "run", "--out", "page.html"}, prepare_run},
      {"train", kTrain, prepare_inputs, "run"},
      {"train with event files", with(kTrain, {"--tensorboard"}), prepare_inputs, "run"},
      {"resume", {"train", "--resume", "run", "--threads", "1"}, prepare_resume, "run"},
  };
  return all;
}

Words again(const Scenario& scenario, const fs::path& folder) {
  if (scenario.run.empty() || !fs::exists(folder / scenario.run / "checkpoint.safetensors"))
    return scenario.words;
  return {"train", "--resume", scenario.run, "--threads", "1"};
}

}  // namespace faults
