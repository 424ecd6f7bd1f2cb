// Reads run folders; see run_data.h.
#include "tools/report/run_data.h"

#include <algorithm>
#include <sstream>

#include "engine/error.h"
#include "gs/train/run_folder.h"
#include "tools/text.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

constexpr int kGap = 4;  // of contact_sheet()

// A run's config.toml opens with the command that began it.
std::string command_in(const std::string& config) {
  const std::string line = config.substr(0, config.find('\n'));
  const size_t at = line.find(": gsx ");
  return line.rfind("# settings of a run", 0) == 0 && at != std::string::npos ? line.substr(at + 2)
                                                                              : "";
}

// A line of the log as the page reads it.
bool is_line(const Json& j) {
  return j.is_object() && j.contains("stage") && j.contains("total_step") &&
         j.at("stage").is_string() && j.at("total_step").is_number();
}

std::vector<Json> lines_of(const fs::path& path, std::vector<std::string>& damage) {
  std::istringstream in(text_in(path));
  std::vector<Json> lines;
  int damaged = 0;
  for (std::string line; std::getline(in, line);) {
    Json j = Json::parse_or_null(line);
    if (is_line(j)) lines.push_back(std::move(j));
    else if (!in.eof() && !line.empty()) ++damaged;  // the last one may just be being written
  }
  if (damaged > 0)
    damage.push_back(path.string() + " has " + std::to_string(damaged) +
                     (damaged == 1 ? " damaged line, which is" : " damaged lines, which are") +
                     " left out");
  return lines;
}

std::vector<fs::path> sheets_in(const fs::path& folder) {
  std::vector<fs::path> sheets;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".png" && RunData::sheet_name(at->path()).step > 0)
      sheets.push_back(at->path());
  std::sort(sheets.begin(), sheets.end(), [](const fs::path& a, const fs::path& b) {
    const int first = RunData::sheet_name(a).step, second = RunData::sheet_name(b).step;
    return first != second ? first < second : a < b;
  });
  return sheets;
}

// Cell (row, column) of a sheet of squares.
Image cell(const Image& sheet, int side, int row, int column) {
  return crop(sheet, kGap + column * (side + kGap), kGap + row * (side + kGap), side, side);
}

// The side of a sheet's squares, `columns` in a row; 0 when it has no such squares.
int cell_side(const Image& sheet, int columns) {
  const int side = (sheet.width - kGap) / columns - kGap;
  if (side < 1 || sheet.width != kGap + columns * (side + kGap)) return 0;
  return (sheet.height - kGap) % (side + kGap) == 0 ? side : 0;
}

}  // namespace

RunData::SheetName RunData::sheet_name(const fs::path& path) {
  const std::string name = path.stem().string();
  const size_t dash = name.find('-');
  if (dash == std::string::npos || dash == 0 || dash > 9) return {};
  if (name.find_first_not_of("0123456789") != dash) return {};
  return {std::stoi(name.substr(0, dash)), name.substr(dash + 1)};
}

std::string RunData::makes(const std::string& stage) const {
  for (const Json& line : log)
    if (line.at("stage").text() == stage && line.contains("makes")) return line.at("makes").text();
  return stage == "dense" ? "teacher" : stage == "discriminator" ? "discriminator" : "student";
}

Sample RunData::read_sample(const fs::path& path) const {
  const auto [step, stage] = sheet_name(path);
  Sample sample{step, stage, {}};
  const std::string made = makes(stage);
  if (made == "discriminator") return sample;
  const Image sheet = read_image(path);
  constexpr int kColumns = 3;
  const int side = cell_side(sheet, kColumns), before = made == "teacher" ? 0 : 1;
  if (side == 0) return sample;
  for (int row = 0; row < (sheet.height - kGap) / (side + kGap); ++row)
    sample.pairs.push_back({cell(sheet, side, row, before), cell(sheet, side, row, before + 1)});
  return sample;
}

std::vector<Image> RunData::read_photos(const fs::path& path) const {
  constexpr int kColumns = 3;
  const Image sheet = read_image(path);
  const int side = cell_side(sheet, kColumns);
  std::vector<Image> photos;
  for (int row = 0; side > 0 && row < (sheet.height - kGap) / (side + kGap); ++row)
    photos.push_back(cell(sheet, side, row, 0));
  return photos;
}

RunData read_run(const fs::path& folder) {
  std::error_code ignored;
  GSX_CHECK(fs::is_regular_file(folder / run_files::kLog, ignored), folder.string(),
            " is no folder of a run: it holds no ", run_files::kLog,
            "; give what gsx train was given as --out");
  RunData run;
  run.folder = folder;
  run.command = command_in(text_in(folder / run_files::kConfig));
  run.log = lines_of(folder / run_files::kLog, run.damage);
  const fs::path figures = folder / run_files::kFigures;
  run.figures = Json::parse_or_null(text_in(figures));
  if (!run.figures.is_object()) {
    run.figures = nullptr;
    if (fs::exists(figures, ignored))
      run.damage.push_back(figures.string() +
                           " is damaged, so the run is shown as one that has not ended");
  }
  if (run.figures.is_object() && run.figures.contains("method"))
    run.method = run.figures.at("method").text();
  run.sheets = sheets_in(folder / run_files::kSamples);
  return run;
}

}  // namespace gsx::tools
