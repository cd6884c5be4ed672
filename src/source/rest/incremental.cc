#include "source/rest/incremental.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "base/failpoint.h"
#include "base/hash.h"
#include "base/log.h"
#include "expression/datetime.h"
#include "expression/value.h"
#include "source/rest/errors.h"
#include "source/rest/paginator.h"

namespace firn::source::rest {
namespace {

using connector::BoundaryRule;
using connector::IncrementalPlan;
using connector::TablePlan;
using expression::Value;

std::string RandomKey() {
  std::array<unsigned char, 16> bytes{};
  FIRN_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return HexOf(bytes.data(), bytes.size());
}

// True if requests carry a bound: `name` is what templates call it.
bool UsesBound(const TablePlan& table, const std::string& param, std::string_view name) {
  return !param.empty() || connector::IncrementalPaths(table).contains(std::string(name));
}

Status BadPosition(const TablePlan& table, const std::string& what) {
  return NamedError({.fault = Fault::kConfig,
                     .code = "E0443",
                     .message = "table " + table.name + ": the saved position cannot be read: " + what,
                     .where = table.where,
                     .next = "firn state reset " + table.name + ", or use the firn that wrote it"});
}

Status RefusedBound(const TablePlan& table, const std::string& option, const std::string& what) {
  return NamedError({.fault = Fault::kConfig,
                     .code = "E0437",
                     .message = "table " + table.name + ": " + option + " " + what,
                     .where = table.incremental->where,
                     .next = "give a value as the cursor has it, for example --from 2024-01-01 --to 2024-02-01"});
}

}  // namespace

CaptureLayout::CaptureLayout(const TablePlan& table) {
  paths = table.child_fields;
  cursor = paths.size();
  if (table.incremental) paths.push_back(table.incremental->cursor);
  keys = paths.size();
  for (const std::string& key : table.primary_key) {
    const auto copy = std::ranges::find(table.copies, key, &std::pair<std::string, std::string>::first);
    paths.push_back(copy == table.copies.end() ? key : copy->second);
  }
  deletes = paths.size();
  for (const auto& field : table.delete_fields) {
    if (!field.empty()) paths.push_back(field);
  }
  copies = paths.size();
  for (const auto& [column, path] : table.copies) paths.push_back(path);
}

Value MapOfPaths(const std::vector<std::pair<std::string, Value>>& fields) {
  expression::Map map;
  for (const auto& [path, value] : fields) {
    const size_t dot = path.find('.');
    if (dot == std::string::npos) {
      map.emplace_back(path, value);
      continue;
    }
    const bool whole = std::any_of(fields.begin(), fields.end(), [&](const auto& field) {
      return field.first == std::string_view(path).substr(0, dot);
    });
    if (whole) continue;  // the object itself is there, with everything below it
    const std::string head = path.substr(0, dot + 1);
    std::vector<std::pair<std::string, Value>> inner;  // expressions name few fields: quadratic work is fine
    for (const auto& [other, other_value] : fields) {
      if (other.rfind(head, 0) == 0) inner.emplace_back(other.substr(dot + 1), other_value);
    }
    map.emplace_back(path.substr(0, dot), MapOfPaths(inner));
  }
  return Value::OfMap(std::move(map));
}

bool IncrementalTracker::Less::operator()(const CursorValue& a, const CursorValue& b) const {
  static const IncrementalPlan kAny;
  if (a.kind != b.kind) return a.kind < b.kind;  // mixed kinds were refused before
  const auto order = CompareCursors(a, b, kAny);
  return order.ok() && *order < 0;
}

Result<IncrementalTracker> IncrementalTracker::Open(const TablePlan& table, const Position& state,
                                                    const std::optional<std::string>& from,
                                                    const std::optional<std::string>& to, const Clock& clock,
                                                    const std::optional<Reread>& reread) {
  FIRN_CHECK(table.incremental.has_value());
  IncrementalTracker tracker(table, clock);
  tracker.asks_exactly_ = table.incremental->format != connector::CursorFormat::kPattern &&
                          UsesBound(table, table.incremental->param, "start");
  ARROW_RETURN_NOT_OK(tracker.Load(state));
  if (tracker.hash_key_.empty()) tracker.hash_key_ = RandomKey();
  ARROW_RETURN_NOT_OK(reread ? tracker.PlanReread(*reread) : tracker.PlanWindows(from, to));
  if (!reread) tracker.positions_end_ = tracker.windows_.size();
  if (!tracker.windows_.empty()) tracker.window_end_ = tracker.windows_[0].end;
  return tracker;
}

Status IncrementalTracker::Load(const Position& state) {
  if (state.json.empty() || state.json == "null") return Status::OK();
  const auto parsed = expression::ParseJson(state.json);
  if (!parsed.ok()) return BadPosition(*table_, "it is no JSON");
  const Value* version = parsed->Find("version");
  if (version == nullptr || expression::ToText(*version) != "1") return BadPosition(*table_, "unknown version");
  if (const Value* cursor = parsed->Find("cursor")) {
    ARROW_ASSIGN_OR_RAISE(cursor_, ReadCursor(expression::ToJson(*cursor), plan()));
  }
  if (const Value* resume = parsed->Find("resume"); resume != nullptr && resume->is_string()) {
    ARROW_ASSIGN_OR_RAISE(resume_, ParseTimestamp(resume->as_string()));
  }
  if (const Value* key = parsed->Find("hash_key"); key != nullptr && key->is_string()) hash_key_ = key->as_string();
  const auto load = [&](const Value& list, Hashes* hashes) {
    if (list.kind() != Value::Kind::kList) return false;
    for (const Value& hash : list.as_list()) {
      if (!hash.is_string()) return false;
      ++(*hashes)[hash.as_string()];
      ++num_kept_;
    }
    return true;
  };
  if (const Value* rows = parsed->Find("rows"); rows != nullptr) {
    if (rows->kind() != Value::Kind::kList) return BadPosition(*table_, "rows is no list");
    for (const Value& group : rows->as_list()) {
      if (group.kind() != Value::Kind::kList || group.as_list().size() != 2)
        return BadPosition(*table_, "a group of rows");
      ARROW_ASSIGN_OR_RAISE(const auto cursor, ReadCursor(expression::ToJson(group.as_list()[0]), plan()));
      if (!cursor || !load(group.as_list()[1], &kept_[*cursor])) return BadPosition(*table_, "a group of rows");
    }
  }
  if (const Value* rows = parsed->Find("null_rows"); rows != nullptr && !load(*rows, &kept_null_)) {
    return BadPosition(*table_, "null_rows");
  }
  known_ = kept_;
  known_null_ = kept_null_;
  if (table_->boundary != BoundaryRule::kKeyAndContent && table_->boundary != BoundaryRule::kNone) floor_ = Threshold();
  return Status::OK();
}

Result<Timestamp> IncrementalTracker::Rounded(Timestamp time) const {
  // Requests may be coarser than the clock (days, seconds): a window ends where its request does.
  ARROW_ASSIGN_OR_RAISE(const std::string text, FormatInstant(time, plan()));
  ARROW_ASSIGN_OR_RAISE(const CursorValue value, ReadBound(text, plan()));
  return InstantOf(value, plan()).value_or(time);
}

Status IncrementalTracker::PlanWindows(const std::optional<std::string>& from, const std::optional<std::string>& to) {
  std::optional<CursorValue> lower = cursor_;
  int64_t lookback = plan().lookback_micros;
  std::optional<CursorValue> last;
  if (from) {
    ARROW_ASSIGN_OR_RAISE(from_, BoundOfRun("--from", *from));
  }
  if (to) {
    ARROW_ASSIGN_OR_RAISE(last, BoundOfRun("--to", *to));
  }
  ARROW_RETURN_NOT_OK(CheckBounds(from_, last));
  if (from) {
    lower = from_;
    if (cursor_) {
      ARROW_ASSIGN_OR_RAISE(const int order, CompareCursors(*lower, *cursor_, plan()));
      advances_ = order <= 0;
      if (!advances_) log::Warn("this run begins after the saved position, which stays", {{"table", table_->name}});
    }
    known_.clear();  // what is asked for again is read again
    known_null_.clear();
    floor_ = {};
    lookback = 0;
  } else if (!cursor_ && !resume_ && !plan().start.empty()) {
    ARROW_ASSIGN_OR_RAISE(lower, ReadBound(plan().start, plan()));
    lookback = 0;
  }
  Timestamp end{.micros = clock_->LogicalNow().micros - plan().lag_micros};
  std::optional<std::string> upper;
  if (last) {
    if (UsesBound(*table_, plan().end_param, "end")) {
      ARROW_ASSIGN_OR_RAISE(upper, FormatBound(*last, 0, plan()));
    }
    if (const auto instant = InstantOf(*last, plan())) end = *instant;
    upper_ = {.exact = last};
  } else {
    if (UsesBound(*table_, plan().end_param, "end")) {
      ARROW_ASSIGN_OR_RAISE(upper, FormatInstant(end, plan()));
    }
    if (plan().lag_micros > 0) upper_ = {.instant = end};
  }
  if (plan().step_micros > 0) {
    std::optional<Timestamp> begin = !from && resume_ ? resume_ : lower ? InstantOf(*lower, plan()) : std::nullopt;
    if (!begin) {
      return NamedError({.code = "E0437",
                         .message = "table " + table_->name + ": windows need a cursor that is a time",
                         .where = plan().where,
                         .next = "leave out incremental.step, or declare the cursor's format"});
    }
    return AddSteps({.micros = begin->micros - lookback}, end);
  }
  Window window{.upper = upper};
  if (lower) {
    ARROW_ASSIGN_OR_RAISE(window.lower, FormatBound(*lower, lookback, plan()));
  }
  windows_.push_back(std::move(window));
  return Status::OK();
}

// From before the saved position on, if the pass goes back that far, to a while after now: a row that changes while it
// is read has its place there. What lies past the end of usual reads moves no position.
Status IncrementalTracker::PlanReread(const Reread& reread) {
  rereads_ = true;
  for (auto* rows : {&kept_, &known_}) rows->clear();
  for (auto* rows : {&kept_null_, &known_null_}) rows->clear();
  num_kept_ = 0;
  floor_ = {};
  const Timestamp now = clock_->LogicalNow();
  const Timestamp end{.micros = now.micros - plan().lag_micros};
  const Timestamp last{.micros = now.micros + kFutureMicrosMax};
  if (plan().lag_micros > 0) upper_ = {.instant = end};
  std::optional<CursorValue> lower;
  if (reread.window_ms) {
    const Timestamp back{.micros = now.micros - *reread.window_ms * 1'000};
    const std::optional<Timestamp> usual = resume_ ? resume_ : cursor_ ? InstantOf(*cursor_, plan()) : back;
    if (!usual) {
      return NamedError({.code = "E0437",
                         .message = "table " + table_->name + ": reconcile.window needs a cursor that is a time",
                         .where = plan().where,
                         .next = "leave out reconcile.window, or declare format: epoch_s or epoch_ms for numbers"});
    }
    const Timestamp begin{.micros = std::min(back.micros, usual->micros - plan().lookback_micros)};
    ARROW_ASSIGN_OR_RAISE(const std::string text, FormatInstant(begin, plan()));
    ARROW_ASSIGN_OR_RAISE(lower, ReadBound(text, plan()));
  } else if (!plan().start.empty()) {
    ARROW_ASSIGN_OR_RAISE(lower, ReadBound(plan().start, plan()));
  }
  if (plan().step_micros > 0) {
    const auto begin = lower ? InstantOf(*lower, plan()) : std::nullopt;
    if (!begin) return RefusedBound(*table_, "incremental.start", "is no time, and windows need one");
    ARROW_RETURN_NOT_OK(AddSteps(*begin, end));
    positions_end_ = windows_.size();
    return AddLast(std::max(*begin, end));
  }
  Window window;
  if (UsesBound(*table_, plan().end_param, "end")) {
    ARROW_ASSIGN_OR_RAISE(window.upper, FormatInstant(last, plan()));
  }
  if (lower) {
    ARROW_ASSIGN_OR_RAISE(window.lower, FormatBound(*lower, 0, plan()));
  }
  windows_.push_back(std::move(window));
  positions_end_ = 1;
  return Status::OK();
}

Status IncrementalTracker::AddLast(Timestamp begin) {
  Window window;
  ARROW_ASSIGN_OR_RAISE(window.lower, FormatInstant(begin, plan()));
  ARROW_ASSIGN_OR_RAISE(window.upper,
                        FormatInstant({.micros = clock_->LogicalNow().micros + kFutureMicrosMax}, plan()));
  if (window.lower != window.upper) windows_.push_back(std::move(window));
  return Status::OK();
}

Result<CursorValue> IncrementalTracker::BoundOfRun(const char* option, const std::string& text) const {
  auto bound = ReadBound(text, plan());
  if (!bound.ok()) return RefusedBound(*table_, option, "is not in the declared format of the cursor");
  // A position was saved: what cannot be compared with it is no value of this cursor.
  if (cursor_ && !CompareCursors(*bound, *cursor_, plan()).ok()) {
    return RefusedBound(*table_, option, "cannot be compared with the values of " + plan().cursor);
  }
  return bound;
}

Status IncrementalTracker::CheckBounds(const std::optional<CursorValue>& from, const std::optional<CursorValue>& to) {
  if (!from || !to) return Status::OK();
  const auto order = CompareCursors(*from, *to, plan());
  if (!order.ok()) return RefusedBound(*table_, "--from", "cannot be compared with --to");
  if (*order >= 0) return RefusedBound(*table_, "--from", "does not lie before --to");
  return Status::OK();
}

Status IncrementalTracker::AddSteps(Timestamp begin, Timestamp end) {
  ARROW_ASSIGN_OR_RAISE(begin, Rounded(begin));
  ARROW_ASSIGN_OR_RAISE(end, Rounded(end));
  int64_t next = begin.micros;
  while (begin < end) {
    next = std::min(next + plan().step_micros, end.micros);
    ARROW_ASSIGN_OR_RAISE(const Timestamp edge, Rounded({.micros = next}));
    if (edge <= begin) continue;  // the step is finer than the format
    Window window{.end = edge};
    ARROW_ASSIGN_OR_RAISE(window.lower, FormatInstant(begin, plan()));
    ARROW_ASSIGN_OR_RAISE(window.upper, FormatInstant(edge, plan()));
    windows_.push_back(std::move(window));
    if (static_cast<int64_t>(windows_.size()) > kWindowsMax) {
      return NamedError({.code = "E0407",
                         .message = "table " + table_->name + ": more than " + std::to_string(kWindowsMax) + " windows",
                         .where = plan().where,
                         .next = "choose a longer incremental.step"});
    }
    begin = edge;
  }
  return Status::OK();
}

bool IncrementalTracker::InFuture(const CursorValue& value) const {
  const auto instant = InstantOf(value, plan());
  return instant && instant->micros > clock_->LogicalNow().micros + kFutureMicrosMax;
}

bool IncrementalTracker::Before(const CursorValue& value, const Bound& bound) const {
  if (bound.instant) {
    const auto instant = InstantOf(value, plan());
    return instant && *instant < *bound.instant;
  }
  if (!bound.exact) return false;
  const auto order = CompareCursors(value, *bound.exact, plan());
  return order.ok() && *order < 0;
}

Result<bool> IncrementalTracker::IsLater(const CursorValue& value) const {
  if (upper_.exact) {
    const auto order = CompareCursors(value, *upper_.exact, plan());
    if (!order.ok()) return RefusedBound(*table_, "--to", "cannot be compared with the values of " + plan().cursor);
    return *order >= 0;
  }
  if (!upper_.instant) return false;
  const auto instant = InstantOf(value, plan());
  if (instant) return *instant >= *upper_.instant;
  return NamedError({.fault = Fault::kConfig,
                     .code = "E0437",
                     .message = "table " + table_->name + ": a lag needs a cursor that is a time",
                     .where = plan().where,
                     .next = "leave out incremental.lag, or declare format: epoch_s or epoch_ms for numbers"});
}

// Where the next read begins: rows at or after it must be known again.
IncrementalTracker::Bound IncrementalTracker::Threshold() const {
  const bool exact = plan().lookback_micros == 0 && plan().step_micros == 0;
  // A source may ignore the end of a window and send later rows: the next window sends them again.
  const std::optional<Timestamp>& end = window_end_ ? window_end_ : resume_;
  const int64_t none = INT64_MAX;
  const int64_t seen = cursor_ ? InstantOf(*cursor_, plan()).value_or(Timestamp{none}).micros : none;
  const int64_t micros = std::min(seen, end ? end->micros : none);
  if (exact || micros == none) return {.exact = cursor_};
  return {.instant = Timestamp{.micros = micros - plan().lookback_micros}};
}

Result<std::string> IncrementalTracker::HashOf(const format::json::Page& page, uint32_t row,
                                               const CaptureLayout& layout) const {
  std::string text;
  const bool by_key = table_->boundary != BoundaryRule::kContent;
  if (by_key) {
    for (size_t i = layout.keys; i < layout.deletes; ++i) {
      const auto raw = page.Captured(row, i);
      ARROW_ASSIGN_OR_RAISE(const Value value, expression::ParseJson(raw.value_or("null")));
      text += expression::ToCanonicalJson(value);
      text += '\n';
    }
  }
  if (table_->boundary != BoundaryRule::kKey) {
    // Key order and spacing may differ between two answers; a record that cannot be read counts as it is.
    const auto record = expression::ParseJson(page.RecordText(row));
    text += record.ok() ? expression::ToCanonicalJson(*record) : std::string(page.RecordText(row));
  }
  return HmacSha256Hex(hash_key_, text).substr(0, kHashHexDigits);
}

Result<bool> IncrementalTracker::AlreadyRead(const format::json::Page& page, uint32_t row, const CaptureLayout& layout,
                                             const std::optional<CursorValue>& cursor) {
  if (table_->boundary == BoundaryRule::kNone) return false;
  if (cursor && Before(*cursor, floor_)) {
    num_older_ += asks_exactly_;
    return true;
  }
  Hashes* hashes = nullptr;
  if (!cursor) {
    hashes = &known_null_;
  } else if (const auto group = known_.find(*cursor); group != known_.end()) {
    hashes = &group->second;
  }
  if (hashes == nullptr || hashes->empty()) return false;
  if (failpoint::SeededBug("exclusive_cursor") && cursor) return true;  // reads with '>' : rows of a tie are lost
  ARROW_ASSIGN_OR_RAISE(const std::string hash, HashOf(page, row, layout));
  const auto found = hashes->find(hash);
  if (found == hashes->end()) return false;
  // Without a key equal rows are counted: a third one is new when two were read.
  if (table_->boundary == BoundaryRule::kContent && --found->second == 0) hashes->erase(found);
  return true;
}

Status IncrementalTracker::CheckOrder(const CursorValue& cursor) {
  if (from_ && !last_ && !CompareCursors(cursor, *from_, plan()).ok()) {
    return RefusedBound(*table_, "--from", "cannot be compared with the values of " + plan().cursor);
  }
  if (cursor_) ARROW_RETURN_NOT_OK(CompareCursors(cursor, *cursor_, plan()).status());
  if (last_ && plan().order == IncrementalPlan::Order::kAscending) {
    ARROW_ASSIGN_OR_RAISE(const int order, CompareCursors(cursor, *last_, plan()));
    if (order < 0) {
      return NamedError(
          {.code = "E0438",
           .message = "table " + table_->name + ": the rows are declared ascending, but a cursor goes back",
           .where = plan().where,
           .why = "a position was already given that this row lies before",
           .next = "declare incremental.order: unordered, then firn run --select " + table_->name +
                   " --from <a time before the last run>"});
    }
  }
  last_ = cursor;
  return Status::OK();
}

Status IncrementalTracker::Advance(const std::optional<CursorValue>& cursor) {
  if (!cursor) return Status::OK();
  if (InFuture(*cursor)) {
    if (!warned_future_) {
      log::Warn("a cursor lies in the future and does not advance the position",
                {{"table", table_->name}, {"cursor", plan().cursor}});
    }
    warned_future_ = true;
    return Status::OK();
  }
  if (cursor_) {
    ARROW_ASSIGN_OR_RAISE(const int order, CompareCursors(*cursor, *cursor_, plan()));
    if (order <= 0) return Status::OK();
  }
  cursor_ = cursor;
  return Status::OK();
}

Status IncrementalTracker::Keep(const format::json::Page& page, uint32_t row, const CaptureLayout& layout,
                                const std::optional<CursorValue>& cursor) {
  ARROW_ASSIGN_OR_RAISE(std::string hash, HashOf(page, row, layout));
  Hashes& hashes = cursor ? kept_[*cursor] : kept_null_;
  ++hashes[std::move(hash)];
  ++num_kept_;
  const bool merge = table_->boundary == BoundaryRule::kKeyAndContent;
  if (merge && num_kept_ > kRowsKeptMaxMerge) {
    keeps_ = false;  // a merge is exact without: the rows are only written again
    kept_.clear();
    kept_null_.clear();
    num_kept_ = 0;
  }
  if (num_kept_ <= kRowsKeptMax) return Status::OK();
  return NamedError({.fault = Fault::kBadData,
                     .code = "E0439",
                     .message = "table " + table_->name + ": more than " + std::to_string(kRowsKeptMax) +
                                " rows lie at the boundary (one cursor value, or the lookback)",
                     .where = plan().where,
                     .why = "append must know each of them again to write it once",
                     .next = "declare a primary_key and write_disposition: merge, or shorten the lookback"});
}

void IncrementalTracker::Prune() {
  const Bound threshold = Threshold();
  while (!kept_.empty() && Before(kept_.begin()->first, threshold)) {
    for (const auto& [hash, count] : kept_.begin()->second) num_kept_ -= count;
    kept_.erase(kept_.begin());
  }
}

Status IncrementalTracker::KeepRows(const format::json::Page& page, const CaptureLayout& layout,
                                    const std::vector<uint32_t>& rows,
                                    const std::vector<std::optional<CursorValue>>& cursors) {
  if (table_->boundary == BoundaryRule::kNone || !keeps_) return Status::OK();
  Prune();
  const Bound threshold = Threshold();
  for (const uint32_t row : rows) {
    if (!keeps_) break;
    if (cursors[row] && Before(*cursors[row], threshold)) continue;
    ARROW_RETURN_NOT_OK(Keep(page, row, layout, cursors[row]));
  }
  return Status::OK();
}

Result<AdmittedRows> IncrementalTracker::Admit(const format::json::Page& page, const CaptureLayout& layout) {
  ARROW_ASSIGN_OR_RAISE(PageCursors read, kinds_.Read(page, layout.cursor, cursor_, plan()));
  const auto& cursors = read.cursors;
  AdmittedRows out;
  for (uint32_t row = 0; row < page.num_records(); ++row) {
    if (cursors[row]) {
      ARROW_RETURN_NOT_OK(CheckOrder(*cursors[row]));
      ARROW_ASSIGN_OR_RAISE(const bool later, IsLater(*cursors[row]));
      if (later && rereads_) out.rows.push_back(row);
      num_later_ += later && !rereads_;
      if (later) continue;
    }
    ARROW_ASSIGN_OR_RAISE(const bool known, AlreadyRead(page, row, layout, cursors[row]));
    ARROW_RETURN_NOT_OK(Advance(cursors[row]));
    if (!known) out.rows.push_back(row);
  }
  for (UndecidedRow& misfit : read.misfits) {
    if (std::ranges::binary_search(out.rows, misfit.row)) out.undecided.push_back(std::move(misfit));
  }
  ARROW_RETURN_NOT_OK(kinds_.Judge(out.undecided));
  ARROW_RETURN_NOT_OK(KeepRows(page, layout, out.rows, cursors));
  return out;
}

Status IncrementalTracker::EndWindow(size_t i) {
  last_.reset();
  if (windows_[i].end) {
    resume_ = windows_[i].end;
    // The last window ends at "now", where rows may still arrive: go back to the last row seen, at most one step.
    const auto seen = cursor_ ? InstantOf(*cursor_, plan()) : std::nullopt;
    if (i + 1 == positions_end_ && (!seen || *seen < *resume_)) {
      const Timestamp back{.micros = resume_->micros - plan().step_micros};
      resume_ = seen && back < *seen ? *seen : back;
    }
  }
  if (i + 1 < windows_.size()) window_end_ = windows_[i + 1].end;
  known_ = kept_;
  known_null_ = kept_null_;
  return Status::OK();
}

Position IncrementalTracker::Write() const {
  std::string json = "{\"version\":1";
  if (cursor_) json += ",\"cursor\":" + cursor_->json;
  if (resume_) json += ",\"resume\":\"" + FormatTimestamp(*resume_) + "\"";
  if (table_->boundary == BoundaryRule::kNone || num_kept_ == 0) return {.json = json + "}"};
  json += ",\"hash_key\":\"" + hash_key_ + "\"";
  const auto append = [&](const Hashes& hashes) {
    std::vector<std::string> sorted;  // the same state gives the same bytes
    for (const auto& [hash, count] : hashes) sorted.insert(sorted.end(), count, hash);
    std::sort(sorted.begin(), sorted.end());
    json += "[";
    for (size_t i = 0; i < sorted.size(); ++i) json += (i > 0 ? ",\"" : "\"") + sorted[i] + "\"";
    json += "]";
  };
  json += ",\"rows\":[";
  bool first = true;
  for (const auto& [cursor, hashes] : kept_) {
    json += std::string(first ? "[" : ",[") + cursor.json + ",";
    append(hashes);
    json += "]";
    first = false;
  }
  json += "]";
  if (!kept_null_.empty()) {
    json += ",\"null_rows\":";
    append(kept_null_);
  }
  return {.json = json + "}"};
}

std::optional<Position> IncrementalTracker::PositionMidway() const {
  const bool sure = plan().order == IncrementalPlan::Order::kAscending && plan().step_micros == 0 && advances_ &&
                    cursor_ && StabilityOf(table_->paginate) == Resumability::kStable;
  return sure ? std::optional(Write()) : std::nullopt;
}

std::optional<Position> IncrementalTracker::PositionAtWindowEnd() const {
  return advances_ ? std::optional(Write()) : std::nullopt;
}

}  // namespace firn::source::rest
