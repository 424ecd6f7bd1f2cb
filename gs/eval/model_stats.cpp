// Costs, sizes and times of models; see model_stats.h.
#include "gs/eval/model_stats.h"

#include <algorithm>
#include <chrono>

#include "gs/images.h"
#include "gs/second_input.h"

namespace gsx {

ModelFigures measure(const Graph& graph, const Shape& input) {
  const Cost cost = graph.cost(input_shapes_of(graph, input));
  ModelFigures f;
  f.macs_true = cost.macs.true_macs;
  f.macs_paper = cost.macs.paper_macs;
  f.params = cost.params;
  f.weight_bytes = cost.weight_bytes;
  f.file_bytes = file_bytes(graph);
  return f;
}

std::vector<double> time_models(const std::vector<const Graph*>& models, const Tensor& source) {
  constexpr int kWarmUp = 2, kRounds = 9;
  std::vector<std::vector<double>> times(models.size());
  for (int round = 0; round < kWarmUp + kRounds; ++round) {
    for (size_t i = 0; i < models.size(); ++i) {
      const Tensor x = convert_images(source, kImageFormat, models[i]->input_format);
      x.context()->synchronize();
      const auto start = std::chrono::steady_clock::now();
      models[i]->evaluate(inputs_of(*models[i], x));
      x.context()->synchronize();
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - start;
      if (round >= kWarmUp) times[i].push_back(took.count());
    }
  }
  std::vector<double> medians;
  for (auto& t : times) {
    std::nth_element(t.begin(), t.begin() + kRounds / 2, t.end());
    medians.push_back(t[kRounds / 2]);
  }
  return medians;
}

Ratios ratios(const ModelFigures& teacher, const ModelFigures& compressed) {
  const auto over = [](double a, double b) { return b > 0 ? a / b : 0; };
  return {over(teacher.macs_true, compressed.macs_true),
          over(static_cast<double>(teacher.file_bytes), static_cast<double>(compressed.file_bytes)),
          over(teacher.macs_paper, compressed.macs_paper),
          over(static_cast<double>(teacher.weight_bytes),
               static_cast<double>(compressed.weight_bytes))};
}

}  // namespace gsx
