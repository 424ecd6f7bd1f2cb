// What a run reports at its end: costs, speed, distances, and what the built-in pictures can tell.
#pragma once
#include "gs/stage.h"

namespace gsx {

// Reads the models the run wrote and measures them.
TrainResult evaluate_run(RunState&);

// Cost of the model in a file for pictures of a size; ms_per_image is left 0.
ModelFigures figures_of(const Graph&, const std::filesystem::path& file, int size);

// Median milliseconds of evaluate() on one picture after a warm-up, the models in turns.
std::vector<double> time_models(const std::vector<const Graph*>& models, const Tensor& photo);

}  // namespace gsx
