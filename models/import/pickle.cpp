// The pickle machine: a stack, a memo and the codes that move values between them; see pickle.h.
#include "models/import/pickle.h"

#include <bit>
#include <cstring>

#include "engine/io/problem.h"
#include "models/import/words.h"

namespace gsx::pickle {

namespace {

constexpr size_t kDeepest = 1'000'000;  // of the stack

}  // namespace

class Pickle::Machine {
 public:
  Machine(Pickle& to, uint64_t memory) : to_(to), memory_(memory) {}

  void run() {
    require(byte() == 0x80, "is not a pickle of protocol 2 or later");
    const int protocol = byte();
    require(protocol >= 2 && protocol <= 5, "has pickle protocol ", protocol,
            ", 2 to 5 are supported");
    while (step(byte())) {
    }
    to_.root_ = pop();
  }

 private:
  // ---- Bytes.
  uint8_t byte() {
    if (to_.at_ >= to_.bytes_.size()) throw CutOff{};
    return to_.bytes_[to_.at_++];
  }
  template <class T>
  T number() {
    if (to_.bytes_.size() - to_.at_ < sizeof(T)) throw CutOff{};
    T value;
    std::memcpy(&value, &to_.bytes_[to_.at_], sizeof(T));
    to_.at_ += sizeof(T);
    return value;
  }
  std::string_view line() {
    const size_t start = to_.at_;
    while (byte() != '\n') require(to_.at_ - start < 4096, "has a name of more than 4096 letters");
    return {reinterpret_cast<const char*>(&to_.bytes_[start]), to_.at_ - start - 1};
  }
  Value span(Kind kind, uint64_t length) {
    if (length > to_.bytes_.size() - to_.at_) throw CutOff{};
    require(length < uint64_t{1} << 32, "holds ", length, " bytes in one value");
    Value v{kind, static_cast<uint32_t>(length)};
    v.integer = static_cast<int64_t>(to_.at_);
    to_.at_ += length;
    return v;
  }

  // ---- Memory, counted before it is taken.
  void take(uint64_t bytes) {
    to_.made_ += 1 + bytes / sizeof(Value);
    require(bytes <= memory_, "asks for more memory than what its size is good for");
    memory_ -= bytes;
  }
  void push(const Value& v) {
    require(stack_.size() < kDeepest, "nests or lists too many values at once");
    if (stack_.size() == high_water_) {
      take(sizeof(Value));
      ++high_water_;
    }
    stack_.push_back(v);
  }
  Value pop() {
    const size_t floor = marks_.empty() ? 0 : marks_.back();
    require(stack_.size() > floor, "takes values that it did not give");
    const Value v = stack_.back();
    stack_.pop_back();
    return v;
  }
  Value& top() {
    const size_t floor = marks_.empty() ? 0 : marks_.back();
    require(stack_.size() > floor, "takes values that it did not give");
    return stack_.back();
  }
  // What lies above the last mark.
  Sequence pop_to_mark() {
    require(!marks_.empty(), "ends a list that it did not begin");
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    take(static_cast<uint64_t>(stack_.end() - from) * sizeof(Value));
    Sequence items(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return items;
  }
  Value sequence(Kind kind, Sequence items) {
    take(sizeof(Sequence) + 16);
    to_.sequences_.push_back(std::move(items));
    return {kind, static_cast<uint32_t>(to_.sequences_.size() - 1)};
  }
  Sequence taken(int count) {
    Sequence items(static_cast<size_t>(count));
    for (int i = count; i-- > 0;) items[static_cast<size_t>(i)] = pop();
    take(items.size() * sizeof(Value));
    return items;
  }
  void global(std::string_view module, std::string_view name) {
    take(sizeof(Global));
    to_.globals_.push_back({module, name});
    push({Kind::global, static_cast<uint32_t>(to_.globals_.size() - 1)});
  }

  // ---- Calls, which are not made.
  void object(const Value& callable, const Value& arguments) {
    if (is_dict(callable)) return push(dict_of(arguments));
    take(sizeof(Object));
    to_.objects_.push_back({callable, arguments, {}, {}});
    push({Kind::object, static_cast<uint32_t>(to_.objects_.size() - 1)});
  }
  bool is_dict(const Value& callable) const {
    if (callable.kind != Kind::global) return false;
    const Global& g = to_.global(callable);
    return g.module == "collections" && (g.name == "OrderedDict" || g.name == "defaultdict");
  }
  // Python 2 gave an OrderedDict its pairs as it was made.
  Value dict_of(const Value& arguments) {
    Sequence items;
    if (arguments.kind == Kind::tuple && to_.items(arguments).size() == 1 &&
        to_.items(arguments)[0].kind == Kind::list) {
      for (const Value& pair : to_.items(to_.items(arguments)[0])) {
        const bool fits =
            (pair.kind == Kind::list || pair.kind == Kind::tuple) && to_.items(pair).size() == 2;
        require(fits, "makes an OrderedDict of what are no pairs");
        take(2 * sizeof(Value));
        for (const Value& v : to_.items(pair)) items.push_back(v);
      }
    }
    return sequence(Kind::dict, std::move(items));
  }
  void add_items(Value to, const Sequence& items) {
    take(items.size() * sizeof(Value));
    const bool container = to.kind == Kind::list || to.kind == Kind::dict;
    require(container || to.kind == Kind::object, "adds items to what holds none");
    Sequence& held = container ? to_.sequences_[to.index] : to_.objects_[to.index].items;
    held.insert(held.end(), items.begin(), items.end());
  }
  void add_pairs(const Sequence& items) {
    require(items.size() % 2 == 0, "adds a key without a value");
    require(top().kind != Kind::list, "adds keys to a list");
    add_items(top(), items);
  }
  void build() {
    const Value state = pop();
    if (top().kind == Kind::dict) return;  // attributes of a dict: a state dict's _metadata
    require(top().kind == Kind::object, "gives a state to what is no object");
    to_.objects_[top().index].state = state;
  }

  // ---- The memo, numbered one after the other.
  void memoize(uint64_t index) {
    require(index <= memo_.size() + 16, "numbers its values with gaps");
    if (index >= memo_.size()) {
      take((index + 1 - memo_.size()) * sizeof(Value));
      memo_.resize(index + 1);
    }
    memo_[index] = top();
  }
  void recall(uint64_t index) {
    require(index < memo_.size(), "refers to a value that it has not made");
    push(memo_[index]);
  }

  void push_integer(int64_t value) {
    Value v{Kind::integer};
    v.integer = value;
    push(v);
  }
  void push_boolean(bool value) {
    Value v{Kind::boolean};
    v.integer = value;
    push(v);
  }
  // Little endian, two's complement.
  void push_long(uint64_t length) {
    const Value raw = span(Kind::other, length);
    if (length > 8) return push(raw);
    uint64_t value = 0;
    for (uint64_t i = 0; i < length; ++i)
      value |= uint64_t{to_.bytes_[static_cast<size_t>(raw.integer) + i]} << 8 * i;
    if (length > 0 && length < 8 && (value >> (8 * length - 1) & 1))
      value |= ~uint64_t{0} << 8 * length;
    push_integer(static_cast<int64_t>(value));
  }
  void push_real() {
    auto bits = number<uint64_t>();
    uint64_t swapped = 0;
    for (int i = 0; i < 8; ++i, bits >>= 8) swapped = swapped << 8 | (bits & 255);
    Value v{Kind::real};
    v.real = std::bit_cast<double>(swapped);
    push(v);
  }
  void stack_global() {
    const Value name = pop(), module = pop();
    require(name.kind == Kind::text && module.kind == Kind::text, "names a class by no text");
    global(to_.text(module), to_.text(name));
  }

  bool step(uint8_t code) {
    switch (code) {
      case '.': return false;
      case 0x80: byte(); break;              // PROTO again
      case 0x95: number<uint64_t>(); break;  // FRAME: how its codes were written
      case '(': marks_.push_back(stack_.size()), take(sizeof(size_t)); break;
      case '0': pop(); break;                 // POP
      case '1': pop_to_mark(); break;         // POP_MARK
      case '2': push(Value(top())); break;    // DUP
      case 'N': push({}); break;              // NONE
      case 0x88: push_boolean(true); break;   // NEWTRUE
      case 0x89: push_boolean(false); break;  // NEWFALSE
      case 'J': push_integer(number<int32_t>()); break;
      case 'K': push_integer(byte()); break;
      case 'M': push_integer(number<uint16_t>()); break;
      case 0x8a: push_long(byte()); break;              // LONG1
      case 0x8b: push_long(number<uint32_t>()); break;  // LONG4
      case 'G': push_real(); break;
      case 'U': push(span(Kind::text, byte())); break;                // SHORT_BINSTRING
      case 'T': push(span(Kind::text, number<uint32_t>())); break;    // BINSTRING
      case 0x8c: push(span(Kind::text, byte())); break;               // SHORT_BINUNICODE
      case 'X': push(span(Kind::text, number<uint32_t>())); break;    // BINUNICODE
      case 0x8d: push(span(Kind::text, number<uint64_t>())); break;   // BINUNICODE8
      case 'C': push(span(Kind::bytes, byte())); break;               // SHORT_BINBYTES
      case 'B': push(span(Kind::bytes, number<uint32_t>())); break;   // BINBYTES
      case 0x8e: push(span(Kind::bytes, number<uint64_t>())); break;  // BINBYTES8
      case 0x96: push(span(Kind::bytes, number<uint64_t>())); break;  // BYTEARRAY8
      case ')': push(sequence(Kind::tuple, {})); break;
      case 0x85: push(sequence(Kind::tuple, taken(1))); break;
      case 0x86: push(sequence(Kind::tuple, taken(2))); break;
      case 0x87: push(sequence(Kind::tuple, taken(3))); break;
      case 't': push(sequence(Kind::tuple, pop_to_mark())); break;
      case ']': push(sequence(Kind::list, {})); break;   // EMPTY_LIST
      case 0x8f: push(sequence(Kind::list, {})); break;  // EMPTY_SET
      case 'l': push(sequence(Kind::list, pop_to_mark())); break;
      case 0x91: push(sequence(Kind::list, pop_to_mark())); break;  // FROZENSET
      case '}': push(sequence(Kind::dict, {})); break;
      default: return further(code);
    }
    return true;
  }

  bool further(uint8_t code) {
    switch (code) {
      case 'd': {  // DICT
        const Sequence items = pop_to_mark();
        push(sequence(Kind::dict, {}));
        add_pairs(items);
        break;
      }
      case 'a': {  // APPEND
        const Value item = pop();
        add_items(top(), {item});
        break;
      }
      case 'e':     // APPENDS
      case 0x90: {  // ADDITEMS
        const Sequence items = pop_to_mark();
        add_items(top(), items);
        break;
      }
      case 's': add_pairs(taken(2)); break;  // SETITEM
      case 'u': {                            // SETITEMS
        const Sequence items = pop_to_mark();
        add_pairs(items);
        break;
      }
      case 'c': {  // GLOBAL
        const std::string_view module = line();
        global(module, line());
        break;
      }
      case 0x93: stack_global(); break;
      case 'R':     // REDUCE
      case 0x81: {  // NEWOBJ
        const Value arguments = pop(), callable = pop();
        object(callable, arguments);
        break;
      }
      case 0x92: {  // NEWOBJ_EX
        pop();
        const Value arguments = pop(), callable = pop();
        object(callable, arguments);
        break;
      }
      case 'b': build(); break;
      case 'Q': {  // BINPERSID
        const Value id = pop();
        require(id.kind == Kind::tuple, "refers to something outside by no tuple");
        take(sizeof(Value));
        to_.persistents_.push_back({Kind::persistent, id.index});
        push(to_.persistents_.back());
        break;
      }
      case 'q': memoize(byte()); break;
      case 'r': memoize(number<uint32_t>()); break;
      case 0x94: memoize(memo_.size()); break;  // MEMOIZE
      case 'h': recall(byte()); break;
      case 'j': recall(number<uint32_t>()); break;
      default:
        require(false, "holds the code ", static_cast<int>(code),
                ", which no pickle of protocols 2 to 5 needs for weights");
    }
    return true;
  }

  Pickle& to_;
  uint64_t memory_;
  Sequence stack_, memo_;
  std::vector<size_t> marks_;
  size_t high_water_ = 0;
};

Pickle::Pickle(std::span<const uint8_t> bytes, uint64_t memory) : bytes_(bytes) {
  Machine(*this, memory).run();
}

bool Pickle::is_text(const Value& v, std::string_view wanted) const {
  return v.kind == Kind::text && text(v) == wanted;
}

std::string Pickle::name(const Value& v) const {
  if (v.kind != Kind::global) return "a value that is no class";
  return shown_name(std::string(global(v).module)) + "." + shown_name(std::string(global(v).name));
}

const Value* Pickle::find(const Value& dict, std::string_view key) const {
  if (dict.kind != Kind::dict) return nullptr;
  const Sequence& pairs = items(dict);
  for (size_t i = pairs.size(); i >= 2; i -= 2)  // the last of equal keys holds
    if (is_text(pairs[i - 2], key)) return &pairs[i - 1];
  return nullptr;
}

}  // namespace gsx::pickle
