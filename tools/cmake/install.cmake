# What `cmake --install` writes: the program, the layer libraries, their headers, and the package
# files that let find_package(gsx) offer gsx::gsx.
include(CMakePackageConfigHelpers)

set(GSX_LAYERS gsx_kernels gsx_engine gsx_models gsx_optim gsx_gs)
if(GSX_CUDA)
  list(APPEND GSX_LAYERS gsx_cuda)
endif()
set(GSX_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/gsx)

# Users write <gsx/engine/tensor.h>; our headers name each other "engine/tensor.h". The kernels'
# headers, which some of these include, are nobody's interface and lie apart.
target_include_directories(gsx INTERFACE
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/gsx>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/gsx/private>)
target_compile_features(gsx INTERFACE cxx_std_20)

install(TARGETS gsx ${GSX_LAYERS} EXPORT gsx-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT gsx-targets NAMESPACE gsx:: DESTINATION ${GSX_PACKAGE_DIR})
foreach(layer engine models optim gs)
  if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/${layer})
    install(DIRECTORY ${layer} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gsx FILES_MATCHING
      PATTERN *.h PATTERN tensor_impl.h EXCLUDE)
  endif()
endforeach()
file(GLOB kernel_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*.h)
install(FILES ${kernel_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gsx/private/kernels)
install(TARGETS gsx_program gsx_bench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

configure_package_config_file(tools/cmake/gsx-config.cmake.in gsx-config.cmake
  INSTALL_DESTINATION ${GSX_PACKAGE_DIR})
write_basic_package_version_file(gsx-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gsx-config.cmake ${PROJECT_BINARY_DIR}/gsx-config-version.cmake
  DESTINATION ${GSX_PACKAGE_DIR})
