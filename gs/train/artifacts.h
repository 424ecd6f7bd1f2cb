// What the stages of a run hand on to each other.
#pragma once
#include <filesystem>
#include <optional>

#include "gs/train/checkpoint.h"

namespace gsx {

struct Artifacts {
  // Files of the run folder: what is compressed; the discriminator that slimming starts from and,
  // where no feature network is given, whose feature layers the distance looks through; what the
  // run is for.
  std::filesystem::path teacher, discriminator, model;

  // The generator of the other direction and who judges it, where both are compressed.
  struct WayBack {
    Graph network, discriminator;
  };
  // What a stage of a student leaves to the next one.
  struct Student {
    Graph network, discriminator;
    std::string distance;                 // of the stage, as recipes call it
    std::vector<float> distance_weights;  // Distance::weights
    bool pruned = false;                  // dead channels wait to be extracted
    bool to_budget = false;               // and are as many as the budget asks
    int member = 0;                       // of a family, whose it is
    std::optional<WayBack> way_back = {};
  };
  std::optional<Student> student;
  // What slimming left the members of a family that are not under way yet.
  std::vector<Student> cuts;

  // The names of the files; of a student under way the stage itself keeps what a checkpoint holds.
  Json to_json() const;
  void save_cuts(StateWriter&) const;
  void restore_cuts(const StateReader&, const ContextPtr&);
  // The student that a stage of this member begins with, which is then gone from here. Empty: there
  // was none before.
  std::optional<Student> take_student(int member);
};

// The files of a new run in this folder. Without a student the teacher is what the run is for.
Artifacts new_artifacts(const std::filesystem::path& folder, bool makes_student);
// Those that a checkpoint names.
Artifacts artifacts_from_json(const std::filesystem::path& folder, const Json&);

}  // namespace gsx
