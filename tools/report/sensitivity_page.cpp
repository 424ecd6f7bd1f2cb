// Charts and a table of layers; see sensitivity_page.h.
#include "tools/report/sensitivity_page.h"

#include <sstream>

#include "tools/report/chart.h"
#include "tools/report/html.h"

namespace gsx::tools {

namespace {

// A point for each layer, at its number from 1.
ChartSeries points_of(const SensitivityReport& report, const std::string& name, int colour,
                      std::optional<double> LayerSensitivity::*value) {
  ChartSeries series{name, colour, {{}}};
  for (size_t i = 0; i < report.layers.size(); ++i)
    if (const LayerSensitivity& layer = report.layers[i]; layer.*value)
      series.pieces[0].push_back({static_cast<double>(i + 1), *(layer.*value), 0, layer.name});
  return series;
}

std::string tenths_chart(const SensitivityReport& report) {
  std::vector<ChartSeries> lines;
  for (const LayerSensitivity& layer : report.layers) {
    if (layer.tenths.empty() || !layer.tied_to.empty()) continue;
    ChartSeries line{layer.name, static_cast<int>(lines.size()), {{}}};
    for (size_t t = 0; t < layer.tenths.size(); ++t)
      line.pieces[0].push_back({static_cast<double>(10 * (t + 1)), layer.tenths[t], 0, layer.name});
    lines.push_back(std::move(line));
  }
  return chart({"fewer channels in one layer", "% of its channels removed", report.unit}, lines,
               ChartMarks::lines, true);
}

std::string number_cell(const std::optional<double>& number) {
  return "<td>" + (number ? html(short_number(*number)) : "<span class=\"soft\">–</span>") +
         "</td>";
}

std::string layer_cells(const LayerSensitivity& layer, size_t number) {
  std::ostringstream out;
  out << "<tr><td class=\"name\">" << html(layer.name) << "</td><td>" << number << "</td><td>"
      << layer.channels << "</td><td>" << layer.weights << "</td>" << number_cell(layer.bits8)
      << number_cell(layer.bits4);
  for (size_t t = 0; t + 1 < kTenths; ++t)
    out << number_cell(t < layer.tenths.size() ? std::optional(layer.tenths[t]) : std::nullopt);
  out << "<td class=\"name\">" << html(layer.tied_to) << "</td></tr>\n";
  return out.str();
}

}  // namespace

std::string sensitivity_page(const SensitivityReport& report) {
  std::ostringstream out;
  // The policy has browsers refuse whatever is not in the page itself.
  out << "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
         "style-src 'unsafe-inline'\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>"
      << html("gsx sensitivity: " + report.model) << "</title>\n<style>\n"
      << chart_css() << page_css() << "</style>\n</head>\n<body>\n<h1>" << html(report.model)
      << "</h1>\n<p class=\"soft\">What its output loses when one layer is changed and all others "
         "stay: "
      << html(report.measure) << " to its own output, " << (report.more_is_better ? "more" : "less")
      << " is better; means over " << html(report.images)
      << ". Written by gsx " GSX_VERSION "</p>\n<div class=\"charts\">\n"
      << chart({"fewer bits in one layer's weights", "layer", report.unit},
               {points_of(report, "8 bits", 0, &LayerSensitivity::bits8),
                points_of(report, "4 bits", 1, &LayerSensitivity::bits4)},
               ChartMarks::lines, true)
      << '\n'
      << tenths_chart(report)
      << "\n</div>\n<div class=\"scroll\"><table><thead><tr><th>layer</th><th>number</th>"
         "<th>channels</th><th>weights</th><th>8 bits</th><th>4 bits</th>";
  for (int t = 1; t < kTenths; ++t) out << "<th>−" << 10 * t << " %</th>";
  out << "<th>tied to</th></tr></thead><tbody>\n";
  for (size_t i = 0; i < report.layers.size(); ++i) out << layer_cells(report.layers[i], i + 1);
  out << "</tbody></table></div>\n<p class=\"soft\">Channels go in the order of how little the "
         "output moves with them. Layers whose channels are tied lose them together.</p>\n"
         "</body>\n</html>\n";
  return out.str();
}

}  // namespace gsx::tools
