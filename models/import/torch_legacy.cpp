// The stream form; see torch_legacy.h.
#include "models/import/torch_legacy.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "engine/io/problem.h"

namespace gsx::torch_legacy {

namespace {

using pickle::Kind;
using pickle::Pickle;
using pickle::Value;
using torch_values::Storage;
using torch_values::Storages;
using torch_values::Tensors;

// What every such file begins with, pickled: 0x1950a86a20f9469cfc6c.
constexpr std::string_view kMagicNumber = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

class Stream : public Storages {
 public:
  // Keeps a file of its own.
  explicit Stream(const std::filesystem::path& path) : file_(path) {}

  void parse(uint64_t memory, Tensors& tensors) {
    // The pickles end where their last one does, which only parsing tells.
    for (uint64_t length = 1 << 20;; length *= 4) {
      const uint64_t read = std::min(length, file_.size());
      try {
        parse_pickles(file_.read_at(0, read), memory, tensors);
        return;
      } catch (const pickle::CutOff&) {
        if (read == file_.size()) throw;
        tensors = {};
        keys_.clear();
        known_.clear();
      }
    }
  }

  void check(const Storage& s) const override {
    require(places_.count(s.key) > 0, "lacks the numbers of a tensor");
  }
  std::vector<uint8_t> read(const Storage& s) const override {
    return file_.read_at(places_.at(s.key), s.elements * size_of(s.dtype));
  }
  bool big_endian() const override { return big_endian_; }

 private:
  void parse_pickles(const std::vector<uint8_t>& bytes, uint64_t memory, Tensors& tensors) {
    const std::span<const uint8_t> all(bytes);
    const auto behind = [&](size_t at) { return all.subspan(at); };
    const Pickle magic(all, memory);
    require(magic.root().kind == Kind::other && magic.text(magic.root()) == kMagicNumber,
            "is a Python pickle, but not of PyTorch's kind; save its tensors with torch.save");
    size_t at = magic.size();
    at += check_version(Pickle(behind(at), memory));
    at += read_system(Pickle(behind(at), memory));
    {
      const Pickle values(behind(at), memory);
      tensors = torch_values::find(values);
      // Those of what is passed over lie between the others.
      for (const Value& v : values.persistents()) {
        const Storage s = torch_values::storage_of(values, v);
        known_[s.key] = s;
      }
      at += values.size();
    }
    const Pickle keys(behind(at), memory);
    at += keys.size();
    require(keys.root().kind == Kind::list, "has no list of storages");
    for (const Value& key : keys.items(keys.root())) {
      require(key.kind == Kind::text || key.kind == Kind::integer, "lists a storage without a key");
      keys_.push_back(key.kind == Kind::text ? std::string(keys.text(key).substr(0, 256))
                                             : std::to_string(key.integer));
    }
    place_storages(at);
  }

  static size_t check_version(const Pickle& version) {
    constexpr int kVersion = 1001;
    require(version.root().kind == Kind::integer && version.root().integer == kVersion,
            "has an unknown version of PyTorch's old form");
    return version.size();
  }
  size_t read_system(const Pickle& system) {
    const Value* little = system.find(system.root(), "little_endian");
    big_endian_ = little && little->kind == Kind::boolean && little->integer == 0;
    return system.size();
  }

  // Each is its number of elements, then these.
  void place_storages(uint64_t at) {
    for (const std::string& key : keys_) {
      const auto found = known_.find(key);
      require(found != known_.end(), "lists numbers of no tensor");
      require(at <= file_.size() && file_.size() - at >= 8, "ends before the numbers of a tensor",
              "; download or copy it again");
      uint64_t count = 0;
      file_.read_at(at, &count, 8);
      if (big_endian_) count = __builtin_bswap64(count);
      const Storage& s = found->second;
      require(count == s.elements, "says that a tensor has ", s.elements, " numbers, and ", count);
      at += 8;
      require(count <= (file_.size() - at) / size_of(s.dtype), "ends in the numbers of a tensor",
              "; download or copy it again");
      require(places_.emplace(key, at).second, "lists the numbers of a tensor twice");
      at += count * size_of(s.dtype);
    }
  }

  InputFile file_;
  std::vector<std::string> keys_;
  std::map<std::string, Storage> known_;
  std::map<std::string, uint64_t> places_;
  bool big_endian_ = false;
};

}  // namespace

std::unique_ptr<Storages> open(const InputFile& file, uint64_t memory, Tensors& tensors) {
  auto stream = std::make_unique<Stream>(file.path());
  stream->parse(memory, tensors);
  return stream;
}

}  // namespace gsx::torch_legacy
