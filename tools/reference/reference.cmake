# Pages for man and completions of shells, made by the program's own tables where the machine that
# builds can run what it builds, and installed as PREFIX/share has them.
gsx_program_parts(gsx_reference_parts ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(gsx_reference_parts PUBLIC gsx_bench_parts)
add_executable(gsx_reference ${CMAKE_CURRENT_LIST_DIR}/main.cpp)
set_target_properties(gsx_reference PROPERTIES OUTPUT_NAME gsx-reference
  RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
target_link_libraries(gsx_reference PRIVATE gsx_reference_parts)
gsx_setup(gsx_reference)
if(NOT CMAKE_CROSSCOMPILING)
  set(share ${PROJECT_BINARY_DIR}/share)
  add_custom_command(OUTPUT ${share}/man/man1/gsx.1 COMMAND gsx_reference ${share}
    DEPENDS gsx_reference COMMENT "Writing man pages and completions")
  add_custom_target(gsx_pages ALL DEPENDS ${share}/man/man1/gsx.1)
  foreach(folder man bash-completion fish)
    install(DIRECTORY ${share}/${folder} DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}
      COMPONENT programs OPTIONAL)
  endforeach()
  # Debian's zsh looks for packages' completions elsewhere.
  install(CODE "set(folder site-functions)
    if(CMAKE_INSTALL_PREFIX MATCHES \"/usr\$\")
      set(folder vendor-completions)
    endif()
    file(INSTALL ${share}/zsh/site-functions/ OPTIONAL
      DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATAROOTDIR}/zsh/\${folder}\")"
    COMPONENT programs)
endif()
