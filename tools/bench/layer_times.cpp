// Sums, medians and tables of spans; see layer_times.h.
#include "tools/bench/layer_times.h"

#include <algorithm>
#include <iomanip>
#include <iostream>

namespace gsx::tools {

namespace {

constexpr double kShownShare = 0.002;  // of all time; rows below are summed up

void print_cell(const std::string& text, int width) {
  std::cout << std::left << std::setw(width) << text;
}

}  // namespace

void LayerTimes::add(const std::vector<TracedSpan>& spans) {
  std::vector<double> own(spans.size());
  std::vector<bool> holds(spans.size(), false);
  for (size_t i = 0; i < spans.size(); ++i) {
    own[i] += spans[i].duration;
    if (spans[i].parent < 0) continue;
    own[static_cast<size_t>(spans[i].parent)] -= spans[i].duration;
    holds[static_cast<size_t>(spans[i].parent)] = true;
  }
  std::map<size_t, double> sums;
  for (size_t i = 0; i < spans.size(); ++i) {
    const bool phase = holds[i] || spans[i].parent < 0;
    const std::string& in =
        phase ? spans[i].name : spans[static_cast<size_t>(spans[i].parent)].name;
    sums[row(in, phase ? "(between)" : spans[i].name)] += own[i];
  }
  for (const auto& [at, seconds] : sums) rows_[at].seconds.push_back(seconds);
}

double LayerTimes::Row::median() const {
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  return sorted.empty() ? 0 : sorted[sorted.size() / 2];
}

double LayerTimes::total() const {
  double sum = 0;
  for (const Row& r : rows_) sum += r.median();
  return sum;
}

size_t LayerTimes::row(const std::string& phase, const std::string& layer) {
  for (size_t i = 0; i < rows_.size(); ++i)
    if (rows_[i].phase == phase && rows_[i].layer == layer) return i;
  rows_.push_back({phase, layer, {}});
  return rows_.size() - 1;
}

void print_layers(const LayerTimes& layers, const std::map<std::string, double>& macs) {
  const double total = layers.total();
  print_cell("\nphase", 31);
  print_cell("layer", 32);
  std::cout << std::right << std::setw(10) << "ms" << std::setw(8) << "share" << std::setw(10)
            << "GFLOP/s" << '\n';
  std::map<std::string, double> small;
  const auto print = [&](const std::string& phase, const std::string& layer, double seconds,
                         double flops) {
    print_cell(phase, 30);
    print_cell(layer, 32);
    std::cout << std::right << std::fixed << std::setprecision(3) << std::setw(10) << 1e3 * seconds
              << std::setprecision(1) << std::setw(7) << 100 * seconds / total << '%';
    if (flops > 0) std::cout << std::setw(10) << 1e-9 * flops / seconds;
    std::cout << '\n';
  };
  for (const LayerTimes::Row& r : layers.rows()) {
    const double seconds = r.median();
    const auto cost = macs.find(r.layer);
    if (seconds < kShownShare * total) small[r.phase] += seconds;
    else print(r.phase, r.layer, seconds, cost == macs.end() ? 0 : 2 * cost->second);
  }
  for (const auto& [phase, seconds] : small) print(phase, "(layers below 0.2%)", seconds, 0);
}

void print_phases(const LayerTimes& layers) {
  std::vector<std::pair<std::string, double>> phases;
  for (const LayerTimes::Row& r : layers.rows()) {
    const auto at = std::find_if(phases.begin(), phases.end(),
                                 [&](const auto& p) { return p.first == r.phase; });
    if (at == phases.end()) phases.emplace_back(r.phase, r.median());
    else at->second += r.median();
  }
  std::cout << '\n';
  for (const auto& [name, seconds] : phases) {
    print_cell(name, 30);
    std::cout << std::right << std::fixed << std::setprecision(2) << std::setw(10) << 1e3 * seconds
              << " ms" << std::setprecision(1) << std::setw(7) << 100 * seconds / layers.total()
              << "%\n";
  }
}

}  // namespace gsx::tools
