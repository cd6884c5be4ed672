#include "pipeline/archive_mark.h"

#include <nlohmann/json.hpp>

namespace firn::pipeline {

using Json = nlohmann::ordered_json;

std::string WriteArchiveMark(const ArchiveMark& mark) {
  return Json{{"version", 1},  {"run", mark.run},           {"from", mark.from},
              {"to", mark.to}, {"complete", mark.complete}, {"anew", mark.anew}}
             .dump() +
         "\n";
}

Result<ArchiveMark> ParseArchiveMark(const std::string& json) {
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object() || !parsed.contains("version") || !parsed["version"].is_number_integer()) {
    return MakeError(Fault::kBadData, "the mark of an archived run cannot be read");
  }
  if (parsed["version"].get<int64_t>() > 1) {
    return MakeError(Fault::kConfig, "an archived run was written by a newer firn", {.next = "use that version"});
  }
  const auto text = [&](const char* name) {
    const auto found = parsed.find(name);
    return found != parsed.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto flag = [&](const char* name) {
    const auto found = parsed.find(name);
    return found != parsed.end() && found->is_boolean() && found->get<bool>();
  };
  return ArchiveMark{
      .run = text("run"), .from = text("from"), .to = text("to"), .complete = flag("complete"), .anew = flag("anew")};
}

}  // namespace firn::pipeline
