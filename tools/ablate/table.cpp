// Collects and writes tables; see table.h.
#include "tools/ablate/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <set>
#include <sstream>

#include "tools/report/html.h"
#include "tools/values.h"

namespace gsx::tools {

namespace {

using Row = AblationTable::Row;
using Value = AblationTable::Value;
using Found = std::optional<double>;

struct Measure {
  AblationTable::Column column;
  Found (*of_student)(const Json& figures);
  Found (*of_teacher)(const Json& figures);
};

Found at(const Json& j, const char* key) {
  if (!j.is_object() || !j.contains(key) || !j.at(key).is_number()) return std::nullopt;
  return j.at(key).get<double>();
}

Found at(const Json& j, const char* outer, const char* inner) {
  return j.is_object() && j.contains(outer) ? at(j.at(outer), inner) : std::nullopt;
}

// A distance to real images exists where r_f does.
Found measured(const Json& j, Found value) { return at(j, "r_f") > 0.0 ? value : std::nullopt; }

Found one(const Json&) { return 1; }

const Measure kMeasures[] = {
    {{"r_c", "r_c"}, [](const Json& j) { return at(j, "r_c"); }, one},
    {{"r_s", "r_s"}, [](const Json& j) { return at(j, "r_s"); }, one},
    {{"distance", "distance to real images (1)"},
     [](const Json& j) { return measured(j, at(j, "distance", "compressed")); },
     [](const Json& j) { return measured(j, at(j, "distance", "teacher")); }},
    {{"r_f", "r_f"}, [](const Json& j) { return measured(j, at(j, "r_f")); }, one},
    {{"to_teacher", "distance to the teacher (2)"},
     [](const Json& j) { return at(j, "distance_to_teacher", "value"); },
     [](const Json&) { return Found(0); }},
    {{"stripes", "stripes (3)"},
     [](const Json& j) { return at(j, "stripe_energy", "student"); },
     [](const Json& j) { return at(j, "stripe_energy", "teacher"); }},
    {{"ms", "ms per image"},
     [](const Json& j) { return at(j, "compressed", "ms_per_image"); },
     [](const Json& j) { return at(j, "teacher", "ms_per_image"); }},
    {{"seconds", "seconds of training"},
     [](const Json& j) { return at(j, "seconds"); },
     [](const Json&) { return Found(); }},
};

Value value_of(const std::vector<const Json*>& figures, Found (*measure)(const Json&)) {
  std::vector<double> values;
  for (const Json* j : figures)
    if (const Found v = measure(*j)) values.push_back(*v);
  Value value;
  value.runs = static_cast<int>(values.size());
  if (values.empty()) return value;
  for (const double v : values) value.mean += v / double(values.size());
  double squares = 0;
  for (const double v : values) squares += (v - value.mean) * (v - value.mean);
  if (values.size() > 1) value.spread = std::sqrt(squares / double(values.size() - 1));
  return value;
}

std::string names_of(const std::vector<const Json*>& figures, const char* key) {
  std::set<std::string> names;
  for (const Json* j : figures)
    if (j->contains(key))
      if (const std::string name = j->at(key).value("name", ""); !name.empty()) names.insert(name);
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : "; ") + name;
  return all;
}

std::string text_of(const Value& v, const char* plus_minus) {
  if (v.runs == 0) return "";
  if (v.runs == 1) return short_number(v.mean);
  if (v.spread == 0) return short_number(v.mean) + plus_minus + "0";
  // As many digits behind the point as the spread needs for two of its own.
  char text[64];
  const double digits = 1 - std::floor(std::log10(v.spread));
  const int places = static_cast<int>(std::clamp(digits, 0.0, 4.0));
  std::snprintf(text, sizeof text, "%.*f%s%.*f", places, v.mean, plus_minus, places, v.spread);
  return text;
}

// In quotes where a reader would otherwise see more than one field.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string escaped(const std::string& text, const std::string& special, const char* before) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string::npos) out += before;
    out += c;
  }
  return out;
}

std::string latex(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\': out += "\\textbackslash{}"; break;
      case '^': out += "\\textasciicircum{}"; break;
      case '~': out += "\\textasciitilde{}"; break;
      default: out += escaped(std::string(1, c), "&%$#_{}", "\\");
    }
  }
  return out;
}

std::string markdown(const std::string& text) { return escaped(text, "|*<\\`", "\\"); }

std::string runs_text(const Row& row) {
  return std::to_string(row.runs) +
         (row.missed ? " (" + std::to_string(row.missed) + " missed the budget)" : "");
}

// Whether some row has a value in this column.
bool is_filled(const AblationTable& table, size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [&](const Row& row) { return row.values[column].runs > 0; });
}

std::string ratio_text(const Row& row) { return row.ratio ? number_text(*row.ratio) : ""; }

}  // namespace

const Value& AblationTable::value(const Row& row, const std::string& key) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.key == key; });
  return row.values.at(static_cast<size_t>(found - columns.begin()));
}

AblationTable make_table(const std::vector<AblationRun>& plan,
                         const std::vector<RunOutcome>& outcomes) {
  AblationTable table;
  for (const Measure& m : kMeasures) table.columns.push_back(m.column);
  struct Group {
    Row row;
    std::vector<const Json*> figures;
  };
  std::vector<Group> groups;
  std::vector<const Json*> all, of_seeds;  // of students; of one of each seed
  std::set<uint64_t> seeds;
  for (size_t i = 0; i < plan.size(); ++i) {
    if (plan[i].makes_teacher() || outcomes[i].state != RunOutcome::State::done) continue;
    const Json* figures = &outcomes[i].figures;
    all.push_back(figures);
    if (seeds.insert(plan[i].seed).second) of_seeds.push_back(figures);
    auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& g) {
      return g.row.method == plan[i].method && g.row.ratio == plan[i].ratio;
    });
    if (group == groups.end())
      group = groups.insert(groups.end(), Group{{plan[i].method, plan[i].ratio, 0, 0, {}}, {}});
    group->figures.push_back(figures);
    ++group->row.runs;
    group->row.missed += figures->contains("missed_budget");
  }
  if (all.empty()) return table;
  Row teacher{"teacher", {}, static_cast<int>(of_seeds.size()), 0, {}};
  for (const Measure& m : kMeasures) teacher.values.push_back(value_of(of_seeds, m.of_teacher));
  table.rows.push_back(std::move(teacher));
  for (Group& group : groups) {
    for (const Measure& m : kMeasures)
      group.row.values.push_back(value_of(group.figures, m.of_student));
    table.rows.push_back(std::move(group.row));
  }
  if (const std::string names = names_of(all, "distance"); !names.empty())
    table.notes.push_back("(1) " + names + "; r_f is the teacher's over the student's");
  if (const std::string names = names_of(all, "distance_to_teacher"); !names.empty())
    table.notes.push_back("(2) " + names);
  if (table.value(table.rows[0], "stripes").runs > 0)
    table.notes.emplace_back("(3) how strongly the animals of the built-in task are striped");
  return table;
}

std::string to_csv(const AblationTable& table) {
  std::ostringstream out;
  out << "method,target_ratio,runs,missed_budget";
  for (const auto& column : table.columns)
    out << ',' << column.key << "_mean," << column.key << "_spread";
  out << '\n';
  for (const Row& row : table.rows) {
    out << csv_field(row.method) << ',' << ratio_text(row) << ',' << row.runs << ',' << row.missed;
    for (const Value& v : row.values) {
      out << ',' << (v.runs > 0 ? number_text(v.mean) : "") << ','
          << (v.runs > 1 ? number_text(v.spread) : "");
    }
    out << '\n';
  }
  return out.str();
}

std::string to_markdown(const AblationTable& table) {
  std::ostringstream out;
  out << "| method | target ratio | runs |";
  for (size_t i = 0; i < table.columns.size(); ++i)
    if (is_filled(table, i)) out << ' ' << markdown(table.columns[i].title) << " |";
  out << "\n|---|---|---|";
  for (size_t i = 0; i < table.columns.size(); ++i)
    if (is_filled(table, i)) out << "---|";
  for (const Row& row : table.rows) {
    out << "\n| " << markdown(row.method) << " | " << ratio_text(row) << " | " << runs_text(row)
        << " |";
    for (size_t i = 0; i < row.values.size(); ++i)
      if (is_filled(table, i)) out << ' ' << text_of(row.values[i], " ± ") << " |";
  }
  out << "\n\nMean ± standard deviation over the runs, which differ in their seed.\n";
  for (const std::string& note : table.notes) out << markdown(note) << ".\n";
  return out.str();
}

std::string to_latex(const AblationTable& table) {
  std::ostringstream out;
  std::vector<size_t> filled;
  for (size_t i = 0; i < table.columns.size(); ++i)
    if (is_filled(table, i)) filled.push_back(i);
  out << "% needs \\usepackage{booktabs}\n\\begin{tabular}{lrr" << std::string(filled.size(), 'r')
      << "}\n\\toprule\nmethod & target ratio & runs";
  for (const size_t i : filled) out << " & " << latex(table.columns[i].title);
  out << " \\\\\n\\midrule\n";
  for (const Row& row : table.rows) {
    out << latex(row.method) << " & " << ratio_text(row) << " & " << runs_text(row);
    for (const size_t i : filled) {
      const std::string text = text_of(row.values[i], " \\pm ");
      out << " & " << (text.empty() ? "" : "$" + text + "$");
    }
    out << " \\\\\n";
  }
  out << "\\bottomrule\n\\end{tabular}\n";
  for (const std::string& note : table.notes) out << "% " << note << ".\n";
  return out.str();
}

}  // namespace gsx::tools
