#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "expression/jinja/builtins.h"

/// Filters on sequences, for the table in filters.cc. Private to this folder.
namespace firn::expression::jinja {

Result<Value> AttrFilter(const Call& call);
Result<Value> BatchFilter(const Call& call);
Result<Value> DictsortFilter(const Call& call);
Result<Value> FirstFilter(const Call& call);
Result<Value> GroupbyFilter(const Call& call);
Result<Value> ItemsFilter(const Call& call);
Result<Value> JoinFilter(const Call& call);
Result<Value> LastFilter(const Call& call);
Result<Value> LengthFilter(const Call& call);
Result<Value> ListFilter(const Call& call);
Result<Value> MapFilter(const Call& call);
Result<Value> MaxFilter(const Call& call);
Result<Value> MinFilter(const Call& call);
Result<Value> RejectFilter(const Call& call);
Result<Value> RejectattrFilter(const Call& call);
Result<Value> ReverseFilter(const Call& call);
Result<Value> SelectFilter(const Call& call);
Result<Value> SelectattrFilter(const Call& call);
Result<Value> SliceFilter(const Call& call);
Result<Value> SortFilter(const Call& call);
Result<Value> SumFilter(const Call& call);
Result<Value> UniqueFilter(const Call& call);

std::string EncodeBase64(std::string_view bytes);
/// As Python's b64decode: other characters are passed over. nullopt for wrong padding.
std::optional<std::string> DecodeBase64(std::string_view text);
bool IsUtf8(std::string_view bytes);

}  // namespace firn::expression::jinja
