// What a program that runs learns of the library it found; see gsx.h.
#include "tools/c/gsx.h"

extern "C" {

const char* gsx_version(void) { return GSX_VERSION; }
int32_t gsx_abi(void) { return GSX_ABI; }

}  // extern "C"
