#include "connector/airbyte/project_text.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>

#include "config/yaml_scalar.h"
#include "connector/airbyte/declaration.h"
#include "connector/airbyte/settings_check.h"

namespace firn::connector::airbyte {
namespace {

constexpr int kDepthMax = 8;
constexpr size_t kCommentBytesMax = 80;

// "./source-hubspot/manifest.yaml" → "hubspot".
std::string PipelineName(const std::string& path) {
  std::string name = std::filesystem::path(path).parent_path().filename().string();
  if (name.starts_with("source-")) name.erase(0, 7);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name.empty() || std::isalpha(static_cast<unsigned char>(name[0])) == 0 ? "connector" : name;
}

std::string VariableName(const std::string& pipeline, const std::string& field) {
  std::string name = pipeline + "_" + field;
  for (char& c : name) {
    c = std::isalnum(static_cast<unsigned char>(c)) != 0
            ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
            : '_';
  }
  return name;
}

// A text that is meant as it is: `$` begins no variable of the project.
std::string Literal(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '$' ? "$$" : std::string(1, c);
  return config::YamlScalar(escaped);
}

// A scalar as it is written in the project; nullopt: none.
std::optional<std::string> ScalarText(const Value* value) {
  if (value == nullptr) return std::nullopt;
  switch (value->kind()) {
    case Value::Kind::kString:
      return Literal(value->as_string());
    case Value::Kind::kBool:
    case Value::Kind::kInt:
    case Value::Kind::kNumber:
      return expression::ToText(*value);
    default:
      return std::nullopt;
  }
}

// Examples are for people ("YYYY-MM-DD"), and some are no values. Null for those.
const Value* FittingOf(const Component& field, const Value* value) {
  if (value == nullptr) return nullptr;
  const auto problems = CheckSettings(field.value(), *value);
  const auto refuses = [](const auto& problem) { return problem.kind != config::SettingProblem::Kind::kDoubtful; };
  return std::ranges::any_of(problems, refuses) ? nullptr : value;
}

// The first words of a title or description, on one line.
std::string Remark(const Component& field) {
  std::string text = field.Text("title", field.Text("description"));
  text = text.substr(0, text.find('\n'));
  if (text.size() > kCommentBytesMax) text = text.substr(0, text.find(' ', kCommentBytesMax - 20));
  return text;
}

class ConfigWriter {
 public:
  explicit ConfigWriter(std::string pipeline) : pipeline_(std::move(pipeline)) {}

  void Write(const Component& schema, int indent, int depth, ProjectText* out) {
    const std::vector<std::string> required = TextsOf(schema.Find("required"));
    const Component properties = schema.Child("properties");
    if (!properties.present() || depth > kDepthMax) return;
    for (const auto& [name, unused] : properties.value().as_map()) {
      const Component field = properties.Child(name);
      if (!field.present()) continue;
      const bool needed = std::ranges::find(required, name) != required.end() || field.Has("const");
      WriteField(name, field, needed, indent, depth, out);
    }
  }

 private:
  static std::vector<std::string> TextsOf(const Value* list) {
    std::vector<std::string> texts;
    if (list == nullptr || list->kind() != Value::Kind::kList) return texts;
    for (const Value& item : list->as_list()) {
      if (item.is_string()) texts.push_back(item.as_string());
    }
    return texts;
  }

  void WriteField(const std::string& name, const Component& field, bool needed, int indent, int depth,
                  ProjectText* out) {
    const std::string head = std::string(static_cast<size_t>(indent), ' ') + (needed ? "" : "# ") + name + ":";
    const std::vector<Component> choices = field.Children("oneOf");
    const Component chosen = choices.empty() ? field : choices.front();
    if (chosen.Child("properties").present()) {
      if (!needed) {
        out->yaml += head + " {}  # " + Remark(field) + "\n";
        return;
      }
      out->yaml +=
          head + (choices.size() > 1 ? "  # the first of " + std::to_string(choices.size()) + " ways" : "") + "\n";
      Write(chosen, indent + 2, depth + 1, out);
      return;
    }
    const std::string remark = Remark(field);
    out->yaml += head + " " + ValueOf(name, field, needed, out) + (remark.empty() ? "" : "  # " + remark) + "\n";
  }

  std::string ValueOf(const std::string& name, const Component& field, bool needed, ProjectText* out) const {
    if (const auto fixed = ScalarText(field.Find("const"))) return *fixed;
    const bool secret = field.Flag("airbyte_secret");
    if (!secret) {
      if (const auto otherwise = ScalarText(FittingOf(field, field.Find("default")))) return *otherwise;
      const Value* examples = field.Find("examples");
      if (examples != nullptr && examples->kind() == Value::Kind::kList && !examples->as_list().empty()) {
        if (const auto example = ScalarText(FittingOf(field, &examples->as_list()[0]))) return *example;
      }
      if (field.Text("type") == "array") return "[]";
    }
    const std::string variable = VariableName(pipeline_, name);
    if (needed) out->variables.push_back(variable);
    return "\"${env:" + variable + "}\"";
  }

  const std::string pipeline_;
};

std::string TableEntry(const std::string& stream) {
  const std::string name = config::TableNameOf(stream);
  return name + ": {" + (name == stream ? "" : "stream: " + Literal(stream)) + "}";
}

}  // namespace

ProjectText ProjectFor(const Manifest& manifest, const std::string& path) {
  const std::string name = PipelineName(path);
  ProjectText out;
  out.yaml =
      "# yaml-language-server: $schema=./firn.schema.json\n"
      "version: 1\n"
      "lake: {warehouse: ./lake}\n"
      "pipelines:\n  " +
      name + ":\n    source:\n      type: airbyte\n      manifest: " + Literal(path) + "\n      config:\n";
  ConfigWriter(name).Write(manifest.root.Child("spec").Child("connection_specification"), 8, 0, &out);
  out.yaml += "    # Without `tables:` every stream is a table. To choose, or to say more of one:\n    # tables:\n";
  const config::ConnectorDeclaration declaration = DeclarationOf(manifest);
  if (!declaration.names_all) out.yaml += "    #   …: {stream: …}  # the API names more: firn airbyte discover\n";
  for (const config::DeclaredStream& stream : declaration.streams) {
    const std::string key = stream.primary_key.empty() ? "no key: replaced by each run" : "merged by its key";
    out.yaml += "    #   " + TableEntry(stream.name) + "  # " +
                (stream.why_not.empty() ? key : "cannot be run: " + stream.why_not) + "\n";
    if (out.first_table.empty() && stream.why_not.empty()) out.first_table = config::TableNameOf(stream.name);
  }
  return out;
}

}  // namespace firn::connector::airbyte
