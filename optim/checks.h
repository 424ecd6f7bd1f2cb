// Checks that every optimiser makes of the tensors it is given.
#pragma once
#include <vector>

#include "engine/tensor.h"

namespace gsx {

inline void check_parameters(const char* optimiser, const std::vector<Tensor>& parameters) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    GSX_CHECK(parameters[i].defined() && parameters[i].dtype() == DType::f32, optimiser,
              ": parameter ", i, " must be an f32 tensor");
    GSX_CHECK(parameters[i].context() == parameters[0].context(), optimiser, ": parameter ", i,
              " must belong to the context of parameter 0");
    for (size_t j = 0; j < i; ++j)
      GSX_CHECK(!parameters[i].same(parameters[j]), optimiser, ": parameter ", i,
                " was given twice; each must stand once");
  }
}

inline void check_not_recorded(const char* optimiser, const std::vector<Tensor>& parameters) {
  GSX_CHECK(parameters.empty() || !parameters[0].context()->capturing(), optimiser,
            ": a step that is recorded would repeat its rates; step after the recorded work");
}

}  // namespace gsx
