#include "table/write/retire_scope.h"

#include <map>
#include <optional>
#include <string>

#include "table/metadata/literal.h"
#include "table/write/order_value.h"

namespace firn::table {

namespace {

constexpr int64_t kMicrosPerDay = int64_t{86'400} * 1'000'000;

// Of integers and times alone: bounds of other types do not prune.
std::optional<int64_t> BoundOf(const std::map<int32_t, std::string>& bounds, int32_t field_id,
                               const schema::TypePtr& type) {
  const auto found = bounds.find(field_id);
  if (found == bounds.end()) return std::nullopt;
  const auto literal = FromSingleValue(type, found->second);
  if (!literal.ok()) return std::nullopt;
  if (const auto* small = std::get_if<int32_t>(&literal->value))
    return IsInstant(*type) ? *small * kMicrosPerDay : *small;
  if (const auto* large = std::get_if<int64_t>(&literal->value)) return *large;
  return std::nullopt;
}

}  // namespace

bool RetireScope::MayHold(const DataFile& file) const {
  if (kind != Kind::kRange || order_type == nullptr) return kind != Kind::kNone;
  const auto count = file.null_value_counts.find(order_field_id);
  if (nulls && (count == file.null_value_counts.end() || count->second > 0)) return true;
  const bool exact =
      IsInstant(*order_type) || order_type->id == schema::TypeId::kInt || order_type->id == schema::TypeId::kLong;
  if (!exact) return true;
  const auto least = BoundOf(file.lower_bounds, order_field_id, order_type);
  const auto most = BoundOf(file.upper_bounds, order_field_id, order_type);
  if (!least || !most) return true;
  return *most >= begin && *least < end;
}

}  // namespace firn::table
