// mov in all its forms, and cvta between generic addresses and those of a state space.
#include "tests/ptx/machine/decoder.h"
#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {
namespace {

template <class T>
struct Same {
  T operator()(T a) const { return a; }
};

// {a, b, ...} -> d: `count` parts of `value` bits each.
void join_parts(Warp& w, const Instruction& i, uint32_t mask) {
  for_lanes(mask, [&](int lane) {
    uint64_t whole = 0;
    for (int k = 0; k < i.count; ++k) {
      whole |= uint64_t{lanes<uint32_t>(w, w.kernel->lists[i.list + k])[lane]} << (i.value * k);
    }
    if (i.value * i.count == 64) lanes<uint64_t>(w, i.d)[lane] = whole;
    else lanes<uint32_t>(w, i.d)[lane] = static_cast<uint32_t>(whole);
  });
}

void split_parts(Warp& w, const Instruction& i, uint32_t mask) {
  for_lanes(mask, [&](int lane) {
    const uint64_t whole =
        i.value * i.count == 64 ? lanes<uint64_t>(w, i.a)[lane] : lanes<uint32_t>(w, i.a)[lane];
    for (int k = 0; k < i.count; ++k) {
      const uint64_t part = whole >> (i.value * k) & ((uint64_t{1} << i.value) - 1);
      lanes<uint32_t>(w, w.kernel->lists[i.list + k])[lane] = static_cast<uint32_t>(part);
    }
  });
}

void move_predicate(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t a = predicate(w, i.a) ^ (i.a_negated ? kAllLanes : 0);
  predicate(w, i.d) = (predicate(w, i.d) & ~mask) | (a & mask);
}

void decode_mov(Decoder& d) {
  const Type type = d.type();
  const Operand &target = d.operand(0), &source = d.operand(1);
  if (type == Type::pred) {
    d.out.run = move_predicate;
    d.out.d = d.target(0);
    d.out.a = d.predicate(1, d.out.a_negated);
    return;
  }
  const auto parts = [&](const Operand& vector) {
    d.out.count = static_cast<uint8_t>(vector.elements.size());
    d.out.value = 8 * bytes_of(type) / d.out.count;
    d.require(d.out.value == 8 || d.out.value == 16 || d.out.value == 32);
  };
  if (source.kind == Operand::vector) {
    parts(source);
    d.out.run = join_parts;
    d.out.list = d.sources(source, d.out.value == 32 ? Type::b32 : Type::b16);
    d.out.d = d.target(0);
  } else if (target.kind == Operand::vector) {
    parts(target);
    d.out.run = split_parts;
    d.out.list = d.targets(target);
    d.out.a = d.source(1, type);
  } else {
    d.out.run = bytes_of(type) == 8 ? unary<Same<uint64_t>, uint64_t, uint64_t>
                                    : unary<Same<uint32_t>, uint32_t, uint32_t>;
    d.out.d = d.target(0);
    d.out.a = d.source(1, type);
  }
}

// Global and constant addresses are generic ones as they are.
template <bool kTo>
void convert_address(Warp& w, const Instruction& i, uint32_t mask) {
  const auto window = static_cast<uint64_t>(i.value);
  for_lanes(mask, [&](int lane) {
    const uint64_t a = lanes<uint64_t>(w, i.a)[lane];
    if (kTo && (a & kWindowMask) != window) {
      throw Fault{"the address is not in this state space", lane};
    }
    lanes<uint64_t>(w, i.d)[lane] = kTo ? a & ~window : a | window;
  });
}

void decode_cvta(Decoder& d) {
  const bool to = d.take("to");
  const Space space = d.space();
  d.require(space != Space::generic);
  d.require(d.type() == Type::u64);
  uint64_t window = 0;
  if (space == Space::shared) window = kSharedWindow;
  if (space == Space::local) window = kLocalWindow;
  if (space == Space::param) window = kParamWindow;
  d.out.value = static_cast<int64_t>(window);
  d.out.run = to ? convert_address<true> : convert_address<false>;
  if (to && window == 0) d.out.run = unary<Same<uint64_t>, uint64_t, uint64_t>;
  d.out.d = d.target(0);
  d.out.a = d.source(1, Type::u64);
}

}  // namespace

void add_move(DecodeTable& table) {
  table["mov"] = decode_mov;
  table["cvta"] = decode_cvta;
}

}  // namespace gsx::ptx
