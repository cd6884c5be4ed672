#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/status.h"

/// Structured logging: a fixed event text and typed fields. Every line passes the redactor (base/redactor.h).
///   log::Info("split finished", {{"source", name}, {"num_rows", num_rows}});
namespace firn::log {

struct Value {
  std::variant<std::string, int64_t, double, bool> value;
  Value(std::string_view text) : value(std::string(text)) {}  // NOLINT(google-explicit-constructor)
  Value(const std::string& text) : value(text) {}             // NOLINT(google-explicit-constructor)
  Value(const char* text) : value(std::string(text)) {}       // NOLINT(google-explicit-constructor)
  Value(bool flag) : value(flag) {}                           // NOLINT(google-explicit-constructor)
  Value(double number) : value(number) {}                     // NOLINT(google-explicit-constructor)
  template <typename T, typename = std::enable_if_t<std::is_integral_v<T>>>
  Value(T number) : value(static_cast<int64_t>(number)) {}  // NOLINT(google-explicit-constructor)
};

struct Field {
  std::string_view name;
  Value value;
};

using Fields = std::initializer_list<Field>;

void Debug(std::string_view event, Fields fields = {});
void Info(std::string_view event, Fields fields = {});
void Warn(std::string_view event, Fields fields = {});
void Error(std::string_view event, Fields fields = {});

enum class Format { kText, kJson };
enum class Level { kDebug, kInfo, kWarn, kError, kOff };

/// Writes to the file alone: for what stderr tells in another form.
void Record(Level level, std::string_view event, Fields fields = {});

struct Options {
  Format format = Format::kText;
  Level level = Level::kWarn;  // of what goes to stderr
  std::string file;            // if not empty: a JSON-lines file that gets everything from kInfo on
};

/// A JSON-lines file is rotated at this size; the newest kLogFilesKept full ones stay beside it, number 1 the newest.
inline constexpr int64_t kLogFileBytesMax = int64_t{8} << 20;
inline constexpr int kLogFilesKept = 2;
/// Returns the name of a rotated file: "log.1.jsonl" of "log.jsonl".
std::string RotatedName(const std::string& path, int number);

/// Owns the process's log sinks. Made once in main; before it and after it nothing is logged.
class Session {
 public:
  static Result<std::unique_ptr<Session>> Start(const Options& options);
  virtual ~Session() = default;
  /// Adds or replaces the JSON-lines file, for example when a run begins. Empty closes it.
  virtual Status SetFile(const std::string& path) = 0;
};

}  // namespace firn::log
