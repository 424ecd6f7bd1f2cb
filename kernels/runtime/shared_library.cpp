// Libraries by dlopen; see shared_library.h.
#include "kernels/runtime/shared_library.h"

#include <dlfcn.h>

#include "kernels/memory.h"

namespace gsx::kernels {

SharedLibrary::SharedLibrary(std::string name, const std::string& file, const std::string& remedy)
    : name_(std::move(name)), file_(file) {
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* why = dlerror();
    throw Failure(name_ + ": loading " + file + " failed (" + (why ? why : "unknown reason") +
                  "); " + remedy);
  }
  handle_ = std::shared_ptr<void>(handle, [](void* h) { dlclose(h); });
}

void* SharedLibrary::find(const char* symbol) const {
  void* function = dlsym(handle_.get(), symbol);
  if (!function) throw Failure(name_ + ": " + file_ + " has no function " + symbol);
  return function;
}

}  // namespace gsx::kernels
