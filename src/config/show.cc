#include <algorithm>

#include "base/redactor.h"
#include "config/fields.h"
#include "config/project.h"
#include "config/secret_names.h"
#include "config/yaml_tree.h"

namespace firn::config {
namespace {

constexpr std::string_view kHidden = "\"***\"";

bool NeedsQuotes(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return true;
  if (std::string_view("-?:,[]{}#&*!|>'\"%@`").find(text.front()) != std::string_view::npos) return true;
  if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos || text.back() == ':')
    return true;
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

std::string Quoted(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string ScalarText(const std::string& text, bool quoted) {
  Node probe;
  probe.text = text;
  const bool looks_typed = KindOf(probe) != ScalarKind::kText;
  return NeedsQuotes(text) || (quoted && looks_typed) ? Quoted(text) : text;
}

/// Writes a tree as YAML, guided by the declarations where there are some.
class Shower {
 public:
  Shower(const Project& project, const ShowOptions& options) : project_(project), options_(options) {}

  std::string Show() {
    static const Node kEmpty{.kind = NodeKind::kMapping};
    ShowObject(project_.tree == nullptr ? kEmpty : *project_.tree, ProjectType(), "", 0);
    return ProcessRedactor().Redact(out_);
  }

 private:
  void Line(int indent, const std::string& text, const std::string& comment = "") {
    out_.append(static_cast<size_t>(indent) * 2, ' ');
    out_ += text;
    if (!comment.empty()) out_ += "  # " + comment;
    out_ += '\n';
  }

  std::string Why(const Node& node) const {
    if (!options_.why) return "";
    std::string why = ToString(node.span);
    const bool names_itself = node.span && !node.span.file->is_file;
    if (node.origin != "project" && !node.origin.empty() && !names_itself)
      why += why.empty() ? node.origin : " (" + node.origin + ")";
    int shown = 0;
    for (const Node* lost = node.overridden.get(); lost != nullptr && shown < 8;
         lost = lost->overridden.get(), ++shown) {
      why += ", over " + ToString(lost->span);
    }
    return why;
  }

  void ShowObject(const Node& node, const ObjectType& type, const std::string& path, int indent) {
    const Node* tag = type.tag.empty() ? nullptr : node.Find(type.tag);
    const std::string variant = tag != nullptr ? tag->text : type.tag_default;
    if (tag != nullptr) ShowValue(type.tag, *tag, nullptr, path, indent);
    if (tag == nullptr && options_.resolved && !variant.empty()) {
      Line(indent, type.tag + ": " + variant, options_.why ? "default" : "");
    }
    const auto show = [&](const std::vector<Field>& fields) {
      for (const Field& field : fields) ShowField(node, field, path, indent);
    };
    show(type.fields);
    if (const Variant* chosen = type.FindVariant(variant)) show(chosen->fields);
  }

  void ShowField(const Node& owner, const Field& field, const std::string& path, int indent) {
    const std::string at = path.empty() ? field.name : path + "." + field.name;
    if (const Node* written = owner.Find(field.name)) return ShowValue(field.name, *written, &field, path, indent);
    if (!options_.resolved || field.unbuilt || IsOfOtherSource(field, path)) return;
    if (const Choice* choice = ChoiceAt(path, field.name)) {
      return Line(indent, field.name + ": " + ScalarText(choice->value, field.type != FieldType::kInt),
                  options_.why ? "chosen: " + choice->why : "");
    }
    if (field.default_text) return Line(indent, field.name + ": " + *field.default_text, options_.why ? "default" : "");
    const bool has_defaults = field.type == FieldType::kObject &&
                              (field.object->tag.empty() || !field.object->tag_default.empty()) &&
                              std::none_of(field.object->fields.begin(), field.object->fields.end(),
                                           [](const Field& f) { return f.required; }) &&
                              std::any_of(field.object->fields.begin(), field.object->fields.end(),
                                          [](const Field& f) { return f.default_text.has_value(); });
    if (!has_defaults) return;
    Line(indent, field.name + ":");
    static const Node kEmpty{.kind = NodeKind::kMapping};
    ShowObject(kEmpty, *field.object, at, indent + 1);
  }

  // Of a table: whether it is read from a source of another type.
  bool IsOfOtherSource(const Field& field, const std::string& path) const {
    return std::ranges::any_of(project_.pipelines, [&](const PipelineConfig& pipeline) {
      return path.starts_with(pipeline.config_path + ".") && !field.IsFor(SourceTypeOf(pipeline.source));
    });
  }

  const Choice* ChoiceAt(const std::string& path, const std::string& field) const {
    const auto find = [&](const std::vector<Choice>& choices) -> const Choice* {
      for (const Choice& choice : choices) {
        if (choice.field == field) return &choice;
      }
      return nullptr;
    };
    for (const PipelineConfig& pipeline : project_.pipelines) {
      if (pipeline.config_path == path) return find(pipeline.choices);
      for (const TableConfig& table : pipeline.tables) {
        if (table.config_path == path) return find(table.choices);
      }
    }
    return nullptr;
  }

  bool IsSecret(const std::string& name, const Node& node, const Field* field) const {
    if (field != nullptr && field->secret) return true;
    if (field != nullptr && field->interpolated_is_secret && node.interpolated) return true;
    const bool declared = field != nullptr && !field->name.empty();
    return !declared && LooksSecret(name);
  }

  std::string Rendered(const std::string& name, const Node& node, const Field* field) const {
    if (!options_.resolved && !node.written.empty()) return ScalarText(node.written, node.quoted);
    if (IsSecret(name, node, field) && !node.text.empty()) return std::string(kHidden);
    return ScalarText(node.text, node.quoted);
  }

  void ShowValue(const std::string& name, const Node& node, const Field* field, const std::string& path, int indent) {
    const std::string at = path.empty() ? name : path + "." + name;
    const Field* chosen = field == nullptr ? nullptr : AlternativeFor(*field, node);
    const std::string key = ScalarText(name, true);
    if (node.kind == NodeKind::kScalar) return Line(indent, key + ": " + Rendered(name, node, chosen), Why(node));
    if (node.kind == NodeKind::kSequence) {
      Line(indent, key + (node.items.empty() ? ": []" : ":"), Why(node));
      const Field* element = chosen == nullptr || chosen->elements.empty() ? chosen : &chosen->elements[0];
      for (const Node& item : node.items) ShowItem(item, element, indent + 1);
      return;
    }
    const bool has_more = options_.resolved && chosen != nullptr && chosen->type == FieldType::kObject;
    Line(indent, key + (node.entries.empty() && !has_more ? ": {}" : ":"), Why(node));
    if (chosen != nullptr && chosen->type == FieldType::kObject)
      return ShowObject(node, *chosen->object, at, indent + 1);
    const Field* element = chosen == nullptr || chosen->elements.empty() ? chosen : &chosen->elements[0];
    for (const Entry& entry : node.entries) ShowMapped(entry, element, at, indent + 1);
  }

  void ShowMapped(const Entry& entry, const Field* element, const std::string& path, int indent) {
    const bool object = element != nullptr && element->type == FieldType::kObject;
    if (!object || entry.value.kind == NodeKind::kMapping)
      return ShowValue(entry.key, entry.value, element, path, indent);
    Line(indent, ScalarText(entry.key, true) + ":", Why(entry.value));
    ShowObject(entry.value, *element->object, path + "." + entry.key, indent + 1);
  }

  void ShowItem(const Node& item, const Field* element, int indent) {
    if (item.kind == NodeKind::kScalar) return Line(indent, "- " + Rendered("", item, element), Why(item));
    Line(indent, "-");
    for (const Node& inner : item.items) ShowItem(inner, nullptr, indent + 1);
    for (const Entry& entry : item.entries) ShowValue(entry.key, entry.value, nullptr, "", indent + 1);
  }

  const Project& project_;
  const ShowOptions options_;
  std::string out_;
};

}  // namespace

std::string ShowConfig(const Project& project, const ShowOptions& options) {
  return Shower(project, options).Show();
}

}  // namespace firn::config
