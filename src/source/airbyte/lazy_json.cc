#include "source/airbyte/lazy_json.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "expression/jinja/filters.h"
#include "format/json/object_members.h"
#include "format/json/structural_index.h"
#include "format/json/structural_walker.h"

namespace firn::source::airbyte {
namespace {

using format::json::Depth;
using format::json::StructuralIndex;
using format::json::SyntaxFault;

/// A body and where its values are. Immutable.
class IndexedBody {
 public:
  explicit IndexedBody(std::shared_ptr<arrow::Buffer> body)
      : body_(std::move(body)), index_(arrow::default_memory_pool()) {}

  /// Whether it is one JSON value. To be asked once, before anything else.
  bool Build() {
    if (index_.Build(text()) != StructuralIndex::Problem::kNone || index_.offsets().empty()) return false;
    SyntaxFault fault;
    return format::json::SkipValue(bytes(), begin(), end(), Depth::kFull, fault) == end();
  }

  const uint8_t* bytes() const { return body_->data(); }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(body_->data()), static_cast<size_t>(body_->size())};
  }
  const uint32_t* begin() const { return index_.offsets().data(); }
  const uint32_t* end() const { return begin() + index_.offsets().size(); }
  uint8_t ByteAt(const uint32_t* entry) const { return bytes()[*entry]; }
  const uint32_t* Behind(const uint32_t* entry) const {
    SyntaxFault fault;
    return format::json::SkipValue(bytes(), entry, end(), Depth::kBracketsOnly, fault);
  }
  std::string_view Token(const uint32_t* entry) const { return format::json::TokenText(bytes(), entry); }

 private:
  const std::shared_ptr<arrow::Buffer> body_;
  StructuralIndex index_;
};

Result<Value> ValueOf(const std::shared_ptr<const IndexedBody>& body, const uint32_t* entry);

// A string's text; most have no escapes.
Result<Value> Scalar(std::string_view token) {
  const bool plain = token.starts_with('"') && token.find('\\') == std::string_view::npos;
  return plain ? Value::String(token.substr(1, token.size() - 2)) : jinja::ParseJson(token);
}

void AppendOneLine(std::string_view text, std::string* out) {
  const size_t begin = out->size();
  *out += text;
  for (const char end : {'\n', '\r'}) {  // they stand between tokens only
    for (size_t at = out->find(end, begin); at != out->npos; at = out->find(end, at + 1)) (*out)[at] = ' ';
  }
}

class ObjectText : public jinja::LazyMap {
 public:
  /// `entry`: of the opening bracket.
  ObjectText(std::shared_ptr<const IndexedBody> body, const uint32_t* entry) : body_(std::move(body)), entry_(entry) {}

  std::optional<Value> Find(std::string_view key) const override {
    const uint32_t* found = nullptr;  // the last one counts
    ForEachMember([&](std::string_view name, const uint32_t* value) {
      const bool plain = name.find('\\') == std::string_view::npos;
      if (plain ? name == key : NameOf(name) == key) found = value;
    });
    if (found == nullptr) return std::nullopt;
    auto value = ValueOf(body_, found);
    return value.ok() ? std::optional<Value>(value.MoveValueUnsafe()) : std::nullopt;
  }

  Entries All() const override {
    Entries entries;
    ForEachMember([&](std::string_view name, const uint32_t* value) {
      auto made = ValueOf(body_, value);
      if (made.ok()) entries.emplace_back(Value::String(NameOf(name)), made.MoveValueUnsafe());
    });
    return entries;
  }

  bool AppendJson(std::string* out) const override {
    AppendOneLine(TextOf(entry_), out);
    return true;
  }

  std::optional<std::string> WithoutNulls() const {
    struct Member {
      std::string_view name;
      const uint32_t* value;
      bool is_null;
    };
    std::vector<Member> members;
    bool escaped = false;
    ForEachMember([&](std::string_view name, const uint32_t* value) {
      members.push_back({name, value, body_->ByteAt(value) == 'n'});
      escaped = escaped || name.find('\\') != std::string_view::npos;
    });
    const auto is_null = [](const Member& member) { return member.is_null; };
    std::string out;
    if (std::ranges::none_of(members, is_null)) {
      AppendJson(&out);
      return out;
    }
    // A null that comes last takes away the value before it.
    const auto again = [&](const Member& one) {
      return one.is_null && std::ranges::count(members, one.name, &Member::name) > 1;
    };
    if (escaped || std::ranges::any_of(members, again)) return std::nullopt;
    out = "{";
    for (const Member& member : members) {
      if (member.is_null) continue;
      if (out.size() > 1) out += ',';
      out += '"';
      out += member.name;
      out += "\":";
      AppendOneLine(TextOf(member.value), &out);
    }
    return out += '}';
  }

 private:
  template <typename Visit>
  void ForEachMember(Visit visit) const {
    format::json::ForEachMember(body_->bytes(), entry_, body_->end(), visit);
  }
  // `inside`: of the key's quotes.
  static std::string NameOf(std::string_view inside) {
    if (inside.find('\\') == std::string_view::npos) return std::string(inside);
    const auto text = jinja::ParseJson('"' + std::string(inside) + '"');
    return text.ok() ? std::string(text->as_string()) : std::string(inside);
  }
  std::string_view TextOf(const uint32_t* entry) const {
    const uint32_t* last = body_->Behind(entry) - 1;
    const std::string_view token = body_->Token(last);
    return body_->text().substr(*entry, *last + token.size() - *entry);
  }

  const std::shared_ptr<const IndexedBody> body_;
  const uint32_t* const entry_;
};

Result<Value> ListOf(const std::shared_ptr<const IndexedBody>& body, const uint32_t* entry) {
  List items;
  for (++entry; body->ByteAt(entry) != ']'; entry += body->ByteAt(entry) == ',' ? 1 : 0) {
    ARROW_ASSIGN_OR_RAISE(Value item, ValueOf(body, entry));
    items.push_back(std::move(item));
    entry = body->Behind(entry);
  }
  return Value::OfList(std::move(items));
}

Result<Value> ValueOf(const std::shared_ptr<const IndexedBody>& body, const uint32_t* entry) {
  switch (body->ByteAt(entry)) {
    case '{':
      return Value::OfLazyMap(std::make_shared<ObjectText>(body, entry));
    case '[':
      return ListOf(body, entry);
    default:
      return Scalar(body->Token(entry));
  }
}

}  // namespace

Result<Value> ParseLazily(std::shared_ptr<arrow::Buffer> body) {
  const std::string_view text(reinterpret_cast<const char*>(body->data()), static_cast<size_t>(body->size()));
  const auto indexed = std::make_shared<IndexedBody>(body);
  const bool padded = body->capacity() - body->size() >= static_cast<int64_t>(StructuralIndex::kPadding);
  if (padded && indexed->Build()) return ValueOf(indexed, indexed->begin());
  if (!jinja::IsUtf8(text)) return MakeError(Fault::kBadData, "the body is no UTF-8");
  return jinja::ParseJson(text);  // reads more, as Python does: NaN
}

std::optional<std::string> TextWithoutNulls(const Value& value) {
  const auto* object = dynamic_cast<const ObjectText*>(value.lazy_map());
  return object == nullptr ? std::nullopt : object->WithoutNulls();
}

}  // namespace firn::source::airbyte
