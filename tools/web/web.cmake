# gsx_web: what runs models in browsers, in the folder `web` beside the program, where gsx export
# --format web looks for it, or in PREFIX/share/gsx/web. Part of `all` where Emscripten is, and no part of
# what ./gsx builds.
find_program(GSX_EMCMAKE emcmake NO_CACHE)
find_program(GSX_NODE NAMES node nodejs NO_CACHE)
find_path(GSX_JSON_HEADERS nlohmann/json.hpp REQUIRED)
find_path(GSX_HWY_HEADERS hwy/highway.h REQUIRED)
set(web ${PROJECT_BINARY_DIR}/web)
if(NOT GSX_EMCMAKE OR NOT GSX_NODE)
  message(STATUS "gsx export --format web: this build goes without (no emcmake or node; apt-get install emscripten)")
else()
  set(made ${PROJECT_BINARY_DIR}/web-build)
  set(pages ${CMAKE_CURRENT_LIST_DIR}/index.html ${CMAKE_CURRENT_LIST_DIR}/page.css
    ${CMAKE_CURRENT_LIST_DIR}/page.js)
  # Debian's Emscripten finds its parser of scripts by the path that Debian's node looks in.
  set(with ${CMAKE_COMMAND} -E env NODE_PATH=/usr/share/nodejs)
  add_custom_command(OUTPUT ${made}/build.ninja
    COMMAND ${with} ${GSX_EMCMAKE} ${CMAKE_COMMAND} -G Ninja -S ${CMAKE_CURRENT_LIST_DIR} -B ${made}
      -DCMAKE_BUILD_TYPE=Release -DGSX_HWY_HEADERS=${GSX_HWY_HEADERS}
      -DGSX_JSON_HEADERS=${GSX_JSON_HEADERS} -DGSX_VERSION=${PROJECT_VERSION} -DGSX_WEB_OUT=${web}
      "-DCMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}"
    DEPENDS ${CMAKE_CURRENT_LIST_DIR}/web.cmake COMMENT "Configuring the build for browsers" VERBATIM)
  # Its own build knows what is old.
  add_custom_target(gsx_web ALL COMMAND ${with} ${CMAKE_COMMAND} --build ${made}
    COMMAND ${CMAKE_COMMAND} -E copy_if_different ${pages} ${web}
    DEPENDS ${made}/build.ninja COMMENT "Building for browsers" VERBATIM)
endif()
install(DIRECTORY ${web} DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/gsx COMPONENT programs OPTIONAL)
