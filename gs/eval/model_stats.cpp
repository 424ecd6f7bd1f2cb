// Costs, sizes and times of models; see model_stats.h.
#include "gs/eval/model_stats.h"

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <sstream>

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

std::vector<ModelTime> time_models(const std::vector<const Graph*>& models, const Tensor& source,
                                   int rounds) {
  constexpr int kWarmUp = 2;
  std::vector<std::vector<double>> times(models.size());
  for (int round = 0; round < kWarmUp + rounds; ++round) {
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
  std::vector<ModelTime> all;
  for (auto& t : times) {
    std::sort(t.begin(), t.end());
    all.push_back({t[static_cast<size_t>(rounds) / 2], t.front()});
  }
  return all;
}

void set_time(ModelFigures& f, const ModelTime& time) {
  f.ms_per_image = time.median;
  f.ms_least = time.least;
}

std::string scatter_text(const ModelFigures& teacher, const ModelFigures& compressed) {
  constexpr double kScatter = 1.3;  // on an idle machine medians stay below 1.2 times the least
  const auto scatters = [](const ModelFigures& f) {
    return f.ms_per_image > kScatter * f.ms_least;
  };
  if (!scatters(teacher) && !scatters(compressed)) return "";
  std::ostringstream text;
  text << std::setprecision(2) << " (the machine is busy: at their fastest "
       << teacher.ms_least / compressed.ms_least << "x)";
  return text.str();
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
