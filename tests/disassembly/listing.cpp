// The syntax of two assemblers; see listing.h.
#include "tests/disassembly/listing.h"

#include <stdio.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

namespace {

struct Instruction {
  uint64_t address;
  std::string text;
};

// What differs between machines, as patterns on the text of an instruction.
struct Syntax {
  std::regex multiply_add, vector, branch;
  std::regex memory;      // captures what is between the brackets
  std::regex stack_copy;  // captures the source and destination of an address computed from another
  std::regex sets;        // captures a register that is given another value
  std::string stack;
};

const Syntax& x86() {
  static const Syntax s = {
      std::regex("v?(fn?m(add|sub)|pmaddwd|pdp[bw])[^ ]* .*"),
      std::regex(".*%[xyz]mm.*"),
      std::regex(R"(j[a-z]+ +([0-9a-f]+)( <.*)?)"),
      std::regex(R"([^(]*\(([^)]*)\).*)"),
      std::regex(R"((?:mov|lea [-0-9a-fx]*\() ?%(r[a-z0-9]+)(?:,[^)]*)?\)?,%(r[a-z0-9]+))"),
      std::regex(R"((?!cmp|test|push|add|sub)[a-z]+ +.*[ ,]%([er][a-z0-9]+))"),
      "rsp"};
  return s;
}

const Syntax& arm() {
  static const Syntax s = {std::regex("(fml[as]|fn?m(add|sub)|[su]ml[as]l2?) .*"),
                           std::regex(R"([a-z0-9]+ (.*[ ,{])?[qvds][0-9]+.*)"),
                           std::regex(R"((?:b|b\.[a-z]+|cbn?z|tbn?z) (?:.*, )?([0-9a-f]+)( <.*)?)"),
                           std::regex(R"([^\[]*\[([^\]]*)\].*)"),
                           std::regex(R"((?:mov|add|sub) (x[0-9]+), (x[0-9]+|sp).*)"),
                           std::regex(R"((?!st|cmp|cb|tb|tst)[a-z]+ ([xw][0-9]+),.*)"),
                           "sp"};
  return s;
}

// "r8d" and "eax" name halves of "r8" and "rax", "w3" that of "x3".
std::string whole_register(std::string name) {
  if (name[0] == 'e') name[0] = 'r';
  if (name[0] == 'w') name[0] = 'x';
  if (name.back() == 'd' && isdigit(name[name.size() - 2])) name.pop_back();
  return name;
}

// Follows, line by line, which registers hold addresses on the stack.
class StackPointers {
 public:
  explicit StackPointers(const Syntax& syntax) : syntax_(syntax), holds_{syntax.stack} {}

  void follow(const std::string& text) {
    std::smatch m;
    if (std::regex_match(text, m, syntax_.stack_copy)) {
      const bool x86_order = syntax_.stack == "rsp";
      const std::string from = m[x86_order ? 1 : 2], to = m[x86_order ? 2 : 1];
      if (holds_.count(from)) {
        holds_.insert(to);
      } else if (to != syntax_.stack) {
        holds_.erase(to);
      }
    } else if (std::regex_match(text, m, syntax_.sets)) {
      const std::string to = whole_register(m[1]);
      if (to != syntax_.stack) holds_.erase(to);
    }
  }

  // Whether the instruction reads or writes there.
  bool accessed_by(const std::string& text) const {
    std::smatch m;
    if (!std::regex_match(text, m, syntax_.memory)) return false;
    static const std::regex kName("[a-z]+[0-9]*");
    const std::string inside = m[1];
    for (std::sregex_iterator i(inside.begin(), inside.end(), kName), end; i != end; ++i) {
      if (holds_.count(i->str())) return true;
    }
    return false;
  }

 private:
  const Syntax& syntax_;
  std::set<std::string> holds_;
};

// First and last instruction of each jump backwards, without those around others.
std::vector<std::pair<size_t, size_t>> innermost_loops(const Syntax& syntax,
                                                       const std::vector<Instruction>& code) {
  std::map<uint64_t, size_t> at;
  for (size_t i = 0; i < code.size(); ++i) at[code[i].address] = i;
  std::vector<std::pair<size_t, size_t>> all, inner;
  for (size_t i = 0; i < code.size(); ++i) {
    std::smatch m;
    if (!std::regex_match(code[i].text, m, syntax.branch)) continue;
    const auto target = at.find(std::stoull(m[1], nullptr, 16));
    if (target != at.end() && target->second <= i) all.emplace_back(target->second, i);
  }
  for (const auto& loop : all) {
    bool around = false;
    for (const auto& other : all) {
      around =
          around || (other != loop && loop.first <= other.first && other.second <= loop.second);
    }
    if (!around) inner.push_back(loop);
  }
  return inner;
}

Function examine(const Syntax& syntax, const std::string& name,
                 const std::vector<Instruction>& code) {
  StackPointers pointers(syntax);
  std::vector<bool> accesses(code.size());
  for (size_t i = 0; i < code.size(); ++i) {
    accesses[i] =
        std::regex_match(code[i].text, syntax.vector) && pointers.accessed_by(code[i].text);
    pointers.follow(code[i].text);
  }
  Function f{name, {}};
  for (const auto& [first, last] : innermost_loops(syntax, code)) {
    Loop loop;
    for (size_t i = first; i <= last; ++i) {
      if (std::regex_match(code[i].text, syntax.multiply_add)) ++loop.multiply_adds;
      if (accesses[i]) loop.stack_accesses.push_back(code[i].text);
    }
    if (loop.multiply_adds > 0) f.loops.push_back(loop);
  }
  return f;
}

// "mov\t%a,%b" and "mov    %a,%b" as "mov %a,%b".
std::string one_space(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t';
    if (!space) out += c;
    if (space && !out.empty() && out.back() != ' ') out += ' ';
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace

std::vector<Function> read_listing(std::istream& listing) {
  const Syntax* syntax = &x86();
  std::vector<Function> functions;
  std::string name;
  std::vector<Instruction> code;
  const auto finish = [&] {
    if (!name.empty()) functions.push_back(examine(*syntax, name, code));
    name.clear();
    code.clear();
  };
  for (std::string line; std::getline(listing, line);) {
    if (line.find("file format ") != std::string::npos) {
      finish();
      syntax = line.find("aarch64") != std::string::npos ? &arm() : &x86();
    } else if (const size_t colon = line.find(":\t");
               line[0] == ' ' && colon != std::string::npos) {
      code.push_back(
          {std::stoull(line.substr(0, colon), nullptr, 16), one_space(line.substr(colon + 2))});
    } else if (line.size() > 2 && line.compare(line.size() - 2, 2, ">:") == 0) {
      finish();
      const size_t open = line.find('<');
      name = line.substr(open + 1, line.size() - open - 3);
    }
  }
  finish();
  return functions;
}

std::vector<Function> disassemble(const std::string& objdump, const std::string& file) {
  const std::string command = "'" + objdump + "' -d -C --no-show-raw-insn '" + file + "'";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("disassemble: cannot run " + command);
  std::string text;
  std::vector<char> buffer(1 << 16);
  for (size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    text.append(buffer.data(), n);
  }
  if (pclose(pipe) != 0) throw std::runtime_error("disassemble: failed: " + command);
  std::istringstream listing(text);
  return read_listing(listing);
}
