#include "config/connector_file.h"

#include <filesystem>

#include "base/edit_distance.h"
#include "config/connector_fields.h"
#include "config/connector_library.h"
#include "config/file_text.h"
#include "config/interpolate.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

constexpr int64_t kConnectorFormat = 1;

bool IsPath(const std::string& connector) {
  return connector.find('/') != std::string::npos || connector.ends_with(".yaml") || connector.ends_with(".yml");
}

std::string NearestHelp(const std::string& name) {
  std::vector<std::string> names;
  for (const BuiltinConnector& known : BuiltinConnectors()) names.emplace_back(known.name);
  const auto nearest = Nearest(name, names);
  return nearest ? "did you mean `" + *nearest + "`?"
                 : "`firn connectors` lists the names there are; a file of your own is named by its path: ./" +
                       Shown(name) + ".yaml";
}

class ConnectorReader {
 public:
  ConnectorReader(std::shared_ptr<const SourceFile> file, Diagnostics* diagnostics)
      : file_(std::move(file)), diagnostics_(diagnostics), checker_(diagnostics) {}

  std::optional<ConnectorFile> Read() {
    const size_t errors_before = diagnostics_->num_errors();
    const auto root = ParseYaml(file_, diagnostics_);
    if (!root) return std::nullopt;
    if (root->kind != NodeKind::kMapping) {
      diagnostics_->AddError("E0202", root->span,
                             "a connector file must be a mapping, not " + std::string(Describe(*root)));
      return std::nullopt;
    }
    Node unjudged = *root;
    MarkUnresolved(&unjudged);
    checker_.CheckObject(unjudged, ConnectorFileType(), "", root->span);
    if (diagnostics_->num_errors() > errors_before) return std::nullopt;
    const ObjectView view(&*root, ConnectorFileType());
    JudgeFormat(view);
    ConnectorFile out{.name = view.Text("name"),
                      .title = view.Text("title"),
                      .api = view.Text("api"),
                      .doc = view.Text("doc"),
                      .source = *view.Find("source"),
                      .tables = *view.Find("tables"),
                      .further_tables = Node{.kind = NodeKind::kMapping},
                      .file = file_};
    if (const Node* further = view.Find("further_tables")) out.further_tables = *further;
    if (const Node* settings = view.Find("settings")) {
      for (const Entry& entry : settings->entries) out.settings.push_back(ReadSetting(entry));
    }
    if (diagnostics_->num_errors() > errors_before) return std::nullopt;
    return out;
  }

 private:
  void JudgeFormat(const ObjectView& view) {
    if (view.Int("connector") != kConnectorFormat) {
      diagnostics_
          ->AddError("E0511", view.Find("connector")->span,
                     "this firn reads version 1 of connector files, not " + std::to_string(view.Int("connector")))
          .help = "write `connector: 1`, or use a newer firn";
    }
    const Node* type = view.Find("source")->Find("type");
    if (type->text != "rest") {
      diagnostics_->AddError("E0511", type->span, "the source of a connector file is of `type: rest`").help =
          "write `type: rest`";
    }
  }

  ConnectorSetting ReadSetting(const Entry& entry) {
    const ObjectTypePtr type = ConnectorFileType().FindField("settings")->elements[0].object;
    const ObjectView view(&entry.value, *type);
    ConnectorSetting setting{.name = entry.key,
                             .doc = view.Text("doc"),
                             .example = view.Text("example"),
                             .required = view.Bool("required"),
                             .secret = view.Bool("secret"),
                             .is_list = view.Text("type") == "list"};
    const Node* otherwise = view.Find("default");
    if (setting.required == (otherwise != nullptr)) {
      diagnostics_
          ->AddError("E0511", entry.key_span,
                     "setting `" + Shown(entry.key) + "` is " +
                         (setting.required ? "required, and has a default" : "not required, and has no default"))
          .help = "write one of `required: true` and `default:`";
    }
    if (otherwise != nullptr) setting.otherwise = *otherwise;
    return setting;
  }

  const std::shared_ptr<const SourceFile> file_;
  Diagnostics* const diagnostics_;
  Checker checker_;  // of the file alone: its places are not those of the project
};

}  // namespace

Result<std::shared_ptr<const SourceFile>> FindConnector(const std::string& connector, const std::string& folder) {
  if (!IsPath(connector)) {
    for (const BuiltinConnector& known : BuiltinConnectors()) {
      if (known.name != connector) continue;
      return std::make_shared<const SourceFile>(
          SourceFile{.name = "<connector " + connector + ">", .text = std::string(known.text)});
    }
    return MakeError(Fault::kConfig, "there is no connector `" + Shown(connector) + "` in this build",
                     {.next = NearestHelp(connector)});
  }
  const auto path = (std::filesystem::path(folder) / connector).lexically_normal().string();
  auto text = ReadFileText(path, YamlLimits{}.document_bytes_max);
  if (text.ok()) {
    return std::make_shared<const SourceFile>(SourceFile{.name = connector, .text = *std::move(text)});
  }
  return MakeError(Fault::kConfig, "the connector file cannot be read: " + text.status().message(),
                   {.next = "write its path relative to the project, or a name that `firn connectors` lists"});
}

std::optional<ConnectorFile> ReadConnector(const std::shared_ptr<const SourceFile>& file, Diagnostics* diagnostics) {
  return ConnectorReader(file, diagnostics).Read();
}

ObjectType SettingsType(const ConnectorFile& connector) {
  ObjectType type{.name = "configuration of connector " + connector.name, .doc = connector.title};
  for (const ConnectorSetting& setting : connector.settings) {
    Field field = setting.is_list ? OneOf(setting.name, {Text(""), List("", Text("")).AtLeast(1)}) : Text(setting.name);
    field.doc = setting.doc;
    field.required = setting.required;
    field.secret = setting.secret;
    if (!setting.example.empty()) field.examples.push_back(setting.example);
    type.fields.push_back(std::move(field));
  }
  return type;
}

}  // namespace firn::config
