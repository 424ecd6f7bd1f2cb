// A library that is looked for at run time.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "kernels/lookup.h"

namespace gsx::kernels {

// What there is to say of a library.
struct LibraryName {
  std::string name;                // in messages: "cudnn"
  std::string title;               // "cuDNN"
  std::string variable;            // the environment variable that names its file
  std::vector<std::string> files;  // what the dynamic linker may find it as, best first
  std::string wanted;              // what to install
  std::string instead;             // the option that does without it
};

class SharedLibrary {
 public:
  // The file that the environment variable names, else, where `lookup` allows, the first of `files`
  // there is. A Failure says what was tried and what to do.
  SharedLibrary(const LibraryName&, Lookup);

  // function = the library's function of that name; a Failure where it has none.
  template <class F>
  void find(const char* symbol, F*& function) const {
    function = reinterpret_cast<F*>(find(symbol));
  }
  const std::string& file() const { return file_; }

 private:
  void* find(const char* symbol) const;

  std::string name_, file_;
  std::shared_ptr<void> handle_;
};

}  // namespace gsx::kernels
