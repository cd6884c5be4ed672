#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

/// Strict reading of request bodies: every error is 400 and names the field. For the .cc files of this folder (the
/// include is heavy).
namespace firn::server {

using Json = nlohmann::json;

/// Errors: 400 for what is no JSON object, or nested deeper than 100 levels.
Result<Json> ParseObject(std::string_view body);

/// The value of a key, or null if it is absent or JSON null.
const Json* FindIn(const Json& object, const char* key);
Result<const Json*> Required(const Json& object, const char* key);
Result<std::string> RequiredText(const Json& object, const char* key);
Result<std::optional<std::string>> OptionalText(const Json& object, const char* key);
Result<bool> OptionalFlag(const Json& object, const char* key, bool otherwise);
Result<int64_t> RequiredInteger(const Json& object, const char* key);
/// An object of texts; empty if absent.
Result<std::map<std::string, std::string>> TextMap(const Json& object, const char* key);
/// An array of texts; empty if absent.
Result<std::vector<std::string>> TextList(const Json& object, const char* key);
/// An array; null if absent. Errors: 400 if it is another type.
Result<const Json*> ArrayIn(const Json& object, const char* key);

/// Compact; text that is not UTF-8 is replaced.
std::string Dump(const Json& json);

}  // namespace firn::server
