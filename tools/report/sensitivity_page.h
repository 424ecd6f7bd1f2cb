// A page about what layers of a network are sensitive to: one HTML file that asks nothing of
// anybody else.
#pragma once
#include <string>
#include <vector>

#include "gs/eval/layer_sensitivity.h"

namespace gsx::tools {

// Measured layers, and what their distances are called.
struct SensitivityReport {
  std::string model;
  std::string measure;  // "signal to noise, dB", "LPIPS v0.1 (squeezenet)"
  std::string unit;     // the same in a word
  bool more_is_better = false;
  std::string images;                    // which, in words
  std::vector<LayerSensitivity> layers;  // distances as `measure` has them
};

std::string sensitivity_page(const SensitivityReport&);

}  // namespace gsx::tools
