// A page about runs, side by side: one HTML file that asks nothing of anybody else.
#pragma once
#include <string>
#include <vector>

#include "tools/report/run_data.h"

namespace gsx::tools {

// In the order given; at least one.
std::string report_page(const std::vector<RunData>& runs);

// The losses, surviving channels and time of a step, as charts of all runs.
std::string curve_charts(const std::vector<RunData>& runs);
// Histograms of the scales that channels are pruned by, over time; empty of runs that log none.
std::string gamma_charts(const RunData&);
// Channels and rounding, layer by layer; empty without figures.
std::string layer_table(const RunData&);
// What was made, before and after, with a slider; empty of a run without samples.
std::string comparisons(const RunData&);

}  // namespace gsx::tools
