#include "source/rest/cursor_kinds.h"

#include <algorithm>
#include <map>
#include <utility>

namespace firn::source::rest {
namespace {

// A value of the kind that most have; nullopt if there is none.
std::optional<CursorValue> MostFrequentKind(const std::vector<std::optional<CursorValue>>& cursors) {
  std::map<CursorValue::Kind, std::pair<int64_t, const CursorValue*>> kinds;
  for (const auto& cursor : cursors) {
    if (!cursor) continue;
    auto& [count, first] = kinds[cursor->kind];
    if (count++ == 0) first = &*cursor;
  }
  const auto most = std::ranges::max_element(kinds, {}, [](const auto& kind) { return kind.second.first; });
  return most == kinds.end() ? std::nullopt : std::optional(*most->second.second);
}

}  // namespace

Result<PageCursors> CursorKinds::Read(const format::json::Page& page, size_t capture,
                                      const std::optional<CursorValue>& largest,
                                      const connector::IncrementalPlan& plan) {
  PageCursors out;
  out.cursors.resize(page.num_records());
  for (uint32_t row = 0; row < page.num_records(); ++row) {
    const auto raw = page.Captured(row, capture);
    if (!raw) continue;
    auto cursor = ReadCursor(*raw, plan);
    if (cursor.ok()) {
      out.cursors[row] = *std::move(cursor);
    } else {
      out.misfits.push_back({.row = row, .why = cursor.status()});
    }
  }
  const std::optional<CursorValue> kind = largest ? largest : MostFrequentKind(out.cursors);
  const bool ordered = kind && kind->kind != CursorValue::Kind::kText;
  if (largest && num_fits_ == 0) num_fits_ = 1;  // the saved one
  for (uint32_t row = 0; ordered && row < page.num_records(); ++row) {
    if (!out.cursors[row]) continue;
    const auto order = CompareCursors(*out.cursors[row], *kind, plan);
    num_fits_ += order.ok();
    if (!order.ok()) out.misfits.push_back({.row = row, .why = order.status()});
  }
  if (!ordered && !out.misfits.empty()) return out.misfits.front().why;
  for (const UndecidedRow& misfit : out.misfits) out.cursors[misfit.row].reset();
  std::ranges::sort(out.misfits, {}, &UndecidedRow::row);
  return out;
}

Status CursorKinds::Judge(const std::vector<UndecidedRow>& misfits) {
  num_misfits_ += static_cast<int64_t>(misfits.size());
  return misfits.empty() || num_misfits_ < num_fits_ ? Status::OK() : misfits.front().why;
}

}  // namespace firn::source::rest
