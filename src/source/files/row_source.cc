#include "source/files/row_source.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"

namespace firn::source::files {
namespace {

using config::FileFormat;
namespace csv = format::csv;

constexpr int64_t kPageBytes = int64_t{2} << 20, kPageBytesMin = int64_t{4} << 10;
constexpr int64_t kChunkBytesMax = int64_t{8} << 20;
constexpr int64_t kRowBytesMax = int64_t{64} << 20;
constexpr int64_t kAheadBytesMax = int64_t{32} << 20;
// Shares of the memory.
constexpr int64_t kChunkShare = 64, kDocumentShare = 4, kAheadShare = 8, kLineShare = 4;

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

struct Magic {
  std::string_view bytes;
  const char* what;
};
constexpr std::array kUnread = {
    Magic{"BZh", "bzip2"},
    Magic{"\xFD"
          "7zXZ",
          "xz"},
    Magic{"\x04\x22\x4D\x18", "lz4"},
    Magic{"PK\x03\x04", "a zip archive"},
    Magic{"Obj\x01", "Avro"},
    Magic{"ORC", "ORC"},
    Magic{"7z\xBC\xAF", "7-Zip"},
    Magic{"%PDF", "PDF"},
};

Status NotRead(const std::string& why) {
  return MakeError(Fault::kBadData, "what the file holds cannot be told",
                   {.code = "E0883", .why = why, .next = "say it with `format:` of the table"});
}

Result<CsvCutterOptions> CsvOptionsOf(const FilesOptions& options, const FilesTable& table, FileFormat format,
                                      const Mark& from) {
  const config::CsvConfig& config = table.files.csv;
  CsvCutterOptions cells{.marks = true};
  cells.reader = {.csv = {.delimiter = config.delimiter,
                          .quote = config.quote,
                          .escape = config.escape,
                          .header = config.header,
                          .columns = config.columns,
                          .nulls = config.nulls,
                          .skip_lines = config.skip_lines,
                          .comment = config.comment,
                          .prefers_tab = format == FileFormat::kTsv},
                  .record_bytes_max = std::min(kRowBytesMax, options.memory_bytes / kLineShare),
                  .pool = options.pool};
  if (!config.encoding.empty()) cells.reader.csv.encoding = csv::EncodingOf(config.encoding);
  if (!from.csv.empty()) {
    ARROW_ASSIGN_OR_RAISE(cells.reader.start, csv::StartFromJson(from.csv));
  }
  return cells;
}

}  // namespace

Status CheckCsv(const config::CsvConfig& config) {
  if (!config.encoding.empty() && !csv::EncodingOf(config.encoding)) {
    return MakeError(Fault::kConfig, "`" + config.encoding + "` is not an encoding that is read",
                     {.code = "E0497", .next = "write utf-8, utf-16le, utf-16be, latin-1 or windows-1252"});
  }
  return csv::CheckOptions(
      {.delimiter = config.delimiter, .quote = config.quote, .escape = config.escape, .comment = config.comment});
}

Result<FileFormat> FormatOf(const config::FilesConfig& files, const std::string& path, std::string_view first_bytes) {
  for (const Magic& magic : kUnread) {
    if (first_bytes.starts_with(magic.bytes)) {
      return MakeError(Fault::kBadData, std::string("the file is ") + magic.what + ", which this build does not read",
                       {.code = "E0883", .next = "convert it, or leave it out of `path:`"});
    }
  }
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

bool IsWebPage(std::string_view content_type, std::string_view first_bytes) {
  constexpr std::string_view kType = "text/html";
  const std::string type = AsciiLower(content_type.substr(0, content_type.find(';')));
  if (type.substr(0, type.find_last_not_of(" \t") + 1) == kType) return true;
  const size_t begin = std::min(first_bytes.find_first_not_of(" \t\r\n\xEF\xBB\xBF"), first_bytes.size());
  constexpr size_t kBeginBytes = 16;
  const std::string text = AsciiLower(first_bytes.substr(begin, kBeginBytes));
  return text.starts_with("<!doctype html") || text.starts_with("<html");
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

Result<std::unique_ptr<RowCutter>> MakeRowCutter(UnpackedInput& input, const FilesOptions& options,
                                                 const FilesTable& table, FileFormat format, int64_t text_bytes_max,
                                                 bool reads_ahead, const Mark& from) {
  const int64_t page_bytes = std::clamp(text_bytes_max, kPageBytesMin, kPageBytes - 1) + 1;  // one more tells the end
  std::unique_ptr<RowCutter> cutter;
  using Form = JsonCutterOptions::Form;
  switch (format) {
    case FileFormat::kCsv:
    case FileFormat::kTsv: {
      ARROW_ASSIGN_OR_RAISE(CsvCutterOptions cells, CsvOptionsOf(options, table, format, from));
      cells.reader.page_bytes = page_bytes;
      cutter = MakeCsvCutter(input, std::move(cells));
      break;
    }
    case FileFormat::kParquet:
      return MakeError(Fault::kBug, "Parquet is not cut into pages");
    case FileFormat::kAuto:
    case FileFormat::kNdjson:
    case FileFormat::kJson:
      cutter = MakeJsonCutter(input, {.form = format == FileFormat::kNdjson ? Form::kLines : Form::kAuto,
                                      .records = table.records,
                                      .chunk_bytes = page_bytes,
                                      .chunk_bytes_max = std::min(kChunkBytesMax, options.memory_bytes / kChunkShare),
                                      .document_bytes_max = options.memory_bytes / kDocumentShare,
                                      .line_bytes_max = options.memory_bytes / kLineShare,
                                      .marks = true,
                                      .counts_lines = true,
                                      .from = from,
                                      .pool = options.pool});
      break;
  }
  const int64_t ahead =
      options.read_ahead && reads_ahead ? std::min(kAheadBytesMax, options.memory_bytes / kAheadShare) : 0;
  return CutAhead(std::move(cutter), ahead);
}

}  // namespace firn::source::files
