// Libraries by dlopen; see shared_library.h.
#include "kernels/runtime/shared_library.h"

#include <dlfcn.h>

#include <cstdlib>

#include "kernels/memory.h"

namespace gsx::kernels {
namespace {

std::vector<std::string> files_to_try(const LibraryName& n, Lookup lookup) {
  const char* named = std::getenv(n.variable.c_str());
  if (named && *named) return {named};
  if (lookup == Lookup::anywhere) return n.files;
  throw Failure(n.name + ": the emulated device has no " + n.title + " but a stand-in that " +
                n.variable + " names; compute on a CUDA device or with " + n.instead);
}

}  // namespace

SharedLibrary::SharedLibrary(const LibraryName& n, Lookup lookup) : name_(n.name) {
  std::string tried, why;
  for (const std::string& file : files_to_try(n, lookup)) {
    if (void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
      file_ = file;
      handle_ = std::shared_ptr<void>(handle, [](void* h) { dlclose(h); });
      return;
    }
    const char* reason = dlerror();
    tried += (tried.empty() ? "" : " and ") + file;
    why += (why.empty() ? "" : "; ") + std::string(reason ? reason : "unknown reason");
  }
  throw Failure(name_ + ": loading " + tried + " failed (" + why + "); install " + n.wanted +
                ", or name its library in " + n.variable + ", or compute with " + n.instead);
}

void* SharedLibrary::find(const char* symbol) const {
  void* function = dlsym(handle_.get(), symbol);
  if (!function) throw Failure(name_ + ": " + file_ + " has no function " + symbol);
  return function;
}

}  // namespace gsx::kernels
