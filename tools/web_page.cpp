// Finding the page's files and giving them a title; see web_page.h.
#include "tools/web_page.h"

#include <filesystem>
#include <optional>

#include "engine/error.h"
#include "engine/io/input_file.h"
#include "tools/report/html.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

constexpr const char* kPage = "index.html";
constexpr const char* kParts[] = {kPage, "page.css", "page.js", "gsx.js", "gsx.wasm"};
constexpr std::string_view kTitle = "@title@";

// `web` beside the program, as built, or PREFIX/share/gsx/web, as installed; nothing where neither
// is whole.
std::optional<fs::path> runtime_folder() {
  std::error_code ignored;
  const fs::path beside = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const fs::path& folder : {beside / "web", beside.parent_path() / "share" / "gsx" / "web"}) {
    bool whole = true;
    for (const char* part : kParts) whole = whole && fs::is_regular_file(folder / part, ignored);
    if (whole) return folder;
  }
  return std::nullopt;
}

fs::path needed_folder() {
  const std::optional<fs::path> folder = runtime_folder();
  GSX_CHECK(folder, "--format web: this gsx was built without what runs in browsers, which needs ",
            "Emscripten; install it (apt-get install emscripten) and build the target gsx_web");
  return *folder;
}

}  // namespace

std::vector<std::string> web_files() {
  std::vector<std::string> files(std::begin(kParts), std::end(kParts));
  files.push_back("model.safetensors");
  return files;
}

void check_web() { needed_folder(); }

std::vector<std::pair<std::string, std::string>> web_page(const std::string& title) {
  constexpr uint64_t kMost = 64 << 20;
  const fs::path folder = needed_folder();
  std::vector<std::pair<std::string, std::string>> files;
  for (const char* part : kParts) {
    const std::vector<uint8_t> bytes = read_file(folder / part, kMost);
    std::string content(bytes.begin(), bytes.end());
    if (std::string_view(part) == kPage)
      for (size_t at = 0; (at = content.find(kTitle, at)) != content.npos;) {
        const std::string shown = html(title);
        content.replace(at, kTitle.size(), shown);
        at += shown.size();
      }
    files.emplace_back(part, std::move(content));
  }
  return files;
}

}  // namespace gsx::tools
