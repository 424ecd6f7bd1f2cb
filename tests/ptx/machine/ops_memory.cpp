// ld and st in all state spaces, with vectors. prefetch and fences do nothing here.
#include "tests/ptx/machine/address.h"
#include "tests/ptx/machine/decoder.h"
#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {

namespace {

[[noreturn]] void outside(const char* what, uint64_t address, uint32_t bytes, size_t size,
                          const char* name, int lane) {
  throw Fault{what + std::to_string(bytes) + " bytes at offset " + std::to_string(address) +
                  " of " + std::to_string(size) + " bytes of " + name + " memory",
              lane};
}

inline void check(uint64_t address, uint32_t bytes, size_t size, const char* name, int lane) {
  if (address > size || size - address < bytes) {
    outside("out of bounds: ", address, bytes, size, name, lane);
  }
  if (address % bytes != 0) outside("misaligned: ", address, bytes, size, name, lane);
}

Space space_of(uint64_t generic) {
  if (generic & kSharedWindow) return Space::shared;
  if (generic & kLocalWindow) return Space::local;
  return generic & kParamWindow ? Space::param : Space::global;
}

}  // namespace

std::byte* locate(Warp& w, Space space, Access kind, uint64_t address, uint32_t bytes, int lane) {
  if (space == Space::generic) {
    space = space_of(address);
    address &= ~kWindowMask;
  }
  if (space == Space::shared) {
    check(address, bytes, w.block->shared.size(), "shared", lane);
    return w.block->shared.data() + address;
  }
  if (space == Space::local) {
    const size_t size = w.kernel->local_bytes;
    check(address, bytes, size, "local", lane);
    return w.local.data() + static_cast<size_t>(lane) * size + address;
  }
  if (space == Space::param) {
    check(address, bytes, w.kernel->param_bytes, "parameter", lane);
    if (kind == Access::write) throw Fault{"a write to a parameter", lane};
    return const_cast<std::byte*>(w.block->launch->params.data()) + address;
  }
  std::string what;
  std::byte* const found =
      w.block->memory->access(address, bytes, bytes, kind, w.block->number, what);
  if (!found) throw Fault{what, lane};
  return found;
}

namespace {

// M: the type in memory; kSpace as far as it is known; registers are wide when e is set.
template <class M, Space kSpace, Access kAccess>
void load(Warp& w, const Instruction& i, uint32_t mask) {
  const bool wide_address = i.b != 0, wide_target = i.e != 0;
  for (uint32_t m = mask; m; m &= m - 1) {
    const int lane = std::countr_zero(m);
    const uint64_t address = address_of(w, i, wide_address, lane);
    const auto bytes = static_cast<uint32_t>(sizeof(M) * i.count);
    const std::byte* from = locate(w, kSpace, kAccess, address, bytes, lane);
    for (int k = 0; k < i.count; ++k) {
      M value;
      std::memcpy(&value, from + sizeof(M) * k, sizeof value);
      const uint32_t at = w.kernel->lists[i.list + k];
      // Signed types extend into the register.
      if (wide_target) lanes<uint64_t>(w, at)[lane] = static_cast<uint64_t>(value);
      else lanes<uint32_t>(w, at)[lane] = static_cast<uint32_t>(value);
    }
  }
}

template <class M, Space kSpace>
void store(Warp& w, const Instruction& i, uint32_t mask) {
  const bool wide_address = i.b != 0, wide_source = i.e != 0;
  for (uint32_t m = mask; m; m &= m - 1) {
    const int lane = std::countr_zero(m);
    const uint64_t address = address_of(w, i, wide_address, lane);
    const auto bytes = static_cast<uint32_t>(sizeof(M) * i.count);
    std::byte* to = locate(w, kSpace, Access::write, address, bytes, lane);
    for (int k = 0; k < i.count; ++k) {
      const uint32_t at = w.kernel->lists[i.list + k];
      const M value = wide_source ? static_cast<M>(lanes<uint64_t>(w, at)[lane])
                                  : static_cast<M>(lanes<uint32_t>(w, at)[lane]);
      std::memcpy(to + sizeof(M) * k, &value, sizeof value);
    }
  }
}

template <class M>
Handler load_of(Space space, Access access) {
  switch (space) {
    case Space::global:
      return access == Access::read ? load<M, Space::global, Access::read>
                                    : load<M, Space::global, Access::read_only_path>;
    case Space::shared: return load<M, Space::shared, Access::read>;
    case Space::local: return load<M, Space::local, Access::read>;
    case Space::param: return load<M, Space::param, Access::read>;
    case Space::constant: return load<M, Space::constant, Access::read>;
    default: return load<M, Space::generic, Access::read>;
  }
}

template <class M>
Handler store_of(Space space) {
  switch (space) {
    case Space::global: return store<M, Space::global>;
    case Space::shared: return store<M, Space::shared>;
    case Space::local: return store<M, Space::local>;
    case Space::generic: return store<M, Space::generic>;
    default: return nullptr;
  }
}

// Calls f(M{}) with the C++ type that moves a PTX type; signed only where registers are extended.
template <class F>
void with_memory_type(Type type, const F& f) {
  switch (type) {
    case Type::s8: return f(int8_t{});
    case Type::s16: return f(int16_t{});
    case Type::s32: return f(int32_t{});
    default: break;
  }
  switch (bytes_of(type)) {
    case 1: return f(uint8_t{});
    case 2: return f(uint16_t{});
    case 4: return f(uint32_t{});
    default: return f(uint64_t{});
  }
}

// Hints about caches and order that change no result here.
void skip_hints(Decoder& d) {
  static constexpr std::string_view kHints[] = {
      "volatile",
      "relaxed",
      "weak",
      "gpu",
      "cta",
      "ca",
      "cg",
      "cs",
      "lu",
      "cv",
      "wb",
      "wt",
      "L1::evict_last",
      "L1::no_allocate",
      "L1::evict_first",
      "L2::64B",
      "L2::128B",
      "L2::256B",
  };
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view hint : kHints) again = d.take(hint) || again;
  }
}

uint16_t take_vector(Decoder& d) { return d.take("v2") ? 2 : d.take("v4") ? 4 : 1; }

void decode_ld(Decoder& d) {
  skip_hints(d);
  Space space = d.space();
  skip_hints(d);
  const Access access = d.take("nc") ? Access::read_only_path : Access::read;
  skip_hints(d);
  d.out.count = take_vector(d);
  const Type type = d.type();
  bool wide = false;
  int width = 4;
  // Parameters of device functions lie in local memory.
  if (space == Space::param && !d.is_param_of_entry(d.operand(1))) space = Space::local;
  d.address(1, space, wide);
  d.out.b = wide ? 1 : 0;
  d.out.list = d.targets(d.operand(0), &width);
  d.out.e = width == 8 ? 1 : 0;
  with_memory_type(type, [&](auto m) { d.out.run = load_of<decltype(m)>(space, access); });
}

void decode_st(Decoder& d) {
  skip_hints(d);
  Space space = d.space();
  skip_hints(d);
  d.out.count = take_vector(d);
  const Type type = d.type();
  bool wide = false;
  if (space == Space::param) space = Space::local;
  d.address(0, space, wide);
  d.out.b = wide ? 1 : 0;
  const Operand& source = d.operand(1);
  d.out.list = d.sources(source, type);
  const Operand& first = source.kind == Operand::vector ? source.elements[0] : source;
  const bool literal = first.kind != Operand::reg && first.kind != Operand::special;
  d.out.e = (literal ? bytes_of(type) == 8 : d.width_of(first) == 8) ? 1 : 0;
  with_memory_type(type, [&](auto m) { d.out.run = store_of<decltype(m)>(space); });
}

void nothing(Warp&, const Instruction&, uint32_t) {}

void decode_fence(Decoder& d) {  // fence membar
  while (!d.finished()) d.modifier();
  d.out.run = nothing;
}

}  // namespace

void add_memory(DecodeTable& table) {
  table["ld"] = decode_ld;
  table["st"] = decode_st;
  table["fence"] = table["membar"] = decode_fence;
}

}  // namespace gsx::ptx
