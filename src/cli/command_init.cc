#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/ascii.h"
#include "base/edit_distance.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/recording.h"
#include "config/connector_library.h"
#include "config/connector_page.h"
#include "config/project.h"
#include "config/project_files.h"
#include "connector/airbyte/declaration.h"
#include "connector/airbyte/project_text.h"
#include "io/http_file_store.h"
#include "io/object_location.h"
#include "pipeline/copy_target.h"
#include "pipeline/files_project.h"
#include "pipeline/probe.h"
#include "source/files/file_list.h"

namespace firn::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kSkeleton[] = R"yaml(# yaml-language-server: $schema=./firn.schema.json
# A firn project. All keys: docs/reference/configuration.md; `firn validate` checks it offline.
version: 1
lake: {warehouse: ./lake}                  # Iceberg tables and their SQLite catalog
pipelines: {}
# pipelines:
#   shop:                                  # a source and the tables read from it
#     source:
#       type: rest
#       base_url: https://api.shop.example
#       auth: {type: bearer, token: "${env:SHOP_TOKEN}"}   # secrets stand in .env, never here
#     dataset: shop                        # Iceberg namespace
#     tables:
#       orders:
#         path: /v1/orders
#         records: data.items              # path to the rows; left out: found
#         paginate: auto                   # page | offset | cursor | link_header | next_url | none
#         primary_key: id                  # with a key rows are merged, without one the table is replaced
#         incremental: {cursor: updated_at, param: since, lookback: 1h}
#         columns: {email: {pii: email, mask_on_write: sha256}}
)yaml";

constexpr char kIgnored[] = "lake/\nlake-raw/\n.firn/\n.env\n.env.*\n!.env.example\n";

constexpr char kWorkflowPath[] = ".github/workflows/firn.yml";
constexpr char kWorkflow[] =
    R"yaml(# Checks the project of every pull request: no secret is needed, no host is asked, nothing is written.
name: firn
on:
  pull_request:
permissions: {contents: read}
jobs:
  validate:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    steps:
      - uses: actions/checkout@v4
      # FIRN_DIST_URL: where your company keeps firn-linux-x86_64.tar.zst (a variable of the repository or organisation).
      - run: curl -sSfL "$FIRN_DIST_URL" | tar --zstd -x --one-top-level=firn-dist --strip-components=1
        env:
          FIRN_DIST_URL: ${{ vars.FIRN_DIST_URL }}
      - run: firn-dist/bin/firn validate --offline --diagnostics github
      - run: firn-dist/bin/firn test   # on recorded answers; firn test --record renews them
)yaml";

// Appends the lines of `text` that the file does not have yet; makes the file if it is missing.
Status AddLines(const fs::path& path, const std::string& text) {
  std::string known;
  if (std::ifstream file(path); file) known.assign(std::istreambuf_iterator<char>(file), {});
  std::string added;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin + 1);
    const std::string head = line.substr(0, line.find('=') == std::string::npos ? line.size() : line.find('=') + 1);
    if (("\n" + known).find("\n" + head) == std::string::npos) added += line;
    begin = end + 1;
  }
  if (added.empty()) return Status::OK();
  if (!known.empty() && known.back() != '\n') added = "\n" + added;
  std::ofstream file(path, std::ios::app);
  file << added;
  file.close();
  return file ? Status::OK() : MakeError(Fault::kConfig, path.string() + " cannot be written");
}

// True where .github belongs: the folder is the root of a repository, or in none yet.
bool IsRepositoryRoot(const fs::path& folder) {
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error).lexically_normal();
  if (fs::exists(absolute / ".git", error)) return true;
  for (fs::path above = absolute.parent_path(); above.has_relative_path(); above = above.parent_path()) {
    if (fs::exists(above / ".git", error)) return false;
  }
  return true;
}

Status WriteNew(const fs::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  return file ? Status::OK() : MakeError(Fault::kConfig, path.string() + " cannot be written");
}

class Init {
 public:
  Init(App& app, const Arguments& arguments)
      : app_(app), arguments_(arguments), folder_(arguments.Text("--dir", ".")) {}

  Result<int> Run() {
    const std::string what = arguments_.Text("URL");
    const bool print = arguments_.Flag("--print");
    std::error_code error;
    for (const char* name : {"firn.yaml", "firn.yml", "firn.json"}) {
      if (print || !fs::exists(folder_ / name, error)) continue;
      return MakeError(Fault::kConfig, (folder_ / name).string() + " exists",
                       {.code = "E0851",
                        .state = "nothing was written",
                        .next = "firn init " + what + (what.empty() ? "" : " ") + "--dir OTHER   (or --print)"});
    }
    if (arguments_.Given("--from")) return FromConnector(arguments_.Text("--from"));
    if (what.empty()) return WriteSkeleton();
    if (IsConnector(what)) return OfConnector(what);
    if (io::IsObjectLocation(what)) return OfFiles(what);
    ARROW_ASSIGN_OR_RAISE(const pipeline::CopySource place, pipeline::ParseCopySource(what));
    const bool is_web = io::IsHttpLocation(what);
    if (is_web && place.kind == pipeline::CopySource::Kind::kFiles) return OfUrl(place);
    if (!is_web && fs::exists(what, error)) return OfFiles(fs::absolute(what).lexically_normal().string());
    if (!is_web) {
      return MakeError(Fault::kConfig, "there is no file or folder `" + what + "`",
                       {.code = "E0852",
                        .why = "it is no URL either, and no connector of this build (firn connectors lists them)",
                        .state = "nothing was written",
                        .next = NearestConnector(what)});
    }
    return Probe(what);
  }

 private:
  Result<int> WriteSkeleton() {
    if (arguments_.Flag("--print")) {
      ARROW_RETURN_NOT_OK(app_.Print(kSkeleton));
      return 0;
    }
    ARROW_RETURN_NOT_OK(WriteFiles({.yaml = kSkeleton, .variables = {{"SHOP_TOKEN", ""}}}));
    app_.Next("edit " + (folder_ / "firn.yaml").string() +
              ", then firn validate   (or: firn init URL to have an API probed)");
    return 0;
  }

  Result<int> FromConnector(const std::string& from) {
    constexpr std::string_view kScheme = "airbyte:";
    constexpr std::string_view kFileScheme = "connector:";
    if (from.starts_with(kFileScheme)) {
      const std::string file = from.substr(kFileScheme.size());
      const std::string path = fs::proximate(fs::absolute(file), fs::absolute(folder_)).string();
      return OfConnector(fs::absolute(file).string(), path.starts_with('.') ? path : "./" + path);
    }
    if (!from.starts_with(kScheme)) {
      return MakeError(Fault::kConfig, "`" + from + "` names no connector",
                       {.code = "E0852",
                        .state = "nothing was written",
                        .next = "firn init --from airbyte:manifest.yaml   or   firn init --from connector:acme.yaml"});
    }
    const fs::path manifest = from.substr(kScheme.size());
    ARROW_ASSIGN_OR_RAISE(const auto read, connector::airbyte::ReadManifest(manifest.string()));
    const std::string path = fs::proximate(fs::absolute(manifest), fs::absolute(folder_)).string();
    const auto text = connector::airbyte::ProjectFor(read, path);
    return WriteConnector({.yaml = text.yaml, .table = text.first_table}, text.variables);
  }

  static std::string NearestConnector(const std::string& what) {
    std::vector<std::string> names;
    for (const auto& known : config::BuiltinConnectors()) names.emplace_back(known.name);
    const auto nearest = Nearest(AsciiLower(what), names);
    return nearest ? "firn init " + *nearest
                   : "firn init   or   firn init https://api.example/v1/orders   or   firn init ./inbox";
  }

  // A folder of that name is written ./<name>.
  static bool IsConnector(const std::string& what) {
    const auto known = config::BuiltinConnectors();
    return std::ranges::find(known, what, &config::BuiltinConnector::name) != known.end();
  }

  // `path`: of a file, relative to the project; empty for a connector of the library.
  Result<int> OfConnector(const std::string& name, const std::string& path = "") {
    ARROW_ASSIGN_OR_RAISE(const auto file, config::FindConnector(name, ""));
    config::Diagnostics diagnostics;
    const auto connector = config::ReadConnector(file, &diagnostics);
    if (!connector) return diagnostics.ToStatus();
    const auto text = config::ProjectOf(*connector, path);
    return WriteConnector({.yaml = text.yaml, .table = text.first_table}, text.variables);
  }

  Result<int> WriteConnector(pipeline::ProbeProject project, const std::vector<std::string>& variables) {
    if (arguments_.Flag("--print")) {
      ARROW_RETURN_NOT_OK(app_.Print(project.yaml));
      return 0;
    }
    for (const std::string& variable : variables) project.variables.emplace_back(variable, "");
    ARROW_RETURN_NOT_OK(WriteFiles(project));
    const std::string cd = folder_ == "." ? "" : "cd " + folder_.string() + " && ";
    app_.Next(cd + (variables.empty() ? "" : "fill in .env (see .env.example), then ") + "firn preview " +
              (project.table.empty() ? "TABLE" : project.table));
    return 0;
  }

  Result<int> Probe(const std::string& text) {
    pipeline::ProbeRequest request;
    ARROW_ASSIGN_OR_RAISE(request.url, pipeline::SplitUrl(text));
    request.token_variable = arguments_.Text("--token-env");
    if (!request.token_variable.empty()) {
      const char* token = std::getenv(request.token_variable.c_str());
      if (token == nullptr || *token == '\0') {
        return MakeError(Fault::kConfig, request.token_variable + " is not set", {.state = "nothing was written"});
      }
      request.token = token;
    }
    ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app_.Http());
    auto report = pipeline::ProbeApi(request, *http, app_.clock(), app_.stop());
    if (!report.ok()) {
      const bool auth = FaultOf(report.status()) == Fault::kAuth;
      return WithContext(report.status(), {.state = "nothing was written",
                                           .next = auth ? "export API_TOKEN=…; firn init URL --token-env API_TOKEN"
                                                        : "firn copy URL -   shows what it answers"});
    }
    return Write(pipeline::FindingLines(*report), pipeline::ProjectOf(*report));
  }

  Result<int> Write(const std::vector<std::string>& findings, const pipeline::ProbeProject& project) {
    for (const std::string& line : findings) {
      if (!app_.quiet()) app_.Say("  " + line + "\n");
    }
    if (arguments_.Flag("--print")) {
      ARROW_RETURN_NOT_OK(app_.Print(project.yaml));
      return 0;
    }
    ARROW_RETURN_NOT_OK(WriteFiles(project));
    const Status recorded = RecordTests();
    if (!recorded.ok()) app_.Say("!  no test was recorded: " + recorded.message() + "\n");
    const std::string cd = folder_ == "." ? "" : "cd " + folder_.string() + " && ";
    app_.Next(cd + "firn preview " + project.table);
    return 0;
  }

  // What the API answers now, kept as a test; the project is written, whatever becomes of that.
  Status RecordTests() {
    app_.SetProjectFile((folder_ / config::kProjectFile).string());
    ARROW_ASSIGN_OR_RAISE(const config::Project* project, app_.Project());
    ARROW_ASSIGN_OR_RAISE(const auto targets, RecordTargets(*project, {}, {}));
    for (const RecordTarget& target : targets) {
      ARROW_ASSIGN_OR_RAISE(
          const auto rows,
          RecordTest(app_, *project, {.pipeline = *target.pipeline, .folder = target.folder, .expect = true}));
      if (!app_.quiet()) {
        app_.Say("recorded " + target.folder.lexically_proximate(fs::absolute(folder_).lexically_normal()).string() +
                 ": " + CountsOf(rows) + ", for firn test\n");
      }
    }
    return Status::OK();
  }

  // A file behind a URL: what it holds is told by its name, or by those of the members of an archive.
  Result<int> OfUrl(const pipeline::CopySource& file) {
    if (!file.query.empty() || file.text.find('@') != std::string::npos) {
      return MakeError(Fault::kConfig, "the URL holds more than a host and a path",
                       {.code = "E0987",
                        .why = "keys in URLs end up in logs, so a project has them in `auth:`",
                        .state = "nothing was written",
                        .next = "firn init " + file.location + "/" + file.pattern +
                                "   then `auth: {type: api_key, in: query, name: …, value: …}`"});
    }
    ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app_.Http());
    const auto store = io::MakeHttpFileStore({.client = http, .clock = &app_.clock(), .stop = app_.stop()});
    const source::files::FilePlace place{.store = store.get(), .location = file.location};
    auto paths = PathsOf(place, {file.pattern});
    const bool is_in_archive = AsciiLower(file.pattern).find(".zip") != std::string::npos;
    if (!paths.ok() && FaultOf(paths.status()) == Fault::kAuth && !is_in_archive) {
      if (!app_.quiet()) app_.Say("  the server asks for credentials: write them into `auth:` of the source\n");
      paths = std::vector<std::string>{file.pattern};
    }
    ARROW_RETURN_NOT_OK(WithContext(paths.status(), {.state = "nothing was written"}));
    return WriteFilesProject(file.location, *paths, pipeline::Naming::kExact);
  }

  // `location`: an absolute path, or one of an object store.
  Result<int> OfFiles(std::string location) {
    while (location.size() > 1 && location.ends_with('/')) location.pop_back();
    const bool is_local = !io::IsObjectLocation(location);
    std::vector<std::string> patterns = {"**"};
    pipeline::Naming naming = pipeline::Naming::kSimilar;
    std::error_code error;
    if (is_local && !fs::is_directory(location, error)) {
      patterns = {fs::path(location).filename().string()};
      location = fs::path(location).parent_path().string();
      naming = pipeline::Naming::kExact;
    }
    const auto store = app_.OpenFiles()({});
    const source::files::FilePlace place{.store = store.get(), .location = location};
    ARROW_ASSIGN_OR_RAISE(const std::vector<std::string> paths, PathsOf(place, patterns));
    return WriteFilesProject(is_local ? AsSeenFromProject(location) : location, paths, naming);
  }

  // Of archives those of their members.
  static Result<std::vector<std::string>> PathsOf(const source::files::FilePlace& place,
                                                  const std::vector<std::string>& patterns) {
    ARROW_ASSIGN_OR_RAISE(const auto all, source::files::FilePatterns::Parse(patterns));
    ARROW_ASSIGN_OR_RAISE(const auto found, source::files::FindFiles(place, all.globs()));
    std::vector<std::string> paths;
    for (const auto& file : found) {
      if (!source::files::IsArchiveName(file.path)) {
        paths.push_back(file.path);
        continue;
      }
      const auto members = source::files::MembersOf(place, file, all);
      if (!members.ok()) return Within("file " + file.path, members.status());
      for (const auto& member : *members) paths.push_back(member.path);
    }
    return paths;
  }

  std::string AsSeenFromProject(const std::string& folder) const {
    fs::path project = fs::absolute(folder_).lexically_normal();
    if (!project.has_filename()) project = project.parent_path();  // of "x/." is "x/"
    const fs::path relative = fs::path(folder).lexically_relative(project);
    if (relative.empty() || *relative.begin() == "..") return folder;
    return relative == "." ? "." : "./" + relative.string();
  }

  Result<int> WriteFilesProject(std::string location, const std::vector<std::string>& paths, pipeline::Naming naming) {
    ARROW_ASSIGN_OR_RAISE(const auto report, pipeline::GroupFiles(std::move(location), paths, naming));
    return Write(pipeline::FindingLines(report), pipeline::ProjectOf(report));
  }

  // firn.yaml comes last: it is what makes the folder a project.
  Status WriteFiles(const pipeline::ProbeProject& project) {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) return MakeError(Fault::kConfig, folder_.string() + ": " + error.message());
    std::string secrets, example;
    for (const auto& [name, value] : project.variables) {
      example += name + "=\n";
      if (!value.empty()) secrets += name + "=" + Quoted(value) + "\n";
    }
    ARROW_RETURN_NOT_OK(AddLines(folder_ / ".gitignore", kIgnored));
    if (!secrets.empty()) {
      ARROW_RETURN_NOT_OK(AddLines(folder_ / ".env", secrets));
      fs::permissions(folder_ / ".env", fs::perms::owner_read | fs::perms::owner_write, error);
    }
    if (!example.empty()) ARROW_RETURN_NOT_OK(AddLines(folder_ / ".env.example", example));
    ARROW_RETURN_NOT_OK(WriteNew(folder_ / "firn.schema.json", config::RenderJsonSchema()));
    ARROW_ASSIGN_OR_RAISE(const bool workflow, WriteWorkflow());
    ARROW_RETURN_NOT_OK(WriteNew(folder_ / "firn.yaml", project.yaml));
    if (!app_.quiet()) {
      app_.Say("wrote " + (folder_ / "firn.yaml").lexically_normal().string() + ", firn.schema.json, .gitignore" +
               (secrets.empty() ? "" : ", .env (secrets)") + (example.empty() ? "" : ", .env.example") +
               (workflow ? std::string(", ") + kWorkflowPath : "") + "\n");
    }
    return Status::OK();
  }

  // Returns whether it was written: a file that is there stays as it is.
  Result<bool> WriteWorkflow() {
    const fs::path path = folder_ / kWorkflowPath;
    std::error_code error;
    if (!IsRepositoryRoot(folder_) || fs::exists(path, error)) return false;
    fs::create_directories(path.parent_path(), error);
    if (error) return MakeError(Fault::kConfig, path.parent_path().string() + ": " + error.message());
    ARROW_RETURN_NOT_OK(WriteNew(path, kWorkflow));
    return true;
  }

  static std::string Quoted(const std::string& value) {
    return value.find_first_of(" #'\"\\$") == std::string::npos ? value : "'" + value + "'";
  }

  App& app_;
  const Arguments& arguments_;
  const fs::path folder_;
};

}  // namespace

Command InitCommand() {
  return {
      .name = "init",
      .group = "Start",
      .summary = "write a project; a live API is probed for it, a connector read, a folder looked at",
      .options = {{.name = "URL",
                   .kind = Option::Kind::kPositional,
                   .help = "an endpoint that answers with rows; a connector (firn connectors lists them); a folder, "
                           "s3://bucket/prefix or "
                           "file; left out: a skeleton"},
                  {.name = "--from",
                   .help = "a connector: airbyte:PATH of its manifest.yaml, connector:PATH of a connector file"},
                  {.name = "--dir", .help = "folder of the project (the current one)"},
                  {.name = "--token-env", .help = "environment variable that holds a bearer token for the probe"},
                  {.name = "--print", .kind = Option::Kind::kFlag, .help = "print firn.yaml to stdout, write nothing"}},
      .run = [](App& app, const Arguments& arguments) { return Init(app, arguments).Run(); }};
}

}  // namespace firn::cli
