// cuDNN's functions by name.
#include "kernels/runtime/cudnn_library.h"

namespace gsx::kernels::cudnn {

Functions::Functions(const SharedLibrary& library) {
  for_each_function(*this, [&](const char* name, auto& function) { library.find(name, function); });
}

}  // namespace gsx::kernels::cudnn
