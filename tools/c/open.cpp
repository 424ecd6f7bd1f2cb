// Opening models by name, of every format that gsx reads; see gsx.h.
#include "tools/c/model.h"

extern "C" gsx_model* gsx_open(const char* model, const gsx_options* options) {
  return gsx::c::opened("gsx_open", options, [&](const gsx::ContextPtr& context) {
    gsx::c::need(model != nullptr, "model");
    return gsx::open_model(context, model, true);
  });
}
