# gsx_c: libgsx_c.so, the C interface with all layers inside, of which it shows the names in gsx.map. No
# part of what ./gsx builds.
add_library(gsx_c SHARED ${CMAKE_CURRENT_LIST_DIR}/compress.cpp ${CMAKE_CURRENT_LIST_DIR}/failures.cpp
  ${CMAKE_CURRENT_LIST_DIR}/model.cpp ${CMAKE_CURRENT_LIST_DIR}/open.cpp ${CMAKE_CURRENT_LIST_DIR}/version.cpp)
# The number counts changes that programs would notice: gsx.h makes none.
set_target_properties(gsx_c PROPERTIES VERSION 1.${PROJECT_VERSION} SOVERSION 1 EXPORT_NAME c
  LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/gsx.map)
target_compile_definitions(gsx_c PRIVATE GSX_VERSION="${PROJECT_VERSION}")
target_link_libraries(gsx_c PRIVATE gsx)
target_link_options(gsx_c PRIVATE LINKER:--version-script=${CMAKE_CURRENT_LIST_DIR}/gsx.map
  LINKER:--exclude-libs,ALL)
if(NOT GSX_SANITIZE)
  target_link_options(gsx_c PRIVATE LINKER:--no-undefined)
endif()
gsx_setup(gsx_c)
