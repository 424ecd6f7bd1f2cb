# How .cu files are built: gsx_emulated, for tests, by the host compiler, and gsx_cuda, with GSX_CUDA,
# by nvcc. Both are the same sources over the two twins of gpu.h.
file(GLOB gsx_cu CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/cuda/*.cu)

# gsx_emulated_sources(target files): .cu files as C++ of the host for the emulated device.
function(gsx_emulated_sources target)
  if(NOT ARGN)
    return()
  endif()
  set_source_files_properties(${ARGN} TARGET_DIRECTORY ${target} PROPERTIES LANGUAGE CXX
    COMPILE_OPTIONS "-Wno-unknown-pragmas;-O3;-fno-math-errno;-fno-trapping-math")
  target_sources(${target} PRIVATE ${ARGN})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/kernels/runtime/emulated)
  target_compile_definitions(${target} PRIVATE GSX_BACKEND=emulated)
endfunction()

# gsx_emulator_and_thread_sanitizer(target sanitizers): with ThreadSanitizer the emulator tells it what
# orders a block's threads, and is itself not seen.
function(gsx_emulator_and_thread_sanitizer target sanitizers)
  if(NOT "${sanitizers}" MATCHES thread)
    return()
  endif()
  target_compile_definitions(${target} PRIVATE GSX_TSAN)
  foreach(file async_copy fiber scheduler warp)
    set_source_files_properties(${PROJECT_SOURCE_DIR}/kernels/runtime/emulated/${file}.cpp
      TARGET_DIRECTORY ${target} PROPERTIES COMPILE_OPTIONS -fno-sanitize=thread)
  endforeach()
endfunction()

gsx_layer(emulated DIRS kernels/runtime/emulated LINK gsx_kernels)
gsx_emulated_sources(gsx_emulated ${gsx_cu})
gsx_emulator_and_thread_sanitizer(gsx_emulated "${GSX_SANITIZE}")
# What is linked with gsx_emulated has the emulated device: an object that nobody calls offers it.
add_library(gsx_emulated_offer OBJECT ${PROJECT_SOURCE_DIR}/kernels/runtime/emulated/offer/offer.cpp)
target_link_libraries(gsx_emulated_offer PRIVATE gsx_kernels)
gsx_setup(gsx_emulated_offer)
target_link_libraries(gsx_emulated INTERFACE $<TARGET_OBJECTS:gsx_emulated_offer>)

# gsx_cuda_sources(target files): .cu files for CUDA devices. No contraction: the same bits as the
# emulated device gives. Constexpr functions (kernels/view.h) are the device's too.
function(gsx_cuda_sources target)
  target_sources(${target} PRIVATE ${ARGN})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/kernels/runtime/nvcc)
  target_compile_definitions(${target} PRIVATE GSX_BACKEND=cuda)
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:-O3;-fmad=false>"
    $<$<COMPILE_LANGUAGE:CUDA>:-expt-relaxed-constexpr>
    # gsx bench --static reads the machine code out of the program.
    $<$<COMPILE_LANGUAGE:CUDA>:--no-compress>
    $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-ffp-contract=off>)
  if(GSX_WERROR)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
  endif()
endfunction()

# The language of a source is a property of the folder it is used in, so nvcc's targets have their own.
if(GSX_CUDA)
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(GSX_NVCC nvcc HINTS /usr/local/cuda/bin)
    if(GSX_NVCC)
      set(CMAKE_CUDA_COMPILER ${GSX_NVCC})
    endif()
  endif()
  set(CMAKE_CUDA_ARCHITECTURES ${GSX_CUDA_ARCHITECTURES})
  enable_language(CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know it
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  endif()
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_EXTENSIONS OFF)
  find_package(CUDAToolkit REQUIRED)
  add_subdirectory(kernels/runtime/nvcc)
endif()
