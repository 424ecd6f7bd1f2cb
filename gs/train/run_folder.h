// What a run writes in its folder, and how it begins there without writing over anybody's files.
#pragma once
#include <vector>

#include "gs/config.h"
#include "gs/way_back.h"

namespace gsx {

namespace run_files {
inline constexpr const char* kTeacher = "teacher.safetensors";
inline constexpr const char* kDiscriminator = "discriminator.safetensors";
// The way back, of a dense run, and the discriminator there.
inline constexpr const char* kReverse = way_back::kGenerator;
inline constexpr const char* kReverseDiscriminator = way_back::kDiscriminator;
inline constexpr const char* kModel = "model.safetensors";
inline constexpr const char* kReverseModel = "reverse_model.safetensors";  // where both are made
inline constexpr const char* kCheckpoint = "checkpoint.safetensors";
inline constexpr const char* kConfig = "config.toml";
inline constexpr const char* kRecipe = "recipe.toml";  // the one that was given, with its name
inline constexpr const char* kLog = "log.jsonl";
inline constexpr const char* kFigures = "figures.json";  // what was measured at the end
inline constexpr const char* kSamples = "samples";       // a folder
}  // namespace run_files

// What comes before a new run's first checkpoint. The files it needs until then are written in a
// hidden folder inside the run's, where they stay until the checkpoint is there, and become the
// run's by getting a second name: so those of a run that was killed while it began are told from
// files of the user's, whenever these came, and only they make room for another beginning.
class RunBeginning {
 public:
  // Error, before any work and with nothing changed but what a killed run left, where something in
  // the folder bears a name that a run writes, or the folder lies among the photos of config.data.
  explicit RunBeginning(const TrainConfig& config);
  // Nothing remains of a run that could not begin.
  ~RunBeginning();
  RunBeginning(const RunBeginning&) = delete;
  RunBeginning& operator=(const RunBeginning&) = delete;

  // Where files that become the run's are written; folders in it go again.
  const std::filesystem::path& folder() const { return hidden_; }
  // Gives these files their names in the run folder; Error for a name that was taken meanwhile.
  void place();
  // The run has begun: its checkpoint is written.
  void done();

 private:
  std::filesystem::path run_, hidden_;
  std::vector<std::filesystem::path> placed_;
  bool done_ = false;
};

// Takes away what a run left that was killed between its first checkpoint and its first step.
void forget_beginning(const std::filesystem::path& run_dir);

}  // namespace gsx
