// A library that is looked for at run time.
#pragma once
#include <memory>
#include <string>

namespace gsx::kernels {

class SharedLibrary {
 public:
  // `name` says what it is in messages; `file` is a path or what the dynamic linker looks for.
  // `remedy` ends the message of the Failure where there is none.
  SharedLibrary(std::string name, const std::string& file, const std::string& remedy);

  // function = the library's function of that name; a Failure where it has none.
  template <class F>
  void find(const char* symbol, F*& function) const {
    function = reinterpret_cast<F*>(find(symbol));
  }

 private:
  void* find(const char* symbol) const;

  std::string name_, file_;
  std::shared_ptr<void> handle_;
};

}  // namespace gsx::kernels
