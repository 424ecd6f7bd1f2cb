// Limits as Linux tells them; see limits.h.
#include "kernels/limits.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <vector>

namespace gsx::kernels {

namespace {

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) all.push_back(part);
  return all;
}

bool lists(const std::string& names, const std::string& name) {
  const std::vector<std::string> all = split(names, ',');
  return std::find(all.begin(), all.end(), name) != all.end();
}

// The number that a text starts with; nothing for "max" and negative ones.
std::optional<uint64_t> number(const std::optional<std::string>& text) {
  uint64_t n = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), n);
  if (error != std::errc()) return std::nullopt;
  return n;
}

// The number after a name: "inactive_file 4096", "MemAvailable:  12 kB".
std::optional<uint64_t> number_of(const std::optional<std::string>& text, const std::string& name) {
  if (!text) return std::nullopt;
  for (const std::string& line : split(*text, '\n')) {
    const std::vector<std::string> parts = words(line);
    if (parts.size() > 1 && parts[0] == name) return number(parts[1]);
  }
  return std::nullopt;
}

// A line of /proc/self/mountinfo about control groups.
struct Mount {
  bool second = false;  // version 2
  std::string root, point, controllers;
};

std::optional<Mount> group_mount(const std::string& line) {
  const std::vector<std::string> parts = words(line);
  const auto dash = std::find(parts.begin(), parts.end(), "-");
  if (dash - parts.begin() < 5 || parts.end() - dash < 4) return std::nullopt;
  if (dash[1] != "cgroup" && dash[1] != "cgroup2") return std::nullopt;
  return Mount{dash[1] == "cgroup2", parts[3], parts[4], dash[3]};
}

// The process's group as /proc/self/cgroup names it, "N:controllers:path"; version 2: "0::path".
std::string group_path(const std::string& groups, bool second, const std::string& controller) {
  for (const std::string& line : split(groups, '\n')) {
    const size_t one = line.find(':'), two = line.find(':', one + 1);
    if (two == std::string::npos) continue;
    const std::string controllers = line.substr(one + 1, two - one - 1);
    if (second ? controllers.empty() : lists(controllers, controller)) return line.substr(two + 1);
  }
  return "";
}

struct Folder {
  bool second = false;
  std::string path;
};

// The folders of the process's group and of all above it that are mounted here.
std::vector<Folder> group_folders(const ReadText& read, const std::string& controller) {
  std::vector<Folder> folders;
  const std::string mounts = read("/proc/self/mountinfo").value_or("");
  const std::string groups = read("/proc/self/cgroup").value_or("");
  for (const std::string& line : split(mounts, '\n')) {
    const std::optional<Mount> mount = group_mount(line);
    if (!mount || (!mount->second && !lists(mount->controllers, controller))) continue;
    std::string path = group_path(groups, mount->second, controller);
    // A container may see a part only: the mount's root is the group that it takes for the top.
    if (mount->root != "/" && path.rfind(mount->root, 0) == 0) path.erase(0, mount->root.size());
    else if (mount->root != "/" || path.rfind("/..", 0) == 0) path.clear();
    while (!path.empty() && path.back() == '/') path.pop_back();
    for (;; path.erase(path.rfind('/'))) {
      folders.push_back({mount->second, mount->point + path});
      if (path.empty()) break;
    }
  }
  return folders;
}

template <class T>
void lower(std::optional<T>& least, T value) {
  least = least ? std::min(*least, value) : value;
}

}  // namespace

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<double> group_processors(const ReadText& read) {
  std::optional<double> least;
  for (const auto& [second, path] : group_folders(read, "cpu")) {
    std::optional<uint64_t> quota, period;
    if (second) {
      const std::vector<std::string> both = words(read(path + "/cpu.max").value_or(""));
      if (both.size() == 2) {
        quota = number(both[0]);
        period = number(both[1]);
      }
    } else {
      quota = number(read(path + "/cpu.cfs_quota_us"));
      period = number(read(path + "/cpu.cfs_period_us"));
    }
    if (quota && period.value_or(0) > 0)
      lower(least, static_cast<double>(*quota) / static_cast<double>(*period));
  }
  return least;
}

std::optional<uint64_t> group_memory(const ReadText& read) {
  std::optional<uint64_t> least;
  for (const auto& [second, path] : group_folders(read, "memory")) {
    const auto limit = number(read(path + (second ? "/memory.max" : "/memory.limit_in_bytes")));
    const auto usage = number(read(path + (second ? "/memory.current" : "/memory.usage_in_bytes")));
    if (!limit || !usage) continue;
    const auto files =
        number_of(read(path + "/memory.stat"), second ? "inactive_file" : "total_inactive_file");
    const uint64_t used = *usage - std::min(*usage, files.value_or(0));
    lower(least, *limit - std::min(*limit, used));
  }
  return least;
}

int Processors::threads() const {
  if (!quota) return usable;
  return std::clamp(static_cast<int>(std::ceil(std::min(*quota, 1e6))), 1, usable);
}

Processors processors() {
  Processors all;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) all.usable = CPU_COUNT(&set);
  else all.usable = static_cast<int>(std::thread::hardware_concurrency());
  all.usable = std::max(1, all.usable);
  all.quota = group_processors(read_text);
  return all;
}

MemoryRoom memory_room(uint64_t most, const char* most_name) {
  MemoryRoom room{UINT64_MAX, "nothing"};
  const auto limit = [&](uint64_t bytes, const char* by) {
    if (bytes < room.bytes) room = {bytes, by};
  };
  const std::optional<std::string> machine = read_text("/proc/meminfo");
  if (const auto available = number_of(machine, "MemAvailable:"))
    limit((*available + number_of(machine, "SwapFree:").value_or(0)) * 1024, "this machine");
  if (const auto group = group_memory(read_text)) limit(*group, "the control group");
  const std::optional<std::string> own = read_text("/proc/self/status");
  const auto resource = [&](auto which, const char* used_by, const char* name) {
    rlimit soft{};
    const uint64_t used = number_of(own, used_by).value_or(0) * 1024;
    if (getrlimit(which, &soft) == 0 && soft.rlim_cur != RLIM_INFINITY)
      limit(soft.rlim_cur - std::min<uint64_t>(soft.rlim_cur, used), name);
  };
  if (most != UINT64_MAX) {
    const uint64_t used = number_of(own, "VmRSS:").value_or(0) * 1024;
    limit(most - std::min(most, used), most_name);
  }
  resource(RLIMIT_AS, "VmSize:", "the limit of address space (ulimit -v)");
  resource(RLIMIT_DATA, "VmData:", "the limit of data (ulimit -d)");
  return room;
}

}  // namespace gsx::kernels
