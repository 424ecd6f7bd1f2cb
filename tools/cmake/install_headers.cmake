# Installs headers as users see them: SOURCE (the source tree), BINARY (what was configured) and TO
# (PREFIX/include) are set. All of them lie under TO/gsx and name each other <gsx/...>, so that no other
# folder need be searched; of the kernels' headers only those come along that public ones include, as
# <gsx/detail/...>.
cmake_policy(SET CMP0057 NEW)  # if(... IN_LIST ...)

function(install_header from name)
  file(READ "${from}" text)
  string(REGEX REPLACE "#include \"kernels/([^\"]+)\"" "#include <gsx/detail/\\1>" text "${text}")
  string(REGEX REPLACE "#include \"([a-z_]+/[^\"]+)\"" "#include <gsx/\\1>" text "${text}")
  # Marks what device code shares; users compile for the host.
  string(REPLACE "GSX_HD " "" text "${text}")
  file(WRITE "${TO}/gsx/${name}.new" "${text}")
  file(COPY_FILE "${TO}/gsx/${name}.new" "${TO}/gsx/${name}" ONLY_IF_DIFFERENT)
  file(REMOVE "${TO}/gsx/${name}.new")
endfunction()

file(GLOB_RECURSE public RELATIVE ${SOURCE}
  ${SOURCE}/engine/*.h ${SOURCE}/models/*.h ${SOURCE}/optim/*.h ${SOURCE}/gs/*.h)
list(FILTER public EXCLUDE REGEX "/tensor_impl\\.h$|^engine/ops/|^models/nodes/|^models/import/onnx_")
list(FILTER public EXCLUDE REGEX "^engine/io/(image_decode|image_readers|tiff_input|stb|problem|safetensors_text)\\.h$")

list(FILTER public EXCLUDE REGEX "^models/(import/[^i]|import/import_|export/onnx_writer)")

# The kernels' headers that these include, and those that those do.
set(waiting ${public})
set(seen "")
while(waiting)
  list(POP_FRONT waiting header)
  file(STRINGS ${SOURCE}/${header} lines REGEX "^#include \"kernels/")
  foreach(line ${lines})
    string(REGEX REPLACE "^#include \"([^\"]+)\".*" "\\1" name "${line}")
    if(NOT name IN_LIST seen)
      list(APPEND seen ${name})
      list(APPEND waiting ${name})
    endif()
  endforeach()
endwhile()

message(STATUS "Installing: ${TO}/gsx")
foreach(header ${public})
  install_header(${SOURCE}/${header} ${header})
endforeach()
foreach(header ${seen})
  string(REGEX REPLACE "^kernels/" "detail/" name ${header})
  install_header(${SOURCE}/${header} ${name})
endforeach()
install_header(${SOURCE}/tools/cmake/gsx.h gsx.h)
install_header(${BINARY}/version.h version.h)
