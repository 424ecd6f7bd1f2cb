// Listing folders without throwing what libraries throw; see image_folder.h.
#include "engine/io/image_folder.h"

#include <algorithm>
#include <array>
#include <cctype>

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

void sort_by_name(std::vector<fs::path>& files) {
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return a.filename().string() < b.filename().string();
  });
}

void check_is_folder(const fs::path& folder) {
  std::error_code ignored;
  GSX_CHECK(fs::is_directory(folder, ignored),
            fs::exists(folder, ignored) ? "data: expected a folder of images, got the file "
                                        : "data: there is no folder ",
            folder.string());
}

// Takes the images of subfolders for the folder's.
void add_classes(ImageFolder& found, const std::vector<fs::path>& subfolders) {
  int unused = 0;
  for (const fs::path& subfolder : subfolders) {
    const ImageFolder one = open_image_folder(subfolder);
    found.images.insert(found.images.end(), one.images.begin(), one.images.end());
    for (const auto& [ending, count] : one.left_out) found.left_out[ending] += count;
    unused += one.folders + (one.images.empty() ? 1 : 0);
  }
  found.classes = !found.images.empty();
  if (found.classes) found.folders = unused;
}

}  // namespace

ImageFolder open_image_folder(const fs::path& folder, Within within) {
  check_is_folder(folder);
  ImageFolder found;
  std::vector<fs::path> subfolders;
  found.path = folder;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path name = it->path().filename();
    const std::string ending = ending_of(name);
    std::error_code ignored;
    if (name.native()[0] == '.') continue;
    if (it->is_directory(ignored)) {
      subfolders.push_back(it->path());
    } else if (is_image_name(name)) {
      found.images.push_back(it->path());
    } else if (is_tensor_name(name)) {
      found.tensors.push_back(it->path());
    } else if (is_other_format(ending)) {
      ++found.left_out[ending];
    }
  }
  GSX_CHECK(!error, "data: cannot read the folder ", folder.string(), ": ", error.message());
  sort_by_name(found.images);
  sort_by_name(found.tensors);
  found.folders = static_cast<int>(subfolders.size());
  if (within == Within::classes && found.images.empty() && found.tensors.empty()) {
    sort_by_name(subfolders);
    add_classes(found, subfolders);
  }
  return found;
}

std::string left_out_text(const ImageFolder& folder) {
  std::string what;
  const auto add = [&](int count, const std::string& name) {
    if (count > 0) what += (what.empty() ? "" : ", ") + std::to_string(count) + " " + name;
  };
  for (const auto& [ending, count] : folder.left_out) add(count, ending);
  add(folder.folders, folder.folders == 1 ? "folder" : "folders");
  if (what.empty()) return "";
  return "left out of " + folder.path.string() + ": " + what + "; gsx reads " +
         image_formats("and");
}

std::string naming(const std::string& file, const std::string& message) {
  return message.find(file) != message.npos ? message : file + ": " + message;
}

bool is_tensor_name(const fs::path& name) { return ending_of(name) == ".npy"; }

bool looks_like_a_image(const fs::path& name) {
  return is_image_name(name) || is_tensor_name(name) || is_other_format(ending_of(name));
}

std::vector<fs::path> list_images(const fs::path& folder) {
  const ImageFolder found = open_image_folder(folder, Within::classes);
  const std::string left_out = left_out_text(found);
  GSX_CHECK(!found.images.empty(), "data: no images in ", folder.string(), "; looked for ",
            image_patterns(), left_out.empty() ? "" : "; " + left_out);
  return found.images;
}

bool has_classes(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_directory(folder, ignored) && open_image_folder(folder, Within::classes).classes;
}

DataLayout find_layout(const fs::path& folder) {
  check_is_folder(folder);
  const auto part = [&](const char* name) {
    std::error_code ignored;
    const fs::path path = folder / name;
    return fs::is_directory(path, ignored) ? path : fs::path();
  };
  const DataLayout layout = {part("trainA"), part("trainB"), part("testA"), part("testB")};
  if (!layout.train_a.empty() || !layout.test_a.empty()) return layout;
  if (has_classes(part("train")) && open_image_folder(folder).images.empty())
    return {part("train"), {}, part("test"), {}};
  const ImageFolder found = open_image_folder(folder, Within::classes);
  const std::string left_out = left_out_text(found);
  GSX_CHECK(!found.images.empty(), "data: no images in ", folder.string(),
            "; looked for subfolders trainA (and trainB, testA, testB) and for ", image_patterns(),
            " in it", left_out.empty() ? "" : "; " + left_out);
  return {folder, {}, {}, {}};
}

}  // namespace gsx
