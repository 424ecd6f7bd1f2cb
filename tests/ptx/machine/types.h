// The types and state spaces of PTX as instructions spell them, and the one error of this library.
#pragma once
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gsx::ptx {

// What is wrong with a module, a launch or a kernel while it runs; the text says where.
class Error : public std::runtime_error {
  using runtime_error::runtime_error;
};

enum class Type : uint8_t {
  pred,
  b8,
  b16,
  b32,
  b64,
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  f16,
  bf16,
  f32,
  f64,
  f16x2,
  bf16x2,
  tf32,
};

std::optional<Type> parse_type(std::string_view name);  // "u32"; without the dot
int bytes_of(Type type);                                // in memory; pred: 4, a mask of 32 lanes
bool is_signed(Type type);
bool is_float(Type type);

enum class Space : uint8_t { generic, global, shared, local, param, constant };

std::optional<Space> parse_space(std::string_view name);

// Generic addresses: these windows, and outside them global memory, which lies at host addresses
// (below 2^48).
constexpr uint64_t kSharedWindow = uint64_t{1} << 60;
constexpr uint64_t kLocalWindow = uint64_t{1} << 61;
constexpr uint64_t kParamWindow = uint64_t{1} << 62;
constexpr uint64_t kWindowMask = kSharedWindow | kLocalWindow | kParamWindow;

}  // namespace gsx::ptx
