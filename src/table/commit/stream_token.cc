#include "table/commit/stream_token.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/log.h"
#include "table/commit/ancestry.h"

namespace firn::table {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kTokenVersion = 1;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json VersionJson(const StateVersion& version) {
  return {{"sequence", version.sequence}, {"hash", version.hash}};
}

// The state's text must come back byte for byte, because its hash is in the token. It is nested as JSON where that
// keeps the text, and as a string where it does not (1.0, spaces, big numbers).
Json StateJson(const std::string& state) {
  Json nested = Json::parse(state, nullptr, /*allow_exceptions=*/false);
  const bool keeps_text = !nested.is_discarded() && !nested.is_string() && Dump(nested) == state;
  return keeps_text ? nested : Json(state);
}

Json TokenJson(const StreamToken& token) {
  Json json = {{"version", kTokenVersion},
               {"epoch", token.epoch},
               {"from", VersionJson(token.from)},
               {"to", VersionJson(token.to)},
               {"rows", token.rows},
               {"content_hash", token.content_hash},
               {"run", token.run}};
  if (!token.state_file.empty()) json["state_file"] = token.state_file;
  if (!token.state.empty()) json["state"] = StateJson(token.state);
  return json;
}

Status Malformed(std::string_view what) {
  return MakeError(Fault::kBadData, "malformed stream token: " + std::string(what));
}

Status ReadInt(const Json& json, const char* key, int64_t& out) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_integer()) return Malformed(key);
  out = found->get<int64_t>();
  return Status::OK();
}

Status ReadText(const Json& json, const char* key, std::string& out) {
  const auto found = json.find(key);
  if (found == json.end()) return Status::OK();
  if (!found->is_string()) return Malformed(key);
  out = found->get<std::string>();
  return Status::OK();
}

Status ReadVersion(const Json& json, const char* key, StateVersion& out) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_object()) return Malformed(key);
  ARROW_RETURN_NOT_OK(ReadInt(*found, "sequence", out.sequence));
  return ReadText(*found, "hash", out.hash);
}

Result<Json> ParseObject(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Malformed("no JSON object");
  int64_t version = 0;
  ARROW_RETURN_NOT_OK(ReadInt(json, "version", version));
  if (version > kTokenVersion) {
    return MakeError(Fault::kConfig, "stream token was written by a newer firn, version " + std::to_string(version),
                     {.next = "upgrade firn"});
  }
  return json;
}

Result<StreamToken> TokenOf(const Json& json) {
  StreamToken token;
  ARROW_RETURN_NOT_OK(ReadInt(json, "epoch", token.epoch));
  ARROW_RETURN_NOT_OK(ReadVersion(json, "from", token.from));
  ARROW_RETURN_NOT_OK(ReadVersion(json, "to", token.to));
  ARROW_RETURN_NOT_OK(ReadInt(json, "rows", token.rows));
  ARROW_RETURN_NOT_OK(ReadText(json, "content_hash", token.content_hash));
  ARROW_RETURN_NOT_OK(ReadText(json, "run", token.run));
  ARROW_RETURN_NOT_OK(ReadText(json, "state_file", token.state_file));
  if (const auto state = json.find("state"); state != json.end()) {
    token.state = state->is_string() ? state->get<std::string>() : Dump(*state);
  }
  return token;
}

bool HasTokens(const Snapshot& snapshot) {
  const auto first = snapshot.summary.lower_bound(kStreamKeyPrefix);
  return first != snapshot.summary.end() && first->first.starts_with(kStreamKeyPrefix);
}

// The newest snapshot on the ancestry that firn wrote. Each such snapshot carries the tokens of all streams.
const Snapshot* NewestWithTokens(const Ancestry& ancestry) {
  for (const Snapshot* snapshot : ancestry.snapshots) {
    if (HasTokens(*snapshot)) return snapshot;
  }
  return nullptr;
}

Status NeedsDecision(std::string_view stream_id, std::string why) {
  const std::string id(stream_id);
  return MakeError(Fault::kConfig, "stream " + id + " needs a decision: " + std::move(why),
                   {.code = "E0901",
                    .state = "nothing was changed",
                    .next = "firn state accept " + id +
                            " (continue behind the last committed position), or firn state "
                            "reset " +
                            id + " (read again from the beginning)"});
}

// Decision 0003, "Where the truth is".
Result<std::optional<StreamToken>> TokenWithoutSnapshot(const Ancestry& ancestry, const TokenMirror& mirror,
                                                        std::string_view stream_id) {
  if (!ancestry.ends_at_expired) {
    return NeedsDecision(stream_id, "the table's history does not contain its last commit");
  }
  if (ancestry.snapshots.back()->sequence_number <= mirror.sequence_number) {
    return NeedsDecision(stream_id, "the table was rolled back to before its last commit");
  }
  return std::optional<StreamToken>(mirror.token);
}

Status CheckMirror(const TableMetadata& metadata, const Ancestry& ancestry, const TokenMirror& mirror,
                   std::string_view stream_id) {
  if (metadata.FindSnapshot(mirror.snapshot_id) == nullptr) return Status::OK();
  for (const Snapshot* snapshot : ancestry.snapshots) {
    if (snapshot->snapshot_id == mirror.snapshot_id) return Status::OK();
  }
  return NeedsDecision(stream_id, "the table was rolled back: snapshot " + std::to_string(mirror.snapshot_id.value) +
                                      " of its last commit exists but is no ancestor of main");
}

}  // namespace

std::string StreamKey(std::string_view stream_id) {
  return kStreamKeyPrefix + std::string(stream_id);
}

std::string WriteToken(const StreamToken& token) {
  return Dump(TokenJson(token));
}

Result<StreamToken> ParseToken(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(text));
  return TokenOf(json);
}

std::string WriteMirror(const TokenMirror& mirror) {
  Json json = TokenJson(mirror.token);
  json["snapshot_id"] = mirror.snapshot_id.value;
  json["sequence_number"] = mirror.sequence_number;
  return Dump(json);
}

Result<TokenMirror> ParseMirror(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(text));
  TokenMirror mirror;
  ARROW_ASSIGN_OR_RAISE(mirror.token, TokenOf(json));
  ARROW_RETURN_NOT_OK(ReadInt(json, "snapshot_id", mirror.snapshot_id.value));
  ARROW_RETURN_NOT_OK(ReadInt(json, "sequence_number", mirror.sequence_number));
  return mirror;
}

Result<std::optional<StreamToken>> FindToken(const TableMetadata& metadata, std::string_view stream_id) {
  const std::string key = StreamKey(stream_id);
  const Ancestry ancestry = AncestryOfMain(metadata);
  std::optional<TokenMirror> mirror;
  if (const auto property = metadata.properties.find(key); property != metadata.properties.end()) {
    ARROW_ASSIGN_OR_RAISE(mirror, ParseMirror(property->second));
    ARROW_RETURN_NOT_OK(CheckMirror(metadata, ancestry, *mirror, stream_id));
  }
  const Snapshot* newest = NewestWithTokens(ancestry);
  if (newest == nullptr) {
    if (!mirror) return std::nullopt;
    return TokenWithoutSnapshot(ancestry, *mirror, stream_id);
  }
  const auto entry = newest->summary.find(key);
  if (entry == newest->summary.end()) {
    if (!mirror) return std::nullopt;
    return NeedsDecision(stream_id, "snapshot " + std::to_string(newest->snapshot_id.value) + " does not know it");
  }
  ARROW_ASSIGN_OR_RAISE(StreamToken token, ParseToken(entry->second));
  if (mirror && mirror->token.to != token.to) {
    log::Warn("stream position taken from the snapshot, the table property differs", {{"stream", stream_id}});
  }
  return std::optional<StreamToken>(std::move(token));
}

std::map<std::string, std::string> CarriedTokens(const TableMetadata& metadata, std::string_view stream_id) {
  const std::string own = StreamKey(stream_id);
  std::map<std::string, std::string> carried;
  const Ancestry ancestry = AncestryOfMain(metadata);
  const Snapshot* newest = NewestWithTokens(ancestry);
  if (newest != nullptr) {
    for (const auto& [key, value] : newest->summary) {
      if (key.starts_with(kStreamKeyPrefix) && key != own) carried.emplace(key, value);
    }
    return carried;
  }
  for (const auto& [key, value] : metadata.properties) {
    if (!key.starts_with(kStreamKeyPrefix) || key == own) continue;
    const std::string_view other = std::string_view(key).substr(sizeof(kStreamKeyPrefix) - 1);
    const auto token = FindToken(metadata, other);
    if (token.ok() && token->has_value()) carried.emplace(key, WriteToken(**token));
  }
  return carried;
}

const Snapshot* FindCommitOf(const TableMetadata& metadata, std::string_view stream_id, const StreamToken& token) {
  const std::string key = StreamKey(stream_id);
  for (const Snapshot* snapshot : AncestryOfMain(metadata).snapshots) {
    const auto entry = snapshot->summary.find(key);
    if (entry == snapshot->summary.end()) continue;
    const auto found = ParseToken(entry->second);
    if (!found.ok() || found->to.sequence < token.to.sequence) return nullptr;
    const bool same = found->run == token.run && found->epoch == token.epoch && found->to == token.to;
    // The snapshots of other streams carry the token on: the oldest of a row of equals is the commit itself.
    if (!same) continue;
    const Snapshot* parent =
        snapshot->parent_snapshot_id ? metadata.FindSnapshot(*snapshot->parent_snapshot_id) : nullptr;
    if (parent == nullptr) return snapshot;
    const auto before = parent->summary.find(key);
    if (before == parent->summary.end() || before->second != entry->second) return snapshot;
  }
  return nullptr;
}

}  // namespace firn::table
