// The summary of a run as text; see train_summary.h.
#include "tools/train_summary.h"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "gs/family.h"
#include "gs/train/run_folder.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace gsx::tools {

namespace {

std::string fixed(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

void print_row(const std::string& name, const std::string& teacher, const std::string& compressed,
               const std::string& gain) {
  std::cout << std::left << std::setw(30) << name << std::right << std::setw(12) << teacher
            << std::setw(12) << compressed << "   " << gain << '\n';
}

void print_dense(const TrainResult& r) {
  const ModelFigures& t = r.teacher;
  std::cout << "MACs per image    " << format_si(t.macs_true) << "\nfile on disk      "
            << format_bytes(t.file_bytes) << "\nms per image      " << fixed(t.ms_per_image, 1)
            << "\n\nmodel    " << for_stdout(r.teacher_model.string()) << std::endl;
}

void print_table(const TrainResult& r) {
  const ModelFigures &t = r.teacher, &s = r.compressed;
  const auto number = [](double v) { return fixed(v, v < 10 ? 3 : 1); };
  print_row("", "teacher", "compressed", "");
  print_row("MACs per image", format_si(t.macs_true), format_si(s.macs_true),
            "r_s " + fixed(r.r_s, 2));
  print_row("  as the paper counts", format_si(t.macs_paper), format_si(s.macs_paper),
            "r_s_paper " + fixed(r.r_s_paper, 2));
  print_row("file on disk", format_bytes(t.file_bytes), format_bytes(s.file_bytes),
            "r_c " + fixed(r.r_c, 2));
  print_row("  weights as the paper counts", format_bytes(t.weight_bytes),
            format_bytes(s.weight_bytes), "r_c_paper " + fixed(r.r_c_paper, 2));
  print_row("ms per image", number(t.ms_per_image), number(s.ms_per_image),
            fixed(t.ms_per_image / s.ms_per_image, 2) + "x" + scatter_text(t, s));
  if (r.r_f > 0) {
    print_row("distance to real images (1)", number(r.teacher_distance),
              number(r.compressed_distance), "r_f " + fixed(r.r_f, 2));
  }
  if (r.distance_to_teacher >= 0) {
    print_row("distance to the teacher (2)", "", number(r.distance_to_teacher), "");
    const auto& [red, green, blue] = r.shift.mean;
    print_row("brighter than the teacher (3)", "", number(r.shift.largest),
              "red " + number(red) + ", green " + number(green) + ", blue " + number(blue));
  }
  if (r.stripe_energy_teacher >= 0) {
    print_row("stripes painted on the animals", number(r.stripe_energy_teacher),
              number(r.stripe_energy_student),
              fixed(r.stripe_energy_student / r.stripe_energy_teacher, 2) + " of the teacher's");
  }
  if (r.r_f > 0) std::cout << "(1) " << for_stdout(r.distance_name) << '\n';
  if (r.distance_to_teacher >= 0)
    std::cout
        << "(2) " << for_stdout(r.distance_to_teacher_name)
        << "\n(3) grey levels of 0..255: the most of any image, and the mean of each colour\n";
  std::cout << "\nmodel    " << for_stdout(r.model.string()) << "\nsamples  "
            << for_stdout((r.model.parent_path() / run_files::kSamples).string()) << std::endl;
}

using Cells = std::vector<std::string>;

// The first column to the left, numbers to the right, all as wide as their longest cell.
void print_columns(const std::vector<Cells>& rows) {
  std::vector<size_t> widths(rows[0].size(), 0);
  for (const Cells& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const Cells& row : rows) {
    for (size_t i = 0; i < row.size(); ++i)
      std::cout << (i == 0 ? std::left : std::right) << std::setw(static_cast<int>(widths[i]))
                << row[i] << (i + 1 < row.size() ? "  " : "\n");
  }
}

Cells figure_cells(const ModelFigures& f) {
  return {format_bytes(static_cast<double>(f.file_bytes)), format_si(f.macs_true)};
}

std::string short_fixed(double value) { return fixed(value, value < 10 ? 3 : 1); }

// A column where the run measured something.
void add_column(std::vector<Cells>& rows, const char* head, const TrainResult& whole,
                double teacher, double TrainResult::*value) {
  if (whole.members[0].*value < 0) return;
  rows[0].emplace_back(head);
  rows[1].push_back(teacher < 0 ? "" : short_fixed(teacher));
  for (size_t i = 0; i < whole.members.size(); ++i)
    rows[i + 2].push_back(short_fixed(whole.members[i].*value));
}

void print_family(const TrainResult& r) {
  std::vector<Cells> rows = {{"member", "file", "MACs", "r_c", "r_s", "ms"}};
  Cells first = figure_cells(r.teacher);
  first.insert(first.begin(), "teacher");
  first.insert(first.end(), {"", "", short_fixed(r.teacher.ms_per_image)});
  rows.push_back(first);
  for (const TrainResult& m : r.members) {
    Cells row = figure_cells(m.compressed);
    row.insert(row.begin(), ratio_text(m.target_ratio));
    row.insert(row.end(),
               {fixed(m.r_c, 2), fixed(m.r_s, 2), short_fixed(m.compressed.ms_per_image)});
    rows.push_back(row);
  }
  const bool named = r.distance_to_teacher != r.grey_levels_to_teacher;
  add_column(rows, "grey levels (1)", r, -1, &TrainResult::grey_levels_to_teacher);
  if (named) add_column(rows, "LPIPS (1)", r, -1, &TrainResult::distance_to_teacher);
  if (r.r_f > 0)
    add_column(rows, "to real (2)", r, r.teacher_distance, &TrainResult::compressed_distance);
  add_column(rows, "stripes (3)", r, r.stripe_energy_teacher, &TrainResult::stripe_energy_student);
  print_columns(rows);
  std::cout << "(1) to the teacher's images: mean absolute difference in grey levels of 0..255"
            << (named ? ", and " + for_stdout(r.distance_to_teacher_name) : "") << '\n';
  if (r.r_f > 0) std::cout << "(2) " << for_stdout(r.distance_name) << '\n';
  if (r.stripe_energy_teacher >= 0) std::cout << "(3) stripes painted on the animals\n";
  if (const std::string busy = scatter_text(r.teacher, r.compressed); !busy.empty())
    std::cout << "times scatter" << busy << '\n';
  std::cout << '\n';
  for (const TrainResult& m : r.members)
    std::cout << "model    " << for_stdout(m.model.string()) << '\n';
  std::cout << "samples  " << for_stdout((r.model.parent_path() / run_files::kSamples).string())
            << std::endl;
}

}  // namespace

void print_summary(const TrainResult& r) {
  if (!r.members.empty()) return print_family(r);
  r.model == r.teacher_model ? print_dense(r) : print_table(r);
}

}  // namespace gsx::tools
