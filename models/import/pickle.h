// A parser of Python's pickles as data. It runs nothing and imports nothing: what would call a
// function or make an object of a class becomes a value that says which. Protocols 2 to 5, as
// PyTorch has ever written them; not protocol 0's lines of text.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gsx::pickle {

enum class Kind : uint8_t {
  none,
  boolean,
  integer,
  real,
  text,
  bytes,
  tuple,
  list,  // sets too
  dict,  // OrderedDict and defaultdict too
  global,
  object,      // what calling a global would make
  persistent,  // what the file that holds the pickle keeps elsewhere: PyTorch's storages
  other        // integers of more than 64 bits: their bytes, as text
};

// 16 bytes; what does not fit stands in the Pickle.
struct Value {
  Kind kind = Kind::none;
  uint32_t index = 0;  // of a tuple, list, dict, global, object; length of what has bytes
  union {
    int64_t integer = 0;  // where in the bytes a text or bytes begin
    double real;
  };

  Value(Kind k = Kind::none, uint32_t i = 0) : kind(k), index(i) {}
};

// A dict's sequence is key, value, key, value...; a persistent value's index is its tuple's.
using Sequence = std::vector<Value>;
struct Global {
  std::string_view module, name;
};
struct Object {
  Value callable, arguments, state;  // state: what BUILD was given
  Sequence items;                    // what APPENDS and SETITEMS added
};

// The pickle stops in the middle.
struct CutOff {};

class Pickle {
 public:
  // Parses the pickle at the start of `bytes`, which must outlive it. `memory` bounds what it may
  // take, in bytes. Throws Problem, and CutOff.
  Pickle(std::span<const uint8_t> bytes, uint64_t memory);

  const Value& root() const { return root_; }
  size_t size() const { return at_; }  // in bytes
  std::string_view text(const Value& v) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + v.integer, v.index};
  }
  bool is_text(const Value& v, std::string_view text) const;
  const Sequence& items(const Value& v) const { return sequences_[v.index]; }
  const Global& global(const Value& v) const { return globals_[v.index]; }
  const Object& object(const Value& v) const { return objects_[v.index]; }
  std::string name(const Value& global) const;  // "module.name"
  // What a dict has under a text; null where it has not.
  const Value* find(const Value& dict, std::string_view key) const;
  // Every persistent value, in the order of the pickle.
  const Sequence& persistents() const { return persistents_; }
  // Values that were made; nothing that follows them needs more steps without going in circles.
  size_t count() const { return made_; }

 private:
  class Machine;
  std::span<const uint8_t> bytes_;
  size_t at_ = 0, made_ = 0;
  Value root_;
  Sequence persistents_;
  std::deque<Sequence> sequences_;
  std::deque<Object> objects_;
  std::deque<Global> globals_;
};

}  // namespace gsx::pickle
