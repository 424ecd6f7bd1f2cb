// A JSON value: null, a boolean, a number, a string, an array, or an object whose keys keep the
// order in which they came. A plain class, so that headers which hold one stay cheap; texts are
// read and written by nlohmann-json, which only json.cpp sees.
#pragma once
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace gsx {

class Json;

namespace json_detail {
template <class T>
concept Boolean = std::same_as<T, bool>;
template <class T>
concept Number = std::is_arithmetic_v<T> && !Boolean<T>;
template <class T>
concept Text = !std::same_as<T, Json> && !std::same_as<T, std::nullptr_t> &&
               std::convertible_to<const T&, std::string_view>;
// std::map and its like, from strings.
template <class T>
concept Dictionary = requires(const T& t) {
  typename T::mapped_type;
  { t.begin()->first } -> Text;
};
// std::vector, std::array and their like, not texts.
template <class T>
concept List = !Text<T> && !Dictionary<T> && requires(const T& t) {
  typename T::value_type;
  { *t.begin() } -> std::convertible_to<typename T::value_type>;
  t.end();
};
template <class T>
concept Growing = !Text<T> && requires(T & t, typename T::value_type v) {
  t.push_back(v);
};
template <class T>
concept Readable =
    Boolean<T> || Number<T> || std::same_as<T, std::string> || Dictionary<T> || Growing<T>;
}  // namespace json_detail

class Json {
 public:
  // A value is not what it was asked to be, lacks what it was asked for, or a text is not JSON.
  class exception : public std::runtime_error {
   public:
    using std::runtime_error::runtime_error;
  };

  Json();  // null
  Json(std::nullptr_t) : Json() {}
  Json(const Json&);
  Json(Json&&) noexcept;
  Json& operator=(const Json&);
  Json& operator=(Json&&) noexcept;
  ~Json();
  template <json_detail::Boolean T>
  Json(T value) : Json() {
    set_boolean(value);
  }
  template <json_detail::Number T>
  Json(T value) : Json() {
    if constexpr (std::is_floating_point_v<T>) set_real(static_cast<double>(value));
    else if constexpr (std::is_signed_v<T>) set_integer(static_cast<int64_t>(value));
    else set_natural(static_cast<uint64_t>(value));
  }
  template <json_detail::Text T>
  Json(const T& text) : Json() {
    set_text(text);
  }
  template <json_detail::List T>
  Json(const T& values) : Json() {
    become_array();
    for (const typename T::value_type& v : values) push_back(Json(v));
  }
  template <json_detail::Dictionary T>
  Json(const T& values) : Json() {
    become_object();
    for (const auto& [key, value] : values) (*this)[key] = Json(value);
  }
  // {{"key", value}, ...} is an object, any other list an array.
  Json(std::initializer_list<Json> list);

  static Json object();
  static Json array();
  static Json array(std::initializer_list<Json> list);
  // Throws `exception` where the text is not JSON, or is nested more than kMaxDepth deep.
  static constexpr int kMaxDepth = 512;
  static Json parse(std::string_view text);
  // The same, null where the text is not JSON.
  static Json parse_or_null(std::string_view text);

  // On one line, or with `indent` spaces per level. Throws where a string is not UTF-8; with
  // `replace` writes U+FFFD for what is not.
  std::string dump(int indent = -1, bool replace = false) const;

  bool is_null() const { return kind_ == Kind::null; }
  bool is_boolean() const { return kind_ == Kind::boolean; }
  bool is_number() const { return is_number_integer() || kind_ == Kind::real; }
  bool is_number_integer() const { return kind_ == Kind::integer || is_number_unsigned(); }
  // As read from a text without a minus sign, or made of an unsigned type.
  bool is_number_unsigned() const { return kind_ == Kind::natural; }
  bool is_number_float() const { return kind_ == Kind::real; }
  bool is_string() const { return kind_ == Kind::text; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }

  // ---- Arrays and objects. Of a null, writing makes an object or array; reading finds nothing.
  size_t size() const;  // 1 for what is neither array, object nor null
  bool empty() const { return size() == 0; }
  bool contains(std::string_view key) const { return find(key) != end(); }
  const Json& at(std::string_view key) const;  // throws where there is none
  Json& at(std::string_view key);
  const Json& operator[](std::string_view key) const { return at(key); }
  Json& operator[](std::string_view key);  // makes a null where there is none
  // The same; a literal would do as an address that a number is added to, too.
  const Json& operator[](const char* key) const { return at(key); }
  Json& operator[](const char* key) { return (*this)[std::string_view(key)]; }
  template <std::integral I>
  const Json& at(I i) const {
    return element(static_cast<size_t>(i));
  }
  template <std::integral I>
  Json& at(I i) {
    return const_cast<Json&>(element(static_cast<size_t>(i)));
  }
  template <std::integral I>
  const Json& operator[](I i) const {
    return at(i);
  }
  template <std::integral I>
  Json& operator[](I i) {
    return at(i);
  }
  void push_back(Json value);
  Json& back();
  const Json& back() const { return const_cast<Json*>(this)->back(); }
  void erase(std::string_view key);
  void update(const Json& object);  // takes every key of it
  // Values of an array or object, in order.
  const Json* begin() const { return values_.data(); }
  const Json* end() const { return values_.data() + values_.size(); }
  Json* begin() { return values_.data(); }
  Json* end() { return values_.data() + values_.size(); }
  const Json* find(std::string_view key) const;  // end() where there is none
  struct Item {
    const std::string& key;
    const Json& value;
  };
  // Of an object; they point into it, so a temporary has none to give.
  std::vector<Item> items() const&;
  std::vector<Item> items() const&& = delete;

  // ---- Reading. Numbers convert into each other, as a cast does but where the result has no such
  // number; anything else of another kind throws.
  template <json_detail::Readable T>
  T get() const {
    if constexpr (json_detail::Boolean<T>) {
      return boolean();
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(real());
    } else if constexpr (std::is_unsigned_v<T>) {
      return static_cast<T>(natural());
    } else if constexpr (json_detail::Number<T>) {
      return static_cast<T>(integer());
    } else if constexpr (std::same_as<T, std::string>) {
      return text();
    } else if constexpr (json_detail::Dictionary<T>) {
      T result;
      require(Kind::object);
      for (size_t i = 0; i < keys_.size(); ++i)
        result.emplace(keys_[i], values_[i].get<typename T::mapped_type>());
      return result;
    } else {
      T result;
      require(Kind::array);
      for (const Json& v : values_) result.push_back(v.get<typename T::value_type>());
      return result;
    }
  }
  template <json_detail::Readable T>
  operator T() const {
    return get<T>();
  }
  template <class T>
  void get_to(T& into) const {
    into = get<T>();
  }
  const std::string& text() const;  // of a string
  // The value of a key of an object, or `otherwise` where there is none.
  template <json_detail::Readable T>
  T value(std::string_view key, const T& otherwise) const {
    const Json* found = member(key);
    return found ? found->get<T>() : otherwise;
  }
  std::string value(std::string_view key, const char* otherwise) const;
  Json value(std::string_view key, const Json& otherwise) const;

  // Numbers are equal when their values are; objects when their keys are in the same order, too.
  friend bool operator==(const Json& a, const Json& b) { return a.equals(b); }
  template <class T>
  requires(std::is_arithmetic_v<T> || json_detail::Text<T> ||
           std::same_as<T, std::nullptr_t>) friend bool
  operator==(const Json& a, const T& b) {
    return a.equals(Json(b));
  }
  friend std::ostream& operator<<(std::ostream&, const Json&);

 private:
  enum class Kind : uint8_t { null, boolean, integer, natural, real, text, array, object };

  void set_boolean(bool);
  void set_integer(int64_t);
  void set_natural(uint64_t);
  void set_real(double);
  void set_text(std::string_view);
  void become_array();
  void become_object();
  void require(Kind) const;
  bool boolean() const;
  int64_t integer() const;
  uint64_t natural() const;
  double real() const;
  const Json& element(size_t) const;
  const Json* member(std::string_view key) const;
  bool equals(const Json&) const;

  Kind kind_ = Kind::null;
  union {
    bool boolean_;
    int64_t integer_ = 0;
    uint64_t natural_;
    double real_;
  };
  std::string text_;
  std::vector<std::string> keys_;  // of an object, one per value
  std::vector<Json> values_;
};

}  // namespace gsx
