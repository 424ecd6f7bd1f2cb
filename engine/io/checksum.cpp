// CRC-32 by zlib; see seal.h. A build without zlib has this function of its own (tools/web).
#include <zlib.h>

#include "engine/io/seal.h"

namespace gsx::seal {

void Checksum::add(const void* data, size_t bytes) {
  if (bytes == 0) return;  // zlib takes a null pointer for a wish to start anew
  value_ = static_cast<uint32_t>(crc32_z(value_, static_cast<const Bytef*>(data), bytes));
}

}  // namespace gsx::seal
