#include "pipeline/reread.h"

#include <charconv>

#include "pipeline/column_naming.h"
#include "table/write/order_value.h"

namespace firn::pipeline {
namespace {

constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;
constexpr int64_t kAheadMicros = int64_t{3'600} * 1'000'000;  // as far as a pass asks beyond now

std::optional<int64_t> WholeNumber(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Timestamp> TimeOf(const std::string& text) {
  constexpr size_t kDateLength = 10;
  auto time = ParseTimestamp(text.size() == kDateLength ? text + "T00:00:00Z" : text);
  return time.ok() ? std::optional(*time) : std::nullopt;
}

// Times as the cursor's column orders them. Of a column without a zone it is not known which moment a value is, so a
// day is left out at either end.
class CursorOrder {
 public:
  CursorOrder(const config::IncrementalConfig& incremental, const schema::Type& type)
      : format_(incremental.format),
        instant_(table::IsInstant(type)),
        zoned_(type.id == schema::TypeId::kTimestampTz) {}

  bool tells_time() const {
    return instant_ || format_ == config::CursorFormat::kEpochSeconds || format_ == config::CursorFormat::kEpochMillis;
  }
  int64_t Begin(Timestamp time) const { return Of({.micros = time.micros + (instant_ && !zoned_ ? kDayMicros : 0)}); }
  int64_t End(Timestamp time) const { return Of({.micros = time.micros - (instant_ && !zoned_ ? kDayMicros : 0)}); }

 private:
  int64_t Of(Timestamp time) const {
    if (instant_) return time.micros;
    // Rounded up: a value at the edge is left out.
    const int64_t unit = format_ == config::CursorFormat::kEpochSeconds ? 1'000'000 : 1'000;
    return time.micros / unit + (time.micros % unit > 0 ? 1 : 0);
  }

  config::CursorFormat format_;
  bool instant_;
  bool zoned_;
};

}  // namespace

bool CanReread(const config::TableConfig& table) {
  const bool by_key =
      table.merge.strategy == config::MergeStrategy::kUpsert || table.merge.strategy == config::MergeStrategy::kScd2;
  return table.incremental && table.parent.empty() && by_key &&
         table.write_disposition == config::WriteDisposition::kMerge &&
         table.merge.mode != config::MergeMode::kCopyOnWrite;
}

std::optional<Timestamp> PassAfter(const config::TableConfig& table, std::optional<Timestamp> last, Timestamp now) {
  if (!table.merge.reconcile || !CanReread(table)) return std::nullopt;
  if (!last) return now;
  return Timestamp{.micros = last->micros + table.merge.reconcile->every_ms * 1'000};
}

std::optional<Timestamp> NextPass(const config::TableConfig& table, const StreamDocument& document, Timestamp now) {
  return document.splits.empty() ? std::nullopt : PassAfter(table, document.reconciled, now);
}

std::optional<source::Reread> RereadOf(const config::TableConfig& table, const StreamDocument& document, bool forced,
                                       Timestamp now) {
  if (!CanReread(table) || document.splits.empty()) return std::nullopt;
  const auto next = NextPass(table, document, now);
  if (!forced && (!next || *next > now)) return std::nullopt;
  source::Reread reread;
  if (table.merge.reconcile) reread.window_ms = table.merge.reconcile->window_ms;
  return reread;
}

PassScope ScopeOfPass(const config::TableConfig& table, const source::Reread& reread, const schema::Schema& schema,
                      Timestamp now) {
  using Kind = table::RetireScope::Kind;
  const config::IncrementalConfig& incremental = *table.incremental;
  const schema::Field* field = ColumnOfKey(schema, incremental.cursor);
  const bool ordered = field != nullptr && !field->type->is_nested() && table::IsOrderable(*field->type);
  const bool from_start = reread.window_ms.has_value() || !incremental.start.empty();
  if (!ordered) {
    if (!from_start) return {.scope = {.kind = Kind::kAll}};
    return {.why_none = "the cursor `" + incremental.cursor +
                        "` is no column of numbers or times, so it is not known which rows were asked for"};
  }
  table::RetireScope scope{.kind = Kind::kRange, .order_field_id = field->id, .order_type = field->type};
  const CursorOrder order(incremental, *field->type);
  if (order.tells_time()) scope.end = order.End({.micros = now.micros + kAheadMicros});
  if (!from_start) {
    scope.nulls = true;
    return {.scope = scope};
  }
  if (reread.window_ms) {
    if (!order.tells_time()) return {.why_none = "a window needs a cursor that is a time"};
    scope.begin = order.Begin({.micros = now.micros - *reread.window_ms * 1'000});
    return {.scope = scope};
  }
  const auto start = TimeOf(incremental.start);
  const auto number = WholeNumber(incremental.start);
  if (number && !table::IsInstant(*field->type)) {
    scope.begin = *number;
  } else if (start && order.tells_time()) {
    scope.begin = order.Begin(*start);
  } else {
    return {.why_none = "incremental.start cannot be compared with the column of the cursor"};
  }
  return {.scope = scope};
}

}  // namespace firn::pipeline
