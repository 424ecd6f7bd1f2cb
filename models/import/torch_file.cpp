// PyTorch's files as files of tensors: zip archives (TorchScript's too), and the stream that came
// before them; see tensor_file.h.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "engine/error.h"
#include "engine/io/problem.h"
#include "engine/io/zip_archive.h"
#include "models/import/tensor_file.h"
#include "models/import/torch_legacy.h"
#include "models/import/torch_values.h"

namespace gsx {

namespace {

using pickle::Pickle;
using torch_values::Place;
using torch_values::Storage;

// Memory that parsing may take beside the file's size: ordinary checkpoints need a tenth of it.
constexpr uint64_t kParsing = uint64_t{1} << 24;

// Reads storages of the zip form.
class ZipStorages : public torch_values::Storages {
 public:
  ZipStorages(const std::filesystem::path& path, uint64_t file_bytes)
      : archive_(path, "model", "a zip archive that can be read; it is damaged or cut off"),
        most_(file_bytes + file_bytes / 2 + (1 << 20)) {
    std::optional<std::string> found;
    for (const std::string& name : archive_.names()) {
      const bool pickle = name == "data.pkl" || name.ends_with("/data.pkl");
      if (pickle && (!found || name.size() < found->size())) found = name;
    }
    require(found.has_value(), "is a zip archive without the data.pkl of a PyTorch file", remedy());
    folder_ = found->substr(0, found->size() - 8);
    script_ = archive_.contains(folder_ + "constants.pkl");
    if (archive_.contains(folder_ + "byteorder"))
      big_endian_ = text(folder_ + "byteorder") == "big";
  }

  std::vector<uint8_t> pickle() const { return member(folder_ + "data.pkl"); }
  bool script() const { return script_; }

  void check(const Storage& s) const override {
    const auto size = archive_.size(name(s));
    require(size.has_value(), "lacks ", name(s), ", the numbers of a tensor");
    const uint64_t wanted = s.elements * size_of(s.dtype);
    require(*size >= wanted && *size <= most_, "has ", *size, " bytes in ", name(s), " instead of ",
            wanted);
  }
  std::vector<uint8_t> read(const Storage& s) const override { return member(name(s)); }
  bool big_endian() const override { return big_endian_; }

 private:
  // For archives of PyTorch's that hold no pickle.
  const char* remedy() const {
    if (archive_.contains("model.json")) return "; save it again with PyTorch 1.4 or later";
    for (const std::string& name : archive_.names())
      if (name.ends_with("model_weights_config.json"))
        return ", but an exported program (.pt2); save its state_dict with torch.save";
    return "";
  }
  std::string name(const Storage& s) const { return folder_ + "data/" + s.key; }
  std::vector<uint8_t> member(const std::string& name) const {
    try {
      return archive_.read(name, most_);
    } catch (const Problem& problem) {
      throw Problem{"has a member " + name + " that " + problem.what};
    }
  }
  std::string text(const std::string& name) const {
    const std::vector<uint8_t> bytes = member(name);
    std::string result(bytes.begin(), bytes.end());
    while (!result.empty() && result.back() <= ' ') result.pop_back();
    return result;
  }

  ZipArchive archive_;
  uint64_t most_;  // that a member may unpack to
  std::string folder_;
  bool script_ = false, big_endian_ = false;
};

class TorchFile : public TensorFile {
 public:
  TorchFile(const std::filesystem::path& path, const std::string& part) : TensorFile(path) {
    try {
      open(part);
    } catch (const Problem& problem) {
      fail("model: ", path.string(), " ", problem.what);
    } catch (const pickle::CutOff&) {
      fail("model: ", path.string(), " ends in the middle; download or copy it again");
    }
  }

  std::vector<uint8_t> bytes(const TensorEntry& entry) const override {
    const Place& place = *placed_.at(entry.name);
    try {
      const Storage& storage = tensors_.storages[place.storage];
      if (held_ != place.storage || storage_.empty()) {
        storage_ = {};
        storage_ = storages_->read(storage);
        held_ = place.storage;
      }
      const uint64_t bytes =
          *element_count(place.shape, size_of(place.dtype)) * size_of(place.dtype);
      if (place.offset == 0 && bytes == storage_.size() && is_row_major(place) &&
          !storages_->big_endian())
        return std::exchange(storage_, {});
      return gather(place);
    } catch (const Problem& problem) {
      fail("model: ", path_.string(), " ", problem.what);
    }
  }

 private:
  void open(const std::string& part) {
    const InputFile file(path_);
    size_ = file.size();
    uint8_t start[2] = {};
    if (file.size() >= 2) file.read_at(0, start, 2);
    if (start[0] == 'P' && start[1] == 'K') {
      auto zip = std::make_unique<ZipStorages>(path_, size_);
      format_ = zip->script() ? "a TorchScript archive, whose code is not read" : "a PyTorch file";
      {
        const std::vector<uint8_t> bytes = zip->pickle();
        tensors_ = torch_values::find(Pickle(bytes, kParsing + size_));
      }
      storages_ = std::move(zip);
    } else {
      format_ = "a PyTorch file of the old kind";
      storages_ = torch_legacy::open(file, kParsing + size_, tensors_);
    }
    choose(part);
  }

  void choose(const std::string& part) {
    const StateDict chosen = choose_state_dict(tensors_.root, part);
    notes_ = chosen.notes;
    uint64_t all = 0;
    const uint64_t most = std::max<uint64_t>(size_, 1 << 20);
    for (const auto& [name, number] : chosen.tensors) {
      const Place& place = tensors_.places[number];
      const uint64_t bytes = *element_count(place.shape, size_of(place.dtype)) *
                             size_of(place.dtype);  // checked before
      require(bytes <= most, "has a tensor of ", bytes, " bytes, more than the whole file");
      all += bytes;
      require(all <= 4 * most, "repeats its storages to several times the file's size");
      storages_->check(tensors_.storages[place.storage]);
      entries_.push_back({name, place.dtype, place.shape});
      placed_[name] = &place;
    }
    if (storages_->big_endian()) notes_.push_back("its numbers are big-endian");
  }

  static bool is_row_major(const Place& p) {
    uint64_t run = 1;
    for (size_t d = p.shape.size(); d-- > 0; run *= static_cast<uint64_t>(p.shape[d]))
      if (p.stride[d] != run && p.shape[d] != 1) return false;
    return true;
  }

  // The elements of a place in row-major order, little endian.
  std::vector<uint8_t> gather(const Place& p) const {
    const size_t width = size_of(p.dtype);
    const uint64_t count = *element_count(p.shape, width);
    std::vector<uint8_t> result(count * width);
    if (count == 0) return result;
    const size_t rank = p.shape.size();
    // Trailing dimensions that lie without gaps are copied at once.
    uint64_t run = 1;
    size_t outer = rank;
    while (outer > 0 && (p.stride[outer - 1] == run || p.shape[outer - 1] == 1))
      run *= static_cast<uint64_t>(p.shape[--outer]);
    std::vector<int64_t> index(outer, 0);
    uint64_t at = p.offset;
    for (uint64_t done = 0; done < count; done += run) {
      require((at + run) * width <= storage_.size(), "is damaged: a storage is too short");
      std::copy_n(&storage_[at * width], run * width, &result[done * width]);
      for (size_t d = outer; d-- > 0;) {
        at += p.stride[d];
        if (++index[d] < p.shape[d]) break;
        at -= p.stride[d] * static_cast<uint64_t>(p.shape[d]);
        index[d] = 0;
      }
    }
    if (storages_->big_endian()) swap(p.dtype, result);
    return result;
  }
  static void swap(FileDType dtype, std::vector<uint8_t>& bytes) {
    const size_t width = dtype == FileDType::c64 ? 4 : size_of(dtype);
    for (size_t i = 0; i < bytes.size(); i += width) std::reverse(&bytes[i], &bytes[i] + width);
  }

  uint64_t size_ = 0;
  torch_values::Tensors tensors_;
  std::unique_ptr<torch_values::Storages> storages_;
  std::map<std::string, const Place*> placed_;
  // The storage last read, since neighbours often share one.
  mutable std::vector<uint8_t> storage_;
  mutable size_t held_ = 0;
};

}  // namespace

std::unique_ptr<TensorFile> open_torch_file(const std::filesystem::path& path,
                                            const std::string& part) {
  return std::make_unique<TorchFile>(path, part);
}

}  // namespace gsx
