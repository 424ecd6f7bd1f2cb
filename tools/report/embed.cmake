# Builds the style and the script of pages into the library gsx_tools.
foreach(asset chart.css page.css page.js)
  set(file ${CMAKE_CURRENT_LIST_DIR}/${asset})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  string(TOUPPER ${asset} name)
  string(REPLACE "." "_" name ${name})
  file(READ ${file} ${name})
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/assets.cpp.in ${PROJECT_BINARY_DIR}/tools/report/assets.cpp
  @ONLY)
target_sources(gsx_tools PRIVATE ${PROJECT_BINARY_DIR}/tools/report/assets.cpp)
