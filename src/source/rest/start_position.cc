#include "source/rest/start_position.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "expression/value.h"
#include "source/rest/cursor_value.h"
#include "source/rest/errors.h"
#include "source/rest/incremental.h"

namespace firn::source::rest {
namespace {

using connector::TablePlan;

Status Refused(const TablePlan& table, std::string what, std::string next) {
  return NamedError({.fault = Fault::kConfig,
                     .code = "E0952",
                     .message = "table " + table.name + ": " + std::move(what),
                     .where = table.incremental ? table.incremental->where : table.where,
                     .next = std::move(next)});
}

Result<CursorValue> ValueOf(const TablePlan& table, const CursorStart& start) {
  std::string text = start.text;
  if (start.instant) {
    ARROW_ASSIGN_OR_RAISE(text, FormatInstant(*start.instant, *table.incremental));
  }
  auto value = ReadBound(text, *table.incremental);
  if (value.ok()) return value;
  return Refused(table, "the start position is no value of the cursor " + table.incremental->cursor,
                 "write it as the source does: a time (2026-01-31T12:00:00Z), a number, or a text");
}

// What the tracker makes of a row's key, for each way the source may write it.
std::vector<std::string> HashesOf(const KnownRow& row, const std::string& hash_key) {
  std::vector<std::string> texts = {""};
  for (const std::vector<std::string>& part : row.key) {
    std::vector<std::string> longer;
    for (const std::string& text : texts) {
      for (const std::string& json : part) {
        const auto value = expression::ParseJson(json);
        longer.push_back(text + (value.ok() ? expression::ToCanonicalJson(*value) : json) + "\n");
      }
    }
    texts = std::move(longer);
  }
  std::vector<std::string> hashes;
  for (const std::string& text : texts) {
    hashes.push_back(HmacSha256Hex(hash_key, text).substr(0, IncrementalTracker::kHashHexDigits));
  }
  return hashes;
}

std::string ListOf(std::vector<std::string> hashes) {
  std::sort(hashes.begin(), hashes.end());
  std::string json = "[";
  for (const std::string& hash : hashes) json += (json.size() > 1 ? ",\"" : "\"") + hash + "\"";
  return json + "]";
}

std::string NewHashKey() {
  std::array<uint8_t, 16> bytes{};
  FillRandom(bytes);
  return HexOf(bytes.data(), bytes.size());
}

Result<std::string> RowsOf(const TablePlan& table, const std::vector<KnownRow>& rows) {
  if (table.boundary != connector::BoundaryRule::kKey) {
    return Refused(table, "rows at the start position are known again by their key alone", "declare a primary_key");
  }
  const std::string hash_key = NewHashKey();
  std::map<std::string, std::vector<std::string>> groups;  // raw cursor → hashes
  std::vector<std::string> nulls;
  for (const KnownRow& row : rows) {
    auto hashes = HashesOf(row, hash_key);
    auto* group = &nulls;
    if (row.cursor) {
      ARROW_ASSIGN_OR_RAISE(const CursorValue cursor, ValueOf(table, *row.cursor));
      group = &groups[cursor.json];
    }
    group->insert(group->end(), hashes.begin(), hashes.end());
  }
  std::string json = ",\"hash_key\":\"" + hash_key + "\",\"rows\":[";
  bool first = true;
  for (auto& [cursor, hashes] : groups) {
    json += (first ? "[" : ",[") + cursor + "," + ListOf(std::move(hashes)) + "]";
    first = false;
  }
  json += "]";
  if (!nulls.empty()) json += ",\"null_rows\":" + ListOf(std::move(nulls));
  return json;
}

}  // namespace

Result<Position> StartPosition(const TablePlan& table, const StartPoint& start) {
  if (!table.incremental) {
    return Refused(table, "it has no cursor, so there is no position to begin at", "firn table adopt --from-scratch");
  }
  ARROW_ASSIGN_OR_RAISE(const CursorValue cursor, ValueOf(table, start.cursor));
  std::string json = "{\"version\":1,\"cursor\":" + cursor.json;
  if (!start.rows.empty()) {
    ARROW_ASSIGN_OR_RAISE(const std::string rows, RowsOf(table, start.rows));
    json += rows;
  }
  return Position{.json = json + "}"};
}

}  // namespace firn::source::rest
