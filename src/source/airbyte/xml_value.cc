#include "source/airbyte/xml_value.h"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace firn::source::airbyte {
namespace {

constexpr int kDepthMax = 200;

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string Trimmed(const std::string& text) {
  size_t begin = 0, end = text.size();
  while (begin < end && IsBlank(text[begin])) ++begin;
  while (end > begin && IsBlank(text[end - 1])) --end;
  return text.substr(begin, end - begin);
}

void AppendCodePoint(uint32_t code, std::string* out) {
  if (code < 0x80) {
    *out += static_cast<char>(code);
  } else if (code < 0x800) {
    *out += static_cast<char>(0xC0 | (code >> 6));
    *out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *out += static_cast<char>(0xE0 | (code >> 12));
    *out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    *out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    *out += static_cast<char>(0xF0 | (code >> 18));
    *out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    *out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    *out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Value> Document() {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    ARROW_RETURN_NOT_OK(SkipMisc());
    std::string name;
    Value value;
    ARROW_RETURN_NOT_OK(Element(0, &name, &value));
    ARROW_RETURN_NOT_OK(SkipMisc());
    if (at_ != text_.size()) return Bad("text after the root");
    return Value::OfMap({{Value::String(name), std::move(value)}});
  }

 private:
  Status Bad(const char* what) const {
    return MakeError(Fault::kBadData, std::string("not XML: ") + what + ", offset " + std::to_string(at_));
  }
  bool Starts(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  void SkipBlank() {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
  }
  Status SkipPast(std::string_view word) {
    const size_t end = text_.find(word, at_);
    if (end == std::string_view::npos) return Bad("an open end");
    at_ = end + word.size();
    return Status::OK();
  }
  // Declarations, comments, white space outside the root.
  Status SkipMisc() {
    while (true) {
      SkipBlank();
      if (Starts("<?")) {
        ARROW_RETURN_NOT_OK(SkipPast("?>"));
      } else if (Starts("<!--")) {
        ARROW_RETURN_NOT_OK(SkipPast("-->"));
      } else if (Starts("<!DOCTYPE")) {
        ARROW_RETURN_NOT_OK(SkipPast(">"));
      } else {
        return Status::OK();
      }
    }
  }
  std::string Name() {
    const size_t begin = at_;
    while (at_ < text_.size() && !IsBlank(text_[at_]) &&
           std::string_view("=/><\"'").find(text_[at_]) == std::string_view::npos)
      ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }
  Status Entity(std::string* out) {
    const size_t end = text_.find(';', at_);
    if (end == std::string_view::npos || end - at_ > 12) return Bad("an entity");
    const std::string name(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    if (name == "lt")
      *out += '<';
    else if (name == "gt")
      *out += '>';
    else if (name == "amp")
      *out += '&';
    else if (name == "quot")
      *out += '"';
    else if (name == "apos")
      *out += '\'';
    else if (name.starts_with("#x"))
      AppendCodePoint(static_cast<uint32_t>(std::strtoul(name.c_str() + 2, nullptr, 16)), out);
    else if (name.starts_with("#"))
      AppendCodePoint(static_cast<uint32_t>(std::strtoul(name.c_str() + 1, nullptr, 10)), out);
    else
      return Bad("an unknown entity");
    return Status::OK();
  }
  Status Attributes(Entries* out) {
    while (true) {
      SkipBlank();
      if (at_ >= text_.size()) return Bad("an open tag");
      if (text_[at_] == '>' || text_[at_] == '/') return Status::OK();
      const std::string name = Name();
      SkipBlank();
      if (name.empty() || at_ >= text_.size() || text_[at_] != '=') return Bad("an attribute");
      ++at_;
      SkipBlank();
      const char quote = at_ < text_.size() ? text_[at_] : '\0';
      if (quote != '"' && quote != '\'') return Bad("an attribute");
      ++at_;
      std::string value;
      while (at_ < text_.size() && text_[at_] != quote) {
        if (text_[at_] == '&') {
          ARROW_RETURN_NOT_OK(Entity(&value));
        } else {
          value += text_[at_++];
        }
      }
      ++at_;
      Put(*out, "@" + name, Value::String(value));
    }
  }
  // The children of one name: one value, or a list once there are several.
  static void AddChild(const std::string& name, Value value, Entries* out, std::vector<std::string>* lists) {
    Value* old = FindEntry(*out, name);
    if (old == nullptr) {
      Put(*out, name, std::move(value));
      return;
    }
    const bool is_list = std::find(lists->begin(), lists->end(), name) != lists->end();
    List items = is_list ? old->as_list() : List{*old};
    items.push_back(std::move(value));
    *old = Value::OfList(std::move(items));
    if (!is_list) lists->push_back(name);
  }
  Status Element(int depth, std::string* name, Value* value) {
    if (depth > kDepthMax) return Bad("nested too deeply");
    if (at_ >= text_.size() || text_[at_] != '<') return Bad("no element");
    ++at_;
    *name = Name();
    if (name->empty()) return Bad("an element without a name");
    Entries entries;
    ARROW_RETURN_NOT_OK(Attributes(&entries));
    std::string content;
    if (Starts("/>")) {
      at_ += 2;
    } else {
      ++at_;
      ARROW_RETURN_NOT_OK(Content(depth, &entries, &content));
      if (!Starts("</" + *name)) return Bad("an end tag of another name");
      ARROW_RETURN_NOT_OK(SkipPast(">"));
    }
    content = Trimmed(content);
    if (entries.empty()) {
      *value = content.empty() ? Value::Null() : Value::String(content);
      return Status::OK();
    }
    if (!content.empty()) Put(entries, "#text", Value::String(content));
    *value = Value::OfMap(std::move(entries));
    return Status::OK();
  }
  Status Content(int depth, Entries* entries, std::string* content) {
    std::vector<std::string> lists;
    while (at_ < text_.size()) {
      if (Starts("</")) return Status::OK();
      if (Starts("<!--")) {
        ARROW_RETURN_NOT_OK(SkipPast("-->"));
      } else if (Starts("<![CDATA[")) {
        const size_t begin = at_ + 9;
        ARROW_RETURN_NOT_OK(SkipPast("]]>"));
        *content += text_.substr(begin, at_ - 3 - begin);
      } else if (Starts("<?")) {
        ARROW_RETURN_NOT_OK(SkipPast("?>"));
      } else if (text_[at_] == '<') {
        std::string name;
        Value value;
        ARROW_RETURN_NOT_OK(Element(depth + 1, &name, &value));
        AddChild(name, std::move(value), entries, &lists);
      } else if (text_[at_] == '&') {
        ARROW_RETURN_NOT_OK(Entity(content));
      } else {
        *content += text_[at_++];
      }
    }
    return Bad("an open element");
  }

  const std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<Value> ParseXml(std::string_view text) {
  return Parser(text).Document();
}

}  // namespace firn::source::airbyte
