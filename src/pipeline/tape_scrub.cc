#include "pipeline/tape_scrub.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/ascii.h"
#include "base/hash.h"
#include "base/redactor.h"
#include "format/json/structural_index.h"
#include "io/json_layout.h"
#include "io/replaying_client.h"
#include "io/url.h"
#include "pipeline/personal_text.h"
#include "pipeline/probe_guess.h"

namespace firn::pipeline {
namespace {

using io::Exchange;

constexpr size_t kFoundAnywhereBytesMin = 6;  // shorter values stand in other places by chance
constexpr char kHidden[] = "***";
constexpr char kStars[] = "\"***\"";

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsWordByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
}

// Bytes without end, made of a value and the key.
class Stream {
 public:
  Stream(std::string_view key, std::string_view value) : key_(key), seed_(value) {}
  int Below(int bound) {
    if (at_ == block_.size()) {
      block_ = HmacSha256(key_, seed_ + '\0' + std::to_string(num_blocks_++));
      at_ = 0;
    }
    return block_[at_++] % bound;
  }

 private:
  const std::string key_;
  const std::string seed_;
  Sha256Digest block_{};
  size_t at_ = block_.size();
  int num_blocks_ = 0;
};

std::string TwoDigits(int number) {
  return {static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10)};
}

// The digit groups of "1987-03-12T10:00:00", "12/03/1987", "10.0.0.7": their lengths.
std::vector<size_t> DigitGroups(std::string_view text, std::string_view separators) {
  std::vector<size_t> groups(1);
  for (const char c : text) {
    if (IsDigit(c)) {
      ++groups.back();
    } else if (separators.find(c) != std::string_view::npos) {
      groups.push_back(0);
    } else {
      return {};
    }
  }
  return groups;
}

constexpr size_t kDateBytes = 10;

bool IsDate(std::string_view text) {
  const auto groups = DigitGroups(text, "-/.");
  return groups == std::vector<size_t>{4, 2, 2} || groups == std::vector<size_t>{2, 2, 4};
}

// Days are of all months, months of all formats.
std::string OtherDate(std::string_view date, Stream* stream) {
  std::string out;
  for (size_t at = 0; at < date.size();) {
    size_t end = at;
    while (end < date.size() && IsDigit(date[end])) ++end;
    if (end - at == 4) out += std::to_string(1950 + stream->Below(60));
    if (end - at == 2) out += TwoDigits(1 + stream->Below(12));
    if (end < date.size()) out += date[end];
    at = end + 1;
  }
  return out;
}

// "10:20:30.5" keeps its form: hours below 24, minutes and seconds below 60.
std::string OtherTime(std::string_view time, Stream* stream) {
  std::string out(time);
  for (size_t at = 1; at + 1 < out.size() && at <= 7 && IsDigit(out[at]) && IsDigit(out[at + 1]); at += 3) {
    out.replace(at, 2, TwoDigits(stream->Below(at == 1 ? 24 : 60)));
  }
  return out;
}

bool IsIpv4(std::string_view text) {
  const auto groups = DigitGroups(text, ".");
  return groups.size() == 4 && std::ranges::all_of(groups, [](size_t size) { return size >= 1 && size <= 3; });
}

// A letter becomes a letter of its case, those of hexadecimal digits among themselves; text beyond ASCII becomes ASCII.
char OtherLetter(char c, Stream* stream) {
  const char first = c >= 'A' && c <= 'Z' ? 'A' : 'a';
  const bool hex = c - first >= 0 && c - first < 6;
  return static_cast<char>(first + (hex ? stream->Below(6) : 6 + stream->Below(20)));
}

std::string OtherCharacters(std::string_view text, Stream* stream) {
  std::string out;
  bool leading = true;  // zeros in front stay, and no other digit becomes one
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsDigit(c)) {
      out += leading && c == '0' ? '0' : static_cast<char>('0' + (leading ? 1 + stream->Below(9) : stream->Below(10)));
      leading = leading && c == '0';
      continue;
    }
    leading = true;
    if ((byte & 0xC0) == 0x80) continue;  // the rest of a character
    out += byte >= 0x80 || std::isalpha(byte) != 0 ? OtherLetter(c, stream) : c;
  }
  return out;
}

// The first digit does not grow, so that what fitted a type still fits it.
std::string OtherNumber(std::string_view token, const std::string& key) {
  Stream stream(key, token);
  std::string out;
  bool leading = true;
  const size_t exponent = std::min(token.find_first_of("eE"), token.size());
  for (const char c : token.substr(0, exponent)) {
    if (!IsDigit(c) || (leading && c == '0')) {
      out += c;
      continue;
    }
    out += static_cast<char>(leading ? '1' + stream.Below(std::max(1, c - '1')) : '0' + stream.Below(10));
    leading = false;
  }
  return out + std::string(token.substr(exponent));
}

bool IsKeptHeader(const std::string& name) {
  constexpr std::array<std::string_view, 6> kNames = {"content-type", "location",      "retry-after",
                                                      "etag",         "last-modified", "content-disposition"};
  constexpr std::array<std::string_view, 9> kParts = {"link",  "next",   "page", "cursor",      "total",
                                                      "count", "offset", "more", "continuation"};
  const bool paging = std::ranges::any_of(kParts, [&](auto part) { return name.find(part) != std::string::npos; });
  return paging || std::ranges::find(kNames, name) != kNames.end();
}

bool IsTokenName(const std::string& name) {
  static const std::set<std::string> kNames = {
      "access_token",  "refresh_token", "id_token", "session_token", "accesstoken", "refreshtoken", "sessiontoken",
      "client_secret", "clientsecret",  "api_key",  "apikey",        "private_key", "password",     "jwt"};
  return kNames.contains(AsciiLower(name));
}

// Answers that say nothing of the data, if the request was answered later.
bool MeansAgain(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

// The values of a body: one, or one per line; empty: it is no JSON.
std::vector<std::string_view> JsonValuesOf(std::string_view body) {
  if (io::LayOutJson(body, io::JsonLayout::kCompact).ok()) return {body};
  std::vector<std::string_view> lines;
  for (size_t begin = 0; begin < body.size();) {
    const size_t end = std::min(body.find('\n', begin), body.size());
    const std::string_view line = body.substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(" \r\t") == std::string_view::npos) continue;
    if (!io::LayOutJson(line, io::JsonLayout::kCompact).ok()) return {};
    lines.push_back(line);
  }
  return lines;
}

// Calls `edit` for the scalars of a JSON text and for those of JSON texts that stand in its strings, which are written
// anew only if something in them changes. `around`: names of the members around the text.
Result<std::string> EditJson(std::string_view json, const std::vector<std::string>& around, const io::JsonEdit& edit) {
  const io::JsonEdit inner = [&](const io::JsonScalar& scalar) -> std::optional<std::string> {
    std::vector<std::string> path = around;
    path.insert(path.end(), scalar.path.begin(), scalar.path.end());
    const std::string text = scalar.is_string() && !scalar.is_name ? scalar.Text() : "";
    const bool nested = text.starts_with('{') || text.starts_with('[');
    const auto before = nested ? io::LayOutJson(text, io::JsonLayout::kCompact) : Result<std::string>("");
    if (!nested || !before.ok() || (!path.empty() && IsTokenName(path.back()))) {
      return edit({.path = path, .token = scalar.token, .is_name = scalar.is_name});
    }
    const auto after = EditJson(text, path, edit);
    return !after.ok() || *after == *before ? std::nullopt : std::optional(io::JsonString(*after));
  };
  return io::LayOutJson(json, io::JsonLayout::kCompact, inner);
}

// All fields of a body, at every depth.
std::vector<SampledField> FieldsOf(std::string_view body) {
  std::vector<SampledField> fields;
  std::unordered_map<std::string, size_t> places;
  const io::JsonEdit look = [&](const io::JsonScalar& scalar) -> std::optional<std::string> {
    if (scalar.is_name || scalar.path.empty() || (!scalar.is_string() && !scalar.is_number())) return std::nullopt;
    std::string path;
    for (const std::string& name : scalar.path) path += (path.empty() ? "" : ".") + name;
    const auto [place, added] = places.emplace(path, fields.size());
    if (added) fields.push_back({.path = path, .name = scalar.path.back()});
    SampledField& field = fields[place->second];
    field.numbers |= scalar.is_number();
    if (std::string text = scalar.Text(); scalar.is_string() && !text.empty()) field.values.push_back(std::move(text));
    return std::nullopt;
  };
  for (const std::string_view value : JsonValuesOf(body)) {
    static_cast<void>(EditJson(value, {}, look));  // was readable before
  }
  return fields;
}

class Scrubber {
 public:
  explicit Scrubber(const ScrubRules& rules) : rules_(rules), personal_(rules.personal.begin(), rules.personal.end()) {}

  Result<std::vector<Exchange>> Scrub(std::vector<Exchange> recorded) {
    std::vector<Exchange> exchanges = WithoutRepeated(std::move(recorded));
    for (Exchange& exchange : exchanges) ARROW_RETURN_NOT_OK(CheckReadable(&exchange));
    for (const Exchange& exchange : exchanges) GuessPersonal(exchange.body);
    for (const Exchange& exchange : exchanges) {
      Learn(exchange.body);
      LearnText(exchange.effective_url);
      for (const auto& [name, value] : exchange.headers) {
        if (IsKeptHeader(AsciiLower(name))) LearnText(value);
      }
    }
    for (Exchange& exchange : exchanges) Rewrite(&exchange);
    return exchanges;
  }

 private:
  static std::vector<Exchange> WithoutRepeated(std::vector<Exchange> recorded) {
    std::map<std::string, size_t> last;
    const auto key_of = [](const Exchange& e) { return io::RequestKey(e.method, e.url, e.request_body); };
    for (size_t i = 0; i < recorded.size(); ++i) last[key_of(recorded[i])] = i;
    std::vector<Exchange> out;
    for (size_t i = 0; i < recorded.size(); ++i) {
      if (MeansAgain(recorded[i].status) && last[key_of(recorded[i])] != i) continue;
      out.push_back(std::move(recorded[i]));
    }
    return out;
  }

  // What an error says is not needed: it may be dropped where it cannot be read.
  Status CheckReadable(Exchange* exchange) const {
    const bool text = exchange->body.find('\0') == std::string::npos && format::json::IsUtf8(exchange->body);
    const bool readable = text && (rules_.personal.empty() || !JsonValuesOf(exchange->body).empty());
    if (exchange->body.empty() || readable) return Status::OK();
    if (exchange->status >= 300) {
      exchange->body.clear();
      return Status::OK();
    }
    return MakeError(
        Fault::kConfig,
        "the answer to " + exchange->method + " " + io::RedactUrl(exchange->url) + " cannot be recorded",
        {.code = "E0742",
         .why = text ? "columns are declared `pii` or masked, and it is no JSON in which they could be found"
                     : "it is no text, so that nothing can be taken out of it",
         .state = "nothing was recorded",
         .next = "record other tables: firn record TABLE"});
  }

  void GuessPersonal(std::string_view body) {
    std::vector<PiiGuess> guesses;
    for (const SampledField& field : FieldsOf(body)) {
      if (auto guess = GuessPii(field)) guesses.push_back(std::move(*guess));
    }
    std::set<std::string> people;  // what objects with personal data are called, as the beginning of paths
    for (const PiiGuess& guess : guesses) {
      if (guess.sureness == Sureness::kAsk) continue;
      personal_.insert(guess.path);
      people.insert(ParentOf(guess.path));
    }
    // What may as well be of a thing is taken for a person's beside other personal data.
    for (const PiiGuess& guess : guesses) {
      if (people.contains(ParentOf(guess.path))) personal_.insert(guess.path);
    }
    for (const std::string& parent : people) personal_.insert(parent + "name");
  }

  // "customer." of "customer.email".
  static std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('.') + 1); }

  // True for a value at or below a personal path, wherever that begins.
  bool IsPersonal(const std::vector<std::string>& path) const {
    std::string joined;
    for (const std::string& name : path) {
      joined += "." + name;
      for (size_t dot = 0; dot != std::string::npos; dot = joined.find('.', dot + 1)) {
        if (personal_.contains(joined.substr(dot + 1))) return true;
      }
    }
    return false;
  }

  // Remembers values that must not stand anywhere.
  void Learn(std::string_view body) {
    const auto values = JsonValuesOf(body);
    if (values.empty()) LearnText(body);
    const io::JsonEdit look = [&](const io::JsonScalar& scalar) -> std::optional<std::string> {
      const std::string text = scalar.Text();
      const bool personal = !scalar.is_name && IsPersonal(scalar.path);
      const bool may_be_key = scalar.is_string() || std::ranges::all_of(text, IsDigit);
      if (personal && may_be_key) Remember(text);
      if (scalar.is_string() || IsCardNumber(text)) LearnText(text);
      return std::nullopt;
    };
    for (const std::string_view value : values) {
      static_cast<void>(EditJson(value, {}, look));  // was readable before
    }
  }

  // What looks personal inside of texts, and tokens in the URLs among them.
  void LearnText(std::string_view text) {
    for (const std::string& value : PersonalValuesIn(text)) Remember(value);
    for (const std::string& value : TokenParametersIn(text)) Remember(value);
  }

  void Remember(const std::string& value) {
    if (value.size() < kFoundAnywhereBytesMin || IsConfigured(value)) return;
    if (ProcessRedactor().Redact(value) == kHidden) return;  // is hidden wherever it stands
    const std::string substitute = SubstituteOf(value, rules_.key);
    AddKnown(value, substitute);
    AddKnown(io::UrlEncode(value), io::UrlEncode(substitute));
    AddKnown(FormEncoded(value), FormEncoded(substitute));
  }

  // As forms write it: a space is a plus.
  static std::string FormEncoded(const std::string& text) {
    constexpr std::string_view kSpace = "%20";
    std::string out = io::UrlEncode(text);
    for (size_t at = out.find(kSpace); at != std::string::npos; at = out.find(kSpace))
      out.replace(at, kSpace.size(), "+");
    return out;
  }

  // What stands in the configuration is written into requests by a replay, too.
  bool IsConfigured(const std::string& value) const {
    const auto stands_in = [](const std::string& text, const std::string& part) {
      for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        const size_t end = at + part.size();
        if ((at == 0 || !IsWordByte(text[at - 1])) && (end == text.size() || !IsWordByte(text[end]))) return true;
      }
      return false;
    };
    return std::ranges::any_of(rules_.configured, [&](const std::string& text) {
      return stands_in(text, value) || stands_in(text, io::UrlEncode(value));
    });
  }

  void AddKnown(const std::string& value, const std::string& substitute) {
    auto& all = known_[value.substr(0, kFoundAnywhereBytesMin)];
    if (std::ranges::find(all, value, &std::pair<std::string, std::string>::first) == all.end()) {
      all.emplace_back(value, substitute);
      std::ranges::stable_sort(all, {}, [](const auto& item) { return -static_cast<int64_t>(item.first.size()); });
    }
  }

  // Replaces what is known, where it is not part of a longer word.
  std::string WithoutKnown(std::string_view text) const {
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const std::pair<std::string, std::string>* match = nullptr;
      const bool begins = at == 0 || !IsWordByte(text[at - 1]) || (at >= 3 && text[at - 3] == '%');
      const auto found = begins ? known_.find(std::string(text.substr(at, kFoundAnywhereBytesMin))) : known_.end();
      if (found != known_.end()) {
        for (const auto& item : found->second) {
          const size_t end = at + item.first.size();
          const bool ends = end >= text.size() || !IsWordByte(text[end]);
          if (match == nullptr && ends && text.substr(at).starts_with(item.first)) match = &item;
        }
      }
      out += match == nullptr ? std::string(1, text[at]) : match->second;
      at += match == nullptr ? 1 : match->first.size();
    }
    return out;
  }

  std::string Clean(std::string_view text) const { return WithoutSecrets(WithoutKnown(text)); }

  std::string WithoutSecrets(std::string_view text) const {
    for (const std::string& plain : rules_.plain) {
      const size_t at = text.find(plain);
      if (at == std::string_view::npos) continue;
      return WithoutSecrets(text.substr(0, at)) + plain + WithoutSecrets(text.substr(at + plain.size()));
    }
    return ProcessRedactor().Redact(text);
  }

  // Short values stand in the configuration by chance: only those of requests are taken for its own.
  bool IsReplaced(const io::JsonScalar& scalar, const std::string& text, bool of_request) const {
    const bool judged = of_request || text.size() >= kFoundAnywhereBytesMin;
    return !scalar.is_name && IsPersonal(scalar.path) && !(judged && IsConfigured(text));
  }

  std::optional<std::string> Edit(const io::JsonScalar& scalar, bool of_request) const {
    if (scalar.is_string()) {
      const std::string text = scalar.Text();
      const bool token = !scalar.is_name && !scalar.path.empty() && IsTokenName(scalar.path.back());
      if (token && !text.empty()) return kStars;
      const bool personal = IsReplaced(scalar, text, of_request);
      const std::string other = WithoutSecrets(personal ? SubstituteOf(text, rules_.key) : WithoutKnown(text));
      return other == text ? std::nullopt : std::optional(io::JsonString(other));
    }
    if (!scalar.is_number()) return std::nullopt;
    const std::string other = WithoutKnown(scalar.token);  // a key of something personal
    if (other != scalar.token) return other;
    const bool secret = WithoutSecrets(scalar.token) != scalar.token;
    return secret || IsReplaced(scalar, std::string(scalar.token), of_request)
               ? std::optional(OtherNumber(scalar.token, rules_.key))
               : std::nullopt;
  }

  std::string CleanBody(const std::string& body, bool of_request) const {
    const auto values = JsonValuesOf(body);
    if (values.empty()) return Clean(body);
    std::string out;
    for (const std::string_view value : values) {
      const auto edit = [&](const io::JsonScalar& scalar) { return Edit(scalar, of_request); };
      auto written = EditJson(value, {}, edit);
      if (written.ok()) out += *written + (values.size() > 1 ? "\n" : "");
    }
    return out;
  }

  void Rewrite(Exchange* exchange) const {
    exchange->url = Clean(exchange->url);
    exchange->effective_url = Clean(exchange->effective_url);
    exchange->request_body = CleanBody(exchange->request_body, /*of_request=*/true);
    exchange->body = CleanBody(exchange->body, /*of_request=*/false);
    io::HttpHeaders kept;
    for (const auto& [name, value] : exchange->headers) {
      if (IsKeptHeader(AsciiLower(name))) kept.Add(AsciiLower(name), Clean(value));
    }
    exchange->headers = std::move(kept);
  }

  const ScrubRules& rules_;
  std::set<std::string> personal_;  // declared and guessed
  // Values with their substitutes, the longest first, by their first bytes.
  std::unordered_map<std::string, std::vector<std::pair<std::string, std::string>>> known_;
};

}  // namespace

std::vector<std::string> PersonalPathsOf(const config::PipelineConfig& pipeline) {
  std::vector<std::string> paths;
  for (const auto& table : pipeline.tables) {
    for (const auto& column : table.columns) {
      if (!column.pii.empty() || column.mask_on_write != config::WriteMask::kNone) paths.push_back(column.path);
    }
  }
  return paths;
}

std::string SubstituteOf(const std::string& value, const std::string& key) {
  if (std::ranges::all_of(value, IsDigit)) return OtherNumber(value, key);  // as if it were written as a number
  Stream stream(key, value);
  if (IsDate(std::string_view(value).substr(0, kDateBytes))) {
    return OtherDate(std::string_view(value).substr(0, kDateBytes), &stream) +
           OtherTime(std::string_view(value).substr(kDateBytes), &stream);
  }
  if (IsIpv4(value)) {
    std::string out = "10";
    for (int i = 0; i < 3; ++i) out += "." + std::to_string(stream.Below(256));
    return out;
  }
  return OtherCharacters(value, &stream);
}

Result<std::vector<Exchange>> ScrubExchanges(std::vector<Exchange> recorded, const ScrubRules& rules) {
  return Scrubber(rules).Scrub(std::move(recorded));
}

}  // namespace firn::pipeline
