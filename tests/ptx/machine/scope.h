// The names of a function while it is parsed: registers, variables and labels of nested { } blocks.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/ptx/machine/module.h"

namespace gsx::ptx {

class Scopes {
 public:
  explicit Scopes(Function& function) : function_(function) { open(); }

  void open() { stack_.emplace_back(); }
  // Closes the innermost block; false when a label of the whole function is missing, which is then
  // named in `missing`.
  bool close(std::string& missing);

  void declare_register(const std::string& name, Type type);
  void declare_family(const std::string& prefix, int count, Type type);
  int declare_variable(Variable variable);
  int declare_targets(const std::string& name, const std::vector<std::string>& labels);
  void declare_label(const std::string& name);

  // The register, variable, or else the label `name`, which may be declared later. `statement` and
  // `operand` say where the answer belongs; the operand is not moved afterwards.
  Operand resolve(const std::string& name, int statement, int operand);

 private:
  struct Family {
    int count;
    Type type;
  };
  struct Pending {  // a label used before it is known
    std::string name;
    int statement, operand;       // or, with statement < 0:
    int targets = -1, place = 0;  // a place in a list of branch targets
  };
  struct Block {
    std::map<std::string, int> registers, variables, labels, targets;
    std::map<std::string, Family, std::less<>> families;
    std::vector<Pending> pending;
  };

  int find_register(const std::string& name);
  void settle(const Pending& pending, int label);

  Function& function_;
  std::vector<Block> stack_;
};

}  // namespace gsx::ptx
