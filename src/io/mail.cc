#include "io/mail.h"

#include <curl/curl.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string_view>

namespace firn::io {
namespace {

constexpr size_t kBase64LineBytes = 57;  // of what is encoded: lines of 76 characters

struct EasyFree {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::string HeaderText(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 && byte < 0xC0) continue;  // the rest of a character
    out.push_back(byte < ' ' || byte >= 0x7F ? (byte < 0x80 ? ' ' : '?') : c);
  }
  return out;
}

std::string MailDate(Timestamp now) {
  const std::time_t seconds = static_cast<std::time_t>(now.micros / 1'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &parts);
  return text;
}

std::string Base64Lines(std::string_view bytes) {
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += kBase64LineBytes) {
    const std::string_view part = bytes.substr(at, kBase64LineBytes);
    unsigned char line[kBase64LineBytes * 2];
    const int length =
        EVP_EncodeBlock(line, reinterpret_cast<const unsigned char*>(part.data()), static_cast<int>(part.size()));
    out.append(reinterpret_cast<const char*>(line), static_cast<size_t>(length));
    out += "\r\n";
  }
  return out;
}

struct Unread {
  std::string_view text;
};

size_t OnRead(char* buffer, size_t size, size_t count, void* self) {
  auto& unread = *static_cast<Unread*>(self);
  const size_t length = std::min(size * count, unread.text.size());
  std::memcpy(buffer, unread.text.data(), length);
  unread.text.remove_prefix(length);
  return length;
}

// "mail.example" of "smtp://user:password@mail.example:587/".
std::string HostOf(std::string_view server) {
  std::string_view rest = server.substr(server.find("://") + 3);
  rest = rest.substr(0, rest.find('/'));
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  if (rest.starts_with('[')) return std::string(rest.substr(0, rest.find(']') + 1));
  return std::string(rest.substr(0, rest.find(':')));
}

bool IsThisMachine(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

void SetUp(CURL* easy, const std::string& server, std::chrono::milliseconds deadline) {
  const bool has_password = server.find('@') != std::string::npos;
  const bool plain = !has_password || IsThisMachine(HostOf(server));
  curl_easy_setopt(easy, CURLOPT_URL, server.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(easy, CURLOPT_USE_SSL, static_cast<long>(plain ? CURLUSESSL_TRY : CURLUSESSL_ALL));
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(deadline.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(deadline.count()));
  if (const char* file = std::getenv("FIRN_CA_FILE")) curl_easy_setopt(easy, CURLOPT_CAINFO, file);
}

Status MailError(CURL* easy, CURLcode code, const std::string& host) {
  long answer = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer);
  const Fault fault = code == CURLE_LOGIN_DENIED                      ? Fault::kAuth
                      : answer >= 500 || code == CURLE_USE_SSL_FAILED ? Fault::kConfig
                      : code == CURLE_PEER_FAILED_VERIFICATION        ? Fault::kConfig
                                                                      : Fault::kTransient;
  std::string message = "mail server " + host + ": " + curl_easy_strerror(code);
  if (answer > 0) message += " (answer " + std::to_string(answer) + ")";
  return MakeError(fault, message);
}

}  // namespace

std::string RenderMail(const Mail& mail, Timestamp now) {
  std::string to;
  for (const std::string& address : mail.to) to += (to.empty() ? "<" : ",\r\n <") + address + ">";
  return "From: <" + mail.from + ">\r\nTo: " + to + "\r\nSubject: " + HeaderText(mail.subject) +
         "\r\nDate: " + MailDate(now) + "\r\nMessage-ID: <" + mail.id + "@firn.invalid>\r\nMIME-Version: 1.0\r\n" +
         "Auto-Submitted: auto-generated\r\nContent-Type: text/plain; charset=utf-8\r\n" +
         "Content-Transfer-Encoding: base64\r\n\r\n" + Base64Lines(mail.text);
}

Status SendMail(const std::string& server, const Mail& mail, Timestamp now, std::chrono::milliseconds deadline) {
  const std::unique_ptr<CURL, EasyFree> easy(curl_easy_init());
  if (easy == nullptr) return MakeError(Fault::kBug, "libcurl made no handle");
  SetUp(easy.get(), server, deadline);
  const std::string from = "<" + mail.from + ">";
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_FROM, from.c_str());
  std::unique_ptr<curl_slist, ListFree> to;
  for (const std::string& address : mail.to) {
    curl_slist* head = to.release();
    curl_slist* longer = curl_slist_append(head, ("<" + address + ">").c_str());
    to.reset(longer == nullptr ? head : longer);
    if (longer == nullptr) return MakeError(Fault::kBug, "libcurl made no list");
  }
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_RCPT, to.get());
  const std::string text = RenderMail(mail, now);
  Unread unread{text};
  curl_easy_setopt(easy.get(), CURLOPT_READFUNCTION, &OnRead);
  curl_easy_setopt(easy.get(), CURLOPT_READDATA, &unread);
  curl_easy_setopt(easy.get(), CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(text.size()));
  curl_easy_setopt(easy.get(), CURLOPT_UPLOAD, 1L);
  const CURLcode code = curl_easy_perform(easy.get());
  return code == CURLE_OK ? Status::OK() : MailError(easy.get(), code, HostOf(server));
}

}  // namespace firn::io
