#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

/// What a person means by SOURCE and TARGET of `firn copy`. Pure.
namespace firn::pipeline {

struct CopySource {
  enum class Kind { kUrl, kFile, kFiles, kProgram, kStdin };
  Kind kind = Kind::kFile;
  std::string text;  // the URL or the path as typed; kProgram: what the shell runs
  // kFiles: where they lie, and their pattern below it.
  std::string location;
  std::string pattern;
  std::string query;  // of a file behind a URL, without `?`
};

/// "http://…" and "https://…" are URLs, and those of .csv, .tsv, .parquet and .zip (.gz, .zst) are files; "-" is
/// standard input, "exec:…" is a program that prints NDJSON, s3://… (gs, abfss), a path with wildcards and what ends in
/// ".parquet" are files of a place, "file://…" and all else are single files. Errors: kConfig for another scheme.
Result<CopySource> ParseCopySource(std::string_view text);

/// Returns a URL as the file behind it. User and password are left out of it. Errors: kConfig for what is no URL of a
/// file.
Result<CopySource> FileBehind(std::string_view url);

struct CopyTarget {
  enum class Kind { kTable, kParquet, kStdout };
  Kind kind = Kind::kTable;
  std::string path;                  // kParquet: as typed
  std::vector<std::string> dataset;  // kTable: levels
  std::string table;                 // kTable
};

/// "-" is standard output, what ends in ".parquet" or has a '/' is a file, "dataset.table" is a table of the lake.
/// Errors: kConfig for a table without a dataset, a folder, and files of another kind.
Result<CopyTarget> ParseCopyTarget(std::string_view text);

/// A URL taken apart for a request: nothing secret is left in `base_url` and `path`.
struct UrlRequest {
  std::string base_url;                                      // "https://api.shop.example"
  std::string path;                                          // "/v1/orders?status=any"
  std::string username, password;                            // of user:password@
  std::vector<std::pair<std::string, std::string>> secrets;  // query parameters that look secret, decoded
  std::string name;                                          // for a table: the last word of the path, "orders"
};

/// Errors: kConfig for what is no http(s) URL, or one with `${` or `{{`, which would be read as expressions.
Result<UrlRequest> SplitUrl(std::string_view url);

/// Returns a table name made of a file or path name: letters, digits and '_', never empty: "My-Orders.json.gz" gives
/// "my_orders".
std::string NameFor(std::string_view text);

}  // namespace firn::pipeline
