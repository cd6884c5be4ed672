#include "pipeline/probe_guess.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/clock.h"

namespace firn::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kSureRowsMin = 5;  // fewer rows prove little
constexpr int kDepthMax = 4;
constexpr size_t kFieldsMax = 2'000;

// Lower-case letters and digits alone: "updatedAt" and "updated_at" are one name.
std::string Plain(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c))) out.push_back(static_cast<char>(std::tolower(c)));
  }
  return out;
}

std::string TextOf(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// ---- key ----

// Names of keys, the likeliest first; those before kNumSureKeys are keys wherever they are unique.
constexpr std::array kKeyNames = {"id",  "uuid",   "guid", "_id",  "gid", "key",   "uid",
                                  "sid", "number", "slug", "code", "sha", "symbol"};
constexpr size_t kNumSureKeys = 5;

bool IsKeyValue(const Json& value) {
  return value.is_number_integer() || (value.is_string() && !value.get_ref<const std::string&>().empty());
}

bool UniqueInAll(const std::vector<Json>& records, const std::string& name) {
  std::set<std::string> seen;
  for (const Json& record : records) {
    const auto found = record.find(name);
    if (found == record.end() || !IsKeyValue(*found) || !seen.insert(found->dump()).second) return false;
  }
  return true;
}

std::optional<KeyGuess> GuessKey(const std::vector<Json>& records) {
  if (records.empty()) return std::nullopt;
  const std::string rows = std::to_string(records.size()) + " rows";
  const auto guess = [&](const std::string& name, bool sure_name) {
    const bool sure = sure_name && records.size() >= kSureRowsMin;
    return KeyGuess{.path = name, .sureness = sure ? Sureness::kSure : Sureness::kLikely, .why = "unique in " + rows};
  };
  for (size_t i = 0; i < kKeyNames.size(); ++i) {
    for (const auto& [name, value] : records.front().items()) {
      const bool same = name == kKeyNames[i] || (i < kNumSureKeys && Plain(name) == Plain(kKeyNames[i]));
      if (same && UniqueInAll(records, name)) return guess(name, i < kNumSureKeys);
    }
  }
  for (const auto& [name, value] : records.front().items()) {  // order_id, orderId
    const bool ends = name.ends_with("_id") || name.ends_with("Id") || name.ends_with("ID") || name.ends_with("_uuid");
    if (ends && UniqueInAll(records, name)) return guess(name, false);
  }
  return std::nullopt;
}

// ---- cursor ----

constexpr std::array kChangeNames = {"updatedat",     "modifiedat",   "lastmodified",   "lastupdated",
                                     "updated",       "modified",     "lastmodifiedat", "lastmodifieddate",
                                     "lastupdatedat", "updatedon",    "modifiedon",     "datemodified",
                                     "dateupdated",   "modifieddate", "updateddate",    "systemmodstamp",
                                     "updatedtime",   "updatetime",   "changedat",      "lasteditedtime"};
constexpr std::array kCreationNames = {"createdat",   "created",      "createdon", "datecreated", "createddate",
                                       "createdtime", "creationdate", "timestamp", "occurredat",  "date"};

bool IsTime(const std::string& text) {
  const bool digits =
      text.size() >= 10 && std::isdigit(static_cast<unsigned char>(text[0])) && text[4] == '-' && text[7] == '-';
  if (!digits) return false;
  if (text.size() == 10) return ParseTimestamp(text + "T00:00:00Z").ok();
  if (ParseTimestamp(text).ok()) return true;
  std::string zoned = text;
  if (zoned.size() > 10 && zoned[10] == ' ') zoned[10] = 'T';
  return ParseTimestamp(zoned + "Z").ok() || ParseTimestamp(zoned).ok();
}

// The format of one value, empty if it is no time.
std::string TimeFormat(const Json& value) {
  if (value.is_string()) return IsTime(value.get_ref<const std::string&>()) ? "iso" : "";
  if (!value.is_number_integer()) return "";
  const int64_t number = value.get<int64_t>();
  if (number > 900'000'000 && number < 5'000'000'000) return "epoch_s";
  if (number > 900'000'000'000 && number < 5'000'000'000'000) return "epoch_ms";
  return "";
}

std::optional<CursorGuess> CursorOf(const std::vector<Json>& records, const std::string& name) {
  CursorGuess guess{.path = name};
  std::vector<std::string> values;
  for (const Json& record : records) {
    const auto found = record.find(name);
    if (found == record.end()) return std::nullopt;
    const std::string format = TimeFormat(*found);
    if (format.empty() || (!guess.format.empty() && format != guess.format)) return std::nullopt;
    guess.format = format;
    values.push_back(TextOf(*found));
  }
  std::sort(values.begin(), values.end(), [&](const auto& a, const auto& b) { return CompareCursor(guess, a, b) < 0; });
  guess.least = values.front();
  guess.middle = values[values.size() / 2];
  guess.most = values.back();
  return guess;
}

template <size_t kCount>
void AddCursors(const std::vector<Json>& records, const std::array<const char*, kCount>& names, bool changes,
                std::vector<CursorGuess>* out) {
  for (const char* wanted : names) {
    for (const auto& [name, value] : records.front().items()) {
      if (Plain(name) != wanted) continue;
      auto guess = CursorOf(records, name);
      if (!guess) continue;
      guess->changes = changes;
      out->push_back(std::move(*guess));
    }
  }
}

// ---- personal data ----

struct PiiName {
  const char* kind;
  std::vector<const char*> exact;     // plain names
  std::vector<const char*> contains;  // parts of plain names
};

const std::vector<PiiName>& PiiNames() {
  static const std::vector<PiiName> names = {
      {"email", {"email", "mail"}, {"emailaddress", "email"}},
      {"phone", {"tel", "fax", "msisdn"}, {"phone", "mobilenumber", "telephone"}},
      {"iban", {"iban"}, {"iban"}},
      {"card", {"pan"}, {"cardnumber", "creditcard"}},
      {"birth_date", {"dob", "birthday"}, {"birthdate", "dateofbirth"}},
      {"ip", {"ip"}, {"ipaddress", "ipaddr", "lastip", "clientip", "remoteaddr"}},
      {"name",
       {"firstname", "lastname", "fullname", "surname", "givenname", "familyname", "middlename", "maidenname"},
       {"customername", "username"}},
      {"address",
       {"street", "address", "address1", "address2", "line1", "line2"},
       {"streetaddress", "postaladdress", "zipcode", "postalcode"}},
      {"location", {"lat", "lng", "lon", "latitude", "longitude"}, {"geolocation"}},
      {"credential",
       {"password", "passwd", "secret", "token", "apikey"},
       {"accesstoken", "passwordhash", "refreshtoken"}},
      {"id", {"ssn", "nin"}, {"socialsecurity", "passport", "taxid", "nationalid"}},
      {"health", {}, {"diagnosis", "bloodtype"}},
  };
  return names;
}

bool LooksLikePhone(const std::string& text) {
  const auto digits =
      std::count_if(text.begin(), text.end(), [](char c) { return std::isdigit(static_cast<unsigned char>(c)); });
  const bool marked = text.starts_with('+') || text.starts_with('(') || text.find('-') != std::string::npos ||
                      text.find(' ') != std::string::npos;
  return digits >= 8 && digits <= 15 && marked && text.find_first_not_of("0123456789+-(). /") == std::string::npos;
}

bool LooksLikeCard(const std::string& text) {
  std::string digits;
  for (const char c : text) {
    if (std::isdigit(static_cast<unsigned char>(c)))
      digits.push_back(c);
    else if (c != ' ' && c != '-')
      return false;
  }
  if (digits.size() < 13 || digits.size() > 19 || text.size() == digits.size())
    return false;  // a bare number is any id
  return PassesLuhn(digits);
}

void Collect(const Json& value, const std::string& path, const std::string& name, int depth,
             std::map<std::string, size_t>* places, std::vector<SampledField>* fields) {
  if (depth > kDepthMax || fields->size() >= kFieldsMax) return;
  if (value.is_object()) {
    for (const auto& [key, child] : value.items()) {
      Collect(child, path.empty() ? key : path + "." + key, key, depth + 1, places, fields);
    }
    return;
  }
  if (value.is_array()) {
    for (const Json& child : value) Collect(child, path, name, depth + 1, places, fields);
    return;
  }
  if (path.empty() || (!value.is_string() && !value.is_number())) return;
  const auto [place, added] = places->emplace(path, fields->size());
  if (added) fields->push_back({.path = path, .name = name});
  SampledField& field = (*fields)[place->second];
  field.numbers |= value.is_number();
  if (value.is_string() && !value.get_ref<const std::string&>().empty())
    field.values.push_back(value.get<std::string>());
}

std::string KindByName(const SampledField& field) {
  const std::string plain = Plain(field.name);
  for (const PiiName& name : PiiNames()) {
    for (const char* exact : name.exact) {
      if (plain == exact) return name.kind;
    }
  }
  for (const PiiName& name : PiiNames()) {
    for (const char* part : name.contains) {
      if (plain.find(part) != std::string::npos) return name.kind;
    }
  }
  return "";
}

// The kind that at least four of five values look like.
std::string KindByValues(const SampledField& field) {
  const std::array<std::pair<const char*, bool (*)(const std::string&)>, 5> kinds = {{{"email", LooksLikeEmail},
                                                                                      {"ip", LooksLikeIp},
                                                                                      {"iban", LooksLikeIban},
                                                                                      {"card", LooksLikeCard},
                                                                                      {"phone", LooksLikePhone}}};
  if (field.values.empty()) return "";
  for (const auto& [kind, looks] : kinds) {
    const auto count = std::count_if(field.values.begin(), field.values.end(), looks);
    if (static_cast<size_t>(count) * 5 >= field.values.size() * 4 && !IsTime(field.values.front())) return kind;
  }
  return "";
}

}  // namespace

const char* ToString(Sureness sureness) {
  return sureness == Sureness::kSure ? "sure" : sureness == Sureness::kLikely ? "likely" : "ask";
}

bool LooksLikeEmail(const std::string& text) {
  const size_t at = text.find('@');
  if (at == 0 || at == std::string::npos || text.find('@', at + 1) != std::string::npos) return false;
  const size_t dot = text.find('.', at);
  return dot != std::string::npos && dot > at + 1 && dot + 2 <= text.size() - 1 && text.find(' ') == std::string::npos;
}

bool LooksLikeIp(const std::string& text) {
  if (std::count(text.begin(), text.end(), ':') >= 2) {
    return text.size() <= 45 && text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string::npos &&
           std::count(text.begin(), text.end(), ':') <= 7 && text.find_first_of("abcdefABCDEF:") != std::string::npos &&
           (text.find("::") != std::string::npos || std::count(text.begin(), text.end(), ':') == 7);
  }
  int parts = 0, digits = 0, value = 0;
  for (const char c : text + ".") {
    if (std::isdigit(static_cast<unsigned char>(c))) {
      value = value * 10 + (c - '0');
      if (++digits > 3 || value > 255) return false;
    } else if (c == '.' && digits > 0) {
      ++parts;
      digits = value = 0;
    } else {
      return false;
    }
  }
  return parts == 4;
}

bool LooksLikeIban(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    if (c != ' ') plain.push_back(c);
  }
  if (plain.size() < 15 || plain.size() > 34 || !std::isupper(static_cast<unsigned char>(plain[0])) ||
      !std::isupper(static_cast<unsigned char>(plain[1]))) {
    return false;
  }
  int remainder = 0;  // ISO 13616: the number modulo 97 is 1
  for (const char c : plain.substr(4) + plain.substr(0, 4)) {
    const auto byte = static_cast<unsigned char>(c);
    if (!std::isdigit(byte) && !std::isupper(byte)) return false;
    const int value = std::isdigit(byte) ? c - '0' : c - 'A' + 10;
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder == 1;
}

bool PassesLuhn(std::string_view digits) {
  int sum = 0;  // ISO/IEC 7812
  for (size_t i = 0; i < digits.size(); ++i) {
    int value = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) value = value > 4 ? value * 2 - 9 : value * 2;
    sum += value;
  }
  return sum % 10 == 0;
}

std::optional<PiiGuess> GuessPii(const SampledField& field) {
  const std::string by_name = KindByName(field), by_value = KindByValues(field);
  if (!by_value.empty() && by_value == by_name) {
    return PiiGuess{field.path, by_value, Sureness::kSure, "name and values look like it"};
  }
  // A phone looks like many other numbers.
  if (!by_value.empty() && by_value != "phone") {
    return PiiGuess{field.path, by_value, Sureness::kSure, "its values look like it"};
  }
  if (!by_name.empty() && !(field.numbers && by_name == "name")) {
    const bool strong = by_name != "address" && by_name != "location" && by_name != "name";
    return PiiGuess{field.path, by_name, strong ? Sureness::kLikely : Sureness::kAsk, "its name"};
  }
  if (!by_value.empty()) return PiiGuess{field.path, by_value, Sureness::kAsk, "its values look like it"};
  return std::nullopt;
}

SampleGuess GuessFromSample(const std::vector<std::string>& records) {
  std::vector<Json> parsed;
  for (const std::string& text : records) {
    Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (value.is_object()) parsed.push_back(std::move(value));
    if (parsed.size() == kSampleRecordsMax) break;
  }
  SampleGuess guess{.num_records = parsed.size()};
  if (parsed.empty()) return guess;
  guess.key = GuessKey(parsed);
  AddCursors(parsed, kChangeNames, true, &guess.cursors);
  AddCursors(parsed, kCreationNames, false, &guess.cursors);
  std::map<std::string, size_t> places;
  std::vector<SampledField> fields;
  for (const Json& record : parsed) Collect(record, "", "", 0, &places, &fields);
  for (const SampledField& field : fields) {
    if (guess.key && field.path == guess.key->path) continue;  // a key must stay what it is
    if (auto pii = GuessPii(field)) guess.pii.push_back(std::move(*pii));
  }
  return guess;
}

std::vector<std::string> SinceParameters(const CursorGuess& cursor) {
  if (!cursor.changes) return {"since", "created_after", "created_since", "start_date", "from", "after"};
  std::vector<std::string> names = {"since",          "updated_since",  "updated_after",
                                    "modified_since", "updated_at_min", "updated_from"};
  const bool camel = std::any_of(cursor.path.begin(), cursor.path.end(),
                                 [](char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; });
  if (camel) names.insert(names.begin() + 1, {"updatedSince", "updatedAfter", "modifiedSince"});
  return names;
}

std::string FarFuture(const CursorGuess& cursor) {
  if (cursor.format == "epoch_s") return "4070908800";
  if (cursor.format == "epoch_ms") return "4070908800000";
  return cursor.most.size() == 10 ? "2099-01-01" : "2099-01-01T00:00:00Z";
}

int CompareCursor(const CursorGuess& cursor, std::string_view a, std::string_view b) {
  if (cursor.format == "iso") {
    const auto left = ParseTimestamp(a), right = ParseTimestamp(b);
    if (left.ok() && right.ok()) return *left < *right ? -1 : *right < *left ? 1 : 0;
    return a.compare(b);
  }
  const long long left = std::atoll(std::string(a).c_str()), right = std::atoll(std::string(b).c_str());
  return left < right ? -1 : right < left ? 1 : 0;
}

}  // namespace firn::pipeline
