# What `cmake --install` writes: the programs, the library, its headers, and the package files that let
# find_package(gsx) and pkg-config offer it. The library is a static one per layer or libgsx.so, as
# BUILD_SHARED_LIBS says; the component `static` or `shared` is that of one kind whatever it says.
include(CMakePackageConfigHelpers)

set(GSX_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/gsx)
file(RELATIVE_PATH GSX_PREFIX_FROM_PC /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
write_basic_package_version_file(gsx-config-version.cmake COMPATIBILITY SameMinorVersion)
configure_file(tools/cmake/version.h.in version.h @ONLY)

# gsx_package(kind targets...): a library with what finds it.
function(gsx_package kind)
  set(not_asked EXCLUDE_FROM_ALL)
  if(kind STREQUAL "shared" AND BUILD_SHARED_LIBS OR kind STREQUAL "static" AND NOT BUILD_SHARED_LIBS)
    set(not_asked "")
  endif()
  list(GET ARGN 0 main)
  # Users include <gsx/...>, and only the folder above that is searched.
  target_include_directories(${main} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${main} INTERFACE cxx_std_20)
  install(TARGETS ${ARGN} EXPORT gsx-${kind}-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${kind} ${not_asked}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${kind} ${not_asked})
  install(EXPORT gsx-${kind}-targets NAMESPACE gsx:: DESTINATION ${GSX_PACKAGE_DIR}
    COMPONENT ${kind} ${not_asked})

  set(made ${PROJECT_BINARY_DIR}/package-${kind})
  configure_package_config_file(tools/cmake/gsx-config.cmake.in ${made}/gsx-config.cmake
    INSTALL_DESTINATION ${GSX_PACKAGE_DIR})
  install(FILES ${made}/gsx-config.cmake ${PROJECT_BINARY_DIR}/gsx-config-version.cmake
    DESTINATION ${GSX_PACKAGE_DIR} COMPONENT ${kind} ${not_asked})
  # For builds without CMake: pkg-config --cflags --libs gsx. What static layers need is linked with
  # them; libgsx.so names what it needs itself.
  set(GSX_LIBS -lgsx)
  set(GSX_REQUIRES "")
  if(kind STREQUAL "static")
    set(GSX_LIBS "-lgsx_gs -lgsx_models -lgsx_optim -lgsx_engine")
    if(GSX_CUDA)
      string(APPEND GSX_LIBS " -lgsx_cuda -lcudart_static -lrt")
    endif()
    string(APPEND GSX_LIBS " -lgsx_kernels -lpthread -ldl")
    set(GSX_REQUIRES "libhwy libexif libwebp libtiff-4 libzip protobuf-lite tomlplusplus zlib libjpeg")
  endif()
  configure_file(tools/cmake/gsx.pc.in ${made}/gsx.pc @ONLY)
  install(FILES ${made}/gsx.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT ${kind} ${not_asked})
endfunction()

gsx_package(static gsx ${GSX_LAYERS})
if(TARGET gsx_shared)
  gsx_package(shared gsx_shared)
endif()
install(CODE "set(SOURCE \"${PROJECT_SOURCE_DIR}\")
  set(BINARY \"${PROJECT_BINARY_DIR}\")
  set(TO \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}\")
  include(\"${PROJECT_SOURCE_DIR}/tools/cmake/install_headers.cmake\" NO_POLICY_SCOPE)" COMPONENT headers)

# The C interface: libgsx_c.so, <gsx.h>, <gsx.hpp> and what pkg-config says of them. Part of a whole
# installation where it was built; `--component c` asks for it alone.
install(TARGETS gsx_c EXPORT gsx-c-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT c)
install(EXPORT gsx-c-targets NAMESPACE gsx:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gsx_c
  COMPONENT c)
target_include_directories(gsx_c INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(FILES ${PROJECT_SOURCE_DIR}/tools/c/gsx.h ${PROJECT_SOURCE_DIR}/tools/c/gsx.hpp
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT c)
configure_file(tools/c/gsx_c.pc.in gsx_c.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/gsx_c.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT c)
configure_file(tools/c/gsx_c-config.cmake.in gsx_c-config.cmake @ONLY)
write_basic_package_version_file(gsx_c-config-version.cmake COMPATIBILITY AnyNewerVersion)
install(FILES ${PROJECT_BINARY_DIR}/gsx_c-config.cmake ${PROJECT_BINARY_DIR}/gsx_c-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gsx_c COMPONENT c)
# A wheel holds the library beside the Python package (tools/python).
install(FILES $<TARGET_FILE:gsx_c> DESTINATION gsx RENAME libgsx_c.so.1 COMPONENT python EXCLUDE_FROM_ALL)

install(TARGETS gsx_program gsx_bench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
