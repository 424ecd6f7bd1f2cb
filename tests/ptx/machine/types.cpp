// Names and sizes of PTX types.
#include "tests/ptx/machine/types.h"

#include <array>
#include <utility>

namespace gsx::ptx {

std::optional<Type> parse_type(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Type>, 20> kNames = {{
      {"pred", Type::pred}, {"b8", Type::b8},       {"b16", Type::b16},       {"b32", Type::b32},
      {"b64", Type::b64},   {"u8", Type::u8},       {"u16", Type::u16},       {"u32", Type::u32},
      {"u64", Type::u64},   {"s8", Type::s8},       {"s16", Type::s16},       {"s32", Type::s32},
      {"s64", Type::s64},   {"f16", Type::f16},     {"bf16", Type::bf16},     {"f32", Type::f32},
      {"f64", Type::f64},   {"f16x2", Type::f16x2}, {"bf16x2", Type::bf16x2}, {"tf32", Type::tf32},
  }};
  for (const auto& [known, type] : kNames) {
    if (known == name) return type;
  }
  return std::nullopt;
}

int bytes_of(Type type) {
  switch (type) {
    case Type::b8:
    case Type::u8:
    case Type::s8: return 1;
    case Type::b16:
    case Type::u16:
    case Type::s16:
    case Type::f16:
    case Type::bf16: return 2;
    case Type::b64:
    case Type::u64:
    case Type::s64:
    case Type::f64: return 8;
    default: return 4;
  }
}

bool is_signed(Type type) {
  return type == Type::s8 || type == Type::s16 || type == Type::s32 || type == Type::s64;
}

bool is_float(Type type) {
  return type == Type::f16 || type == Type::bf16 || type == Type::f32 || type == Type::f64;
}

std::optional<Space> parse_space(std::string_view name) {
  if (name == "global") return Space::global;
  if (name == "shared") return Space::shared;
  if (name == "local") return Space::local;
  if (name == "param") return Space::param;
  if (name == "const") return Space::constant;
  return std::nullopt;
}

}  // namespace gsx::ptx
