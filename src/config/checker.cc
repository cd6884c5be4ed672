#include <algorithm>
#include <cctype>

#include "base/edit_distance.h"
#include "base/redactor.h"
#include "config/descriptor.h"
#include "config/secret_names.h"
#include "config/text_position.h"
#include "config/value_text.h"

namespace firn::config {
namespace {

constexpr size_t kListedNamesMax = 12;

std::string Joined(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size() && i < kListedNamesMax; ++i) out += (i == 0 ? "`" : ", `") + names[i] + "`";
  return names.size() > kListedNamesMax ? out + ", …" : out;
}

/// An item of a list or of a map by number (`engines.0`, `on_status.404`) goes by the name of the whole.
std::string NameOf(const Field& field, const std::string& path) {
  if (!field.name.empty()) return field.name;
  const std::string_view all = path;
  const size_t dot = all.rfind('.');
  const std::string_view last = all.substr(dot + 1);
  if (dot == std::string_view::npos || last.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::string(last);
  }
  const std::string_view whole = all.substr(0, dot);
  return std::string(whole.substr(whole.rfind('.') + 1));
}

std::string Child(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

std::string Number(const Field& field, int64_t value) {
  if (field.type == FieldType::kSize) return FormatSize(value);
  if (field.type == FieldType::kDuration) return FormatDuration(value);
  return std::to_string(value);
}

std::string RangeText(const Field& field) {
  if (field.min && field.max) return "between " + Number(field, *field.min) + " and " + Number(field, *field.max);
  return field.min ? "at least " + Number(field, *field.min) : "at most " + Number(field, *field.max);
}

const ForeignWord* FindForeign(const std::vector<ForeignWord>& words, std::string_view name) {
  const auto found = std::find_if(words.begin(), words.end(), [&](const ForeignWord& w) { return w.word == name; });
  return found == words.end() ? nullptr : &*found;
}

/// The place to show for a value: itself, but the key for a mapping or list, whose own range covers many lines.
Span PlaceOf(const Node& node, const Span& where) {
  return node.kind == NodeKind::kScalar || !where ? node.span : where;
}

bool HasRequired(const ObjectType& type) {
  const bool needs_tag = !type.tag.empty() && type.tag_default.empty();
  return needs_tag || std::any_of(type.fields.begin(), type.fields.end(), [](const Field& f) { return f.required; });
}

/// What to write instead of a foreign word, with the value the person wrote where that can be shown.
std::string Rewrite(const ForeignWord& word, const Entry& entry) {
  std::string text = word.rewrite;
  const Node& value = entry.value;
  const bool shown = value.kind == NodeKind::kScalar && !value.text.empty() && !value.interpolated &&
                     !value.unresolved && !LooksSecret(entry.key) && value.text.find('`') == std::string::npos;
  if (!shown) return text;
  for (const std::string& hole : {std::string("…"), std::string(":`")}) {
    const size_t at = text.find(hole);
    if (at == std::string::npos) continue;
    const bool bare = hole == ":`";
    return text.replace(at, hole.size(), bare ? ": " + Shown(value.text) + "`" : Shown(value.text));
  }
  return text;
}

std::string_view Expected(FieldType type) {
  switch (type) {
    case FieldType::kInt:
      return "an integer";
    case FieldType::kBool:
      return "true or false";
    case FieldType::kSize:
      return "a size like 64MiB";
    case FieldType::kDuration:
      return "a duration like 1h30m";
    case FieldType::kList:
      return "a list";
    case FieldType::kMap:
    case FieldType::kObject:
      return "a mapping";
    case FieldType::kTimezone:
      return "a time zone like Europe/Berlin";
    case FieldType::kUrl:
      return "a URL";
    default:
      return "text";
  }
}

}  // namespace

std::string ShownValue(const Node& node, bool secret) {
  return secret || node.interpolated ? "the value" : "`" + Shown(node.text) + "`";
}

Diagnostic& Checker::Error(std::string_view code, const std::string& path, const Span& span, std::string message) {
  bad_paths_.insert(path);
  return diagnostics_->AddError(code, span, std::move(message));
}

Diagnostic& Checker::Warning(std::string_view code, const Span& span, std::string message) {
  return diagnostics_->AddWarning(code, span, std::move(message));
}

bool Checker::HasErrorUnder(std::string_view path) const {
  if (path.empty()) return !bad_paths_.empty();
  if (bad_paths_.contains(path)) return true;
  const auto next = bad_paths_.lower_bound(std::string(path) + ".");
  return next != bad_paths_.end() && next->starts_with(std::string(path) + ".");
}

Span Checker::SpanOf(std::string_view path) const {
  while (true) {
    const auto found = spans_.find(path);
    if (found != spans_.end()) return found->second;
    const size_t dot = path.rfind('.');
    if (dot == std::string_view::npos) return {};
    path = path.substr(0, dot);
  }
}

void Checker::WrongType(const Node& node, const Field& field, const std::string& path, std::string_view expected) {
  Diagnostic& diagnostic =
      Error("E0202", path, node.span,
            "`" + NameOf(field, path) + "` must be " + std::string(expected) + ", not " + std::string(Describe(node)));
  diagnostic.label = "expected " + std::string(expected);
  const bool unquote =
      node.kind == NodeKind::kScalar && node.quoted && !field.secret &&
      (field.type == FieldType::kInt ? ParseInt(node.text).has_value()
                                     : field.type == FieldType::kBool && ParseBool(node.text).has_value());
  if (unquote) diagnostic.help = "remove the quotes";
  const auto is = [&](std::string_view word) { return node.text == word; };
  if (field.type == FieldType::kBool && node.kind == NodeKind::kScalar && (is("yes") || is("on")))
    diagnostic.help = "write true";
  if (field.type == FieldType::kBool && node.kind == NodeKind::kScalar && (is("no") || is("off")))
    diagnostic.help = "write false";
}

void Checker::CheckField(const Node& node, const Field& field, const std::string& path, const Span& where) {
  spans_[path] = PlaceOf(node, where);
  if (node.unresolved && node.kind == NodeKind::kScalar) return;
  if (node.is_null() && field.type != FieldType::kJson) {
    const bool named_null =
        field.type == FieldType::kEnum && !node.text.empty() &&
        std::any_of(field.values.begin(), field.values.end(), [](const auto& v) { return v.name == "null"; });
    const bool empty_object = field.type == FieldType::kObject && node.text.empty() && !HasRequired(*field.object);
    if (empty_object || (named_null && node.text == "null")) return;
    Error("E0207", path, where ? where : node.span, "`" + NameOf(field, path) + "` has no value").help =
        field.required ? "write its value" : "write its value, or remove the key";
    return;
  }
  switch (field.type) {
    case FieldType::kObject:
      if (node.kind != NodeKind::kMapping) return WrongType(node, field, path, Expected(field.type));
      return CheckObject(node, *field.object, path, where);
    case FieldType::kList:
      return CheckList(node, field, path);
    case FieldType::kMap:
      return CheckMap(node, field, path, where);
    case FieldType::kOneOf:
      return CheckOneOf(node, field, path, where);
    case FieldType::kJson:
      return CheckJson(node, field, path);
    default:
      return CheckScalar(node, field, path);
  }
}

void Checker::CheckOneOf(const Node& node, const Field& field, const std::string& path, const Span& where) {
  if (const Field* alternative = AlternativeFor(field, node)) {
    Field named = *alternative;
    if (named.name.empty()) named.name = field.name;
    return CheckField(node, named, path, where);
  }
  std::string expected;
  for (const Field& alternative : field.elements) {
    if (!expected.empty()) expected += " or ";
    expected += Expected(alternative.type);
  }
  WrongType(node, field, path, expected);
}

void Checker::CheckList(const Node& node, const Field& field, const std::string& path) {
  if (node.kind != NodeKind::kSequence) return WrongType(node, field, path, Expected(field.type));
  const auto num_items = static_cast<int64_t>(node.items.size());
  if ((field.min && num_items < *field.min) || (field.max && num_items > *field.max)) {
    Error("E0213", path, node.span,
          "`" + NameOf(field, path) + "` must have " + RangeText(field) + " items, not " + std::to_string(num_items));
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    const std::string item_path = Child(path, std::to_string(i));
    CheckField(node.items[i], field.elements[0], item_path, node.items[i].span);
    const bool repeated =
        node.items[i].kind == NodeKind::kScalar &&
        std::any_of(node.items.begin(), node.items.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const Node& n) { return n.kind == NodeKind::kScalar && n.text == node.items[i].text; });
    if (repeated)
      Error("E0213", item_path, node.items[i].span, ShownValue(node.items[i], field.secret) + " is listed twice");
  }
}

void Checker::CheckMap(const Node& node, const Field& field, const std::string& path, const Span&) {
  if (node.kind != NodeKind::kMapping) return WrongType(node, field, path, Expected(field.type));
  for (const Entry& entry : node.entries) {
    CheckField(entry.value, field.elements[0], Child(path, entry.key), entry.key_span);
  }
}

void Checker::CheckJson(const Node& node, const Field& field, const std::string& path) {
  for (const Node& item : node.items) CheckJson(item, field, path);
  for (const Entry& entry : node.entries) CheckJson(entry.value, field, path);
  if (node.kind != NodeKind::kScalar) return;
  CheckSecret(node, field);
  if (!HasClosedTemplates(node.text)) Error("E0411", path, node.span, "this `{{` has no `}}`");
}

void Checker::CheckScalar(const Node& node, const Field& field, const std::string& path) {
  if (node.kind != NodeKind::kScalar) return WrongType(node, field, path, Expected(field.type));
  if (node.unresolved) return;
  CheckSecret(node, field);
  switch (field.type) {
    case FieldType::kInt:
    case FieldType::kSize:
    case FieldType::kDuration:
      return CheckNumber(node, field, path);
    case FieldType::kBool: {
      const bool typed = KindOf(node) == ScalarKind::kBool || (node.interpolated && ParseBool(node.text));
      if (!typed) WrongType(node, field, path, Expected(field.type));
      return;
    }
    case FieldType::kEnum:
      return CheckEnum(node, field, path);
    default:
      return CheckText(node, field, path);
  }
}

void Checker::CheckNumber(const Node& node, const Field& field, const std::string& path) {
  std::optional<int64_t> value;
  if (field.type == FieldType::kInt) {
    const bool text = node.quoted && !node.interpolated;
    value = text ? std::nullopt : ParseInt(node.text);
    if (!value && (text || KindOf(node) != ScalarKind::kInt)) return WrongType(node, field, path, Expected(field.type));
    if (!value) {
      Error("E0203", path, node.span, "`" + NameOf(field, path) + "` does not fit 64 bits");
      return;
    }
  } else {
    value = field.type == FieldType::kSize ? ParseSizeBytes(node.text) : ParseDurationMs(node.text);
    if (!value) {
      const bool bare = field.type == FieldType::kDuration && ParseInt(node.text).has_value();
      Error("E0206", path, node.span, ShownValue(node, field.secret) + " is not " + std::string(Expected(field.type)))
          .help = bare                             ? "add the unit: ms, s, m, h or d"
                  : field.type == FieldType::kSize ? "write a number and a unit: B, KiB, MiB, GiB, KB, MB, GB"
                                                   : "write numbers with ms, s, m, h or d, or ISO 8601 like PT1H30M";
      return;
    }
  }
  if ((field.min && *value < *field.min) || (field.max && *value > *field.max)) {
    Error("E0203", path, node.span,
          "`" + NameOf(field, path) + "` must be " + RangeText(field) + ", not " + ShownValue(node, field.secret));
  }
}

void Checker::CheckEnum(const Node& node, const Field& field, const std::string& path) {
  std::vector<std::string> names;
  for (const EnumValue& value : field.values) {
    if (value.name == node.text) {
      if (value.unbuilt) {
        Error("E0211", path, node.span, "`" + NameOf(field, path) + ": " + value.name + "` is not in this build").help =
            value.doc.empty() ? "" : value.doc;
      }
      return;
    }
    if (!value.unbuilt) names.push_back(value.name);
  }
  const std::string name = NameOf(field, path);
  if (const ForeignWord* word = FindForeign(field.foreign, node.text)) {
    Error("E0210", path, node.span, "`" + word->word + "` is not a " + name + " of firn").help = word->rewrite;
    return;
  }
  Diagnostic& diagnostic =
      Error("E0205", path, node.span, ShownValue(node, field.secret) + " is not a known `" + name + "`");
  diagnostic.help = "expected one of " + Joined(names);
  if (const auto nearest = Nearest(node.text, names)) diagnostic.label = "did you mean `" + *nearest + "`?";
}

void Checker::CheckText(const Node& node, const Field& field, const std::string& path) {
  const std::string name = NameOf(field, path);
  if (node.text.empty() && (field.required || field.type == FieldType::kUrl)) {
    Error("E0207", path, node.span, "`" + name + "` is empty").help = "write its value";
    return;
  }
  if (field.type == FieldType::kExpression && !HasClosedTemplates(node.text)) {
    Error("E0411", path, node.span, "this `{{` has no `}}`").help = "close it with `}}`";
  }
  if (field.type == FieldType::kTimezone && !IsZoneName(node.text)) {
    Error("E0418", path, node.span, ShownValue(node) + " is not a time zone").help =
        "write an IANA name like Europe/Berlin, UTC, or an offset like \"+02:00\"";
  }
  if (field.type == FieldType::kUrl && !IsHttpUrl(node.text)) {
    const bool credentials = node.text.find('@') != std::string::npos;
    Diagnostic& diagnostic = Error("E0417", path, node.span,
                                   credentials ? "`" + name + "` holds a user name or password"
                                               : "`" + name + "` is not an absolute http or https URL");
    diagnostic.help =
        credentials ? "remove it from the URL and use `auth: {type: basic, …}`" : "write it in full: https://host/path";
  }
}

void Checker::CheckSecret(const Node& node, const Field& field) {
  const bool from_outside = field.secret || field.interpolated_is_secret;
  bool hidden = true;
  if (from_outside) {
    for (const std::string& piece : node.resolved) hidden = ProcessRedactor().AddSecret(piece) && hidden;
  }
  if (!field.secret || node.text.empty()) return;
  hidden = ProcessRedactor().AddSecret(node.text) && hidden;
  if (!hidden) {
    Warning("E0309", node.span, "this secret is too short to be hidden in logs").help =
        "use a secret of four characters or more";
  }
  if (!node.interpolated && node.span && node.span.file->is_file) {
    Warning("E0310", node.span, "a secret is written into the project file").help =
        "put it into the environment or a .env file: ${env:" +
        [&] {
          std::string upper = field.name;
          std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
          return upper;
        }() +
        "}";
  }
}

const Variant* Checker::CheckTag(const Node& node, const ObjectType& type, const std::string& path, const Span& where) {
  if (type.tag.empty()) return nullptr;
  std::vector<std::string> names;
  for (const Variant& variant : type.variants) {
    if (!variant.unbuilt) names.push_back(variant.tag_value);
  }
  const Node* tag = node.Find(type.tag);
  const std::string tag_path = Child(path, type.tag);
  if (tag == nullptr || tag->kind != NodeKind::kScalar) {
    if (tag != nullptr) {
      Error("E0202", tag_path, tag->span, "`" + type.tag + "` must be text, not " + std::string(Describe(*tag)));
      return nullptr;
    }
    if (!type.tag_default.empty() && !partial_) return type.FindVariant(type.tag_default);
    if (partial_) return nullptr;
    Error("E0204", path, where, "the " + type.name + " has no `" + type.tag + "`").help =
        "add `" + type.tag + ":` with one of " + Joined(names);
    return nullptr;
  }
  spans_[tag_path] = tag->span;
  const Variant* variant = type.FindVariant(tag->text);
  if (variant != nullptr && !variant->unbuilt) return variant;
  if (variant != nullptr) {
    Error("E0211", tag_path, tag->span, type.name + " type `" + variant->tag_value + "` is not in this build").help =
        "this build has " + Joined(names);
    return nullptr;
  }
  Diagnostic& diagnostic =
      Error("E0205", tag_path, tag->span, ShownValue(*tag) + " is not a known " + type.name + " type");
  diagnostic.help = "expected one of " + Joined(names);
  if (const auto nearest = Nearest(tag->text, names)) diagnostic.label = "did you mean `" + *nearest + "`?";
  return nullptr;
}

std::optional<std::string> Checker::CheckUnknownKey(const Entry& entry, const ObjectType& type, const Variant* variant,
                                                    const std::string& path) {
  const std::string key_path = Child(path, entry.key);
  const ForeignWord* elsewhere = variant == nullptr ? nullptr : FindForeign(variant->foreign, entry.key);
  if (elsewhere != nullptr) {
    Error("E0210", key_path, entry.key_span,
          "`" + elsewhere->word + "` is not a key of " + type.name + " type `" + variant->tag_value + "`")
        .help = Rewrite(*elsewhere, entry);
    return std::nullopt;
  }
  if (const ForeignWord* word = FindForeign(type.foreign, entry.key)) {
    Error("E0210", key_path, entry.key_span, "`" + word->word + "` is not a key of firn").help = Rewrite(*word, entry);
    return std::nullopt;
  }
  for (const Variant& other : type.variants) {
    if (type.FindField(entry.key, other.tag_value) == nullptr) continue;
    Error("E0208", key_path, entry.key_span,
          "`" + entry.key + "` does not belong to " + type.name + " type `" +
              (variant == nullptr ? "?" : variant->tag_value) + "`")
        .help = "it belongs to type `" + other.tag_value + "`";
    return std::nullopt;
  }
  std::vector<std::string> names;
  const auto add = [&](const std::vector<Field>& fields) {
    for (const Field& field : fields) {
      if (!field.unbuilt) names.push_back(field.name);
    }
  };
  if (!type.tag.empty()) names.push_back(type.tag);
  if (variant != nullptr) add(variant->fields);
  add(type.fields);
  Diagnostic& diagnostic =
      Error("E0201", key_path, entry.key_span, "unknown key `" + Shown(entry.key) + "` in " + type.name);
  const auto nearest = Nearest(entry.key, names);
  if (nearest) {
    diagnostic.label = "did you mean `" + *nearest + "`?";
  } else {
    diagnostic.help = "known keys are " + Joined(names);
  }
  return nearest;
}

void Checker::CheckObject(const Node& node, const ObjectType& type, const std::string& path, const Span& where) {
  const Variant* variant = CheckTag(node, type, path, where);
  const bool skip_variant_fields = !type.tag.empty() && variant == nullptr;
  const std::string_view tag_value = variant == nullptr ? std::string_view() : std::string_view(variant->tag_value);
  std::set<std::string> misspelt;
  for (const Entry& entry : node.entries) {
    if (!type.tag.empty() && entry.key == type.tag) continue;
    const Field* field = type.FindField(entry.key, tag_value);
    // A partial tree may leave the tag to the tree it is merged over; then any variant's field will do.
    for (size_t i = 0; partial_ && variant == nullptr && field == nullptr && i < type.variants.size(); ++i) {
      field = type.FindField(entry.key, type.variants[i].tag_value);
    }
    if (field == nullptr) {
      const bool unknowable = skip_variant_fields && FindForeign(type.foreign, entry.key) == nullptr;
      if (unknowable) continue;
      if (const auto meant = CheckUnknownKey(entry, type, variant, path)) misspelt.insert(*meant);
    } else if (field->unbuilt) {
      Error("E0211", Child(path, entry.key), entry.key_span, "`" + field->name + "` is not in this build").help =
          "remove the key; " + field->doc;
    } else {
      CheckField(entry.value, *field, Child(path, entry.key), entry.key_span);
    }
  }
  const auto require = [&](const std::vector<Field>& fields) {
    for (const Field& field : fields) {
      if (!field.required || node.Find(field.name) != nullptr || misspelt.contains(field.name)) continue;
      Error("E0204", path, where, "the " + type.name + " has no `" + field.name + "`").help =
          "add `" + field.name + ": " + (field.examples.empty() ? "…" : field.examples[0]) + "`";
    }
  };
  if (partial_) return;
  require(type.fields);
  if (variant != nullptr) require(variant->fields);
}

}  // namespace firn::config
