#include "config/yaml_tree.h"

#include <yaml.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "config/text_position.h"

namespace firn::config {
namespace {

using FilePtr = std::shared_ptr<const SourceFile>;

struct Parser {
  yaml_parser_t raw;
  Parser() { yaml_parser_initialize(&raw); }
  ~Parser() { yaml_parser_delete(&raw); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
};

struct Event {
  yaml_event_t raw{};
  Event() = default;
  ~Event() { yaml_event_delete(&raw); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
};

uint32_t FromZero(size_t value) {
  return static_cast<uint32_t>(std::min<size_t>(value, 1U << 30)) + 1;
}

Span SpanOf(const FilePtr& file, const yaml_mark_t& start, const yaml_mark_t& end) {
  return {.file = file,
          .line = FromZero(start.line),
          .column = FromZero(start.column),
          .end_line = FromZero(end.line),
          .end_column = FromZero(end.column)};
}

std::string_view View(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : std::string_view(reinterpret_cast<const char*>(text));
}

struct Size {
  int64_t num_nodes = 0;
  int64_t text_bytes = 0;
  int32_t depth = 0;
};

Size Measure(const Node& node) {
  Size size{.num_nodes = 1, .text_bytes = static_cast<int64_t>(node.text.size()), .depth = 1};
  const auto add = [&](const Node& child) {
    const Size inner = Measure(child);
    size.num_nodes += inner.num_nodes;
    size.text_bytes += inner.text_bytes;
    size.depth = std::max(size.depth, inner.depth + 1);
  };
  for (const Node& item : node.items) add(item);
  for (const Entry& entry : node.entries) add(entry.value);
  return size;
}

/// Turns libyaml's events into nodes; stops at the first error that leaves the tree meaningless.
class Builder {
 public:
  Builder(FilePtr file, Diagnostics* diagnostics, const YamlLimits& limits)
      : file_(std::move(file)), diagnostics_(diagnostics), limits_(limits) {}

  std::optional<Node> Build() {
    const std::string& text = file_->text;
    yaml_parser_set_encoding(&parser_.raw, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_.raw, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    Event stream_start;
    Event document_start;
    if (!Next(&stream_start) || !Next(&document_start)) return std::nullopt;
    if (document_start.raw.type == YAML_STREAM_END_EVENT) {
      Node empty;
      empty.span = {.file = file_, .line = 1, .column = 1, .end_line = 1, .end_column = 1};
      return empty;
    }
    Event root;
    Node node;
    if (!Next(&root) || !BuildNode(root.raw, 1, &node)) return std::nullopt;
    Event document_end;
    Event stream_end;
    if (!Next(&document_end) || !Next(&stream_end)) return std::nullopt;
    if (stream_end.raw.type != YAML_STREAM_END_EVENT) {
      Error("E0108", SpanOf(file_, stream_end.raw.start_mark, stream_end.raw.end_mark),
            "a project file holds one YAML document")
          .help = "remove the `---` and put the second document into a file of its own";
      return std::nullopt;
    }
    return node;
  }

 private:
  Diagnostic& Error(std::string_view code, const Span& span, std::string message) {
    return diagnostics_->AddError(code, span, std::move(message));
  }

  bool Next(Event* event) {
    if (yaml_parser_parse(&parser_.raw, &event->raw) != 0) return true;
    ReportSyntaxError();
    return false;
  }

  void ReportSyntaxError() {
    const yaml_parser_t& raw = parser_.raw;
    if (raw.error == YAML_READER_ERROR) {
      const Span span = PointAtByte(file_, raw.problem_offset);
      Error("E0107", span, "a character that YAML does not allow");
      return;
    }
    const Span span = SpanOf(file_, raw.problem_mark, raw.problem_mark);
    if (IndentedByTab(*file_, span.line)) {
      Error("E0106", span, "a tab indents this line").help = "indent with spaces; YAML does not allow tabs there";
      return;
    }
    const std::string problem = raw.problem == nullptr ? "it cannot be parsed" : raw.problem;
    Diagnostic& diagnostic = Error("E0101", span, "this is not valid YAML: " + problem);
    if (raw.context != nullptr && (raw.context_mark.line > 0 || raw.context_mark.column > 0)) {
      diagnostic.notes.push_back({raw.context, SpanOf(file_, raw.context_mark, raw.context_mark)});
    }
    if (problem == "mapping values are not allowed in this context") {
      diagnostic.help = "put the value into quotes if its text contains `: `";
    } else if (LineOf(*file_, span.line).find("${") != std::string_view::npos ||
               LineOf(*file_, span.line).find("{{") != std::string_view::npos) {
      diagnostic.help = "inside { } and [ ], put text that holds ${…} or {{ }} into quotes";
    } else if (problem == "found character that cannot start any token") {
      diagnostic.help = "put text that begins with @ ` % or a tab into quotes";
    }
  }

  /// Builds the node that `event` begins. `depth`: of that node, 1 at the root.
  bool BuildNode(const yaml_event_t& event, int32_t depth, Node* out) {
    out->span = SpanOf(file_, event.start_mark, event.end_mark);
    if (depth > limits_.depth_max) {
      Error("E0103", out->span, "nested deeper than " + std::to_string(limits_.depth_max) + " levels");
      return false;
    }
    if (!Charge({.num_nodes = 1}, out->span)) return false;
    switch (event.type) {
      case YAML_ALIAS_EVENT:
        return BuildAlias(event, depth, out);
      case YAML_SCALAR_EVENT:
        return BuildScalar(event, out);
      case YAML_SEQUENCE_START_EVENT:
        return BuildSequence(event, depth, out);
      case YAML_MAPPING_START_EVENT:
        return BuildMapping(event, depth, out);
      default:
        Error("E0101", out->span, "this is not valid YAML");
        return false;
    }
  }

  bool BuildScalar(const yaml_event_t& event, Node* out) {
    const auto& scalar = event.data.scalar;
    if (static_cast<int64_t>(scalar.length) > limits_.scalar_bytes_max) {
      Error("E0104", out->span,
            "a single value is larger than " + std::to_string(limits_.scalar_bytes_max) +
                " bytes: " + std::to_string(scalar.length));
      return false;
    }
    if (!Charge({.text_bytes = static_cast<int64_t>(scalar.length)}, out->span)) return false;
    out->kind = NodeKind::kScalar;
    out->text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
    out->quoted = scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (out->text.find('\0') != std::string::npos) {
      Error("E0107", out->span, "a value holds a NUL character");
      return false;
    }
    const std::string_view tag = View(scalar.tag);
    if (tag == YAML_STR_TAG || tag == "!") out->quoted = true;
    if (!CheckTag(tag, out->span)) return false;
    return Remember(View(scalar.anchor), *out);
  }

  bool BuildSequence(const yaml_event_t& event, int32_t depth, Node* out) {
    out->kind = NodeKind::kSequence;
    const std::string anchor(View(event.data.sequence_start.anchor));
    if (!CheckTag(View(event.data.sequence_start.tag), out->span)) return false;
    while (true) {
      Event item;
      if (!Next(&item)) return false;
      if (item.raw.type == YAML_SEQUENCE_END_EVENT) {
        Close(item.raw, out);
        break;
      }
      Node node;
      if (!BuildNode(item.raw, depth + 1, &node)) return false;
      out->items.push_back(std::move(node));
    }
    return Remember(anchor, *out);
  }

  bool BuildMapping(const yaml_event_t& event, int32_t depth, Node* out) {
    out->kind = NodeKind::kMapping;
    const std::string anchor(View(event.data.mapping_start.anchor));
    if (!CheckTag(View(event.data.mapping_start.tag), out->span)) return false;
    std::map<std::string, Span, std::less<>> seen;
    while (true) {
      Event key;
      if (!Next(&key)) return false;
      if (key.raw.type == YAML_MAPPING_END_EVENT) {
        Close(key.raw, out);
        break;
      }
      Entry entry;
      if (!BuildKey(key.raw, &entry)) return false;
      Event value;
      if (!Next(&value) || !BuildNode(value.raw, depth + 1, &entry.value)) return false;
      const auto [first, fresh] = seen.emplace(entry.key, entry.key_span);
      if (fresh) {
        out->entries.push_back(std::move(entry));
        continue;
      }
      Diagnostic& diagnostic = Error("E0102", entry.key_span, "the key `" + Shown(entry.key) + "` appears twice");
      diagnostic.notes.push_back({"it is first set here", first->second});
      diagnostic.help = "remove one of the two";
    }
    return Remember(anchor, *out);
  }

  bool BuildKey(const yaml_event_t& event, Entry* entry) {
    entry->key_span = SpanOf(file_, event.start_mark, event.end_mark);
    if (event.type != YAML_SCALAR_EVENT) {
      Error("E0108", entry->key_span, "a key must be plain text").help =
          "write the name itself, no list, mapping or alias";
      return false;
    }
    Node key;
    key.span = entry->key_span;
    if (!Charge({.num_nodes = 1}, key.span) || !BuildScalar(event, &key)) return false;
    if (key.text == "<<" && !key.quoted) {
      Error("E0108", key.span, "merge keys (`<<`) are not part of YAML 1.2").help =
          "write the keys out; for values that differ by environment use `environments:`";
      return false;
    }
    if (key.text.empty()) {
      Error("E0108", key.span, "a key is empty");
      return false;
    }
    entry->key = std::move(key.text);
    return true;
  }

  bool BuildAlias(const yaml_event_t& event, int32_t depth, Node* out) {
    const Span span = out->span;
    const std::string name(View(event.data.alias.anchor));
    if (++num_aliases_ > limits_.aliases_max) {
      Error("E0105", span, "more than " + std::to_string(limits_.aliases_max) + " aliases");
      return false;
    }
    const auto found = anchors_.find(name);
    if (found == anchors_.end()) {
      Error("E0109", span, "the alias `*" + Shown(name) + "` has no finished anchor before it");
      return false;
    }
    const Size size = Measure(*found->second);
    if (depth + size.depth - 1 > limits_.depth_max) {
      Error("E0103", span, "nested deeper than " + std::to_string(limits_.depth_max) + " levels");
      return false;
    }
    if (!Charge(size, span)) return false;
    *out = *found->second;
    return true;
  }

  bool Charge(const Size& size, const Span& span) {
    num_nodes_ += size.num_nodes;
    text_bytes_ += size.text_bytes;
    if (num_nodes_ <= limits_.nodes_max && text_bytes_ <= limits_.document_bytes_max) return true;
    Error("E0105", span,
          num_nodes_ > limits_.nodes_max
              ? "more than " + std::to_string(limits_.nodes_max) + " values, aliases expanded"
              : "more than " + std::to_string(limits_.document_bytes_max) + " bytes of text, aliases expanded");
    return false;
  }

  bool CheckTag(std::string_view tag, const Span& span) {
    static const std::set<std::string_view> kKnown = {"", "!", YAML_STR_TAG, YAML_SEQ_TAG, YAML_MAP_TAG};
    if (kKnown.contains(tag)) return true;
    Error("E0108", span, "the YAML tag `" + Shown(tag) + "` is not supported").help = "remove the tag";
    return false;
  }

  // The copy is charged too: anchors nested in anchors would else multiply memory by the depth.
  bool Remember(std::string_view anchor, const Node& node) {
    if (anchor.empty()) return true;
    if (!Charge(Measure(node), node.span)) return false;
    anchors_[std::string(anchor)] = std::make_shared<const Node>(node);
    return true;
  }

  void Close(const yaml_event_t& end, Node* out) {
    out->span.end_line = FromZero(end.end_mark.line);
    out->span.end_column = FromZero(end.end_mark.column);
  }

  const FilePtr file_;
  Diagnostics* const diagnostics_;
  const YamlLimits limits_;
  Parser parser_;
  std::map<std::string, std::shared_ptr<const Node>> anchors_;
  int64_t num_aliases_ = 0;
  int64_t num_nodes_ = 0;
  int64_t text_bytes_ = 0;
};

bool CheckBytes(const FilePtr& file, Diagnostics* diagnostics) {
  const auto found = FindBadByte(file->text);
  if (!found) return true;
  Diagnostic& diagnostic = diagnostics->AddError("E0107", PointAtByte(file, found->offset), found->problem);
  diagnostic.help = "save the file as UTF-8 text";
  return false;
}

bool IsDigits(std::string_view text, std::string_view digits) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

constexpr std::string_view kDigits = "0123456789";

bool IsInt(std::string_view text) {
  if (text.starts_with("0o")) return IsDigits(text.substr(2), "01234567");
  if (text.starts_with("0x")) return IsDigits(text.substr(2), "0123456789abcdefABCDEF");
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return IsDigits(text, kDigits);
}

bool IsFloat(std::string_view text) {
  static const std::set<std::string_view> kSpecial = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (kSpecial.contains(text)) return text[1] != 'n' && text[1] != 'N';
  const size_t whole = std::min(text.find_first_not_of(kDigits), text.size());
  text.remove_prefix(whole);
  size_t fraction = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = std::min(text.find_first_not_of(kDigits), text.size());
    text.remove_prefix(fraction);
  }
  if (whole + fraction == 0) return false;
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  text.remove_prefix(1);
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return IsDigits(text, kDigits);
}

}  // namespace

const Entry* Node::FindEntry(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const Node* Node::Find(std::string_view key) const {
  const Entry* entry = FindEntry(key);
  return entry == nullptr ? nullptr : &entry->value;
}

Node* Node::Find(std::string_view key) {
  return const_cast<Node*>(std::as_const(*this).Find(key));
}

bool Node::is_null() const {
  return kind == NodeKind::kScalar && KindOf(*this) == ScalarKind::kNull;
}

ScalarKind KindOf(const Node& scalar) {
  const std::string_view text = scalar.text;
  if (scalar.quoted) return ScalarKind::kText;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return ScalarKind::kNull;
  static const std::set<std::string_view> kBools = {"true", "True", "TRUE", "false", "False", "FALSE"};
  if (kBools.contains(text)) return ScalarKind::kBool;
  if (IsInt(text)) return ScalarKind::kInt;
  if (IsFloat(text)) return ScalarKind::kFloat;
  return ScalarKind::kText;
}

std::string_view Describe(const Node& node) {
  if (node.kind == NodeKind::kMapping) return "a mapping";
  if (node.kind == NodeKind::kSequence) return "a list";
  switch (KindOf(node)) {
    case ScalarKind::kNull:
      return "nothing";
    case ScalarKind::kBool:
      return "true or false";
    case ScalarKind::kInt:
      return "an integer";
    case ScalarKind::kFloat:
      return "a number";
    case ScalarKind::kText:
      return "text";
  }
  return "text";
}

std::optional<Node> ParseYaml(FilePtr file, Diagnostics* diagnostics, const YamlLimits& limits) {
  if (static_cast<int64_t>(file->text.size()) > limits.document_bytes_max) {
    diagnostics->AddError("E0104", {.file = file, .line = 1, .column = 1, .end_line = 1, .end_column = 1},
                          "the file is larger than " + std::to_string(limits.document_bytes_max) +
                              " bytes: " + std::to_string(file->text.size()));
    return std::nullopt;
  }
  if (!CheckBytes(file, diagnostics)) return std::nullopt;
  return Builder(std::move(file), diagnostics, limits).Build();
}

}  // namespace firn::config
