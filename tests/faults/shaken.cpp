// Running the program under faults; see shaken.h.
#include "tests/faults/shaken.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/error.h"
#include "engine/io/image.h"
#include "engine/io/npz.h"
#include "engine/io/safetensors.h"
#include "tests/temp_dir.h"

namespace faults {

namespace fs = std::filesystem;

namespace {

// The control block in a file of its own, as long as this lives.
class ControlFile {
 public:
  ControlFile(const fs::path& root, const Fault& fault) {
    const int fd = open(path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(Control)) != 0)
      throw std::runtime_error("test: no control file can be made");
    void* at = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED) throw std::runtime_error("test: the control file cannot be mapped");
    control_ = new (at) Control{};
    control_->kind = fault.kind;
    control_->calls = fault.calls;
    control_->turn = fault.turn;
    copy(control_->root, root.string());
    copy(control_->journal, fault.journal.string());
  }
  ~ControlFile() { munmap(control_, sizeof(Control)); }
  ControlFile(const ControlFile&) = delete;
  ControlFile& operator=(const ControlFile&) = delete;

  fs::path path() const { return dir_ / "control"; }
  const Control& control() const { return *control_; }

 private:
  template <size_t n>
  static void copy(char (&to)[n], const std::string& text) {
    if (text.size() >= n) throw std::runtime_error("test: a path is too long");
    std::memcpy(to, text.c_str(), text.size() + 1);
  }
  TempDir dir_;
  Control* control_;
};

std::string content_of(const fs::path& path) {
  if (fs::is_symlink(path)) return "-> " + fs::read_symlink(path).string();
  return read_text(path);
}

bool ends_in(const std::string& text, const std::string& with) {
  return text.size() >= with.size() &&
         text.compare(text.size() - with.size(), with.size(), with) == 0;
}

}  // namespace

std::string name_of(Kind kind) {
  constexpr const char* kNames[] = {"none",        "full disk",   "I/O error", "broken disk",
                                    "interrupted", "short count", "kill",      "kill amid a call"};
  return kNames[static_cast<size_t>(kind)];
}

Shaken run_shaken(const Words& words, const fs::path& folder, const Fault& fault, bool everywhere) {
  const ControlFile file(everywhere ? fs::path() : fs::canonical(folder), fault);
  ProcessOptions options;
  options.folder = folder;
  options.timeout = std::chrono::minutes(3);
  options.environment = {{"LD_PRELOAD", GSX_FAULTS_LIBRARY}, {kControlFile, file.path().string()}};
  Shaken shaken;
  shaken.process = run_program(words, options);
  shaken.calls = file.control().seen;
  shaken.what = file.control().what;
  shaken.started = file.control().started;
  return shaken;
}

Tree tree_of(const fs::path& folder) {
  Tree tree;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    if (entry.is_directory() && !entry.is_symlink()) tree[name + "/"];
    else tree[name] = content_of(entry.path());
  }
  return tree;
}

void make_tree(const fs::path& folder, const Tree& tree) {
  for (const auto& [name, content] : tree) {
    if (name.back() == '/') fs::create_directories(folder / name);
    else write_text(folder / name, content);
  }
}

std::string why_broken(const fs::path& file) {
  const std::string kind = file.extension().string();
  try {
    if (kind == ".safetensors") gsx::SafetensorsFile::open(file);
    if (kind == ".png") gsx::read_image(file);
    if (kind == ".npz") {
      const gsx::NpzFile arrays(file);
      for (const std::string& name : arrays.names()) arrays.typed(name);
    }
    const std::string text = read_text(file);
    if (kind == ".json" && !nlohmann::json::accept(text)) return "is no JSON";
    if (kind == ".html" && !ends_in(text, "</html>\n")) return "has no end";
    if ((kind == ".toml" || kind == ".py" || kind == ".param") && !ends_in(text, "\n"))
      return "has no end";
  } catch (const gsx::Error& e) {
    return e.what();
  }
  return "";
}

bool try_everything() {
  const char* what = std::getenv("GSX_FAULTS");
  return what && std::strcmp(what, "all") == 0;
}

void tell(const std::string& name, const Tally& tally) {
  std::printf("faults: %s: %lld points, %lld lost, %lld crashes, %lld leaks\n", name.c_str(),
              static_cast<long long>(tally.points), static_cast<long long>(tally.lost),
              static_cast<long long>(tally.crashes), static_cast<long long>(tally.leaks));
  std::fflush(stdout);
}

}  // namespace faults
