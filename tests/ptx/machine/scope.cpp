// Innermost block first; labels that a block lacks are asked of the block around it.
#include "tests/ptx/machine/scope.h"

#include <cctype>
#include <utility>

namespace gsx::ptx {

bool Scopes::close(std::string& missing) {
  Block block = std::move(stack_.back());
  stack_.pop_back();
  for (Pending& pending : block.pending) {
    const auto label = block.labels.find(pending.name);
    const auto targets = block.targets.find(pending.name);
    if (label != block.labels.end()) {
      settle(pending, label->second);
    } else if (targets != block.targets.end()) {
      settle(pending, targets->second);
    } else if (stack_.empty()) {
      missing = pending.name;
      return false;
    } else {
      stack_.back().pending.push_back(std::move(pending));
    }
  }
  return true;
}

void Scopes::settle(const Pending& pending, int label) {
  if (pending.statement < 0) {
    function_.targets[pending.targets][pending.place] = label;
  } else {
    function_.body[pending.statement].operands[pending.operand].id = label;
  }
}

void Scopes::declare_register(const std::string& name, Type type) {
  stack_.back().registers[name] = static_cast<int>(function_.registers.size());
  function_.registers.push_back({name, type});
}

void Scopes::declare_family(const std::string& prefix, int count, Type type) {
  stack_.back().families[prefix] = {count, type};
}

int Scopes::declare_variable(Variable variable) {
  const int id = static_cast<int>(function_.variables.size());
  stack_.back().variables[variable.name] = id;
  function_.variables.push_back(std::move(variable));
  return id;
}

int Scopes::declare_targets(const std::string& name, const std::vector<std::string>& labels) {
  const int id = static_cast<int>(function_.targets.size());
  stack_.back().targets[name] = id;
  function_.targets.emplace_back(labels.size(), -1);
  for (size_t i = 0; i < labels.size(); ++i) {
    stack_.back().pending.push_back({labels[i], -1, 0, id, static_cast<int>(i)});
  }
  return id;
}

void Scopes::declare_label(const std::string& name) {
  stack_.back().labels[name] = static_cast<int>(function_.labels.size());
  function_.labels.push_back(static_cast<int>(function_.body.size()));
}

int Scopes::find_register(const std::string& name) {
  size_t digits = name.size();
  while (digits > 0 && std::isdigit(static_cast<unsigned char>(name[digits - 1]))) --digits;
  const std::string prefix = name.substr(0, digits);
  for (size_t i = stack_.size(); i-- > 0;) {
    Block& block = stack_[i];
    if (const auto found = block.registers.find(name); found != block.registers.end()) {
      return found->second;
    }
    const auto family = block.families.find(prefix);
    if (family == block.families.end() || digits == name.size()) continue;
    if (std::stol(name.substr(digits)) >= family->second.count) continue;
    const int id = static_cast<int>(function_.registers.size());
    block.registers[name] = id;
    function_.registers.push_back({name, family->second.type});
    return id;
  }
  return -1;
}

Operand Scopes::resolve(const std::string& name, int statement, int operand) {
  Operand found;
  if (const int id = find_register(name); id >= 0) {
    found.kind = Operand::reg;
    found.id = id;
    return found;
  }
  for (size_t i = stack_.size(); i-- > 0;) {
    const auto variable = stack_[i].variables.find(name);
    if (variable == stack_[i].variables.end()) continue;
    found.kind = Operand::symbol;
    found.id = variable->second;
    return found;
  }
  found.kind = Operand::label;
  found.text = name;
  stack_.back().pending.push_back({name, statement, operand});
  return found;
}

}  // namespace gsx::ptx
