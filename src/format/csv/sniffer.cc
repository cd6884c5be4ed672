#include "format/csv/sniffer.h"

#include <algorithm>
#include <map>
#include <vector>

#include "format/csv/separators.h"

namespace firn::format::csv {
namespace {

constexpr size_t kRecordsMax = 1000;

// Of the sample's records: how many have the most usual number of fields, and that number.
struct Regularity {
  size_t num_records = 0;
  size_t num_regular = 0;
  size_t num_fields = 0;
  size_t first_fields = 0;  // of the first record
  size_t num_broken = 0;
  double share() const {
    return num_records == 0 ? 0 : static_cast<double>(num_regular) / static_cast<double>(num_records);
  }
};

// True if a record of one field holds nothing but, at most, the CR of its line end.
bool IsBlank(std::string_view field) {
  return field.empty() || field == "\r";
}

Regularity Judge(std::string_view sample, const Dialect& dialect, bool at_end) {
  Separators found;
  FindSeparators(sample, dialect, at_end, found);
  std::map<size_t, size_t> counts;
  Regularity result{.num_broken = found.broken.size() + found.is_open};
  uint32_t first = 0, begin = 0;
  for (size_t i = 0; i < std::min(found.records.size(), kRecordsMax); ++i) {
    const uint32_t last = found.records[i];
    const bool blank = last == first && IsBlank(sample.substr(begin, found.ends[last] - begin));
    const bool counts_in = !blank && (dialect.comment == 0 || sample[begin] != dialect.comment);
    if (counts_in) ++counts[last + 1 - first];
    if (counts_in && result.num_records == 0) result.first_fields = last + 1 - first;
    result.num_records += counts_in;
    begin = found.ends[last] + 1;
    first = last + 1;
  }
  for (const auto& [fields, count] : counts) {
    if (count < result.num_regular) continue;
    result.num_regular = count;
    result.num_fields = fields;
  }
  return result;
}

char SniffDelimiter(std::string_view sample, Dialect dialect, const CsvOptions& options, bool at_end) {
  const std::string_view choices = options.prefers_tab ? "\t,;|" : ",\t;|";
  char best = choices.front();
  bool splits_nothing = false;  // the first choice that does not, while there is none that splits
  Regularity most;
  for (const char choice : choices) {
    dialect.delimiter = choice;
    const Regularity found = Judge(sample, dialect, at_end);
    if (most.num_records == 0 && !splits_nothing && found.num_fields == 1 && found.share() == 1) {
      splits_nothing = true;
      best = choice;
    }
    if (found.num_fields < 2 || found.first_fields < 2) continue;
    const double more = found.share() - most.share();
    if (more < 0 || (more == 0 && found.num_fields <= most.num_fields)) continue;
    best = choice;
    most = found;
  }
  return best;
}

bool HasBackslashEscapes(std::string_view sample, Dialect dialect, bool at_end) {
  if (sample.find("\\\"") == std::string_view::npos) return false;
  const size_t doubled = Judge(sample, dialect, at_end).num_broken;
  dialect.escape = '\\';
  return Judge(sample, dialect, at_end).num_broken < doubled;
}

// True for what no header says: numbers, dates, times, booleans.
bool ReadsAsValue(std::string_view field) {
  if (field == "true" || field == "false" || field == "TRUE" || field == "FALSE") return true;
  bool has_digit = false;
  for (const char c : field) {
    has_digit = has_digit || (c >= '0' && c <= '9');
    if (std::string_view("0123456789+-.:TZeE ").find(c) == std::string_view::npos) return false;
  }
  return has_digit;
}

bool HasHeader(std::string_view sample, const Dialect& dialect, bool at_end) {
  Separators found;
  FindSeparators(sample, dialect, at_end, found);
  uint32_t begin = 0, first = 0;
  for (const uint32_t last : found.records) {
    const bool blank = last == first && IsBlank(sample.substr(begin, found.ends[last] - begin));
    const bool comment = dialect.comment != 0 && sample[begin] == dialect.comment;
    bool all_empty = true;
    for (; first <= last; ++first) {
      std::string_view field = sample.substr(begin, found.ends[first] - begin);
      begin = found.ends[first] + 1;
      if (blank || comment) continue;
      if (field.ends_with('\r')) field.remove_suffix(1);
      if (dialect.quote != 0 && field.size() > 1 && field.front() == dialect.quote)
        field = field.substr(1, field.size() - 2);
      if (ReadsAsValue(field)) return false;
      all_empty = all_empty && field.empty();
    }
    if (!blank && !comment) return !all_empty;
  }
  return true;
}

}  // namespace

std::optional<Dialect> Sniff(std::string_view sample, const CsvOptions& options, bool at_end) {
  Dialect dialect{.comment = options.comment, .nulls = options.nulls};
  dialect.quote = options.quote.value_or('"');
  dialect.escape = options.escape.value_or(dialect.quote);
  dialect.delimiter = options.delimiter.value_or(options.prefers_tab ? '\t' : ',');
  const size_t cr = sample.find('\r');
  dialect.cr_lines =
      cr != std::string_view::npos && (at_end || cr + 1 < sample.size()) && sample.find('\n') == std::string_view::npos;
  Separators found;
  FindSeparators(sample, dialect, at_end, found);
  if (found.records.empty() && !at_end) return std::nullopt;
  if (!options.delimiter) dialect.delimiter = SniffDelimiter(sample, dialect, options, at_end);
  if (!options.escape && dialect.quote != 0 && HasBackslashEscapes(sample, dialect, at_end)) dialect.escape = '\\';
  dialect.header = options.header ? *options.header : HasHeader(sample, dialect, at_end);
  return dialect;
}

}  // namespace firn::format::csv
