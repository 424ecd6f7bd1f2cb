// Modules: directives, variables, functions. Statements are in parser_body.cpp.
#include "tests/ptx/machine/parser.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace gsx::ptx {

const Token& Cursor::peek(int ahead) const {
  return tokens_[std::min(at_ + static_cast<size_t>(ahead), tokens_.size() - 1)];
}

Token Cursor::next() {
  const Token token = peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool Cursor::accept(char c) {
  if (!peek().is(c)) return false;
  next();
  return true;
}

bool Cursor::accept(std::string_view word) {
  if (!peek().is(word)) return false;
  next();
  return true;
}

void Cursor::expect(char c) {
  if (!accept(c)) {
    fail("expected '" + std::string(1, c) + "' before '" + std::string(peek().text) + "'");
  }
}

int64_t Cursor::integer() {
  const bool negative = accept('-');
  const Operand number = parse_number(*this, negative);
  if (number.kind != Operand::integer) fail("expected an integer");
  return number.value;
}

void Cursor::fail(const std::string& what) const {
  throw Error(module_ + ":" + std::to_string(peek().line) + ": " + what);
}

const Function* Module::find(std::string_view function) const {
  const auto found = std::find_if(functions.begin(), functions.end(), [&](const Function& f) {
    return f.name == function && f.defined;
  });
  return found == functions.end() ? nullptr : &*found;
}

namespace {

uint64_t digits(const Cursor& in, std::string_view text, int base) {
  uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  const std::string_view rest(result.ptr, text.data() + text.size() - result.ptr);
  if (result.ec != std::errc() || (!rest.empty() && rest != "U")) {
    in.fail("malformed number " + std::string(text));
  }
  return value;
}

}  // namespace

Operand parse_number(Cursor& in, bool negative) {
  const Token token = in.next();
  if (token.kind != Token::number) in.fail("expected a number, got " + std::string(token.text));
  const std::string_view text = token.text;
  const std::string_view two = text.substr(0, 2);
  Operand number;
  if (two == "0f" || two == "0F") {
    number.kind = Operand::real32;
    number.value = static_cast<int64_t>(digits(in, text.substr(2), 16) ^ (negative ? 1u << 31 : 0));
  } else if (two == "0d" || two == "0D") {
    number.kind = Operand::real64;
    number.value =
        static_cast<int64_t>(digits(in, text.substr(2), 16) ^ (negative ? uint64_t{1} << 63 : 0));
  } else if (text.find('.') != text.npos) {
    number.kind = Operand::real64;
    const double value = std::stod(std::string(text)) * (negative ? -1 : 1);
    std::memcpy(&number.value, &value, sizeof value);
  } else {
    const bool hex = two == "0x" || two == "0X";
    const uint64_t value = hex ? digits(in, text.substr(2), 16) : digits(in, text, 10);
    number.kind = Operand::integer;
    number.value = static_cast<int64_t>(negative ? 0 - value : value);
  }
  return number;
}

namespace {

std::string name_of(Cursor& in) {
  const Token token = in.next();
  if (token.kind != Token::word) in.fail("expected a name, got " + std::string(token.text));
  return std::string(token.text);
}

}  // namespace

Variable parse_variable(Cursor& in, Space space) {
  Variable variable;
  variable.space = space;
  uint64_t element = 0;
  while (in.peek().kind == Token::word && in.peek().text[0] == '.') {
    const std::string directive = name_of(in).substr(1);
    if (directive == "align") {
      variable.align = static_cast<uint32_t>(in.integer());
    } else if (directive == "ptr") {  // what a pointer parameter points to: of no consequence
      while (in.peek().is(".global") || in.peek().is(".align")) {
        if (in.next().is(".align")) in.integer();
      }
    } else if (const auto type = parse_type(directive)) {
      element = static_cast<uint64_t>(bytes_of(*type));
      variable.align = std::max(variable.align, static_cast<uint32_t>(element));
    } else {
      in.fail("unknown directive ." + directive);
    }
  }
  variable.name = name_of(in);
  variable.bytes = element;
  while (in.accept('[')) {
    variable.bytes *= in.peek().is(']') ? 0 : static_cast<uint64_t>(in.integer());
    in.expect(']');
  }
  return variable;
}

void parse_initial(Cursor& in, int element_bytes, Variable& variable) {
  if (!in.accept('=')) return;
  const bool braces = in.accept('{');
  do {
    const uint64_t offset = variable.initial.size();
    variable.initial.resize(offset + static_cast<uint64_t>(element_bytes));
    if (in.peek().kind == Token::word) {
      const bool generic = in.accept("generic");
      if (generic) in.expect('(');
      const std::string name = name_of(in);
      if (generic) in.expect(')');
      variable.addresses.push_back({offset, name, in.accept('+') ? in.integer() : 0});
      continue;
    }
    const bool negative = in.accept('-');
    const Operand number = parse_number(in, negative);
    std::memcpy(&variable.initial[offset], &number.value, static_cast<size_t>(element_bytes));
  } while (in.accept(','));
  if (braces) in.expect('}');
}

namespace {

std::vector<int> parse_params(Cursor& in, Scopes& scopes) {
  std::vector<int> params;
  in.expect('(');
  while (!in.accept(')')) {
    if (!in.accept(".param")) in.fail("expected .param");
    params.push_back(scopes.declare_variable(parse_variable(in, Space::param)));
    in.accept(',');
  }
  return params;
}

// .maxntid 256, 1, 1 and its like between the parameters and the body.
void parse_limits(Cursor& in, Function& function) {
  while (in.peek().kind == Token::word && in.peek().text[0] == '.') {
    const std::string directive = name_of(in);
    int threads = 1;
    while (in.peek().kind == Token::number) {
      threads *= static_cast<int>(in.integer());
      in.accept(',');
    }
    if (directive == ".maxntid" || directive == ".reqntid") {
      function.most_threads = threads;
    } else if (directive != ".minnctapersm" && directive != ".noreturn" &&
               directive != ".maxnreg") {
      in.fail("unknown directive " + directive);
    }
  }
}

void parse_function(Cursor& in, Module& module, bool entry) {
  Function function;
  function.entry = entry;
  Scopes scopes(function);
  if (in.peek().is('(')) function.results = parse_params(in, scopes);
  function.name = name_of(in);
  if (in.peek().is('(')) function.params = parse_params(in, scopes);
  parse_limits(in, function);
  if (!in.accept(';')) {
    in.expect('{');
    function.defined = true;
    // Known by name inside itself, so that recursion is seen for what it is.
    module.functions.emplace_back().name = function.name;
    parse_body(in, module, function, scopes);
    module.functions.pop_back();
    std::string missing;
    if (!scopes.close(missing)) in.fail("unknown name " + missing + " in " + function.name);
  }
  module.functions.push_back(std::move(function));
}

void skip_section(Cursor& in) {  // .section .debug_str { ... }
  while (!in.accept('{')) in.next();
  while (!in.accept('}')) {
    if (in.peek().kind == Token::end) in.fail("a section without end");
    in.next();
  }
}

void parse_file(Cursor& in, Module& module) {  // .file 1 "name", time, size
  const auto number = static_cast<size_t>(in.integer());
  if (module.files.size() <= number) module.files.resize(number + 1);
  module.files[number] = std::string(in.next().text);
  while (in.accept(',')) in.integer();
}

void parse_module_variable(Cursor& in, Module& module, Space space) {
  int element = 1;
  for (int i = 0; in.peek(i).kind != Token::end && !in.peek(i).is(';') && !in.peek(i).is('=');
       ++i) {
    if (in.peek(i).kind != Token::word || in.peek(i).text[0] != '.') continue;
    if (const auto type = parse_type(in.peek(i).text.substr(1))) element = bytes_of(*type);
  }
  Variable variable = parse_variable(in, space);
  parse_initial(in, element, variable);
  in.expect(';');
  if (variable.bytes == 0 && space != Space::shared) variable.bytes = variable.initial.size();
  variable.initial.resize(variable.bytes);
  module.variables.push_back(std::move(variable));
}

}  // namespace

Module parse(std::string_view text, const std::string& name) {
  Cursor in(tokenize(text), name);
  Module module;
  module.name = name;
  while (in.peek().kind != Token::end) {
    const std::string directive = name_of(in);
    if (directive == ".version") {
      in.next();
    } else if (directive == ".target") {
      do in.next();
      while (in.accept(','));
    } else if (directive == ".address_size") {
      if (in.integer() != 64) in.fail("addresses must have 64 bits");
    } else if (directive == ".file") {
      parse_file(in, module);
    } else if (directive == ".section") {
      skip_section(in);
    } else if (directive == ".entry" || directive == ".func") {
      parse_function(in, module, directive == ".entry");
    } else if (directive == ".global" || directive == ".const" || directive == ".shared") {
      parse_module_variable(in, module, *parse_space(std::string_view(directive).substr(1)));
    } else if (directive != ".visible" && directive != ".extern" && directive != ".weak" &&
               directive != ".common") {
      in.fail("unknown directive " + directive);
    }
  }
  return module;
}

}  // namespace gsx::ptx
