// Text files that name images; see image_folder.h.
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "engine/error.h"
#include "engine/io/image_folder.h"
#include "engine/io/input_file.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kMostBytes = uint64_t{256} << 20;

std::string read_list(const fs::path& list) {
  std::vector<uint8_t> bytes = {0};  // as only binary files have
  if (!looks_like_a_image(list)) bytes = read_file(list, kMostBytes);
  GSX_CHECK(std::find(bytes.begin(), bytes.end(), uint8_t{0}) == bytes.end(),
            "data: expected a folder of images or a text file that lists them, got the file ",
            list.string());
  return {bytes.begin(), bytes.end()};
}

std::string without_blanks(const std::string& line) {
  constexpr const char* kBlanks = " \t\r";
  const size_t first = line.find_first_not_of(kBlanks);
  if (first == line.npos) return "";
  return line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
}

// Calls f(number, text) for the lines that say something.
template <class F>
void for_each_entry(std::string text, F&& f) {
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  int number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = without_blanks(text.substr(at, end - at));
    at = end + 1;
    ++number;
    if (!line.empty() && line[0] != '#') f(number, line);
  }
}

// The lines that cannot be images, of which a message names the first few.
class BadLines {
 public:
  void add(int number, const std::string& what) {
    constexpr int kNamed = 3;
    if (++count_ <= kNamed)
      text_ += (count_ > 1 ? "; line " : "line ") + std::to_string(number) + what;
    else more_ = " and " + std::to_string(count_ - kNamed) + " more";
  }
  void check(const fs::path& list) const {
    GSX_CHECK(count_ == 0, "data: in the list ", list.string(), " ", text_, more_,
              "; correct the list, whose paths are from its own folder");
  }

 private:
  int count_ = 0;
  std::string text_, more_;
};

}  // namespace

ImageFolder open_image_list(const fs::path& list) {
  ImageFolder found;
  found.path = list;
  BadLines bad;
  std::set<std::pair<dev_t, ino_t>> seen;
  for_each_entry(read_list(list), [&](int number, const std::string& line) {
    const fs::path path = list.parent_path() / line;  // or the line alone where it is absolute
    struct stat info;
    if (is_other_image_name(path) || is_tensor_name(path)) {
      ++found.left_out[path.extension().string()];
    } else if (stat(path.c_str(), &info) != 0) {
      bad.add(number, " names " + line + ", which is not there");
    } else if (!S_ISREG(info.st_mode)) {
      bad.add(number, " names " + line + ", which is no file");
    } else if (!seen.emplace(info.st_dev, info.st_ino).second) {
      ++found.again;
    } else {
      found.images.push_back(path);
      found.keys.push_back(fs::path(line).lexically_normal().string());
    }
  });
  bad.check(list);
  return found;
}

}  // namespace gsx
