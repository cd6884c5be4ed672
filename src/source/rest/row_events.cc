#include "source/rest/row_events.h"

#include <arrow/buffer.h>

#include <algorithm>

#include "base/failpoint.h"
#include "expression/value.h"
#include "source/rest/errors.h"

namespace firn::source::rest {

using expression::Value;
using format::json::Page;

Result<Value> RowEvents::Verdict(const Page& page, uint32_t row) const {
  Value record;
  const auto& fields = table_.delete_fields;
  if (std::find(fields.begin(), fields.end(), "") != fields.end()) {  // the record as a whole
    std::string text;
    page.AppendRecord(row, text);
    auto whole = expression::ParseJson(text);
    if (!whole.ok()) return Value::Null();  // the decoder quarantines it
    record = *whole;
  } else {
    std::vector<std::pair<std::string, Value>> values;
    for (size_t i = 0; i < fields.size(); ++i) {
      const auto raw = page.Captured(row, layout_.deletes + i);
      if (!raw) continue;
      auto value = expression::ParseJson(*raw);
      if (!value.ok()) return Value::Null();
      values.emplace_back(fields[i], *value);
    }
    record = MapOfPaths(values);
  }
  auto value = table_.delete_when->Evaluate({.names = {{"record", record}}});
  if (value.ok()) return value;
  return NamedError({.code = "E0440",
                     .message = "table " + table_.name + ": delete_when: " + value.status().message(),
                     .where = table_.where,
                     .next = "correct the expression; it sees record"});
}

// Only true deletes. APIs write "false", "no" and 0 too, and a deleted row is gone: nothing is guessed here.
Status RowEvents::Judge(const Page& page, uint32_t row, JsonRows* batch) const {
  ARROW_ASSIGN_OR_RAISE(const Value verdict, Verdict(page, row));
  if (verdict.is_null()) return Status::OK();
  if (verdict.kind() == Value::Kind::kBool) {
    if (verdict.as_bool()) batch->deleted.push_back(row);
    return Status::OK();
  }
  batch->undecided.push_back(
      {.row = row,
       .why = NamedError(
           {.fault = Fault::kBadData,
            .code = "E0446",
            .message = "delete_when gave a value of kind " + std::string(expression::KindName(verdict.kind())) +
                       ", not true or false",
            .next = "write a comparison: delete_when: \"{{ record.deleted == 'yes' }}\", or on_error: quarantine"})});
  return Status::OK();
}

Status RowEvents::Append(const std::shared_ptr<const Page>& page, const AdmittedRows& admitted,
                         const Constants& constants, std::optional<Position> position, std::deque<Event>* events) {
  if (admitted.rows.empty()) {
    if (position) events->push_back(Progress{.position = std::move(*position)});
    return Status::OK();
  }
  JsonRows empty{.page = page, .constants = constants};
  for (size_t i = 0; i < table_.copies.size(); ++i) {
    empty.copies.emplace_back(table_.copies[i].first, layout_.copies + i);
  }
  JsonRows batch = empty;
  int64_t num_bytes = 0;
  const auto flush = [&](std::optional<Position> at) {
    JsonRows full = empty;
    std::swap(full, batch);
    events->push_back(Batch{.rows = std::move(full), .position = std::move(at), .num_bytes = num_bytes});
    num_bytes = 0;
  };
  auto undecided = admitted.undecided.begin();
  for (const uint32_t row : admitted.rows) {
    const auto size = static_cast<int64_t>(page->RecordText(row).size());
    if (!batch.rows.empty() && num_bytes + size > kBatchBytesMax) flush(std::nullopt);
    batch.rows.push_back(row);
    num_bytes += size;
    if (undecided != admitted.undecided.end() && undecided->row == row) {
      batch.undecided.push_back(*undecided++);
      continue;
    }
    if (!table_.delete_when) continue;
    ARROW_RETURN_NOT_OK(Judge(*page, row, &batch));
  }
  flush(std::move(position));
  return Status::OK();
}

Constants PartitionColumn(const connector::TablePlan& table, const SliceScope& scope) {
  if (table.partition_column.empty() || !scope.partition) return {};
  return {{table.partition_column, expression::ToJson(*scope.partition->Find(table.partition_name))}};
}

Status Archive(io::RawArchiveWriter* archive, const FetchedPage& page, const std::string& split,
               const AdmittedRows& admitted, const Constants& constants) {
  if (archive == nullptr || page.body == nullptr || page.page == nullptr) return Status::OK();
  const std::vector<uint32_t>& rows = admitted.rows;
  // A firn that does not know of undecided rows would put them into the table.
  expression::Map context = {{"version", Value::Int(admitted.undecided.empty() ? 1 : 2)},
                             {"records", Value::String(page.page->records_path())}};
  expression::List dropped;
  size_t next = 0;
  for (uint32_t row = 0; row < page.page->num_records(); ++row) {
    if (next < rows.size() && rows[next] == row) {
      ++next;
    } else {
      dropped.push_back(Value::Int(row));
    }
  }
  if (!dropped.empty()) context.emplace_back("dropped", Value::OfList(std::move(dropped)));
  if (!admitted.undecided.empty()) {
    expression::List undecided;
    for (const UndecidedRow& each : admitted.undecided) {
      undecided.push_back(Value::OfMap({{"row", Value::Int(each.row)}, {"why", Value::String(each.why.message())}}));
    }
    context.emplace_back("undecided", Value::OfList(std::move(undecided)));
  }
  if (!constants.empty()) {
    expression::Map columns;
    for (const auto& [name, json] : constants) columns.emplace_back(name, Value::String(json));
    context.emplace_back("constants", Value::OfMap(std::move(columns)));
  }
  FIRN_FAILPOINT("rest.before_archive");
  io::RawEntry entry{.method = page.method,
                     .url = page.url,
                     .status = page.status,
                     .time = page.time,
                     .split = split,
                     .context = expression::ToJson(Value::OfMap(std::move(context))),
                     .body = page.body};
  return archive->Append(std::move(entry)).status();
}

Result<ArchivedContext> ReadArchivedContext(const std::string& json) {
  const auto broken = [] { return MakeError(Fault::kBadData, "an archived entry has a context that cannot be read"); };
  const auto parsed = expression::ParseJson(json);
  if (!parsed.ok()) return broken();
  const Value* version = parsed->Find("version");
  const Value* records = parsed->Find("records");
  const std::string known = version == nullptr ? "" : expression::ToText(*version);
  if ((known != "1" && known != "2") || records == nullptr || !records->is_string()) return broken();
  ArchivedContext context{.records = records->as_string()};
  if (const Value* dropped = parsed->Find("dropped"); dropped != nullptr && dropped->kind() == Value::Kind::kList) {
    for (const Value& row : dropped->as_list()) {
      if (row.kind() != Value::Kind::kInt || row.as_int() < 0 || row.as_int() > UINT32_MAX) return broken();
      context.dropped.push_back(static_cast<uint32_t>(row.as_int()));
    }
  }
  if (const Value* list = parsed->Find("undecided"); list != nullptr && list->kind() == Value::Kind::kList) {
    for (const Value& each : list->as_list()) {
      const Value* row = each.Find("row");
      const Value* why = each.Find("why");
      if (row == nullptr || row->kind() != Value::Kind::kInt || why == nullptr || !why->is_string()) return broken();
      context.undecided.push_back(
          {.row = static_cast<uint32_t>(row->as_int()), .why = MakeError(Fault::kBadData, why->as_string())});
    }
  }
  if (const Value* constants = parsed->Find("constants");
      constants != nullptr && constants->kind() == Value::Kind::kMap) {
    for (const auto& [name, text] : constants->as_map()) context.constants.emplace_back(name, expression::ToText(text));
  }
  return context;
}

}  // namespace firn::source::rest
