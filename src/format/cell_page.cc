#include "format/cell_page.h"

#include <arrow/buffer.h>

#include <algorithm>

#include "format/byte_count.h"

namespace firn::format {
namespace {

// A quote inside quotes is doubled, or has the escape before it; an escape that is no quote may escape itself.
std::string_view Unquoted(std::string_view inside, char quote, char escape, std::string& scratch) {
  scratch.clear();
  for (size_t i = 0; i < inside.size(); ++i) {
    const bool pair = i + 1 < inside.size() && (inside[i] == quote || inside[i] == escape) &&
                      (inside[i + 1] == quote || (inside[i] == escape && inside[i + 1] == escape));
    i += pair;
    scratch.push_back(inside[i]);
  }
  return scratch;
}

}  // namespace

const CellPage::Bad* CellPage::FindBad(uint32_t record) const {
  const auto after = std::ranges::lower_bound(bad, record, {}, &Bad::record);
  return after != bad.end() && after->record == record ? &*after : nullptr;
}

std::string_view CellPage::RecordText(uint32_t i) const {
  if (const Bad* found = FindBad(i)) return body.substr(found->begin, found->end - found->begin);
  const uint32_t* at = record(i);
  return body.substr(at[0], at[num_columns()] - 1 - at[0]);
}

uint64_t CellPage::LinesBetween(uint32_t begin, uint32_t end) const {
  return CountByte(body.substr(begin, end - begin), line_end);
}

int64_t CellPage::bytes_held() const {
  return static_cast<int64_t>(body.size()) + static_cast<int64_t>(num_records * (num_columns() + 1) * sizeof(uint32_t));
}

Cell CellAt(const CellPage& page, uint32_t record, size_t c, std::string& scratch) {
  const uint32_t* at = page.record(record) + c;
  const std::string_view text(page.body.data() + at[0], at[1] - 1 - at[0]);
  if (page.quote != 0 && !text.empty() && text.front() == page.quote) {
    const std::string_view inside = text.substr(1, text.size() - 2);
    const bool plain = inside.find(page.quote) == std::string_view::npos &&
                       (page.escape == page.quote || inside.find(page.escape) == std::string_view::npos);
    return {.text = plain ? inside : Unquoted(inside, page.quote, page.escape, scratch), .quoted = true};
  }
  const bool is_null =
      text.empty() || (page.null_texts && std::ranges::find(*page.null_texts, text) != page.null_texts->end());
  return {.text = text, .is_null = is_null};
}

}  // namespace firn::format
