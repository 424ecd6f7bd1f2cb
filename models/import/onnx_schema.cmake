# What protoc makes of ONNX's schema, as Debian's libonnx-dev has it: a source of the layer that only
# models/import and models/export see.
set(made ${PROJECT_BINARY_DIR}/onnx_schema)
file(MAKE_DIRECTORY ${made})
add_custom_command(OUTPUT ${made}/onnx/onnx.pb.cc ${made}/onnx/onnx.pb.h
  COMMAND ${PROTOC} -I ${ONNX_SCHEMA_DIR} --cpp_out=${made} ${ONNX_SCHEMA_DIR}/onnx/onnx.proto
  DEPENDS ${ONNX_SCHEMA_DIR}/onnx/onnx.proto COMMENT "Making the reader of ONNX's messages")
target_sources(gsx_models PRIVATE ${made}/onnx/onnx.pb.cc)
target_include_directories(gsx_models SYSTEM PRIVATE ${made})
set_source_files_properties(${made}/onnx/onnx.pb.cc PROPERTIES COMPILE_OPTIONS -w
  SKIP_UNITY_BUILD_INCLUSION ON)
