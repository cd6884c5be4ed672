// Feeds any bytes to the CSV reader and its rows to the table reader. Rows must be valid Arrow data and the same in
// pages of any size, by columns and by rows, by blocks and byte by byte.
#include <cstdlib>

#include "format/csv/separators.h"
#include "format/csv_outcome_test_support.h"

namespace {

using namespace firn;          // NOLINT
using namespace firn::format;  // NOLINT

csv::CsvOptions Dialect(uint8_t choice) {
  csv::CsvOptions options{.delimiter = ',', .escape = '"', .header = true};
  if (choice & 1) options = {};
  if (choice & 2) options.escape = '\\';
  if (choice & 4) options.nulls = {"NA", "0"};
  if (choice & 8) options.comment = '#';
  if (choice & 16) options.encoding = csv::Encoding::kUtf16Le;
  return options;
}

json::TableReaderOptions Options(uint8_t choice) {
  json::TableReaderOptions options;
  if (choice & 32) options.prefix_bytes = 1;
  if (choice & 64) {
    options.hints = {{.path = "a", .type = schema::Long()}, {.path = "b", .as_json = true}};
    options.masks = {{.path = "c", .method = json::MaskMethod::kSha256}};
  }
  return options;
}

void CompareScans(std::string_view text) {
  std::string padded(text);
  padded.resize(text.size() + CellPage::kPadding, '\0');
  const std::string_view same(padded.data(), text.size());
  for (const bool at_end : {false, true}) {
    csv::Separators blocks, bytes;
    csv::FindSeparators(same, {}, at_end, blocks);
    csv::FindSeparators(same, {}, at_end, bytes, /*portable=*/true);
    if (blocks.ends != bytes.ends || blocks.records != bytes.records || blocks.broken != bytes.broken ||
        blocks.is_open != bytes.is_open) {
      std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t choice = data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  CompareScans(text);
  const CsvOutcome whole = ReadCsv(text, Dialect(choice), Options(choice));
  const CsvOutcome by_row = ReadCsv(text, Dialect(choice), Options(choice), {.by_row = true});
  if (by_row != whole) std::abort();
  if (choice & 1) return 0;  // what is found out depends on the sample
  for (const int64_t page_bytes : {1, 7, 64}) {
    if (ReadCsv(text, Dialect(choice), Options(choice), {.page_bytes = page_bytes}) != whole) std::abort();
  }
  return 0;
}
