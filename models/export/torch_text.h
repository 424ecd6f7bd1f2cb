// Python text of modules while blocks that are alike are told apart from others: a piece of code
// whose numbers may become arguments.
#pragma once
#include <string>
#include <vector>

#include "models/export/torch_scopes.h"

namespace gsx::torch_export {

// What stands where a Template has its mark.
struct Hole {
  std::string value, role;
};

// Text in which every number that may differ between blocks of one kind is a mark.
struct Template {
  static constexpr char kMark = '\x01';
  std::string text;
  std::vector<Hole> holes;

  void add(const std::string& more) { text += more; }
  void add(const Hole& hole) {
    text += kMark;
    holes.push_back(hole);
  }
  void add(const Call&);
  // The text with these in place of the marks.
  std::string filled(const std::vector<std::string>& values) const;
};

// How a class is called: its name, and what each instance gives it.
struct ClassUse {
  std::string name;
  std::vector<Hole> arguments;
};

// Lines of one level of a class body, each behind `indent` spaces.
struct Body {
  // `use` answers how a scope that is no chain is made.
  using UseOf = const ClassUse& (*)(const void* self, const Scope&);
  const std::vector<Named>& named;
  const void* self;
  UseOf use;

  // The modules of a scope: `self.conv1 = nn.Conv2d(...)`.
  void modules(const Scope&, Template& to) const;
  // The lines of its forward(), from its arguments' names.
  std::string forward(const Scope&, const std::vector<std::string>& arguments) const;

 private:
  void module(const Part&, const std::string& indent, Template& to) const;
  void sequential(const Scope&, const std::string& indent, Template& to) const;
};

// A line of at most 100 columns where brackets allow it.
std::string wrapped(const std::string& code);

}  // namespace gsx::torch_export
