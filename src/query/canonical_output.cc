#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

#include "query/row_writer.h"

/// Rows as text that is the same for every engine that holds the same Iceberg values: JSON lines with sorted keys,
/// times with all their digits, decimals as text, maps as sorted pairs, floats as Python prints them.
namespace firn::query {
namespace {

Status AppendCanonical(const arrow::Array& array, int64_t row, std::string& out);

// The digits of the shortest form, fixed from 1e-4 up to 1e16 and with an exponent of two digits or more beyond.
void AppendFloat(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return;
  }
  const double size = std::abs(value);
  const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  std::array<char, 64> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  out += text;
  if (fixed && text.find('.') == std::string_view::npos) out += ".0";
}

Status AppendQuotedText(const arrow::Array& array, int64_t row, std::string& out) {
  out += '"';
  ARROW_RETURN_NOT_OK(AppendTextValue(array, row, out));
  out += '"';
  return Status::OK();
}

// Six digits of a second, nine for nanoseconds; AppendTextValue leaves zeros out.
Status AppendTime(const arrow::Array& array, int64_t row, bool nanoseconds, std::string& out) {
  std::string text;
  ARROW_RETURN_NOT_OK(AppendTextValue(array, row, text));
  const bool utc = text.ends_with('Z');
  if (utc) text.pop_back();
  const size_t digits = nanoseconds ? 9 : 6;
  if (text.find(':') != std::string::npos) {
    size_t point = text.find('.');
    if (point == std::string::npos) {
      point = text.size();
      text += '.';
    }
    text.resize(point + 1 + digits, '0');
  }
  out.append("\"").append(text).append(utc ? "Z\"" : "\"");
  return Status::OK();
}

Status AppendItems(const arrow::Array& values, int64_t begin, int64_t end, std::string& out) {
  out += '[';
  for (int64_t i = begin; i < end; ++i) {
    if (i > begin) out += ',';
    ARROW_RETURN_NOT_OK(AppendCanonical(values, i, out));
  }
  out += ']';
  return Status::OK();
}

Status AppendMap(const arrow::MapArray& map, int64_t row, std::string& out) {
  std::vector<std::pair<std::string, int64_t>> keys;
  for (int64_t i = map.value_offset(row); i < map.value_offset(row + 1); ++i) {
    std::string key;
    ARROW_RETURN_NOT_OK(AppendCanonical(*map.keys(), i, key));
    keys.emplace_back(std::move(key), i);
  }
  std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  out += '[';
  for (size_t i = 0; i < keys.size(); ++i) {
    out.append(i > 0 ? ",[" : "[").append(keys[i].first).append(",");
    ARROW_RETURN_NOT_OK(AppendCanonical(*map.items(), keys[i].second, out));
    out += ']';
  }
  out += ']';
  return Status::OK();
}

// The order of the names, by bytes.
std::vector<int> SortedOrder(const std::vector<std::string>& names) {
  std::vector<int> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int a, int b) { return names[static_cast<size_t>(a)] < names[static_cast<size_t>(b)]; });
  return order;
}

Status AppendStruct(const arrow::StructArray& array, int64_t row, std::string& out) {
  std::vector<std::string> names;
  for (const auto& field : array.struct_type()->fields()) names.push_back(field->name());
  char before = '{';
  for (const int i : SortedOrder(names)) {
    out += before;
    before = ',';
    AppendJsonText(names[static_cast<size_t>(i)], out);
    out += ':';
    ARROW_RETURN_NOT_OK(AppendCanonical(*array.field(i), row, out));
  }
  out += before == '{' ? "{}" : "}";
  return Status::OK();
}

template <typename ListArray>
Status AppendList(const arrow::Array& array, int64_t row, std::string& out) {
  const auto& list = static_cast<const ListArray&>(array);
  return AppendItems(*list.values(), list.value_offset(row), list.value_offset(row + 1), out);
}

bool InNanoseconds(const arrow::DataType& type) {
  return type.id() == arrow::Type::TIMESTAMP &&
         static_cast<const arrow::TimestampType&>(type).unit() == arrow::TimeUnit::NANO;
}

Status AppendCanonical(const arrow::Array& array, int64_t row, std::string& out) {
  if (array.IsNull(row)) {
    out += "null";
    return Status::OK();
  }
  switch (array.type_id()) {
    case arrow::Type::STRUCT:
      return AppendStruct(static_cast<const arrow::StructArray&>(array), row, out);
    case arrow::Type::MAP:
      return AppendMap(static_cast<const arrow::MapArray&>(array), row, out);
    case arrow::Type::LIST:
      return AppendList<arrow::ListArray>(array, row, out);
    case arrow::Type::LARGE_LIST:
      return AppendList<arrow::LargeListArray>(array, row, out);
    case arrow::Type::FIXED_SIZE_LIST:
      return AppendList<arrow::FixedSizeListArray>(array, row, out);
    case arrow::Type::FLOAT:
      AppendFloat(static_cast<const arrow::FloatArray&>(array).Value(row), out);
      return Status::OK();
    case arrow::Type::DOUBLE:
      AppendFloat(static_cast<const arrow::DoubleArray&>(array).Value(row), out);
      return Status::OK();
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256:
      return AppendQuotedText(array, row, out);
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP:
      return AppendTime(array, row, InNanoseconds(*array.type()), out);
    default:
      return AppendJsonValue(array, row, out);
  }
}

class CanonicalWriter : public RowWriter {
 public:
  explicit CanonicalWriter(ByteSink sink) : out_(std::move(sink)) {}

  Status Begin(const arrow::Schema&, const std::vector<std::string>& names) override {
    order_ = SortedOrder(names);
    for (const std::string& name : names) {
      keys_.emplace_back();
      AppendJsonText(name, keys_.back());
      keys_.back() += ':';
    }
    return Status::OK();
  }

  Status Batch(const arrow::RecordBatch& batch) override {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      char before = '{';
      for (const int i : order_) {
        out_.text() += before;
        before = ',';
        out_.text() += keys_[static_cast<size_t>(i)];
        ARROW_RETURN_NOT_OK(AppendCanonical(*batch.column(i), row, out_.text()));
      }
      out_.text() += before == '{' ? "{}\n" : "}\n";
      ARROW_RETURN_NOT_OK(out_.FlushIfLarge());
    }
    return out_.Flush();
  }

  Status End() override { return out_.Flush(); }

 private:
  OutputBuffer out_;
  std::vector<int> order_;
  std::vector<std::string> keys_;
};

}  // namespace

std::unique_ptr<RowWriter> MakeCanonicalWriter(ByteSink sink) {
  return std::make_unique<CanonicalWriter>(std::move(sink));
}

}  // namespace firn::query
