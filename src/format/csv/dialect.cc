#include "format/csv/dialect.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace firn::format::csv {

std::optional<Encoding> EncodingOf(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c != '-' && c != '_' && c != ' ')
      plain.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  constexpr std::pair<std::string_view, Encoding> kNames[] = {{"utf8", Encoding::kUtf8},
                                                              {"utf16", Encoding::kUtf16Le},
                                                              {"utf16le", Encoding::kUtf16Le},
                                                              {"utf16be", Encoding::kUtf16Be},
                                                              {"latin1", Encoding::kLatin1},
                                                              {"iso88591", Encoding::kLatin1},
                                                              {"windows1252", Encoding::kWindows1252},
                                                              {"cp1252", Encoding::kWindows1252}};
  const auto found = std::ranges::find(kNames, plain, [](const auto& entry) { return entry.first; });
  return found == std::end(kNames) ? std::nullopt : std::optional(found->second);
}

Status CheckOptions(const CsvOptions& options) {
  const auto refuse = [](const std::string& what) {
    return MakeError(Fault::kConfig, "the CSV dialect cannot be: " + what, {.code = "E0613"});
  };
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  const char delimiter = options.delimiter.value_or(','), quote = options.quote.value_or('"');
  const char escape = options.escape.value_or(quote);
  for (const char c : {delimiter, quote, escape, options.comment}) {
    if (!is_ascii(c)) return refuse("its characters must be ASCII");
    if (c == '\n' || c == '\r') return refuse("a line end is no delimiter, quote, escape or comment");
  }
  if (delimiter == 0 || delimiter == ' ') return refuse("the delimiter is empty or a blank");
  if (options.delimiter && delimiter == quote) return refuse("delimiter and quote are the same");
  if (options.comment != 0 && (options.comment == delimiter || options.comment == quote)) {
    return refuse("the comment character is the delimiter or the quote");
  }
  if (options.skip_lines < 0) return refuse("skip_lines is negative");
  return Status::OK();
}

}  // namespace firn::format::csv
