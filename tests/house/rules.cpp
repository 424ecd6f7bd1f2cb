// The rules, line by line; see rules.h.
#include "tests/house/rules.h"

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace {

constexpr int kMostLines = 400;

const std::map<std::string, std::set<std::string>> kSees = {
    {"kernels", {"kernels"}},
    {"engine", {"engine", "kernels"}},
    {"models", {"models", "engine", "kernels"}},
    {"optim", {"optim", "engine", "kernels"}},
    {"gs", {"gs", "models", "optim", "engine", "kernels"}},
    {"tools", {"tools", "gs", "models", "optim", "engine", "kernels"}},
    {"tests", {"tests", "tools", "gs", "models", "optim", "engine", "kernels"}},
    {"benchmarks", {"benchmarks", "gs", "models", "optim", "engine", "kernels"}},
};

std::string top_folder(const std::string& path) { return path.substr(0, path.find('/')); }

bool starts(const std::string& s, const std::string& with) { return s.rfind(with, 0) == 0; }

bool ends(const std::string& s, const std::string& with) {
  return s.size() >= with.size() && s.compare(s.size() - with.size(), with.size(), with) == 0;
}

bool is_cpp(const std::string& path) {
  return ends(path, ".h") || ends(path, ".cpp") || ends(path, ".cu");
}

// Calls visit(line number, line) for every line.
template <class Visit>
void for_each_line(const SourceFile& file, const Visit& visit) {
  std::istringstream in(file.text);
  int number = 0;
  for (std::string line; std::getline(in, line);) visit(++number, line);
}

// The floor on which a file of gs stands; it sees what is on its own floor or below. Passes and
// losses stand side by side and do not see each other.
int floor_of(const std::string& path) {
  static const std::map<std::string, int> kRooms = {
      {"gs/passes", 1}, {"gs/losses", 1}, {"gs/eval", 3}, {"gs/train", 4}};
  const auto room = kRooms.find(path.substr(0, path.rfind('/')));
  if (room != kRooms.end()) return room->second;
  for (const char* bottom : {"gs/images.", "gs/second_input.", "gs/translate."})
    if (starts(path, bottom)) return 0;
  return 2;
}

std::string why_not_in_gs(const std::string& file, const std::string& name) {
  const std::string from = file.substr(0, file.rfind('/')), to = name.substr(0, name.rfind('/'));
  const int own = floor_of(file), seen = floor_of(name);
  if (seen > own || (seen == own && from != to)) return from + " must not see " + name;
  return "";
}

std::string at(const SourceFile& file, int line, const std::string& what) {
  return file.path + ":" + std::to_string(line) + ": " + what;
}

// Why `file` must not include our header `name`; empty when it may.
std::string why_not_ours(const SourceFile& file, const std::string& name) {
  const std::string from = top_folder(file.path), to = top_folder(name);
  // The build chooses which of its twins a kernel file sees.
  const bool kernel = ends(file.path, ".cu") || starts(file.path, "kernels/cuda/");
  if (name == "gpu.h" && kernel) return "";
  if (name.find('/') == std::string::npos || starts(name, ".")) {
    return "name headers from the root";
  }
  const auto sees = kSees.find(from);
  if (sees == kSees.end()) return "";
  if (!sees->second.count(to)) return from + " must not see " + to;
  if (from == "gs" && to == "gs") return why_not_in_gs(file.path, name);
  const bool contract = name.find('/') == name.rfind('/');
  const bool outside = from != "kernels" && from != "tests" && from != "benchmarks";
  if (to == "kernels" && outside && !contract) {
    return "outside kernels only its contract headers are seen";
  }
  return "";
}

// The same for a header of the system or another project.
std::string why_not_theirs(const SourceFile& file, const std::string& name) {
  static const std::regex kToolkit("(cuda|cublas|cudnn|curand|nccl|nvrtc|cooperative_groups).*");
  const std::string from = top_folder(file.path);
  // cuda_occupancy.h needs nothing of CUDA; a test compares with it.
  const bool oracle = name == "cuda_occupancy.h" && starts(file.path, "tests/static_profile/");
  if (std::regex_match(name, kToolkit) && !oracle && !starts(file.path, "kernels/runtime/nvcc/")) {
    return "toolkit headers belong to kernels/runtime/nvcc";
  }
  if (starts(name, "hwy/") && from != "kernels" && from != "benchmarks") {
    return "Highway belongs to kernels";
  }
  // Headers that are slow to compile have one file each that sees them.
  const bool ours = from != "tests" && from != "benchmarks";
  if (starts(name, "CLI/") && ours && file.path != "tools/command_line.cpp")
    return "CLI11 belongs to tools/command_line.cpp";
  const bool json = file.path == "engine/json.cpp" || file.path == "engine/io/safetensors.cpp";
  if (starts(name, "nlohmann/") && ours && !json) return "JSON is engine/json.h";
  if (starts(name, "toml++/") && from != "tools" && file.path != "gs/recipe_file.cpp")
    return "toml++ belongs to tools and gs/recipe_file.cpp";
  // What installed headers include, every user of the library must have.
  const bool installed = ends(file.path, ".h") && from != "tools" && from != "tests" &&
                         from != "benchmarks" && !starts(file.path, "kernels/cpu/");
  static const std::regex kPrivate(
      "(Eigen|hwy|stb|libexif|webp|nlohmann)/.*|jpeglib.h|tiffio.h|zlib.h|zip.h");
  if (installed && std::regex_match(name, kPrivate)) return "an installed header needs it";
  return "";
}

}  // namespace

Offences include_offences(const SourceFile& file) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
  Offences found;
  if (!is_cpp(file.path)) return found;
  for_each_line(file, [&](int number, const std::string& line) {
    std::smatch match;
    if (!std::regex_match(line, match, kInclude)) return;
    const std::string name = match[2];
    const std::string why =
        match[1] == "\"" ? why_not_ours(file, name) : why_not_theirs(file, name);
    if (!why.empty()) found.push_back(at(file, number, "includes " + name + ": " + why));
  });
  return found;
}

Offences own_header_offences(const SourceFile& file) {
  static const std::regex kOurs(R"re(^#include "([^"]+)\.h".*)re");
  if (!starts(file.path, "gs/") || !ends(file.path, ".cpp")) return {};
  const std::string own = file.path.substr(0, file.path.size() - 4);
  std::string first;
  for_each_line(file, [&](int, const std::string& line) {
    std::smatch match;
    if (!first.empty() || !starts(line, "#include")) return;
    first = std::regex_match(line, match, kOurs) ? match[1].str() : line;
  });
  if (first == own || starts(own, first + "_")) return {};
  return {at(file, 1, "does not first include its own header " + own + ".h")};
}

Offences condition_offences(const SourceFile& file) {
  static const std::regex kCondition(R"(^\s*#\s*(if|ifdef|ifndef)\b.*)");
  Offences found;
  if (!is_cpp(file.path) || starts(file.path, "kernels/runtime/") || starts(file.path, "tests/")) {
    return found;
  }
  for_each_line(file, [&](int number, const std::string& line) {
    if (!std::regex_match(line, kCondition)) return;
    // Files over Highway are compiled once per instruction set, which only the preprocessor sees.
    const bool highway =
        line.find("HWY_ONCE") != std::string::npos || line.find("HWY_TARGET") != std::string::npos;
    const bool vectors = starts(file.path, "kernels/cpu/");
    if (highway && vectors) return;
    // C knows no extern "C".
    if (starts(file.path, "tools/c/") && line == "#ifdef __cplusplus") return;
    found.push_back(at(file, number, "preprocessor condition: the build chooses, not the code"));
  });
  return found;
}

Offences text_offences(const SourceFile& file) {
  // Spelled so that they do not match themselves.
  static const std::regex kNote(R"(\b(T[O]DO|F[I]XME|X[X]X)\b)");
  static const std::regex kNative("-m(arch|cpu|tune)[= ]*n[a]tive");
  static const std::regex kMachine(R"re((^|[\s"'(=:])/(home|root|work|Users|tmp)/)re");
  Offences found;
  int lines = 0;
  bool guarded = false;
  for_each_line(file, [&](int number, const std::string& line) {
    lines = number;
    guarded = guarded || line == "#pragma once";
    if (number == 1 && is_cpp(file.path) && !starts(line, "//")) {
      found.push_back(at(file, 1, "does not open with a comment that says what it is"));
    }
    if (std::regex_search(line, kNote)) found.push_back(at(file, number, "a note left behind"));
    if (std::regex_search(line, kNative) && !ends(file.path, ".md")) {
      found.push_back(at(file, number, "code for the builder's processor only"));
    }
    if (std::regex_search(line, kMachine)) {
      found.push_back(at(file, number, "an absolute path of some machine"));
    }
  });
  if (lines > kMostLines && !ends(file.path, ".md")) {
    found.push_back(at(file, lines, "more than " + std::to_string(kMostLines) + " lines"));
  }
  if (ends(file.path, ".h") && !guarded) found.push_back(at(file, 1, "no #pragma once"));
  return found;
}

Offences filesystem_offences(const SourceFile& file) {
  static const std::regex kCall(
      R"(\b(fs|std::filesystem)::(exists|is_\w+|status|symlink_status|create_\w+|read_symlink|copy\w*|)"
      R"(remove\w*|rename|file_size|absolute|canonical|weakly_canonical|relative|equivalent|space|)"
      R"(last_write_time|current_path|temp_directory_path|resize_file|permissions|)"
      R"((recursive_)?directory_iterator)\s*\w*\()");
  static const std::regex kChecked(R"(\b(error|ignored|status)\b)");
  Offences found;
  const std::string from = top_folder(file.path);
  if (!is_cpp(file.path) || !kSees.count(from) || from == "tests" || from == "benchmarks") {
    return found;
  }
  const std::string& text = file.text;
  for (std::sregex_iterator it(text.begin(), text.end(), kCall), end; it != end; ++it) {
    const size_t start = static_cast<size_t>(it->position()), open = start + it->length();
    size_t close = open;
    for (int depth = 1; depth > 0 && close < text.size(); ++close) {
      depth += text[close] == '(' ? 1 : text[close] == ')' ? -1 : 0;
    }
    const size_t before = text.find_last_not_of(' ', start == 0 ? 0 : start - 1);
    const bool in_loop = start > 0 && text[before] == ':' &&  // its steps throw
                         it->str().find("_iterator") != std::string::npos;
    if (!in_loop && std::regex_search(text.substr(open, close - open), kChecked)) continue;
    const auto line = std::count(text.begin(), text.begin() + it->position(), '\n') + 1;
    found.push_back(at(file, static_cast<int>(line), "std::filesystem may throw here"));
  }
  return found;
}
