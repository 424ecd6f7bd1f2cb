// ONNX messages, byte by byte. Independent of protobuf and of the readers.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace onnx_bytes {

inline std::string varint(uint64_t n) {
  std::string bytes;
  for (; n >= 0x80; n >>= 7) bytes += static_cast<char>(n | 0x80);
  return bytes + static_cast<char>(n);
}
inline std::string part(int field, const std::string& bytes) {
  return varint(field << 3 | 2) + varint(bytes.size()) + bytes;
}
inline std::string number(int field, uint64_t n) { return varint(field << 3) + varint(n); }
inline std::string real(int field, float value) {
  return varint(field << 3 | 5) + std::string(reinterpret_cast<const char*>(&value), 4);
}
inline std::string times(size_t count, const std::string& bytes) {
  std::string all;
  for (size_t i = 0; i < count; ++i) all += bytes;
  return all;
}

inline std::string attribute(const std::string& name, float value) {
  return part(1, name) + real(2, value) + number(20, 1);
}
// Whatever the attribute `of` of the function is.
inline std::string reference(const std::string& name, const std::string& of) {
  return part(1, name) + number(20, 1) + part(21, of);
}
inline std::string node(const std::string& op, const std::vector<std::string>& in,
                        const std::string& out, const std::vector<std::string>& attributes = {},
                        const std::string& domain = "") {
  std::string bytes;
  for (const auto& name : in) bytes += part(1, name);
  bytes += part(2, out) + part(4, op);
  for (const auto& a : attributes) bytes += part(5, a);
  return domain.empty() ? bytes : bytes + part(7, domain);
}
// Floats [dims...], in raw_data.
inline std::string tensor(const std::string& name, const std::vector<int64_t>& dims,
                          const std::vector<float>& values) {
  std::string bytes;
  for (const int64_t d : dims) bytes += number(1, d);
  return bytes + number(2, 1) + part(8, name) +
         part(9, {reinterpret_cast<const char*>(values.data()), values.size() * 4});
}
inline std::string value(const std::string& name, const std::vector<int64_t>& dims) {
  std::string shape;
  for (const int64_t d : dims) shape += part(1, number(1, d));
  return part(1, name) + part(2, part(1, number(1, 1) + part(2, shape)));
}
// A model of one input x and one output y, both [1,3,8,8]; `more`: further parts of the graph.
inline std::string model(const std::vector<std::string>& nodes,
                         const std::vector<std::string>& functions = {},
                         const std::string& more = "", const std::string& behind = "") {
  std::string graph;
  for (const auto& n : nodes) graph += part(1, n);
  graph +=
      part(2, "g") + more + part(11, value("x", {1, 3, 8, 8})) + part(12, value("y", {1, 3, 8, 8}));
  std::string bytes = number(1, 8) + part(2, "test") + part(7, graph) + part(8, number(2, 17)) +
                      part(8, part(1, "own") + number(2, 1)) + behind;
  for (const auto& f : functions) bytes += part(25, f);
  return bytes;
}

}  // namespace onnx_bytes
