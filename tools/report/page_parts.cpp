// Charts of the log, the table of layers and the images before and after; see page.h.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <sstream>

#include "engine/io/image_folder.h"
#include "gs/family.h"
#include "tools/progress.h"
#include "tools/report/chart.h"
#include "tools/report/html.h"
#include "tools/report/page.h"
#include "tools/text.h"

namespace gsx::tools {

namespace {

// What lines of the log hold beside losses.
bool is_loss(const std::string& key, const Json& value) {
  for (const char* other : {"member", "step", "total_step", "seconds_per_step", "seconds"})
    if (key == other) return false;
  return value.is_number();
}

// In the order in which they come.
std::vector<std::string> loss_names(const std::vector<RunData>& runs) {
  std::vector<std::string> names;
  for (const RunData& run : runs)
    for (const Json& line : run.log)
      for (const auto& [key, value] : line.items())
        if (is_loss(key, value) && std::find(names.begin(), names.end(), key) == names.end())
          names.push_back(key);
  return names;
}

// As many points as a chart can show: means of neighbours.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points) {
  constexpr size_t kMost = 240;
  if (points.size() <= kMost) return points;
  std::vector<ChartPoint> few;
  for (size_t i = 0; i < kMost; ++i) {
    const size_t from = i * points.size() / kMost, to = (i + 1) * points.size() / kMost;
    ChartPoint mean;
    for (size_t k = from; k < to; ++k) {
      mean.x += points[k].x / double(to - from);
      mean.y += points[k].y / double(to - from);
    }
    few.push_back(mean);
  }
  return few;
}

// The stage of a line, of a family's member its own.
std::string stage_of(const Json& line) {
  return line.at("stage").text() + " " + ratio_text(line.value("member", 0.0));
}

// A number of the log over steps, a piece for each stage. value(line) says what it is of a line.
template <class Value>
ChartSeries series_of(const RunData& run, size_t index, Value&& value) {
  ChartSeries series{run.folder.string(), static_cast<int>(index), {}};
  std::string stage;
  bool open = false;
  for (const Json& line : run.log) {
    const std::optional<double> y = value(line);
    if (!y || stage_of(line) != stage) open = false;
    stage = stage_of(line);
    if (!y) continue;
    if (!open) series.pieces.emplace_back();
    open = true;
    series.pieces.back().push_back({line.at("total_step").get<double>(), *y, 0, ""});
  }
  for (auto& piece : series.pieces) piece = thinned(piece);
  return series;
}

std::string title_of(const std::string& loss) {
  static const std::map<std::string, std::string> kTitles = {
      {"G", "generator's loss (G)"},
      {"d", "distance to the teacher (d)"},
      {"gan", "adversarial loss (gan)"},
      {"D", "discriminator's loss (D)"},
      {"discriminator", "discriminators' loss, dense"},
      {"cycle", "cycle loss"},
      {"identity", "identity loss"},
      {"rho", "weight of sparsity (rho)"}};
  const auto found = kTitles.find(loss);
  return found == kTitles.end() ? loss : found->second;
}

template <class Value>
void add_chart(std::ostringstream& out, const std::vector<RunData>& runs, const std::string& title,
               Value&& value) {
  std::vector<ChartSeries> all;
  for (size_t i = 0; i < runs.size(); ++i) {
    ChartSeries series = series_of(runs[i], i, value);
    if (!series.pieces.empty()) all.push_back(std::move(series));
  }
  if (!all.empty()) out << chart({title, "steps", ""}, all, ChartMarks::lines);
}

std::string bar_cell(int kept, int original) {
  const int percent = original > 0 ? static_cast<int>(std::lround(100.0 * kept / original)) : 100;
  return "<td class=\"share\">" + std::to_string(kept) + " of " + std::to_string(original) +
         "<span class=\"track\"><i style=\"width:" + std::to_string(percent) +
         "%\"></i></span></td>";
}

std::string decibels(const Json& from, const char* key) {
  if (!from.is_object() || !from.contains(key)) return "<td class=\"soft\">–</td>";
  constexpr double kPoor = 15, kExact = 199;
  const double snr = from.at(key).get<double>();
  if (snr > kExact) return "<td>exact</td>";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f dB", snr);
  return std::string(snr < kPoor ? "<td class=\"bad\">" : "<td>") + text + "</td>";
}

std::string layer_row(const Json& layer) {
  std::ostringstream out;
  out << "<tr><td class=\"name\">" << html(layer.value("name", "")) << " <span class=\"soft\">"
      << html(layer.value("kind", "")) << "</span></td>"
      << bar_cell(layer.value("kept", 0), layer.value("original", 0)) << "<td>"
      << format_si(layer.value("macs", 0.0)) << "</td><td>"
      << format_bytes(layer.value("weight_bytes", 0.0))
      << (layer.value("weight_bits", 8) == 4 ? " in 4 bits" : "") << "</td>"
      << decibels(layer, "weight_snr");
  const Json input = layer.value("input", Json());
  out << decibels(input, "snr");
  if (!input.is_object())
    return out.str() + "<td class=\"soft\">–</td><td class=\"soft\">–</td></tr>\n";
  constexpr double kMuch = 0.01;
  const double saturated = input.value("saturated", 0.0), range = input.value("range", 0.0);
  out << (saturated > kMuch ? "<td class=\"bad\">" : "<td>") << short_number(100 * saturated)
      << " %</td><td>" << (input.value("signed", false) ? "±" : "0 to ") << short_number(range)
      << "</td></tr>\n";
  return out.str();
}

// One that cannot be read is told of and shown as one without pairs.
Sample sample_of(const RunData& run, const std::filesystem::path& sheet) {
  try {
    return run.read_sample(sheet);
  } catch (const Error& error) {
    warn("a sheet of images is left out: " + naming(sheet.string(), error.what()));
    return {};
  }
}

// The sheets of one kind of network that are shown: evenly over time, the last one that
// can be read always.
std::vector<Sample> shown_samples(const RunData& run, const std::string& made) {
  std::vector<std::filesystem::path> sheets;
  for (const auto& sheet : run.sheets)
    if (run.makes(RunData::sheet_name(sheet).stage) == made) sheets.push_back(sheet);
  if (sheets.empty()) return {};
  std::vector<Sample> samples = {sample_of(run, sheets.back())};
  while (samples[0].pairs.empty()) {
    sheets.pop_back();
    if (sheets.empty()) return {};
    samples[0] = sample_of(run, sheets.back());
  }
  constexpr size_t kMost = 12, kPixels = 4'000'000;
  const Image& one = samples[0].pairs[0].after;
  const size_t pixels = samples[0].pairs.size() * size_t(one.width) * size_t(one.height);
  const size_t count = std::min({sheets.size(), kMost, std::max<size_t>(2, kPixels / pixels)});
  for (size_t i = 1; i < count; ++i) {
    Sample sample = sample_of(run, sheets[(sheets.size() - 1) * (count - 1 - i) / (count - 1)]);
    if (sample.pairs.size() == samples[0].pairs.size()) samples.push_back(std::move(sample));
  }
  std::reverse(samples.begin(), samples.end());
  return samples;
}

std::string comparison(const std::vector<Sample>& samples, const char* title, const char* before,
                       const char* after) {
  std::ostringstream out;
  std::string names;
  for (const Sample& s : samples)
    names += (names.empty() ? "" : "\n") + ("step " + std::to_string(s.step) + ", " + s.stage);
  const size_t last = samples.size() - 1;
  out << "<h3>" << title << "</h3>\n<div class=\"compare\" style=\"--cut:50%\">\n"
      << "<div class=\"controls\"><label>" << before
      << "<input class=\"cut\" type=\"range\" min=\"0\" max=\"100\" value=\"50\" step=\"any\" "
         "aria-label=\"how much is shown of either\">"
      << after << "</label><label>when<input class=\"frame\" type=\"range\" min=\"0\" max=\""
      << last << "\" value=\"" << last << "\"><output class=\"label\" data-names=\""
      << html_lines(names) << "\">" << html(samples[last].stage)
      << "</output></label></div>\n<div class=\"pairs\">\n";
  constexpr int kSmall = 200;
  for (size_t pair = 0; pair < samples[0].pairs.size(); ++pair) {
    const Sample::Pair& newest = samples[last].pairs[pair];
    out << "<figure class=\"pair" << (newest.after.width < kSmall ? " small" : "")
        << "\"><img alt=\"" << before << "\" src=\"" << data_uri(newest.before) << "\">";
    for (size_t i = 0; i < samples.size(); ++i)
      out << "<img class=\"after\" data-frame=\"" << i << "\" alt=\"" << after << "\""
          << (i == last ? "" : " hidden") << " src=\"" << data_uri(samples[i].pairs[pair].after)
          << "\">";
    out << "</figure>\n";
  }
  out << "</div>\n</div>\n";
  return out.str();
}

}  // namespace

std::string curve_charts(const std::vector<RunData>& runs) {
  std::ostringstream out;
  out << "<div class=\"charts\">\n";
  for (const std::string& loss : loss_names(runs)) {
    add_chart(out, runs, title_of(loss), [&](const Json& line) -> std::optional<double> {
      if (!line.contains(loss) || !line.at(loss).is_number()) return std::nullopt;
      return line.at(loss).get<double>();
    });
  }
  add_chart(out, runs, "surviving channels", [](const Json& line) -> std::optional<double> {
    if (!line.contains("channels")) return std::nullopt;
    return line.at("channels").value("kept", 0.0);
  });
  add_chart(out, runs, "seconds per step", [](const Json& line) -> std::optional<double> {
    if (!line.contains("seconds_per_step")) return std::nullopt;
    return line.at("seconds_per_step").get<double>();
  });
  out << "</div>\n";
  return out.str();
}

std::string gamma_charts(const RunData& run) {
  constexpr size_t kColumns = 160;
  std::vector<const Json*> lines;
  for (const Json& line : run.log)
    if (line.contains("gammas")) lines.push_back(&line);
  if (lines.empty()) return "";
  TimeHistogram h;
  h.first = lines.front()->at("total_step").get<double>();
  h.last = lines.back()->at("total_step").get<double>();
  const size_t columns = std::min(kColumns, lines.size());
  for (size_t i = 0; i < columns; ++i) {
    const Json& gammas = lines[i * lines.size() / columns]->at("gammas");
    // Pruned channels stand below the others, with a row free between.
    std::vector<double> shares = {gammas.at("zero").get<double>(), 0};
    for (const Json& count : gammas.at("counts")) shares.push_back(count.get<double>());
    double sum = 0;
    for (const double share : shares) sum += share;
    for (double& share : shares) share /= std::max(1.0, sum);
    h.shares.push_back(std::move(shares));
  }
  const Json& gammas = lines.front()->at("gammas");
  const double least = gammas.value("least", -10.0), per_octave = gammas.value("per_octave", 2.0);
  h.marks.emplace_back(0.5, "pruned");
  for (const double value : {0.01, 0.1, 1.0})
    h.marks.emplace_back(2 + (std::log2(value) - least) * per_octave, short_number(value));
  return "<h3>Gammas while pruning</h3>\n<div class=\"charts\">" +
         time_histogram({"channels by |gamma|", "steps", "stronger: more channels"}, h) +
         "</div>\n";
}

std::string layer_table(const RunData& run) {
  if (!run.figures.is_object() || !run.figures.contains("layers")) return "";
  std::ostringstream out;
  out << "<h3>Layers</h3>\n<div class=\"scroll\"><table><thead><tr><th>layer</th><th>channels "
         "kept</th><th>MACs</th><th>weights</th><th>SNR of weights</th><th>SNR of input</th>"
         "<th>saturated</th><th>range</th></tr></thead><tbody>\n";
  for (const Json& layer : run.figures.at("layers"))
    if (layer.value("macs", 0.0) > 0) out << layer_row(layer);
  out << "</tbody></table></div>\n<p class=\"soft\">SNR: the squares of values over those of what "
         "rounding moved them; saturated: the share of a layer's input beyond its "
         "quantiser's range.</p>\n";
  return out.str();
}

std::string comparisons(const RunData& run) {
  std::string out;
  if (const auto student = shown_samples(run, "student"); !student.empty())
    out += comparison(student, "Teacher and student", "teacher", "student");
  if (const auto teacher = shown_samples(run, "teacher"); !teacher.empty())
    out += comparison(teacher, "Photo and teacher", "photo", "teacher");
  return out;
}

}  // namespace gsx::tools
