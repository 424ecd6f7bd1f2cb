// A disk that loses its power: what a program changed, call by call, and what is left of it where
// nothing survives for sure but what was made durable (fsync of a file for its bytes, of a folder
// for the names in it).
#pragma once
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/faults/control.h"
#include "tests/faults/shaken.h"

namespace faults {

// A change of the journal (control.h).
struct Step {
  Record record;
  std::string path, other, data;  // paths from the folder that was watched
};
std::vector<Step> read_journal(const std::filesystem::path& journal,
                               const std::filesystem::path& folder);

// How much of what is not durable survives.
enum class Luck {
  none,     // nothing
  names,    // all names, and of their files what is durable: empty files, on some file systems
  all,      // everything
  ordered,  // names up to some change, bytes up to some place
  any       // any of the names, any of the bytes, zeros in the place of others
};
inline constexpr Luck kLucks[] = {Luck::none, Luck::names, Luck::all, Luck::ordered, Luck::any};

class Disk {
 public:
  explicit Disk(const Tree& before);
  void apply(const Step&);
  Tree after_power_cut(Luck luck, std::mt19937& random) const;
  // All contents that files were given under this name, by renaming, in order.
  const std::vector<std::string>& versions(const std::string& path) const;

 private:
  // A change of a file's bytes: data at an offset, or a new length.
  struct Bytes {
    std::optional<std::string> data;
    int64_t at = 0;
  };
  struct File {
    std::string durable;
    std::vector<Bytes> pending;
  };
  // What names stand for: a file's number, a folder (-1), or nothing any more.
  struct Names {
    std::vector<std::pair<std::string, std::optional<int>>> now;
    std::string folder;  // that makes them durable
    bool whole = true;   // what is named has its content already
  };
  using Entries = std::map<std::string, int>;

  int file_of(const Step&);
  void name(Names);
  void sync_folder(const std::string& folder);
  static void give(Entries& entries, const Names& names);
  static void write(std::string& content, const Bytes& bytes, size_t most);
  static std::string content(const File& file, size_t changes);
  std::string surviving(const File& file, Luck luck, std::mt19937& random) const;

  std::vector<File> files_;
  std::map<uint64_t, int> by_inode_;
  Entries visible_, durable_;
  std::vector<Names> pending_;
  std::map<std::string, std::vector<std::string>> versions_;
};

}  // namespace faults
