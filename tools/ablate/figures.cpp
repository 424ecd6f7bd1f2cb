// Draws figures; see figures.h.
#include "tools/ablate/figures.h"

#include <algorithm>
#include <sstream>

#include "engine/error.h"
#include "tools/progress.h"
#include "tools/report/chart.h"
#include "tools/report/html.h"
#include "tools/report/run_data.h"
#include "tools/text.h"
#include "tools/values.h"

namespace gsx::tools {

namespace {

// A column's title without the number of its note, which stands below the table.
std::string title_of(const AblationTable& table, const std::string& key) {
  for (const auto& column : table.columns)
    if (column.key == key) return column.title.substr(0, column.title.find(" ("));
  return key;
}

AblationGrid::Head head_of(const std::string& title, const Json& figures, const char* whose) {
  const Json& costs = figures.at(whose);
  return {title, format_si(costs.value("macs_true", 0.0)) + " MACs, " +
                     format_bytes(costs.value("file_bytes", 0.0))};
}

// A run's last sheet of students; null when it has none that can be read.
std::optional<Sample> last_sample(const RunData& run) {
  if (run.sheets.empty() || run.makes(RunData::sheet_name(run.sheets.back()).stage) != "student")
    return std::nullopt;
  Sample sample = run.read_sample(run.sheets.back());
  return sample.pairs.empty() ? std::nullopt : std::optional(std::move(sample));
}

// Adds a method's images to the grid; the first one's photos and teacher's images, too.
void add_run(AblationGrid& grid, const AblationRun& planned, const Json& figures) {
  const RunData run = read_run(planned.folder);
  const std::optional<Sample> sample = last_sample(run);
  if (!sample) return;
  if (grid.rows.empty()) {
    const std::vector<Image> photos = run.read_photos(run.sheets.back());
    grid.heads = {{"photo", ""}, head_of("teacher", figures, "teacher")};
    for (size_t i = 0; i < sample->pairs.size(); ++i)
      grid.rows.push_back({photos.at(i), sample->pairs[i].before});
  }
  if (sample->pairs.size() != grid.rows.size()) return;
  grid.heads.push_back(head_of(planned.method, figures, "compressed"));
  for (size_t i = 0; i < grid.rows.size(); ++i) grid.rows[i].push_back(sample->pairs[i].after);
}

}  // namespace

std::string scatter_svg(const AblationTable& table, const std::string& key) {
  std::vector<ChartSeries> series;
  for (const AblationTable::Row& row : table.rows) {
    const AblationTable::Value &x = table.value(row, "r_c"), &y = table.value(row, key);
    if (x.runs == 0 || y.runs == 0) continue;
    auto of_method = std::find_if(series.begin(), series.end(),
                                  [&](const ChartSeries& s) { return s.name == row.method; });
    if (of_method == series.end())
      of_method = series.insert(series.end(), {row.method, static_cast<int>(series.size()), {{}}});
    of_method->pieces[0].push_back(
        {x.mean, y.mean, y.spread,
         row.method + ": r_c " + short_number(x.mean) + ", " + short_number(y.mean)});
  }
  if (series.empty()) return "";
  return svg_file(chart({title_of(table, key), "r_c", ""}, series, ChartMarks::points, true));
}

std::vector<AblationGrid> make_grids(const std::vector<AblationRun>& plan,
                                     const std::vector<RunOutcome>& outcomes) {
  std::vector<AblationGrid> grids;
  for (size_t i = 0; i < plan.size(); ++i) {
    const AblationRun& run = plan[i];
    if (run.makes_teacher() || outcomes[i].state != RunOutcome::State::done) continue;
    if (run.seed != plan.front().seed) continue;
    const std::string name = run.ratio ? "grid-r" + number_text(*run.ratio) : "grid";
    auto grid = std::find_if(grids.begin(), grids.end(),
                             [&](const AblationGrid& g) { return g.name == name; });
    if (grid == grids.end()) grid = grids.insert(grids.end(), {name, {}, {}});
    try {
      add_run(*grid, run, outcomes[i].figures);
    } catch (const Error& error) {
      warn("the images of the run " + run.name + " are not shown: " + error.what());
    }
  }
  std::erase_if(grids, [](const AblationGrid& g) { return g.rows.empty(); });
  return grids;
}

std::string grid_svg(const AblationGrid& grid) {
  constexpr int kSide = 128, kGap = 6, kHead = 36;
  const int width = kGap + static_cast<int>(grid.heads.size()) * (kSide + kGap);
  const int height = kHead + static_cast<int>(grid.rows.size()) * (kSide + kGap);
  std::ostringstream out;
  out << "<svg class=\"chart\" viewBox=\"0 0 " << width << ' ' << height << "\" role=\"img\">";
  for (size_t c = 0; c < grid.heads.size(); ++c) {
    const int x = kGap + static_cast<int>(c) * (kSide + kGap), middle = x + kSide / 2;
    out << "<text class=\"title\" text-anchor=\"middle\" x=\"" << middle << "\" y=\"14\">"
        << html(grid.heads[c].title) << "</text><text text-anchor=\"middle\" x=\"" << middle
        << "\" y=\"29\">" << html(grid.heads[c].below) << "</text>";
    for (size_t r = 0; r < grid.rows.size(); ++r)
      out << "<image x=\"" << x << "\" y=\"" << kHead + static_cast<int>(r) * (kSide + kGap)
          << "\" width=\"" << kSide << "\" height=\"" << kSide << "\" href=\""
          << data_uri(grid.rows[r][c]) << "\"/>";
  }
  out << "</svg>";
  return svg_file(out.str());
}

}  // namespace gsx::tools
