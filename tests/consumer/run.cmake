# cmake -D BUILD=... -D WORK=... -D SOURCE=... -D FLAGS=... -D COMPILER=... -P run.cmake: installs the
# build to a fresh folder, moves it (an installed package must not know where it was made), then
# configures, builds and runs the consumer project and the examples against it: by find_package, and
# one by what pkg-config says and nothing else.
function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
    ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "consumer: failed: ${ARGN}\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed)
file(RENAME ${WORK}/installed "${WORK}/moved here")

# Users' folders are theirs: everything lies under gsx, and no header names another in any other way.
file(GLOB top RELATIVE "${WORK}/moved here/include" "${WORK}/moved here/include/*")
if(NOT top STREQUAL "gsx")
  message(FATAL_ERROR "consumer: include has more than gsx: ${top}")
endif()
file(GLOB_RECURSE headers "${WORK}/moved here/include/*.h")
foreach(header ${headers})
  file(STRINGS ${header} lines REGEX "^ *#include \"|GSX_HD|#include <(nlohmann|CLI|Eigen|hwy)/")
  if(lines)
    message(FATAL_ERROR "consumer: ${header}: ${lines}")
  endif()
endforeach()

file(GLOB_RECURSE package_files "${WORK}/moved here/*.cmake" "${WORK}/moved here/*.pc")
foreach(file ${package_files})
  file(READ ${file} text)
  foreach(place ${BUILD} ${SOURCE})
    string(FIND "${text}" "${place}/" found)
    if(NOT found EQUAL -1)
      message(FATAL_ERROR "consumer: ${file} names the folder ${place}")
    endif()
  endforeach()
endforeach()

step(${CMAKE_COMMAND} -S ${SOURCE}/tests/consumer -B ${WORK}/build -G Ninja
  "-DCMAKE_PREFIX_PATH=${WORK}/moved here" "-DCMAKE_CXX_FLAGS=${FLAGS}")
step(${CMAKE_COMMAND} --build ${WORK}/build)
step(${WORK}/build/consumer)
file(GLOB examples ${SOURCE}/docs/examples/*.cpp)
foreach(source ${examples})
  get_filename_component(name ${source} NAME_WE)
  step(${WORK}/build/${name})
endforeach()
file(GLOB_RECURSE pc "${WORK}/moved here/*/gsx.pc")
get_filename_component(pc_folder "${pc}" DIRECTORY)
step(sh -c "PKG_CONFIG_PATH='${pc_folder}' && export PKG_CONFIG_PATH && \
  eval ${COMPILER} -std=c++20 ${FLAGS} '${SOURCE}/docs/examples/custom_op.cpp' \
    -o '${WORK}/without_cmake' \"$(pkg-config --cflags --libs gsx)\"")
step(${WORK}/without_cmake)
step("${WORK}/moved here/bin/gsx" --version)
