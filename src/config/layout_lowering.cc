#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "config/lowering.h"
#include "config/sort_text.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

/// "0.3" or "30%", above 0 and at most 1.
std::optional<double> ParseShare(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  const std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  if (rest == "%") value /= 100;
  if ((rest != "%" && !rest.empty()) || !(value > 0 && value <= 1)) return std::nullopt;
  return value;
}

double LowerShare(const ObjectView& owner, std::string_view field, const std::string& path,
                  const LoweringContext& context) {
  const std::string text = owner.Text(field);
  const auto share = ParseShare(text);
  if (!share) {
    context.Error("E0491", path + "." + std::string(field), "`" + Shown(text) + "` is no share between 0 and 1").help =
        "write a number like 0.05, or 5%";
  }
  return share.value_or(0.5);
}

/// Parts at the commas outside parentheses, without white space around them.
std::vector<std::string> SplitAtCommas(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth == 0) {
      parts.emplace_back();
    } else if (!parts.back().empty() || c != ' ') {
      parts.back() += c;
    }
  }
  for (std::string& part : parts) {
    while (part.ends_with(' ')) part.pop_back();
  }
  return parts;
}

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// The columns of "zorder(a, b)"; nullopt if it is something else, empty if it is none that makes sense.
std::optional<std::vector<std::string>> ParseZOrder(const std::string& text) {
  constexpr std::string_view kName = "zorder";
  if (!Lower(text).starts_with(kName)) return std::nullopt;
  const size_t open = text.find_first_not_of(' ', kName.size());
  if (open == std::string::npos || text[open] != '(' || !text.ends_with(')')) return std::nullopt;
  std::vector<std::string> columns = SplitAtCommas(std::string_view(text).substr(open + 1, text.size() - open - 2));
  constexpr size_t kColumnsMax = 8;
  const bool bad =
      columns.size() < 2 || columns.size() > kColumnsMax || std::ranges::any_of(columns, [](const std::string& c) {
        return c.empty() || c.find_first_of("() ") != std::string::npos;
      });
  if (bad) columns.clear();
  return columns;
}

void LowerSortBy(const ObjectView& table, const std::string& path, const LoweringContext& context, LayoutConfig* out) {
  if (!table.Has("sort_by")) return;
  std::string bad;
  if (auto order = ParseSortOrder(table.TextList("sort_by"), &bad)) {
    *out = *std::move(order);
    return;
  }
  context.Error("E0490", path + ".sort_by", "`" + Shown(bad) + "` is not a sort field").help =
      "write a column, or bucket(16, column), truncate(10, column), year, month, day or hour(column), then asc or "
      "desc, "
      "then nulls first or nulls last; or zorder(a, b) alone";
}

MaintenanceConfig LowerMaintenance(const ObjectView& table, const std::string& path, const LoweringContext& context) {
  MaintenanceConfig out;
  if (!table.Has("maintenance") || table.IsScalar("maintenance")) {
    out.automatic = table.Text("maintenance") == "auto";
    return out;
  }
  const ObjectView view = table.Object("maintenance");
  return {.automatic = view.Bool("auto"),
          .target_file_bytes = view.OptionalInt("target_file_size"),
          .files_min = view.Int("min_files"),
          .bytes_min = view.Int("min_bytes"),
          .deleted_share_min = LowerShare(view, "delete_ratio", path + ".maintenance", context),
          .delete_files_max = view.Int("max_delete_files"),
          .older_than_ms = view.Int("older_than"),
          .budget_bytes = view.Int("budget"),
          .budget_is_written = view.Has("budget")};
}

}  // namespace

std::optional<SortConfig> ParseSort(std::string_view text) {
  std::string key;
  std::vector<std::string> words;
  int depth = 0;
  for (const char c : text) {  // the key may hold blanks inside parentheses
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ' ' && depth == 0) {
      words.emplace_back();
    } else {
      (words.empty() ? key : words.back()) += c;
    }
  }
  std::erase_if(words, [](const std::string& word) { return word.empty(); });
  for (std::string& word : words) word = Lower(word);
  std::string suggestion;
  auto parsed = ParsePartition(key, &suggestion);
  if (!parsed) return std::nullopt;
  SortConfig sort{.key = *std::move(parsed)};
  size_t next = 0;
  if (next < words.size() && (words[next] == "asc" || words[next] == "desc")) sort.ascending = words[next++] == "asc";
  sort.nulls_first = sort.ascending;
  if (next == words.size()) return sort;
  const bool nulls = words.size() == next + 2 && words[next] == "nulls";
  if (!nulls || (words[next + 1] != "first" && words[next + 1] != "last")) return std::nullopt;
  sort.nulls_first = words[next + 1] == "first";
  return sort;
}

std::optional<LayoutConfig> ParseSortOrder(const std::vector<std::string>& items, std::string* bad) {
  std::string joined;  // a comma inside a flow list tears items apart
  for (const std::string& item : items) joined += (joined.empty() ? "" : ", ") + item;
  LayoutConfig out{.sort_by = std::vector<SortConfig>()};
  if (joined.empty()) return out;
  const std::vector<std::string> parts = SplitAtCommas(joined);
  for (const std::string& part : parts) {
    if (auto columns = ParseZOrder(part)) {
      out.zorder = *std::move(columns);
      if (!out.zorder.empty() && parts.size() == 1) return out;
    } else if (auto sort = ParseSort(part)) {
      out.sort_by->push_back(*std::move(sort));
      continue;
    }
    if (bad != nullptr) *bad = part;
    return std::nullopt;
  }
  return out;
}

std::optional<BloomFilterConfig> LowerBloomFilter(const ObjectView& column, const std::string& path,
                                                  const LoweringContext& context) {
  if (!column.Has("bloom_filter")) return std::nullopt;
  if (column.IsScalar("bloom_filter")) return BloomFilterConfig{.enabled = column.Bool("bloom_filter")};
  const ObjectView view = column.Object("bloom_filter");
  constexpr double kFppMax = 0.99;  // of 1 all would pass
  return BloomFilterConfig{.fpp = std::min(kFppMax, LowerShare(view, "fpp", path + ".bloom_filter", context)),
                           .ndv = view.OptionalInt("ndv")};
}

void LowerLayout(const ObjectView& table, const std::string& path, const LoweringContext& context, TableConfig* out) {
  LowerSortBy(table, path, context, &out->layout);
  if (table.Has("statistics")) out->layout.ndv_statistics = table.Text("statistics") == "ndv";
  out->layout.target_is_written = table.Has("file_max_bytes");
  out->maintenance = LowerMaintenance(table, path, context);
}

}  // namespace firn::config
