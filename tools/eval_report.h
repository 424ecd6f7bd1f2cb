// What `gsx eval` tells of a model, as text for people and as JSON.
#pragma once
#include <string>

#include "gs/eval/fidelity.h"
#include "gs/eval/model_stats.h"

namespace gsx::tools {

struct EvalReport {
  std::string model_name, feature_net;  // as typed; no feature network: empty
  Evaluation::Result quality;
  ModelFigures model, teacher;
  bool has_teacher = false;
  int skipped = 0;
  Shape input;  // what figures are of: one image, or one vector of noise
  Shape made;   // the image that comes of it
  std::string device;
};

Json to_json(const EvalReport&);
void print_report(const EvalReport&);

}  // namespace gsx::tools
