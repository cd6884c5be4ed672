#include "config/airbyte_lowering.h"

#include "config/json_text.h"

namespace firn::config {

AirbyteSourceConfig LowerAirbyteSource(const ObjectView& source, const std::string& path,
                                       const LoweringContext& context) {
  AirbyteSourceConfig out{.manifest = context.Absolute(source.Text("manifest"))};
  out.declared_types = source.Text("types") == "declared";
  const Node* config = source.Find("config");
  if (config != nullptr && !config->is_null()) {
    out.config_json = JsonTextOf(*config);
    out.written_json = JsonTextAsWritten(*config);
    if (config->kind != NodeKind::kMapping) {
      context.Error("E0502", path + ".config", "`config` is no mapping").help = "write names and values";
    }
  }
  return out;
}

}  // namespace firn::config
