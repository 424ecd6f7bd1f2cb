// The only way gsx fails: one exception type with a one-sentence message.
#pragma once
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>

#include "kernels/memory.h"

namespace gsx {

// The message names the operation, the argument, what was expected, what came and, where the user
// has one, the remedy. Lower case, no full stop. Kernels throw the same type.
using Error = kernels::Failure;

namespace error_detail {

// One part of a message, which it points to. Every type but texts and numbers is streamed.
class Part {
 public:
  template <class T>
  Part(const T& value) {
    if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      kind_ = Kind::text;
      text_ = value;
    } else if constexpr (std::is_same_v<T, char>) {
      kind_ = Kind::text;
      text_ = std::string_view(&value, 1);
    } else if constexpr (std::is_floating_point_v<T>) {
      kind_ = Kind::real;
      real_ = static_cast<double>(value);
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) >= 2) {
      kind_ = Kind::integer;
      integer_ = value;
    } else if constexpr (std::is_integral_v<T> && (sizeof(T) >= 2 || std::is_same_v<T, bool>)) {
      kind_ = Kind::natural;
      natural_ = value;
    } else {
      kind_ = Kind::other;
      other_ = &value;
      stream_ = [](std::ostream& out, const void* v) { out << *static_cast<const T*>(v); };
    }
  }
  void write(std::ostream&) const;

 private:
  enum class Kind : uint8_t { text, real, integer, natural, other };
  Kind kind_ = Kind::other;
  std::string_view text_;
  union {
    double real_;
    int64_t integer_;
    uint64_t natural_;
    const void* other_ = nullptr;
  };
  void (*stream_)(std::ostream&, const void*) = nullptr;
};

[[noreturn]] void fail(std::initializer_list<Part>);

}  // namespace error_detail

template <class... Parts>
[[noreturn, gnu::noinline, gnu::cold]] void fail(const Parts&... parts) {
  error_detail::fail({error_detail::Part(parts)...});
}

}  // namespace gsx

// GSX_CHECK(condition, parts...): throws Error with the parts streamed together unless it holds.
#define GSX_CHECK(condition, ...)               \
  do {                                          \
    if (!(condition)) ::gsx::fail(__VA_ARGS__); \
  } while (false)
