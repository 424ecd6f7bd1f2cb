// JSON values; see json.h.
#include "engine/json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <ostream>

namespace gsx {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw Json::exception("json: " + what); }

// A real number as an integer of type I, where it has one.
template <class I>
I whole(double v) {
  // The bounds are powers of two, which doubles hold exactly.
  const double above = std::ldexp(1.0, std::numeric_limits<I>::digits);
  const double least = std::is_signed_v<I> ? -above : 0;
  const double cut = std::trunc(v);
  if (!(cut >= least && cut < above)) refuse("a number is out of range");
  return static_cast<I>(cut);
}

// Builds a value from the events of nlohmann's parser.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(Json& into) { open_.push_back(&into); }

  bool null() override { return put(nullptr); }
  bool boolean(bool v) override { return put(v); }
  bool number_integer(int64_t v) override { return put(v); }
  bool number_unsigned(uint64_t v) override { return put(v); }
  bool number_float(double v, const std::string&) override { return put(v); }
  bool string(std::string& v) override { return put(v); }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(size_t) override { return start(Json::object()); }
  bool start_array(size_t) override { return start(Json::array()); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool key(std::string& k) override {
    member_ = &(*open_.back())[k];
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  // Where the next value goes: the whole, a new element, or the member that was named last.
  Json& place() {
    Json& at = *open_.back();
    if (open_.size() == 1) return at;
    if (at.is_object()) return *member_;
    at.push_back(nullptr);
    return at.back();
  }
  bool put(Json value) {
    place() = std::move(value);
    return true;
  }
  bool start(Json value) {
    if (open_.size() > size_t{Json::kMaxDepth}) return false;
    Json& at = place();
    at = std::move(value);
    open_.push_back(&at);
    return true;
  }
  bool end() {
    open_.pop_back();
    return true;
  }

  std::vector<Json*> open_;  // the whole, then every array and object that is not complete
  Json* member_ = nullptr;
};

bool read(std::string_view text, Json& into) {
  Builder builder(into);
  return nlohmann::json::sax_parse(text, &builder);
}

// Text as JSON writes it, or a number: nlohmann-json's words for one value that holds no others.
void print(std::string& out, const nlohmann::json& value, bool replace) {
  using Handler = nlohmann::json::error_handler_t;
  try {
    out += value.dump(-1, ' ', false, replace ? Handler::replace : Handler::strict);
  } catch (const nlohmann::json::exception&) {
    refuse("a string is not UTF-8");
  }
}

void print(std::string& out, const Json& value, int indent, int depth, bool replace) {
  const auto line = [&](int level) {
    if (indent >= 0) out.append(1, '\n').append(static_cast<size_t>(level * indent), ' ');
  };
  if (value.is_null()) out += "null";
  else if (value.is_boolean()) out += value.get<bool>() ? "true" : "false";
  else if (value.is_number_unsigned()) out += std::to_string(value.get<uint64_t>());
  else if (value.is_number_integer()) out += std::to_string(value.get<int64_t>());
  else if (value.is_number()) print(out, value.get<double>(), replace);
  else if (value.is_string()) print(out, value.text(), replace);
  else {
    const bool object = value.is_object();
    out += object ? '{' : '[';
    bool first = true;
    const auto next = [&] {
      if (!first) out += ',';
      first = false;
      line(depth + 1);
    };
    if (object) {
      for (const auto& [key, member] : value.items()) {
        next();
        print(out, key, replace);
        out += indent >= 0 ? ": " : ":";
        print(out, member, indent, depth + 1, replace);
      }
    } else {
      for (const Json& element : value) {
        next();
        print(out, element, indent, depth + 1, replace);
      }
    }
    if (!first) line(depth);
    out += object ? '}' : ']';
  }
}

}  // namespace

Json::Json() = default;
Json::Json(const Json&) = default;
Json::Json(Json&& other) noexcept
    : kind_(std::exchange(other.kind_, Kind::null)),
      natural_(other.natural_),
      text_(std::move(other.text_)),
      keys_(std::move(other.keys_)),
      values_(std::move(other.values_)) {}
Json& Json::operator=(const Json& other) {
  *this = Json(other);  // a copy first: `other` may lie inside
  return *this;
}
Json& Json::operator=(Json&& other) noexcept {
  if (this == &other) return *this;
  Json taken(std::move(other));  // out first: `other` may lie inside
  std::swap(kind_, taken.kind_);
  std::swap(natural_, taken.natural_);
  text_.swap(taken.text_);
  keys_.swap(taken.keys_);
  values_.swap(taken.values_);
  return *this;
}
Json::~Json() = default;

Json::Json(std::initializer_list<Json> list) {
  const bool pairs = std::all_of(list.begin(), list.end(), [](const Json& v) {
    return v.is_array() && v.size() == 2 && v[0].is_string();
  });
  if (!pairs) {
    become_array();
    values_ = list;
    return;
  }
  become_object();
  for (const Json& pair : list)
    if (!contains(pair[0].text())) (*this)[pair[0].text()] = pair[1];
}

Json Json::object() {
  Json json;
  json.become_object();
  return json;
}

Json Json::array() {
  Json json;
  json.become_array();
  return json;
}

Json Json::array(std::initializer_list<Json> list) {
  Json json = array();
  json.values_ = list;
  return json;
}

Json Json::parse(std::string_view text) {
  Json json;
  if (!read(text, json)) refuse("not a JSON text");
  return json;
}

Json Json::parse_or_null(std::string_view text) {
  Json json;
  return read(text, json) ? json : Json();
}

std::string Json::dump(int indent, bool replace) const {
  std::string out;
  print(out, *this, indent, 0, replace);
  return out;
}

size_t Json::size() const {
  if (is_null()) return 0;
  return is_array() || is_object() ? values_.size() : 1;
}

const Json& Json::at(std::string_view key) const {
  const Json* found = member(key);
  if (!found) refuse("lacks the key " + std::string(key));
  return *found;
}

Json& Json::at(std::string_view key) {
  return const_cast<Json&>(const_cast<const Json*>(this)->at(key));
}

Json& Json::operator[](std::string_view key) {
  if (is_null()) become_object();
  if (const Json* found = member(key)) return const_cast<Json&>(*found);
  keys_.emplace_back(key);
  return values_.emplace_back();
}

const Json& Json::element(size_t i) const {
  require(Kind::array);
  if (i >= values_.size()) refuse("lacks an element");
  return values_[i];
}

const Json* Json::member(std::string_view key) const {
  require(Kind::object);
  const auto found = std::find(keys_.begin(), keys_.end(), key);
  return found == keys_.end() ? nullptr : &values_[static_cast<size_t>(found - keys_.begin())];
}

const Json* Json::find(std::string_view key) const {
  const Json* found = is_object() ? member(key) : nullptr;
  return found ? found : end();
}

void Json::push_back(Json value) {
  if (is_null()) become_array();
  require(Kind::array);
  values_.push_back(std::move(value));
}

Json& Json::back() {
  if (empty()) refuse("lacks an element");
  return values_.back();
}

void Json::erase(std::string_view key) {
  require(Kind::object);
  const auto found = std::find(keys_.begin(), keys_.end(), key);
  if (found == keys_.end()) return;
  values_.erase(values_.begin() + (found - keys_.begin()));
  keys_.erase(found);
}

void Json::update(const Json& object) {
  for (const Item& item : object.items()) (*this)[item.key] = item.value;
}

std::vector<Json::Item> Json::items() const& {
  require(Kind::object);
  std::vector<Item> result;
  for (size_t i = 0; i < keys_.size(); ++i) result.push_back({keys_[i], values_[i]});
  return result;
}

const std::string& Json::text() const {
  require(Kind::text);
  return text_;
}

std::string Json::value(std::string_view key, const char* otherwise) const {
  return value(key, std::string(otherwise));
}

Json Json::value(std::string_view key, const Json& otherwise) const {
  const Json* found = member(key);
  return found ? *found : otherwise;
}

std::ostream& operator<<(std::ostream& out, const Json& json) { return out << json.dump(-1, true); }

void Json::set_boolean(bool v) { kind_ = Kind::boolean, boolean_ = v; }
void Json::set_integer(int64_t v) { kind_ = Kind::integer, integer_ = v; }
void Json::set_natural(uint64_t v) { kind_ = Kind::natural, natural_ = v; }
void Json::set_real(double v) { kind_ = Kind::real, real_ = v; }
void Json::set_text(std::string_view v) { kind_ = Kind::text, text_ = v; }
void Json::become_array() { kind_ = Kind::array; }
void Json::become_object() { kind_ = Kind::object; }

void Json::require(Kind wanted) const {
  constexpr const char* kNames[] = {"null",   "a boolean", "an integer", "an integer",
                                    "a real", "a string",  "an array",   "an object"};
  if (kind_ != wanted)
    refuse(std::string("must be ") + kNames[static_cast<int>(wanted)] + ", is " +
           kNames[static_cast<int>(kind_)]);
}

bool Json::boolean() const {
  require(Kind::boolean);
  return boolean_;
}

int64_t Json::integer() const {
  if (kind_ == Kind::real) return whole<int64_t>(real_);
  if (kind_ == Kind::natural) return static_cast<int64_t>(natural_);
  require(Kind::integer);
  return integer_;
}

uint64_t Json::natural() const {
  if (kind_ == Kind::real) return whole<uint64_t>(real_);
  if (kind_ == Kind::integer) return static_cast<uint64_t>(integer_);
  require(Kind::natural);
  return natural_;
}

double Json::real() const {
  if (kind_ == Kind::integer) return static_cast<double>(integer_);
  if (kind_ == Kind::natural) return static_cast<double>(natural_);
  require(Kind::real);
  return real_;
}

bool Json::equals(const Json& other) const {
  if (is_number() && other.is_number()) {
    if (is_number_float() || other.is_number_float()) return real() == other.real();
    return natural() == other.natural() && (kind_ == other.kind_ || integer() >= 0);
  }
  if (kind_ != other.kind_) return false;
  if (is_boolean()) return boolean_ == other.boolean_;
  return text_ == other.text_ && keys_ == other.keys_ && values_ == other.values_;
}

}  // namespace gsx
