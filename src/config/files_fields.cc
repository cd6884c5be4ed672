#include "config/files_fields.h"

#include "config/fields.h"
#include "config/storage_config.h"

namespace firn::config {
namespace {

constexpr int64_t kHourMs = 3'600'000;

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

}  // namespace

Variant FilesSourceVariant() {
  Variant files{.tag_value = "files", .doc = "Files in a folder or on an object store."};
  files.fields = {
      Text("location")
          .Required()
          .Doc("Folder, relative to the project, s3://bucket/prefix or https://host/path. The paths of the tables lie "
               "below it; behind URLs each is named, without wildcards.")
          .Example("./inbox"),
      Object("storage", StorageType())
          .Doc("How the object store of `location` is reached; default: as the lake's.")
          .Example("{endpoint: \"http://127.0.0.1:9000\"}"),
      Object("auth", AuthType())
          .Doc("Of a URL. Default: none.")
          .Example("{type: bearer, token: \"${env:FILES_TOKEN}\"}"),
      Map("headers", Text("").InterpolatedIsSecret())
          .Doc("Headers of every request to a URL.")
          .Example("{X-Team: data}")};
  files.foreign = {{"path", "write `location:` for the folder, and `path:` in the table for its files"},
                   {"paths", "write `path:` in the table, one pattern or a list"},
                   {"files", "write `path:` in the table, one pattern or a list"},
                   {"pattern", "write `path:` in the table"},
                   {"globs", "write `path:` in the table"},
                   {"folder", "write `location:`"},
                   {"directory", "write `location:`"},
                   {"dir", "write `location:`"},
                   {"root", "write `location:`"},
                   {"url", "write `location:`"},
                   {"base_url", "write `location:`"},
                   {"format", "write `format:` in the table"},
                   {"compression", "write `compression:` in the table"},
                   {"csv", "write `csv:` in the table"},
                   {"endpoint", "write `storage: {endpoint: …}`"},
                   {"region", "write `storage: {region: …}`"}};
  return files;
}

std::vector<Field> FilesFields() {
  return {
      Enum("format", {{"auto", "by the name, else by the first bytes"},
                      {"ndjson", "one JSON object per line"},
                      {"json", "one JSON document"},
                      {"csv", ""},
                      {"tsv", ""},
                      {"parquet", ""}})
          .Default("auto")
          .OnlyFor("files")
          .Doc("What the files hold.")
          .Foreign({{"jsonl", "write `ndjson`"}, {"jsonlines", "write `ndjson`"}, {"excel", "save it as CSV"}}),
      Enum("compression", {{"auto", "by the first bytes"},
                           {"none", ""},
                           {"gzip", ""},
                           {"zstd", ""},
                           {"zip", "archives, whatever their names are"}})
          .Default("auto")
          .OnlyFor("files")
          .Doc("How the files are packed.")
          .Foreign({{"gz", "write `gzip`"}, {"zst", "write `zstd`"}}),
      Object("csv", CsvType()).OnlyFor("files").Doc("The dialect of CSV and TSV files.").Example("{delimiter: \";\"}"),
      Enum("file_changes", {{"append", "its rows are added, or merged by key"},
                            {"replace", "they replace those that came from the file"},
                            {"fail", "the table fails until it is decided"}})
          .OnlyFor("files")
          .Doc("When a file that was loaded has another content. Lines added to its end are always just added. "
               "Default: append with a primary_key, else fail."),
      Enum("same_content", {{"once", "it is loaded once, whatever the files are called"}, {"each", "each file counts"}})
          .Default("once")
          .OnlyFor("files")
          .Doc("When two files have the same bytes."),
      Duration("settle")
          .Range(0, kHourMs)
          .Default("2s")
          .OnlyFor("files")
          .Doc("A local file that changed less long ago may still be written: it must rest for so long first."),
      List("file_columns", Enum("", {{"_file", "path of the file below the location"},
                                     {"_line", "number of the line, or of the row, from 1"},
                                     {"_modified", "when the file was changed last"}}))
          .OnlyFor("files")
          .Doc("Columns that say where a row comes from. Default: `[_file]`.")
          .Example("[_file, _line]"),
  };
}

}  // namespace firn::config
