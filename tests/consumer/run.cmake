# cmake -D BUILD=... -D WORK=... -D SOURCE=... -D FLAGS=... -P run.cmake: installs the build to a
# fresh folder, moves it (an installed package must not know where it was made), then configures,
# builds and runs the consumer project against it.
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

file(GLOB_RECURSE package_files "${WORK}/moved here/*.cmake")
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
step("${WORK}/moved here/bin/gsx" --version)
