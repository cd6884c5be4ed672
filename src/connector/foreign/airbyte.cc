#include "connector/foreign/airbyte.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "config/declared_tables.h"
#include "connector/foreign/airbyte_stream.h"
#include "connector/foreign/source_lines.h"

namespace firn::connector::foreign {
namespace {

// "./source-hubspot/manifest.yaml" → "hubspot".
std::string ConnectorName(const std::string& path) {
  std::string name = std::filesystem::absolute(path).parent_path().filename().string();
  if (name.starts_with("source-")) name.erase(0, 7);
  return NameOf(name);
}

// "https://${setting:shop}.example" of "https://${setting:shop}.example/v1". A setting may be the URL as a whole.
std::string OriginOf(const std::string& url) {
  const size_t scheme = url.find("://");
  return scheme == std::string::npos ? url : url.substr(0, url.find('/', scheme + 3));
}

struct Stream {
  Component component;
  std::optional<StreamDraft> draft;  // nullopt: it is left out
};

// Where requests go and as whom: what the tables of one source share.
std::string SourceOf(const StreamDraft& draft) {
  return OriginOf(draft.url_base) + " " + expression::ToJson(Value::OfMap(draft.auth));
}

// All that decides which rows a stream has.
std::string Fingerprint(const StreamDraft& draft) {
  return SourceOf(draft) + " " + draft.url_base + draft.path + " " +
         expression::ToCanonicalJson(Value::OfMap(draft.table));
}

class ManifestReader {
 public:
  ManifestReader(const airbyte::Manifest& manifest, const std::string& text, const std::string& path,
                 const Choice& choice)
      : manifest_(manifest), lines_(text, path), choice_(choice), path_(path) {}

  Result<Draft> Read() {
    const Component spec = manifest_.root.Child("spec");
    out_.name = choice_.name.empty() ? ConnectorName(path_) : choice_.name;
    out_.title = out_.name;
    const std::string url = spec.Text("documentation_url");
    out_.api = url.starts_with("https://") ? url : "https://docs.airbyte.com/integrations/sources/" + out_.name;
    out_.origin = "an Airbyte manifest (" + std::filesystem::path(path_).filename().string() + ")";
    ARROW_RETURN_NOT_OK(CheckChoice());
    settings_ = AirbyteSettings(spec.Child("connection_specification"));
    for (const Component& stream : manifest_.Streams()) ReadOne(stream);
    if (manifest_.root.Has("dynamic_streams")) {
      out_.refused.push_back({.table = "dynamic_streams",
                              .line = lines_.LineOf("dynamic_streams"),
                              .why = "only the API can name these streams"});
    }
    KeepOneSource();
    KeepChildrenWithParents();
    Finish();
    return std::move(out_);
  }

 private:
  bool IsChosen(const std::string& name) const {
    const auto is = [&](const std::string& each) { return each == name || each == config::TableNameOf(name); };
    return choice_.streams.empty() || std::ranges::any_of(choice_.streams, is);
  }

  Status CheckChoice() const {
    std::set<std::string> names;
    for (const Component& stream : manifest_.Streams()) {
      names.insert(stream.Text("name"));
      names.insert(config::TableNameOf(stream.Text("name")));
    }
    for (const std::string& name : choice_.streams) {
      if (names.contains(name)) continue;
      return MakeError(Fault::kConfig, "the manifest has no stream `" + name + "`",
                       {.code = "E0561",
                        .where = path_,
                        .state = "nothing was written",
                        .next = "firn import airbyte " + path_ + " --dry-run"});
    }
    return Status::OK();
  }

  void ReadOne(const Component& component) {
    if (!IsChosen(component.Text("name"))) return;
    streams_.push_back({.component = component, .draft = {}});
    auto draft = ReadStream(component, settings_);
    if (!draft.ok()) return Refuse(&streams_.back(), draft.status());
    streams_.back().draft = std::move(*draft);
  }

  void Refuse(Stream* stream, const Status& status) {
    stream->draft.reset();
    const ErrorContext* context = ContextOf(status);
    const std::string place = context == nullptr || context->where.empty() ? stream->component.path() : context->where;
    out_.refused.push_back(
        {.table = stream->component.Text("name"), .line = lines_.LineOf(place), .why = status.message()});
  }

  // A connector file has one source. The greatest group of streams makes it.
  void KeepOneSource() {
    std::map<std::string, size_t> sizes;
    std::string greatest;
    for (const Stream& stream : streams_) {
      if (!stream.draft) continue;
      const std::string source = SourceOf(*stream.draft);
      ++sizes[source];
      if (greatest.empty() || sizes[source] > sizes[greatest]) greatest = source;
    }
    for (Stream& stream : streams_) {
      if (!stream.draft || SourceOf(*stream.draft) == greatest) continue;
      Refuse(&stream, airbyte::ManifestError(stream.component,
                                             "host or authentication differ from those of most streams; "
                                             "--select makes a file of its own of it"));
    }
  }

  void KeepChildrenWithParents() {
    for (bool changed = true; changed;) {
      changed = false;
      for (Stream& stream : streams_) {
        if (!stream.draft || !stream.draft->parent) continue;
        const Status fits = JudgeParent(*stream.draft);
        if (fits.ok()) continue;
        Refuse(&stream, At(stream.component, fits));
        changed = true;
      }
    }
  }

  Status JudgeParent(const StreamDraft& child) const {
    const std::string name = child.parent->Text("name");
    const auto refused = [&](const std::string& why) {
      return MakeError(Fault::kConfig, "its parent `" + name + "` " + why);
    };
    const auto found =
        std::ranges::find_if(streams_, [&](const Stream& each) { return each.draft && each.draft->name == name; });
    if (found == streams_.end()) return refused("is left out");
    const auto own = ReadStream(*child.parent, settings_);
    if (!own.ok() || Fingerprint(*own) != Fingerprint(*found->draft)) return refused("is not the stream of that name");
    if (airbyte::FindKey(found->draft->table, "incremental") != nullptr && !child.follows_changes) {
      return refused("is incremental: children of rows that did not change would not be read again");
    }
    return Status::OK();
  }

  void Finish() {
    std::set<std::string> bases;
    AirbyteSettings used(settings_);
    for (Stream& stream : streams_) {
      if (!stream.draft) continue;
      const Status added = used.Add(stream.draft->settings);
      if (!added.ok()) {
        Refuse(&stream, At(stream.component, added));
      } else {
        bases.insert(stream.draft->url_base);
      }
    }
    KeepChildrenWithParents();
    for (const auto& [name, setting] : used.taken()) out_.settings.push_back(setting);
    for (const Stream& stream : streams_) {
      if (!stream.draft) continue;
      if (out_.source.empty()) PutSource(*stream.draft, bases.size() == 1);
      const std::string base = bases.size() == 1 ? stream.draft->url_base : OriginOf(stream.draft->url_base);
      Map table;
      const std::string path = stream.draft->url_base.substr(base.size()) + stream.draft->path;
      Put(&table, "path", path.empty() ? "?" : path);
      table.insert(table.end(), stream.draft->table.begin(), stream.draft->table.end());
      out_.tables.emplace_back(config::TableNameOf(stream.draft->name), Value::OfMap(std::move(table)));
    }
  }

  void PutSource(const StreamDraft& draft, bool shares_path) {
    Put(&out_.source, "type", "rest");
    Put(&out_.source, "base_url", shares_path ? draft.url_base : OriginOf(draft.url_base));
    if (!draft.auth.empty()) Put(&out_.source, "auth", Value::OfMap(draft.auth));
  }

  const airbyte::Manifest& manifest_;
  const SourceLines lines_;
  const Choice& choice_;
  const std::string& path_;
  AirbyteSettings settings_{Component()};
  std::vector<Stream> streams_;
  Draft out_;
};

}  // namespace

Result<Draft> DraftOfAirbyte(const airbyte::Manifest& manifest, const std::string& text, const std::string& path,
                             const Choice& choice) {
  return ManifestReader(manifest, text, path, choice).Read();
}

}  // namespace firn::connector::foreign
