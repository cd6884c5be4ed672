#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "catalog/administration.h"
#include "server/catalog/json.h"

/// Names as the REST protocol carries them, and as a catalog holds them. The protocol allows any text; the embedded
/// catalog joins levels with ".", so a dot inside a level is kept there as "%2E" (and "%2E", "%25" as "%252E",
/// "%2525"), and shown with its dot again.
namespace firn::server {

/// Decodes one path segment: levels joined by %1F (or "." escapes of ours). Errors: 400 for broken escapes, an empty
/// namespace or level, control characters, too many levels or bytes.
Result<catalog::Namespace> NamespaceOfPath(std::string_view segment);
/// The value of `parent` in a query: levels joined by 0x1F.
Result<catalog::Namespace> NamespaceOfText(std::string_view text);
/// Errors: 400 for what no table can be called: empty, over 1000 bytes, control characters, not UTF-8.
Result<std::string> NameOfPath(std::string_view segment);
Status CheckName(std::string_view name);

Result<catalog::Namespace> NamespaceOfJson(const Json& json, const char* what);
/// {"namespace": […], "name": …}
Result<catalog::TableIdentifier> IdentifierOfJson(const Json& json, const char* what);

/// Between what the protocol says and what the catalog stores.
catalog::Namespace Stored(const catalog::Namespace& shown);
catalog::Namespace Shown(const catalog::Namespace& stored);
catalog::TableIdentifier Stored(const catalog::TableIdentifier& shown);

}  // namespace firn::server
