// .npz and .safetensors as files of tensors, and the choice among the kinds; see tensor_file.h.
#include "models/import/tensor_file.h"

#include <algorithm>
#include <map>

#include "engine/error.h"
#include "engine/io/file_kind.h"
#include "engine/io/npz.h"
#include "engine/io/problem.h"
#include "engine/io/safetensors.h"
#include "models/import/state_dict.h"

namespace gsx {

namespace {

// Files whose tensors have flat names: adds entries under bare names and remembers the file's own.
class FlatFile : public TensorFile {
 public:
  using TensorFile::TensorFile;

 protected:
  void choose(const std::vector<TensorEntry>& all, const std::string& part, const char* what) {
    TensorGroup root;
    for (size_t i = 0; i < all.size(); ++i) root.tensors.emplace_back(all[i].name, i);
    try {
      const StateDict chosen = choose_state_dict(root, part);
      notes_.insert(notes_.end(), chosen.notes.begin(), chosen.notes.end());
      for (const auto& [name, number] : chosen.tensors) {
        entries_.push_back({name, all[number].dtype, all[number].shape});
        own_[name] = all[number].name;
      }
    } catch (const Problem& problem) {
      fail(what, ": ", path_.string(), " ", problem.what);
    }
  }
  const std::string& own_name(const TensorEntry& entry) const { return own_.at(entry.name); }

 private:
  std::map<std::string, std::string> own_;
};

class NpzTensors : public FlatFile {
 public:
  NpzTensors(const std::filesystem::path& path, const std::string& part)
      : FlatFile(path), file_(path) {
    format_ = "an archive of NumPy arrays (.npz)";
    std::vector<TensorEntry> all;
    for (const std::string& name : file_.names()) {
      const TypedArray head = file_.head(name);
      all.push_back({name, head.dtype, head.shape});
    }
    choose(all, part, "npz");
  }
  std::vector<uint8_t> bytes(const TensorEntry& entry) const override {
    return file_.typed(own_name(entry)).bytes;
  }

 private:
  NpzFile file_;
};

class SafetensorsTensors : public FlatFile {
 public:
  SafetensorsTensors(const std::filesystem::path& path, const std::string& part)
      : FlatFile(path), file_(SafetensorsFile::open(path)) {
    format_ = "a safetensors file";
    std::vector<TensorEntry> all;
    for (const std::string& name : file_.names()) all.push_back(entry(name, name));
    // save_model of the safetensors package drops one of two names of one tensor and notes it so.
    for (const auto& [name, kept] : file_.metadata()) {
      if (file_.contains(name) || !file_.contains(kept)) continue;
      all.push_back(entry(name, kept));
      tied_[name] = kept;
      notes_.push_back(name + " is the same tensor as " + kept);
    }
    choose(all, part, "safetensors");
  }
  std::vector<uint8_t> bytes(const TensorEntry& wanted) const override {
    const std::string& name = own_name(wanted);
    const auto tied = tied_.find(name);
    return file_.bytes(tied == tied_.end() ? name : tied->second);
  }

 private:
  TensorEntry entry(const std::string& name, const std::string& in_file) const {
    const SafetensorsFile::Entry& e = file_.entry(in_file);
    return {name, e.dtype, e.shape};
  }
  SafetensorsFile file_;
  std::map<std::string, std::string> tied_;
};

std::string start_of(const InputFile& file, uint64_t bytes) {
  const std::vector<uint8_t> start = file.read_at(0, std::min(bytes, file.size()));
  return {start.begin(), start.end()};
}

bool is_zip(const std::string& start) { return start.starts_with("PK\x03\x04"); }

bool is_pickle(const std::string& start) {
  return start.size() > 2 && start[0] == '\x80' && start[1] >= 2 && start[1] <= 5;
}

// What is of none of the kinds that are read.
[[noreturn]] void refuse_kind(const InputFile& file) {
  const std::string path = file.path().string();
  const std::optional<FileKind> kind = foreign_kind(file);
  GSX_CHECK(kind, "load: ", path,
            " is of no kind that gsx knows; it reads its own models, PyTorch ",
            "and ONNX files, .npz and .safetensors");
  fail("load: ", path, " is ", kind->what, "; ", kind->remedy);
}

bool is_safetensors(const std::string& start) { return start.size() > 8 && start[8] == '{'; }

}  // namespace

const TensorEntry* TensorFile::find(const std::string& name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const TensorEntry& e) { return e.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

std::vector<float> TensorFile::floats(const TensorEntry& entry) const {
  return to_floats(entry.dtype, bytes(entry));
}

bool is_tensor_file(const InputFile& file) {
  const std::string start = start_of(file, 16);
  return is_zip(start) || is_pickle(start) || is_safetensors(start);
}

std::unique_ptr<TensorFile> open_npz_tensors(const std::filesystem::path& path,
                                             const std::string& part) {
  return std::make_unique<NpzTensors>(path, part);
}

std::unique_ptr<TensorFile> open_safetensors(const std::filesystem::path& path,
                                             const std::string& part) {
  return std::make_unique<SafetensorsTensors>(path, part);
}

std::unique_ptr<TensorFile> open_tensors(const std::filesystem::path& path,
                                         const std::string& part) {
  const InputFile file(path);
  const std::string start = start_of(file, 16);
  if (is_pickle(start)) return open_torch_file(path, part);
  if (is_zip(start)) {
    const auto kind = foreign_kind(file);
    if (kind && kind->what.find(".npz") != kind->what.npos) return open_npz_tensors(path, part);
    if (kind && kind->what.find("Keras") == kind->what.npos) return open_torch_file(path, part);
  }
  if (!is_safetensors(start)) refuse_kind(file);
  return open_safetensors(path, part);
}

}  // namespace gsx
