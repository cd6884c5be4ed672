#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/status.h"

/// JSON documents of a state that is kept in a file store (docs/decisions/0012-stateless-runs.md). Included by
/// state/*.cc alone.
namespace firn::state {

/// Version of all documents, in each. A newer one is refused by name.
inline constexpr int64_t kDocumentVersion = 1;

/// What a document may be called for any text: readable, and distinct for distinct names. "shop/orders" →
/// "shop_orders-1f0c9a…".
std::string DocumentName(std::string_view name);

/// Errors: kBadData for what is no object or has no version; kConfig E0753 for a newer version.
Status CheckDocument(std::string_view location, const nlohmann::ordered_json& json);

/// A member of an object; "" or 0 if it is missing or of another kind.
std::string TextOf(const nlohmann::ordered_json& json, const char* name);
int64_t NumberOf(const nlohmann::ordered_json& json, const char* name);

}  // namespace firn::state
