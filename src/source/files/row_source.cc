#include "source/files/row_source.h"

#include <algorithm>
#include <cctype>

#include "format/csv/row_reader.h"
#include "source/first_bytes.h"

namespace firn::source::files {
namespace {

using config::FileFormat;
namespace csv = format::csv;

std::string LowerCase(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return c < 0x80 ? std::tolower(c) : c; });
  return text;
}

// "orders.csv" of "2024/Orders.CSV.gz".
std::string PlainName(const std::string& path) {
  std::string name = LowerCase(path.substr(path.rfind('/') + 1));
  for (const char* packed : {".gz", ".gzip", ".zst", ".zstd"}) {
    if (name.ends_with(packed)) name.resize(name.size() - std::string_view(packed).size());
  }
  return name;
}

Status NotRead(const std::string& why) {
  return MakeError(Fault::kBadData, "what the file holds cannot be told",
                   {.code = "E0883", .why = why, .next = "say it with `format:` of the table"});
}

}  // namespace

Result<FileFormat> FormatOf(const config::FilesConfig& files, const std::string& path, std::string_view first_bytes) {
  ARROW_RETURN_NOT_OK(CheckIsRead(first_bytes));
  if (files.format != FileFormat::kAuto) return files.format;
  const std::string name = PlainName(path);
  const auto named = [&](std::string_view end) { return name.ends_with(end); };
  if (named(".ndjson") || named(".jsonl")) return FileFormat::kNdjson;
  if (named(".json")) return FileFormat::kJson;
  if (named(".csv")) return FileFormat::kCsv;
  if (named(".tsv") || named(".tab")) return FileFormat::kTsv;
  if (named(".parquet") || named(".pq") || first_bytes.starts_with("PAR1")) return FileFormat::kParquet;
  const size_t begin = first_bytes.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (begin == std::string_view::npos) return FileFormat::kNdjson;  // nothing in it
  if (first_bytes[begin] == '{' || first_bytes[begin] == '[') return FileFormat::kAuto;
  return NotRead("neither its name nor its first bytes tell");
}

Result<UnpackedInput::Skipped> SkipTo(UnpackedInput& input, Mark* mark) {
  if (mark->csv.empty()) return input.SkipTo(mark, {});
  ARROW_ASSIGN_OR_RAISE(csv::Start start, csv::StartFromJson(mark->csv));
  const csv::Encoding encoding = start.dialect.encoding;
  ARROW_ASSIGN_OR_RAISE(const auto skipped, input.SkipTo(mark, {.cr = start.dialect.cr_lines,
                                                                .is_wide = encoding == csv::Encoding::kUtf16Le ||
                                                                           encoding == csv::Encoding::kUtf16Be,
                                                                .is_big_endian = encoding == csv::Encoding::kUtf16Be}));
  if (mark->offset == start.place.byte) return skipped;
  start.place = {.byte = mark->offset, .line = start.place.line + 1};
  ++mark->num_lines;
  mark->csv = csv::ToJson(start);
  return skipped;
}

}  // namespace firn::source::files
