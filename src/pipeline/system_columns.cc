#include "pipeline/system_columns.h"

#include <arrow/array/array_base.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/util.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

#include "base/random.h"
#include "base/uuid.h"
#include "pipeline/run_columns.h"
#include "schema/arrow_mapping.h"

namespace firn::pipeline {
namespace {

using config::SystemColumns;

constexpr std::array kSets = {SystemColumns::kFirn, SystemColumns::kDlt, SystemColumns::kAirbyte};
constexpr size_t kRowIdBytes = 10;  // of dlt: 14 characters of base 64
constexpr int64_t kMicrosPerSecond = 1'000'000;

schema::TypePtr AirbyteMeta() {
  const auto change = schema::Struct({{.name = "field", .type = schema::String()},
                                      {.name = "change", .type = schema::String()},
                                      {.name = "reason", .type = schema::String()}});
  return schema::Struct({{.name = "sync_id", .type = schema::Long()},
                         {.name = "changes", .type = schema::List({.name = "element", .type = change})}});
}

// 80 random bits in base 64, as dlt makes them.
std::string RowId(std::span<const uint8_t, kRowIdBytes> bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  uint32_t bits = 0;
  int num_bits = 0;
  for (const uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    for (num_bits += 8; num_bits >= 6; num_bits -= 6) text.push_back(kDigits[bits >> (num_bits - 6) & 63]);
  }
  text.push_back(kDigits[bits << (6 - num_bits) & 63]);
  return text;
}

template <size_t Bytes, typename Text>
Result<std::shared_ptr<arrow::Array>> RandomTexts(int64_t num_rows, arrow::MemoryPool* pool, Text text) {
  std::vector<uint8_t> random(static_cast<size_t>(num_rows) * Bytes);
  FillRandom(random);
  arrow::StringBuilder builder(pool);
  ARROW_RETURN_NOT_OK(builder.Reserve(num_rows));
  for (size_t row = 0; row < static_cast<size_t>(num_rows); ++row) {
    ARROW_RETURN_NOT_OK(builder.Append(text(std::span<const uint8_t, Bytes>(random.data() + row * Bytes, Bytes))));
  }
  return builder.Finish();
}

std::string UuidText(std::span<const uint8_t, 16> bytes) {
  Uuid uuid;
  std::ranges::copy(bytes, uuid.bytes.begin());
  uuid.bytes[6] = static_cast<uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);  // RFC 9562: version 4
  uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid.ToString();
}

// Seconds since 1970 with a fraction: how dlt names a load.
std::string LoadId(Timestamp time) {
  std::string micros = std::to_string(time.micros % kMicrosPerSecond);
  return std::to_string(time.micros / kMicrosPerSecond) + "." + std::string(6 - micros.size(), '0') + micros;
}

// A sync is known by a number that grows; here by the milliseconds of its run.
int64_t SyncId(const SystemStamp& stamp) {
  return stamp.loaded_at.micros / 1000;
}

Status CannotHold(const std::string& name, const std::string& type) {
  return MakeError(Fault::kConfig,
                   "the table's column " + name + " is " + type + ", which is not what is written there",
                   {.code = "E0951",
                    .why = "system columns are those of the program that made the table",
                    .state = "nothing was changed",
                    .next = "write the `system_columns` that the table has, or rename the column: firn table alter"});
}

Result<std::shared_ptr<arrow::Scalar>> MetaValue(const arrow::Field& field, const SystemStamp& stamp) {
  if (field.type()->id() == arrow::Type::STRING) {
    return std::make_shared<arrow::StringScalar>("{\"sync_id\":" + std::to_string(SyncId(stamp)) + ",\"changes\":[]}");
  }
  if (field.type()->id() != arrow::Type::STRUCT) return CannotHold(field.name(), field.type()->ToString());
  arrow::ScalarVector values;
  for (const auto& child : field.type()->fields()) {
    if (child->name() == "sync_id" && child->type()->id() == arrow::Type::INT64) {
      values.push_back(std::make_shared<arrow::Int64Scalar>(SyncId(stamp)));
    } else if (child->name() == "changes" && child->type()->id() == arrow::Type::LIST) {
      ARROW_ASSIGN_OR_RAISE(auto none, arrow::MakeEmptyArray(child->type()->field(0)->type()));
      values.push_back(std::make_shared<arrow::ListScalar>(std::move(none), child->type()));
    } else {
      values.push_back(arrow::MakeNullScalar(child->type()));
    }
  }
  return std::make_shared<arrow::StructScalar>(std::move(values), field.type());
}

Result<std::shared_ptr<arrow::Scalar>> ValueOf(const arrow::Field& field, const SystemStamp& stamp) {
  const std::string& name = field.name();
  const arrow::Type::type type = field.type()->id();
  if (name == "_airbyte_meta") return MetaValue(field, stamp);
  if (name == kLoadedAtColumn || name == "_airbyte_extracted_at") {
    if (type == arrow::Type::TIMESTAMP) {
      const bool nanos = static_cast<const arrow::TimestampType&>(*field.type()).unit() == arrow::TimeUnit::NANO;
      return std::make_shared<arrow::TimestampScalar>(stamp.loaded_at.micros * (nanos ? 1000 : 1), field.type());
    }
    if (type == arrow::Type::INT64) return std::make_shared<arrow::Int64Scalar>(stamp.loaded_at.micros / 1000);
  } else if (name == "_airbyte_generation_id") {
    if (type == arrow::Type::INT64) return std::make_shared<arrow::Int64Scalar>(0);
    if (type == arrow::Type::INT32) return std::make_shared<arrow::Int32Scalar>(0);
  } else if (type == arrow::Type::STRING) {
    return std::make_shared<arrow::StringScalar>(name == "_dlt_load_id" ? LoadId(stamp.loaded_at) : stamp.run_id);
  }
  return CannotHold(name, field.type()->ToString());
}

}  // namespace

std::vector<schema::Field> SystemFields(SystemColumns columns) {
  switch (columns) {
    case SystemColumns::kFirn:
      return {{.name = kLoadedAtColumn, .type = schema::TimestampTz()},
              {.name = kRunIdColumn, .type = schema::String()}};
    case SystemColumns::kDlt:
      return {{.name = "_dlt_load_id", .type = schema::String()}, {.name = "_dlt_id", .type = schema::String()}};
    case SystemColumns::kAirbyte:
      return {{.name = "_airbyte_raw_id", .type = schema::String()},
              {.name = "_airbyte_extracted_at", .type = schema::TimestampTz()},
              {.name = "_airbyte_meta", .type = AirbyteMeta()},
              {.name = "_airbyte_generation_id", .type = schema::Long()}};
  }
  return {};
}

bool IsSystemColumn(SystemColumns columns, std::string_view name) {
  return std::ranges::any_of(SystemFields(columns), [&](const auto& field) { return field.name == name; });
}

SystemColumns GuessSystemColumns(const schema::Schema& schema) {
  for (const SystemColumns set : kSets) {
    const auto fields = SystemFields(set);
    if (std::ranges::all_of(fields, [&](const auto& field) { return schema.Find(field.name) != nullptr; })) return set;
  }
  return SystemColumns::kFirn;
}

Result<std::shared_ptr<arrow::Array>> SystemValues(const arrow::Field& field, const SystemStamp& stamp,
                                                   int64_t num_rows, arrow::MemoryPool* pool) {
  if (field.type()->id() == arrow::Type::STRING) {
    if (field.name() == "_dlt_id") return RandomTexts<kRowIdBytes>(num_rows, pool, RowId);
    if (field.name() == "_airbyte_raw_id") return RandomTexts<16>(num_rows, pool, UuidText);
  }
  ARROW_ASSIGN_OR_RAISE(const auto value, ValueOf(field, stamp));
  return arrow::MakeArrayFromScalar(*value, num_rows, pool);
}

Status CheckSystemColumns(SystemColumns columns, const schema::Schema& schema) {
  for (const schema::Field& wanted : SystemFields(columns)) {
    const schema::Field* known = schema.Find(wanted.name);
    if (known == nullptr) continue;
    const auto field = schema::ToArrowSchema({.fields = {*known}})->field(0);
    ARROW_RETURN_NOT_OK(
        SystemValues(*field, {.loaded_at = {}, .run_id = ""}, 1, arrow::default_memory_pool()).status());
  }
  return Status::OK();
}

}  // namespace firn::pipeline
