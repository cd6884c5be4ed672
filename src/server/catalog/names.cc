#include "server/catalog/names.h"

#include <arrow/util/utf8.h>

#include "io/http_server.h"
#include "server/catalog/rest_error.h"

namespace firn::server {
namespace {

constexpr char kSeparator = '\x1f';  // of levels in paths and queries
constexpr size_t kNameBytesMax = 1000;
constexpr size_t kLevelsMax = 64;

// Escapes dots, and what would read as an escape.
std::string StoredLevel(const std::string& shown) {
  std::string stored;
  for (size_t i = 0; i < shown.size(); ++i) {
    const std::string_view rest = std::string_view(shown).substr(i);
    if (shown[i] == '.') {
      stored += "%2E";
    } else if (rest.starts_with("%2E") || rest.starts_with("%25")) {
      stored += "%25";
    } else {
      stored.push_back(shown[i]);
    }
  }
  return stored;
}

std::string ShownLevel(const std::string& stored) {
  std::string shown;
  for (size_t i = 0; i < stored.size(); ++i) {
    const std::string_view rest = std::string_view(stored).substr(i);
    if (rest.starts_with("%2E") || rest.starts_with("%25")) {
      shown.push_back(rest[2] == 'E' ? '.' : '%');
      i += 2;
    } else {
      shown.push_back(stored[i]);
    }
  }
  return shown;
}

Status CheckNamespace(const catalog::Namespace& ns) {
  if (ns.empty()) return BadRequest("Namespace must not be empty");
  if (ns.size() > kLevelsMax) return BadRequest("Namespace has too many levels");
  for (const std::string& level : ns) ARROW_RETURN_NOT_OK(CheckName(level));
  return Status::OK();
}

}  // namespace

Status CheckName(std::string_view name) {
  if (name.empty()) return BadRequest("Invalid name: must not be empty");
  if (name.size() > kNameBytesMax) return BadRequest("Invalid name: longer than 1000 bytes");
  arrow::util::InitializeUTF8();
  if (!arrow::util::ValidateUTF8(reinterpret_cast<const uint8_t*>(name.data()), static_cast<int64_t>(name.size()))) {
    return BadRequest("Invalid name: not UTF-8");
  }
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return BadRequest("Invalid name: has control characters");
  }
  return Status::OK();
}

Result<catalog::Namespace> NamespaceOfText(std::string_view text) {
  catalog::Namespace ns;
  while (true) {
    const size_t end = text.find(kSeparator);
    ns.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text = text.substr(end + 1);
  }
  ARROW_RETURN_NOT_OK(CheckNamespace(ns));
  return ns;
}

Result<catalog::Namespace> NamespaceOfPath(std::string_view segment) {
  const auto text = io::PercentDecode(segment, io::Decoding::kForm);
  if (!text) return BadRequest("Invalid namespace: broken percent-encoding");
  return NamespaceOfText(*text);
}

Result<std::string> NameOfPath(std::string_view segment) {
  const auto name = io::PercentDecode(segment, io::Decoding::kForm);
  if (!name) return BadRequest("Invalid name: broken percent-encoding");
  ARROW_RETURN_NOT_OK(CheckName(*name));
  return *name;
}

Result<catalog::Namespace> NamespaceOfJson(const Json& json, const char* what) {
  if (!json.is_array()) return BadRequest(std::string("Invalid request: ") + what + " must be a list of strings");
  catalog::Namespace ns;
  for (const Json& level : json) {
    if (!level.is_string()) return BadRequest(std::string("Invalid request: ") + what + " must be a list of strings");
    ns.push_back(level.get<std::string>());
  }
  ARROW_RETURN_NOT_OK(CheckNamespace(ns));
  return ns;
}

Result<catalog::TableIdentifier> IdentifierOfJson(const Json& json, const char* what) {
  if (!json.is_object()) return BadRequest(std::string("Invalid request: ") + what + " must be an identifier");
  catalog::TableIdentifier identifier;
  ARROW_ASSIGN_OR_RAISE(const Json* ns, Required(json, "namespace"));
  ARROW_ASSIGN_OR_RAISE(identifier.ns, NamespaceOfJson(*ns, "namespace"));
  ARROW_ASSIGN_OR_RAISE(identifier.name, RequiredText(json, "name"));
  ARROW_RETURN_NOT_OK(CheckName(identifier.name));
  return identifier;
}

catalog::Namespace Stored(const catalog::Namespace& shown) {
  catalog::Namespace stored;
  for (const std::string& level : shown) stored.push_back(StoredLevel(level));
  return stored;
}

catalog::Namespace Shown(const catalog::Namespace& stored) {
  catalog::Namespace shown;
  for (const std::string& level : stored) shown.push_back(ShownLevel(level));
  return shown;
}

catalog::TableIdentifier Stored(const catalog::TableIdentifier& shown) {
  return {.ns = Stored(shown.ns), .name = shown.name};
}

}  // namespace firn::server
