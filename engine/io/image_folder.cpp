// Listing folders without throwing what libraries throw; see image_folder.h.
#include "engine/io/image_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

#include "engine/error.h"
#include "engine/io/image.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

// Formats that people have and gsx does not read.
constexpr std::array kOtherFormats = {".gif", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".tga",
                                      ".psd", ".dng",  ".cr2",  ".cr3",  ".nef", ".arw"};

std::string ending_of(const fs::path& name) {
  std::string ending = name.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending;
}

bool is_other_format(const std::string& ending) {
  return std::find(kOtherFormats.begin(), kOtherFormats.end(), ending) != kOtherFormats.end();
}

// Names by which folders are known that gsx wrote: a run's, an ablation's.
constexpr std::array kOfResults = {"checkpoint.safetensors", "ablation.json"};

void sort_by_name(std::vector<fs::path>& files) {
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return a.filename().string() < b.filename().string();
  });
}

void check_is_folder(const fs::path& folder) {
  std::error_code ignored;
  GSX_CHECK(fs::is_directory(folder, ignored),
            fs::exists(folder, ignored)
                ? "data: expected a folder of images or a text file that lists them, got the file "
            : folder.has_extension() ? "data: there is no file or folder "
                                     : "data: there is no folder ",
            folder.string());
}

bool holds_results(const fs::path& folder) {
  return std::any_of(kOfResults.begin(), kOfResults.end(), [&](const char* name) {
    std::error_code ignored;
    return fs::exists(folder / name, ignored);
  });
}

// Adds what lies in a folder itself; returns its subfolders.
std::vector<fs::path> add_files(ImageFolder& found, const fs::path& folder,
                                const std::string& key) {
  std::vector<fs::path> images, subfolders;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path name = it->path().filename();
    const std::string ending = ending_of(name);
    std::error_code ignored;
    if (name.native()[0] == '.') continue;
    if (it->is_directory(ignored)) {
      subfolders.push_back(it->path());
    } else if (is_image_name(name)) {
      images.push_back(it->path());
    } else if (is_tensor_name(name)) {
      found.tensors.push_back(it->path());
    } else if (is_other_format(ending)) {
      ++found.left_out[ending];
    }
  }
  GSX_CHECK(!error, "data: cannot read the folder ", folder.string(), ": ", error.message());
  sort_by_name(images);
  sort_by_name(subfolders);
  for (const fs::path& image : images) {
    found.keys.push_back(key + image.filename().string());
    found.images.push_back(image);
  }
  return subfolders;
}

// Adds a folder and what lies below it, unless it is among those read.
void add_tree(ImageFolder& found, const fs::path& folder, const std::string& key,
              std::set<std::pair<dev_t, ino_t>>& read) {
  struct stat info;
  if (stat(folder.c_str(), &info) == 0 && !read.emplace(info.st_dev, info.st_ino).second) {
    ++found.again;
    return;
  }
  for (const fs::path& subfolder : add_files(found, folder, key)) {
    if (holds_results(subfolder)) {
      ++found.results;
      continue;
    }
    const size_t before = found.images.size();
    const int others = found.again + found.results + found.folders;
    add_tree(found, subfolder, key + subfolder.filename().string() + "/", read);
    const bool told = found.again + found.results + found.folders > others;
    if (found.images.size() == before && !told) ++found.folders;
  }
}

}  // namespace

ImageFolder open_image_folder(const fs::path& folder, Within within) {
  check_is_folder(folder);
  ImageFolder found;
  found.path = folder;
  if (within == Within::folder) {
    found.folders = static_cast<int>(add_files(found, folder, "").size());
  } else {
    std::set<std::pair<dev_t, ino_t>> read;
    add_tree(found, folder, "", read);
  }
  sort_by_name(found.tensors);
  return found;
}

ImageFolder open_images(const fs::path& folder_or_list) {
  std::error_code ignored;
  return fs::is_regular_file(folder_or_list, ignored)
             ? open_image_list(folder_or_list)
             : open_image_folder(folder_or_list, Within::tree);
}

std::string left_out_text(const ImageFolder& folder) {
  std::string what;
  const auto add = [&](int count, const std::string& name) {
    if (count > 0) what += (what.empty() ? "" : ", ") + std::to_string(count) + " " + name;
  };
  for (const auto& [ending, count] : folder.left_out) add(count, ending);
  const auto several = [](int count) { return count == 1 ? "" : "s"; };
  add(folder.folders, std::string("folder") + several(folder.folders));
  add(folder.results, std::string("folder") + several(folder.results) + " of results");
  add(folder.again, std::string("name") + several(folder.again) + " of what is read already");
  if (what.empty()) return "";
  const bool formats = !folder.left_out.empty() || folder.folders > 0;
  return "left out of " + folder.path.string() + ": " + what +
         (formats ? "; gsx reads " + image_formats("and") : "");
}

std::string naming(const std::string& file, const std::string& message) {
  return message.find(file) != message.npos ? message : file + ": " + message;
}

bool is_tensor_name(const fs::path& name) { return ending_of(name) == ".npy"; }

bool looks_like_a_image(const fs::path& name) {
  return is_image_name(name) || is_tensor_name(name) || is_other_image_name(name);
}

bool is_other_image_name(const fs::path& name) { return is_other_format(ending_of(name)); }

std::vector<fs::path> list_images(const fs::path& folder) {
  const ImageFolder found = open_images(folder);
  const std::string left_out = left_out_text(found);
  GSX_CHECK(!found.images.empty(), "data: no images in ", folder.string(), "; looked for ",
            image_patterns(), left_out.empty() ? "" : "; " + left_out);
  return found.images;
}

bool has_classes(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) return false;
  const ImageFolder own = open_image_folder(folder);
  return own.images.empty() && own.tensors.empty() &&
         !open_image_folder(folder, Within::tree).images.empty();
}

DataLayout find_layout(const fs::path& folder) {
  std::error_code ignored;
  if (fs::is_regular_file(folder, ignored)) {
    list_images(folder);
    return {folder, {}, {}, {}};
  }
  check_is_folder(folder);
  const auto part = [&](const std::string& name) {
    const fs::path path = folder / name, list = folder / (name + ".txt");
    if (fs::is_directory(path, ignored)) return path;
    return fs::is_regular_file(list, ignored) ? list : fs::path();
  };
  const DataLayout layout = {part("trainA"), part("trainB"), part("testA"), part("testB")};
  if (!layout.train_a.empty() || !layout.test_a.empty()) return layout;
  if (has_classes(folder / "train") && open_image_folder(folder).images.empty()) {
    const fs::path test = folder / "test";
    return {folder / "train", {}, fs::is_directory(test, ignored) ? test : fs::path(), {}};
  }
  const ImageFolder found = open_image_folder(folder, Within::tree);
  const std::string left_out = left_out_text(found);
  GSX_CHECK(!found.images.empty(), "data: no images in ", folder.string(),
            "; looked for subfolders trainA (and trainB, testA, testB) and for ", image_patterns(),
            " in it", left_out.empty() ? "" : "; " + left_out);
  return {folder, {}, {}, {}};
}

}  // namespace gsx
