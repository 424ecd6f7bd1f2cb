// The page as a whole, its summary and what belongs to one run; see page.h.
#include "tools/report/page.h"

#include <optional>
#include <set>
#include <sstream>

#include "engine/error.h"
#include "gs/family.h"
#include "tools/progress.h"
#include "tools/report/chart.h"
#include "tools/report/html.h"
#include "tools/text.h"

namespace gsx::tools {

namespace {

// A number of the figures by its keys; nothing where there is none.
std::optional<double> number_at(const Json& figures, std::initializer_list<const char*> keys) {
  const Json* at = &figures;
  for (const char* key : keys) {
    if (!at->is_object() || !at->contains(key)) return std::nullopt;
    at = &at->at(key);
  }
  return at->is_number() ? std::optional(at->get<double>()) : std::nullopt;
}

std::string cell(const std::optional<double>& number, std::string (*text)(double)) {
  return "<td>" + (number ? html(text(*number)) : "<span class=\"soft\">–</span>") + "</td>";
}

std::string distance_cell(std::optional<double> distance, bool student) {
  if (!student || (distance && *distance < 0)) distance.reset();
  return cell(distance, short_number);
}

// The models that a run made, each as the figures say it: the members of a family, or the only one.
std::vector<Json> models_of(const RunData& run) {
  const Json& f = run.figures;
  if (!f.is_object() || !f.contains("members")) return {f};
  std::vector<Json> models;
  for (const Json& member : f.at("members")) {
    models.push_back(f);
    models.back().update(member);
  }
  return models;
}

// "8" of a family's member; empty of an only model.
std::string member_name(const Json& model) {
  const std::optional<double> ratio = number_at(model, {"target_ratio"});
  return ratio ? ratio_text(*ratio) : "";
}

std::string summary_row(const RunData& run, size_t index, const Json& f) {
  const std::string member = member_name(f);
  const bool student = f.is_object() && f.value("model", "") != f.value("teacher_model", "");
  std::ostringstream out;
  out << "<tr><td class=\"name c" << index % kChartColours
      << "\"><span class=\"dot\"></span><a href=\"#run-" << index << "\">"
      << html(run.folder.string()) << (member.empty() ? "" : " " + member) << "</a></td><td>"
      << (run.method.empty() ? "–" : html(run.method)) << "</td>"
      << cell(number_at(f, {"seed"}), short_number) << cell(number_at(f, {"r_s"}), short_number)
      << cell(number_at(f, {"r_c"}), short_number)
      << cell(number_at(f, {"compressed", "macs_true"}), format_si)
      << cell(number_at(f, {"compressed", "file_bytes"}), format_bytes)
      << cell(number_at(f, {"compressed", "ms_per_image"}), short_number)
      << distance_cell(number_at(f, {"distance", "compressed"}), number_at(f, {"r_f"}) > 0.0)
      << distance_cell(number_at(f, {"distance", "teacher"}), number_at(f, {"r_f"}) > 0.0)
      << distance_cell(number_at(f, {"distance_to_teacher", "value"}), student)
      << cell(number_at(f, {"seconds"}), format_duration) << "</tr>\n";
  return out.str();
}

// What the numbered distances are distances of: all that the runs name.
std::string distance_names(const std::vector<RunData>& runs, const char* key) {
  std::set<std::string> names;
  for (const RunData& run : runs)
    if (run.figures.is_object() && run.figures.contains(key))
      if (const std::string name = run.figures.at(key).value("name", ""); !name.empty())
        names.insert(name);
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : "; ") + name;
  return all.empty() ? "not measured" : all;
}

std::string summary(const std::vector<RunData>& runs) {
  std::ostringstream out;
  out << "<div "
         "class=\"scroll\"><table><thead><tr><th>run</th><th>method</th><th>seed</th><th>r_s</th>"
         "<th>r_c</th><th>MACs</th><th>file</th><th>ms per image</th><th>distance (1)</th>"
         "<th>teacher's (1)</th><th>to the teacher (2)</th><th>training</th></tr></thead><tbody>\n";
  for (size_t i = 0; i < runs.size(); ++i)
    for (const Json& model : models_of(runs[i])) out << summary_row(runs[i], i, model);
  out << "</tbody></table></div>\n<p class=\"soft\">r_s: the teacher's multiply-accumulates over "
         "the "
         "model's; r_c: its file's size over the model's. (1) "
      << html(distance_names(runs, "distance")) << ". (2) "
      << html(distance_names(runs, "distance_to_teacher")) << ".</p>\n";
  return out.str();
}

// How the members of families lie between small and faithful; empty where there is none. Runs of
// one student are points beside them.
std::string family_chart(const std::vector<RunData>& runs) {
  std::vector<ChartSeries> all;
  bool family = false;
  for (size_t i = 0; i < runs.size(); ++i) {
    const std::vector<Json> models = models_of(runs[i]);
    family = family || models.size() > 1;
    std::vector<ChartPoint> points;
    for (const Json& model : models) {
      const auto bytes = number_at(model, {"compressed", "file_bytes"});
      const auto distance = number_at(model, {"distance_to_teacher", "value"});
      if (bytes && distance)
        points.push_back({*bytes / 1e3, *distance, 0,
                          runs[i].folder.string() + " " + member_name(model) + ": " +
                              format_bytes(*bytes) + ", " + short_number(*distance)});
    }
    if (!points.empty())
      all.push_back({runs[i].folder.string(), static_cast<int>(i), {std::move(points)}});
  }
  if (!family || all.empty()) return "";
  return "<h2>Size and distance</h2>\n<div class=\"charts\">\n" +
         chart({"distance to the teacher (2)", "file in kB", ""}, all, ChartMarks::curves) +
         "</div>\n";
}

// The last line of the log, in words, of a run without figures.
std::string unfinished(const RunData& run) {
  if (run.figures.is_object()) return "";
  std::string where = "nothing is logged yet";
  if (!run.log.empty()) {
    const Json& last = run.log.back();
    where = "the log ends in stage " + last.at("stage").text() + ", after " +
            std::to_string(last.at("total_step").get<int>()) + " steps of all";
  }
  return "<p class=\"warning\">This run holds no figures, as those that have not ended: " +
         html(where) + ".</p>\n";
}

std::string run_section(const RunData& run, size_t index) {
  std::ostringstream out;
  out << "<section id=\"run-" << index << "\">\n<h2 class=\"c" << index % kChartColours
      << "\"><span class=\"dot\"></span>" << html(run.folder.string()) << "</h2>\n"
      << unfinished(run);
  for (const char* key : {"astray", "missed_budget"})
    if (run.figures.is_object() && run.figures.contains(key))
      out << "<p class=\"warning\">" << html(run.figures.at(key).text()) << ".</p>\n";
  if (!run.command.empty()) out << "<pre>" << html(run.command) << "</pre>\n";
  out << "<p class=\"soft\">Repeat it:</p>\n<pre>gsx train --config "
      << html(shell_quoted((run.folder / "config.toml").string())) << " --out NEW_FOLDER</pre>\n"
      << comparisons(run) << gamma_charts(run) << layer_table(run) << "</section>\n";
  return out.str();
}

}  // namespace

std::string report_page(const std::vector<RunData>& runs) {
  GSX_CHECK(!runs.empty(), "report: expected at least one run, got none");
  std::string title = "gsx report: " + runs[0].folder.string();
  if (runs.size() > 1) title += " and " + std::to_string(runs.size() - 1) + " more";
  std::ostringstream out;
  // The policy has browsers refuse whatever is not in the page itself.
  out << "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src "
         "data:; "
         "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>"
      << html(title) << "</title>\n<style>\n"
      << chart_css() << page_css() << "</style>\n</head>\n<body>\n<h1>"
      << (runs.size() == 1 ? "One run" : std::to_string(runs.size()) + " runs")
      << "</h1>\n<p class=\"soft\">written by gsx " GSX_VERSION "</p>\n"
      << summary(runs) << family_chart(runs) << "<h2>Training</h2>\n"
      << curve_charts(runs);
  for (size_t i = 0; i < runs.size(); ++i) out << run_section(runs[i], i);
  out << "<script>\n" << page_js() << "</script>\n</body>\n</html>\n";
  return out.str();
}

}  // namespace gsx::tools
