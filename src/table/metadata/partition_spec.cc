#include "table/metadata/partition_spec.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace firn::table {
namespace {

using Kind = Transform::Kind;
using schema::TypeId;

constexpr std::pair<Kind, std::string_view> kNames[] = {
    {Kind::kIdentity, "identity"}, {Kind::kYear, "year"}, {Kind::kMonth, "month"},
    {Kind::kDay, "day"},           {Kind::kHour, "hour"}, {Kind::kVoid, "void"},
};

// Reads N of "name[N]"; nullopt if `text` is not of that form at all.
std::optional<Result<int32_t>> Parameter(std::string_view text, std::string_view name) {
  if (!text.starts_with(name) || text.size() < name.size() + 2) return std::nullopt;
  if (text[name.size()] != '[' || text.back() != ']') return std::nullopt;
  const std::string_view digits = text.substr(name.size() + 1, text.size() - name.size() - 2);
  int32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number <= 0) {
    return MakeError(Fault::kBadData, "transform parameter is no positive int: " + std::string(name));
  }
  return number;
}

bool Buckets(TypeId id) {
  return id != TypeId::kBoolean && id != TypeId::kFloat && id != TypeId::kDouble && id < TypeId::kStruct;
}

bool Truncates(TypeId id) {
  return id == TypeId::kInt || id == TypeId::kLong || id == TypeId::kDecimal || id == TypeId::kString ||
         id == TypeId::kBinary;
}

bool HasHour(TypeId id) {
  return id == TypeId::kTimestamp || id == TypeId::kTimestampTz || id == TypeId::kTimestampNs ||
         id == TypeId::kTimestampTzNs;
}

bool HasDate(TypeId id) {
  return id == TypeId::kDate || HasHour(id);
}

bool Applies(Kind kind, TypeId id) {
  switch (kind) {
    case Kind::kIdentity:
      return id < TypeId::kStruct;
    case Kind::kBucket:
      return Buckets(id);
    case Kind::kTruncate:
      return Truncates(id);
    case Kind::kYear:
    case Kind::kMonth:
    case Kind::kDay:
      return HasDate(id);
    case Kind::kHour:
      return HasHour(id);
    case Kind::kVoid:
    case Kind::kUnknown:
      return true;
  }
  return false;
}

}  // namespace

Result<Transform> ParseTransform(std::string_view text) {
  for (const auto& [kind, name] : kNames) {
    if (name == text) return Transform{.kind = kind};
  }
  for (const auto& [kind, name] : {std::pair(Kind::kBucket, "bucket"), std::pair(Kind::kTruncate, "truncate")}) {
    if (auto parameter = Parameter(text, name)) {
      ARROW_ASSIGN_OR_RAISE(const int32_t number, *parameter);
      return Transform{.kind = kind, .parameter = number};
    }
  }
  return Transform{.kind = Kind::kUnknown, .unknown_name = std::string(text)};
}

std::string ToString(const Transform& transform) {
  for (const auto& [kind, name] : kNames) {
    if (kind == transform.kind) return std::string(name);
  }
  if (transform.kind == Kind::kUnknown) return transform.unknown_name;
  return (transform.kind == Kind::kBucket ? "bucket[" : "truncate[") + std::to_string(transform.parameter) + "]";
}

Result<schema::TypePtr> ResultType(const Transform& transform, const schema::TypePtr& source) {
  if (!Applies(transform.kind, source->id)) {
    return MakeError(Fault::kConfig, "cannot partition or sort by " + ToString(transform) + " of a column of type " +
                                         schema::ToString(*source));
  }
  switch (transform.kind) {
    case Kind::kBucket:
    case Kind::kYear:
    case Kind::kMonth:
    case Kind::kHour:
      return schema::Int();
    case Kind::kDay:
      return schema::Date();
    case Kind::kUnknown:
      return schema::String();
    default:
      return source;
  }
}

Result<std::vector<schema::Field>> PartitionFields(const PartitionSpec& spec, const schema::Schema& schema) {
  std::vector<schema::Field> fields;
  for (const PartitionField& field : spec.fields) {
    const schema::Field* source = schema.FindById(field.source_id);
    if (source == nullptr) {
      return MakeError(Fault::kBadData, "partition spec " + std::to_string(spec.spec_id) + ": source column " +
                                            std::to_string(field.source_id) + " is not in the schema");
    }
    ARROW_ASSIGN_OR_RAISE(schema::TypePtr type, ResultType(field.transform, source->type));
    fields.push_back({.id = field.field_id, .name = field.name, .type = std::move(type), .required = false});
  }
  return fields;
}

bool Equivalent(const PartitionSpec& a, const PartitionSpec& b) {
  return std::equal(a.fields.begin(), a.fields.end(), b.fields.begin(), b.fields.end(),
                    [](const PartitionField& x, const PartitionField& y) {
                      return x.source_id == y.source_id && x.name == y.name && x.transform == y.transform;
                    });
}

}  // namespace firn::table
