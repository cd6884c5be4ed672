#include "io/json_layout.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace firn::io {
namespace {

using Json = nlohmann::json;

bool IsSpace(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// A number of RFC 8259 §6, whatever its size.
bool IsNumber(std::string_view token) {
  const auto digits = [&] {
    const size_t count = std::min(token.find_first_not_of("0123456789"), token.size());
    token.remove_prefix(count);
    return count;
  };
  const auto take = [&](std::string_view any) {
    const bool taken = !token.empty() && any.find(token.front()) != std::string_view::npos;
    if (taken) token.remove_prefix(1);
    return taken;
  };
  take("-");
  const bool zero = token.starts_with('0');
  const size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (take(".") && digits() == 0) return false;
  if (!take("eE")) return token.empty();
  take("+-");
  return digits() > 0 && token.empty();
}

// Calls back with the members of the outermost object, if somebody wants them.
using MemberSink = std::function<void(const std::string& name, std::string_view value)>;

class Writer {
 public:
  Writer(std::string_view text, JsonLayout layout, const JsonEdit& edit, MemberSink members)
      : text_(text), layout_(layout), edit_(edit), members_(std::move(members)) {}

  Result<std::string> Write() {
    ARROW_RETURN_NOT_OK(Value(0));
    SkipSpace();
    if (at_ != text_.size()) return Bad("text after the value");
    return std::move(out_);
  }

 private:
  Status Bad(std::string_view what) const {
    return MakeError(Fault::kBadData, "no JSON: " + std::string(what) + ", offset " + std::to_string(at_));
  }

  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }

  bool Take(char c) {
    SkipSpace();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void Line(int depth) {
    if (layout_ == JsonLayout::kCompact) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(depth) * 2, ' ');
  }

  Status Value(int depth) {
    if (depth > kJsonDepthMax) return Bad("nested too deep");
    if (Take('{')) return Object(depth);
    if (Take('[')) return Array(depth);
    return Scalar();
  }

  Status Object(int depth) {
    out_ += '{';
    if (Take('}')) {
      out_ += '}';
      return Status::OK();
    }
    do {
      Line(depth + 1);
      SkipSpace();
      ARROW_ASSIGN_OR_RAISE(const std::string_view name, Token());
      if (name.front() != '"') return Bad("a member without a name");
      if (!Take(':')) return Bad("a member without a value");
      const auto other = edit_ ? edit_({.path = path_, .token = name, .is_name = true}) : std::nullopt;
      out_.append(other ? *other : std::string(name)).append(layout_ == JsonLayout::kCompact ? ":" : ": ");
      path_.push_back(JsonScalar{.path = path_, .token = name}.Text());
      const size_t begin = out_.size();
      ARROW_RETURN_NOT_OK(Value(depth + 1));
      if (depth == 0 && members_) members_(path_.back(), std::string_view(out_).substr(begin));
      path_.pop_back();
    } while (Next());
    Line(depth);
    out_ += '}';
    return Take('}') ? Status::OK() : Bad("an object without its end");
  }

  Status Array(int depth) {
    out_ += '[';
    if (Take(']')) {
      out_ += ']';
      return Status::OK();
    }
    do {
      Line(depth + 1);
      ARROW_RETURN_NOT_OK(Value(depth + 1));
    } while (Next());
    Line(depth);
    out_ += ']';
    return Take(']') ? Status::OK() : Bad("an array without its end");
  }

  bool Next() {
    if (!Take(',')) return false;
    out_ += ',';
    return true;
  }

  Status Scalar() {
    SkipSpace();
    ARROW_ASSIGN_OR_RAISE(const std::string_view token, Token());
    const auto other = edit_ ? edit_({.path = path_, .token = token}) : std::nullopt;
    out_ += other ? *other : std::string(token);
    return Status::OK();
  }

  // A string, number or word, checked.
  Result<std::string_view> Token() {
    size_t end = at_;
    if (at_ < text_.size() && text_[at_] == '"') {
      for (++end; end < text_.size() && text_[end] != '"'; ++end) end += text_[end] == '\\';
      if (end >= text_.size()) return Bad("a string without its end");
      ++end;
    } else {
      while (end < text_.size() && !IsSpace(text_[end]) &&
             std::string_view("{}[],:\"").find(text_[end]) == std::string_view::npos)
        ++end;
    }
    const std::string_view token = text_.substr(at_, end - at_);
    if (!IsNumber(token) && !Json::accept(token)) return Bad("a value that is none");
    at_ = end;
    return token;
  }

  const std::string_view text_;
  const JsonLayout layout_;
  const JsonEdit& edit_;
  const MemberSink members_;
  size_t at_ = 0;
  std::string out_;
  std::vector<std::string> path_;
};

}  // namespace

std::string JsonScalar::Text() const {
  return is_string() ? Json::parse(token).get<std::string>() : std::string(token);
}

Result<std::string> LayOutJson(std::string_view text, JsonLayout layout, const JsonEdit& edit) {
  return Writer(text, layout, edit, nullptr).Write();
}

Result<std::vector<std::pair<std::string, std::string>>> JsonMembers(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> members;
  const JsonEdit none;
  const auto whole = Writer(text, JsonLayout::kCompact, none, [&](const std::string& name, std::string_view value) {
                       members.emplace_back(name, value);
                     }).Write();
  ARROW_RETURN_NOT_OK(whole.status());
  if (!whole->starts_with('{')) return MakeError(Fault::kBadData, "no JSON object");
  return members;
}

std::string JsonString(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace firn::io
