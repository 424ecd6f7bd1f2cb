// See torch_writer.h.
#include "tests/import/torch_writer.h"

#include <zlib.h>

#include <algorithm>

namespace torch_writer {

namespace {

uint32_t crc(const std::string& bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string header_fields(const Member& m) {
  const auto size = static_cast<uint32_t>(m.bytes.size());
  return raw<uint16_t>(20) + raw<uint16_t>(0) + raw<uint16_t>(0) + raw<uint32_t>(33 << 16) +
         raw<uint32_t>(m.with_sum ? crc(m.bytes) : 0) + raw(size) + raw(size) +
         raw(static_cast<uint16_t>(m.name.size())) + raw<uint16_t>(0);
}

}  // namespace

std::string Codes::text(const std::string& s) const {
  if (protocol_ >= 4 && s.size() < 256)
    return "\x8c" + std::string(1, static_cast<char>(s.size())) + s;
  return "X" + raw(static_cast<uint32_t>(s.size())) + s;
}

std::string Codes::integer(int64_t n) const {
  if (n >= 0 && n < 256) return "K" + std::string(1, static_cast<char>(n));
  if (n >= INT32_MIN && n <= INT32_MAX) return "J" + raw(static_cast<int32_t>(n));
  return "\x8a\x08" + raw(n);
}

std::string Codes::global(const std::string& module, const std::string& name) const {
  if (protocol_ >= 4) return text(module) + text(name) + "\x93";
  return "c" + module + "\n" + name + "\n";
}

std::string Codes::tuple(const std::vector<int64_t>& items) const {
  std::string codes;
  for (const int64_t i : items) codes += integer(i);
  return tuple(codes);
}

std::string Codes::dict(const std::vector<std::pair<std::string, std::string>>& items) const {
  std::string codes = "}(";
  for (const auto& [key, value] : items) codes += text(key) + value;
  return codes + "u";
}

std::string Codes::ordered(const std::vector<std::pair<std::string, std::string>>& items) const {
  return call(global("collections", "OrderedDict"), ")") + dict(items).substr(1);
}

std::string Codes::storage(const std::string& type, const std::string& key, int64_t elements,
                           const std::string& view) const {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") +
               integer(elements) + view) +
         "Q";
}

std::string Codes::tensor(const std::string& storage, int64_t offset,
                          const std::vector<int64_t>& size,
                          const std::vector<int64_t>& stride) const {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              tuple(storage + integer(offset) + tuple(size) + tuple(stride) + "\x89" +
                    call(global("collections", "OrderedDict"), ")")));
}

std::string Codes::pickle(const std::string& codes) const {
  const std::string all = codes + ".";
  std::string frame;
  if (protocol_ >= 4) frame = "\x95" + raw(static_cast<uint64_t>(all.size()));
  return "\x80" + std::string(1, static_cast<char>(protocol_)) + frame + all;
}

std::string zip(const std::vector<Member>& members) {
  std::string file, directory;
  for (const Member& m : members) {
    directory += "PK\x01\x02" + raw<uint16_t>(20) + header_fields(m) + raw<uint16_t>(0) +
                 raw<uint16_t>(0) + raw<uint16_t>(0) + raw<uint32_t>(0) +
                 raw(static_cast<uint32_t>(file.size())) + m.name;
    file += "PK\x03\x04" + header_fields(m) + m.name + m.bytes;
  }
  const auto count = static_cast<uint16_t>(members.size());
  return file + directory + "PK\x05\x06" + raw<uint32_t>(0) + raw(count) + raw(count) +
         raw(static_cast<uint32_t>(directory.size())) + raw(static_cast<uint32_t>(file.size())) +
         raw<uint16_t>(0);
}

std::string zip_file(const std::string& data, const std::vector<Blob>& storages,
                     const std::vector<Member>& more) {
  std::vector<Member> members = {{"archive/data.pkl", data}, {"archive/version", "3\n"}};
  for (const Blob& s : storages) members.push_back({"archive/data/" + s.key, s.bytes});
  members.insert(members.end(), more.begin(), more.end());
  return zip(members);
}

std::string stream_file(const Codes& codes, const std::string& data,
                        const std::vector<Counted>& storages, bool little) {
  std::string file = codes.pickle(std::string("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"));
  file += codes.pickle("M" + raw<uint16_t>(1001));
  file += codes.pickle(codes.dict({{"protocol_version", "M" + raw<uint16_t>(1001)},
                                   {"little_endian", little ? "\x88" : "\x89"}}));
  file += data;
  std::string keys = "](";
  for (const Counted& s : storages) keys += codes.text(s.key);
  file += codes.pickle(keys + "e");
  for (const Counted& s : storages) {
    std::string count = raw(s.elements);
    if (!little) std::reverse(count.begin(), count.end());
    file += count + s.bytes;
  }
  return file;
}

}  // namespace torch_writer
