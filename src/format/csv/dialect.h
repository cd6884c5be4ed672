#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::format::csv {

enum class Encoding { kUtf8, kUtf16Le, kUtf16Be, kLatin1, kWindows1252 };

/// What is known of a file before it is read; what is absent is found out from its first bytes (sniffer.h).
struct CsvOptions {
  std::optional<char> delimiter;  // "," ";" tab "|" are looked for
  std::optional<char> quote;      // '"'; 0: none
  std::optional<char> escape;     // before a quote inside quotes: the quote itself, or a backslash
  std::optional<bool> header;     // whether the first record has the names
  /// Names in the order of the fields, instead of those in the header; without a header they are column_1, column_2 …
  std::vector<std::string> columns;
  std::vector<std::string> nulls;    // texts of unquoted cells that mean null, besides the empty one
  int64_t skip_lines = 0;            // before the header
  char comment = 0;                  // lines that begin with it are no records; 0: none
  std::optional<Encoding> encoding;  // absent: by byte order mark, else UTF-8
  bool prefers_tab = false;          // the file's name says so (.tsv)
  friend bool operator==(const CsvOptions&, const CsvOptions&) = default;
};

/// How a file is written: options with nothing left open.
struct Dialect {
  char delimiter = ',';
  char quote = '"';
  char escape = '"';
  char comment = 0;
  bool cr_lines = false;  // lines end with CR alone; else with LF or CR LF
  bool header = true;
  Encoding encoding = Encoding::kUtf8;
  std::vector<std::string> nulls;
  friend bool operator==(const Dialect&, const Dialect&) = default;
};

/// "utf-8", "utf-16le", "utf-16be", "latin-1", "windows-1252", and usual spellings of them.
std::optional<Encoding> EncodingOf(std::string_view name);

/// Errors: kConfig for characters that cannot go together (delimiter = quote, a line end).
Status CheckOptions(const CsvOptions& options);

}  // namespace firn::format::csv
