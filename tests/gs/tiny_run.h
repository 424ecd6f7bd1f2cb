// Training runs small enough for tests, and what their folders hold.
#pragma once
#include <fstream>
#include <iterator>

#include "gs/train/trainer.h"
#include "tests/temp_dir.h"

namespace gsx::testing {

// A few steps on 16-pixel built-in images with networks of two or three channels.
inline TrainConfig tiny_config(const std::filesystem::path& dir) {
  TrainConfig c;
  c.run_dir = dir;
  c.size = 16;
  c.width = 6;
  c.blocks = 1;
  c.batch = 1;
  c.context = Context::create({.threads = 1});
  c.dense_steps = c.slim_steps = c.finetune_steps = 3;
  c.target_ratio = 3.2;
  c.checkpoint_every = 2;
  c.sample_every = 1000;
  return c;
}

// Sets a stop flag after a number of steps.
class StopAfter : public TrainObserver {
 public:
  explicit StopAfter(int steps = 1 << 30) : left_(steps) {}
  void progress(const TrainProgress& p) override {
    last = p;
    if (--left_ == 0) stop = true;
  }
  void warning(const std::string& text) override { warnings.push_back(text); }
  std::atomic<bool> stop{false};
  TrainProgress last;
  std::vector<std::string> warnings;

 private:
  int left_;
};

inline TrainResult run_tiny(const TrainConfig& c) {
  StopAfter observer;
  return train(c, false, observer, observer.stop);
}

}  // namespace gsx::testing
