// What values a setting of a run or a key of a recipe may have.
#pragma once
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "engine/json.h"
#include "engine/path_text.h"

namespace gsx {

struct Range {
  enum class Kind : uint8_t { text, words, on_off, whole, number } kind = Kind::text;
  double least = std::numeric_limits<double>::lowest();  // of numbers
  double most = std::numeric_limits<double>::max();
  std::vector<std::string> words = {};  // all there are
  // Of settings, on the command line: the flag where it is not the name (empty: there is none),
  // whether it says the contrary, how numbers may be spelled besides, and whether a resumed run may
  // be given another value.
  const char* flag = nullptr;
  bool contrary = false;
  enum class Spelling : uint8_t { plain, amount, calibrated } spelling = Spelling::plain;
  bool may_change = false;
  // Of texts: how those that name a file end; null: none does.
  const char* file_ending = "";
  const char* word = nullptr;  // of texts that name files: what is no file's name; null: all are
  // The setting's name in gsx 0.1.0; null: it was the same. Files and command lines may still say
  // it.
  const char* formerly = nullptr;

  // "a whole number from 1 to 9", "official or paper".
  std::string expected() const;
  // "must be ..., got ..." of a value that does not fit; empty: it fits. Numbers of any kind of
  // JSON are taken where they are whole enough.
  std::string why_not(const Json& value) const;

  Range changing() const {
    return changed([](Range& r) { r.may_change = true; });
  }
  Range spelled(Spelling s) const {
    return changed([s](Range& r) { r.spelling = s; });
  }
  Range once(const char* name) const {
    return changed([name](Range& r) { r.formerly = name; });
  }
  Range naming(const char* ending) const {
    return changed([ending](Range& r) { r.file_ending = ending; });
  }
  Range or_word(const char* what) const {
    return changed([what](Range& r) { r.word = what; });
  }
  Range unflagged() const {
    return changed([](Range& r) { r.flag = ""; });
  }

 private:
  template <class Change>
  Range changed(Change change) const {
    Range r = *this;
    change(r);
    return r;
  }
};

namespace ranges {
inline Range text() { return {}; }
inline Range words(std::vector<std::string> all) {
  return {.kind = Range::Kind::words, .words = std::move(all)};
}
inline Range on_off() { return {.kind = Range::Kind::on_off}; }
// Of what is on unless a flag of this name turns it off.
inline Range off_by(const char* flag) {
  return {.kind = Range::Kind::on_off, .flag = flag, .contrary = true};
}
inline Range whole(int64_t least, int64_t most) {
  return {.kind = Range::Kind::whole,
          .least = static_cast<double>(least),
          .most = static_cast<double>(most)};
}
inline Range natural() { return {.kind = Range::Kind::whole, .least = 0}; }
inline Range number(double least, double most = std::numeric_limits<double>::max()) {
  return {.kind = Range::Kind::number, .least = least, .most = most};
}
inline Range any_number() { return {.kind = Range::Kind::number}; }
}  // namespace ranges

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

// A field as JSON; null where it is not chosen. Texts may be names of files, which hold any bytes.
template <class T>
Json to_value(const T& field) {
  if constexpr (is_optional<T>) return field ? Json(*field) : Json(nullptr);
  else if constexpr (std::is_same_v<T, std::string>) return to_utf8(field);  // names of files
  else return field;
}

// Reads a field from a value that fits its range; null leaves an optional one unchosen.
template <class T>
void from_value(const Json& value, T& field) {
  if constexpr (is_optional<T>) {
    if (value.is_null()) field.reset();
    else field = value.get<typename T::value_type>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    field = from_utf8(value.get<std::string>());
  } else {
    value.get_to(field);
  }
}

}  // namespace gsx
