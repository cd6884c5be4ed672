#include "config/file_form.h"

#include <array>
#include <utility>

#include "config/fields.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

// Reads one character ("\t" is a tab); nullopt, after `refuse`, if it is none.
std::optional<char> CharacterOf(const ObjectView& csv, std::string_view field, const RefuseField& refuse) {
  if (!csv.Has(field)) return std::nullopt;
  const std::string text = csv.Text(field);
  if (text == "\\t" || text == "tab") return '\t';
  if (field == "quote" && (text == "none" || text.empty())) return '\0';
  if (text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x80 && text[0] != '\n' && text[0] != '\r') {
    return text[0];
  }
  refuse(std::string(field), "`" + Shown(text) + "` is not one ASCII character",
         "write for example `" + std::string(field) + ": \";\"`, and `\\t` for a tab");
  return std::nullopt;
}

}  // namespace

ObjectTypePtr CsvType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "csv",
      .doc = "How CSV and TSV files are written. What is left out is found out from the first lines of each file.",
      .fields = {Text("delimiter").Doc("One character between fields; `\\t` is a tab.").Example("\";\""),
                 Text("quote").Doc("One character around fields, or `none`.").Example("\"'\""),
                 Text("escape").Doc("One character before a quote inside quotes; default: the quote itself."),
                 Bool("header").Doc("Whether the first record holds the names."),
                 List("columns", Text(""))
                     .AtLeast(1)
                     .Doc("Names in the order of the fields, instead of those in the header.")
                     .Example("[id, name, total]"),
                 List("nulls", Text(""))
                     .Doc("Texts without quotes that mean null, besides the empty one.")
                     .Example("[\"NULL\", n/a]"),
                 Int("skip_lines").Range(0, 1'000'000).Default("0").Doc("Lines before the header."),
                 Text("comment").Doc("Lines that begin with this character are no records.").Example("\"#\""),
                 Text("encoding")
                     .Doc(
                         "utf-8, utf-16le, utf-16be, latin-1 or windows-1252; default: by byte order mark, else utf-8.")
                     .Example("latin-1")},
      .foreign = {{"separator", "write `delimiter:`"},
                  {"sep", "write `delimiter:`"},
                  {"quotechar", "write `quote:`"},
                  {"quote_char", "write `quote:`"},
                  {"escape_char", "write `escape:`"},
                  {"has_header", "write `header:`"},
                  {"names", "write `columns:`"},
                  {"null_values", "write `nulls:`"},
                  {"skip_rows", "write `skip_lines:`"}}});
  return type;
}

std::vector<Field> DownloadFields() {
  return {
      Enum("format", {{"ndjson", "one JSON object per line"}, {"json", "one JSON document"}, {"csv", ""}, {"tsv", ""}})
          .Required()
          .Doc("What the file holds.")
          .Foreign({{"jsonl", "write `ndjson`"}, {"jsonlines", "write `ndjson`"}}),
      Enum("compression", {{"auto", "by the first bytes"}, {"none", ""}, {"gzip", ""}, {"zstd", ""}, {"zip", ""}})
          .Default("auto")
          .Doc("How it is packed. Members of archives may be packed once more.")
          .Foreign({{"gz", "write `gzip`"}, {"zst", "write `zstd`"}}),
      Text("members").Doc("Which files of a zip archive are read. Default: all.").Example("\"**/*.json.gz\""),
      Text("records").Default("auto").Doc("Where the rows of a JSON document are, as of a table."),
      Object("csv", CsvType()).Doc("The dialect of CSV and TSV.").Example("{delimiter: \";\"}")};
}

FileFormat FileFormatOf(std::string_view name) {
  constexpr std::array kNames = {std::pair{std::string_view("ndjson"), FileFormat::kNdjson},
                                 std::pair{std::string_view("json"), FileFormat::kJson},
                                 std::pair{std::string_view("csv"), FileFormat::kCsv},
                                 std::pair{std::string_view("tsv"), FileFormat::kTsv},
                                 std::pair{std::string_view("parquet"), FileFormat::kParquet}};
  for (const auto& [known, format] : kNames) {
    if (known == name) return format;
  }
  return FileFormat::kAuto;
}

FileCompression FileCompressionOf(std::string_view name) {
  if (name == "none") return FileCompression::kNone;
  if (name == "gzip") return FileCompression::kGzip;
  if (name == "zstd") return FileCompression::kZstd;
  return name == "zip" ? FileCompression::kZip : FileCompression::kAuto;
}

CsvConfig CsvConfigOf(const ObjectView& csv, const RefuseField& refuse) {
  CsvConfig out{.delimiter = CharacterOf(csv, "delimiter", refuse),
                .quote = CharacterOf(csv, "quote", refuse),
                .escape = CharacterOf(csv, "escape", refuse),
                .columns = csv.TextList("columns"),
                .nulls = csv.TextList("nulls"),
                .skip_lines = csv.Int("skip_lines"),
                .comment = CharacterOf(csv, "comment", refuse).value_or('\0'),
                .encoding = csv.Text("encoding")};
  if (csv.Has("header")) out.header = csv.Bool("header");
  return out;
}

DownloadConfig DownloadConfigOf(const ObjectView& download, const RefuseField& refuse) {
  return {.format = FileFormatOf(download.Text("format")),
          .compression = FileCompressionOf(download.Text("compression")),
          .members = download.Text("members"),
          .records = download.Text("records"),
          .csv = CsvConfigOf(download.Object("csv"), refuse)};
}

}  // namespace firn::config
