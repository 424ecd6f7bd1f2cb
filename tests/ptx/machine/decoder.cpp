// Modifiers and operands of one statement.
#include "tests/ptx/machine/decoder.h"

#include <bit>

#include "tests/ptx/machine/compiler.h"

namespace gsx::ptx {

Decoder::Decoder(Compiler& compiler, Frame& frame, const Statement& statement, size_t instruction)
    : out(compiler.kernel().code[instruction]),
      compiler_(compiler),
      frame_(frame),
      statement_(statement),
      instruction_(instruction) {
  const std::string_view opcode = statement.opcode;
  for (size_t at = 0; at <= opcode.size();) {
    const size_t dot = std::min(opcode.find('.', at), opcode.size());
    parts_.push_back(opcode.substr(at, dot - at));
    at = dot + 1;
  }
}

void Decoder::fail(const std::string& what) const {
  compiler_.fail(statement_, what + " in " + statement_.opcode);
}

void Decoder::unknown() const {
  compiler_.fail(statement_, "unknown instruction " + statement_.opcode);
}

bool Decoder::take(std::string_view modifier) {
  if (finished() || parts_[at_] != modifier) return false;
  ++at_;
  return true;
}

Type Decoder::type() {
  const auto type = finished() ? std::nullopt : parse_type(parts_[at_]);
  if (!type) unknown();
  ++at_;
  return *type;
}

std::string_view Decoder::modifier() {
  if (finished()) unknown();
  return parts_[at_++];
}

Space Decoder::space() {
  if (finished()) return Space::generic;
  std::string_view name = parts_[at_];
  if (name == "shared::cta") name = "shared";
  const auto space = parse_space(name);
  if (!space) return Space::generic;
  ++at_;
  return *space;
}

const Operand& Decoder::operand(size_t index) const {
  if (index >= statement_.operands.size()) fail("too few operands");
  return statement_.operands[index];
}

int Decoder::width_of(const Operand& operand) const {
  if (operand.kind != Operand::reg) return 4;
  const Type type = frame_.function->registers[static_cast<size_t>(operand.id)].type;
  return bytes_of(type) == 8 ? 8 : 4;
}

namespace {

// The bits of a literal as `type` wants them.
uint64_t literal_bits(const Operand& operand, Type type) {
  const auto bits = static_cast<uint64_t>(operand.value);
  if (operand.kind == Operand::real32) {
    if (type != Type::f64) return bits;
    return std::bit_cast<uint64_t>(
        static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits))));
  }
  if (operand.kind == Operand::real64 && type == Type::f32) {
    return std::bit_cast<uint32_t>(static_cast<float>(std::bit_cast<double>(bits)));
  }
  switch (bytes_of(type)) {
    case 1: return bits & 0xff;
    case 2: return bits & 0xffff;
    case 4: return bits & 0xffffffff;
    default: return bits;
  }
}

}  // namespace

uint32_t Decoder::source(const Operand& operand, Type type) {
  const bool wide = bytes_of(type) == 8;
  switch (operand.kind) {
    case Operand::reg: {
      // Only conversions and memory take registers wider than the type.
      const bool any = base() == "cvt" || base() == "st";
      if (!any && (width_of(operand) == 8) != wide) fail("an operand of another size");
      return compiler_.register_at(frame_, operand.id);
    }
    case Operand::integer:
    case Operand::real32:
    case Operand::real64: return compiler_.constant(literal_bits(operand, type), wide);
    case Operand::symbol:
      return compiler_.constant(
          compiler_.address(frame_, operand) + static_cast<uint64_t>(operand.value), wide);
    case Operand::special: {
      const uint32_t at = compiler_.special(operand.text);
      if (at == Frame::kUnknown || wide) fail("unknown register " + operand.text);
      return at;
    }
    default: fail("an operand of an unknown kind");
  }
}

uint32_t Decoder::predicate(size_t index, bool& negated) {
  const Operand& p = operand(index);
  negated = p.negated;
  if (p.kind == Operand::integer) return compiler_.constant(p.value ? kAllLanes : 0, false);
  if (p.kind != Operand::reg ||
      frame_.function->registers[static_cast<size_t>(p.id)].type != Type::pred) {
    fail("an operand that is no predicate");
  }
  return compiler_.register_at(frame_, p.id);
}

uint32_t Decoder::target(const Operand& operand, int* width) {
  if (width) *width = width_of(operand);
  if (operand.kind == Operand::sink) return compiler_.scratch();
  if (operand.kind != Operand::reg) fail("a result that is no register");
  return compiler_.register_at(frame_, operand.id);
}

uint32_t Decoder::sources(const Operand& operand, Type type) {
  std::vector<uint32_t> found;
  if (operand.kind == Operand::vector) {
    for (const Operand& element : operand.elements) found.push_back(source(element, type));
  } else {
    found.push_back(source(operand, type));
  }
  return add_list(found);
}

uint32_t Decoder::targets(const Operand& operand, int* width) {
  std::vector<uint32_t> found;
  if (operand.kind == Operand::vector) {
    for (const Operand& element : operand.elements) found.push_back(target(element, width));
  } else {
    found.push_back(target(operand, width));
  }
  return add_list(found);
}

uint32_t Decoder::add_list(const std::vector<uint32_t>& registers) {
  auto& lists = compiler_.kernel().lists;
  const auto at = static_cast<uint32_t>(lists.size());
  lists.insert(lists.end(), registers.begin(), registers.end());
  return at;
}

void Decoder::address(size_t index, Space space, bool& wide) {
  const Operand& memory = operand(index);
  if (memory.kind != Operand::memory) fail("an operand that is no address");
  const Operand& base_of = memory.elements[0];
  out.value = memory.value;
  if (base_of.kind == Operand::reg) {
    wide = width_of(base_of) == 8;
    if (!wide && space == Space::global) fail("a global address of 32 bits");
    out.a = compiler_.register_at(frame_, base_of.id);
  } else {
    wide = true;
    out.a = source(base_of, Type::u64);
  }
}

bool Decoder::is_param_of_entry(const Operand& memory) const {
  if (frame_.depth > 0 || memory.kind != Operand::memory) return false;
  const Operand& base_of = memory.elements[0];
  return base_of.kind != Operand::symbol || frame_.is_param(base_of.id);
}

int64_t Decoder::literal(size_t index) const {
  if (operand(index).kind != Operand::integer) fail("an operand that is no number");
  return operand(index).value;
}

int64_t Decoder::label(size_t index) {
  if (operand(index).kind != Operand::label) fail("an operand that is no label");
  frame_.fixups.push_back({false, instruction_, operand(index).id});
  return 0;
}

void Decoder::label_table(size_t index) {
  if (operand(index).kind != Operand::label) fail("an operand that is no table of labels");
  const auto& labels = frame_.function->targets[static_cast<size_t>(operand(index).id)];
  out.list = add_list(std::vector<uint32_t>(labels.size()));
  out.count = static_cast<uint16_t>(labels.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    frame_.fixups.push_back({true, out.list + i, labels[i]});
  }
}

}  // namespace gsx::ptx
