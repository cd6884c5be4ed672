#include "pipeline/personal_text.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/ascii.h"
#include "config/secret_names.h"
#include "pipeline/probe_guess.h"

namespace firn::pipeline {
namespace {

constexpr size_t kIbanBytesMax = 42;  // 34, in groups of four
constexpr size_t kIpBytesMax = 45;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsWordByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
}

std::string DigitsOf(std::string_view text) {
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits), IsDigit);
  return digits;
}

// The bytes at the beginning that are among `allowed`.
std::string_view Run(std::string_view text, std::string_view allowed) {
  return text.substr(0, text.find_first_not_of(allowed));
}

std::string_view WithoutEnd(std::string_view text, std::string_view separators) {
  return text.substr(0, text.find_last_not_of(separators) + 1);
}

// True if nothing goes on behind `length` bytes: no letter, digit or fraction.
bool EndsAt(std::string_view text, size_t length) {
  if (length >= text.size()) return true;
  const bool goes_on = length + 1 < text.size() && std::string_view(".:-").find(text[length]) != std::string_view::npos;
  return !IsWordByte(text[length]) && !(goes_on && IsDigit(text[length + 1]));
}

// 555-123-4567, 555 123 4567.
bool IsGroupedInTen(std::string_view text) {
  return text.size() == 12 && (text[3] == '-' || text[3] == ' ') && text[7] == text[3] && DigitsOf(text).size() == 10;
}

// "01/02/2023", "(2023-01-02".
bool BeginsWithDate(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_of("0123456789"), text.size()));
  const auto digits = [&](size_t begin, size_t count) {
    return text.size() >= begin + count && std::ranges::all_of(text.substr(begin, count), IsDigit);
  };
  const bool year_last = digits(0, 2) && digits(3, 2) && digits(6, 4) && !IsDigit(text[2]) && text[2] == text[5];
  const bool year_first = digits(0, 4) && digits(5, 2) && digits(8, 2) && !IsDigit(text[4]) && text[4] == text[7];
  return year_last || year_first;
}

// The functions below return the bytes of such a value at the beginning of `text`; 0: there is none.
size_t PhoneAt(std::string_view text) {
  constexpr size_t kDigitsMin = 8, kDigitsMax = 15;  // ITU-T E.164
  const bool international = text.front() == '+';
  const std::string_view rest = text.substr(international ? 1 : 0);
  std::string_view run = Run(rest, international ? "0123456789 -()/." : "0123456789 -()/");
  run = run.substr(0, std::min(run.find(" -"), run.find("  ")));
  while (DigitsOf(run).size() > kDigitsMax && run.find(' ') != std::string_view::npos) {
    run = run.substr(0, run.rfind(' '));
  }
  run = WithoutEnd(run, " -(/.");
  if (run.ends_with(')') && !IsDigit(run.front()) && run.find(')') != run.size() - 1) run.remove_suffix(1);
  const size_t length = run.size() + (international ? 1 : 0);
  const size_t num_digits = DigitsOf(run).size();
  const bool grouped = num_digits < run.size() && (run.front() == '0' || run.front() == '(');
  const bool formed = international || grouped || IsGroupedInTen(run);
  const bool sized = num_digits >= kDigitsMin && num_digits <= kDigitsMax;
  return formed && sized && !BeginsWithDate(run) && EndsAt(text, length) ? length : 0;
}

size_t IbanAt(std::string_view text) {
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (text.size() < 4 || !upper(text[0]) || !upper(text[1]) || !IsDigit(text[2]) || !IsDigit(text[3])) return 0;
  const std::string_view run =
      Run(text.substr(0, kIbanBytesMax + 1), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ").substr(0, kIbanBytesMax);
  for (size_t length = run.size(); length > 4; --length) {
    if (run[length - 1] == ' ' || !EndsAt(text, length)) continue;
    if (LooksLikeIban(std::string(run.substr(0, length)))) return length;
  }
  return 0;
}

size_t IpAt(std::string_view text) {
  const std::string_view four = WithoutEnd(Run(text, "0123456789."), ".");
  if (LooksLikeIp(std::string(four)) && EndsAt(text, four.size())) return four.size();
  const std::string_view six = Run(text.substr(0, kIpBytesMax + 1), "0123456789abcdefABCDEF:");
  return LooksLikeIp(std::string(six)) && EndsAt(text, six.size()) ? six.size() : 0;
}

size_t CardAt(std::string_view text) {
  std::string_view run = WithoutEnd(Run(text, "0123456789 -"), " -");
  while (!run.empty()) {
    const bool grouped = run.find("  ") == std::string_view::npos && run.find(" -") == std::string_view::npos;
    if (grouped && IsCardNumber(DigitsOf(run)) && EndsAt(text, run.size())) return run.size();
    const size_t cut = run.find_last_of(" -");
    run = cut == std::string_view::npos ? "" : WithoutEnd(run.substr(0, cut), " -");
  }
  return 0;
}

void AddEmails(std::string_view text, std::vector<std::string>* found) {
  constexpr std::string_view kAround = " \t\r\n<>,;:()[]{}\"'|=&?";
  for (size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    const size_t before = text.find_last_of(kAround, at);
    const size_t begin = before == std::string_view::npos ? 0 : before + 1;
    std::string word(text.substr(begin, std::min(text.find_first_of(kAround, at), text.size()) - begin));
    while (word.ends_with('.')) word.pop_back();
    if (LooksLikeEmail(word)) found->push_back(std::move(word));
  }
}

}  // namespace

bool IsCardNumber(std::string_view digits) {
  if (digits.size() < 13 || digits.size() > 19 || !std::ranges::all_of(digits, IsDigit)) return false;
  // ISO/IEC 7812: cards of banks begin with 3 to 6, some of sixteen digits with 22 to 27; times and most ids do not.
  const bool second_series = digits.size() == 16 && digits[0] == '2' && digits[1] >= '2' && digits[1] <= '7';
  return ((digits[0] >= '3' && digits[0] <= '6') || second_series) && PassesLuhn(digits);
}

std::vector<std::string> PersonalValuesIn(std::string_view text) {
  std::vector<std::string> found;
  AddEmails(text, &found);
  for (size_t at = 0; at < text.size(); ++at) {
    const char before = at == 0 ? ' ' : text[at - 1];
    if (IsWordByte(before) || std::string_view("-./_%#+").find(before) != std::string_view::npos) continue;
    const std::string_view rest = text.substr(at);
    const bool host = at >= 2 && before == '[' && text[at - 2] == '/';
    size_t length = 0;
    if (IsWordByte(rest.front())) length = std::max({IbanAt(rest), host ? 0 : IpAt(rest), CardAt(rest)});
    if (length == 0 && (IsDigit(rest.front()) || rest.front() == '+' || rest.front() == '(')) length = PhoneAt(rest);
    if (length == 0) continue;
    found.emplace_back(rest.substr(0, length));
    at += length - 1;
  }
  return found;
}

std::vector<std::string> TokenParametersIn(std::string_view text) {
  constexpr std::array<std::string_view, 8> kHarmless = {"page", "next",  "continuation", "cursor",
                                                         "sort", "order", "sync",         "author"};
  constexpr std::array<std::string_view, 9> kNames = {"sig",       "auth",       "jwt", "code",     "session",
                                                      "sessionid", "session_id", "pwd", "accesskey"};
  std::vector<std::string> found;
  for (size_t at = text.find_first_of("?&;"); at != std::string_view::npos; at = text.find_first_of("?&;", at + 1)) {
    const std::string_view parameter = text.substr(at + 1);
    const size_t equals =
        parameter.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]%");
    if (equals == std::string_view::npos || parameter[equals] != '=') continue;
    const std::string name = AsciiLower(parameter.substr(0, equals));
    const bool secret = config::LooksSecret(name) || name.find("signature") != std::string::npos ||
                        std::ranges::find(kNames, name) != kNames.end();
    const bool harmless =
        std::ranges::any_of(kHarmless, [&](auto part) { return name.find(part) != std::string::npos; });
    if (!secret || harmless) continue;
    const std::string_view value = parameter.substr(equals + 1);
    found.emplace_back(value.substr(0, value.find_first_of("&;#\"'<>,) \t\r\n\\")));
  }
  return found;
}

}  // namespace firn::pipeline
