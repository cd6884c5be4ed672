#include "io/exchange_tape.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>

#include "base/ascii.h"
#include "io/json_layout.h"
#include "io/url.h"

namespace firn::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "firn tape ";
constexpr std::string_view kAnswer = "=== answer ";
constexpr size_t kSlugBytesMax = 60;
constexpr char kEnding[] = ".txt";

Status CannotTape(const Exchange& exchange, const std::string& why) {
  return MakeError(
      Fault::kConfig, exchange.method + " " + RedactUrl(exchange.url) + " cannot be put on a tape",
      {.code = "E0742", .why = why, .state = "nothing was recorded", .next = "record other tables: firn record TABLE"});
}

// Appends "body: <kind>" and the body, each line ended.
void AppendBody(const std::string& body, std::string* out) {
  if (body.empty()) {
    *out += "body: empty\n";
    return;
  }
  const auto json = LayOutJson(body, JsonLayout::kIndented);
  out->append(json.ok() ? "body: json\n" : "body: text\n").append(json.ok() ? *json : body).append("\n");
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : rest_(text), name_(name) {}

  Result<Exchange> Parse() {
    ARROW_ASSIGN_OR_RAISE(const std::string_view first, Line());
    if (!first.starts_with(kFirstLine)) return Bad("the first line is not `firn tape 1`");
    if (first.substr(kFirstLine.size()) != std::to_string(kTapeVersion)) {
      return Bad("version " + std::string(first.substr(kFirstLine.size())) + " is not known to this firn");
    }
    ARROW_ASSIGN_OR_RAISE(const std::string_view request, Line());
    const size_t space = request.find(' ');
    if (space == 0 || space == std::string_view::npos) return Bad("no method and URL");
    Exchange out{.method = std::string(request.substr(0, space)), .url = std::string(request.substr(space + 1))};
    ARROW_ASSIGN_OR_RAISE(const std::string_view kind, Line());
    const std::string mark = "\n" + std::string(kAnswer);
    const std::string_view before = kind == "body: empty" ? "" : rest_.substr(0, rest_.find(mark));
    ARROW_ASSIGN_OR_RAISE(out.request_body, Body(kind, before));
    Skip(before.empty() ? 0 : before.size() + 1);
    ARROW_RETURN_NOT_OK(ParseAnswer(&out));
    return out;
  }

 private:
  Status Bad(const std::string& what) const {
    return MakeError(Fault::kBadData, what + ": " + name_ + ":" + std::to_string(line_),
                     {.code = "E0741", .state = "nothing was read of the test", .next = "firn test --record"});
  }

  Result<std::string_view> Line() {
    ++line_;
    const size_t end = rest_.find('\n');
    if (end == std::string_view::npos) return Bad("the file ends too early");
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return line;
  }

  void Skip(size_t bytes) {
    const std::string_view skipped = rest_.substr(0, bytes);
    line_ += static_cast<int>(std::count(skipped.begin(), skipped.end(), '\n'));
    rest_.remove_prefix(skipped.size());
  }

  Result<std::string> Body(std::string_view kind, std::string_view body) const {
    if (kind == "body: empty") return body.empty() ? Result<std::string>("") : Bad("a body after `body: empty`");
    if (kind != "body: json" && kind != "body: text") return Bad("no line `body: empty`, `body: json` or `body: text`");
    auto compact = LayOutJson(body, JsonLayout::kCompact);
    if (compact.ok() || kind == "body: json") return compact.ok() ? compact : Bad(compact.status().message());
    return std::string(body);
  }

  Status ParseAnswer(Exchange* out) {
    ARROW_ASSIGN_OR_RAISE(std::string_view line, Line());
    if (!line.starts_with(kAnswer)) return Bad("no line `=== answer STATUS`");
    line.remove_prefix(kAnswer.size());
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), out->status);
    if (error != std::errc() || end != line.data() + line.size() || out->status < 100 || out->status > 999) {
      return Bad("no status");
    }
    ARROW_ASSIGN_OR_RAISE(line, Line());
    while (!line.starts_with("body: ")) {
      const size_t colon = line.find(": ");
      if (colon == 0 || colon == std::string_view::npos) return Bad("no header");
      const std::string name(line.substr(0, colon)), value(line.substr(colon + 2));
      if (name == "url") {
        out->effective_url = value;
      } else {
        out->headers.Add(name, value);
      }
      ARROW_ASSIGN_OR_RAISE(line, Line());
    }
    std::string_view body = rest_;
    if (line != "body: empty" && !body.ends_with('\n')) return Bad("the file ends too early");
    if (!body.empty()) body.remove_suffix(1);
    ARROW_ASSIGN_OR_RAISE(out->body, Body(line, body));
    return Status::OK();
  }

  std::string_view rest_;
  const std::string& name_;
  int line_ = 0;
};

// "get-v1-orders" of GET https://api.example/v1/orders?page=2.
std::string SlugOf(const Exchange& exchange) {
  const auto parts = ParseUrl(exchange.url);
  const std::string path = parts.ok() ? parts->path_and_query.substr(0, parts->path_and_query.find('?')) : "";
  std::string slug;
  for (const char c : AsciiLower(exchange.method + path)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) slug += c;
    if (!plain && !slug.empty() && slug.back() != '-') slug += '-';
  }
  slug.resize(std::min(slug.size(), kSlugBytesMax));
  while (slug.ends_with('-')) slug.pop_back();
  return slug;
}

// Numbers in a text are compared as numbers: page=2 comes before page=10.
std::string NaturalOrder(const std::string& text) {
  constexpr size_t kWidth = 20;
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])) != 0) ++end;
    if (end > at && end - at < kWidth) out.append(kWidth - (end - at), '0');
    if (end == at) ++end;
    out.append(text, at, end - at);
    at = end;
  }
  return out;
}

Result<std::string> ReadText(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return MakeError(Fault::kConfig, path.string() + " cannot be read", {.code = "E0741"});
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Status TooLarge(const fs::path& folder, const std::string& what) {
  return MakeError(Fault::kConfig, "the tape " + folder.string() + " is too large: " + what,
                   {.code = "E0743",
                    .why = "tapes are read and compared by people, and kept in version control",
                    .state = "nothing was changed",
                    .next = "firn test --record --max-pages 1, or a test for each table: firn record TABLE"});
}

// The files of a tape, by name.
Result<std::vector<fs::path>> FilesOf(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == kEnding) files.push_back(it->path());
    if (files.size() > kTapeFilesMax) return TooLarge(folder, "more than " + std::to_string(kTapeFilesMax) + " files");
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Result<std::string> TapeText(const Exchange& exchange) {
  const bool binary = (exchange.body + exchange.request_body).find('\0') != std::string::npos;
  if (binary) return CannotTape(exchange, "its body is no text");
  if (("\n" + exchange.request_body).find("\n" + std::string(kAnswer)) != std::string::npos) {
    return CannotTape(exchange, "its body holds a line that tapes use themselves");
  }
  std::string out = std::string(kFirstLine) + std::to_string(kTapeVersion) + "\n";
  out += exchange.method + " " + exchange.url + "\n";
  AppendBody(exchange.request_body, &out);
  out += std::string(kAnswer) + std::to_string(exchange.status) + "\n";
  if (!exchange.effective_url.empty()) out += "url: " + exchange.effective_url + "\n";
  for (const auto& [name, value] : exchange.headers) out += AsciiLower(name) + ": " + value + "\n";
  AppendBody(exchange.body, &out);
  return out;
}

Result<Exchange> ParseTape(std::string_view text, const std::string& name) {
  // Version control may have ended all lines another way.
  if (text.substr(0, text.find('\n')).ends_with('\r')) {
    std::string plain;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') plain += text[i];
    }
    return Parser(plain, name).Parse();
  }
  return Parser(text, name).Parse();
}

Status WriteTape(const fs::path& folder, std::vector<Exchange> exchanges) {
  std::vector<std::tuple<std::string, std::string, const Exchange*>> sorted;
  for (const Exchange& exchange : exchanges) {
    sorted.emplace_back(SlugOf(exchange), NaturalOrder(exchange.url + "\n" + exchange.request_body), &exchange);
  }
  std::ranges::stable_sort(sorted, {}, [](const auto& item) { return std::tie(std::get<0>(item), std::get<1>(item)); });
  std::map<std::string, int> counts;
  std::vector<std::pair<std::string, std::string>> files;
  int64_t bytes = 0;
  for (const auto& [slug, order, exchange] : sorted) {
    char number[16];
    std::snprintf(number, sizeof number, "-%04d", ++counts[slug]);
    ARROW_ASSIGN_OR_RAISE(std::string text, TapeText(*exchange));
    bytes += static_cast<int64_t>(text.size());
    files.emplace_back(slug + number + kEnding, std::move(text));
  }
  if (bytes > kTapeBytesMax) return TooLarge(folder, std::to_string(bytes >> 20) + " MiB of text");
  if (files.size() > kTapeFilesMax) return TooLarge(folder, std::to_string(files.size()) + " requests");
  std::error_code error;
  fs::create_directories(folder, error);
  ARROW_ASSIGN_OR_RAISE(const auto before, FilesOf(folder));
  for (const fs::path& file : before) fs::remove(file, error);
  for (const auto& [name, text] : files) {
    std::ofstream file(folder / name, std::ios::binary);
    file << text;
    file.close();
    if (!file) return MakeError(Fault::kConfig, (folder / name).string() + " cannot be written", {.code = "E0741"});
  }
  return Status::OK();
}

Result<std::vector<Exchange>> ReadTape(const fs::path& folder) {
  ARROW_ASSIGN_OR_RAISE(const auto files, FilesOf(folder));
  std::vector<Exchange> exchanges;
  for (const fs::path& file : files) {
    std::error_code error;
    if (fs::file_size(file, error) > static_cast<uintmax_t>(kTapeBytesMax)) return TooLarge(folder, file.string());
    ARROW_ASSIGN_OR_RAISE(const std::string text, ReadText(file));
    ARROW_ASSIGN_OR_RAISE(Exchange exchange, ParseTape(text, file.string()));
    exchanges.push_back(std::move(exchange));
  }
  return exchanges;
}

}  // namespace firn::io
