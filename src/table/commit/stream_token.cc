#include "table/commit/stream_token.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
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
  std::string table = id;  // streams are named pipeline/table, and commands take pipeline.table
  std::ranges::replace(table, '/', '.');
  return MakeError(Fault::kConfig, "stream " + id + " needs a decision: " + std::move(why),
                   {.code = "E0901",
                    .state = "nothing was changed",
                    .next = "firn state accept " + table +
                            " --position rewind (read again what the table no longer holds), or --position keep (what "
                            "was removed stays removed)"});
}

std::optional<SnapshotId> PickedBy(const Snapshot& snapshot) {
  const auto source = snapshot.summary.find(kSourceSnapshotKey);
  if (source == snapshot.summary.end()) return std::nullopt;
  SnapshotId id;
  const std::string& text = source->second;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id.value);
  if (parsed.ec != std::errc()) return std::nullopt;
  return id;
}

// Applies the stream commits that another engine cherry-picked onto `head` to the tokens before it.
void ApplyPick(const TableMetadata& metadata, const Snapshot& head, StreamTokens& known) {
  const auto picked = PickedBy(head);
  // Firn stages on branches, never by write-audit-publish ids: what was staged so is not a stream's.
  if (!picked || head.summary.contains("published-wap-id")) return;
  const Snapshot* source = metadata.FindSnapshot(*picked);
  if (source == nullptr) {
    for (const auto& [key, token] : known.tokens) {
      known.doubts[key] = "snapshot " + std::to_string(picked->value) + " was cherry-picked and is gone";
    }
    return;
  }
  for (const auto& [key, text] : CommitsIn(metadata, *source)) {
    const auto mine = ParseToken(text);
    const auto before = known.tokens.find(key);
    const auto parent = before == known.tokens.end() ? Result<StreamToken>(StreamToken{}) : ParseToken(before->second);
    if (mine.ok() && parent.ok() && mine->from == parent->to) {
      known.tokens[key] = text;
    } else {
      known.doubts[key] =
          "snapshot " + std::to_string(picked->value) + " of its commits was cherry-picked where it does not belong";
    }
  }
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
    if (PickedBy(*snapshot) == mirror.snapshot_id) return Status::OK();  // its rows are there by cherry-picking
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

// Tokens are carried on byte for byte. Without a snapshot to compare with, the run tells.
std::map<std::string, std::string> CommitsIn(const TableMetadata& metadata, const Snapshot& snapshot) {
  const Snapshot* before = nullptr;
  if (snapshot.parent_snapshot_id) before = NewestWithTokens(AncestryOf(metadata, *snapshot.parent_snapshot_id));
  const auto run = snapshot.summary.find("firn.run");
  std::map<std::string, std::string> commits;
  for (const auto& [key, text] : snapshot.summary) {
    if (!key.starts_with(kStreamKeyPrefix)) continue;
    bool carried = false;
    if (before != nullptr) {
      const auto old = before->summary.find(key);
      carried = old != before->summary.end() && old->second == text;
    } else if (const auto token = ParseToken(text); token.ok() && run != snapshot.summary.end()) {
      carried = token->run != run->second;
    }
    if (!carried) commits.emplace(key, text);
  }
  return commits;
}

StreamTokens TokensAt(const TableMetadata& metadata, SnapshotId head) {
  const Ancestry ancestry = AncestryOf(metadata, head);
  StreamTokens known;
  known.newest = NewestWithTokens(ancestry);
  known.ends_at_expired = ancestry.ends_at_expired;
  if (known.newest != nullptr) {
    for (const auto& [key, text] : known.newest->summary) {
      if (key.starts_with(kStreamKeyPrefix)) known.tokens.emplace(key, text);
    }
  }
  auto above = std::ranges::find(ancestry.snapshots, known.newest);
  while (above != ancestry.snapshots.begin()) ApplyPick(metadata, **--above, known);
  return known;
}

Result<std::optional<StreamToken>> FindToken(const TableMetadata& metadata, std::string_view stream_id) {
  const std::string key = StreamKey(stream_id);
  const Ancestry ancestry = AncestryOfMain(metadata);
  std::optional<TokenMirror> mirror;
  if (const auto property = metadata.properties.find(key); property != metadata.properties.end()) {
    ARROW_ASSIGN_OR_RAISE(mirror, ParseMirror(property->second));
    ARROW_RETURN_NOT_OK(CheckMirror(metadata, ancestry, *mirror, stream_id));
  }
  if (!metadata.current_snapshot_id) {
    if (!mirror) return std::nullopt;
    return TokenWithoutSnapshot(ancestry, *mirror, stream_id);
  }
  const StreamTokens known = TokensAt(metadata, *metadata.current_snapshot_id);
  if (const auto doubt = known.doubts.find(key); doubt != known.doubts.end()) {
    return NeedsDecision(stream_id, doubt->second);
  }
  const auto entry = known.tokens.find(key);
  if (entry == known.tokens.end()) {
    if (!mirror) return std::nullopt;
    if (known.newest == nullptr) return TokenWithoutSnapshot(ancestry, *mirror, stream_id);
    return NeedsDecision(stream_id,
                         "snapshot " + std::to_string(known.newest->snapshot_id.value) + " does not know it");
  }
  ARROW_ASSIGN_OR_RAISE(StreamToken token, ParseToken(entry->second));
  const auto main = metadata.refs.find(kMainBranch);
  const bool on_main = main != metadata.refs.end() && main->second.snapshot_id == metadata.current_snapshot_id;
  if (mirror && on_main && mirror->token.to != token.to) {
    log::Warn("stream position taken from the snapshot, the table property differs", {{"stream", stream_id}});
  }
  // A rollback makes the owner newer than every load that began before it.
  if (mirror && mirror->token.to == token.to) token.epoch = std::max(token.epoch, mirror->token.epoch);
  return std::optional<StreamToken>(std::move(token));
}

std::map<std::string, std::string> CarriedTokens(const TableMetadata& metadata, std::string_view stream_id) {
  const std::string own = StreamKey(stream_id);
  std::map<std::string, std::string> carried;
  if (metadata.current_snapshot_id) {
    StreamTokens known = TokensAt(metadata, *metadata.current_snapshot_id);
    if (known.newest != nullptr) {
      known.tokens.erase(own);
      return std::move(known.tokens);
    }
  }
  for (const auto& [key, value] : metadata.properties) {
    if (!key.starts_with(kStreamKeyPrefix) || key == own) continue;
    const std::string_view other = std::string_view(key).substr(sizeof(kStreamKeyPrefix) - 1);
    const auto token = FindToken(metadata, other);
    if (token.ok() && token->has_value()) carried.emplace(key, WriteToken(**token));
  }
  return carried;
}

StreamToken NewestOf(const TableMetadata& metadata, std::string_view stream_id) {
  StreamToken newest;
  const auto take = [&](const Result<StreamToken>& token) {
    if (!token.ok()) return;
    newest.epoch = std::max(newest.epoch, token->epoch);
    if (token->to.sequence > newest.to.sequence) newest.to = token->to;
  };
  const std::string key = StreamKey(stream_id);
  for (const Snapshot& snapshot : metadata.snapshots) {
    const auto entry = snapshot.summary.find(key);
    if (entry != snapshot.summary.end()) take(ParseToken(entry->second));
  }
  const auto property = metadata.properties.find(key);
  if (property != metadata.properties.end()) take(ParseToken(property->second));
  return newest;
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
