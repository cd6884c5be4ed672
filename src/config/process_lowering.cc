#include "config/process_lowering.h"

#include <algorithm>

#include "config/json_text.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

bool IsVariableName(std::string_view name) {
  return !name.empty() && name.find('=') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

}  // namespace

ProcessSourceConfig LowerProcessSource(const ObjectView& source, const std::string& path,
                                       const LoweringContext& context) {
  ProcessSourceConfig out{.command = source.TextList("command"),
                          .environment = source.TextMap("environment"),
                          .folder = source.Has("folder") ? context.Absolute(source.Text("folder")) : context.folder,
                          .idle_ms = source.Int("idle"),
                          .total_ms = source.Int("total"),
                          .line_bytes_max = source.Int("max_line")};
  const std::string protocol = source.Text("protocol");
  out.protocol = protocol == "singer"    ? ProcessProtocol::kSinger
                 : protocol == "airbyte" ? ProcessProtocol::kAirbyte
                                         : ProcessProtocol::kNdjson;
  if (std::ranges::any_of(out.command, [](const std::string& word) { return word.find('\0') != std::string::npos; }) ||
      (!out.command.empty() && out.command.front().empty())) {
    context.Error("E0499", path + ".command", "`command` names no program").help =
        "write `command: [python3, extract.py]`";
  }
  if (const Node* config = source.Find("config")) {
    out.config_json = JsonTextOf(*config);
    if (config->kind != NodeKind::kMapping) {
      context.Error("E0499", path + ".config", "`config` is no mapping").help = "write names and values";
    }
  }
  for (const auto& [name, value] : out.environment) {
    if (IsVariableName(name)) continue;
    context.Error("E0499", path + ".environment", "`" + Shown(name) + "` is not a variable's name").help = "remove it";
  }
  return out;
}

}  // namespace firn::config
