// What a run reports at its end: costs, speed, distances, and what the built-in images can tell.
#pragma once
#include "gs/eval/fidelity.h"
#include "gs/eval/layer_figures.h"
#include "gs/eval/model_stats.h"
#include "gs/train/stage.h"

namespace gsx {

// Of a family the figures are those of its last member, whose file is the smallest.
struct TrainResult {
  bool finished = false;                // false: stopped by `stop`, checkpoint written
  std::filesystem::path model;          // the compressed (or dense) model file
  std::filesystem::path teacher_model;  // the teacher as gsx writes it
  ModelFigures teacher, compressed;
  std::string astray;         // in words, when the model's images are nothing like the teacher's
  std::string missed_budget;  // in words, when the budget was missed; else empty
  double r_s = 0, r_c = 0, r_s_paper = 0, r_c_paper = 0;
  double r_f = 0;             // 0 when no distance could be computed
  std::string distance_name;  // what the distances and r_f are distances of
  double teacher_distance = 0, compressed_distance = 0;
  double stripe_energy_teacher = -1, stripe_energy_student = -1;  // built-in images only
  double distance_to_teacher = -1;  // mean over held-out images, of the kind named below
  std::string distance_to_teacher_name;
  double grey_levels_to_teacher = -1;  // the mean absolute difference, of 0..255, always
  ColourShift shift;                   // of the held-out images, against the teacher's
  double target_ratio = 0;             // of a family's member
  std::vector<TrainResult> members;    // of a family, in the order of --budgets
  Json to_json() const;
};

// Reads the models the run wrote and measures them; their speed only when `timed`.
TrainResult evaluate_run(RunState&, bool timed = true);

// Every layer of the run's model: channels, costs, and where it is quantised what that costs, on
// held-out images; of its weights where the run's checkpoint has them unrounded.
std::vector<LayerFigures> layer_figures_of(const RunState&);

// How far a student's images are from its teacher's, from rows of photo, teacher's and student's:
// their squared difference over that of plain images in the mean colours of the teacher's. Above
// 1 the student has lost what it began with. 0 where the teacher's are as good as plain themselves.
double departure(const ImageRows&);

}  // namespace gsx
