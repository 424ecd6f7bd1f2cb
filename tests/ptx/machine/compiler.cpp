// Memory layout, calls, and the loop over statements; decoder.cpp resolves operands.
#include "tests/ptx/machine/compiler.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "tests/ptx/machine/machine.h"

namespace gsx::ptx {
namespace {

uint64_t align_up(uint64_t at, uint64_t align) { return (at + align - 1) / align * align; }

const DecodeTable& decoders() {
  static const DecodeTable table = [] {
    DecodeTable made;
    add_integer(made);
    add_bits(made);
    add_float(made);
    add_compare(made);
    add_convert(made);
    add_move(made);
    add_memory(made);
    add_async(made);
    add_warp(made);
    add_matrix(made);
    add_control(made);
    return made;
  }();
  return table;
}

void call_unknown(Warp&, const Instruction&, uint32_t mask) {
  throw Fault{"a function without a body is called (printf, a failed assert, ...)",
              std::countr_zero(mask)};
}

}  // namespace

Compiler::Compiler(const Module& module, const Addresses& addresses, Kernel& kernel)
    : module_(module), addresses_(addresses), kernel_(kernel) {
  kernel.module = &module;
  const auto place = [&](const Variable& variable) {
    shared_end_ = align_up(shared_end_, std::max(variable.align, 16u));
    const uint64_t at = shared_end_;
    shared_end_ += variable.bytes;
    return at;
  };
  for (const Variable& variable : module.variables) {
    shared_.push_back(variable.space == Space::shared && variable.bytes > 0 ? place(variable) : 0);
  }
  // Statically sized arrays inside functions follow; dynamic shared memory lies behind them all.
  uint64_t inside = 0;
  for (const Function& function : module.functions) {
    for (const Variable& variable : function.variables) {
      if (variable.space == Space::shared) inside += align_up(variable.bytes, 128) + 128;
    }
  }
  kernel.dynamic_shared_at = static_cast<uint32_t>(align_up(shared_end_ + inside, 128));
}

void Compiler::fail(const Statement& statement, const std::string& what) const {
  throw Error(module_.name + ":" + std::to_string(statement.line) + ": " + what);
}

uint32_t Compiler::allocate(uint32_t bytes) {
  const uint32_t at = kernel_.register_bytes;
  kernel_.register_bytes += bytes;
  return at;
}

uint32_t Compiler::register_at(Frame& frame, int id) {
  uint32_t& at = frame.registers[static_cast<size_t>(id)];
  if (at == Frame::kUnknown) {
    const Type type = frame.function->registers[static_cast<size_t>(id)].type;
    // Predicates take a whole cache line, so that the arrays of lanes stay aligned.
    at = allocate(type == Type::pred ? 64 : bytes_of(type) == 8 ? 8 * kLanes : 4 * kLanes);
  }
  return at;
}

uint32_t Compiler::constant(uint64_t value, bool wide) {
  if (!wide) value = static_cast<uint32_t>(value);
  const auto [found, isnew] = constants_.try_emplace({value, wide}, 0);
  if (isnew) {
    found->second = allocate(wide ? 8 * kLanes : 4 * kLanes);
    kernel_.constants.push_back({found->second, wide, value});
  }
  return found->second;
}

uint32_t Compiler::special(const std::string& name) {
  static const std::map<std::string, Special> kNames = {
      {"%tid.x", Special::tid_x},
      {"%tid.y", Special::tid_y},
      {"%tid.z", Special::tid_z},
      {"%ntid.x", Special::ntid_x},
      {"%ntid.y", Special::ntid_y},
      {"%ntid.z", Special::ntid_z},
      {"%ctaid.x", Special::ctaid_x},
      {"%ctaid.y", Special::ctaid_y},
      {"%ctaid.z", Special::ctaid_z},
      {"%nctaid.x", Special::nctaid_x},
      {"%nctaid.y", Special::nctaid_y},
      {"%nctaid.z", Special::nctaid_z},
      {"%laneid", Special::laneid},
      {"%warpid", Special::warpid},
      {"%nwarpid", Special::nwarpid},
      {"%lanemask_eq", Special::lanemask_eq},
      {"%lanemask_lt", Special::lanemask_lt},
      {"%lanemask_le", Special::lanemask_le},
      {"%lanemask_gt", Special::lanemask_gt},
      {"%lanemask_ge", Special::lanemask_ge},
      {"%dynamic_smem_size", Special::dynamic_shared},
  };
  const auto which = kNames.find(name);
  if (which == kNames.end()) return Frame::kUnknown;
  const auto [found, isnew] = specials_.try_emplace(which->second, 0);
  if (isnew) {
    found->second = allocate(4 * kLanes);
    kernel_.specials.push_back({which->second, found->second});
  }
  return found->second;
}

uint32_t Compiler::scratch() {
  if (scratch_ == Frame::kUnknown) scratch_ = allocate(8 * kLanes);
  return scratch_;
}

uint64_t Compiler::address(const Frame& frame, const Operand& symbol) const {
  const auto id = static_cast<size_t>(symbol.id);
  if (!symbol.of_module) return frame.variables[id];
  const Variable& variable = module_.variables[id];
  if (variable.space != Space::shared) return addresses_[id];
  return variable.bytes > 0 ? shared_[id] : kernel_.dynamic_shared_at;
}

// Parameters of the entry lie in the launch's parameters; all else of a function in local or shared
// memory. The callee's own parameters are placed by its caller.
void Compiler::place_variables(Frame& frame) {
  const Function& function = *frame.function;
  frame.variables.resize(function.variables.size());
  for (size_t i = 0; i < function.variables.size(); ++i) {
    const Variable& variable = function.variables[i];
    if (frame.is_param(static_cast<int>(i))) continue;
    if (variable.space == Space::shared) {
      shared_end_ = align_up(shared_end_, std::max(variable.align, 16u));
      frame.variables[i] = shared_end_;
      shared_end_ += variable.bytes;
      continue;
    }
    const uint64_t at = align_up(kernel_.local_bytes, variable.align);
    frame.variables[i] = at;
    // Multiples of 16 keep every lane's part as aligned as the first.
    kernel_.local_bytes = static_cast<uint32_t>(align_up(at + variable.bytes, 16));
  }
}

void Compiler::compile_entry(const Function& entry) {
  kernel_.name = entry.name;
  kernel_.most_threads = entry.most_threads;
  Frame frame;
  frame.function = &entry;
  place_variables(frame);
  for (const int id : entry.params) {
    const Variable& variable = entry.variables[static_cast<size_t>(id)];
    const auto at = static_cast<uint32_t>(align_up(kernel_.param_bytes, variable.align));
    frame.variables[static_cast<size_t>(id)] = at;
    kernel_.params.push_back({at, static_cast<uint32_t>(variable.bytes)});
    kernel_.param_bytes = at + static_cast<uint32_t>(variable.bytes);
  }
  emit(frame);
  Statement end;
  end.opcode = "exit";
  append(frame, end).flow = Flow::exit;
  kernel_.sites.back().opcode = "exit";
}

void Compiler::emit(Frame& frame) {
  frame.registers.assign(frame.function->registers.size(), Frame::kUnknown);
  for (const Statement& statement : frame.function->body) {
    frame.starts.push_back(static_cast<int64_t>(kernel_.code.size()));
    emit(frame, statement);
  }
  frame.starts.push_back(static_cast<int64_t>(kernel_.code.size()));
  for (const Frame::Fixup& fixup : frame.fixups) {
    const size_t statement =
        fixup.label == Frame::kEnd
            ? frame.function->body.size()
            : static_cast<size_t>(frame.function->labels[static_cast<size_t>(fixup.label)]);
    const int64_t target = frame.starts[statement];
    if (fixup.in_list) {
      kernel_.lists[fixup.at] = static_cast<uint32_t>(target);
    } else {
      kernel_.code[fixup.at].value = target;
    }
  }
}

Instruction& Compiler::append(Frame& frame, const Statement& statement) {
  kernel_.sites.push_back(
      {statement.opcode, statement.line, statement.source_file, statement.source_line});
  Instruction& made = kernel_.code.emplace_back();
  if (statement.guard >= 0) {
    made.guard = static_cast<int32_t>(register_at(frame, statement.guard));
    made.guard_negated = statement.guard_negated;
  }
  return made;
}

void Compiler::emit(Frame& frame, const Statement& statement) {
  const std::string_view base =
      std::string_view(statement.opcode).substr(0, statement.opcode.find('.'));
  if (base == "ret") return emit_return(frame, statement);
  if (base == "call") return emit_call(frame, statement);
  const auto decode = decoders().find(base);
  if (decode == decoders().end()) {
    fail(statement, "unknown instruction " + statement.opcode);
  }
  Instruction& made = append(frame, statement);
  Decoder decoder(*this, frame, statement, kernel_.code.size() - 1);
  decode->second(decoder);
  decoder.require(decoder.finished() && (made.run || made.flow != Flow::next));
}

void Compiler::emit_return(Frame& frame, const Statement& statement) {
  Instruction& made = append(frame, statement);
  if (frame.depth == 0) {
    made.flow = Flow::exit;
  } else {
    made.flow = Flow::branch;
    frame.fixups.push_back({false, kernel_.code.size() - 1, Frame::kEnd});
  }
}

void Compiler::emit_call(Frame& frame, const Statement& statement) {
  const auto& operands = statement.operands;
  const auto named = std::find_if(operands.begin(), operands.end(), [](const Operand& operand) {
    return operand.kind == Operand::function;
  });
  if (named == operands.end()) fail(statement, "a call through a pointer");
  const Function* callee = module_.find(named->text);
  if (!callee) {
    append(frame, statement).run = call_unknown;
    return;
  }
  if (frame.depth > 16) fail(statement, "recursive calls of " + named->text);
  // A guard becomes a branch around the callee's body.
  const size_t around = kernel_.code.size();
  if (statement.guard >= 0) {
    Instruction& skip = append(frame, statement);
    skip.guard_negated = !skip.guard_negated;
    skip.flow = Flow::branch;
  }
  Frame inner;
  inner.function = callee;
  inner.depth = frame.depth + 1;
  place_variables(inner);
  const auto bind = [&](const Operand* list, const std::vector<int>& variables) {
    const size_t given = list ? list->elements.size() : 0;
    if (given != variables.size()) fail(statement, "wrong number of arguments");
    for (size_t i = 0; i < given; ++i) {
      const Operand& argument = list->elements[i];
      if (argument.kind != Operand::symbol || argument.of_module) {
        fail(statement, "an argument that is no parameter variable");
      }
      inner.variables[static_cast<size_t>(variables[i])] = address(frame, argument);
    }
  };
  bind(named == operands.begin() ? nullptr : &operands[0], callee->results);
  bind(named + 1 == operands.end() ? nullptr : &*(named + 1), callee->params);
  emit(inner);
  if (statement.guard >= 0) {
    kernel_.code[around].value = static_cast<int64_t>(kernel_.code.size());
  }
}

Kernel compile(const Module& module, const Function& entry, const Addresses& addresses) {
  Kernel kernel;
  Compiler(module, addresses, kernel).compile_entry(entry);
  return kernel;
}

}  // namespace gsx::ptx
