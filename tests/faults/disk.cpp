// What survives a power cut; see disk.h.
#include "tests/faults/disk.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "tests/temp_dir.h"

namespace faults {

namespace {

constexpr int kFolder = -1;

std::string folder_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

size_t any_up_to(size_t most, std::mt19937& random) { return random() % (most + 1); }

bool coin(std::mt19937& random) { return random() % 2 == 0; }

}  // namespace

std::vector<Step> read_journal(const std::filesystem::path& journal,
                               const std::filesystem::path& folder) {
  const std::string bytes = read_text(journal), root = folder.string();
  std::vector<Step> steps;
  size_t at = 0;
  const auto take = [&](size_t count) {
    at += count;
    return bytes.substr(at - count, count);
  };
  const auto inside = [&](const std::string& path) {
    return path.size() <= root.size() ? std::string() : path.substr(root.size() + 1);
  };
  while (at + sizeof(Record) <= bytes.size()) {
    Step step;
    std::memcpy(&step.record, bytes.data() + at, sizeof(Record));
    at += sizeof(Record);
    step.path = inside(take(step.record.path));
    step.other = inside(take(step.record.other));
    step.data = take(step.record.data);
    steps.push_back(std::move(step));
  }
  return steps;
}

Disk::Disk(const Tree& before) {
  for (const auto& [path, content] : before) {
    if (path.back() == '/') {
      visible_[path.substr(0, path.size() - 1)] = kFolder;
      continue;
    }
    visible_[path] = static_cast<int>(files_.size());
    files_.push_back({content, {}});
    versions_[path] = {content};
  }
  durable_ = visible_;
}

int Disk::file_of(const Step& step) {
  if (step.record.change == Change::create) {
    files_.emplace_back();
    return by_inode_[step.record.inode] = static_cast<int>(files_.size()) - 1;
  }
  const auto known = by_inode_.find(step.record.inode);
  if (known != by_inode_.end()) return known->second;
  return by_inode_[step.record.inode] = visible_.at(step.path);
}

void Disk::apply(const Step& step) {
  const Record& r = step.record;
  switch (r.change) {
    case Change::create: name({{{step.path, file_of(step)}}, folder_name(step.path), false}); break;
    case Change::write:
      files_[static_cast<size_t>(file_of(step))].pending.push_back({step.data, r.offset});
      break;
    case Change::truncate:
      files_[static_cast<size_t>(file_of(step))].pending.push_back({std::nullopt, r.offset});
      break;
    case Change::sync: {
      if (r.inode == 0) {
        sync_folder(step.path);
        break;
      }
      File& file = files_[static_cast<size_t>(file_of(step))];
      file.durable = content(file, file.pending.size());
      file.pending.clear();
      break;
    }
    case Change::rename:
      // Within a folder, as everything that gsx renames.
      if (folder_name(step.path) != folder_name(step.other))
        throw std::runtime_error("test: a file moved to another folder");
      name({{{step.other, visible_.at(step.path)}, {step.path, std::nullopt}},
            folder_name(step.path)});
      break;
    case Change::link:
      name({{{step.other, visible_.at(step.path)}}, folder_name(step.other)});
      break;
    case Change::unlink:
    case Change::rmdir: name({{{step.path, std::nullopt}}, folder_name(step.path)}); break;
    case Change::mkdir: name({{{step.path, kFolder}}, folder_name(step.path)}); break;
  }
}

void Disk::name(Names names) {
  give(visible_, names);
  const auto& [path, file] = names.now.front();
  if (names.whole && file && *file != kFolder) {
    const File& named = files_[static_cast<size_t>(*file)];
    versions_[path].push_back(content(named, named.pending.size()));
  }
  pending_.push_back(std::move(names));
}

void Disk::sync_folder(const std::string& folder) {
  std::vector<Names> others;
  for (Names& names : pending_) {
    if (names.folder == folder) give(durable_, names);
    else others.push_back(std::move(names));
  }
  pending_ = std::move(others);
}

void Disk::give(Entries& entries, const Names& names) {
  for (const auto& [path, file] : names.now) {
    if (file) entries[path] = *file;
    else entries.erase(path);
  }
}

void Disk::write(std::string& content, const Bytes& bytes, size_t most) {
  const auto at = static_cast<size_t>(bytes.at);
  if (!bytes.data) {
    content.resize(at);
    return;
  }
  const std::string data = bytes.data->substr(0, most);
  if (content.size() < at + data.size()) content.resize(at + data.size());
  content.replace(at, data.size(), data);
}

std::string Disk::content(const File& file, size_t changes) {
  std::string all = file.durable;
  for (size_t i = 0; i < changes; ++i) write(all, file.pending[i], std::string::npos);
  return all;
}

std::string Disk::surviving(const File& file, Luck luck, std::mt19937& random) const {
  if (luck == Luck::none || luck == Luck::names || file.pending.empty()) return file.durable;
  if (luck == Luck::all) return content(file, file.pending.size());
  const size_t changes = any_up_to(file.pending.size(), random);
  std::string left = content(file, changes);
  if (luck == Luck::ordered && changes < file.pending.size()) {
    const Bytes& torn = file.pending[changes];
    write(left, torn, torn.data ? any_up_to(torn.data->size(), random) : 0);
  }
  // The length came to the disk, the bytes did not.
  if (luck == Luck::any && coin(random))
    left.resize(content(file, file.pending.size()).size(), '\0');
  return left;
}

Tree Disk::after_power_cut(Luck luck, std::mt19937& random) const {
  Entries entries = durable_;
  const size_t ordered = any_up_to(pending_.size(), random);
  for (size_t i = 0; i < pending_.size(); ++i) {
    const bool there = luck == Luck::all || luck == Luck::names ||
                       (luck == Luck::ordered && i < ordered) ||
                       (luck == Luck::any && coin(random));
    if (there) give(entries, pending_[i]);
  }
  std::map<int, std::string> contents;  // names of one file have one content
  Tree tree;
  for (const auto& [path, file] : entries) {
    const std::string folder = folder_name(path);
    if (!folder.empty() && !tree.count(folder + "/")) continue;
    if (file == kFolder) {
      tree[path + "/"];
      continue;
    }
    if (!contents.count(file))
      contents[file] = surviving(files_[static_cast<size_t>(file)], luck, random);
    tree[path] = contents[file];
  }
  return tree;
}

const std::vector<std::string>& Disk::versions(const std::string& path) const {
  static const std::vector<std::string> none;
  const auto known = versions_.find(path);
  return known == versions_.end() ? none : known->second;
}

}  // namespace faults
