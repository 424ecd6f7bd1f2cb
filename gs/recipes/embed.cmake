# Builds the methods of gs/recipes into the library gsx_gs.
set(GSX_RECIPES "")
file(GLOB recipes CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/gs/recipes/*.toml)
foreach(recipe ${recipes})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${recipe})
  get_filename_component(name ${recipe} NAME_WE)
  file(READ ${recipe} text)
  string(APPEND GSX_RECIPES "      {\"${name}\", R\"toml(${text})toml\"},\n")
endforeach()
configure_file(${PROJECT_SOURCE_DIR}/gs/recipes/built_in.cpp.in
  ${PROJECT_BINARY_DIR}/gs/recipes/built_in.cpp @ONLY)
target_sources(gsx_gs PRIVATE ${PROJECT_BINARY_DIR}/gs/recipes/built_in.cpp)
