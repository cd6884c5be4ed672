#include "state/documents.h"

#include "base/hash.h"

namespace firn::state {
namespace {

constexpr size_t kNameBytesMax = 80;

}  // namespace

std::string DocumentName(std::string_view name) {
  std::string safe;
  for (const char c : name.substr(0, kNameBytesMax)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    safe += plain ? c : '_';
  }
  return safe + "-" + Sha256Hex(name).substr(0, 12);
}

Status CheckDocument(std::string_view location, const nlohmann::ordered_json& json) {
  const int64_t version = json.is_object() ? NumberOf(json, "version") : 0;
  if (version <= 0) return MakeError(Fault::kBadData, "no document of a state: " + std::string(location));
  if (version <= kDocumentVersion) return Status::OK();
  return MakeError(Fault::kConfig, "the state was written by a newer firn: " + std::string(location),
                   {.code = "E0753",
                    .why = "the document is version " + std::to_string(version) + ", this firn knows up to version " +
                           std::to_string(kDocumentVersion),
                    .state = "nothing was changed",
                    .next = "use the newer firn, or name another `state`: the tables hold all that matters"});
}

std::string TextOf(const nlohmann::ordered_json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int64_t NumberOf(const nlohmann::ordered_json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

}  // namespace firn::state
