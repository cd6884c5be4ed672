#include "config/layers.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/edit_distance.h"
#include "config/descriptor.h"
#include "config/fields.h"
#include "config/file_text.h"
#include "config/interpolate.h"
#include "config/project_files.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVariablePrefix = "FIRN__";
constexpr int64_t kDotEnvBytesMax = 1 << 20;
constexpr int kFoldersUpMax = 64;

std::string ValueOf(const std::map<std::string, std::string>& env, const std::string& name) {
  const auto found = env.find(name);
  return found == env.end() ? "" : found->second;
}

Span NamedPlace(std::string name) {
  return {.file = std::make_shared<const SourceFile>(SourceFile{.name = std::move(name), .is_file = false})};
}

void Stamp(Node* node, const std::string& origin) {
  node->origin = origin;
  for (Node& item : node->items) Stamp(&item, origin);
  for (Entry& entry : node->entries) Stamp(&entry.value, origin);
}

/// A name with the case and the '-' that shells do not allow taken away.
std::string Folded(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return folded;
}

class LayerBuilder {
 public:
  LayerBuilder(const LoadOptions& options, Diagnostics* diagnostics) : options_(options), diagnostics_(diagnostics) {}

  std::optional<LayeredTree> Build() {
    tree_.root.kind = NodeKind::kMapping;
    if (!FindProject()) return std::nullopt;
    for (const fs::path& path : paths_) {
      if (!ReadFile(path)) return std::nullopt;
    }
    ReadDotEnv();
    if (!ApplyEnvironment()) return std::nullopt;
    ReadDotEnvOfEnvironment();
    if (broken_) return std::nullopt;
    for (const auto& [name, value] : options_.env) {
      if (name.starts_with(kVariablePrefix)) ApplyVariable(name, value);
    }
    for (const Override& flag : options_.overrides) ApplyFlag(flag);
    ResolveReferences();
    return std::move(tree_);
  }

 private:
  bool FindProject() {
    std::string wanted = options_.config;
    std::string who = "--config";
    if (wanted.empty()) {
      wanted = ValueOf(options_.env, "FIRN_CONFIG");
      who = "FIRN_CONFIG";
    }
    tree_.folder = fs::path(options_.working_folder).lexically_normal().string();
    if (wanted == "-") {
      return ReadText("<stdin>", WithoutByteOrderMark(options_.stdin_text));
    }
    if (wanted.empty()) return Discover();
    const fs::path path = (fs::path(options_.working_folder) / wanted).lexically_normal();
    std::error_code error;
    if (fs::is_directory(path, error)) return UseFolder(path);
    if (!fs::exists(path, error)) {
      diagnostics_->AddError("E0110", NamedPlace(who), "the project `" + Shown(wanted) + "` does not exist").help =
          "name a project file, a folder of *.yaml files, or - for stdin";
      return false;
    }
    return UseFile(path);
  }

  bool UseFile(const fs::path& path) {
    paths_.push_back(path);
    tree_.folder = path.parent_path().string();
    return true;
  }

  bool UseFolder(const fs::path& folder) {
    tree_.folder = folder.string();
    if (tree_.folder.size() > 1 && tree_.folder.ends_with('/')) tree_.folder.pop_back();
    auto files = ProjectFilesOf(folder);
    if (files.ok() && !files->empty()) {
      paths_ = *std::move(files);
      return true;
    }
    diagnostics_
        ->AddError("E0110", NamedPlace(ShownPath(folder)),
                   files.ok() ? "the folder has no *.yaml file" : files.status().message())
        .help = "firn init writes a project";
    return false;
  }

  bool Discover() {
    fs::path folder = tree_.folder;
    for (int i = 0; i < kFoldersUpMax; ++i) {
      std::error_code error;
      if (fs::is_regular_file(folder / kProjectFile, error)) return UseFolder(folder);
      if (fs::exists(folder / ".git", error) || !folder.has_relative_path()) break;
      folder = folder.parent_path();
    }
    return true;  // no project: the lake ./lake and no pipelines
  }

  std::string ShownPath(const fs::path& path) const {
    const fs::path relative = path.lexically_proximate(options_.working_folder);
    return relative.string().starts_with("../../../") ? path.string() : relative.string();
  }

  bool ReadFile(const fs::path& path) {
    auto text = ReadFileText(path.string(), YamlLimits{}.document_bytes_max);
    if (text.ok()) return ReadText(ShownPath(path), *std::move(text));
    diagnostics_->AddError("E0110", NamedPlace(ShownPath(path)),
                           "the project file cannot be read: " + text.status().message());
    return false;
  }

  bool ReadText(const std::string& name, std::string text) {
    tree_.files.push_back(name);
    const auto file = std::make_shared<const SourceFile>(SourceFile{.name = name, .text = std::move(text)});
    std::optional<Node> node = ParseYaml(file, diagnostics_);
    if (!node) {
      broken_ = true;  // the other files are still worth reading
      return true;
    }
    if (node->is_null()) return true;
    if (node->kind != NodeKind::kMapping) {
      diagnostics_->AddError("E0202", node->span,
                             "a project file must be a mapping, not " + std::string(Describe(*node)));
      broken_ = true;
      return true;
    }
    Stamp(&*node, "project");
    if (!tree_.root.span) tree_.root.span = node->span;
    Join(&tree_.root, *node);
    return true;
  }

  /// Joins two files of one project; unlike layers, none wins.
  void Join(Node* base, const Node& other) {
    for (const Entry& entry : other.entries) {
      Entry* known = nullptr;
      for (Entry& candidate : base->entries) {
        if (candidate.key == entry.key) known = &candidate;
      }
      if (known == nullptr) {
        base->entries.push_back(entry);
      } else if (known->value.kind == NodeKind::kMapping && entry.value.kind == NodeKind::kMapping) {
        Join(&known->value, entry.value);
      } else if (entry.key != "version" || known->value.text != entry.value.text) {
        Diagnostic& diagnostic = diagnostics_->AddError(
            "E0111", entry.key_span, "`" + Shown(entry.key) + "` is set in two files of the project");
        diagnostic.notes.push_back({"it is also set here", known->key_span});
        diagnostic.help = "remove one of the two; --config FILE reads one file alone";
      }
    }
  }

  void ReadDotEnv() { dot_env_ = ReadVariables(".env"); }

  // What .env.<name> says of a variable wins over .env, and the process's own over both.
  void ReadDotEnvOfEnvironment() {
    if (tree_.environment.empty() || tree_.environment.find('/') != std::string::npos) return;
    auto own = ReadVariables(".env." + tree_.environment);
    own.merge(dot_env_);
    dot_env_ = std::move(own);
  }

  std::map<std::string, std::string> ReadVariables(const std::string& name) {
    const fs::path path = fs::path(tree_.folder) / name;
    std::error_code error;
    if (!fs::exists(path, error)) return {};
    auto text = ReadFileText(path.string(), kDotEnvBytesMax);
    if (text.ok()) return ParseDotEnv(ShownPath(path), *text, diagnostics_);
    diagnostics_->AddWarning("E0306", NamedPlace(ShownPath(path)), "the file is left out: " + text.status().message());
    return {};
  }

  std::string Variable(const std::string& name) const {
    const std::string value = ValueOf(options_.env, name);
    return value.empty() ? ValueOf(dot_env_, name) : value;
  }

  bool ApplyEnvironment() {
    const Node* environments = tree_.root.Find("environments");
    const bool declared = environments != nullptr && environments->kind == NodeKind::kMapping;
    std::string who = "--env";
    std::string name = options_.environment;
    if (name.empty()) {
      who = "FIRN_ENV";
      name = Variable(who);
    }
    if (name.empty() && declared) {
      who = "ENVIRONMENT";
      name = Variable(who);
    }
    if (name.empty()) return true;
    const Entry* chosen = declared ? environments->FindEntry(name) : nullptr;
    if (chosen == nullptr) {
      ReportUnknownEnvironment(who, name, declared ? environments : nullptr);
      return false;
    }
    tree_.environment = name;
    tree_.environment_span = chosen->key_span;
    const Node overrides = chosen->value;  // a copy: the overlay changes the tree it stands in
    if (overrides.kind == NodeKind::kMapping) {
      Overlay(&tree_.root, overrides, "environment " + name);
      SpreadSchedule(overrides, "environment " + name);
    }
    return true;
  }

  void ReportUnknownEnvironment(const std::string& who, const std::string& name, const Node* environments) {
    std::vector<std::string> names;
    if (environments != nullptr) {
      for (const Entry& entry : environments->entries) names.push_back(entry.key);
    }
    Diagnostic& diagnostic =
        diagnostics_->AddError("E0307", NamedPlace(who), "there is no environment `" + Shown(name) + "`");
    if (environments != nullptr) {
      const Entry* entry = tree_.root.FindEntry("environments");
      diagnostic.notes.push_back({"environments are declared here", entry->key_span});
    }
    const auto nearest = Nearest(name, names);
    std::string list;
    for (const std::string& known : names) list += (list.empty() ? "`" : ", `") + Shown(known) + "`";
    diagnostic.help = nearest         ? "did you mean `" + *nearest + "`?"
                      : names.empty() ? "the project declares no `environments:`"
                                      : "expected one of " + list;
  }

  /// An environment's schedule holds for every pipeline that the environment does not name one for.
  void SpreadSchedule(const Node& overrides, const std::string& origin) {
    const Node* schedule = overrides.Find("schedule");
    Node* pipelines = tree_.root.Find("pipelines");
    if (schedule == nullptr || pipelines == nullptr) return;
    const Node* named = overrides.Find("pipelines");
    for (Entry& pipeline : pipelines->entries) {
      const Node* own = named == nullptr ? nullptr : named->Find(pipeline.key);
      const bool keeps = own != nullptr && own->Find("schedule") != nullptr;
      if (keeps || pipeline.value.Find("schedule") == nullptr) continue;
      Node patch;
      patch.kind = NodeKind::kMapping;
      patch.entries.push_back({.key = "schedule", .key_span = schedule->span, .value = *schedule});
      Overlay(&pipeline.value, patch, origin);
    }
  }

  void ApplyVariable(const std::string& name, const std::string& value) {
    std::vector<std::string> parts;
    for (std::string_view rest = std::string_view(name).substr(kVariablePrefix.size()); !rest.empty();) {
      const size_t end = rest.find("__");
      parts.emplace_back(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
    }
    ApplyValue(parts, value, NamedPlace("environment variable " + name), "variable " + name, true);
  }

  void ApplyFlag(const Override& flag) {
    std::vector<std::string> parts;
    for (std::string_view rest = flag.path; !rest.empty();) {
      const size_t end = rest.find('.');
      parts.emplace_back(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    ApplyValue(parts, flag.value, NamedPlace(flag.origin), flag.origin, false);
  }

  void ApplyValue(const std::vector<std::string>& parts, const std::string& text, const Span& place,
                  const std::string& origin, bool folded) {
    std::optional<Node> value = ParseValue(text, place);
    const bool known = !parts.empty() && ProjectType().FindField(folded ? Folded(parts[0]) : parts[0]) != nullptr;
    if (!value || !known || parts.size() > 32) {
      diagnostics_
          ->AddError("E0308", place, value ? "it sets nothing that a project has" : "its value is not valid YAML")
          .help = "the path begins with a key of the project, for example lake and then warehouse";
      return;
    }
    Node* node = &tree_.root;
    Node patch = *std::move(value);
    std::vector<std::string> names;
    for (const std::string& part : parts) {
      names.push_back(KeyFor(node, part, folded));
      Node* next = node == nullptr ? nullptr : node->Find(names.back());
      if (next != nullptr && next->kind != NodeKind::kMapping && &part != &parts.back() && !next->is_null()) {
        diagnostics_->AddError("E0308", place, "`" + Shown(names.back()) + "` is not a mapping").help =
            "set the whole value instead";
        return;
      }
      node = next;
    }
    for (size_t i = names.size(); i > 0; --i) {
      Node outer;
      outer.kind = NodeKind::kMapping;
      outer.span = place;
      outer.entries.push_back({.key = names[i - 1], .key_span = place, .value = std::move(patch)});
      patch = std::move(outer);
    }
    Overlay(&tree_.root, patch, origin);
  }

  static std::string KeyFor(const Node* node, const std::string& part, bool folded) {
    if (!folded) return part;
    if (node != nullptr) {
      for (const Entry& entry : node->entries) {
        if (Folded(entry.key) == Folded(part)) return entry.key;
      }
    }
    return Folded(part);
  }

  /// A value given outside of files: a list or mapping in YAML, else the text itself. Never shown again.
  std::optional<Node> ParseValue(const std::string& text, const Span& place) {
    Node node;
    node.text = text;
    if (text.starts_with('[') || text.starts_with('{') || text.starts_with('"') || text.starts_with('\'')) {
      Diagnostics scratch;
      const auto file = std::make_shared<const SourceFile>(SourceFile{.text = text, .is_file = false});
      std::optional<Node> parsed = ParseYaml(file, &scratch);
      if (!parsed || scratch.has_errors()) return std::nullopt;
      node = *std::move(parsed);
    } else if (FindBadByte(text)) {
      return std::nullopt;
    }
    Place(&node, place);
    return node;
  }

  static void Place(Node* node, const Span& place) {
    node->span = place;
    node->interpolated = true;
    if (!node->text.empty()) node->resolved = {node->text};
    for (Node& item : node->items) Place(&item, place);
    for (Entry& entry : node->entries) {
      entry.key_span = place;
      Place(&entry.value, place);
    }
  }

  void ResolveReferences() {
    const VariableSource variables{
        .env = options_.env, .dot_env = dot_env_, .folder = tree_.folder, .resolve = options_.resolve_secrets};
    for (Entry& entry : tree_.root.entries) {
      if (entry.key == "environments") {
        MarkUnresolved(&entry.value);
        continue;
      }
      auto aside = entry.key == "pipelines" ? ResolveSources(&entry.value, variables) : Aside();
      Node holder;
      holder.kind = NodeKind::kMapping;
      holder.entries.push_back(std::move(entry));
      Interpolate(&holder, variables, diagnostics_);
      entry = std::move(holder.entries[0]);
      for (auto& [place, node] : aside) *place = std::move(node);
    }
  }

  using Aside = std::vector<std::pair<Node*, Node>>;

  // Where no source is asked, what sources and tables need may be unset: it stays unresolved. Returns those parts,
  // which are laid aside while the rest is resolved in earnest.
  Aside ResolveSources(Node* pipelines, VariableSource variables) {
    Aside aside;
    if (options_.resolve_sources) return aside;
    variables.resolve = false;
    for (Entry& pipeline : pipelines->entries) {
      for (Entry& part : pipeline.value.entries) {
        if (part.key != "source" && part.key != "tables") continue;
        Interpolate(&part.value, variables, diagnostics_);
        aside.emplace_back(&part.value, std::exchange(part.value, Node()));
      }
    }
    return aside;
  }

  const LoadOptions& options_;
  Diagnostics* const diagnostics_;
  LayeredTree tree_;
  std::vector<fs::path> paths_;
  std::map<std::string, std::string> dot_env_;
  bool broken_ = false;
};

}  // namespace

void Overlay(Node* base, const Node& over, const std::string& origin) {
  for (const Entry& entry : over.entries) {
    const auto known = std::find_if(base->entries.begin(), base->entries.end(),
                                    [&](const Entry& candidate) { return candidate.key == entry.key; });
    const bool removes = entry.value.is_null() && entry.key != "mask_on_write";
    if (known == base->entries.end()) {
      if (removes) continue;
      base->entries.push_back(entry);
      Stamp(&base->entries.back().value, origin);
    } else if (removes) {
      base->entries.erase(known);
    } else if (known->value.kind == NodeKind::kMapping && entry.value.kind == NodeKind::kMapping) {
      Overlay(&known->value, entry.value, origin);
    } else {
      auto lost = std::make_shared<const Node>(std::move(known->value));
      known->value = entry.value;
      known->key_span = entry.key_span;
      Stamp(&known->value, origin);
      known->value.overridden = std::move(lost);
    }
  }
}

std::optional<LayeredTree> BuildLayers(const LoadOptions& options, Diagnostics* diagnostics) {
  return LayerBuilder(options, diagnostics).Build();
}

}  // namespace firn::config
