#include "format/csv/header.h"

#include <unordered_set>

#include "format/csv/record_index.h"
#include "format/csv/separators.h"

namespace firn::format::csv {

std::optional<FirstRecord> ReadFirstRecord(std::string_view text, const Dialect& dialect, bool at_end) {
  Separators found;
  FindSeparators(text, dialect, at_end, found);
  uint32_t begin = 0, first = 0;
  for (const uint32_t last : found.records) {
    const size_t num_fields = last + 1 - first;
    Separators one;
    for (uint32_t at = first; at <= last; ++at) one.ends.push_back(found.ends[at] - begin);
    one.records.push_back(static_cast<uint32_t>(num_fields - 1));
    const uint32_t end = found.ends[last];
    const std::string_view line = text.substr(begin, end + 1 - begin);
    std::vector<uint32_t> starts(num_fields + 1);
    RecordIndex index;
    IndexRecords(line, one, dialect, num_fields, starts.data(), index);
    const bool blank = num_fields == 1 && starts[1] == starts[0] + 1;
    if (index.num_records == 0 || blank) {
      begin = end + 1;
      first = last + 1;
      continue;
    }
    const auto columns = std::make_shared<const std::vector<std::string>>(num_fields);
    const CellPage page{.body = line,
                        .columns = columns,
                        .starts = starts.data(),
                        .num_records = 1,
                        .quote = dialect.quote,
                        .escape = dialect.escape};
    FirstRecord record{.end = std::min<size_t>(end + 1, text.size())};
    std::string scratch;
    for (size_t c = 0; c < num_fields; ++c) record.fields.emplace_back(CellAt(page, 0, c, scratch).text);
    return record;
  }
  return std::nullopt;
}

std::vector<std::string> NamesOf(const std::vector<std::string>& fields) {
  std::vector<std::string> names;
  std::unordered_set<std::string> given;
  for (const std::string& field : fields) {
    const size_t begin = field.find_first_not_of(" \t");
    if (begin == std::string::npos) {
      names.emplace_back();
    } else {
      names.push_back(field.substr(begin, field.find_last_not_of(" \t") + 1 - begin));
    }
    given.insert(names.back());
  }
  std::unordered_set<std::string> taken;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string wanted = names[i].empty() ? "column_" + std::to_string(i + 1) : names[i];
    std::string name = wanted;
    const auto is_free = [&] { return !taken.contains(name) && (name == names[i] || !given.contains(name)); };
    for (int number = 2; !is_free(); ++number) name = wanted + "_" + std::to_string(number);
    taken.insert(name);
    names[i] = std::move(name);
  }
  return names;
}

}  // namespace firn::format::csv
