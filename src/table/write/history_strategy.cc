// Versions of a key (slowly changing dimension, type 2). The history of a key is a list of points in time, from each
// of which on it is in one state: a row, or absent. Stored are the rows, each from its point to the next; absent is
// what lies between a version that ended and the next one.
//
// A row of the load is a point at its changed_at, a deletion one of absence. It is put where it belongs, also into the
// middle. A point that says what was so before it says nothing and is left out; one at the time of another corrects it.
// Points that are stored keep their time, so valid_from and the surrogate key of a version never change.
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "table/scan/projection.h"
#include "table/write/key_hasher.h"
#include "table/write/merge_strategy.h"
#include "table/write/order_value.h"

namespace firn::table {

namespace {

/// From `at` on the key is `row`, or absent if that is null.
struct Point {
  int64_t at = 0;
  const KeyedRow* row = nullptr;
  const KeyedRow* corrects = nullptr;  // the live row that began at this time and is replaced
};

bool IsLive(const KeyedRow& row) {
  return row.source != KeyedRow::kOfLoad;
}

Status WithoutTime() {
  return MakeError(Fault::kConfig, "the table has rows without a time from which they are valid",
                   {.code = "E0826",
                    .why = "they were not written by `merge_strategy: scd2`, so they are no versions",
                    .state = "nothing was committed",
                    .next = "firn run --full-refresh for this table, or another table name"});
}

/// Adds the points of the stored versions, and returns those versions that cannot be shown: of several that begin at
/// one time all but one.
Status AddStored(std::vector<const KeyedRow*>* live, std::vector<Point>* points, std::vector<const KeyedRow*>* extra) {
  std::ranges::sort(*live, [](const KeyedRow* a, const KeyedRow* b) {
    return std::pair(a->order, a->is(KeyedRow::kHasEnd)) < std::pair(b->order, b->is(KeyedRow::kHasEnd));
  });
  for (size_t i = 0; i < live->size(); ++i) {
    const KeyedRow& row = *(*live)[i];
    if (!row.is(KeyedRow::kHasOrder)) return WithoutTime();
    if (!points->empty() && points->back().row != nullptr && points->back().at == row.order) {
      extra->push_back(&row);
      continue;
    }
    if (!points->empty() && points->back().row == nullptr && points->back().at >= row.order) points->pop_back();
    points->push_back({.at = row.order, .row = &row});
    if (row.is(KeyedRow::kHasEnd)) points->push_back({.at = row.end});
  }
  return Status::OK();
}

class History final : public MergeStrategy {
 public:
  explicit History(HistoryRules rules) : rules_(std::move(rules)) {}

  Columns load_columns() const override { return {.order = rules_.changed_at, .content = true}; }
  Columns live_columns() const override {
    return {.order = rules_.valid_from, .end = rules_.valid_to, .content = true};
  }
  bool Tracks(int32_t field_id) const override {
    const auto in = [&](const std::vector<int32_t>& ids) { return std::ranges::find(ids, field_id) != ids.end(); };
    return rules_.tracked.empty() ? !in(rules_.untracked) : in(rules_.tracked);
  }
  bool needs_order() const override { return rules_.changed_at != 0; }
  bool deletions_need_order() const override { return false; }  // without a time it counts from now on
  bool retires() const override { return rules_.retire_missing; }

  Status CheckSchema(const schema::Schema& schema) const override {
    if (rules_.changed_at == 0) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const schema::Field* field, TopLevelField(schema, rules_.changed_at));
    if (IsInstant(*field->type)) return Status::OK();
    return MakeError(
        Fault::kConfig,
        "scd2: changed_at: column `" + field->name + "` is a " + schema::ToString(*field->type) + ", not a time",
        {.code = "E0825",
         .why = "a version holds from a point in time on",
         .state = "nothing was committed",
         .next = "declare it under `columns:`, for example {type: timestamptz, format: epoch_ms}"});
  }

  Status Decide(std::span<const KeyedRow> load, std::span<const KeyedRow> live, Decisions* out) const override {
    std::vector<const KeyedRow*> stored;
    for (const KeyedRow& row : live) stored.push_back(&row);
    std::vector<Point> before;
    std::vector<const KeyedRow*> extra;
    ARROW_RETURN_NOT_OK(AddStored(&stored, &before, &extra));
    const std::vector<Point> fresh = PointsOf(load, before, out);
    if (fresh.empty()) return Status::OK();
    for (const KeyedRow* row : extra) ARROW_RETURN_NOT_OK(out->Delete(*row));
    return Write(Merged(before, fresh, out), before, out);
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Stamp(std::shared_ptr<arrow::RecordBatch> batch,
                                                    std::span<const RowStamp> stamps, const schema::Schema& key_schema,
                                                    arrow::MemoryPool* pool) const override;

 private:
  /// The points of the load, one per time, in order of time.
  std::vector<Point> PointsOf(std::span<const KeyedRow> load, const std::vector<Point>& before, Decisions* out) const {
    // Without changed_at a row is valid from now on, even if a clock went back.
    const int64_t now = before.empty() ? rules_.now_micros : std::max(rules_.now_micros, before.back().at + 1);
    std::vector<Point> points;
    for (const KeyedRow& row : load) {
      const bool timed = rules_.changed_at != 0 && row.is(KeyedRow::kHasOrder);
      points.push_back({.at = timed ? row.order : now, .row = &row});
    }
    std::ranges::stable_sort(points, {}, &Point::at);
    std::vector<Point> last;
    for (const Point& point : points) {
      if (!last.empty() && last.back().at == point.at) {
        ++out->counts.superseded;
        last.pop_back();
      }
      last.push_back(point);
    }
    const bool current = !before.empty() && before.back().row != nullptr;
    if (load.empty() && current) last.push_back({.at = now});
    return last;
  }

  static bool SameState(const Point* a, const KeyedRow* row) {
    const KeyedRow* state = a == nullptr ? nullptr : a->row;
    const bool absent = row == nullptr || row->is(KeyedRow::kIsDelete);
    if (state == nullptr || absent) return state == nullptr && absent;
    return state->content == row->content;
  }

  /// Both lists are sorted by time.
  static std::vector<Point> Merged(const std::vector<Point>& before, const std::vector<Point>& fresh, Decisions* out) {
    std::vector<Point> points;
    size_t old = 0;
    const auto keep = [&](const Point& point) {
      const bool absent_twice = point.row == nullptr && (points.empty() || points.back().row == nullptr);
      if (!absent_twice) points.push_back(point);
    };
    for (const Point& point : fresh) {
      for (; old < before.size() && before[old].at < point.at; ++old) keep(before[old]);
      const bool meets = old < before.size() && before[old].at == point.at;
      const Point* stored = meets ? &before[old++] : nullptr;
      if (stored != nullptr && SameState(stored, point.row)) {
        ++out->counts.skipped;
        keep(*stored);
        continue;
      }
      if (SameState(points.empty() ? nullptr : &points.back(), point.row)) {
        if (stored == nullptr) ++out->counts.skipped;
        continue;
      }
      const bool absent = point.row == nullptr || point.row->is(KeyedRow::kIsDelete);
      out->counts.deleted += absent ? 1 : 0;
      points.push_back({.at = point.at,
                        .row = absent ? nullptr : point.row,
                        .corrects = stored == nullptr || absent ? nullptr : stored->row});
    }
    for (; old < before.size(); ++old) keep(before[old]);
    return points;
  }

  static Status Write(const std::vector<Point>& points, const std::vector<Point>& before, Decisions* out) {
    std::vector<const KeyedRow*> kept;
    for (size_t i = 0; i < points.size(); ++i) {
      const Point& point = points[i];
      if (point.row == nullptr) continue;
      RowStamp stamp{.from = point.at, .flags = RowStamp::kStamped};
      if (i + 1 < points.size()) {
        stamp.to = points[i + 1].at;
        stamp.flags |= RowStamp::kHasTo;
      }
      if (!IsLive(*point.row)) {
        ++(point.corrects == nullptr ? out->counts.inserted : out->counts.updated);
        ARROW_RETURN_NOT_OK(out->Write(*point.row, stamp, point.corrects));
        if (point.corrects != nullptr) kept.push_back(point.corrects);
        continue;
      }
      kept.push_back(point.row);
      const bool same_end = point.row->is(KeyedRow::kHasEnd) == stamp.is(RowStamp::kHasTo) &&
                            (!stamp.is(RowStamp::kHasTo) || point.row->end == stamp.to);
      if (same_end) continue;
      ++out->counts.updated;
      ARROW_RETURN_NOT_OK(out->Restamp(*point.row, stamp));
    }
    for (const Point& point : before) {
      if (point.row == nullptr || std::ranges::find(kept, point.row) != kept.end()) continue;
      ARROW_RETURN_NOT_OK(out->Delete(*point.row));
    }
    return Status::OK();
  }

  const HistoryRules rules_;
};

/// The columns of the stamped rows; the others keep theirs.
Result<std::shared_ptr<arrow::RecordBatch>> History::Stamp(std::shared_ptr<arrow::RecordBatch> batch,
                                                           std::span<const RowStamp> stamps,
                                                           const schema::Schema& key_schema,
                                                           arrow::MemoryPool* pool) const {
  ARROW_ASSIGN_OR_RAISE(const Projection to_key,
                        Projection::Make(*batch->schema(), key_schema, Projection::Extra::kDrop));
  ARROW_ASSIGN_OR_RAISE(const auto key, to_key.Apply(*batch, pool));
  const KeyHashes hashes = HashKeys(*key);
  const auto micros = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  arrow::TimestampBuilder from(micros, pool), to(micros, pool);
  arrow::BooleanBuilder current(pool);
  arrow::StringBuilder surrogate(pool);
  for (size_t i = 0; i < stamps.size(); ++i) {
    FIRN_CHECK(stamps[i].is(RowStamp::kStamped));
    ARROW_RETURN_NOT_OK(from.Append(stamps[i].from));
    const bool ended = stamps[i].is(RowStamp::kHasTo);
    ARROW_RETURN_NOT_OK(ended ? to.Append(stamps[i].to) : to.AppendNull());
    ARROW_RETURN_NOT_OK(current.Append(!ended));
    char bytes[sizeof(Hash128) + sizeof(int64_t)];
    std::memcpy(bytes, &hashes.hashes[i], sizeof(Hash128));
    std::memcpy(bytes + sizeof(Hash128), &stamps[i].from, sizeof(int64_t));
    ARROW_RETURN_NOT_OK(surrogate.Append(Xxh3({bytes, sizeof bytes}).Hex()));
  }
  const std::pair<int32_t, arrow::ArrayBuilder*> columns[] = {{rules_.valid_from, &from},
                                                              {rules_.valid_to, &to},
                                                              {rules_.is_current, &current},
                                                              {rules_.surrogate, &surrogate}};
  for (const auto& [field_id, builder] : columns) {
    ARROW_ASSIGN_OR_RAISE(auto column, builder->Finish());
    for (int i = 0; i < batch->num_columns(); ++i) {
      const auto field = batch->schema()->field(i);
      if (FieldIdOf(*field) != field_id) continue;
      ARROW_ASSIGN_OR_RAISE(batch, batch->SetColumn(i, field, column));
    }
  }
  return batch;
}

}  // namespace

MergeStrategyPtr MakeHistory(HistoryRules rules) {
  return std::make_shared<const History>(std::move(rules));
}

}  // namespace firn::table
