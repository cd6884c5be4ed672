#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What rows of an API let one guess of its table: key, cursor, personal data. Pure functions of sample records.
namespace firn::pipeline {

/// Only what is sure is active in a configuration that firn writes; what is likely stands there as a comment.
enum class Sureness { kSure, kLikely, kAsk };
const char* ToString(Sureness sureness);  // "sure", "likely", "ask"

struct KeyGuess {
  std::string path;
  Sureness sureness = Sureness::kAsk;
  std::string why;  // "unique in 30 rows"
};

/// A field that grows when a row changes. Whether the API filters by it is to be asked.
struct CursorGuess {
  std::string path;
  std::string format;       // iso | epoch_s | epoch_ms
  bool changes = true;      // false: it only tells when the row was made
  std::string least, most;  // values in the sample, as written
  std::string middle;       // a value in between
};

struct PiiGuess {
  std::string path;  // source path, arrays passed through
  std::string kind;  // a class of `pii:`
  Sureness sureness = Sureness::kAsk;
  std::string why;
};

struct SampleGuess {
  size_t num_records = 0;
  std::optional<KeyGuess> key;
  std::vector<CursorGuess> cursors;  // the best first
  std::vector<PiiGuess> pii;         // in order of the fields
};

/// `records`: JSON texts, of several pages if there are. At most kSampleRecordsMax are looked at.
SampleGuess GuessFromSample(const std::vector<std::string>& records);
inline constexpr size_t kSampleRecordsMax = 500;

/// What a sample has at one path.
struct SampledField {
  std::string path;                 // arrays passed through
  std::string name;                 // the last of the path
  std::vector<std::string> values;  // those that are text, without empty ones
  bool numbers = false;             // others are numbers
};

/// Returns what personal data a field seems to hold, by its name and its values; nullopt: none.
std::optional<PiiGuess> GuessPii(const SampledField& field);

/// True for one address: "anna@shop.example".
bool LooksLikeEmail(const std::string& text);
/// True for an IPv4 or IPv6 address.
bool LooksLikeIp(const std::string& text);
/// True for an IBAN with the right check digits, in groups or not.
bool LooksLikeIban(const std::string& text);
/// True if the last of these digits is the check digit of the others.
bool PassesLuhn(std::string_view digits);

/// Query parameters that APIs use for "changed at or after", for a cursor of that name; the likeliest first.
std::vector<std::string> SinceParameters(const CursorGuess& cursor);

/// Returns a bound far in the future in the cursor's own format: "2099-01-01T00:00:00Z" or "4070908800".
std::string FarFuture(const CursorGuess& cursor);

/// Compares two values of a cursor as its format orders them: negative, 0, positive.
int CompareCursor(const CursorGuess& cursor, std::string_view a, std::string_view b);

}  // namespace firn::pipeline
