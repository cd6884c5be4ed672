#include "pipeline/copy_target.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <utility>

#include "base/ascii.h"
#include "config/secret_names.h"
#include "io/object_location.h"
#include "io/url.h"
#include "query/tables.h"

namespace firn::pipeline {
namespace {

constexpr std::string_view kProgram = "exec:";

Status Usage(std::string message, std::string next) {
  return MakeError(Fault::kConfig, std::move(message), {.code = "E0841", .next = std::move(next)});
}

std::string PercentDecoded(std::string_view text) {
  const auto hex = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) ? c - '0' : (c | 32) - 'a' + 10; };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() &&
                        std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
                        std::isxdigit(static_cast<unsigned char>(text[i + 2]));
    if (escape) {
      out.push_back(static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// Where the name of an archive ends whose members are meant: "in/a.zip/b.csv".
size_t EndOfArchive(std::string_view text) {
  return AsciiLower(text).find(".zip/");
}

// The folder before the first wildcard or archive, and the rest.
Result<CopySource> FilesOf(std::string_view text) {
  const size_t wild = std::min({text.find_first_of("*?[{"), EndOfArchive(text), text.size()});
  const size_t slash = text.substr(0, wild).rfind('/');
  CopySource source{.kind = CopySource::Kind::kFiles, .text = std::string(text)};
  if (slash == std::string_view::npos) {
    source.location = ".";
    source.pattern = text;
  } else {
    source.location = slash == 0 ? "/" : text.substr(0, slash);
    source.pattern = text.substr(slash + 1);
  }
  if (source.pattern.empty() || source.location.ends_with(":/")) {
    return Usage(std::string(text) + " names no files",
                 "give a pattern: firn copy 's3://bucket/orders/*.parquet' raw.orders");
  }
  return source;
}

// What an API does not answer with.
bool IsNamedAsFile(std::string_view url) {
  std::string path = AsciiLower(url.substr(0, url.find_first_of("?#")));
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (path.ends_with(packed)) path.resize(path.size() - packed.size());
  }
  constexpr std::array kEnds = {".csv", ".tsv", ".parquet", ".pq", ".zip"};
  return EndOfArchive(path) != std::string::npos ||
         std::ranges::any_of(kEnds, [&](std::string_view end) { return path.ends_with(end); });
}

}  // namespace

Result<CopySource> FileBehind(std::string_view url) {
  ARROW_ASSIGN_OR_RAISE(const UrlRequest request, SplitUrl(url));
  const std::string_view whole = url.substr(0, url.find('#'));
  const size_t question = std::min(whole.find('?'), whole.size());
  CopySource source{.kind = CopySource::Kind::kFiles, .text = std::string(url)};
  source.query = whole.substr(std::min(question + 1, whole.size()));
  std::string path = request.path.substr(0, request.path.find('?'));
  const size_t slash = path.substr(0, EndOfArchive(path)).rfind('/');
  source.location = request.base_url + path.substr(0, slash);
  // Of an archive the rest may be a pattern; of all else each character is meant itself.
  const bool has_members = EndOfArchive(path) != std::string::npos;
  for (const char c : path.substr(slash + 1)) {
    constexpr std::string_view kWild = "*[]{}\\";
    char encoded[4];
    std::snprintf(encoded, sizeof encoded, "%%%02X", static_cast<unsigned char>(c));
    source.pattern += has_members || kWild.find(c) == std::string_view::npos ? std::string(1, c) : encoded;
  }
  if (source.pattern.empty()) {
    return Usage(io::RedactUrl(url) + " names no file", "firn copy https://example.com/orders.csv raw.orders");
  }
  return source;
}

Result<CopySource> ParseCopySource(std::string_view text) {
  if (text == "-") return CopySource{.kind = CopySource::Kind::kStdin, .text = "-"};
  if (StartsWith(text, "http://") || StartsWith(text, "https://")) {
    if (IsNamedAsFile(text)) return FileBehind(text);
    return CopySource{.kind = CopySource::Kind::kUrl, .text = std::string(text)};
  }
  if (StartsWith(text, kProgram)) {
    text.remove_prefix(kProgram.size());
    if (text.empty()) return Usage("copy needs a program", "firn copy 'exec:python3 extract.py' raw.orders");
    return CopySource{.kind = CopySource::Kind::kProgram, .text = std::string(text)};
  }
  if (StartsWith(text, "file://")) text.remove_prefix(7);
  const std::string lower = AsciiLower(text);
  const bool typed = lower.ends_with(".parquet") || lower.ends_with(".pq") || lower.ends_with(".zip");
  if (io::IsObjectLocation(text) || typed || EndOfArchive(text) != std::string_view::npos ||
      text.find_first_of("*?[{") != std::string_view::npos) {
    return FilesOf(text);
  }
  const size_t scheme = text.find("://");
  if (scheme != std::string_view::npos) {
    return Usage("copy cannot read from " + std::string(text.substr(0, scheme)) + "://",
                 "give an http(s) URL, a JSON or NDJSON file, or - for standard input");
  }
  if (text.empty()) return Usage("copy needs a source", "firn copy https://api.example/v1/orders raw.orders");
  return CopySource{.kind = CopySource::Kind::kFile, .text = std::string(text)};
}

Result<CopyTarget> ParseCopyTarget(std::string_view text) {
  if (text == "-") return CopyTarget{.kind = CopyTarget::Kind::kStdout};
  if (text.ends_with('/'))
    return Usage(std::string(text) + " is a folder", "name a file: " + std::string(text) + "rows.parquet");
  for (const char* other : {".json", ".ndjson", ".jsonl", ".csv", ".avro", ".orc"}) {
    if (text.ends_with(other)) {
      return Usage("copy writes no " + std::string(other) + " files",
                   "firn copy SOURCE - > " + std::string(text) + "   (NDJSON)");
    }
  }
  if (text.ends_with(".parquet") || text.find('/') != std::string_view::npos) {
    return CopyTarget{.kind = CopyTarget::Kind::kParquet, .path = std::string(text)};
  }
  ARROW_ASSIGN_OR_RAISE(auto parts, query::SplitName(text));
  if (parts.size() < 2) {
    return Usage("the table `" + std::string(text) + "` has no dataset",
                 "raw." + std::string(text) + "   or " + std::string(text) + ".parquet");
  }
  CopyTarget target{.table = std::move(parts.back())};
  parts.pop_back();
  target.dataset = std::move(parts);
  return target;
}

Result<UrlRequest> SplitUrl(std::string_view url) {
  if (url.find("${") != std::string_view::npos || url.find("{{") != std::string_view::npos) {
    return Usage("the URL holds an expression", "use a project: firn init URL");
  }
  const size_t fragment = url.find('#');
  url = url.substr(0, fragment);
  ARROW_ASSIGN_OR_RAISE(const io::UrlParts parts, io::ParseUrl(url));
  UrlRequest request;
  const size_t host = url.find("://") + 3;
  const size_t host_end = std::min(url.find_first_of("/?", host), url.size());
  std::string_view authority = url.substr(host, host_end - host);
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = authority.substr(0, at);
    const size_t colon = std::min(user.find(':'), user.size());
    request.username = PercentDecoded(user.substr(0, colon));
    request.password = PercentDecoded(user.substr(std::min(colon + 1, user.size())));
    authority.remove_prefix(at + 1);
  }
  request.base_url = std::string(url.substr(0, host)) + std::string(authority);
  const size_t question = std::min(parts.path_and_query.find('?'), parts.path_and_query.size());
  request.path = parts.path_and_query.substr(0, question);
  std::string_view query =
      std::string_view(parts.path_and_query).substr(std::min(question + 1, parts.path_and_query.size()));
  std::string kept;
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(item.size() + 1, query.size()));
    const size_t equals = std::min(item.find('='), item.size());
    const std::string name = PercentDecoded(item.substr(0, equals));
    if (config::LooksSecret(name) && equals < item.size()) {
      request.secrets.emplace_back(name, PercentDecoded(item.substr(equals + 1)));
    } else if (!item.empty()) {
      kept += (kept.empty() ? "?" : "&") + std::string(item);
    }
  }
  std::string path = request.path;
  while (path.ends_with('/')) path.pop_back();
  request.name = NameFor(path.empty() ? parts.host : path.substr(path.rfind('/') + 1));
  request.path += kept;
  return request;
}

std::string NameFor(std::string_view text) {
  text = text.substr(text.find_last_of('/') + 1);
  for (const char* end : {".gz", ".zst", ".json", ".ndjson", ".jsonl"}) {
    if (text.size() > std::string_view(end).size() && text.ends_with(end))
      text.remove_suffix(std::string_view(end).size());
  }
  std::string name;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte))
      name.push_back(static_cast<char>(std::tolower(byte)));
    else if (!name.empty() && name.back() != '_')
      name.push_back('_');
  }
  while (name.ends_with('_')) name.pop_back();
  if (name.empty()) return "rows";
  return std::isdigit(static_cast<unsigned char>(name.front())) ? "t_" + name : name;
}

}  // namespace firn::pipeline
