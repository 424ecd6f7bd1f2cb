# Debian packages, by `cpack` in a built tree: gsx, the programs with their man pages and completions, and
# libgsx-dev, the library, the C interface and their headers.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME gsx)
set(CPACK_PACKAGE_VENDOR "gsx contributors")
set(CPACK_PACKAGE_CONTACT "gsx contributors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "compresses generators of images by GAN Slimming")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(kind static)
if(BUILD_SHARED_LIBS)
  set(kind shared)
endif()
set(CPACK_COMPONENTS_ALL programs licence headers c ${kind} dev_licence)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME gsx)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libgsx-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "tensors, networks and GAN Slimming as a C++ library, and its C interface")
# What programs that are linked with the static layers are linked with, too.
if(kind STREQUAL "static")
  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libexif-dev, libhwy-dev, libjpeg-dev, libprotobuf-dev, libtiff-dev, libtomlplusplus-dev, libwebp-dev, libzip-dev, zlib1g-dev")
endif()

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/gsx RENAME copyright
  COMPONENT licence)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/libgsx-dev RENAME copyright
  COMPONENT dev_licence)
include(CPack)
foreach(component programs licence)
  cpack_add_component(${component} GROUP programs)
endforeach()
foreach(component headers c ${kind} dev_licence)
  cpack_add_component(${component} GROUP development)
endforeach()
