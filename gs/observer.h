// How a run tells what it does: it prints nothing.
#pragma once
#include "gs/config.h"
#include "gs/passes/channels.h"

namespace gsx {

struct TrainProgress {
  std::string stage;        // dense, slim, finetune ...
  int step = 0, steps = 0;  // within the stage
  int total_step = 0, total_steps = 0;
  double seconds_per_step = 0;                         // of this stage, recent
  double seconds_left = 0;                             // to the end of the last stage
  std::vector<std::pair<std::string, double>> losses;  // name, value
  ChannelCount channels;                               // prunable channels still alive, of all
};

class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  // First of all: the settings a new run starts with or a resumed one brings along.
  virtual void begins(const TrainConfig&) {}
  // A new run's settings make sense; files that are written in `folder` now become the run's.
  virtual void started(const std::filesystem::path& /*folder*/) {}
  virtual void progress(const TrainProgress&) {}
  // A line went into the run's log, a sheet into its samples.
  virtual void logged(const Json& /*line*/) {}
  virtual void sampled(const Image& /*sheet*/, const std::string& /*stage*/, int /*total_step*/) {}
  virtual void message(const std::string&) {}  // one line worth telling: stages, files written
  virtual void warning(const std::string&) {}  // skipped images and the like
};

}  // namespace gsx
