// gsx report: one page that shows runs, in a file of its own.
#include <filesystem>
#include <iostream>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "gs/train/checkpoint.h"
#include "gs/train/run_folder.h"
#include "tools/commands.h"
#include "tools/outputs.h"
#include "tools/report/page.h"
#include "tools/text.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

struct ReportOptions {
  std::vector<std::string> runs;
  std::string out;
};

// A page of one run lies in its folder, one of several in the current folder.
fs::path page_file(const ReportOptions& o) {
  if (!o.out.empty()) return o.out;
  return o.runs.size() == 1 ? fs::path(o.runs[0]) / "report.html" : fs::path("report.html");
}

// The models of a family, also of a run that has not ended.
std::vector<fs::path> members_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with("model_") && name.ends_with(".safetensors")) files.push_back(at->path());
  }
  return files;
}

// What a run wrote, and its settings: a page replaces none of it.
FileSet files_of(const std::vector<RunData>& runs) {
  FileSet files;
  for (const RunData& run : runs) {
    for (const char* name : {run_files::kTeacher, run_files::kDiscriminator, run_files::kReverse,
                             run_files::kReverseDiscriminator, run_files::kModel,
                             run_files::kReverseModel, run_files::kCheckpoint, run_files::kConfig,
                             run_files::kRecipe, run_files::kLog, run_files::kFigures})
      files.add(run.folder / name);
    files.add(previous_checkpoint(run.folder / run_files::kCheckpoint));
    for (const fs::path& member : members_in(run.folder)) files.add(member);
    for (const fs::path& sheet : run.sheets) files.add(sheet);
  }
  return files;
}

std::string page_text(const std::vector<RunData>& runs) {
  try {
    return report_page(runs);
  } catch (const Json::exception&) {
    fail("the ", run_files::kLog, " or ", run_files::kFigures,
         " of a run is of unexpected form; leave out the runs that gsx did not write");
  }
}

void run_report(const ReportOptions& o) {
  const fs::path page = page_file(o);
  check_suffix("--out", page, ".html");
  std::vector<RunData> runs;
  for (const std::string& folder : o.runs) {
    runs.push_back(read_run(folder));
    for (const std::string& damage : runs.back().damage) warn(damage);
  }
  GSX_CHECK(files_of(runs).find(page).empty(), "--out: ", page.string(),
            " is a file of a run that the page shows; choose another name");
  check_links("--out", page);
  check_replaceable("--out", page);
  write_file_atomically(page, page_text(runs));
  std::cout << "report   " << for_stdout(page.string()) << std::endl;
}

}  // namespace

void add_report(const Command& app) {
  auto o = std::make_shared<ReportOptions>();
  const Command sub = app.add_subcommand("report", "Show runs on one page for a browser.");
  sub.footer(R"(Examples:
  gsx report runs/gs8-1
  gsx report runs/gs8-1 runs/gs32-1 --out compared.html
The page is one file that loads nothing else: losses, gammas and surviving channels over time, what
every layer kept and what rounding costs it, and images before and after.)");
  sub.add_option("RUN", o->runs, "folders of runs, also of such as go on")->required();
  sub.add_option("--out", o->out,
                 "the page (default: report.html in the run's folder, or here for several runs)");
  sub.callback([o] { run_report(*o); });
}

}  // namespace gsx::tools
