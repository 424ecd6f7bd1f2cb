// Charts as SVG: lines over steps, points with a spread, and histograms over time. Colours and type
// come from chart.css, so that a page's light and dark modes are the charts', too.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace gsx::tools {

inline constexpr int kChartColours = 12;

struct ChartPoint {
  double x = 0, y = 0;
  double spread = 0;  // of y, to both sides
  std::string name;   // shown when pointed at
};

struct ChartSeries {
  std::string name;
  int colour = 0;  // any number; they repeat after kChartColours
  // Lines that break: every piece is drawn by itself.
  std::vector<std::vector<ChartPoint>> pieces;
};

struct ChartText {
  std::string title, x, y;
};

enum class ChartMarks { lines, points, curves };  // curves: lines through points

// An <svg> element. The vertical axis is logarithmic where all values are above zero and differ
// more than thirtyfold; likewise the horizontal one of points and curves, where they differ more
// than fivefold. What is not finite is left out; a chart without values says so. With `legend` the
// series are named below.
std::string chart(const ChartText&, const std::vector<ChartSeries>&, ChartMarks,
                  bool legend = false);

// How values are distributed over time: shares[t][bin] in 0..1, bins from the lowest up, over steps
// first..last. marks: where on the vertical axis (in bins) which text stands.
struct TimeHistogram {
  std::vector<std::vector<double>> shares;
  double first = 0, last = 0;
  std::vector<std::pair<double, std::string>> marks;
};
std::string time_histogram(const ChartText&, const TimeHistogram&);

// A file of its own, of what chart() made.
std::string svg_file(const std::string& svg);

// What build embeds: chart.css, page.css and page.js of this folder.
const char* chart_css();
const char* page_css();
const char* page_js();

}  // namespace gsx::tools
