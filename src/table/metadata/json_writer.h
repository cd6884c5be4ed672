#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace firn::table {

/// Appends compact JSON to a string. Own code because metadata is rewritten at every commit and building a tree first
/// costs ten times as much. Commas are placed by the writer; the caller keeps begin/end in pairs.
class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view key);
  JsonWriter& Int(int64_t value);
  JsonWriter& Bool(bool value) { return Raw(value ? "true" : "false"); }
  JsonWriter& Null() { return Raw("null"); }
  /// `text` is UTF-8; bytes that are not are passed through (WriteMetadata checks the whole).
  JsonWriter& String(std::string_view text);
  /// Appends text that is JSON already.
  JsonWriter& Raw(std::string_view json);
  std::string Take() { return std::move(text_); }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();
  void AppendQuoted(std::string_view text);

  std::string text_;
  bool need_comma_ = false;
};

}  // namespace firn::table
