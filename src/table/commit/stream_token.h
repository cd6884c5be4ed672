#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "table/metadata/metadata.h"

/// The token of a stream: which state of the stream a snapshot holds the rows of (DESIGN.md §2, decision 0003).
namespace firn::table {

/// A version of a stream's state. Sequence 0 with an empty hash is "nothing was ever committed".
struct StateVersion {
  int64_t sequence = 0;
  std::string hash;  // SHA-256 of the state's JSON text, lower-case hex
  friend bool operator==(const StateVersion&, const StateVersion&) = default;
};

/// Stored as compact JSON under "firn.stream.<stream-id>" in a snapshot's summary.
struct StreamToken {
  int64_t epoch = 0;
  StateVersion from;
  StateVersion to;
  int64_t rows = 0;          // that this commit added for the stream
  std::string content_hash;  // of those rows, empty if unknown
  std::string run;
  std::string state;       // the state's JSON text, if small; else empty
  std::string state_file;  // location of the state's blob, if not inline; else empty
  friend bool operator==(const StreamToken&, const StreamToken&) = default;
};

/// The table property of the same name: the token, and the snapshot that was committed with it.
struct TokenMirror {
  StreamToken token;
  SnapshotId snapshot_id;
  int64_t sequence_number = 0;
};

inline constexpr char kStreamKeyPrefix[] = "firn.stream.";
std::string StreamKey(std::string_view stream_id);

std::string WriteToken(const StreamToken& token);
/// Errors: kBadData; kConfig for a token of a newer version ("written by a newer firn").
Result<StreamToken> ParseToken(std::string_view json);
std::string WriteMirror(const TokenMirror& mirror);
Result<TokenMirror> ParseMirror(std::string_view json);

/// In the summary of a snapshot that a cherry-pick made (Java's SnapshotSummary): which one was picked.
inline constexpr char kSourceSnapshotKey[] = "source-snapshot-id";

/// Returns the stream commits that a snapshot is, by summary key: its tokens without those it only carries on.
std::map<std::string, std::string> CommitsIn(const TableMetadata& metadata, const Snapshot& snapshot);

/// Where all streams stand at a snapshot.
struct StreamTokens {
  /// By summary key: of the newest ancestor with tokens, moved on by stream commits that other engines cherry-picked
  /// above it.
  std::map<std::string, std::string> tokens;
  std::map<std::string, std::string> doubts;  // by summary key: why the token may not be what the rows say
  const Snapshot* newest = nullptr;           // that ancestor; borrowed from the metadata
  bool ends_at_expired = false;               // of the ancestry
};
StreamTokens TokensAt(const TableMetadata& metadata, SnapshotId head);

/// Finds the token of a stream on the ancestry of main, and compares it with the mirror (decision 0003, "Where the
/// truth is"). nullopt: the stream has never committed to this table. Errors: kConfig "needs decision" if the table was
/// rolled back behind the stream's back; what ParseToken says.
Result<std::optional<StreamToken>> FindToken(const TableMetadata& metadata, std::string_view stream_id);

/// Returns the tokens that a new snapshot on main must carry forward: those of all streams but `stream_id`, by summary
/// key. A stream that needs a decision keeps what the newest firn snapshot says of it.
std::map<std::string, std::string> CarriedTokens(const TableMetadata& metadata, std::string_view stream_id);

/// Returns the newest position (`to`) and the newest epoch that any snapshot or the mirror knows of.
StreamToken NewestOf(const TableMetadata& metadata, std::string_view stream_id);

/// Returns the snapshot on the ancestry of main that holds exactly this commit (run, epoch, `to`), or null.
const Snapshot* FindCommitOf(const TableMetadata& metadata, std::string_view stream_id, const StreamToken& token);

}  // namespace firn::table
