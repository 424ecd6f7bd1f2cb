# gsx_shared: libgsx.so, linked from the objects of the static layers. What it shows to others says
# shared.map, so that the objects need no attributes and are the same in both kinds of library.
set(objects)
foreach(layer ${GSX_LAYERS})
  list(APPEND objects $<TARGET_OBJECTS:${layer}>)
endforeach()
add_library(gsx_shared SHARED ${objects})
set_target_properties(gsx_shared PROPERTIES OUTPUT_NAME gsx EXPORT_NAME gsx LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/shared.map)
gsx_setup(gsx_shared)
target_link_options(gsx_shared PRIVATE
  LINKER:--version-script=${CMAKE_CURRENT_LIST_DIR}/shared.map)
if(NOT GSX_SANITIZE)  # whose functions come with the program
  target_link_options(gsx_shared PRIVATE LINKER:--no-undefined)
endif()
target_link_libraries(gsx_shared PRIVATE Threads::Threads ${CMAKE_DL_LIBS} PkgConfig::HWY
  PkgConfig::EXIF PkgConfig::ZIP PkgConfig::WEBP PkgConfig::TIFF PkgConfig::TOMLPP PkgConfig::PROTOBUF
  ZLIB::ZLIB JPEG::JPEG)
if(GSX_CUDA)
  target_link_libraries(gsx_shared PRIVATE CUDA::cudart_static)
endif()
# For projects that hold gsx as a folder of theirs.
target_include_directories(gsx_shared PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
target_compile_definitions(gsx_shared PUBLIC $<BUILD_INTERFACE:GSX_HD=>)
