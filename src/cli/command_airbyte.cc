#include <fstream>
#include <set>
#include <sstream>

#include "cli/app.h"
#include "cli/commands.h"
#include "connector/airbyte/manifest.h"
#include "expression/jinja/value.h"
#include "source/airbyte/messages.h"
#include "source/airbyte/source.h"

namespace firn::cli {
namespace {

namespace airbyte = source::airbyte;
namespace jinja = expression::jinja;

constexpr std::streamoff kFileBytesMax = std::streamoff{512} << 20;

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return MakeError(Fault::kConfig, "cannot read " + path);
  const std::streamoff size = file.tellg();
  if (size > kFileBytesMax) return MakeError(Fault::kConfig, path + " is larger than 512 MiB");
  file.seekg(0);
  std::string text(static_cast<size_t>(size), '\0');
  file.read(text.data(), size);
  return text;
}

Result<jinja::Value> ReadJson(const Arguments& arguments, std::string_view option) {
  const auto path = arguments.Given(option);
  if (!path) return jinja::Value();
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadFile(*path));
  auto value = jinja::ParseJson(text);
  if (!value.ok()) return Within(*path + " is no JSON", value.status());
  return value;
}

std::set<std::string> SplitNames(const std::string& text) {
  std::set<std::string> names;
  std::stringstream stream(text);
  for (std::string name; std::getline(stream, name, ',');) {
    if (!name.empty()) names.insert(name);
  }
  return names;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

Result<int> RunSource(App& app, const Arguments& arguments, const std::string& command,
                      airbyte::MessageWriter& messages) {
  const std::string path = arguments.Text("--manifest");
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadFile(path));
  ARROW_ASSIGN_OR_RAISE(const auto manifest, connector::airbyte::LoadManifest(text, path));
  if (command == "spec") {
    ARROW_ASSIGN_OR_RAISE(const jinja::Value spec, airbyte::ManifestSource::Spec(manifest));
    ARROW_RETURN_NOT_OK(messages.Spec(jinja::ToJson(spec)));
    return 0;
  }
  if (!arguments.Given("--config"))
    return MakeError(Fault::kConfig, "--config is needed: the connector's settings as JSON");
  ARROW_ASSIGN_OR_RAISE(const jinja::Value config, ReadJson(arguments, "--config"));
  if (!config.is_map()) return MakeError(Fault::kConfig, "the configuration is no JSON object");
  ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app.Http());
  ARROW_ASSIGN_OR_RAISE(const auto source, airbyte::ManifestSource::Make(manifest, config,
                                                                         {.clock = &app.clock(),
                                                                          .http = http,
                                                                          .messages = &messages,
                                                                          .stop = app.stop(),
                                                                          .manifest_folder = FolderOf(path),
                                                                          .threads = 4}));
  const Status fits = source->CheckConfig();
  if (command == "check") {
    const Status readable = fits.ok() ? source->Check() : fits;
    ARROW_RETURN_NOT_OK(messages.ConnectionStatus(readable.ok(), readable.ok() ? "" : readable.message()));
    return 0;
  }
  ARROW_RETURN_NOT_OK(fits);
  if (command == "discover") {
    ARROW_ASSIGN_OR_RAISE(const jinja::Value streams, source->Discover());
    ARROW_RETURN_NOT_OK(messages.Catalog(jinja::ToJson(streams)));
    return 0;
  }
  ARROW_ASSIGN_OR_RAISE(const jinja::Value catalog, ReadJson(arguments, "--catalog"));
  ARROW_ASSIGN_OR_RAISE(const jinja::Value state, ReadJson(arguments, "--state"));
  ARROW_ASSIGN_OR_RAISE(const bool good, source->Read(catalog, state, SplitNames(arguments.Text("--streams"))));
  return good ? 0 : 1;
}

// Everything a platform reads is a message on stdout; the exit code is 0 or 1.
Result<int> Airbyte(App& app, const Arguments& arguments, const std::string& command) {
  airbyte::MessageWriter messages(app.clock(), [&](std::string_view bytes) { return app.Print(bytes); });
  Result<int> code = RunSource(app, arguments, command, messages);
  if (!code.ok()) {
    if (FaultOf(code.status()) == Fault::kCancelled) return code;
    ARROW_RETURN_NOT_OK(messages.TraceError("", code.status()));
    code = 1;
  }
  ARROW_RETURN_NOT_OK(messages.Flush());
  return code;
}

Command Make(const std::string& name, std::string summary, bool reads) {
  Command command{.name = "airbyte " + name,
                  .group = "Run",
                  .summary = std::move(summary),
                  // --config, which every command has, is the connector's settings here.
                  .options = {{.name = "--manifest", .help = "the connector's manifest.yaml", .required = true}},
                  .run = [name](App& app, const Arguments& arguments) { return Airbyte(app, arguments, name); }};
  if (!reads) return command;
  command.options.push_back(
      {.name = "--catalog", .help = "JSON file: the streams to read and how (default: all, whole)"});
  command.options.push_back({.name = "--state", .help = "JSON file: the STREAM states of an earlier run"});
  command.options.push_back({.name = "--streams", .help = "names of streams to read, with commas between"});
  return command;
}

}  // namespace

Command AirbyteSpecCommand() {
  return Make("spec", "print what an Airbyte manifest wants to be told", false);
}
Command AirbyteCheckCommand() {
  return Make("check", "try an Airbyte manifest with settings (--config: JSON file)", false);
}
Command AirbyteDiscoverCommand() {
  return Make("discover", "print the streams of an Airbyte manifest (--config: JSON file)", false);
}
Command AirbyteReadCommand() {
  return Make("read", "read an Airbyte manifest's streams (--config: JSON file)", true);
}

}  // namespace firn::cli
