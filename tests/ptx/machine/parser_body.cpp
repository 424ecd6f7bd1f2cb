// Statements and their operands.
#include <cctype>
#include <utility>

#include "tests/ptx/machine/parser.h"

namespace gsx::ptx {
namespace {

bool is_special(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "%tid.",   "%ntid.",   "%ctaid.",   "%nctaid.",           "%laneid",
      "%warpid", "%nwarpid", "%lanemask", "%dynamic_smem_size", "%total_smem_size",
  };
  for (const std::string_view known : kNames) {
    if (name.substr(0, known.size()) == known) return true;
  }
  return false;
}

class BodyParser {
 public:
  BodyParser(Cursor& in, const Module& module, Function& function, Scopes& scopes)
      : in_(in), module_(module), function_(function), scopes_(scopes) {}

  void run() {
    for (int depth = 0;;) {
      if (in_.accept('{')) {
        scopes_.open();
        ++depth;
      } else if (in_.accept('}')) {
        if (depth-- == 0) return;
        std::string missing;
        scopes_.close(missing);  // not the function's own: nothing can be missing yet
      } else {
        line();
      }
    }
  }

 private:
  void line() {
    const Token& token = in_.peek();
    if (token.kind == Token::word && in_.peek(1).is(':')) {
      const std::string name(in_.next().text);
      in_.next();
      if (in_.peek().is(".branchtargets")) {
        branch_targets(name);
      } else {
        scopes_.declare_label(name);
      }
    } else if (token.kind == Token::word && token.text[0] == '.') {
      directive();
    } else if (token.kind == Token::word || token.is('@')) {
      statement();
    } else if (!in_.accept(';')) {
      in_.fail("unexpected '" + std::string(token.text) + "'");
    }
  }

  void branch_targets(const std::string& name) {
    in_.next();
    std::vector<std::string> labels;
    do labels.emplace_back(in_.next().text);
    while (in_.accept(','));
    in_.expect(';');
    scopes_.declare_targets(name, labels);
  }

  void directive() {
    const std::string name(in_.next().text);
    if (name == ".reg") {
      registers();
    } else if (name == ".local" || name == ".shared" || name == ".param") {
      scopes_.declare_variable(parse_variable(in_, *parse_space(std::string_view(name).substr(1))));
      in_.expect(';');
    } else if (name == ".loc") {
      location();
    } else if (name == ".pragma") {
      while (!in_.accept(';')) in_.next();
    } else {
      in_.fail("unknown directive " + name);
    }
  }

  void registers() {
    const auto type = parse_type(in_.next().text.substr(1));
    if (!type) in_.fail("unknown type of registers");
    do {
      const std::string name(in_.next().text);
      if (in_.accept('<')) {
        scopes_.declare_family(name, static_cast<int>(in_.integer()), *type);
        in_.expect('>');
      } else {
        scopes_.declare_register(name, *type);
      }
    } while (in_.accept(','));
    in_.expect(';');
  }

  // .loc file line column[, function_name label[+n], inlined_at file line column]
  void location() {
    file_ = static_cast<int>(in_.integer());
    line_ = static_cast<int>(in_.integer());
    in_.integer();
    while (in_.accept(',')) {
      const bool inlined = in_.next().is("inlined_at");
      if (inlined) {
        for (int i = 0; i < 3; ++i) in_.integer();
      } else {
        in_.next();
        if (in_.accept('+')) in_.integer();
      }
    }
  }

  void statement() {
    Statement statement;
    statement.line = in_.peek().line;
    statement.source_file = file_;
    statement.source_line = line_;
    if (in_.accept('@')) {
      statement.guard_negated = in_.accept('!');
      const Operand guard = scopes_.resolve(std::string(in_.next().text), -1, 0);
      if (guard.kind != Operand::reg) in_.fail("a guard must be a predicate register");
      statement.guard = guard.id;
    }
    statement.opcode = std::string(in_.next().text);
    while (in_.accept(':')) statement.opcode += "::" + second_part();
    while (!in_.accept(';')) {
      statement.operands.push_back(operand(static_cast<int>(statement.operands.size())));
      if (!in_.peek().is(';')) in_.expect(',');
    }
    function_.body.push_back(std::move(statement));
  }

  std::string second_part() {  // of a modifier such as .shared::cta or .L2::128B
    in_.expect(':');
    std::string part(in_.next().text);
    if (in_.peek().kind == Token::word) part += std::string(in_.next().text);
    return part;
  }

  std::vector<Operand> operands_until(char close) {
    std::vector<Operand> found;
    while (!in_.accept(close)) {
      found.push_back(operand(-1));
      in_.accept(',');
    }
    return found;
  }

  Operand operand(int index) {
    Operand result;
    if (in_.accept('{')) {
      result.kind = Operand::vector;
      result.elements = operands_until('}');
    } else if (in_.accept('(')) {
      result.kind = Operand::list;
      result.elements = operands_until(')');
    } else if (in_.accept('[')) {
      result.kind = Operand::memory;
      result.elements.push_back(operand(-1));
      in_.expect(']');
      std::swap(result.value, result.elements[0].value);
      if (result.elements[0].kind == Operand::integer) {
        std::swap(result.value, result.elements[0].value);
      }
    } else if (in_.accept('!')) {
      result = operand(-1);
      result.negated = true;
    } else if (in_.accept('-')) {
      result = parse_number(in_, true);
    } else if (in_.peek().kind == Token::number) {
      result = parse_number(in_, false);
    } else {
      result = named(index);
    }
    return result;
  }

  Operand named(int index) {
    const std::string name(in_.next().text);
    Operand result;
    if (name == "_") {
      result.kind = Operand::sink;
    } else if (is_special(name)) {
      result.kind = Operand::special;
      result.text = name;
    } else if (!module_symbol(name, result)) {
      result = scopes_.resolve(name, static_cast<int>(function_.body.size()), index);
      if (result.kind == Operand::label && index < 0) in_.fail("unknown name " + name);
    }
    if (in_.peek().is('+') || in_.peek().is('-')) {  // symbol+8, and inside [ ] also register+8
      const bool negative = in_.next().is('-');
      const int64_t offset = in_.integer();
      result.value = negative ? -offset : offset;
    }
    if (in_.accept('|')) {
      Operand pair;
      pair.kind = Operand::pair;
      pair.elements = {result, operand(-1)};
      return pair;
    }
    return result;
  }

  bool module_symbol(const std::string& name, Operand& result) {
    for (size_t i = 0; i < module_.variables.size(); ++i) {
      if (module_.variables[i].name != name) continue;
      result.kind = Operand::symbol;
      result.of_module = true;
      result.id = static_cast<int>(i);
      return true;
    }
    for (const Function& function : module_.functions) {
      if (function.name != name) continue;
      result.kind = Operand::function;
      result.text = name;
      return true;
    }
    return false;
  }

  Cursor& in_;
  const Module& module_;
  Function& function_;
  Scopes& scopes_;
  int file_ = 0, line_ = 0;
};

}  // namespace

void parse_body(Cursor& in, const Module& module, Function& function, Scopes& scopes) {
  BodyParser(in, module, function, scopes).run();
}

}  // namespace gsx::ptx
