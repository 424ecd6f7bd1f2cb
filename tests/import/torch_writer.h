// Writes files as PyTorch does, byte by byte: pickles of protocols 2 to 5, in zip archives and in
// the stream that came before them. Independent of the readers.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace torch_writer {

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
template <class T>
std::string numbers(const std::vector<T>& values) {
  std::string bytes;
  for (const T& v : values) bytes += raw(v);
  return bytes;
}

// The codes of values, to be strung together; a whole pickle is pickle(protocol, codes).
class Codes {
 public:
  explicit Codes(int protocol = 2) : protocol_(protocol) {}

  std::string text(const std::string& s) const;
  std::string integer(int64_t n) const;
  std::string global(const std::string& module, const std::string& name) const;
  std::string tuple(const std::string& items) const { return "(" + items + "t"; }
  std::string tuple(const std::vector<int64_t>& items) const;
  std::string call(const std::string& function, const std::string& arguments) const {
    return function + arguments + "R";
  }
  // {key: value, ...}; values are codes.
  std::string dict(const std::vector<std::pair<std::string, std::string>>& items) const;
  std::string ordered(const std::vector<std::pair<std::string, std::string>>& items) const;
  std::string storage(const std::string& type, const std::string& key, int64_t elements,
                      const std::string& view = "") const;
  // _rebuild_tensor_v2
  std::string tensor(const std::string& storage, int64_t offset, const std::vector<int64_t>& size,
                     const std::vector<int64_t>& stride) const;
  std::string pickle(const std::string& codes) const;

 private:
  int protocol_;
};

struct Member {
  std::string name, bytes;
  bool with_sum = true;
};
std::string zip(const std::vector<Member>& members);

struct Blob {
  std::string key, bytes;
};
// As torch.save writes: `data` is the pickle, `more` further members.
std::string zip_file(const std::string& data, const std::vector<Blob>& storages,
                     const std::vector<Member>& more = {});
struct Counted : Blob {
  int64_t elements = 0;
};
std::string stream_file(const Codes& codes, const std::string& data,
                        const std::vector<Counted>& storages, bool little = true);

}  // namespace torch_writer
