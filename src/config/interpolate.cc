#include "config/interpolate.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/edit_distance.h"
#include "config/file_text.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

constexpr int64_t kSecretFileBytesMax = 1 << 20;
constexpr std::array<std::string_view, 9> kUnbuiltProviders = {"vault", "awssm", "ssm",   "gcpsm", "azkv",
                                                               "k8s",   "sops",  "store", "cred"};

bool IsVariableName(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

/// Works on one scalar.
class ScalarInterpolation {
 public:
  ScalarInterpolation(Node* node, const VariableSource& variables, Diagnostics* diagnostics)
      : node_(node), variables_(variables), diagnostics_(diagnostics), source_(node->text) {}

  void Run() {
    if (source_.find('$') == std::string::npos) return;
    std::string out;
    for (size_t at = 0; at < source_.size();) {
      if (source_.compare(at, 2, "$$") == 0) {
        out += '$';
        at += 2;
      } else if (source_.compare(at, 2, "${") == 0) {
        const size_t close = source_.find('}', at);
        if (close == std::string::npos) {
          Error("E0303", at, source_.size(), "this `${` has no `}`").help =
              "close it, or write `$${` for a literal `${`";
          return;
        }
        const auto value = Resolve(at, close);
        if (value) out += *value;
        at = close + 1;
      } else {
        out += source_[at++];
      }
    }
    if (node_->interpolated) node_->written = source_;
    node_->text = std::move(out);
  }

 private:
  std::optional<std::string> Resolve(size_t open, size_t close) {
    node_->interpolated = true;
    const std::string body = source_.substr(open + 2, close - open - 2);
    const size_t colon = body.find(':');
    const std::string provider = body.substr(0, colon);
    const std::string name = colon == std::string::npos ? "" : body.substr(colon + 1);
    if (variables_.settings != nullptr) return ResolveSetting(provider, name, open, close);
    if (provider == "env" && colon != std::string::npos) return ResolveEnv(name, open, close);
    if (provider == "file" && colon != std::string::npos) return ResolveFile(name, open, close);
    if (std::find(kUnbuiltProviders.begin(), kUnbuiltProviders.end(), provider) != kUnbuiltProviders.end()) {
      Error("E0305", open, close, "secret store `" + provider + "` is not in this build").help =
          "use ${env:NAME} or ${file:path}";
      return std::nullopt;
    }
    const bool bare = colon == std::string::npos && IsVariableName(body);
    Error("E0303", open, close, "`${" + Shown(body) + "}` is not a reference").help =
        provider == "setting" ? "settings are those of connector files; write ${env:NAME}"
        : bare                ? "write ${env:" + body + "}"
                              : "write ${env:NAME}, ${env:NAME:-default} or ${file:path}";
    return std::nullopt;
  }

  // The user's variables and files are the project's: a connector file is told of them by settings alone.
  std::optional<std::string> ResolveSetting(const std::string& provider, const std::string& name, size_t open,
                                            size_t close) {
    const auto found = variables_.settings->find(name);
    if (provider != "setting" || found == variables_.settings->end()) {
      std::vector<std::string> names;
      for (const auto& [known, value] : *variables_.settings) names.push_back(known);
      const auto nearest = Nearest(name, names);
      Error("E0512", open, close,
            "`" + Shown(source_.substr(open, close + 1 - open)) + "` is no setting of the connector")
          .help = provider == "setting" && nearest ? "did you mean `${setting:" + *nearest + "}`?"
                                                   : "declare it in `settings:`, and write ${setting:<name>}";
      return std::nullopt;
    }
    const Node& setting = found->second;
    if (setting.kind != NodeKind::kScalar) {
      Error("E0512", open, close, "setting `" + name + "` is a list, which is no part of a text").help =
          "write it alone, where a list is taken: \"${setting:" + name + "}\"";
      return std::nullopt;
    }
    if (setting.unresolved) node_->unresolved = true;
    node_->resolved.insert(node_->resolved.end(), setting.resolved.begin(), setting.resolved.end());
    if (close + 1 - open == source_.size()) node_->span = setting.span;
    return setting.text;
  }

  std::optional<std::string> ResolveEnv(const std::string& body, size_t open, size_t close) {
    const size_t mark = body.find(":-");
    const std::string name = body.substr(0, mark);
    if (!IsVariableName(name)) {
      Error("E0303", open, close, "`" + Shown(name) + "` is not a name of an environment variable");
      return std::nullopt;
    }
    for (const auto* layer : {&variables_.env, &variables_.dot_env}) {
      const auto found = layer->find(name);
      if (found == layer->end()) continue;
      // ":-" counts an empty variable as unset, as in a shell.
      if (found->second.empty() && mark != std::string::npos) continue;
      node_->variables.emplace_back(name, found->second);
      return Take(found->second, "environment variable " + name, open, close);
    }
    if (mark != std::string::npos) return body.substr(mark + 2);
    if (!variables_.resolve) return Leave(open, close);
    Diagnostic& diagnostic = Error("E0301", open, close, "environment variable `" + name + "` is not set");
    diagnostic.help = "export " + name + "=…, put it into .env, or give a default: ${env:" + name + ":-…}";
    std::vector<std::string> names;
    for (const auto* layer : {&variables_.env, &variables_.dot_env}) {
      for (const auto& [known, value] : *layer) names.push_back(known);
    }
    if (const auto nearest = name.size() > 3 ? Nearest(name, names) : std::nullopt) {
      if (EditDistance(name, *nearest) <= 2) diagnostic.label = "did you mean `" + *nearest + "`?";
    }
    return std::nullopt;
  }

  std::optional<std::string> ResolveFile(const std::string& path, size_t open, size_t close) {
    const std::string full = (std::filesystem::path(variables_.folder) / path).lexically_normal().string();
    auto text = ReadFileText(full, kSecretFileBytesMax);
    if (!text.ok()) {
      if (!variables_.resolve) return Leave(open, close);
      Error("E0302", open, close, "the file `" + Shown(path) + "` cannot be read: " + text.status().message());
      return std::nullopt;
    }
    std::string value = *std::move(text);
    if (value.ends_with('\n')) value.pop_back();
    if (value.ends_with('\r')) value.pop_back();
    return Take(value, "file " + path, open, close);
  }

  std::optional<std::string> Take(const std::string& value, const std::string& origin, size_t open, size_t close) {
    if (FindBadByte(value)) {
      Error("E0302", open, close, "the value of " + Shown(origin) + " is not UTF-8 text without control characters");
      return std::nullopt;
    }
    if (!value.empty()) node_->resolved.push_back(value);
    return value;
  }

  std::optional<std::string> Leave(size_t open, size_t close) {
    node_->unresolved = true;
    return source_.substr(open, close + 1 - open);
  }

  Diagnostic& Error(std::string_view code, size_t open, size_t close, std::string message) {
    node_->unresolved = true;  // one error is enough: the value itself is not judged
    return diagnostics_->AddError(code, PlaceOf(open, close), std::move(message));
  }

  /// The range of a reference inside the scalar, if the scalar stands in the file as it was parsed; else the scalar.
  Span PlaceOf(size_t open, size_t close) const {
    const Span& whole = node_->span;
    if (!whole || whole.line != whole.end_line || whole.column == 0) return whole;
    const std::string_view line = LineOf(*whole.file, whole.line);
    size_t at = 0;
    for (uint32_t column = 1; column < whole.column && at < line.size(); ++column) {
      at += std::max<size_t>(CodePointBytes(line.substr(at)), 1);
    }
    const size_t quote = at < line.size() && (line[at] == '"' || line[at] == '\'') ? 1 : 0;
    if (line.substr(std::min(at + quote, line.size()), source_.size()) != source_) return whole;
    Span part = whole;
    const std::string_view text = source_;
    part.column += static_cast<uint32_t>(quote + NumCodePoints(text.substr(0, open)));
    part.end_column = part.column + static_cast<uint32_t>(NumCodePoints(text.substr(open, close + 1 - open)));
    return part;
  }

  Node* const node_;
  const VariableSource& variables_;
  Diagnostics* const diagnostics_;
  const std::string source_;
};

/// The list that a scalar stands for, or null.
const Node* ListOf(const Node& node, const VariableSource& variables) {
  constexpr std::string_view kOpen = "${setting:";
  if (variables.settings == nullptr || !node.text.starts_with(kOpen) || !node.text.ends_with('}')) return nullptr;
  const auto found = variables.settings->find(node.text.substr(kOpen.size(), node.text.size() - kOpen.size() - 1));
  return found != variables.settings->end() && found->second.kind == NodeKind::kSequence ? &found->second : nullptr;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

/// Reads a quoted value; nullopt if the quote is not closed or something but a comment follows.
std::optional<std::string> ParseQuoted(std::string_view text) {
  const char quote = text[0];
  std::string value;
  for (size_t at = 1; at < text.size(); ++at) {
    if (text[at] == quote) {
      const std::string_view rest = Trimmed(text.substr(at + 1));
      return rest.empty() || rest[0] == '#' ? std::optional(value) : std::nullopt;
    }
    if (quote == '"' && text[at] == '\\' && at + 1 < text.size()) {
      const char next = text[++at];
      value += next == 'n' ? '\n' : next == 't' ? '\t' : next;
    } else {
      value += text[at];
    }
  }
  return std::nullopt;
}

std::optional<std::pair<std::string, std::string>> ParseDotEnvLine(std::string_view line) {
  if (line.starts_with("export ")) line = Trimmed(line.substr(7));
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view name = Trimmed(line.substr(0, equals));
  std::string_view value = Trimmed(line.substr(equals + 1));
  if (!IsVariableName(name)) return std::nullopt;
  if (value.empty() || (value[0] != '"' && value[0] != '\'')) {
    const size_t comment = value.find(" #");
    return std::pair(std::string(name), std::string(Trimmed(value.substr(0, comment))));
  }
  const auto quoted = ParseQuoted(value);
  if (!quoted) return std::nullopt;
  return std::pair(std::string(name), *quoted);
}

}  // namespace

void Interpolate(Node* root, const VariableSource& variables, Diagnostics* diagnostics) {
  if (const Node* list = ListOf(*root, variables)) {
    *root = *list;
    return;
  }
  if (root->kind == NodeKind::kScalar && !root->interpolated) ScalarInterpolation(root, variables, diagnostics).Run();
  for (Node& item : root->items) Interpolate(&item, variables, diagnostics);
  for (Entry& entry : root->entries) {
    if (entry.key.find("${") != std::string::npos) {
      diagnostics->AddError("E0304", entry.key_span, "a key cannot hold a `${…}`").help = "write the name itself";
    }
    Interpolate(&entry.value, variables, diagnostics);
  }
}

std::map<std::string, std::string> VariablesOf(const Node& root) {
  std::map<std::string, std::string> all(root.variables.begin(), root.variables.end());
  for (const Node& item : root.items) all.merge(VariablesOf(item));
  for (const Entry& entry : root.entries) all.merge(VariablesOf(entry.value));
  return all;
}

void MarkUnresolved(Node* root) {
  if (root->text.find("${") != std::string::npos) root->unresolved = true;
  for (Node& item : root->items) MarkUnresolved(&item);
  for (Entry& entry : root->entries) MarkUnresolved(&entry.value);
}

std::map<std::string, std::string> ParseDotEnv(const std::string& name, const std::string& text,
                                               Diagnostics* diagnostics) {
  std::map<std::string, std::string> variables;
  const auto file =
      std::make_shared<const SourceFile>(SourceFile{.name = name});  // no text: excerpts would show secrets
  std::string_view rest = text;
  for (uint32_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = Trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line[0] == '#') continue;
    if (auto variable = ParseDotEnvLine(line)) {
      variables.insert_or_assign(std::move(variable->first), std::move(variable->second));
      continue;
    }
    const Span span{.file = file, .line = number, .column = 1, .end_line = number, .end_column = 1};
    diagnostics->AddError("E0306", span, "this line is not NAME=value").help =
        "write NAME=value; quote values with spaces";
  }
  return variables;
}

}  // namespace firn::config
