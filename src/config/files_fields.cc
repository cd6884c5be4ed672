#include "config/files_fields.h"

#include "config/fields.h"
#include "config/file_form.h"
#include "config/storage_config.h"

namespace firn::config {
namespace {

constexpr int64_t kHourMs = 3'600'000;

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
          .OnlyFor("rest")
          .Doc("What the files hold. Of `type: rest`: anything but json means that the answers are files of rows.")
          .Foreign({{"jsonl", "write `ndjson`"}, {"jsonlines", "write `ndjson`"}, {"excel", "save it as CSV"}}),
      Enum("compression", {{"auto", "by the first bytes"},
                           {"none", ""},
                           {"gzip", ""},
                           {"zstd", ""},
                           {"zip", "archives, whatever their names are"}})
          .Default("auto")
          .OnlyFor("files")
          .OnlyFor("rest")
          .Doc("How the files are packed.")
          .Foreign({{"gz", "write `gzip`"}, {"zst", "write `zstd`"}}),
      Object("csv", CsvType())
          .OnlyFor("files")
          .OnlyFor("rest")
          .Doc("The dialect of CSV and TSV files.")
          .Example("{delimiter: \";\"}"),
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
