#include "table/metadata/live_rows.h"

#include <charconv>

namespace firn::table {
namespace {

std::optional<int64_t> Number(const Snapshot& snapshot, const char* key) {
  const auto found = snapshot.summary.find(key);
  if (found == snapshot.summary.end()) return std::nullopt;
  int64_t value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [at, error] = std::from_chars(found->second.data(), end, value);
  return error == std::errc() && at == end ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<int64_t> LiveRows(const Snapshot& snapshot) {
  const auto total = Number(snapshot, "total-records");
  if (!total || Number(snapshot, "total-equality-deletes").value_or(0) > 0) return std::nullopt;
  return *total - Number(snapshot, "total-position-deletes").value_or(0);
}

}  // namespace firn::table
