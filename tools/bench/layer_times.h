// Where the time of a network or training step goes: by layer and by phase.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "tools/bench/trace.h"

namespace gsx::tools {

// What layers cost, by phase and name in the order of their first appearance.
class LayerTimes {
 public:
  // Spans that hold others, and outermost ones, are phases; the rest are layers. A layer's time is
  // its spans' sum; what a phase does outside layers goes under "(between)".
  void add(const std::vector<TracedSpan>& spans);

  struct Row {
    std::string phase, layer;
    std::vector<double> seconds;

    double median() const;
  };
  const std::vector<Row>& rows() const { return rows_; }
  double total() const;  // seconds

 private:
  size_t row(const std::string& phase, const std::string& layer);

  std::vector<Row> rows_;
};

// Tables on stdout. `macs` of layers, by name, give their speed.
void print_layers(const LayerTimes&, const std::map<std::string, double>& macs);
void print_phases(const LayerTimes&);

}  // namespace gsx::tools
