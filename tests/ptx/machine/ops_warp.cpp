// What the lanes of a warp do together: shfl vote match redux bar.warp activemask.
#include <algorithm>

#include "tests/ptx/machine/decoder.h"
#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {
namespace {

enum Shuffle : uint8_t { kUp, kDown, kButterfly, kIndex };

// The lane that `lane` reads from, and whether it is inside the segment (else the lane itself).
int source_lane(Shuffle mode, int lane, uint32_t b, uint32_t c, bool& inside) {
  const int distance = static_cast<int>(b & 31), clamp = static_cast<int>(c & 31);
  const int segment = static_cast<int>(c >> 8 & 31);
  const int lowest = lane & segment, highest = lowest | (clamp & ~segment);
  int from = 0;
  switch (mode) {
    case kUp: from = lane - distance; break;
    case kDown: from = lane + distance; break;
    case kButterfly: from = lane ^ distance; break;
    case kIndex: from = lowest | (distance & ~segment); break;
  }
  inside = mode == kUp ? from >= highest : from <= highest;
  return inside ? from : lane;
}

// d = a of another lane; e: predicate, when count is 2; list2: the mode.
void shuffle(Warp& w, const Instruction& i, uint32_t mask) {
  uint32_t before[kLanes];
  std::copy_n(lanes<uint32_t>(w, i.a), kLanes, before);
  const uint32_t* b = lanes<uint32_t>(w, i.b);
  const uint32_t* c = lanes<uint32_t>(w, i.c);
  uint32_t result[kLanes], insides = 0;
  for (uint32_t m = mask; m; m &= m - 1) {
    const int lane = std::countr_zero(m);
    bool inside = false;
    const int from = source_lane(static_cast<Shuffle>(i.list2), lane, b[lane], c[lane], inside);
    if (!(mask >> from & 1)) {
      throw Fault{"reads lane " + std::to_string(from) + ", which does not take part", lane};
    }
    result[lane] = before[from];
    insides |= static_cast<uint32_t>(inside) << lane;
  }
  uint32_t* d = lanes<uint32_t>(w, i.d);
  for_lanes(mask, [&](int lane) { d[lane] = result[lane]; });
  if (i.count == 2) predicate(w, i.e) = (predicate(w, i.e) & ~mask) | (insides & mask);
}

void members(Decoder& d, size_t operand) {
  d.out.flow = Flow::warp_sync;
  d.out.value = d.source(operand, Type::b32);
}

void result_and_predicate(Decoder& d) {
  const Operand& result = d.operand(0);
  if (result.kind == Operand::pair) {
    d.out.d = d.target(result.elements[0]);
    d.out.e = d.target(result.elements[1]);
    d.out.count = 2;
  } else {
    d.out.d = d.target(0);
  }
}

void decode_shfl(Decoder& d) {
  d.require(d.take("sync"));
  if (d.take("up")) d.out.list2 = kUp;
  else if (d.take("down")) d.out.list2 = kDown;
  else if (d.take("bfly")) d.out.list2 = kButterfly;
  else if (d.take("idx")) d.out.list2 = kIndex;
  else d.unknown();
  d.require(d.type() == Type::b32);
  result_and_predicate(d);
  d.out.a = d.source(1, Type::b32);
  d.out.b = d.source(2, Type::b32);
  d.out.c = d.source(3, Type::b32);
  members(d, 4);
  d.out.run = shuffle;
}

void ballot(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t votes = (predicate(w, i.a) ^ (i.a_negated ? kAllLanes : 0)) & mask;
  uint32_t* d = lanes<uint32_t>(w, i.d);
  for_lanes(mask, [=](int lane) { d[lane] = votes; });
}

enum Vote : uint8_t { kAll, kAny, kUniform };

void vote(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t votes = (predicate(w, i.a) ^ (i.a_negated ? kAllLanes : 0)) & mask;
  const bool holds = (i.list2 == kAll && votes == mask) || (i.list2 == kAny && votes != 0) ||
                     (i.list2 == kUniform && (votes == mask || votes == 0));
  predicate(w, i.d) = (predicate(w, i.d) & ~mask) | (holds ? mask : 0);
}

void decode_vote(Decoder& d) {
  d.require(d.take("sync"));
  if (d.take("ballot")) {
    d.require(d.type() == Type::b32);
    d.out.run = ballot;
  } else {
    if (d.take("all")) d.out.list2 = kAll;
    else if (d.take("any")) d.out.list2 = kAny;
    else if (d.take("uni")) d.out.list2 = kUniform;
    else d.unknown();
    d.require(d.type() == Type::pred);
    d.out.run = vote;
  }
  d.out.d = d.target(0);
  d.out.a = d.predicate(1, d.out.a_negated);
  members(d, 2);
}

// match.any: the lanes that hold the same value; match.all: all lanes, or 0 unless all agree.
void match(Warp& w, const Instruction& i, uint32_t mask) {
  const bool wide = i.c != 0, all = i.list2 != 0;
  const auto value = [&](int lane) {
    return wide ? lanes<uint64_t>(w, i.a)[lane] : uint64_t{lanes<uint32_t>(w, i.a)[lane]};
  };
  uint32_t result[kLanes] = {}, agrees = 0;
  for (uint32_t m = mask; m; m &= m - 1) {
    const int lane = std::countr_zero(m);
    for (uint32_t n = mask; n; n &= n - 1) {
      const int other = std::countr_zero(n);
      if (value(other) == value(lane)) result[lane] |= 1u << other;
    }
    if (result[lane] == mask) agrees |= 1u << lane;
    else if (all) result[lane] = 0;
  }
  for_lanes(mask, [&](int lane) { lanes<uint32_t>(w, i.d)[lane] = result[lane]; });
  if (i.count == 2) predicate(w, i.e) = (predicate(w, i.e) & ~mask) | agrees;
}

void decode_match(Decoder& d) {
  const bool all = d.take("all");
  d.require(all || d.take("any"));
  d.out.list2 = all ? 1 : 0;
  d.require(d.take("sync"));
  const Type type = d.type();
  result_and_predicate(d);
  d.out.a = d.source(1, type);
  d.out.c = type == Type::b64 ? 1 : 0;
  members(d, 2);
  d.out.run = match;
}

template <class T, class F>
void reduce(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t* a = lanes<uint32_t>(w, i.a);
  auto result = static_cast<T>(a[std::countr_zero(mask)]);
  for (uint32_t m = mask & (mask - 1); m; m &= m - 1) {
    result = F{}(result, static_cast<T>(a[std::countr_zero(m)]));
  }
  uint32_t* d = lanes<uint32_t>(w, i.d);
  for_lanes(mask, [=](int lane) { d[lane] = static_cast<uint32_t>(result); });
}

struct Smaller {
  template <class T>
  T operator()(T a, T b) const {
    return std::min(a, b);
  }
};
struct Larger {
  template <class T>
  T operator()(T a, T b) const {
    return std::max(a, b);
  }
};

void decode_redux(Decoder& d) {
  d.require(d.take("sync"));
  const std::string_view operation = d.modifier();
  const Type type = d.type();
  const bool with_sign = type == Type::s32;
  if (operation == "add") d.out.run = reduce<uint32_t, std::plus<>>;
  if (operation == "and") d.out.run = reduce<uint32_t, std::bit_and<>>;
  if (operation == "or") d.out.run = reduce<uint32_t, std::bit_or<>>;
  if (operation == "xor") d.out.run = reduce<uint32_t, std::bit_xor<>>;
  if (operation == "min") {
    d.out.run = with_sign ? reduce<int32_t, Smaller> : reduce<uint32_t, Smaller>;
  }
  if (operation == "max") {
    d.out.run = with_sign ? reduce<int32_t, Larger> : reduce<uint32_t, Larger>;
  }
  d.out.d = d.target(0);
  d.out.a = d.source(1, type);
  members(d, 2);
}

void active_mask(Warp& w, const Instruction& i, uint32_t mask) {
  uint32_t* d = lanes<uint32_t>(w, i.d);
  for_lanes(mask, [=](int lane) { d[lane] = mask; });
}

void decode_activemask(Decoder& d) {
  d.require(d.type() == Type::b32);
  d.out.run = active_mask;
  d.out.d = d.target(0);
}

}  // namespace

void add_warp(DecodeTable& table) {
  table["shfl"] = decode_shfl;
  table["vote"] = decode_vote;
  table["match"] = decode_match;
  table["redux"] = decode_redux;
  table["activemask"] = decode_activemask;
}

// bar.warp.sync shares its name with the barriers of a block: ops_control.cpp asks here.
void decode_warp_barrier(Decoder& d) {
  members(d, 0);
  d.out.run = [](Warp&, const Instruction&, uint32_t) {};
}

}  // namespace gsx::ptx
