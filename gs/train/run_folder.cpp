// The beginning of a run in its folder; see run_folder.h.
#include "gs/train/run_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>

#include "engine/io/atomic_file.h"
#include "engine/io/image_folder.h"
#include "gs/family.h"
#include "gs/train/checkpoint.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

constexpr const char* kHidden = ".gsx-start";

bool is_taken(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));  // also a link to nothing
}

// Whether both names are of one file, without following links.
bool same_file(const fs::path& a, const fs::path& b) {
  struct stat x, y;
  return lstat(a.c_str(), &x) == 0 && lstat(b.c_str(), &y) == 0 && S_ISREG(x.st_mode) &&
         x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (fs::is_regular_file(at->symlink_status(ignored))) files.push_back(at->path());
  }
  return files;
}

// The files of a beginning that never came to a checkpoint lose their names.
void take_back(const fs::path& run, const fs::path& hidden) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(hidden, error);
  if (!fs::exists(status)) return;
  GSX_CHECK(fs::is_directory(status), "run folder ", run.string(), " holds ", kHidden,
            ", which is not of a run's making; choose another --out");
  if (!is_taken(run / run_files::kCheckpoint))
    for (const fs::path& file : files_in(hidden))
      if (same_file(file, run / file.filename())) fs::remove(run / file.filename(), error);
  fs::remove_all(hidden, error);
  GSX_CHECK(!error, "train: cannot write in the run folder ", run.string(), ": ", error.message());
}

void check_names(const TrainConfig& config) {
  const fs::path& run = config.run_dir;
  const std::string dir = run.string();
  GSX_CHECK(!is_taken(run / run_files::kCheckpoint), "run folder ", dir,
            " holds a run already; continue it with --resume ", dir, " or choose another --out");
  const fs::path previous = previous_checkpoint(run_files::kCheckpoint);
  std::vector<fs::path> names = {run_files::kTeacher,
                                 run_files::kDiscriminator,
                                 run_files::kReverse,
                                 run_files::kReverseDiscriminator,
                                 run_files::kModel,
                                 run_files::kReverseModel,
                                 previous,
                                 run_files::kConfig,
                                 run_files::kLog,
                                 run_files::kFigures,
                                 run_files::kSamples};
  if (!config.recipe.empty()) names.emplace_back(run_files::kRecipe);
  if (!config.budgets.empty())
    for (const double ratio : parse_budgets(config.budgets)) names.emplace_back(member_file(ratio));
  for (const fs::path& name : names) {
    GSX_CHECK(!is_taken(run / name), "run folder ", dir, " holds ", name.string(),
              " already, which the run would write over; move that away or choose another --out");
  }
}

void check_photos(const TrainConfig& c) {
  if (c.data.empty()) return;
  DataLayout layout;
  try {
    layout = find_layout(c.data);
  } catch (const Error&) {
    return;  // told when the images are opened
  }
  // A run may lie in a folder below the photos: it is known by its checkpoint and not read.
  const fs::path samples = c.run_dir / run_files::kSamples;
  const auto refuse = [&](const fs::path& folder, const fs::path& named) {
    std::error_code ignored;
    GSX_CHECK(
        !fs::equivalent(c.run_dir, folder, ignored) && !fs::equivalent(samples, folder, ignored),
        "run folder ", c.run_dir.string(), " would lie among the photos in ", named.string(),
        "; choose another --out");
  };
  refuse(c.data, c.data);
  for (const auto& part : {layout.train_a, layout.train_b, layout.test_a, layout.test_b}) {
    if (part.empty()) continue;
    refuse(part, part);
    std::set<fs::path> folders;
    for (const fs::path& image : open_images(part).images) folders.insert(image.parent_path());
    for (const fs::path& folder : folders) refuse(folder, part);
  }
}

// Gives a file a second name; where the file system knows only one of each, the name instead.
// Never replaces anything.
void name_file(const fs::path& file, const fs::path& name) {
  bool named = link(file.c_str(), name.c_str()) == 0;
  if (!named && errno != EEXIST && !is_taken(name))
    named = std::rename(file.c_str(), name.c_str()) == 0;
  GSX_CHECK(named, "train: cannot write ", name.string(), ": ",
            std::strerror(is_taken(name) ? EEXIST : errno));
}

}  // namespace

RunBeginning::RunBeginning(const TrainConfig& config)
    : run_(config.run_dir), hidden_(run_ / kHidden) {
  take_back(run_, hidden_);
  check_names(config);
  check_photos(config);
  const std::error_code error = make_folders(hidden_);
  GSX_CHECK(!error, "train: cannot write in the run folder ", run_.string(), ": ", error.message());
}

RunBeginning::~RunBeginning() {
  if (done_) return;
  std::error_code ignored;
  for (const fs::path& name : placed_) fs::remove(name, ignored);
  fs::remove_all(hidden_, ignored);
}

void RunBeginning::place() {
  for (const fs::path& file : files_in(hidden_)) {
    const fs::path name = run_ / file.filename();
    name_file(file, name);
    placed_.push_back(name);
  }
}

void RunBeginning::done() {
  done_ = true;
  forget_beginning(run_);
}

void forget_beginning(const fs::path& run_dir) {
  std::error_code ignored;
  fs::remove_all(run_dir / kHidden, ignored);
}

}  // namespace gsx
