# With OUT: writes the C++ file that holds the connector files of FOLDER (config/connector_library.h declares it).
# Included: firn_embed_connectors(TARGET) adds that file to a library, made again when a connector file changes.
if(DEFINED OUT)
  file(GLOB files ${FOLDER}/*.yaml)
  list(SORT files)
  set(entries "")
  foreach(file ${files})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} text)
    string(APPEND entries "    {\"${name}\", R\"connector(${text})connector\"},\n")
  endforeach()
  list(LENGTH files count)
  file(WRITE ${OUT} "#include <array>

#include \"config/connector_library.h\"

namespace firn::config {
namespace {

constexpr std::array<BuiltinConnector, ${count}> kConnectors = {{
${entries}}};

}  // namespace

std::span<const BuiltinConnector> BuiltinConnectors() {
  return kConnectors;
}

}  // namespace firn::config
")
  return()
endif()

function(firn_embed_connectors target)
  set(folder ${CMAKE_SOURCE_DIR}/connectors)
  set(out ${CMAKE_BINARY_DIR}/connector_library.cc)
  set(script ${CMAKE_SOURCE_DIR}/cmake/EmbedConnectors.cmake)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/*.yaml)
  add_custom_command(OUTPUT ${out} DEPENDS ${files} ${script}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DFOLDER=${folder} -P ${script})
  target_sources(${target} PRIVATE ${out})
endfunction()
