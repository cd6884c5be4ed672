#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::io {

/// Master key of raw archives: it wraps the keys of their segments (docs/spec/raw_archive.md).
struct RawKey {
  std::array<uint8_t, 32> bytes{};
  std::string id;         // 16 hex digits that segments name it by; tells nothing of the key
  bool of_state = false;  // it lies in the state folder, not in the configuration
};

/// The keys of one table's archive.
struct RawKeys {
  std::optional<RawKey> write;  // what is archived is sealed with it; nullopt: it is archived in plain
  std::vector<RawKey> read;     // `write` included
  std::string where;            // for people: where those come from ("raw.key", "/p/.firn/keys/raw.key")

  /// Returns the key of that id, or null. Borrowed.
  const RawKey* Find(std::string_view id) const;
};

/// Reads 32 bytes written as 64 hex digits or in base64 (44 characters, or 43 without the padding). White space at the
/// ends does not count. Errors: kConfig that says what is wrong without showing the text.
Result<RawKey> ParseRawKey(std::string_view text);

/// Returns the key in a file, nullopt if there is no file. Errors: kConfig for a file that holds no key.
Result<std::optional<RawKey>> ReadRawKeyFile(const std::string& path);

/// Makes a random key, readable by its owner alone, and returns what is in the file then: of several callers all get
/// the same. Durable on return; a crash leaves a whole file or none; a file that is there is never changed.
Result<RawKey> MakeRawKeyFile(const std::string& path);

}  // namespace firn::io
