// What users compare models by: cost, size on disk and speed.
#pragma once
#include <string>

#include "models/graph.h"

namespace gsx {

struct ModelFigures {
  double macs_true = 0, macs_paper = 0;  // of one image
  int64_t params = 0, weight_bytes = 0, file_bytes = 0;
  double ms_per_image = 0, ms_least = 0;  // evaluate() of one image: the median and the least
};

// Cost and size of the file; `input` is the shape of one image [1,C,H,W]. Times are left 0.
ModelFigures measure(const Graph&, const Shape& input);
// Milliseconds of evaluate() on one photo [1,3,H,W], RGB in -1..1, so many times after a warm-up;
// the models take turns.
struct ModelTime {
  double median = 0, least = 0;
};
std::vector<ModelTime> time_models(const std::vector<const Graph*>& models, const Tensor& source,
                                   int rounds = 9);
void set_time(ModelFigures&, const ModelTime&);
// What the summary adds to a speed-up: nothing, or that these models' times scatter as they do
// while others use the machine, so that it says little.
std::string scatter_text(const ModelFigures& teacher, const ModelFigures& compressed);

// How much smaller, in the paper's words "larger is better": r_s of MACs, r_c of bytes
// (DESIGN 5.5).
struct Ratios {
  double r_s = 0, r_c = 0;              // true MACs, bytes of the files
  double r_s_paper = 0, r_c_paper = 0;  // PAPER.md 2.8: deconvolutions at output size, weights only
};
Ratios ratios(const ModelFigures& teacher, const ModelFigures& compressed);

}  // namespace gsx
