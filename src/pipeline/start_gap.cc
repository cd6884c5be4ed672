#include "pipeline/start_gap.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <utility>

#include "expression/datetime.h"
#include "expression/decimal.h"
#include "pipeline/column_extent.h"

namespace firn::pipeline {
namespace {

constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;

enum class Kind : uint8_t { kNumber, kTime, kText };

struct Comparable {
  Kind kind = Kind::kText;
  long double number = 0;  // of times: microseconds since 1970
  std::string text;        // as it is written
};

bool IsLess(const Comparable& a, const Comparable& b) {
  return a.kind == Kind::kText ? a.text < b.text : a.number < b.number;
}

class CursorColumn {
 public:
  CursorColumn(const schema::Field& field, const config::IncrementalConfig& cursor)
      : type_(field.type->id), cursor_(cursor) {}

  /// Of a text that the source, or a user, wrote.
  Comparable OfText(const std::string& text) const {
    const auto time = cursor_.format == config::CursorFormat::kPattern
                          ? expression::ParseByPattern(text, cursor_.pattern, Zone())
                          : expression::ParseIso(text, Zone());
    const bool number = expression::IsJsonNumber(text) || IsDigits(text);
    if (number && cursor_.format != config::CursorFormat::kPattern) {
      const long double value = std::strtold(text.c_str(), nullptr);
      if (!is_time()) return {.kind = Kind::kNumber, .number = value, .text = text};
      if (cursor_.format == config::CursorFormat::kEpochSeconds) return OfTime(value * 1'000'000, text);
      if (cursor_.format == config::CursorFormat::kEpochMillis) return OfTime(value * 1'000, text);
    }
    if (time.ok()) return OfTime(static_cast<long double>(time->micros), text);
    return {.kind = Kind::kText, .number = 0, .text = text};
  }

  /// nullopt: null, or of a type that is not compared.
  std::optional<Comparable> At(const arrow::Array& values, int64_t row) const {
    if (values.IsNull(row)) return std::nullopt;
    switch (values.type_id()) {
      case arrow::Type::INT32:
        return OfNumber(static_cast<const arrow::Int32Array&>(values).Value(row));
      case arrow::Type::INT64:
        return OfNumber(static_cast<const arrow::Int64Array&>(values).Value(row));
      case arrow::Type::FLOAT:
        return OfNumber(static_cast<const arrow::FloatArray&>(values).Value(row));
      case arrow::Type::DOUBLE:
        return OfNumber(static_cast<const arrow::DoubleArray&>(values).Value(row));
      case arrow::Type::DECIMAL128: {
        std::string text = static_cast<const arrow::Decimal128Array&>(values).FormatValue(row);
        const long double value = std::strtold(text.c_str(), nullptr);
        return Comparable{.kind = Kind::kNumber, .number = value, .text = std::move(text)};
      }
      case arrow::Type::DATE32:
        return OfMicros(static_cast<const arrow::Date32Array&>(values).Value(row) * kDayMicros);
      case arrow::Type::TIMESTAMP:
        return OfMicros(static_cast<const arrow::TimestampArray&>(values).Value(row));
      case arrow::Type::STRING:
        return OfText(std::string(static_cast<const arrow::StringArray&>(values).GetView(row)));
      default:
        return std::nullopt;
    }
  }

 private:
  bool is_time() const {
    using schema::TypeId;
    return type_ == TypeId::kDate || type_ == TypeId::kTimestamp || type_ == TypeId::kTimestampTz;
  }
  // The column has the texts' own hours.
  std::string Zone() const { return type_ == schema::TypeId::kTimestamp ? "UTC" : cursor_.timezone; }
  static bool IsDigits(const std::string& text) {
    const size_t begin = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    return text.size() > begin && text.find_first_not_of("0123456789", begin) == std::string::npos;
  }
  static Comparable OfTime(long double micros, std::string text) {
    return {.kind = Kind::kTime, .number = micros, .text = std::move(text)};
  }
  static Comparable OfMicros(int64_t micros) {
    return OfTime(static_cast<long double>(micros), FormatTimestamp(Timestamp{.micros = micros}));
  }
  template <typename Number>
  static Comparable OfNumber(Number number) {
    return {.kind = Kind::kNumber, .number = static_cast<long double>(number), .text = std::to_string(number)};
  }

  const schema::TypeId type_;
  const config::IncrementalConfig& cursor_;
};

}  // namespace

Status CheckNoGap(io::FileStore& files, const std::shared_ptr<const table::TableMetadata>& metadata,
                  const schema::Field& field, const config::IncrementalConfig& cursor, const std::string& text,
                  std::stop_token stop) {
  const CursorColumn column(field, cursor);
  std::array<std::optional<Comparable>, 3> largest;  // by kind
  const auto visit = [&](const arrow::RecordBatch& batch) -> Status {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      auto value = column.At(*batch.column(0), row);
      if (!value) continue;
      auto& of_kind = largest[static_cast<size_t>(value->kind)];
      if (!of_kind || IsLess(*of_kind, *value)) of_kind = std::move(value);
    }
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(VisitLiveRows(files, metadata, {field}, visit, std::move(stop)));
  const Comparable start = column.OfText(text);
  const auto& same = largest[static_cast<size_t>(start.kind)];
  if (same && !IsLess(*same, start)) return Status::OK();
  const Comparable* known = same ? &*same : nullptr;
  for (const auto& other : largest) known = known == nullptr && other ? &*other : known;
  if (known == nullptr) return Status::OK();
  return MakeError(Fault::kConfig,
                   "the start position `" + text + "` lies after all rows of the table; the largest " + field.name +
                       " is " + known->text,
                   {.code = "E0952",
                    .why = "what the source has between would never be read",
                    .state = "nothing was changed",
                    .next = "--start-position \"max(" + field.name + ")\", or --accept-gap"});
}

}  // namespace firn::pipeline
