#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "io/file_store.h"
#include "io/http_headers.h"
#include "io/http_session.h"

namespace firn::io {

/// True for "http://…" and "https://…".
bool IsHttpLocation(std::string_view location);

struct HttpFilesOptions {
  HttpClient* client = nullptr;                // required; borrowed
  const Clock* clock = nullptr;                // required; borrowed
  std::stop_token stop;                        // breaks requests and waits: kCancelled
  std::unique_ptr<HttpAuthorizer> authorizer;  // null: none
  HttpHeaders headers;                         // of every request
  std::string query;                           // of every URL, without `?`; empty: none
  int64_t whole_bytes_max = int64_t{256} << 20;
};

/// Files behind URLs (RFC 9110), to be read: OpenInput asks what there is (HEAD, else a range of one byte), and reads
/// ranges of it while a strong validator holds it to one version: a strong ETag, or a Last-Modified of over a minute
/// before (8.8.2.2). From a server without ranges or validators it is read whole, into memory, when first asked for; so
/// it is from one that announces ranges and gives none. Its metadata has "ETag", "Last-Modified" and "Content-Type"
/// where the server gives them. Other methods that do not read one file are refused: nothing can be listed or written.
/// Characters that no URL has are encoded, "%20" stays as it is. Errors of OpenInput and of reading: IsNotFound;
/// kTransient E0882 when another version is there meanwhile; kBadData E0986 for a file that must be read whole and is
/// larger than whole_bytes_max, E0988 for a server whose answers contradict each other; those of HttpSession.
std::unique_ptr<FileStore> MakeHttpFileStore(HttpFilesOptions options);

}  // namespace firn::io
