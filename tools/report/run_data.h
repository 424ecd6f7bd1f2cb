// What a run folder says of its run, for those who show it: settings, log, figures and samples.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "engine/io/image.h"
#include "engine/json.h"

namespace gsx::tools {

// A sample sheet's images, cut out of it: per photo what the network should have made, or began
// with, and what it made.
struct Sample {
  int step = 0;  // of all stages
  std::string stage;
  struct Pair {
    Image before, after;
  };
  std::vector<Pair> pairs;
};

struct RunData {
  std::filesystem::path folder;
  std::string command;  // as typed; empty: the folder does not say
  std::string method;   // empty: unknown
  std::vector<Json> log;
  Json figures;  // an object; null of runs that have not ended, or are of gsx 0.1.0
  std::vector<std::filesystem::path> sheets;  // in order of time
  std::vector<std::string> damage;            // what is not shown, and why: a sentence each

  // The step and stage of a sheet, by its name.
  struct SheetName {
    int step = 0;
    std::string stage;
  };
  static SheetName sheet_name(const std::filesystem::path&);
  // What a stage makes: teacher, discriminator or student.
  std::string makes(const std::string& stage) const;
  // Photos are before and a teacher's images after where a teacher is made; of a student its
  // teacher's are before. Without pairs where a sheet shows nothing of the sort. Error when the
  // file is no image.
  Sample read_sample(const std::filesystem::path& sheet) const;
  // The photos, first column of a sheet.
  std::vector<Image> read_photos(const std::filesystem::path& sheet) const;
};

// Error when the folder holds no log.
RunData read_run(const std::filesystem::path& folder);

}  // namespace gsx::tools
