# What `cmake --install` writes: the program, the layer libraries, their headers, and the package
# files that let find_package(gsx) offer gsx::gsx.
include(CMakePackageConfigHelpers)

set(GSX_LAYERS gsx_kernels gsx_engine gsx_models gsx_optim gsx_gs)
if(GSX_CUDA)
  list(APPEND GSX_LAYERS gsx_cuda)
endif()
set(GSX_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/gsx)

# Users include <gsx/...>, and only the folder above that is searched.
target_include_directories(gsx INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(gsx INTERFACE cxx_std_20)

install(TARGETS gsx ${GSX_LAYERS} EXPORT gsx-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT gsx-targets NAMESPACE gsx:: DESTINATION ${GSX_PACKAGE_DIR})
configure_file(tools/cmake/version.h.in version.h @ONLY)
install(CODE "set(SOURCE \"${PROJECT_SOURCE_DIR}\")
  set(BINARY \"${PROJECT_BINARY_DIR}\")
  set(TO \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}\")
  include(\"${PROJECT_SOURCE_DIR}/tools/cmake/install_headers.cmake\")")
install(TARGETS gsx_program gsx_bench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

configure_package_config_file(tools/cmake/gsx-config.cmake.in gsx-config.cmake
  INSTALL_DESTINATION ${GSX_PACKAGE_DIR})
write_basic_package_version_file(gsx-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gsx-config.cmake ${PROJECT_BINARY_DIR}/gsx-config-version.cmake
  DESTINATION ${GSX_PACKAGE_DIR})

# For builds without CMake: pkg-config --cflags --libs gsx. What static layers need is linked with them.
file(RELATIVE_PATH GSX_PREFIX_FROM_PC /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
set(GSX_REQUIRES_PRIVATE .private)
if(NOT BUILD_SHARED_LIBS)
  set(GSX_REQUIRES_PRIVATE "")
  set(GSX_STATIC_LIBS " -lpthread -ldl")
endif()
if(GSX_CUDA)
  set(GSX_CUDA_LIBS " -lgsx_cuda -lcudart_static -lrt")
endif()
configure_file(tools/cmake/gsx.pc.in gsx.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/gsx.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
